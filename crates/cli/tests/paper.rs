//! A paper run against a simulated exchange over real sockets: it trades on the live market, and the exchange hears
//! of no order and of no account.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::collections::BTreeSet;
use std::process::Command;
use std::time::Duration;

use common::{Gateway, Venue, buyer, plimsoll, stderr};
use journal::Summary;
use model::{Discrepancy, Entry, Fill, Link, Record, Side, Timestamp, TradingState};
use serde_json::{Value, json};

const PAPER: &str = r#"
[paper]
cash = "10000 USDT, 1 BTC"
maker_bps = 2
taker_bps = 10
latency_ms = 20
"#;

/// What the exchange may be asked without a key.
const PUBLIC: &[&str] = &[
    "GET /api/v3/exchangeInfo",
    "GET /api/v3/time",
    "GET /api/v3/ping",
    "GET /api/v3/depth",
    "GET /api/v3/trades",
    "GET /api/v3/aggTrades",
    "GET /api/v3/historicalTrades",
    "WS /ws",
    "WS SUBSCRIBE",
    "WS UNSUBSCRIBE",
];

/// The same of Coinbase.
const COINBASE_PUBLIC: &[&str] = &[
    "GET /api/v3/brokerage/market/products",
    "GET /api/v3/brokerage/time",
    "WS /",
    "WS subscribe heartbeats",
    "WS subscribe level2",
    "WS subscribe market_trades",
];

/// A gateway with a paper account, whose configuration names a key that is nowhere.
fn prepare(venue: &Venue, agents: impl Fn(&Gateway) -> String) -> Gateway {
    let gateway = Gateway::prepare(&venue.addr, "");
    change(&gateway, "mode = \"live\"", "mode = \"paper\"");
    gateway.add(PAPER);
    gateway.add(&agents(&gateway));
    gateway
}

fn change(gateway: &Gateway, from: &str, to: &str) {
    let path = gateway.path("plimsoll.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{text}");
    std::fs::write(path, text.replace(from, to)).unwrap();
}

fn without_key(command: &mut Command) {
    command.env_remove("TEST_KEY").env_remove("TEST_SECRET");
}

fn fills(entries: &[Entry]) -> Vec<(Timestamp, Fill)> {
    let fill = |entry: &Entry| match &entry.record {
        Record::Filled { fill, .. } => Some((entry.at, *fill)),
        _ => None,
    };
    entries.iter().filter_map(fill).collect()
}

/// Orders that are open by the books that a restart would have.
fn open(entries: &[Entry]) -> u32 {
    let mut books = gateway::Books::default();
    entries.iter().for_each(|entry| books.apply(entry));
    books.open_count()
}

fn is_active(entries: &[Entry]) -> bool {
    let mut states = entries.iter().filter_map(|entry| match &entry.record {
        Record::Started { .. } => Some(false),
        Record::Trading { state, .. } => Some(*state == TradingState::Active),
        _ => None,
    });
    states.next_back().unwrap_or(false)
}

fn break_it(venue: &Venue, fault: &Value) {
    let answer = venue.http("POST", "/_sim/faults", &fault.to_string());
    assert!(!answer.contains("error"), "{answer}");
}

/// Only what is public was asked for, and no account has an order, an execution or another balance.
fn assert_heard_of_nothing(venue: &Venue) {
    assert_only_public(venue, PUBLIC);
    let balances = &venue.state()["balances"]["account-1"];
    assert_eq!(
        (&balances["USDT"]["free"], &balances["BTC"]["free"]),
        (&json!("10000"), &json!("1"))
    );
}

fn assert_only_public(venue: &Venue, public: &[&str]) {
    let state = venue.state();
    let requests = state["counts"]["requests"].as_object().unwrap();
    assert!(!requests.is_empty(), "{state}");
    for route in requests.keys() {
        assert!(public.contains(&route.as_str()), "{route} is not public: {requests:?}");
    }
    assert_eq!(state["orders"].as_array().map(Vec::len), Some(0), "{}", state["orders"]);
    assert_eq!(state["fills"].as_array().map(Vec::len), Some(0), "{}", state["fills"]);
}

/// What the books come to is what was executed.
fn assert_consistent(gateway: &Gateway) {
    let entries = gateway.entries();
    let summary = Summary::from_entries(&entries);
    assert_eq!(summary.discrepancies_left, Some(0), "{}", gateway.log());
    // What was on its way when the gateway was killed never arrived, and nothing else was ever different.
    let is_other = |entry: &&Entry| match &entry.record {
        Record::Discrepancy { found } => !matches!(found, Discrepancy::UnknownToVenue { .. }),
        _ => false,
    };
    assert_eq!(entries.iter().find(is_other), None);
    let mut btc: model::Decimal = "1".parse().unwrap();
    for (_, fill) in fills(&entries) {
        let qty = fill.qty.get();
        let signed = if fill.side == Side::Buy { Some(qty) } else { qty.checked_neg() };
        btc = btc.checked_add(signed.unwrap()).unwrap();
    }
    assert_eq!(summary.counted[&"BTC".parse().unwrap()].get(), btc);
}

#[test]
fn it_trades_at_the_prices_of_the_live_book_and_the_exchange_hears_of_nothing() {
    let venue = Venue::start(&["--market", "synthetic:61"]);
    let mut gateway = prepare(&venue, buyer);
    gateway.start_with(without_key);
    gateway.wait(60, "it trades", |entries| fills(entries).len() >= 2);
    break_it(&venue, &json!({"kind": "stall"}));
    std::thread::sleep(Duration::from_millis(1_200));
    let (still, before) = (runtime::clock::now(), fills(&gateway.entries()).len());
    gateway.wait(10, "it trades on what stands still", |entries| fills(entries).len() > before);
    let state = venue.state();
    // What it has taken of the first stays taken, so it may come to the ones behind.
    let asks = state["books"]["BTC-USDT"]["asks"].as_array().unwrap()[..3].iter();
    let asks: Vec<model::Decimal> =
        asks.map(|level| level[0].as_str().unwrap().parse().unwrap()).collect();
    let entries = gateway.entries();
    let since: Vec<Fill> =
        fills(&entries).into_iter().filter(|(at, _)| *at > still).map(|(_, fill)| fill).collect();
    assert!(!since.is_empty());
    for fill in since {
        assert!(asks.contains(&fill.price.get()), "{fill:?} {asks:?}");
        let fee = fill.fee.unwrap();
        let bps = model::Decimal::new(10_000, 0);
        let cost = fill.price.get().checked_mul(fill.qty.get(), model::Rounding::Down).unwrap();
        let paid = fee.amount.get().checked_mul(bps, model::Rounding::Down).unwrap();
        let owed = cost.checked_mul(model::Decimal::new(10, 0), model::Rounding::Down).unwrap();
        let off = paid.checked_sub(owed).unwrap();
        assert!(off < model::Decimal::new(1, 3), "ten hundredths of a percent: {fill:?}");
    }
    let started = |entry: &Entry| matches!(&entry.record, Record::Started { paper: true, .. });
    assert!(entries.iter().any(started), "the journal says it");
    let config = gateway.path("plimsoll.toml");
    let config = config.to_str().unwrap();
    let said = plimsoll(&["status", "--config", config, "--json"]);
    let status: Value = serde_json::from_slice(&said.stdout).unwrap();
    assert_eq!(status["mode"], "paper", "{status}");
    let said = plimsoll(&["doctor", "--config", config, "--json"]);
    let doctor: Value = serde_json::from_slice(&said.stdout).unwrap();
    assert_eq!(doctor["effective"]["mode"], "paper", "{doctor}");
    assert!(gateway.stop().success(), "{}", gateway.log());
    assert_consistent(&gateway);
    assert_heard_of_nothing(&venue);
}

/// Connections that are cut and an exchange that is away: nothing fills on a book that is not known, and the
/// gateway trades on when it is known again.
#[test]
fn a_market_that_is_lost_fills_nothing_and_leaves_no_difference() {
    let venue = Venue::start(&["--market", "synthetic:62"]);
    let mut gateway = prepare(&venue, buyer);
    gateway.start_with(without_key);
    gateway.wait(60, "it trades", |entries| fills(entries).len() >= 2);
    break_it(
        &venue,
        &json!({"kind": "gap", "stream": "market", "contains": "depthUpdate", "count": 1}),
    );
    std::thread::sleep(Duration::from_secs(2));
    break_it(&venue, &json!({"kind": "throttle", "retry_after_s": 2, "count": 1}));
    break_it(&venue, &json!({"kind": "outage", "seconds": 60}));
    let down = |entries: &[Entry]| entries.iter().filter(|entry| is_link(entry, false)).count();
    gateway.wait(20, "the market is lost", |entries| down(entries) >= 1);
    let before = fills(&gateway.entries()).len();
    gateway.wait(120, "it trades again", |entries| fills(entries).len() >= before + 2);
    let state = venue.state();
    let fired = |kind: &str| {
        let mut faults = state["faults"].as_array().unwrap().iter();
        faults.any(|fault| fault["kind"] == kind && fault["fired"].as_u64().unwrap() >= 1)
    };
    assert!(["gap", "throttle", "outage"].into_iter().all(fired), "{state}");
    assert!(gateway.stop().success(), "{}", gateway.log());
    let mut is_up = true;
    for entry in gateway.entries() {
        if is_link(&entry, true) || is_link(&entry, false) {
            is_up = is_link(&entry, true);
        }
        // An answer that was on its way when it was lost may still come.
        assert!(is_up || !matches!(entry.record, Record::Prepared { .. }), "{entry:?}");
    }
    assert_consistent(&gateway);
    assert_heard_of_nothing(&venue);
}

fn is_link(entry: &Entry, is_up: bool) -> bool {
    matches!(&entry.record, Record::Link { link: Link::Market, up, .. } if *up == is_up)
}

const MAKER: &str = r#"
[agent.maker]
strategy = "market-maker"
venue = "sim"
params = { half_spread_bps = 60, qty = 0.002, requote_every = 100000 }
"#;

/// Killed in the middle of it: what was held is held, what rested rests, and no number is given out twice.
#[test]
fn what_it_holds_and_what_rests_survives_a_kill() {
    let venue = Venue::start(&["--market", "synthetic:63"]);
    let mut gateway = prepare(&venue, |gateway| format!("{}{MAKER}", buyer(gateway)));
    gateway.start_with(without_key);
    gateway.wait(60, "it trades, and quotes rest", |entries| {
        fills(entries).len() >= 3 && open(entries) >= 2
    });
    gateway.signal("-KILL");
    gateway.process = None;
    let before = gateway.entries();
    let known = fills(&before);
    assert!(open(&before) >= 1);
    gateway.start_with(without_key);
    gateway.wait(60, "it trades again", |entries| {
        is_active(entries) && fills(entries).len() >= known.len() + 2
    });
    assert!(gateway.stop().success(), "{}", gateway.log());
    assert_consistent(&gateway);
    let entries = gateway.entries();
    let all = fills(&entries);
    let trades: BTreeSet<_> = all.iter().map(|(_, fill)| fill.trade_id).collect();
    assert_eq!(trades.len(), all.len(), "each trade has a number of its own");
    let later = &entries[before.len()..];
    let halted = |entry: &&Entry| match &entry.record {
        Record::Trading { state, .. } => {
            matches!(state, TradingState::Halted | TradingState::Dark | TradingState::Flattening)
        }
        _ => false,
    };
    assert_eq!(later.iter().find(halted), None, "a restart is no alarm");
    let expired = |entry: &&Entry| {
        matches!(entry.record, Record::Ended { ending: model::Ending::Expired, .. })
    };
    assert_eq!(later.iter().find(expired), None, "what rested went nowhere");
    assert!(gateway.log().contains("stand again"), "and it is said: {}", gateway.log());
    assert_eq!(open(&entries), 0);
    assert_heard_of_nothing(&venue);
}

#[test]
fn a_store_is_of_a_paper_account_or_of_a_real_one() {
    let venue = Venue::start(&["--market", "synthetic:64"]);
    for (first, second, words) in [
        ("paper", "live", ["of a paper account", "mode = \"live\""]),
        ("live", "paper", ["of a real account", "mode = \"paper\""]),
    ] {
        let mut gateway = prepare(&venue, |_| String::new());
        change(&gateway, "mode = \"paper\"", &format!("mode = {first:?}"));
        gateway.start();
        gateway.wait(60, "it runs", is_active);
        assert!(gateway.stop().success(), "{}", gateway.log());
        let entries = gateway.entries();
        change(&gateway, &format!("mode = {first:?}"), &format!("mode = {second:?}"));
        let refused = gateway.command().output().unwrap();
        assert_eq!(refused.status.code(), Some(2), "{}", stderr(&refused));
        for word in words.into_iter().chain(["plimsoll.db", "name another store"]) {
            assert!(stderr(&refused).contains(word), "{word}: {}", stderr(&refused));
        }
        assert_eq!(gateway.entries(), entries, "and nothing was written");
    }
}

#[test]
fn coinbase_is_traded_on_paper_without_a_key() {
    let venue = Venue::coinbase(&["--market", "synthetic:66"]);
    let mut gateway = Gateway::prepare_coinbase(&venue, "");
    change(&gateway, "mode = \"live\"", "mode = \"paper\"");
    gateway.add(&PAPER.replace("USDT", "USD"));
    gateway.add(&buyer(&gateway));
    let script = gateway.path("buyer.sh");
    let text = std::fs::read_to_string(&script).unwrap();
    std::fs::write(script, text.replace("BTC-USDT", "BTC-USD")).unwrap();
    gateway.start_with(without_key);
    gateway.wait(60, "it trades", |entries| fills(entries).len() >= 3);
    assert!(gateway.stop().success(), "{}", gateway.log());
    assert_consistent(&gateway);
    assert_only_public(&venue, COINBASE_PUBLIC);
}

/// Without a gateway there is no account to ask: it is not looked for at the exchange.
#[test]
fn a_comparison_needs_the_gateway() {
    let venue = Venue::start(&["--market", "synthetic:65"]);
    let mut gateway = prepare(&venue, |_| String::new());
    // The key is there this time, and nobody uses it.
    gateway.start();
    gateway.wait(60, "it runs", is_active);
    assert!(gateway.stop().success(), "{}", gateway.log());
    let config = gateway.path("plimsoll.toml");
    let said = plimsoll(&["reconcile", "--config", config.to_str().unwrap()]);
    assert_eq!(said.status.code(), Some(2), "{}", stderr(&said));
    assert!(stderr(&said).contains("start the gateway"), "{}", stderr(&said));
    assert_heard_of_nothing(&venue);
}
