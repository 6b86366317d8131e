//! ClickHouse: the real server.

use model::Decimal;
use serde_json::Value;
use servers::ClickHouse;

use crate::common::stderr;
use crate::story::{self, Answers, answers, entries, file, is_same, lines};
use crate::{Bench, killed_twice, wait};

const RECORDS: u64 = 70_000;

fn bench(server: &ClickHouse) -> Bench {
    let (url, user) = (server.url(), server.user());
    Bench::with(&format!(
        "[[sink]]\nkind = \"clickhouse\"\nurl = \"{url}\"\ndatabase = \"trading\"\ntable = \"records\"\nuser = \"{user}\"\n\
         password = {{ env = \"TEST_SINK\" }}\n"
    ))
}

fn count(server: &ClickHouse) -> u64 {
    let said = server.sql("SELECT count() FROM trading.records").unwrap_or_default();
    said.trim().parse().unwrap_or(0)
}

/// How a server is asked.
type Ask<'s> = &'s dyn Fn(&str) -> Result<String, String>;

fn rows(server: &ClickHouse) -> Vec<String> {
    rows_by(&|sql| server.sql(sql))
}

fn rows_by(sql: Ask<'_>) -> Vec<String> {
    let ask = "SELECT id, json FROM trading.records FINAL ORDER BY seq FORMAT TabSeparatedRaw";
    sql(ask).unwrap().lines().map(str::to_owned).collect()
}

/// The three questions, as docs/sinks.md asks them.
fn asked(sql: Ask<'_>) -> Answers {
    let one = |question: &str| sql(question).unwrap().trim().to_owned();
    let order = format!("trend-00007-1-{}", story::ASKED);
    let last: i64 = one("SELECT max(at) FROM trading.records").parse().unwrap();
    let hour = last - 3_600_000_000_000;
    let position = one(&format!(
        "SELECT position FROM trading.records FINAL WHERE kind = 'prepared' AND client_order_id = '{order}'"
    ));
    let agents = one(&format!(
        "SELECT agent_position FROM trading.records FINAL WHERE kind = 'prepared' AND client_order_id = '{order}'"
    ));
    assert_eq!(position, agents, "there is one agent");
    let position: Decimal = position.parse().unwrap();
    let reconnects = one(&format!(
        "SELECT count() FROM trading.records FINAL WHERE kind = 'link' AND up = 0 AND at > {hour}"
    ));
    let rejected = one(
        "SELECT countIf(kind = 'rejected' AND code = 'insufficient_balance'), countIf(kind = 'prepared') \
         FROM trading.records FINAL",
    );
    let (rejected, orders) = rejected.split_once('\t').unwrap();
    Answers {
        position,
        reconnects: reconnects.parse().unwrap(),
        rejected: (rejected.parse().unwrap(), orders.parse().unwrap()),
    }
}

#[test]
fn every_record_is_there_once_though_the_sink_is_killed_twice() {
    let Some(server) = servers::clickhouse("records in ClickHouse") else { return };
    let bench = bench(&server);
    story::write(&file(&bench.store()), &entries(RECORDS));
    killed_twice(&bench, "clickhouse", RECORDS, || count(&server));
    is_same(&rows(&server), &lines(&bench.store()));
    let found = asked(&|sql| server.sql(sql));
    assert_eq!(found, answers(&bench.store()));
    assert!(found.rejected.0 > 100 && found.reconnects > 3, "the story has some: {found:?}");
    // Exact to the last digit, and dated to the second.
    let fees =
        "SELECT sum(fee), toString(min(time)) FROM trading.records FINAL WHERE kind = 'filled'";
    let said = server.sql(fees).unwrap();
    let fills = lines(&bench.store()).iter().filter(|line| line.contains("\"filled\"")).count();
    let fee: Decimal = "0.060000010000000001".parse().unwrap();
    let all = fee.checked_times(fills.try_into().unwrap()).unwrap();
    let (sum, first) = said.trim().split_once('\t').unwrap();
    assert_eq!((sum.parse::<Decimal>().unwrap(), &first[..10]), (all, "2026-11-30"));
    let parts =
        "SELECT count(DISTINCT partition) FROM system.parts WHERE table = 'records' AND active";
    assert_eq!(server.sql(parts).unwrap().trim(), "2", "a partition is a month");
}

/// The engine of today has finer types; what is there and what it answers is the same.
#[test]
fn a_server_of_today_has_the_same() {
    let Some(server) = servers::chdb("records in ClickHouse") else { return };
    let bench = Bench::with(&format!(
        "[[sink]]\nkind = \"clickhouse\"\nurl = \"{}\"\ndatabase = \"trading\"\ntable = \"records\"\n",
        server.url()
    ));
    story::write(&file(&bench.store()), &entries(9_000));
    assert_eq!(bench.all()["had"], 9_000);
    let sql = |statement: &str| server.sql(statement);
    is_same(&rows_by(&sql), &lines(&bench.store()));
    assert_eq!(asked(&sql), answers(&bench.store()));
    let types = "SELECT toTypeName(time), toTypeName(kind), toTypeName(price) FROM trading.records LIMIT 1 \
                 FORMAT TabSeparatedRaw";
    let expected = "DateTime64(9, 'UTC')\tLowCardinality(String)\tNullable(Decimal(38, 18))";
    assert_eq!(sql(types).unwrap().trim(), expected);
    let exact = "SELECT countIf(toUnixTimestamp64Nano(time) <> at) FROM trading.records";
    assert_eq!(sql(exact).unwrap().trim(), "0", "a time has its nanoseconds");
}

#[test]
fn a_cursor_that_is_lost_or_goes_back_doubles_nothing() {
    let Some(server) = servers::clickhouse("a lost cursor") else { return };
    let bench = bench(&server);
    story::write(&file(&bench.store()), &entries(3_000));
    assert_eq!(bench.all()["had"], 3_000);
    std::fs::remove_dir_all(bench.path("state")).unwrap();
    story::write(&file(&bench.store()), &entries(10));
    assert_eq!(bench.all()["had"], 3_010);
    assert_eq!(count(&server), 3_010, "what is there is not even sent again");
    // A server that has lost what it had acknowledged gets it again.
    server.sql("TRUNCATE TABLE trading.records").unwrap();
    assert_eq!(bench.all()["had"], 3_010);
    is_same(&rows(&server), &lines(&bench.store()));
    // A copy of the journal that was put back is another journal with the same name.
    let copy = bench.path("older.db");
    story::write(&file(&copy), &entries(2_000));
    std::fs::remove_file(bench.path("plimsoll.db-wal")).ok();
    std::fs::rename(copy, bench.store()).unwrap();
    let output = bench.once();
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stderr(&output).contains("put back to an older copy"), "{}", stderr(&output));
}

#[test]
fn a_server_that_was_away_or_hung_gets_what_it_missed() {
    let Some(mut server) = servers::clickhouse("a ClickHouse that is away for a while") else {
        return;
    };
    let bench = bench(&server);
    let store = file(&bench.store());
    story::write(&store, &entries(1_000));
    let _sink = bench.start();
    wait("the first records", || bench.had("clickhouse") == 1_000, || bench.log());
    server.kill();
    story::write(&store, &entries(2_000));
    let trouble =
        || bench.state("clickhouse")["trouble"]["what"].as_str().unwrap_or_default().to_owned();
    wait("it is said", || trouble().contains("127.0.0.1"), || bench.log());
    let state = bench.state("clickhouse");
    assert!(state["waiting_since"].is_i64() && state["last"] == 3_000, "{state}");
    server.restart().unwrap();
    wait("what it missed", || bench.had("clickhouse") == 3_000, || bench.log());
    // It accepts connections, and says nothing.
    server.pause();
    story::write(&store, &entries(500));
    wait("a bound in time", || !trouble().is_empty(), || bench.log());
    server.resume();
    wait("and the rest", || bench.had("clickhouse") == 3_500, || bench.log());
    assert_eq!(bench.state("clickhouse")["trouble"], Value::Null);
    is_same(&rows(&server), &lines(&bench.store()));
    let log = bench.log();
    assert!(
        log.contains("the sink does not work") && log.contains("the sink works again"),
        "{log}"
    );
    assert!(!log.contains("hush"), "{log}");
}
