//! The gateway trades on Coinbase's protocol: sums instead of executions, no balances, no look-up by
//! our names, and it ends with the exchange's own books all the same.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use common::{Gateway, Venue, assert_agrees, book, unsure_of_the_clock};
use journal::Summary;
use model::venue::VenueError;
use model::{Entry, Link, Record};
use serde_json::{Value, json};

const MAKER: &str = "[agent.maker]\nvenue = \"sim\"\nstrategy = \"market-maker\"\n\
                     params = { qty = \"0.001\", half_spread_bps = 0, requote_every = 300 }\n";

const ORDERS: &str = "POST /api/v3/brokerage/orders";

fn count(gateway: &Gateway, is: impl Fn(&Record) -> bool) -> usize {
    gateway.entries().iter().filter(|entry| is(&entry.record)).count()
}

#[test]
fn it_trades_loses_its_connections_and_agrees_in_the_end() {
    let venue = Venue::coinbase(&["--market", "synthetic:31"]);
    let mut gateway = Gateway::prepare_coinbase(&venue, MAKER);
    gateway.start();
    gateway.wait(30, "executions", |entries| {
        entries.iter().filter(|e| matches!(e.record, Record::Filled { .. })).count() > 3
    });
    venue.http("POST", "/_sim/faults", r#"{"kind": "outage", "seconds": 1}"#);
    let before = count(&gateway, |r| matches!(r, Record::Reconciled { .. }));
    gateway.wait(30, "it comes back and trades on", |entries| {
        let is = |entry: &&model::Entry, up| {
            matches!(entry.record, Record::Link { up: told, .. } if told == up)
        };
        let reconciled =
            entries.iter().filter(|e| matches!(e.record, Record::Reconciled { .. })).count();
        entries.iter().filter(|e| is(e, false)).count() >= 2 && reconciled > before
    });
    let traded = count(&gateway, |r| matches!(r, Record::Filled { .. }));
    gateway.wait(30, "more executions", |entries| {
        entries.iter().filter(|e| matches!(e.record, Record::Filled { .. })).count() > traded
    });
    assert!(gateway.stop().success(), "{}", gateway.log());
    assert_agrees(&gateway, &venue);
}

/// Answers to orders are lost: found by reading lists, never sent again.
#[test]
fn orders_in_doubt_are_found_in_lists() {
    let venue = Venue::coinbase(&["--market", "synthetic:32"]);
    let lost = json!({"kind": "drop_response", "route": ORDERS, "probability": 0.3});
    break_it(&venue, &lost);
    let mut gateway = Gateway::prepare_coinbase(&venue, MAKER);
    gateway.start();
    gateway.wait(40, "orders in doubt", |entries| {
        entries.iter().filter(|e| matches!(e.record, Record::InDoubt { .. })).count() > 2
    });
    venue.http("POST", "/_sim/heal", "");
    std::thread::sleep(std::time::Duration::from_secs(2));
    assert!(gateway.stop().success(), "{}", gateway.log());
    assert_agrees(&gateway, &venue);
    let orders = venue.state()["orders"].as_array().unwrap().len();
    let sent = count(&gateway, |record| matches!(record, Record::Prepared { .. }));
    assert!(orders <= sent, "{orders} orders at the exchange, {sent} written down");
}

/// A gateway that trades, and its exchange.
fn trading(args: &[&str]) -> (Venue, Gateway) {
    let venue = Venue::coinbase(args);
    let mut gateway = Gateway::prepare_coinbase(&venue, MAKER);
    gateway.start();
    trades(&mut gateway, 3);
    (venue, gateway)
}

fn of(entries: &[Entry], is: impl Fn(&Record) -> bool) -> usize {
    entries.iter().filter(|entry| is(&entry.record)).count()
}

/// Waits for so many orders more that the exchange took, and one execution more.
fn trades(gateway: &mut Gateway, orders: usize) {
    let taken = |e: &[Entry]| of(e, |r| matches!(r, Record::Accepted { .. }));
    let filled = |e: &[Entry]| of(e, |r| matches!(r, Record::Filled { .. }));
    let before = gateway.entries();
    gateway.wait(40, "it trades", |e| {
        taken(e) >= taken(&before) + orders && filled(e) > filled(&before)
    });
}

fn break_it(venue: &Venue, fault: &Value) {
    let answer = venue.http("POST", "/_sim/faults", &fault.to_string());
    assert!(!answer.contains("error"), "{answer}");
}

fn fired(venue: &Venue, kind: &str) -> u64 {
    let state = venue.state();
    let of_kind = state["faults"].as_array().unwrap().iter().filter(|f| f["kind"] == kind);
    of_kind.map(|fault| fault["fired"].as_u64().unwrap()).sum()
}

/// For a while the account's channel does not tell of orders, though heartbeats go on: lists do.
fn mute(venue: &Venue) {
    let contains = "client_order_id";
    break_it(
        venue,
        &json!({"kind": "silent", "stream": "user", "contains": contains, "for": "3s"}),
    );
}

fn in_doubt(gateway: &mut Gateway, orders: usize) {
    gateway.wait(20, "doubts", |entries| {
        of(entries, |r| matches!(r, Record::InDoubt { .. })) >= orders
    });
}

/// Waits until each order that was in doubt and is at the exchange is known to be there. Of one that the
/// exchange has refused absence is proven later.
fn found(gateway: &mut Gateway, venue: &Venue) {
    let state = venue.state();
    let there: BTreeSet<&str> = state["orders"]
        .as_array()
        .unwrap()
        .iter()
        .map(|o| o["client_id"].as_str().unwrap())
        .collect();
    let mut doubts = gateway.entries();
    doubts.retain(|entry| match &entry.record {
        Record::InDoubt { client_order_id: id, .. } => there.contains(id.as_str()),
        _ => false,
    });
    assert!(!doubts.is_empty(), "nothing that is there was in doubt");
    gateway.wait(10, "each is found", |entries| {
        doubts.iter().all(|doubt| {
            let Record::InDoubt { client_order_id: id, .. } = &doubt.record else { return true };
            of(
                entries,
                |r| matches!(r, Record::Accepted { client_order_id, .. } if client_order_id == id),
            ) > 0
        })
    });
}

/// The market's book is the exchange's five seconds after the fault at the latest, every order was sent
/// once, under a name of its own, and the account's books agree.
fn ends_well(mut gateway: Gateway, venue: &Venue) {
    venue.http("POST", "/_sim/heal", "");
    book::assert_agrees(&gateway, venue, Duration::from_secs(5));
    trades(&mut gateway, 2);
    assert!(gateway.stop().success(), "{}", gateway.log());
    assert_agrees(&gateway, venue);
    let state = venue.state();
    let orders = state["orders"].as_array().unwrap();
    let names: BTreeSet<&str> = orders.iter().map(|o| o["client_id"].as_str().unwrap()).collect();
    assert_eq!(names.len(), orders.len(), "one order under each name");
    let sent = state["counts"]["requests"][ORDERS].as_u64().unwrap();
    let prepared = count(&gateway, |record| matches!(record, Record::Prepared { .. }));
    assert!(sent <= prepared as u64, "{sent} sent, {prepared} written down");
}

/// A number that is missing: the stream starts again, and what it told is read.
#[test]
fn a_message_that_is_missing_is_found_out() {
    let (venue, mut gateway) = trading(&["--market", "synthetic:33"]);
    for (stream, contains, link) in
        [("market", "l2_data", Link::Market), ("user", "orders", Link::Account)]
    {
        let before = gateway.entries().len();
        let fault = json!({"kind": "gap", "stream": stream, "contains": contains, "count": 1});
        break_it(&venue, &fault);
        let found = |entries: &[Entry]| {
            let is_it = |e: &Entry| {
                matches!(&e.record, Record::Link { link: of, up: false, cause } if *of == link
                    && cause.contains("is missing"))
            };
            entries[before..].iter().position(is_it).map(|at| before + at)
        };
        gateway.wait(30, "the hole is found", |entries| found(entries).is_some());
        gateway.wait(30, "it is back, and compared", |entries| {
            let after = &entries[found(entries).unwrap()..];
            of(after, |r| matches!(r, Record::Link { link: of, up: true, .. } if *of == link)) > 0
                && of(after, |r| matches!(r, Record::Reconciled { left: 0, .. })) > 0
        });
        trades(&mut gateway, 2);
    }
    assert_eq!(fired(&venue, "gap"), 2);
    ends_well(gateway, &venue);
}

/// Status 503 after the order was taken, and the account's channel does not tell of it: in doubt, found in
/// a list, never sent again.
#[test]
fn an_error_that_is_none_is_a_doubt() {
    let (venue, mut gateway) = trading(&["--market", "synthetic:34"]);
    mute(&venue);
    let lie = json!({"kind": "error_but_accept", "route": ORDERS, "count": 2});
    break_it(&venue, &lie);
    in_doubt(&mut gateway, 1);
    found(&mut gateway, &venue);
    assert!(fired(&venue, "error_but_accept") > 0);
    ends_well(gateway, &venue);
}

/// What a proxy sends twice is one order: its name answers with the first.
#[test]
fn a_request_that_comes_twice_is_one_order() {
    let venue = Venue::coinbase(&["--market", "synthetic:35"]);
    break_it(&venue, &json!({"kind": "duplicate", "route": ORDERS}));
    let mut gateway = Gateway::prepare_coinbase(&venue, MAKER);
    gateway.start();
    trades(&mut gateway, 3);
    assert!(fired(&venue, "duplicate") >= 3);
    ends_well(gateway, &venue);
}

/// The venue's clock is off from the start: the difference is measured, and orders that are in doubt are
/// found in lists of its times.
#[test]
fn the_venues_clock_is_off_from_the_start() {
    for skew_ms in [-90_000, 90_000, -600_000] {
        let venue = Venue::coinbase(&["--market", "synthetic:36"]);
        break_it(&venue, &json!({"kind": "venue_skew", "skew_ms": skew_ms}));
        let mut gateway = Gateway::prepare_coinbase(&venue, MAKER);
        gateway.start();
        trades(&mut gateway, 2);
        mute(&venue);
        let lost = json!({"kind": "drop_response", "route": ORDERS, "count": 2});
        break_it(&venue, &lost);
        in_doubt(&mut gateway, 1);
        found(&mut gateway, &venue);
        let said = gateway.log().matches("our clock differs").count();
        assert_eq!(said, 1, "{skew_ms}: {}", gateway.log());
        unsure_of_the_clock(&gateway.entries());
        // What was silent is heard of as a number that is missing: the account is read again.
        gateway.wait(20, "the books are compared", |entries| {
            Summary::from_entries(entries).discrepancies_left == Some(0)
        });
        assert!(gateway.stop().success(), "{}", gateway.log());
        assert_agrees(&gateway, &venue);
    }
}

/// The venue's clock leaps: what is out of time is refused, the difference is measured, and it goes on;
/// and again when it leaps back.
#[test]
fn the_venues_clock_leaps() {
    let (venue, mut gateway) = trading(&["--market", "synthetic:37"]);
    break_it(&venue, &json!({"kind": "venue_skew", "skew_ms": 150_000}));
    trades(&mut gateway, 3);
    let said = gateway.log().matches("our clock differs").count();
    assert!((1..=2).contains(&said), "{said}: {}", gateway.log());
    let stopped = unsure_of_the_clock(&gateway.entries());
    assert!(stopped >= 1, "nothing held up: {}", gateway.log());
    ends_well(gateway, &venue);
}

/// PRC-01: tick and lot become ten times as large. Two orders are refused at the most, the agent hears of
/// it, and quotes on the new tick. When they are what they were, the book and the agent go on.
#[test]
fn new_steps_are_followed() {
    let (venue, mut gateway) = trading(&["--market", "synthetic:40"]);
    // Quotes at the middle are rejected for other reasons, too.
    let of_rules =
        |r: &Record| matches!(r, Record::Rejected { because: VenueError::Filter { .. }, .. });
    let rules = |e: &[Entry]| of(e, |r| matches!(r, Record::Rules { .. }));
    break_it(&venue, &json!({"kind": "filter_change"}));
    gateway.wait(70, "the new rules are known", |e| rules(e) == 1);
    let from = gateway.entries().len();
    trades(&mut gateway, 3);
    let entries = gateway.entries();
    let rejected = of(&entries, of_rules);
    assert!((1..=2).contains(&rejected), "{rejected}: {}", gateway.log());
    let tick: model::Step = "0.1".parse().unwrap();
    for entry in &entries[from..] {
        let Record::Prepared { order, .. } = &entry.record else { continue };
        assert!(tick.divides(order.kind.price().unwrap().get()), "{order:?}");
    }
    assert_eq!(fired(&venue, "filter_change"), 1);
    ends_well(gateway, &venue);
}

/// 429 with a wait: nothing is asked until it is over.
#[test]
fn a_wait_that_is_asked_for_is_kept() {
    let (venue, mut gateway) = trading(&["--market", "synthetic:38"]);
    let asked = || {
        let requests = venue.state()["counts"]["requests"].as_object().unwrap().clone();
        requests
            .iter()
            .filter(|(route, _)| !route.starts_with("WS "))
            .map(|(_, n)| n.as_u64().unwrap())
            .sum::<u64>()
    };
    break_it(&venue, &json!({"kind": "throttle", "retry_after_s": 4, "count": 1}));
    gateway.wait(10, "the wait is heard", |entries| {
        of(entries, |r| matches!(r, Record::RateLimited { .. })) > 0
    });
    let heard = Instant::now();
    // What was on its way already arrives.
    std::thread::sleep(Duration::from_millis(300));
    let before = asked();
    std::thread::sleep(Duration::from_millis(3_200).saturating_sub(heard.elapsed()));
    assert_eq!(asked(), before, "nobody asked during the wait");
    ends_well(gateway, &venue);
}

/// The account's channel says nothing while heartbeats go on, or nothing at all comes: found out within
/// five seconds and a little.
#[test]
fn a_channel_of_the_account_that_is_silent_is_found_out() {
    for contains in ["\"channel\":\"user\"", "channel"] {
        let (venue, mut gateway) = trading(&["--market", "synthetic:39"]);
        let before = gateway.entries().len();
        break_it(&venue, &json!({"kind": "silent", "stream": "user", "contains": contains}));
        let start = Instant::now();
        gateway.wait(10, "it is found out", |entries| {
            of(&entries[before..], |r| {
                matches!(r, Record::Link { link: Link::Account, up: false, .. })
            }) > 0
        });
        let took = start.elapsed();
        println!("{contains}: {took:?}");
        assert!(took < Duration::from_secs(6), "{contains}: {took:?}");
        ends_well(gateway, &venue);
    }
}
