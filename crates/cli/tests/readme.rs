//! The README, followed to the letter by somebody new: its two files, its command, its question to
//! the journal. Within a minute there is an answer.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::process::Command;
use std::time::{Duration, Instant};

use common::{Gateway, Venue, plimsoll, stderr};
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

    // Asked while it runs.
    let is_question = |line: &&str| line.starts_with("plimsoll query") && line.contains("reason");
    let line = readme.lines().find(is_question).unwrap();
    let question = line.split('"').nth(1).unwrap();
    let config = gateway.path("plimsoll.toml");
    let output = plimsoll(&["query", question, "--config", config.to_str().unwrap()]);
    let answer = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && answer.contains("EMA"), "{answer}{}", stderr(&output));
    // Whoever looks on sees that it trades.
    let log = gateway.log();
    for words in ["gateway has started", "market streams: connected", "trading", "bought"] {
        assert!(log.contains(words), "{words:?} is not in: {log}");
    }
    assert!(gateway.stop().success(), "{}", gateway.log());
}

/// The section about Coinbase: its key, its table in the place of the other one, its two changes.
#[test]
fn the_same_trades_on_coinbase() {
    let readme = readme();
    let mut gateway = Gateway::prepare("unused", "");
    let making = readme.lines().find(|line| line.starts_with("openssl ")).unwrap();
    let directory = gateway.path("");
    let made = Command::new("sh").args(["-c", making]).current_dir(&directory).status().unwrap();
    assert!(made.success(), "{making}");
    let venue = readme.lines().find(|line| line.contains("--dialect coinbase --listen")).unwrap();
    let venues = readme.lines().filter(|line| line.contains("--dialect coinbase --listen"));
    assert!(venues.clone().all(|line| line == venue), "two ways to start one exchange");
    let account = venue.split('\'').nth(1).unwrap();
    let key = account.split(':').next().unwrap();
    let venue = Venue::coinbase_of(account, &directory);

    let files = blocks(&readme, "toml");
    let config = files.iter().find(|text| text.contains("mode = \"live\"")).unwrap();
    let limits = files.iter().find(|text| text.contains("position_max")).unwrap();
    let table = files.iter().find(|text| text.starts_with("[venue.coinbase]")).unwrap();
    let (head, rest) = config.split_once("[venue.binance]").unwrap();
    let agent = rest.split_once("[agent.").unwrap().1;
    let agent = agent.replace("venue = \"binance\"", "venue = \"coinbase\"");
    let config = format!("{head}{table}\n[agent.{agent}").replace("127.0.0.1:9000", &venue.addr);
    std::fs::write(gateway.path("plimsoll.toml"), config).unwrap();
    let limits = limits.replace("USDT", "USD");
    std::fs::write(gateway.path("limits.toml"), limits).unwrap();
    let mut command = gateway.command();
    command.env("COINBASE_KEY", key).current_dir(&directory);
    gateway.spawn(command);
    gateway.wait(PATIENCE.as_secs(), "it trades", |entries| {
        entries.iter().any(|entry| matches!(entry.record, Record::Filled { .. }))
    });
    assert!(gateway.stop().success(), "{}", gateway.log());
}
