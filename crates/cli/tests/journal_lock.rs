//! Another program holds the journal for seconds. The gateway waits and says so; what was decided
//! meanwhile on a market that is gone is not sent any more, and nothing is lost.

mod common;

use std::collections::BTreeMap;
use std::time::Duration;

use common::{Gateway, Venue, buyer};
use model::{ClientOrderId, Ending, Entry, Record, Timestamp};

/// Longer than an order that adds risk may wait, and than SQLite waits by itself.
const HELD: Duration = Duration::from_secs(7);
/// How long an order that adds risk may be on its way, with some time for a busy machine.
const VALID: Duration = Duration::from_millis(2_500);

fn prepared(entries: &[Entry]) -> BTreeMap<ClientOrderId, Timestamp> {
    let order = |entry: &Entry| match &entry.record {
        Record::Prepared { order, .. } => Some((order.client_order_id, entry.at)),
        _ => None,
    };
    entries.iter().filter_map(order).collect()
}

#[test]
fn what_waited_too_long_for_the_journal_is_not_sent() {
    let venue = Venue::start(&["--market", "synthetic:22"]);
    let mut gateway = Gateway::prepare(&venue.addr, "");
    gateway.add(&buyer(&gateway));
    gateway.start();
    gateway.wait(30, "it trades", |entries| prepared(entries).len() > 1);

    let journal = rusqlite::Connection::open(gateway.path("plimsoll.db")).unwrap();
    journal.busy_timeout(Duration::from_secs(5)).unwrap();
    journal.execute_batch("BEGIN IMMEDIATE").unwrap();
    let before = prepared(&gateway.entries()).len();
    std::thread::sleep(HELD);
    journal.execute_batch("ROLLBACK").unwrap();

    let after = before + HELD.as_secs() as usize;
    gateway.wait(20, "it trades on", |entries| prepared(entries).len() > after);
    assert!(gateway.log().contains("another program holds the journal"), "{}", gateway.log());
    assert!(gateway.stop().success(), "{}", gateway.log());

    let state = venue.state();
    let orders = state["orders"].as_array().unwrap();
    let arrived: BTreeMap<&str, u64> = orders
        .iter()
        .map(|o| (o["client_id"].as_str().unwrap(), o["created"].as_u64().unwrap()))
        .collect();
    let entries = gateway.entries();
    let mut held_back = 0;
    for (id, decided) in prepared(&entries) {
        if let Some(created) = arrived.get(id.as_str()) {
            let created = Timestamp::from_millis(created.cast_signed()).unwrap();
            let late = created.since(decided);
            assert!(late < VALID, "{id} arrived {late:?} after it was decided");
        } else {
            let ended = |e: &&Entry| {
                let over = Record::Ended { client_order_id: id, ending: Ending::NotPlaced };
                e.record == over
            };
            assert_eq!(entries.iter().filter(ended).count(), 1, "{id} is over, and known to be");
            held_back += 1;
        }
    }
    assert!(held_back >= 3, "{held_back} of the orders of {HELD:?} were held back");
}
