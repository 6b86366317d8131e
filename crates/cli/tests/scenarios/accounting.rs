//! ACC: executions, fees and money. Their many cases run in the gateway's own tests on both kinds of venue
//! (`gateway/src/{reading,drift,foreign}/tests.rs`).
//!
//! Spot accounts are never short, borrow nothing and pay no funding: what the rows ask of those waits for
//! venues that have them.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use model::{Decimal, Discrepancy, Ending, Entry, Link, Record};
use serde_json::{Value, json};

use crate::account::kinds;
use crate::common::{Gateway, Venue};
use crate::hands::{ByHand, OTHER, OWN, THIRD};
use crate::people::{DETECTED_MAX, accept, is_reducing};
use crate::stage::{Stage, Want, books, count, is_refused, orders};

/// From the start of a process to books that agree.
const STARTED_MAX: Duration = Duration::from_secs(20);

/// The account's stream is down, as far as the gateway knows.
fn is_deaf(entries: &[Entry]) -> bool {
    let up = entries.iter().rev().find_map(|entry| match entry.record {
        Record::Link { link: Link::Account, up, .. } => Some(up),
        _ => None,
    });
    up == Some(false)
}

fn limit(price: f64) -> Value {
    json!({"type": "limit", "price": format!("{price:.2}")})
}

fn number(value: &Value) -> Decimal {
    value.as_str().unwrap().parse().unwrap()
}

/// Fees of the account by asset, as the exchange's executions have them.
fn fees_told(state: &Value) -> BTreeMap<String, Decimal> {
    let mut sums = BTreeMap::new();
    for fill in state["fills"].as_array().unwrap().iter().filter(|f| f["account"] == "account-1") {
        let Some(asset) = fill["fee_asset"].as_str() else { continue };
        let sum = sums.entry(asset.to_owned()).or_insert(Decimal::ZERO);
        *sum = sum.checked_add(number(&fill["fee"])).unwrap();
    }
    sums.retain(|_, sum| !sum.is_zero());
    sums
}

/// The same as the gateway has counted them.
fn fees_counted(entries: &[Entry]) -> BTreeMap<String, Decimal> {
    let books = books(entries);
    let fees = books.positions().flat_map(|(_, position)| position.fees());
    let mut sums: BTreeMap<String, Decimal> =
        fees.map(|(asset, paid)| (asset.to_string(), paid.get())).collect();
    sums.retain(|_, sum| !sum.is_zero());
    sums
}

fn assert_fees_agree(stage: &Stage) {
    assert_eq!(fees_counted(&stage.gateway.entries()), fees_told(&stage.venue.state()));
}

/// While nobody listens one order fills, one fills in part, a stop is triggered and one is over. All is
/// rebuilt from the venue's history, with its prices and fees.
fn fills_missed(mut stage: Stage, dead: bool) {
    let (bid, ask) = stage.touch();
    let high = stage.place_as("sell", &limit(ask * 1.01), "gtc");
    let trigger = json!({"type": "stop_limit", "trigger": format!("{:.2}", ask * 1.005),
        "price": format!("{:.2}", ask * 1.02)});
    let stop = stage.place_as("buy", &trigger, "gtc");
    // Waits for the same, and rests behind everything else from then on. Coinbase takes none whose limit is on
    // the other side of its trigger.
    let behind = json!({"type": "stop_limit", "trigger": format!("{:.2}", ask * 1.005),
        "price": format!("{:.2}", bid * 0.975)});
    let triggered = (!stage.is_coinbase()).then(|| stage.place_as("buy", &behind, "gtc"));
    let partly = stage.place_as("buy", &limit(bid * 0.985), "gtc");
    let ends = stage.place_as("buy", &limit(bid * 0.988), "gtc");
    for intent in [high, stop, partly, ends].into_iter().chain(triggered) {
        stage.working(intent);
    }
    let before = stage.gateway.entries().len();
    if dead {
        stage.gateway.process = None;
    } else {
        stage.fault(json!({"kind": "partition", "route": "user"}));
    }
    // Nothing is left above but our own order: it executes, and its price is the trigger's.
    stage.fault(json!({"kind": "book_empty", "side": "asks", "for": "500ms"}));
    stage.takes(OTHER, "buy", "0.001", ask * 1.015);
    std::thread::sleep(Duration::from_millis(700));
    stage.fault(json!({"kind": "book_empty", "side": "bids"}));
    let ending = if stage.is_coinbase() {
        let order = crate::stage::order_of(&books(&stage.gateway.entries()), ends).unwrap().clone();
        stage.taken_back_by_hand(order.venue_order_id.unwrap().as_str());
        Ending::Canceled
    } else {
        // The account's own sell meets its own buy, which the venue then ends.
        stage.takes(OWN, "sell", "0.001", bid * 0.987);
        Ending::Expired
    };
    stage.takes(OTHER, "sell", "0.0004", bid * 0.98);
    if !dead {
        stage.until(20, "the stream is given up", is_deaf);
        std::thread::sleep(Duration::from_secs(4));
        let while_away = &stage.gateway.entries()[before..];
        assert_eq!(count(while_away, |r| matches!(r, Record::Prepared { .. })), 0);
        let refused = stage.place(Want::BuyLow);
        stage.until(5, "nothing adds risk while deaf", |entries| is_refused(entries, refused));
        assert!(stage.fired("partition") > 0);
    }
    let healed = stage.heal();
    if dead {
        stage.start_again();
        stage.recover(Instant::now(), STARTED_MAX);
    } else {
        stage.recovers(healed);
    }

    assert!(stage.fired("book_empty") > 0);
    for filled in [high, stop] {
        assert_eq!(stage.done(5, filled).ending(), Some(Ending::Filled));
    }
    assert_eq!(stage.done(5, ends).ending(), Some(ending));
    assert_eq!(stage.working(partly).filled.to_string(), "0.0004");
    let entries = stage.gateway.entries().split_off(before);
    let counted = |r: &Record| matches!(r, Record::Filled { fill, .. } if fill.fee.is_some());
    assert!(count(&entries, counted) >= 3, "each with its fee");
    let ended = |r: &Record| {
        matches!(r, Record::Discrepancy { found: Discrepancy::MissedEnd { ending: is, .. } }
            if *is == ending)
    };
    assert_eq!(count(&entries, ended), 1);
    if let Some(triggered) = triggered {
        assert!(stage.working(triggered).triggered);
        assert_eq!(kinds(&entries, "missed_trigger"), 1);
    }
    assert_eq!(kinds(&entries, "balance"), 0);
    assert_fees_agree(&stage);
}

/// ACC-01: the account's stream is down.
#[test]
fn acc_01_fills_missed_while_deaf() {
    fills_missed(Stage::open(301), false);
}

/// ACC-01: the gateway is not there at all.
#[test]
fn acc_01_fills_missed_while_dead() {
    fills_missed(Stage::open(302), true);
}

/// ACC-01 at Coinbase, where executions are only ever read.
#[test]
fn acc_01_fills_missed_while_deaf_at_coinbase() {
    fills_missed(Stage::open_at_coinbase(303), false);
}

#[test]
fn acc_01_fills_missed_while_dead_at_coinbase() {
    fills_missed(Stage::open_at_coinbase(304), true);
}

/// ACC-02: every execution is told twice, one is read before it is told, and all are told again to the next
/// connection. Each counts once, and at no time is more of an order counted than the venue has executed.
#[test]
fn acc_02_the_same_fill_again_and_again() {
    let mut stage = Stage::open(311);
    stage.fault(json!({"kind": "dup", "stream": "user"}));
    stage.fault(json!({"kind": "replay_last", "stream": "user", "messages": 50}));
    for _ in 0..2 {
        let taken = stage.send(Want::BuyNow);
        assert_eq!(stage.done(5, taken).ending(), Some(Ending::Filled));
    }
    // What comes out of line is told after the history has been read.
    stage.fault(json!({"kind": "delay", "delay_ms": 50, "route": "GET /api/v3/myTrades"}));
    stage.fault(json!({"kind": "swap", "stream": "user", "contains": "TRADE"}));
    for _ in 0..2 {
        let taken = stage.send(Want::BuyNow);
        stage.done(5, taken);
    }
    stage.fault(json!({"kind": "shutdown_notice", "delay_ms": 0}));
    stage.until(10, "the connection is gone", is_deaf);
    stage.until(10, "and another one there", |entries| !is_deaf(entries));
    let taken = stage.send(Want::BuyNow);
    assert_eq!(stage.done(5, taken).ending(), Some(Ending::Filled));
    for kind in ["dup", "swap", "replay_last"] {
        assert!(stage.fired(kind) > 0, "{kind} has not struck");
    }
    let healed = stage.heal();
    stage.recovers(healed);
    assert_never_too_much(&stage);
}

/// No execution twice, and of no order ever more than the exchange has executed of it.
fn assert_never_too_much(stage: &Stage) {
    let state = stage.venue.state();
    let executed: BTreeMap<String, Decimal> = orders(&state)
        .map(|o| (o["client_id"].as_str().unwrap().to_owned(), number(&o["filled"])))
        .collect();
    let (mut counted, mut trades) = (BTreeMap::new(), BTreeSet::new());
    for entry in stage.gateway.entries() {
        let Record::Filled { client_order_id: Some(id), fill, .. } = entry.record else { continue };
        assert!(trades.insert(fill.trade_id), "{fill:?} was counted twice");
        let sum = counted.entry(id.to_string()).or_insert(Decimal::ZERO);
        *sum = sum.checked_add(fill.qty.get()).unwrap();
        assert!(*sum <= executed[&id.to_string()], "{sum} of {id} at {:?}", entry.at);
    }
}

/// ACC-03: fees in a third asset, until there is none of it left, and a rebate. Each is counted in its own
/// asset, and none of it as profit.
#[test]
fn acc_03_fees_and_rebates() {
    let args = ["--market", "synthetic:313", "--fee-asset", "BNB=600", "--maker-bps", "-1"];
    let other = ["--account", "other:secret:100000 USDT,10 BTC,5 BNB"];
    let venue = Venue::holding("10000 USDT,1 BTC,0.00015 BNB", &[&args[..], &other].concat());
    let gateway = Gateway::prepare(&venue.addr, "");
    let mut stage = Stage::between(venue, gateway, |_, _| {});
    let (bid, _) = stage.touch();
    // A rebate for what rests: below zero, in the third asset.
    let rests = stage.place_as("buy", &limit(bid * 0.99), "gtc");
    stage.working(rests);
    stage.crash();
    assert_eq!(stage.done(5, rests).ending(), Some(Ending::Filled));
    for _ in 0..4 {
        let taken = stage.send(Want::BuyNow);
        assert_eq!(stage.done(5, taken).ending(), Some(Ending::Filled));
    }
    stage.recovers(Instant::now());
    let entries = stage.gateway.entries();
    let told = entries.iter().filter_map(|entry| match &entry.record {
        Record::Filled { fill, .. } => fill.fee,
        _ => None,
    });
    let told: Vec<_> = told.map(|fee| (fee.asset.to_string(), fee.amount.get().signum())).collect();
    for fee in [("BNB", -1), ("BNB", 1), ("BTC", 1)] {
        assert!(told.contains(&(fee.0.to_owned(), fee.1)), "{fee:?} is not in {told:?}");
    }
    assert_fees_agree(&stage);
    let books = books(&entries);
    let position = books.position("BTC-USDT".parse().unwrap()).unwrap();
    assert!(position.realized().get().is_zero(), "{position:?}");
}

/// Small executions of somebody's order, each of one taker of a crowd.
const SLICE: &str = "0.0001";

/// Who is many, because a venue counts the orders of each.
fn crowd(secret: &str, quote: &str) -> Vec<String> {
    (0..30).map(|n| format!("crowd-{n}:{secret}:1000 {quote},1 BTC")).collect()
}

/// ACC-05: many more executions than a page holds, in lists that are cut, while the gateway is dead. Each
/// is found, once.
fn a_truncated_history(mut stage: Stage, slices: u32, rows: u32, within: Duration) {
    let (bid, _) = stage.touch();
    let mut whole = Vec::new();
    for _ in 0..slices.div_ceil(500) {
        whole.push(stage.place_of("buy", &limit(bid * 0.985), "0.05"));
    }
    for intent in &whole {
        stage.working(*intent);
    }
    stage.gateway.process = None;
    stage.fault(json!({"kind": "book_empty", "side": "bids"}));
    for n in 0..slices {
        stage.takes(&format!("crowd-{}", n % 30), "sell", SLICE, bid * 0.98);
    }
    stage.heal();
    stage.fault(json!({"kind": "page_cap", "rows": rows}));
    stage.start_again();
    let start = Instant::now();
    stage.recover(start, within);
    println!("{slices} executions found after {:?}", start.elapsed());
    assert!(stage.fired("page_cap") >= u64::from(slices / rows), "lists were cut");
    let entries = stage.gateway.entries();
    let fills = count(&entries, |r| matches!(r, Record::Filled { .. }));
    assert_eq!(fills, slices as usize);
    assert_eq!((stage.answers(429), stage.answers(418)), (0, 0));
    assert_fees_agree(&stage);
    assert_never_too_much(&stage);
}

#[test]
fn acc_05_truncated_history() {
    let mut args = vec!["--market".to_owned(), "synthetic:308".to_owned()];
    args.extend(crowd("secret", "USDT").into_iter().flat_map(|who| ["--account".to_owned(), who]));
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let venue = Venue::start(&args);
    let gateway = Gateway::prepare(&venue.addr, "");
    let stage = Stage::between(venue, gateway, |_, _| {});
    a_truncated_history(stage, 1_200, 50, Duration::from_secs(60));
}

#[test]
fn acc_05_truncated_history_at_coinbase() {
    let mut args = vec!["--market".to_owned(), "synthetic:309".to_owned()];
    let crowd = crowd(crate::common::COINBASE_SECRET, "USD");
    args.extend(crowd.into_iter().flat_map(|who| ["--account".to_owned(), who]));
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let venue = Venue::coinbase(&args);
    let gateway = Gateway::prepare_coinbase(&venue, "");
    let stage = Stage::between(venue, gateway, |_, _| {});
    a_truncated_history(stage, 400, 20, Duration::from_secs(60));
}

/// ACC-06: more of an order executes than was ordered. It is counted in full, it is said, only what reduces
/// passes until a person accepts it, and no order answers it. Spot has nothing below zero to flip to.
fn an_overfill(mut stage: Stage) {
    let taken = stage.send(Want::BuyNow);
    let order = stage.done(5, taken);
    let account = json!({"account": "account-1"}).to_string();
    let answer = stage.venue.raw("POST", "/_sim/overfill", &account);
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    stage.until(DETECTED_MAX, "it is said", |entries| kinds(entries, "overfill") == 1);
    stage.until(DETECTED_MAX, "only what reduces passes", is_reducing);
    let filled = stage.done(1, taken).filled;
    assert!(filled > order.qty(), "{filled} of {}", order.qty());
    let refused = stage.place(Want::BuyLow);
    stage.until(5, "refused", |entries| is_refused(entries, refused));
    stage.until(DETECTED_MAX, "it is compared", |entries| {
        let last = entries.iter().rev().find_map(|entry| match &entry.record {
            Record::Reconciled { left, .. } => Some(*left),
            _ => None,
        });
        last == Some(1)
    });
    accept(&stage);
    stage.recovers(Instant::now());
    let entries = stage.gateway.entries();
    assert_eq!(count(&entries, |r| matches!(r, Record::Prepared { .. })), 1, "no order answers it");
    assert_eq!((kinds(&entries, "balance"), kinds(&entries, "overfill")), (0, 1));
    assert_fees_agree(&stage);
    let next = stage.send(Want::BuyNow);
    assert_eq!(stage.done(5, next).ending(), Some(Ending::Filled));
}

#[test]
fn acc_06_overfill() {
    an_overfill(Stage::open(314));
}

#[test]
fn acc_06_overfill_at_coinbase() {
    an_overfill(Stage::open_at_coinbase(315));
}

/// ACC-07: the fee of a buy is cut from what it bought. All that was bought cannot be sold, which the gateway
/// says before the venue has to, and what is there can, down to less than a lot.
#[test]
fn acc_07_the_fee_eats_the_position() {
    let venue = Venue::holding("10000 USDT", &["--market", "synthetic:310"]);
    let gateway = Gateway::prepare(&venue.addr, "");
    let mut stage = Stage::between(venue, gateway, |_, _| {});
    let mut bought = Vec::new();
    for _ in 0..2 {
        bought.push(stage.send(Want::BuyNow));
    }
    for intent in bought {
        assert_eq!(stage.done(5, intent).ending(), Some(Ending::Filled));
    }
    let (bid, _) = stage.touch();
    for _ in 0..3 {
        let all = stage.place_of("sell", &limit(bid * 0.99), "0.002");
        stage.until(5, "refused", |entries| is_refused(entries, all));
    }
    // A thousandth of it is the venue's. What is left is rounded down to lots.
    let most = stage.place_of("sell", &limit(bid * 0.99), "0.00199");
    assert_eq!(stage.done(5, most).ending(), Some(Ending::Filled));
    stage.recovers(Instant::now());
    assert_eq!(stage.answers(400), 0, "the venue was asked for nothing that is not there");
    let btc = number(&stage.venue.state()["balances"]["account-1"]["BTC"]["free"]);
    assert_eq!(btc.to_string(), "0.000008");
    assert_fees_agree(&stage);
}

/// ACC-08: the stop of the last trade executes after the entry of the next one, told or only read. Each
/// execution is its own order's.
#[test]
fn acc_08_reversal() {
    let mut stage = Stage::open(312);
    for told in [true, false] {
        let short = stage.place_as("sell", &limit(stage.touch().0 * 0.995), "gtc");
        assert_eq!(stage.done(5, short).ending(), Some(Ending::Filled));
        let (_, ask) = stage.touch();
        let trigger = json!({"type": "stop_limit", "trigger": format!("{:.2}", ask * 1.005),
            "price": format!("{:.2}", ask * 1.02)});
        let stop = stage.place_as("buy", &trigger, "gtc");
        let name = stage.working(stop).venue_order_id.unwrap();
        let entry = stage.send(Want::BuyNow);
        assert_eq!(stage.done(5, entry).ending(), Some(Ending::Filled));
        let kind = if told { "dup" } else { "gap" };
        let contains = format!("\"i\":{name},");
        stage.fault(json!({"kind": kind, "stream": "user", "contains": contains}));
        stage.fault(json!({"kind": "book_empty", "side": "asks", "for": "300ms"}));
        let dear = ByHand {
            key: THIRD,
            name: &format!("dear-{kind}"),
            side: "sell",
            qty: "0.001",
            price: ask * 1.007,
            rests: true,
        };
        stage.by_hand(&dear);
        stage.takes(OTHER, "buy", "0.001", ask * 1.01);
        let stopped = stage.done(10, stop);
        assert_eq!(stopped.ending(), Some(Ending::Filled), "{kind}");
        assert!(stage.fired(kind) > 0, "{kind}");
        let healed = stage.heal();
        stage.recovers(healed);
        let state = stage.venue.state();
        for intent in [short, entry, stop] {
            let order = stage.done(1, intent);
            let id = order.order.client_order_id.to_string();
            let theirs = orders(&state).find(|o| o["client_id"] == id.as_str()).unwrap();
            assert_eq!(order.filled.get(), number(&theirs["filled"]), "{kind}: {order:?}");
        }
        let late = |r: &Record| {
            matches!(r, Record::Filled { client_order_id: Some(id), late: true, .. }
                if *id == stopped.order.client_order_id)
        };
        assert_eq!(count(&stage.gateway.entries(), late) > 0, !told, "{kind}");
        assert_never_too_much(&stage);
    }
}
