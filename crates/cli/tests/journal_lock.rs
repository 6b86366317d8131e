//! Another program holds the journal for seconds. The gateway waits and says so; what was decided
//! meanwhile on a market that is gone is not sent any more, and nothing is lost.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

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
                let Record::Ended { client_order_id, ending, cause, .. } = &e.record else {
                    return false;
                };
                let why = cause.as_deref().unwrap_or_default();
                *client_order_id == id
                    && *ending == Ending::NotPlaced
                    && why.contains("after it had to leave")
            };
            assert_eq!(entries.iter().filter(ended).count(), 1, "{id} is over, and known to be");
            held_back += 1;
        }
    }
    assert!(held_back >= 3, "{held_back} of the orders of {HELD:?} were held back");
}

/// Its orders rest, far from the market.
const RESTER: &str = "[agent.rester]\nvenue = \"sim\"\nstrategy = \"market-maker\"\n\
                      params = { qty = \"0.001\", half_spread_bps = 100, requote_every = 60000 }\n";

/// Processes that this one has started.
fn children(process: u32) -> Vec<String> {
    let tasks = std::fs::read_dir(format!("/proc/{process}/task")).unwrap();
    let of_task = |task: std::fs::DirEntry| std::fs::read_to_string(task.path().join("children"));
    let lists: Vec<String> = tasks.filter_map(|task| of_task(task.ok()?).ok()).collect();
    lists.iter().flat_map(|list| list.split_whitespace()).map(str::to_owned).collect()
}

/// The agent dies while the journal cannot be written: its order is taken back at once all the same.
#[test]
fn a_cancel_does_not_wait_for_the_journal() {
    let venue = Venue::start(&["--market", "synthetic:23"]);
    let mut gateway = Gateway::prepare(&venue.addr, RESTER);
    gateway.start();
    gateway.wait(30, "its orders rest", |entries| {
        entries.iter().filter(|e| matches!(e.record, Record::Accepted { .. })).count() == 2
    });
    let open = || {
        let state = venue.state();
        let orders = state["orders"].as_array().unwrap().clone();
        orders.iter().filter(|order| order["status"] == "new").count()
    };
    assert_eq!(open(), 2);

    let journal = rusqlite::Connection::open(gateway.path("plimsoll.db")).unwrap();
    journal.busy_timeout(Duration::from_secs(5)).unwrap();
    journal.execute_batch("BEGIN IMMEDIATE").unwrap();
    let agents = children(gateway.process.as_ref().unwrap().0.id());
    assert_eq!(agents.len(), 1, "{agents:?}");
    assert!(
        std::process::Command::new("kill").args(["-KILL", &agents[0]]).status().unwrap().success()
    );
    let end = std::time::Instant::now() + Duration::from_secs(3);
    while open() > 0 {
        assert!(std::time::Instant::now() < end, "orders are still there: {}", gateway.log());
        std::thread::sleep(Duration::from_millis(50));
    }
    journal.execute_batch("ROLLBACK").unwrap();
    assert!(gateway.stop().success(), "{}", gateway.log());
    common::assert_agrees(&gateway, &venue);
}
