//! Somebody who lost money in the demo's outage finds out why, by the README's own commands; and the three commands
//! on the journal of a backtest, with their mistakes.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::path::Path;

use common::{plimsoll, stderr};
use serde_json::Value;

fn stdout(args: &[&str]) -> String {
    let output = plimsoll(args);
    assert!(output.status.success(), "{args:?}: {}", stderr(&output));
    String::from_utf8(output.stdout).unwrap()
}

fn json(args: &[&str]) -> Value {
    serde_json::from_str(&stdout(&[args, &["--json"]].concat())).unwrap()
}

fn fails(args: &[&str], code: i32, says: &str) {
    let output = plimsoll(args);
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
    assert!(said.contains(says), "{args:?}: {said}");
}

/// The commands of the README's section, with its folder and its order in the place of its words.
fn commands(folder: &Path, order: &str) -> Vec<Vec<String>> {
    let readme = concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md");
    let readme = std::fs::read_to_string(readme).unwrap();
    let (_, section) = readme.split_once("### Why did I lose money?").unwrap();
    let (section, _) = section.split_once("cargo xtask test").unwrap();
    let lines = section.lines().filter_map(|line| line.strip_prefix("plimsoll "));
    let words = |line: &str| {
        let words = line
            .split(' ')
            .map(|word| word.replace("my-demo", folder.to_str().unwrap()).replace("ORDER", order));
        words.collect()
    };
    lines.map(words).collect()
}

#[test]
fn why_money_was_lost_in_the_outage_of_the_demo() {
    let folder = tempfile::tempdir().unwrap();
    let kept = folder.path().join("my demo".replace(' ', "-"));
    let run = |words: &[String], more: &[&str]| {
        let words: Vec<&str> =
            words.iter().map(String::as_str).chain(more.iter().copied()).collect();
        stdout(&words)
    };
    let [demo, losses, _] = &commands(&kept, "")[..] else { panic!("three commands") };
    run(demo, &["--json", "--seconds", "18"]);
    let shown = run(losses, &[]);
    assert!(shown.contains("executed while nobody was there to hear of it"), "{shown}");
    let report: Value = serde_json::from_str(&run(losses, &["--json"])).unwrap();
    let away = report["away"].as_array().unwrap();
    assert!(!away.is_empty(), "something executed meanwhile: {report}");
    let order = away[0]["client_order_id"].as_str().unwrap();
    assert!(away[0]["cost"].is_string() && away[0]["found_after_s"].as_f64().unwrap() > 0.0);

    let why = &commands(&kept, order)[2];
    let told = run(why, &[]);
    assert!(told.contains("nobody was there to hear of it: the"), "{told}");
    assert!(told.contains("connection was down for"), "{told}");
    assert!(told.contains("FOUND AFTERWARDS") && told.contains("it saw bid"), "{told}");
    assert!(told.contains("age of the reference price"), "{told}");
    let page = folder.path().join("why.html");
    let story: Value =
        serde_json::from_str(&run(why, &["--json", "--html", page.to_str().unwrap()])).unwrap();
    assert!(std::fs::read_to_string(page).unwrap().contains("Guardrails"));
    assert!(story["timings"]["sent_to_reply_ms"].as_f64().unwrap() > 0.0, "{story}");
    assert!(story["timings"]["decided_to_durable_ms"].as_f64().unwrap() > 0.0, "{story}");
    for check in story["checks"].as_array().unwrap() {
        let number = |key: &str| check[key].as_str().unwrap().parse::<f64>().unwrap();
        assert!(number("actual") <= number("limit"), "what passed is within its limit: {check}");
    }
    let config = kept.join("plimsoll.toml");
    let config = ["--config", config.to_str().unwrap()];
    // The demo's own count and the tables' agree.
    let sum = "SELECT count(*) AS fills, sum(late) AS late FROM fills WHERE busted = 0";
    let counted = stdout(&[&["query", sum, "--format", "json"][..], &config].concat());
    let counted: Value = serde_json::from_str(&counted).unwrap();
    assert_eq!(counted[0]["late"], away.len(), "{counted}");
    for name in [
        "pnl",
        "positions",
        "reconnects",
        "insufficient-balance",
        "slippage",
        "latency",
        "uptime",
        "budget",
    ] {
        let report = json(&[&["report", name][..], &config].concat());
        assert_eq!(report["report"], name);
    }
    fails(&["demo", "--keep", kept.to_str().unwrap()], 1, "a journal is there already");
}

#[test]
fn the_journal_of_a_backtest_is_asked_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let mut trades = "timestamp,price,amount,side\n".to_owned();
    for number in 0..4_000_i64 {
        let wave = (number as f64 / 90.0).sin() * 300.0;
        let (millis, side) =
            (1_768_478_400_000 + number * 500, if number % 2 == 0 { "buy" } else { "sell" });
        trades.push_str(&format!("{millis},{:.2},0.5,{side}\n", 60_000.0 + wave));
    }
    std::fs::write(path("trades.csv"), trades).unwrap();
    let (data, db) = (path("trades.csv"), path("run.db"));
    let backtest = [
        "backtest",
        "--data",
        &data,
        "--instrument",
        "BTC-USDT",
        "--agent",
        "ema-cross",
        "--param",
        "fast=5",
        "--param",
        "slow=20",
        "--param",
        "qty=0.01",
        "--alone",
        "--journal",
        &db,
    ];
    let report = json(&backtest);
    let store = format!("sqlite:{db}");
    let store = ["--store", store.as_str()];
    let asked = |sql: &str| {
        let text = stdout(&[&["query", sql, "--format", "json"][..], &store].concat());
        serde_json::from_str::<Value>(&text).unwrap()[0]["n"].clone()
    };
    assert!(report["fills"].as_u64().unwrap() > 0, "{report}");
    assert_eq!(asked("SELECT count(*) AS n FROM fills"), report["fills"]);
    assert_eq!(asked("SELECT count(*) AS n FROM orders"), report["orders"]);
    let order = asked("SELECT client_order_id AS n FROM orders ORDER BY seq LIMIT 1");
    let story = json(&[&["why", order.as_str().unwrap()][..], &store].concat());
    assert!(story["decision"]["reason"].as_str().unwrap().contains("EMA"), "{story}");
    fails(&backtest, 2, "it is there already");
    // Forms of an answer, and mistakes.
    let csv = stdout(
        &[&["query", "SELECT side, qty FROM fills LIMIT 1", "--format", "csv"][..], &store]
            .concat(),
    );
    assert!(csv.starts_with("side,qty\r\nbuy,0.01"), "{csv}");
    let file = path("fills.parquet");
    let parquet = ["query", "SELECT * FROM fills", "--format", "parquet"];
    fails(&[&parquet[..], &store].concat(), 2, "--out FILE");
    stdout(&[&parquet[..], &["--out", &file], &store].concat());
    assert_eq!(&std::fs::read(&file).unwrap()[..4], b"PAR1");
    fails(&[&["query", "DELETE FROM orders"][..], &store].concat(), 2, "questions only read");
    fails(&[&["query", "SELECT x FROM orders"][..], &store].concat(), 2, "no such column: x");
    fails(&[&["why", "nobody-1"][..], &store].concat(), 1, "is no client order id");
    fails(&[&["report", "loses"][..], &store].concat(), 2, "there is: losses, pnl");
    fails(&["report", "pnl"], 2, "--config FILE or --store URL");
    fails(&["why", "x", "--store", "sqlite:nowhere.db"], 1, "does not exist");
    assert!(stdout(&["report"]).contains("losses"));
    assert!(stdout(&["query", "--schema"]).contains("CREATE TABLE orders"));
}
