//! The gateway trades on Kraken's protocol: nonces that have to grow, a ticket for the account's stream, books
//! that only a checksum proves, counters that fall; and it ends with the exchange's own books all the same.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::collections::BTreeSet;
use std::time::Duration;

use common::{Gateway, Venue, assert_agrees, book, plimsoll, stderr};
use model::{Entry, Link, Record, TradingState};
use serde_json::{Value, json};

/// It takes what it wants now and then: an order that rests is dear to take back while it is young.
const MAKER: &str = "[agent.market-maker-one]\nvenue = \"sim\"\nstrategy = \"market-maker\"\n\
                     params = { qty = \"0.001\", half_spread_bps = 0, requote_every = 3000 }\n";

const ORDERS: &str = "POST /0/private/AddOrder";

fn of(entries: &[Entry], is: impl Fn(&Record) -> bool) -> usize {
    entries.iter().filter(|entry| is(&entry.record)).count()
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

/// Waits for so many orders more that the exchange took, and one execution more.
fn trades(gateway: &mut Gateway, orders: usize) {
    let taken = |e: &[Entry]| of(e, |r| matches!(r, Record::Accepted { .. }));
    let filled = |e: &[Entry]| of(e, |r| matches!(r, Record::Filled { .. }));
    let before = gateway.entries();
    gateway.wait(180, "it trades", |e| {
        taken(e) >= taken(&before) + orders && filled(e) > filled(&before)
    });
}

/// A gateway that trades, and its exchange.
fn trading(args: &[&str]) -> (Venue, Gateway) {
    let venue = Venue::kraken(args);
    let mut gateway = Gateway::prepare_kraken(&venue, MAKER);
    gateway.start();
    trades(&mut gateway, 2);
    (venue, gateway)
}

/// Every order was sent once, under a name of its own that Kraken takes, and the account's books agree.
fn ends_well(mut gateway: Gateway, venue: &Venue) {
    venue.http("POST", "/_sim/heal", "");
    book::assert_agrees(&gateway, venue, Duration::from_secs(5));
    trades(&mut gateway, 1);
    // Nothing more is traded; then what it read last is compared, within a counter that falls slowly.
    let config = gateway.path("plimsoll.toml");
    let halted =
        plimsoll(&["halt", "--reason", "the story is over", "--config", config.to_str().unwrap()]);
    assert!(halted.status.success(), "{}", stderr(&halted));
    gateway.wait(30, "it is halted", |entries| {
        of(entries, |r| matches!(r, Record::Trading { state: TradingState::Halted, .. })) > 0
    });
    let after = gateway.entries().len();
    gateway.wait(240, "the books are compared twice", |entries| {
        of(&entries[after..], |r| matches!(r, Record::Reconciled { left: 0, .. })) >= 2
    });
    assert!(gateway.stop().success(), "{}", gateway.log());
    assert_agrees(&gateway, venue);
    let state = venue.state();
    let orders = state["orders"].as_array().unwrap();
    let names: BTreeSet<&str> = orders.iter().map(|o| o["client_id"].as_str().unwrap()).collect();
    assert_eq!(names.len(), orders.len(), "one order under each name");
    assert!(names.iter().all(|name| name.len() <= 18), "{names:?}");
    let sent = state["counts"]["requests"][ORDERS].as_u64().unwrap();
    let prepared = of(&gateway.entries(), |record| matches!(record, Record::Prepared { .. }));
    assert!(sent <= prepared as u64, "{sent} sent, {prepared} written down");
}

#[test]
fn it_trades_loses_its_connections_and_agrees_in_the_end() {
    let (venue, mut gateway) = trading(&["--market", "synthetic:41"]);
    let before = of(&gateway.entries(), |r| matches!(r, Record::Reconciled { .. }));
    break_it(&venue, &json!({"kind": "outage", "seconds": 1}));
    // A start and a comparison use up most of what a minute has.
    gateway.wait(180, "it comes back", |entries| {
        of(entries, |r| matches!(r, Record::Link { up: false, .. })) >= 2
            && of(entries, |r| matches!(r, Record::Reconciled { .. })) > before
    });
    ends_well(gateway, &venue);
}

/// Answers to orders are lost, or a proxy sends one twice and the second is refused for its nonce: found by our
/// names, never sent again.
#[test]
fn orders_in_doubt_are_found_by_our_names() {
    let (venue, mut gateway) = trading(&["--market", "synthetic:42"]);
    break_it(&venue, &json!({"kind": "drop_response", "route": ORDERS, "count": 2}));
    gateway.wait(90, "orders in doubt", |entries| {
        of(entries, |r| matches!(r, Record::InDoubt { .. })) >= 2
    });
    let echo = json!({"kind": "error_but_accept", "route": ORDERS, "count": 1, "status": 200,
        "body": "{\"error\":[\"EAPI:Invalid nonce\"]}"});
    break_it(&venue, &echo);
    gateway.wait(90, "one more in doubt", |entries| {
        of(entries, |r| matches!(r, Record::InDoubt { .. })) >= 3
    });
    assert_eq!(fired(&venue, "error_but_accept"), 1);
    ends_well(gateway, &venue);
}

/// A change of the book that never came is found by the checksum, and an execution that never came by its number.
#[test]
fn a_message_that_is_missing_is_found_out() {
    let (venue, mut gateway) = trading(&["--market", "synthetic:43"]);
    // Ten levels a side are proven: of several changes one is among them.
    for (stream, contains, count, link, words) in [
        ("market", "\"book\"", 8, Link::Market, "checksum"),
        ("user", "\"executions\"", 1, Link::Account, "is missing"),
    ] {
        let before = gateway.entries().len();
        break_it(
            &venue,
            &json!({"kind": "gap", "stream": stream, "contains": contains, "count": count}),
        );
        gateway.wait(90, "the hole is found", |entries| {
            of(&entries[before..], |r| {
                matches!(r, Record::Link { link: of, up: false, cause } if *of == link
                    && cause.contains(words))
            }) > 0
        });
        gateway.wait(180, "it is back", |entries| {
            of(
                &entries[before..],
                |r| matches!(r, Record::Link { link: of, up: true, .. } if *of == link),
            ) > 0
        });
    }
    assert_eq!(fired(&venue, "gap"), 9);
    ends_well(gateway, &venue);
}
