//! Parquet files, read by DuckDB; from journals in each kind of store.

use std::path::Path;
use std::process::Command;

use journal::Address;
use model::Decimal;
use serde_json::Value;

use crate::common::{BINARY, stderr};
use crate::story::{self, Answers, answers, entries, file, is_same, lines};
use crate::{Bench, killed_twice};

const RECORDS: u64 = 50_000;
const SINK: &str = "[[sink]]\nkind = \"parquet\"\ndir = \"records\"\nfile_rows = 1000\n";

/// Asks DuckDB; each row is an array.
fn sql(dir: &Path, sql: &str) -> Option<Vec<Vec<Value>>> {
    let python = servers::python_with("duckdb", "Parquet files of records")?;
    let script = "import duckdb, json, sys\n\
                  print(json.dumps([[str(v) for v in r] for r in duckdb.sql(sys.argv[1]).fetchall()]))";
    let sql = sql.replace("RECORDS", &format!("read_parquet('{}/*/*.parquet')", dir.display()));
    let output = Command::new(python).args(["-c", script, &sql]).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

fn rows(dir: &Path) -> Option<Vec<String>> {
    let found = sql(dir, "SELECT id, json FROM RECORDS ORDER BY seq")?;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    Some(found.iter().map(|row| format!("{}\t{}", text(&row[0]), text(&row[1]))).collect())
}

/// The three questions, as docs/sinks.md asks them.
fn asked(dir: &Path) -> Answers {
    let one = |question: &str| {
        let found = sql(dir, question).unwrap();
        found[0].iter().map(|value| value.as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let order = format!("trend-00007-1-{}", story::ASKED);
    let position = one(&format!(
        "SELECT position FROM RECORDS WHERE kind = 'prepared' AND client_order_id = '{order}'"
    ));
    let reconnects = one("SELECT count(*) FROM RECORDS WHERE kind = 'link' AND NOT up \
         AND time > (SELECT max(time) FROM RECORDS) - INTERVAL 1 HOUR");
    let rejected =
        one("SELECT count(*) FILTER (kind = 'rejected' AND code = 'insufficient_balance'), \
         count(*) FILTER (kind = 'prepared') FROM RECORDS");
    Answers {
        position: position[0].parse::<Decimal>().unwrap(),
        reconnects: reconnects[0].parse().unwrap(),
        rejected: (rejected[0].parse().unwrap(), rejected[1].parse().unwrap()),
    }
}

/// Rows in files that are closed, by their names.
fn closed(dir: &Path) -> u64 {
    let mut rows = 0;
    for day in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        for found in std::fs::read_dir(day.path()).into_iter().flatten().flatten() {
            let name = found.file_name().to_string_lossy().into_owned();
            let numbers: Vec<u64> = name
                .trim_end_matches(".parquet")
                .split('-')
                .skip(1)
                .map(|n| n.parse().unwrap())
                .collect();
            rows += numbers[1] - numbers[0] + 1;
        }
    }
    rows
}

#[test]
fn every_record_is_there_once_though_the_sink_is_killed_twice() {
    let bench = Bench::with(SINK);
    let dir = bench.path("records");
    story::write(&file(&bench.store()), &entries(RECORDS));
    killed_twice(&bench, "parquet", RECORDS, || closed(&dir));
    assert_eq!(closed(&dir), RECORDS, "no file overlaps another");
    // Without its cursor it knows by its files how far it is.
    std::fs::remove_dir_all(bench.path("state")).unwrap();
    assert_eq!(bench.all()["had"], RECORDS);
    assert_eq!(closed(&dir), RECORDS);
    let Some(found) = rows(&dir) else { return };
    is_same(&found, &lines(&bench.store()));
    let found = asked(&dir);
    assert_eq!(found, answers(&bench.store()));
    assert!(found.rejected.0 > 100, "the story has some: {found:?}");
    let position =
        "SELECT count(*) FROM RECORDS WHERE kind = 'decided' AND position <> agent_position";
    assert_eq!(sql(&dir, position).unwrap()[0][0], "0", "one agent holds what the account holds");
    let types =
        sql(&dir, "SELECT DISTINCT typeof(price), typeof(time), typeof(up) FROM RECORDS").unwrap();
    assert_eq!(types, [["DECIMAL(38,18)", "TIMESTAMPTZ_NS", "BOOLEAN"]]);
}

#[test]
fn a_full_disk_is_said_and_healed() {
    let bench = Bench::with(&SINK.replace("records", "disk/records"));
    story::write(&file(&bench.store()), &entries(20_000));
    std::fs::create_dir(bench.path("disk")).unwrap();
    std::fs::create_dir(bench.path("kept")).unwrap();
    let config = bench.path("plimsoll.toml");
    // Fills a small disk, makes it larger, and takes out what is there in the end.
    let script = "mount -t tmpfs -o size=200k none \"$1\" || exit 99\n\
                  timeout 100 \"$4\" sink --config \"$3\" --once && exit 98\n\
                  echo \"then $(ls -A \"$1/records\" | grep -c part) left open\" >&2\n\
                  mount -o remount,size=64m \"$1\" || exit 97\n\
                  \"$4\" sink --config \"$3\" --once && cp -a \"$1/records/.\" \"$2\"";
    let output = Command::new("unshare")
        .args(["-rm", "bash", "-c", script, "bash"])
        .args([bench.path("disk"), bench.path("kept"), config])
        .arg(BINARY)
        .output()
        .unwrap();
    let said = stderr(&output);
    if output.status.code() == Some(99) || said.contains("unshare failed") {
        eprintln!(
            "NOT TESTED: a full disk under a sink, because no file system can be mounted here"
        );
        return;
    }
    assert!(output.status.success(), "{said}");
    assert!(said.contains("the disk is full; free some space"), "{said}");
    assert!(
        said.contains("then 0 left open"),
        "what cannot be ended does not keep the room: {said}"
    );
    assert_eq!(closed(&bench.path("kept")), 20_000);
    if let Some(found) = rows(&bench.path("kept")) {
        is_same(&found, &lines(&bench.store()));
    }
}

#[test]
fn records_that_were_removed_before_have_a_row_that_says_so() {
    let bench = Bench::with(SINK);
    story::write(&file(&bench.store()), &entries(4_000));
    story::forget(&bench.store(), 2_500);
    let state = bench.all();
    assert_eq!((&state["had"], &state["missing"]), (&4_000.into(), &2_500.into()));
    let Some(found) = rows(&bench.path("records")) else { return };
    assert_eq!(found[0], "00007-1\t{\"kind\":\"missing\",\"first\":1,\"last\":2500}");
    is_same(&found[1..], &lines(&bench.store()));
    let unknown = "SELECT count(*) FROM RECORDS WHERE kind = 'filled' AND position IS NOT NULL";
    let found = sql(&bench.path("records"), unknown).unwrap();
    assert_eq!(found[0][0], "0", "a position without its beginning is not made up");
}

/// A journal on a server is a source like a file.
fn from(url: &str) {
    let mut bench = Bench::with(SINK);
    bench.gateway.keep_in(url);
    let store = Address::parse(url, Path::new(".")).unwrap();
    let all = entries(2_345);
    story::write(&store, &all);
    assert_eq!(bench.all()["had"], 2_345);
    let Some(found) = rows(&bench.path("records")) else { return };
    let expected = (1..)
        .zip(&all)
        .map(|(seq, entry)| format!("00007-{seq}\t{}", serde_json::to_string(entry).unwrap()));
    is_same(&found, &expected.collect::<Vec<_>>());
}

#[test]
fn postgres_is_a_source() {
    let Some(server) = servers::postgres("records of a journal") else { return };
    from(&server.url());
}

#[test]
fn redis_is_a_source() {
    let Some(server) = servers::redis("records of a journal") else { return };
    from(&server.url());
}
