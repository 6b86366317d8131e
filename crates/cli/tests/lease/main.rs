//! A real gateway and its watchdog's lease: no lease, no order that adds risk.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

#[path = "../common/mod.rs"]
mod common;
mod watchdog;

use std::time::Duration;

use common::posts::Posts;
use common::{Gateway, Venue, assert_agrees, buyer};
use model::{Entry, Record, Timestamp, TradingState};
use watchdog::{Mode, TOKEN, Watchdog, Wire};

/// From the moment when the link is lost until only what reduces is let through.
const REDUCING_WITHIN: Duration = Duration::from_secs(3);

/// A gateway whose agent buys each second, with its watchdog at this address.
fn gateway(venue: &Venue, address: &str) -> Gateway {
    let gateway = Gateway::prepare(&venue.addr, "");
    common::secret_file(&gateway.path("token"), TOKEN);
    let (agent, token) = (buyer(&gateway), gateway.path("token"));
    gateway.add(&format!(
        "{agent}[watchdog]\nheartbeat = \"{address}\"\ntoken = {{ file = {token:?} }}\n"
    ));
    gateway
}

fn bought(entries: &[Entry]) -> usize {
    entries.iter().filter(|entry| matches!(entry.record, Record::Prepared { .. })).count()
}

fn is_level(entry: &Entry, level: TradingState, why: &str) -> bool {
    matches!(&entry.record, Record::Trading { state, cause, .. } if *state == level && cause.contains(why))
}

/// When this level was entered for this cause, after that many entries.
fn entered(entries: &[Entry], from: usize, level: TradingState, why: &str) -> Option<Timestamp> {
    let mut later = entries.iter().skip(from);
    later.find(|entry| is_level(entry, level, why)).map(|entry| entry.at)
}

/// No order that adds risk was written down while another level than active held.
fn assert_nothing_bought_without(entries: &[Entry]) {
    let mut active = false;
    for entry in entries {
        match &entry.record {
            Record::Trading { state, .. } => active = *state == TradingState::Active,
            Record::Prepared { order, .. } => assert!(active, "{order:?} at {}", entry.at),
            _ => {}
        }
    }
}

/// Loses its lease as `lose` does it, and gets it back as `heal` does.
fn loses_and_gets_it_back(
    venue: &Venue,
    gateway: &mut Gateway,
    lose: impl FnOnce(),
    heal: impl FnOnce(),
) {
    gateway.wait(30, "it trades", |entries| bought(entries) >= 2);
    let before = gateway.entries().len();
    let lost_at = runtime::clock::now();
    lose();
    gateway.wait(10, "it reduces", |entries| {
        entered(entries, before, TradingState::Reducing, "no fresh lease").is_some()
    });
    let reduced = entered(&gateway.entries(), before, TradingState::Reducing, "no fresh lease");
    let took = reduced.unwrap().since(lost_at);
    eprintln!("reducing {took:?} after the link was lost");
    assert!(took <= REDUCING_WITHIN, "{took:?}");
    let known = bought(&gateway.entries());
    std::thread::sleep(Duration::from_millis(3_500));
    assert_eq!(bought(&gateway.entries()), known, "the agent asks each second, and is refused");
    heal();
    gateway.wait(20, "it trades again by itself", |entries| bought(entries) > known);
    assert!(gateway.stop().success(), "{}", gateway.log());
    let entries = gateway.entries();
    assert_nothing_bought_without(&entries);
    let halted = |entry: &Entry| is_level(entry, TradingState::Halted, "");
    assert!(!entries.iter().any(halted), "nothing latches by a link that was lost");
    assert_agrees(gateway, venue);
    assert!(!gateway.log().contains("canary"), "{}", gateway.log());
}

/// NET-07: only the link between the two is cut.
#[test]
fn net_07_the_link_is_cut_and_healed() {
    let venue = Venue::start(&["--market", "synthetic:41"]);
    let watchdog = Watchdog::start(Mode::Leases);
    let wire = Wire::to(&watchdog.address);
    let mut gateway = gateway(&venue, &wire.address);
    gateway.start();
    loses_and_gets_it_back(&venue, &mut gateway, || wire.cut(), || wire.heal());
    // What it said of itself: signed, numbered, and that it gets on.
    let beats = watchdog.beats();
    let numbers: Vec<u64> = beats.iter().map(|beat| beat["n"].as_u64().unwrap()).collect();
    assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]), "{numbers:?}");
    let progress: Vec<u64> = beats.iter().map(|beat| beat["progress"].as_u64().unwrap()).collect();
    assert!(progress.windows(5).all(|five| five[0] < five[4]), "{progress:?}");
    assert!(beats.iter().any(|beat| beat["state"] == "active"));
    let lowered = |beat: &&serde_json::Value| {
        beat["state"] == "reducing" && beat["cause"].as_str().unwrap().contains("no fresh lease")
    };
    assert!(beats.iter().any(|beat| lowered(&beat)), "the state before the first lease of a link");
}

/// RST-09: the watchdog's process hangs.
#[test]
fn rst_09_the_watchdog_hangs() {
    let venue = Venue::start(&["--market", "synthetic:42"]);
    let watchdog = Watchdog::start(Mode::Leases);
    let mut gateway = gateway(&venue, &watchdog.address);
    gateway.start();
    let (hangs, back) = (watchdog.clone(), watchdog);
    let lose = || hangs.becomes(Mode::Hangs);
    loses_and_gets_it_back(&venue, &mut gateway, lose, || back.becomes(Mode::Leases));
}

/// RST-09: there is no watchdog where one should be, then a stranger; neither lets the gateway trade.
#[test]
fn rst_09_no_watchdog_and_a_stranger_in_its_place() {
    let venue = Venue::start(&["--market", "synthetic:43"]);
    let (watchdog, posts) = (Watchdog::start(Mode::Stranger), Posts::start());
    let wire = Wire::to(&watchdog.address);
    wire.cut();
    let mut gateway = gateway(&venue, &wire.address);
    gateway.add(&format!(
        "[[alert]]\nkind = \"webhook\"\nurl = \"http://{}/hook\"\nmin_level = \"critical\"\n",
        posts.addr
    ));
    gateway.start();
    gateway.wait(20, "it is up and reduces", |entries| {
        entered(entries, 0, TradingState::Reducing, "no fresh lease").is_some()
    });
    std::thread::sleep(Duration::from_millis(2_500));
    assert_eq!(bought(&gateway.entries()), 0);
    wire.heal();
    let end = std::time::Instant::now() + Duration::from_secs(20);
    while posts.to("/hook").is_empty() {
        assert!(std::time::Instant::now() < end, "no alert: {}", gateway.log());
        std::thread::sleep(Duration::from_millis(20));
    }
    let alert = &posts.to("/hook")[0].json;
    assert_eq!((&alert["key"], &alert["about"]), (&"watchdog".into(), &"forged".into()), "{alert}");
    std::thread::sleep(Duration::from_millis(1_500));
    assert_eq!(bought(&gateway.entries()), 0, "a stranger's lease is none");
    watchdog.becomes(Mode::Leases);
    gateway.wait(20, "the right one is there", |entries| bought(entries) > 0);
    assert!(gateway.stop().success(), "{}", gateway.log());
    assert_nothing_bought_without(&gateway.entries());
}

/// The watchdog has tripped: the gateway latches, and a restart under a watchdog that leases lifts nothing.
#[test]
fn a_watchdog_that_trips_latches_the_gateway() {
    let venue = Venue::start(&["--market", "synthetic:44"]);
    let watchdog = Watchdog::start(Mode::Leases);
    let mut gateway = gateway(&venue, &watchdog.address);
    gateway.start();
    gateway.wait(30, "it trades", |entries| bought(entries) >= 1);
    watchdog.becomes(Mode::Halted("drawdown of 12 %".to_owned()));
    gateway.wait(10, "it halts", |entries| {
        let why = "the watchdog halts: drawdown of 12 %";
        entered(entries, 0, TradingState::Halted, why).is_some()
    });
    let known = bought(&gateway.entries());
    watchdog.becomes(Mode::Leases);
    assert!(gateway.stop().success(), "{}", gateway.log());
    let before = gateway.entries().len();
    gateway.start();
    gateway.wait(20, "it is halted again", |entries| {
        entered(entries, before, TradingState::Halted, "the watchdog halts").is_some()
    });
    std::thread::sleep(Duration::from_millis(2_500));
    assert_eq!(bought(&gateway.entries()), known);
    assert!(gateway.stop().success(), "{}", gateway.log());
}
