//! ACC-04: a person who trades on the gateway's account.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::time::{Duration, Instant};

use model::{Ending, Entry, Record, TradingState};
use serde_json::json;

use crate::account::kinds;
use crate::common::{Gateway, Venue, plimsoll, stderr};
use crate::hands::{ByHand, OWN};
use crate::stage::{Stage, Want, books, count, is_refused};

/// Any difference is noticed within this (`T_detect`).
pub(crate) const DETECTED_MAX: u64 = 10;

/// An order of a person that rests below the best bid.
fn resting(bid: f64) -> ByHand<'static> {
    ByHand { key: OWN, name: "rests", side: "buy", qty: "0.15", price: bid * 0.97, rests: true }
}

/// ACC-04: a person trades on the same account, takes a stop of ours back, pays in and pays out. It is
/// said and counted, nothing halts, and nothing is done against it.
fn a_person_trades(mut stage: Stage) {
    let (bid, ask) = stage.touch();
    let trigger = json!({"type": "stop_limit", "trigger": format!("{:.2}", bid * 0.99),
        "price": format!("{:.2}", bid * 0.98)});
    let own = stage.place_as("sell", &trigger, "gtc");
    let name = stage.working(own).venue_order_id.unwrap();
    stage.takes(OWN, "buy", "0.002", ask * 1.01);
    let rests = stage.by_hand(&resting(bid));
    let instrument = stage.gateway.instrument().parse().unwrap();
    stage.until(DETECTED_MAX, "both are said", |entries| kinds(entries, "foreign") == 2);
    stage.until(DETECTED_MAX, "what rests counts", |entries| {
        let exposure = books(entries).exposure(instrument);
        exposure.working_buys.to_string() == "0.15" && exposure.position.to_string() == "0.002"
    });
    stage.transfer(stage.quote(), "1000");
    let told = |r: &Record| matches!(r, Record::Transferred { .. });
    stage.until(DETECTED_MAX, "it is counted", |entries| count(entries, told) == 1);
    stage.taken_back_by_hand(name.as_str());
    stage.taken_back_by_hand(&rests);
    let ending = stage.done(DETECTED_MAX, own).ending();
    assert_eq!(ending, Some(Ending::Canceled));
    stage.until(DETECTED_MAX, "nothing rests", |entries| {
        books(entries).exposure(instrument).working_buys.is_zero()
    });
    // Compared a few times more.
    std::thread::sleep(Duration::from_secs(5));
    stage.recovers(Instant::now());
    let entries = stage.gateway.entries();
    let deposits = usize::from(stage.is_coinbase());
    assert_eq!((kinds(&entries, "balance"), kinds(&entries, "deposit")), (0, deposits));
    assert_eq!(kinds(&entries, "foreign"), 2, "said once");
    money_goes(&mut stage);
    let entries = stage.gateway.entries();
    assert_eq!(count(&entries, |r| matches!(r, Record::Prepared { .. })), 1, "no counter-order");
    let halts = |r: &Record| matches!(r, Record::Trading { state: TradingState::Halted, .. });
    assert_eq!(count(&entries, halts), 0);
}

/// A withdrawal is no loss of trading. Where only the balance shows it, it stops what adds risk until a
/// person accepts it.
fn money_goes(stage: &mut Stage) {
    let before = stage.gateway.entries().len();
    stage.transfer(stage.quote(), "-500");
    if stage.is_coinbase() {
        stage.until(DETECTED_MAX, "it is said", |all| kinds(&all[before..], "balance") == 1);
        stage.until(5, "only what reduces passes", is_reducing);
        accept(stage);
    }
    stage.until(DETECTED_MAX, "it is counted", |all| {
        count(&all[before..], |r| matches!(r, Record::Transferred { .. })) == 1
    });
    stage.recovers(Instant::now());
    let books = books(&stage.gateway.entries());
    let position = books.position(stage.gateway.instrument().parse().unwrap()).unwrap();
    assert!(position.realized().get().is_zero(), "{position:?}");
}

/// A person accepts what is left.
pub(crate) fn accept(stage: &Stage) {
    let config = stage.gateway.path("plimsoll.toml");
    let accepted = plimsoll(&["reconcile", "--config", config.to_str().unwrap(), "--accept"]);
    assert!(accepted.status.success(), "{}", stderr(&accepted));
}

pub(crate) fn is_reducing(entries: &[Entry]) -> bool {
    last_state(entries) == Some(TradingState::Reducing)
}

fn last_state(entries: &[Entry]) -> Option<TradingState> {
    entries.iter().rev().find_map(|entry| match &entry.record {
        Record::Trading { state, .. } => Some(*state),
        _ => None,
    })
}

#[test]
fn acc_04_a_person_on_the_same_account() {
    a_person_trades(Stage::open(304));
}

#[test]
fn acc_04_a_person_on_the_same_account_at_coinbase() {
    a_person_trades(Stage::open_at_coinbase(305));
}

/// A stage whose gateway does this about orders of others.
fn with_policy(policy: &str, seed: u32) -> Stage {
    let venue = Venue::start(&["--market", &format!("synthetic:{seed}")]);
    let gateway = Gateway::prepare(&venue.addr, "");
    let path = gateway.path("plimsoll.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let text =
        text.replace("[venue.sim]\n", &format!("[venue.sim]\nforeign_orders = {policy:?}\n"));
    std::fs::write(&path, text).unwrap();
    Stage::between(venue, gateway, |_, _| {})
}

/// ACC-04 where orders of others are taken back: the one that rests is, what has executed is answered by
/// nothing, and trading goes on.
#[test]
fn acc_04_orders_of_a_person_are_taken_back() {
    let mut stage = with_policy("cancel", 306);
    let (bid, ask) = stage.touch();
    stage.takes(OWN, "buy", "0.002", ask * 1.01);
    stage.by_hand(&resting(bid));
    stage.until(DETECTED_MAX, "what rests is taken back", |entries| {
        let exposure = books(entries).exposure("BTC-USDT".parse().unwrap());
        count(entries, |r| matches!(r, Record::ForeignCancel { .. })) > 0
            && exposure.working_buys.is_zero()
    });
    stage.recovers(Instant::now());
    let entries = stage.gateway.entries();
    assert_eq!(count(&entries, |r| matches!(r, Record::Prepared { .. })), 0, "no counter-order");
    let position = books(&entries).exposure("BTC-USDT".parse().unwrap()).position;
    assert_eq!(position.to_string(), "0.002", "what executed counts");
    let next = stage.send(Want::BuyNow);
    assert_eq!(stage.done(5, next).ending(), Some(Ending::Filled));
}

/// ACC-04 where an order of somebody else halts: ours are taken back, and nothing else is done.
#[test]
fn acc_04_an_order_of_a_person_halts() {
    let mut stage = with_policy("halt", 307);
    let resting = stage.send(Want::BuyLow);
    stage.working(resting);
    let (_, ask) = stage.touch();
    stage.takes(OWN, "buy", "0.002", ask * 1.01);
    stage.until(DETECTED_MAX, "it halts", |entries| {
        last_state(entries) == Some(TradingState::Halted)
    });
    assert_eq!(stage.done(5, resting).ending(), Some(Ending::Canceled));
    let refused = stage.place(Want::BuyLow);
    stage.until(5, "refused", |entries| is_refused(entries, refused));
    let compared = stage.gateway.entries().len();
    stage.until(10, "compared once more", |entries| {
        count(&entries[compared..], |r| matches!(r, Record::Reconciled { left: 0, .. })) > 0
    });
    let prepared = |r: &Record| matches!(r, Record::Prepared { .. });
    assert_eq!(count(&stage.gateway.entries(), prepared), 1, "no counter-order");
    crate::common::assert_agrees(&stage.gateway, &stage.venue);
}
