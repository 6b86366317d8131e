//! The README, followed to the letter by somebody new: its two files, its command, its question to
//! the journal. Within a minute there is an answer.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::time::{Duration, Instant};

use common::{Gateway, Venue};
use model::Record;

/// As long as somebody new is patient.
const PATIENCE: Duration = Duration::from_secs(60);

fn readme() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md")).unwrap()
}

/// The fenced blocks of this kind.
fn blocks<'a>(text: &'a str, kind: &str) -> Vec<&'a str> {
    let fence = format!("```{kind}\n");
    text.split(fence.as_str()).skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

#[test]
fn its_agent_trades_within_a_minute_and_its_question_is_answered() {
    let readme = readme();
    // The exchange as its own command there starts it: only the port is another one.
    let venue = Venue::start(&[]);
    let mut gateway = Gateway::prepare(&venue.addr, "");
    let files = blocks(&readme, "toml");
    let config = files.iter().find(|text| text.contains("mode = \"live\"")).unwrap();
    let limits = files.iter().find(|text| text.contains("position_max")).unwrap();
    assert!(config.contains("rest = \"http://127.0.0.1:9000\""), "{config}");
    std::fs::write(gateway.path("plimsoll.toml"), config.replace("127.0.0.1:9000", &venue.addr))
        .unwrap();
    std::fs::write(gateway.path("limits.toml"), limits).unwrap();
    let mut command = gateway.command();
    command.env("BINANCE_KEY", "key").env("BINANCE_SECRET", "secret");
    let begin = Instant::now();
    gateway.spawn(command);
    gateway.wait(PATIENCE.as_secs(), "it trades", |entries| {
        entries.iter().any(|entry| matches!(entry.record, Record::Filled { .. }))
    });
    let took = begin.elapsed();
    assert!(took < PATIENCE, "{took:?}");

    let line = readme.lines().find(|line| line.starts_with("sqlite3 plimsoll.db")).unwrap();
    let question = line.split('"').nth(1).unwrap();
    let journal = rusqlite::Connection::open(gateway.path("plimsoll.db")).unwrap();
    let reason: String = journal.query_row(question, [], |row| row.get(0)).unwrap();
    assert!(reason.contains("EMA"), "{reason}");
    // Whoever looks on sees that it trades.
    let log = gateway.log();
    for words in ["gateway has started", "market streams: connected", "trading", "bought"] {
        assert!(log.contains(words), "{words:?} is not in: {log}");
    }
    assert!(gateway.stop().success(), "{}", gateway.log());
}
