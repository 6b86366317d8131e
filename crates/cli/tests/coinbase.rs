//! The gateway trades on Coinbase's protocol: sums instead of executions, no balances, no look-up by
//! our names, and it ends with the exchange's own books all the same.

mod common;

use common::{Gateway, Venue, assert_agrees};
use model::Record;

const MAKER: &str = "[agent.maker]\nvenue = \"sim\"\nstrategy = \"market-maker\"\n\
                     params = { qty = \"0.001\", half_spread_bps = 0, requote_every = 300 }\n";

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
    let lost = r#"{"kind": "drop_response", "route": "POST /api/v3/brokerage/orders", "probability": 0.3}"#;
    venue.http("POST", "/_sim/faults", lost);
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
