//! Group exchange: what happens at the venue without us, or against us. Their many cases run
//! in the gateway's own tests on both kinds of venue (`gateway/src/{reading,drift,foreign}/tests.rs`).

use std::time::{Duration, Instant};

use model::{Ending, Entry, OrderState, Record, TradingState};
use serde_json::{Value, json};

use crate::stage::{Account, BOTH, CREATE, Stage, Want, books, count, is_active, is_refused};

pub(crate) fn kinds(entries: &[Entry], kind: &str) -> usize {
    count(entries, |r| matches!(r, Record::Discrepancy { found } if found.kind() == kind))
}

fn limit(price: f64) -> Value {
    json!({"type": "limit", "price": format!("{price:.2}")})
}

/// EXS-01: the exchange is down, takes nothing but cancels when it comes back, trades nothing for a while,
/// and is live again. Nothing is sent that was wanted meanwhile, and the books agree.
#[test]
fn exs_01_a_long_outage_and_the_way_back() {
    BOTH.into_iter().for_each(a_long_outage_and_the_way_back);
}

fn a_long_outage_and_the_way_back(account: Account) {
    let mut stage = Stage::open_as(account, 305);
    let resting = stage.send(Want::BuyLow);
    stage.working(resting);
    let sent = stage.requests(CREATE);
    stage.fault(json!({"kind": "cancel_only", "at": "4s", "for": "5s"}));
    stage.fault(json!({"kind": "halted", "at": "9s", "for": "2s"}));
    // Last, for nobody is let in from then on.
    stage.fault(json!({"kind": "outage", "for": "4s"}));
    let over = Instant::now() + Duration::from_secs(11);
    stage.until(5, "it stops trading", |entries| !is_active(entries));
    // By the price of before: nobody can be asked for it now.
    let stale = stage.place_as("buy", &limit(100.0), "gtc");
    stage.until(5, "refused", |entries| is_refused(entries, stale));
    assert!(stage.agent_was_told("starting"), "the agent knows");
    std::thread::sleep(Duration::from_millis(5_500));
    for _ in 0..3 {
        stage.place_as("buy", &limit(100.0), "gtc");
        std::thread::sleep(Duration::from_millis(300));
    }
    std::thread::sleep(over.saturating_duration_since(Instant::now()));
    assert!(stage.requests(CREATE) <= sent + 3, "nothing is tried again");
    let healed = stage.heal();
    stage.recovers(healed);
    assert_eq!(stage.working(resting).state, OrderState::Working);
    let next = stage.send(Want::BuyNow);
    assert_eq!(stage.done(5, next).ending(), Some(Ending::Filled));
    stage.recovers(Instant::now());
}

/// EXS-03: balances as they were a minute ago, executions as they are. What was counted outranks them.
#[test]
fn exs_03_lagging_reads() {
    let mut stage = Stage::open(306);
    stage.fault(json!({"kind": "read_lag", "lag_ms": 60_000, "route": "GET /api/v3/account"}));
    let before = stage.gateway.entries().len();
    for _ in 0..2 {
        let taken = stage.send(Want::BuyNow);
        assert_eq!(stage.done(5, taken).ending(), Some(Ending::Filled));
        // A comparison or two, every other second.
        std::thread::sleep(Duration::from_secs(3));
    }
    let entries = stage.gateway.entries().split_off(before);
    let compared = |r: &Record| matches!(r, Record::Reconciled { left: 0, .. });
    assert!(count(&entries, compared) >= 2);
    assert_eq!(kinds(&entries, "balance") + kinds(&entries, "deposit"), 0, "no difference");
    let stops = |r: &Record| matches!(r, Record::Trading { .. });
    assert_eq!(count(&entries, stops), 0, "and nothing stops");
    assert!(stage.fired("read_lag") > 0);
    let healed = stage.heal();
    stage.recovers(healed);
}

/// EXS-04: orders younger than 15 s are denied and missing from lists. None is taken for not placed.
#[test]
fn exs_04_stale_negative() {
    let mut stage = Stage::open(307);
    stage.fault(json!({"kind": "negative_read", "age_max_ms": 15_000}));
    stage.fault(json!({"kind": "drop_response", "route": CREATE, "count": 1}));
    let doubtful = stage.place(Want::BuyLow);
    let sure = stage.place(Want::SellHigh);
    for intent in [doubtful, sure] {
        stage.order(5, intent, "at the exchange", |order| order.accepted_at.is_some());
    }
    std::thread::sleep(Duration::from_secs(10));
    for intent in [doubtful, sure] {
        let order = stage.order(1, intent, "there", |_| true);
        assert!(order.state.is_open(), "{order:?}");
    }
    assert!(stage.fired("negative_read") > 0);
    let healed = stage.heal();
    stage.recovers(healed);
}

/// EXS-08: the exchange takes an execution back. It leaves position, profit and balances, it is said, all
/// risk stops until a person accepts it, and no order answers it.
#[test]
fn exs_08_trade_bust() {
    let mut stage = Stage::open(308);
    for _ in 0..2 {
        let taken = stage.send(Want::BuyNow);
        assert_eq!(stage.done(5, taken).ending(), Some(Ending::Filled));
    }
    let sent = stage.requests(CREATE);
    stage.venue.http("POST", "/_sim/bust", r#"{"account": "account-1"}"#);
    stage.until(15, "it is taken out", |entries| kinds(entries, "busted") == 1);
    stage.until(5, "only what reduces passes", |entries| {
        let last = entries.iter().rev().find_map(|entry| match &entry.record {
            Record::Trading { state, .. } => Some(*state),
            _ => None,
        });
        last == Some(TradingState::Reducing)
    });
    let entries = stage.gateway.entries();
    let position = books(&entries).exposure("BTC-USDT".parse().unwrap()).position;
    assert_eq!(position.to_string(), "0.001");
    assert!(stage.gateway.log().contains("has taken back execution"), "{}", stage.gateway.log());
    assert_eq!(stage.requests(CREATE), sent, "no compensating order");
    let refused = stage.place(Want::BuyLow);
    stage.until(5, "refused", |entries| is_refused(entries, refused));
    let config = stage.gateway.path("plimsoll.toml");
    let config = config.to_str().unwrap();
    let accepted = crate::common::plimsoll(&["reconcile", "--config", config, "--accept"]);
    assert!(accepted.status.success(), "{}", crate::common::stderr(&accepted));
    stage.until(5, "it trades again", is_active);
    let summary = journal::Summary::from_entries(&stage.gateway.entries());
    let state = stage.venue.state();
    for (asset, held) in state["balances"]["account-1"].as_object().unwrap() {
        let total = |key: &str| held[key].as_str().unwrap().parse::<model::Decimal>().unwrap();
        let theirs = total("free").checked_add(total("locked")).unwrap();
        assert_eq!(summary.counted[&asset.parse().unwrap()].get(), theirs, "{asset}");
    }
}

/// A restart on paper, after a kill and after a stop: a stop that protects stands again under its number, and so does
/// an entry that nobody took back; both execute when the market comes to them.
#[test]
fn what_rests_on_paper_survives_a_restart() {
    let mut stage = Stage::open_as(Account::OnPaper, 309);
    let bought = stage.send(Want::BuyNow);
    assert_eq!(stage.done(5, bought).ending(), Some(Ending::Filled));
    let (bid, _) = stage.touch();
    let prices = [bid * 0.985, bid * 0.975].map(|price| format!("{price:.2}"));
    let kind = json!({"type": "stop_limit", "trigger": prices[0], "price": prices[1]});
    let stop = stage.place_as("sell", &kind, "gtc");
    let entry = stage.send(Want::BuyLow);
    let before = [stop, entry].map(|intent| stage.working(intent).venue_order_id.unwrap());
    stage.dies_and_starts_again();
    let after = [stop, entry].map(|intent| stage.working(intent).venue_order_id.unwrap());
    assert_eq!(after, before);
    stage.recovers(Instant::now());
    // Our orders are not in the market's book: somebody has to bid down there for anything to trade.
    let low = format!(
        "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.01&price={:.2}",
        bid * 0.983
    );
    let answer = stage.signed("POST", "/api/v3/order", "third", &low);
    assert!(answer.contains("\"NEW\""), "{answer}");
    stage.crash();
    assert_eq!(stage.done(10, entry).ending(), Some(Ending::Filled));
    assert_eq!(stage.done(10, stop).ending(), Some(Ending::Filled));
    stage.recovers(Instant::now());
    // Told to end it takes entries back itself, and leaves stops where they are.
    let bought = stage.send(Want::BuyNow);
    assert_eq!(stage.done(5, bought).ending(), Some(Ending::Filled));
    let stop = stage.place_as("sell", &kind, "gtc");
    let entry = stage.send(Want::BuyLow);
    let number = stage.working(stop).venue_order_id;
    stage.working(entry);
    assert!(stage.gateway.stop().success(), "{}", stage.gateway.log());
    stage.dies_and_starts_again();
    assert_eq!(stage.working(stop).venue_order_id, number);
    assert_eq!(stage.order(1, entry, "over", |_| true).ending(), Some(Ending::Canceled));
    stage.recovers(Instant::now());
}
