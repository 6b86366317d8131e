//! Two gateways on one journal: one of them trades.

use std::time::{Duration, Instant};

use model::{Record, Timestamp};

use crate::common::{Gateway, Venue, buyer};
use crate::{Server, arrived, prepared, trading};

/// Longer than a lease.
const PAUSE: Duration = Duration::from_secs(13);

fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Timestamp::from_nanos(i64::try_from(since.as_nanos()).unwrap())
}

/// How often a gateway started.
fn starts(gateway: &Gateway) -> usize {
    gateway.entries().iter().filter(|e| matches!(e.record, Record::Started { .. })).count()
}

/// RST-05: stopped for longer than its lease while it trades, overtaken, and woken up. It sends
/// nothing any more, says why, and ends; the exchange's books are the successor's.
fn a_zombie_sends_nothing(server: &dyn Server) {
    let venue = Venue::start(&["--market", "synthetic:41"]);
    let mut zombie = trading(&venue, server);
    zombie.start();
    zombie.wait(30, "it trades", |entries| prepared(entries).len() >= 3);
    let mut successor = zombie.twin();

    zombie.signal("-STOP");
    let stopped = now();
    let before = arrived(&venue);
    successor.start();
    std::thread::sleep(PAUSE);
    successor.wait(30, "the successor trades", |entries| {
        let started = entries.iter().rposition(|e| matches!(e.record, Record::Started { .. }));
        prepared(&entries[started.unwrap()..]).len() >= 2
    });
    assert!(successor.log().contains("the journal is lent to process"), "{}", successor.log());
    zombie.signal("-CONT");
    let status = zombie.wait_for_end(20);
    assert_eq!(status.code(), Some(1), "{}", zombie.log());
    let log = zombie.log();
    assert!(log.contains("another gateway has taken over"), "{log}");
    assert!(log.contains("as session 2; this was session 1"), "{log}");
    std::thread::sleep(Duration::from_secs(2));
    assert!(successor.stop().success(), "{}", successor.log());

    let entries = successor.entries();
    let second = entries.iter().rposition(|e| matches!(e.record, Record::Started { .. })).unwrap();
    let theirs = prepared(&entries[second..]);
    let grace = stopped.after(Duration::from_secs(1));
    let mut late = Vec::new();
    for (id, created) in arrived(&venue) {
        if created > grace && !theirs.keys().any(|known| known.as_str() == id) {
            late.push(id);
        }
    }
    assert!(late.is_empty(), "of the one that was outrun, after {stopped:?}: {late:?}");
    assert!(arrived(&venue).len() >= before.len() + 2, "the successor's arrived");
    crate::common::assert_agrees(&successor, &venue);
}

#[test]
fn a_zombie_on_postgres_sends_nothing() {
    let Some(server) = servers::postgres("a zombie gateway") else { return };
    a_zombie_sends_nothing(&server);
}

#[test]
fn a_zombie_on_redis_sends_nothing() {
    let Some(server) = servers::redis("a zombie gateway") else { return };
    a_zombie_sends_nothing(&server);
}

/// RST-06: the second instance ends with the name of the first, which trades on.
fn the_second_one_names_the_first(first: &mut Gateway, venue: &Venue) {
    first.start();
    first.wait(30, "it trades", |entries| prepared(entries).len() >= 2);
    let process = first.process.as_ref().unwrap().0.id();
    let mut second = first.twin();
    let since = Instant::now();
    second.start();
    let status = second.wait_for_end(30);
    assert_eq!(status.code(), Some(1), "{}", second.log());
    assert!(since.elapsed() < Duration::from_secs(20), "the wait is bounded");
    let log = second.log();
    assert!(log.contains(&format!("in use by the process with id {process}")), "{log}");
    assert!(log.contains("one journal has one gateway"), "{log}");
    let traded = prepared(&first.entries()).len();
    first.wait(20, "it trades on", |entries| prepared(entries).len() > traded);
    assert!(first.stop().success(), "{}", first.log());
    assert_eq!(starts(first), 1, "the second one never began");
    crate::common::assert_agrees(first, venue);
}

#[test]
fn a_second_gateway_on_sqlite_is_refused() {
    let venue = Venue::start(&["--market", "synthetic:42"]);
    let mut first = Gateway::prepare(&venue.addr, "");
    first.add(&buyer(&first));
    the_second_one_names_the_first(&mut first, &venue);
}

#[test]
fn a_second_gateway_on_postgres_is_refused() {
    let Some(server) = servers::postgres("two gateways") else { return };
    let venue = Venue::start(&["--market", "synthetic:43"]);
    the_second_one_names_the_first(&mut trading(&venue, &server), &venue);
}

#[test]
fn a_second_gateway_on_redis_is_refused() {
    let Some(server) = servers::redis("two gateways") else { return };
    let venue = Venue::start(&["--market", "synthetic:44"]);
    the_second_one_names_the_first(&mut trading(&venue, &server), &venue);
}

/// A stopped gateway keeps its file: nobody takes over, and it goes on when it wakes up.
#[test]
fn a_stopped_gateway_keeps_its_file() {
    let venue = Venue::start(&["--market", "synthetic:45"]);
    let mut first = Gateway::prepare(&venue.addr, "");
    first.add(&buyer(&first));
    first.start();
    first.wait(30, "it trades", |entries| prepared(entries).len() >= 2);
    first.signal("-STOP");
    let mut second = first.twin();
    second.start();
    assert_eq!(second.wait_for_end(10).code(), Some(1), "{}", second.log());
    assert!(second.log().contains("in use by the process"), "{}", second.log());
    first.signal("-CONT");
    let traded = prepared(&first.entries()).len();
    first.wait(40, "it trades on", |entries| prepared(entries).len() > traded + 1);
    assert!(first.stop().success(), "{}", first.log());
    crate::common::assert_agrees(&first, &venue);
}
