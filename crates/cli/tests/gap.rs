//! `plimsoll gap` over runs with real processes and sockets: a paper run is its own backtest, fill by fill, whatever its
//! connections went through; what is assumed otherwise is found, and its sums are those of the accounts.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::process::Output;
use std::time::Duration;

use common::{Gateway, Venue, buyer, plimsoll, stderr};
use model::{Decimal, Entry, Record, TradingState};
use serde_json::{Value, json};

/// A latency that includes every wait for a disk, so that it is the same for every order.
const PAPER: &str = r#"
[paper]
cash = "10000 USDT, 1 BTC"
maker_bps = 2
taker_bps = 10
latency_ms = 1000
slippage_bps = 5
"#;

/// Its averages are warm when the gateway has long been trading.
const TREND: &str = r#"
[agent.trend]
strategy = "ema-cross"
venue = "sim"
params = { fast = 1, slow = 20, sample_ms = 500, qty = 0.002, slippage_bps = 60 }
"#;

const MAKER: &str = r#"
[agent.maker]
strategy = "market-maker"
venue = "sim"
params = { half_spread_bps = 1, qty = 0.002, requote_every = 1500 }
"#;

/// One that records, on paper or not.
fn prepare(venue: &Venue, mode: &str, agents: &str) -> Gateway {
    let gateway = Gateway::prepare(&venue.addr, "");
    let path = gateway.path("plimsoll.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let text = text.replace("mode = \"live\"", &format!("mode = {mode:?}"));
    std::fs::write(&path, format!("record = \"recording\"\n{text}")).unwrap();
    gateway.add(PAPER);
    gateway.add(agents);
    gateway
}

fn gap(gateway: &Gateway, args: &[&str]) -> Output {
    let config = gateway.path("plimsoll.toml");
    let mut all = vec!["gap", "--config", config.to_str().unwrap()];
    all.extend(args);
    plimsoll(&all)
}

fn report(gateway: &Gateway, args: &[&str]) -> Value {
    let output = gap(gateway, &[args, &["--json"]].concat());
    assert!(output.status.success(), "{}", stderr(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn count(entries: &[Entry], is: impl Fn(&Record) -> bool) -> usize {
    entries.iter().filter(|entry| is(&entry.record)).count()
}

fn fills(entries: &[Entry]) -> usize {
    count(entries, |record| matches!(record, Record::Filled { .. }))
}

fn sent(entries: &[Entry]) -> usize {
    count(entries, |record| matches!(record, Record::Prepared { .. }))
}

/// Orders that the exchange had taken and that had not ended.
fn stood(entries: &[Entry]) -> usize {
    let mut books = gateway::Books::default();
    entries.iter().for_each(|entry| books.apply(entry));
    books.answered_orders().len()
}

fn is_active(entries: &[Entry]) -> bool {
    let mut states = entries.iter().filter_map(|entry| match &entry.record {
        Record::Started { .. } => Some(false),
        Record::Trading { state, .. } => Some(*state == TradingState::Active),
        _ => None,
    });
    states.next_back().unwrap_or(false)
}

fn number(value: &Value) -> Decimal {
    value.as_str().map_or(Decimal::ZERO, |text| text.parse().unwrap())
}

/// The sum of the causes is what one account has become more worth than the other, to the last digit.
fn assert_conserved(report: &Value) {
    let orders = &report["orders"];
    let accounts = orders["accounts"].as_object().unwrap_or_else(|| panic!("{report:#}"));
    for (asset, worth) in accounts {
        let causes = orders["causes"].as_object().unwrap().values();
        let sum = causes.map(|total| number(&total["value"][asset]));
        let sum = sum.fold(Decimal::ZERO, |sum, one| sum.checked_add(one).unwrap());
        assert_eq!(sum, number(worth), "{report:#}");
        assert_eq!(sum, number(&orders["difference"][asset]));
    }
}

/// The must: same agent, same data, the models of the run: the backtest is the run.
#[test]
fn a_paper_run_is_its_own_backtest_fill_by_fill() {
    let venue = Venue::start(&["--market", "synthetic:71"]);
    let mut gateway = prepare(&venue, "paper", TREND);
    gateway.start();
    gateway.wait(240, "it trades", |entries| fills(entries) >= 3);
    // Also while it runs.
    let running = report(&gateway, &[]);
    assert_eq!((&running["is_over"], &running["session"]), (&json!(false), &json!(1)));
    gateway.wait(240, "it trades on", |entries| fills(entries) >= 7);
    assert!(gateway.stop().success(), "{}", gateway.log());
    let entries = gateway.entries();
    let honest = report(&gateway, &[]);
    assert_eq!(honest["empty"], true, "{honest:#}");
    let orders = &honest["orders"];
    assert_eq!((&orders["orders"], &orders["beyond"]), (&json!(sent(&entries)), &json!(0)));
    for side in ["fills_run", "fills_replay"] {
        assert_eq!(orders[side], json!(fills(&entries)), "{honest:#}");
        assert_eq!(honest["strategies"][0][side], json!(fills(&entries)), "{honest:#}");
    }
    assert_eq!(honest["strategies"][0]["wanted_replay"], json!(sent(&entries)));
    assert_eq!(honest["suggested"]["is_best"], true, "{honest:#}");
    assert_conserved(&honest);

    // Under models that the run did not have there is a gap, and what is suggested is what the run had.
    let flattering = ["--latency-ms", "0", "--slippage-bps", "0"];
    let wrong = report(&gateway, &flattering);
    assert!(wrong["orders"]["different"].as_u64().unwrap() >= 5, "{wrong:#}");
    for cause in wrong["orders"]["causes"].as_object().unwrap().keys() {
        assert!(["slippage", "latency", "partial_fill"].contains(&cause.as_str()), "{wrong:#}");
    }
    assert_conserved(&wrong);
    let suggested = &wrong["suggested"];
    assert_eq!(
        (&suggested["latency_p50_us"], &suggested["slippage_bps"], &suggested["is_best"]),
        (&json!(1_000_000), &json!(5), &json!(false)),
        "{suggested:#}"
    );
    assert_eq!(suggested["tried"].as_array().unwrap().last().unwrap()["different"], 0);

    let page = gateway.path("gap.html");
    let limit = ["--fail-above", "0.001", "--report", page.to_str().unwrap()];
    let refused = gap(&gateway, &[&flattering[..], &limit[..]].concat());
    assert_eq!(refused.status.code(), Some(3), "{}", stderr(&refused));
    assert!(gap(&gateway, &["--fail-above", "0.001"]).status.success());
    let page = std::fs::read_to_string(page).unwrap();
    assert!(page.contains("Models that would have been honest") && page.contains("slippage"));
    assert!(!page.contains("http"), "it works without a network");
}

/// Gaps, cut connections, an exchange that is away, a gateway that is killed, and agents whose decisions nobody can
/// take again: the orders of both sessions come to the same, fill by fill.
#[test]
fn orders_come_to_the_same_whatever_the_connections_went_through() {
    let venue = Venue::start(&["--market", "synthetic:72"]);
    let mut gateway = prepare(&venue, "paper", MAKER);
    let agent = buyer(&gateway);
    gateway.add(&agent);
    gateway.start();
    gateway.wait(90, "it trades", |entries| fills(entries) >= 8);
    let break_it = |fault: &Value| {
        let answer = venue.http("POST", "/_sim/faults", &fault.to_string());
        assert!(!answer.contains("error"), "{answer}");
    };
    break_it(&json!({"kind": "gap", "stream": "market", "contains": "depthUpdate", "count": 1}));
    std::thread::sleep(Duration::from_secs(3));
    break_it(&json!({"kind": "outage", "seconds": 3}));
    let down = |record: &Record| matches!(record, Record::Link { up: false, .. });
    gateway.wait(30, "the market is lost", |entries| count(entries, down) >= 1);
    let before = fills(&gateway.entries());
    gateway.wait(90, "it trades again", |entries| fills(entries) >= before + 6);
    gateway.signal("-KILL");
    gateway.process = None;
    let first = gateway.entries();
    gateway.start();
    gateway.wait(90, "it trades once more", |entries| {
        is_active(entries) && fills(entries) >= fills(&first) + 6
    });
    assert!(gateway.stop().success(), "{}", gateway.log());
    let all = gateway.entries();
    for (args, entries) in
        [(&["--session", "1"][..], &all[..first.len()]), (&[], &all[first.len()..])]
    {
        let found = report(&gateway, args);
        let orders = &found["orders"];
        assert_eq!(orders["different"], 0, "{found:#}");
        // What was under way when it was killed reached nobody; what stood is compared in both.
        let compared = orders["orders"].as_u64().unwrap() + orders["beyond"].as_u64().unwrap();
        let standing = if args.is_empty() { stood(&first) } else { 0 };
        assert_eq!(compared, (sent(entries) + standing) as u64, "{found:#}");
        // A kill loses the last second of the recording, and with it what was filled in it.
        let filled = ["fills_run", "fills_beyond"].map(|key| orders[key].as_u64().unwrap());
        let filled: u64 = filled.into_iter().sum();
        if orders["beyond"] == 0 {
            assert_eq!(filled, fills(entries) as u64, "{found:#}");
        } else {
            assert!(args.contains(&"1") && filled >= before as u64, "{found:#}");
        }
        let not = &found["not_replayed"][0];
        assert_eq!(not["agent"], "buyer");
        assert!(not["why"].as_str().unwrap().contains("program of its own"), "{not}");
        if !orders["accounts"].is_null() {
            assert_conserved(&found);
        } else {
            assert!(args.contains(&"1"), "only what was killed is not whole: {found:#}");
        }
    }
}

/// Of a live run the fills are the exchange's own: what the models make of its orders is compared with them, and the sum
/// of all differences is exact.
#[test]
fn a_live_run_is_compared_with_what_the_models_say() {
    let venue = Venue::start(&["--market", "synthetic:73"]);
    let mut gateway = prepare(&venue, "live", "");
    let agent = buyer(&gateway);
    gateway.add(&agent);
    gateway.start();
    gateway.wait(90, "it trades", |entries| fills(entries) >= 6);
    assert!(gateway.stop().success(), "{}", gateway.log());
    let found = report(&gateway, &["--latency-ms", "0"]);
    assert_eq!(found["mode"], "live");
    assert_eq!(found["orders"]["orders"], json!(sent(&gateway.entries())), "{found:#}");
    // The models have slippage, fees of another rate and in another asset.
    assert!(found["orders"]["different"].as_u64().unwrap() >= 5, "{found:#}");
    assert_conserved(&found);
    assert!(found["suggested"]["slippage_bps"].as_u64().unwrap() <= 5, "{found:#}");
}

#[test]
fn mistakes_say_what_is_missing() {
    let venue = Venue::start(&["--market", "synthetic:74"]);
    let mut gateway = prepare(&venue, "paper", TREND);
    gateway.start();
    gateway.wait(60, "it runs", is_active);
    assert!(gateway.stop().success(), "{}", gateway.log());
    let empty = tempfile::tempdir().unwrap();
    let empty = empty.path().to_str().unwrap();
    for (args, code, words) in [
        (&["--session", "9"][..], 2, "the last one is 1"),
        (&["--agent", "nobody"], 2, "no such agent"),
        (&["--since", "yesterday"], 2, "2026-12-01T14:00:00Z"),
        (&["--recording", empty], 1, "has no recording of any of the 1 sessions"),
        (&["--recording", "/nowhere"], 1, "/nowhere"),
        (&["--latency-ms", "x"], 2, "--latency-ms"),
    ] {
        let output = gap(&gateway, args);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {}", stderr(&output));
        assert!(stderr(&output).contains(words), "{args:?}: {}", stderr(&output));
    }
    // Nothing was traded: there is no gap.
    let nothing = report(&gateway, &[]);
    assert_eq!(nothing["empty"], true, "{nothing:#}");
    let path = gateway.path("plimsoll.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    for (from, to, words) in
        [("record = \"recording\"", "", "where the market was recorded"), (PAPER, "", "[paper]")]
    {
        // A live run needs no [paper], so that is what is missing.
        let text = text.replace("mode = \"paper\"", "mode = \"live\"");
        assert!(text.contains(from), "{text}");
        std::fs::write(&path, text.replace(from, to)).unwrap();
        let output = gap(&gateway, &[]);
        assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
        assert!(stderr(&output).contains(words), "{}", stderr(&output));
    }
}
