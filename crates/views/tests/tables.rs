//! The tables: every record lands in one, they follow the journal, and what does not fit is made anew.
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;

use std::collections::BTreeSet;
use std::time::Duration;

use common::{Journal, asked, at, open, story};
use journal::Address;
use model::{Entry, Record};
use plimsoll_views::{Bounds, Cell, Views, home_of};

const BOUNDS: Bounds = Bounds { timeout: Duration::from_secs(60), rows: 100_000 };

fn one(views: &mut Views, sql: &str) -> String {
    let table = views.query(sql, BOUNDS).unwrap_or_else(|error| panic!("{sql}: {error}"));
    assert_eq!((table.rows.len(), table.columns.len()), (1, 1), "{sql}");
    table.rows[0][0].text()
}

fn all(views: &mut Views) -> Vec<String> {
    let names = views.names().unwrap();
    names
        .iter()
        .map(|name| {
            let table = views.query(&format!("SELECT * FROM {name}"), BOUNDS).unwrap();
            format!("{name}\n{}", table.csv())
        })
        .collect()
}

/// Every shape of every record that was ever written: it is in `records`, and its kind has a home with rows.
#[test]
fn every_record_lands_in_a_table() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../journal/fixtures/records.jsonl");
    let lines = std::fs::read_to_string(path).unwrap();
    let entries: Vec<Entry> =
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let journal = Journal::of(&entries);
    let mut views = journal.views();
    assert_eq!(one(&mut views, "SELECT count(*) FROM records"), entries.len().to_string());
    let mut kinds = BTreeSet::new();
    for (seq, entry) in (1..).zip(&entries) {
        let kind = journal::facets(&entry.record).kind;
        kinds.insert(kind);
        let home = home_of(kind).unwrap_or_else(|| panic!("{kind} has no table"));
        let same = format!("SELECT count(*) FROM records WHERE seq = {seq} AND kind = '{kind}'");
        assert_eq!(one(&mut views, &same), "1", "{kind}");
        let own_row = ["decided", "refused", "filled", "answered", "balances", "link", "feed"];
        let by_seq = own_row.contains(&kind) || views_by_seq(home);
        let found = if by_seq {
            format!("SELECT count(*) > 0 FROM {home} WHERE seq = {seq}")
        } else {
            format!("SELECT count(*) > 0 FROM {home}")
        };
        assert_eq!(one(&mut views, &found), "1", "{kind} in {home}");
    }
    // As many as the journal's own test of its samples counts.
    let facets = concat!(env!("CARGO_MANIFEST_DIR"), "/../journal/src/facets.rs");
    let counted = format!("const KINDS: usize = {};", kinds.len());
    assert!(std::fs::read_to_string(facets).unwrap().contains(&counted), "{kinds:?}");
}

/// Views have each entry as a row of its own.
fn views_by_seq(home: &str) -> bool {
    !["orders", "sessions"].contains(&home)
}

#[test]
fn orders_fills_and_money() {
    let journal = Journal::of(&story());
    let mut views = journal.views();
    let mut says = |sql: &str, expected: &str| assert_eq!(one(&mut views, sql), expected, "{sql}");
    says("SELECT count(*) FROM orders", "2");
    says("SELECT filled FROM orders WHERE client_order_id = 'trend-1-1'", "0.2");
    says(
        "SELECT fills || ' ' || late_fills || ' ' || doubts FROM orders ORDER BY seq LIMIT 1",
        "1 1 1",
    );
    says("SELECT balance_before || balance_asset FROM orders ORDER BY seq LIMIT 1", "40000USDT");
    says("SELECT mid FROM orders ORDER BY seq LIMIT 1", "60000");
    says(
        "SELECT reason_kind FROM orders ORDER BY seq LIMIT 1",
        "fast EMA # crossed above slow EMA #",
    );
    says("SELECT count(*) FROM fills WHERE busted", "1");
    says("SELECT sum_exact(pnl) FROM fills", "-200");
    says("SELECT pnl FROM orders WHERE client_order_id = 'trend-1-2'", "-200");
    says("SELECT net || ' ' || realized || ' ' || fees_quote FROM positions", "0 -200 3");
    says(
        "SELECT position_before || ' ' || position_after FROM fills WHERE trade_id = '9'",
        "0.2 0",
    );
    says(
        "SELECT limit_value || ' ' || actual_value || ' ' || refusal FROM refusals",
        "0.2 0.3 balance",
    );
    says("SELECT position_before FROM refusals", "0.2");
    says("SELECT outcome FROM decisions WHERE intent = 2", "refused");
    says("SELECT ending FROM sessions", "stopped");
    says("SELECT count(*) FROM connections WHERE reconnect = 1", "2");
    says(
        "SELECT lasted_ns FROM connections WHERE reconnect = 1 AND link = 'account'",
        "5000000000",
    );
    says("SELECT left_at - durable_at FROM orders WHERE client_order_id = 'trend-1-2'", "1000000");
    says("SELECT (until - at) / 1000000 FROM feeds WHERE health = 'down'", "5048");
    says("SELECT wait_ns FROM budget", "1500000000");
    says("SELECT text FROM alerts", "order trend-1-1 is in doubt");
    // Money compares as a number.
    says("SELECT count(*) FROM fills WHERE price > 9000 AND price < 60000.5", "3");
    says("SELECT max(price) FROM fills", "60000");
    says("SELECT count(*) FROM errors WHERE kind = 'in_doubt'", "1");
    says("SELECT time FROM orders ORDER BY seq LIMIT 1", "2026-01-15T12:00:01.000Z");
}

/// Nothing else in the journal says that an order is over of which all has executed.
#[test]
fn an_order_is_over_when_all_of_it_has_executed() {
    let mut entries = story();
    entries.retain(|entry| !matches!(entry.record, Record::Ended { .. }));
    let journal = Journal::of(&entries);
    let mut views = journal.views();
    let sql = "SELECT state || ' ' || ending || ' ' || (ended_at = last_fill_at) FROM orders
        WHERE client_order_id = 'trend-1-2'";
    assert_eq!(one(&mut views, sql), "done filled 1");
}

/// Whatever the cuts: taken one by one as they are written, or all at once, the tables are the same.
#[test]
fn they_follow_a_journal_that_is_being_written() {
    let entries = story();
    let whole = Journal::of(&entries);
    let expected = all(&mut whole.views());
    let growing = Journal::of(&entries[..1]);
    for entry in &entries[1..] {
        growing.views();
        growing.append(std::slice::from_ref(entry));
    }
    assert_eq!(all(&mut growing.views()), expected);
}

#[test]
fn two_who_ask_at_once_see_the_same() {
    let journal = Journal::of(&story());
    let (address, folder) = (journal.address(), journal.folder.path());
    let counts: Vec<String> = std::thread::scope(|scope| {
        let asking: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| one(&mut open(&address, folder), "SELECT count(*) FROM records"))
            })
            .collect();
        asking.into_iter().map(|asking| asking.join().unwrap()).collect()
    });
    assert!(counts.iter().all(|count| *count == story().len().to_string()), "{counts:?}");
}

#[test]
fn what_is_damaged_or_of_another_journal_is_made_anew() {
    let journal = Journal::of(&story());
    let path = journal.views().path().to_owned();
    let expected = all(&mut journal.views());
    // A flipped page, no database at all, a cut file, another version.
    let ruins: [&dyn Fn(); 4] = [
        &|| {
            let mut bytes = std::fs::read(&path).unwrap();
            bytes[..64].fill(0xff);
            std::fs::write(&path, bytes).unwrap();
        },
        &|| std::fs::write(&path, "no database, but more than a hundred bytes".repeat(9)).unwrap(),
        &|| std::fs::write(&path, &std::fs::read(&path).unwrap()[..5_000]).unwrap(),
        &|| {
            let connection = rusqlite::Connection::open(&path).unwrap();
            connection.execute_batch("UPDATE fold SET version = 0; DELETE FROM orders;").unwrap();
        },
    ];
    for (number, ruin) in ruins.iter().enumerate() {
        ruin();
        assert_eq!(all(&mut journal.views()), expected, "ruin {number}");
    }
    // Another journal under the same name: an older copy that went on differently.
    for suffix in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{suffix}", journal.path.display()));
    }
    let mut other = story();
    other.truncate(12);
    other.extend(story().into_iter().map(|entry| Entry { at: at(50_000), ..entry }));
    journal.append(&other);
    let mut views = journal.views();
    assert_eq!(one(&mut views, "SELECT count(*) FROM records"), other.len().to_string());
    assert_eq!(one(&mut views, "SELECT max(at) FROM records"), at(50_000).nanos().to_string());
}

/// A start that was not followed by an orderly end died, and its feeds are known no longer than it was.
#[test]
fn a_session_that_died_ends_with_its_last_entry() {
    let mut entries = story();
    entries.pop();
    let mut again = story()[0].clone();
    again.at = at(60_000);
    if let Record::Started { session, .. } = &mut again.record {
        *session = 2;
    }
    entries.push(again);
    let (_journal, mut views) = asked(&entries);
    let died = "SELECT ending || ' ' || ((last_at - at) / 1000000) FROM sessions WHERE session = 1";
    assert_eq!(one(&mut views, died), "died 7022");
    let live = "SELECT (max(until) - min(at)) / 1000000 FROM feeds WHERE health = 'live'";
    assert_eq!(one(&mut views, live), "7002");
    assert_eq!(one(&mut views, "SELECT ending IS NULL FROM sessions WHERE session = 2"), "1");
}

/// The same journal in each store gives the same tables.
#[test]
fn postgres_and_redis_are_asked_the_same() {
    let (_journal, mut views) = asked(&story());
    let expected = all(&mut views);
    let asked_at = |address: Address| {
        let folder = tempfile::tempdir().unwrap();
        {
            let mut store = address.open(Box::new(|_, _| {})).unwrap();
            let entries = story();
            store.append(&entries[..20]).unwrap();
            // The first look is at a part.
            assert_eq!(open(&address, folder.path()).last(), 20);
            store.append(&entries[20..]).unwrap();
        }
        let mut views = open(&address, folder.path());
        assert_eq!(all(&mut views), expected, "{address}");
        let story = views.why("trend-1-1").unwrap();
        assert!(story.lines.len() > 15, "{}", story.text());
    };
    if let Some(server) = servers::postgres("questions to PostgreSQL") {
        asked_at(Address::parse(&server.url(), std::path::Path::new(".")).unwrap());
    }
    if let Some(server) = servers::redis("questions to Redis") {
        asked_at(Address::parse(&server.url(), std::path::Path::new(".")).unwrap());
    }
}

/// Nothing that is asked changes anything: not the tables, not the journal, not another file.
#[test]
fn a_question_cannot_write() {
    let journal = Journal::of(&story());
    let mut views = journal.views();
    let expected = all(&mut views);
    let elsewhere = journal.folder.path().join("elsewhere.db");
    for sql in [
        "DELETE FROM orders",
        "INSERT INTO errors SELECT * FROM errors",
        "UPDATE fills SET pnl = '0'",
        "DROP TABLE orders",
        "CREATE TABLE mine (x)",
        "CREATE TEMP TABLE mine (x)",
        "PRAGMA query_only = off",
        "PRAGMA writable_schema = on",
        "VACUUM",
        &format!("VACUUM INTO '{}'", elsewhere.display()),
        &format!("ATTACH '{}' AS other", elsewhere.display()),
        &format!("ATTACH '{}' AS other", journal.path.display()),
        "BEGIN IMMEDIATE",
        "WITH x AS (SELECT 1) DELETE FROM orders",
        "SELECT load_extension('x')",
        "REINDEX",
        "ANALYZE",
        "SELECT 1; DELETE FROM orders",
    ] {
        let error = views.query(sql, BOUNDS).unwrap_err();
        assert!(error.is_usage(), "{sql}: {error:?}");
    }
    assert!(!elsewhere.exists());
    assert_eq!(all(&mut views), expected);
}

#[test]
fn a_question_has_bounds_and_its_mistakes_are_shown() {
    let journal = Journal::of(&story());
    let mut views = journal.views();
    let error = views.query("SELECT prise\nFROM fills", BOUNDS).unwrap_err().to_string();
    assert!(
        error.contains("no such column: prise at character 8\n  SELECT prise\n         ^"),
        "{error}"
    );
    assert!(error.contains("there is: agents, alerts, answers,"), "{error}");
    let error = views.query("SELECT * FROM fold, x", BOUNDS).unwrap_err().to_string();
    assert!(error.contains("no such table: x"), "{error}");
    let few = Bounds { rows: 3, ..BOUNDS };
    let table = views.query("SELECT * FROM records", few).unwrap();
    assert_eq!((table.rows.len(), table.cut), (3, true));
    assert!(!views.query("SELECT * FROM records LIMIT 3", few).unwrap().cut);
    let short = Bounds { timeout: Duration::from_millis(50), ..BOUNDS };
    let endless =
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
    let error = views.query(endless, short).unwrap_err().to_string();
    assert!(error.contains("50ms") && error.contains("--timeout"), "{error}");
    // The next question is not hit by it.
    assert_eq!(one(&mut views, "SELECT 1"), "1");
}

#[test]
fn an_answer_is_the_same_in_every_form() {
    use parquet::file::reader::{FileReader as _, SerializedFileReader};
    use parquet::record::Field;

    let journal = Journal::of(&story());
    let mut views = journal.views();
    let sql = "SELECT seq, price, fee_asset, pnl + 0.5 AS real, busted, NULL AS none FROM fills
               UNION ALL SELECT 0, NULL, 'a \"b\", c', NULL, NULL, NULL ORDER BY 1";
    let table = views.query(sql, BOUNDS).unwrap();
    let file = journal.folder.path().join("fills.parquet");
    plimsoll_views::parquet::write(&table, &file).unwrap();
    let reader = SerializedFileReader::new(std::fs::File::open(&file).unwrap()).unwrap();
    let rows: Vec<Vec<Cell>> = reader
        .get_row_iter(None)
        .unwrap()
        .map(|row| {
            let row = row.unwrap();
            let cell = |field: &Field| match field {
                Field::Null => Cell::Null,
                Field::Long(number) => Cell::Integer(*number),
                Field::Double(number) => Cell::Real(*number),
                Field::Str(text) => Cell::Text(text.clone()),
                other => panic!("{other:?}"),
            };
            row.get_column_iter().map(|(_, field)| cell(field)).collect()
        })
        .collect();
    assert_eq!(rows, table.rows);
    let json = table.json();
    assert_eq!(json.as_array().unwrap().len(), table.rows.len());
    assert_eq!(json[1]["price"], "60000");
    assert_eq!(table.csv().lines().count(), table.rows.len() + 1);
    assert!(table.csv().contains("0,,\"a \"\"b\"\", c\",,,\r\n"), "{}", table.csv());
}
