//! RST-03, RST-07, RST-10: what a store keeps is not what it was, on each kind of store.

use std::collections::BTreeSet;

use model::{Entry, Record, TradingState};

use crate::common::{Gateway, Venue, assert_agrees};
use crate::kept::{File, Kept, prepare};
use crate::{RESTER, open_at, prepared, rests};

fn halted(entries: &[Entry]) -> Option<&str> {
    entries.iter().find_map(|entry| match &entry.record {
        Record::Trading { state: TradingState::Halted, cause, .. } => Some(cause.as_str()),
        _ => None,
    })
}

fn foreign(entries: &[Entry]) -> usize {
    entries.iter().filter(|entry| matches!(entry.record, Record::Foreign { .. })).count()
}

/// Names of the orders at the exchange, each once.
fn names(venue: &Venue) -> BTreeSet<String> {
    let state = venue.state();
    let mut names = BTreeSet::new();
    for order in state["orders"].as_array().unwrap() {
        let name = order["client_id"].as_str().unwrap().to_owned();
        assert!(names.insert(name.clone()), "{name} was used twice");
    }
    names
}

/// A disk that lied: two orders were written down, sent and accepted, and of all that nothing is left. The
/// next start finds them at the exchange, knows its own names, and does not trade.
fn a_lying_flush_is_found_at_the_venue(kept: &mut dyn Kept, gateway: &mut Gateway, venue: &Venue) {
    rests(gateway, venue);
    gateway.process = None;
    let entries = gateway.entries();
    let first = entries.iter().position(|e| matches!(e.record, Record::Prepared { .. })).unwrap();
    kept.lose_behind(first as u64);
    assert_eq!(gateway.entries().len(), first);
    let sent = names(venue);
    gateway.start();
    gateway.wait(40, "it has found them and halts", |entries| {
        foreign(entries) >= 2 && halted(entries).is_some()
    });
    let entries = gateway.entries();
    let why = halted(&entries).unwrap();
    assert!(why.contains("is of this journal's own gateway"), "{why}");
    assert!(gateway.stop().success(), "{}", gateway.log());
    assert_eq!(names(venue), sent, "nothing was sent");
}

/// Of an entry in the middle a bit is flipped: the start is refused, and which one is said.
fn a_flipped_bit_refuses_the_start(kept: &mut dyn Kept, gateway: &mut Gateway, venue: &Venue) {
    rests(gateway, venue);
    assert!(gateway.stop().success(), "{}", gateway.log());
    let entries = gateway.entries();
    let middle = entries.len() / 2;
    kept.flip(middle as u64 + 1, &entries[middle]);
    let sent = names(venue);
    gateway.start();
    assert_eq!(gateway.wait_for_end(40).code(), Some(1), "{}", gateway.log());
    let log = gateway.log();
    assert!(log.contains(&format!("entry {} is damaged", middle + 1)), "{log}");
    assert!(log.contains("restore a backup"), "{log}");
    assert_eq!(names(venue), sent, "nothing was sent");
}

/// Yesterday's backup is put back: this host knows of a later session. No name is given out twice, and it
/// is halted, also when it is started again.
fn an_older_backup_halts(kept: &mut dyn Kept, gateway: &mut Gateway, venue: &Venue) {
    rests(gateway, venue);
    assert!(gateway.stop().success(), "{}", gateway.log());
    let yesterday = gateway.entries().len() as u64;
    rests(gateway, venue);
    gateway.process = None;
    let sent = names(venue);
    kept.lose_behind(yesterday);
    kept.forget_sessions(1);
    for start in 1..=2 {
        let before = gateway.entries().len();
        gateway.start();
        gateway.wait(40, "it compares the books", |entries| {
            entries[before..].iter().any(|e| matches!(e.record, Record::Reconciled { .. }))
        });
        let entries = gateway.entries();
        let why = halted(&entries).unwrap();
        assert!(why.contains("older copy of itself"), "start {start}: {why}");
        assert!(gateway.stop().success(), "{}", gateway.log());
        assert_eq!(names(venue), sent, "start {start}: nothing was sent");
    }
    let sessions: Vec<u64> = gateway
        .entries()
        .iter()
        .filter_map(|entry| match entry.record {
            Record::Started { session, .. } => Some(session),
            _ => None,
        })
        .collect();
    assert_eq!(sessions[0], 1);
    assert!(sessions[1] > 2, "session 2 was given out: {sessions:?}");
}

/// A journal that a later version has written is refused, by its version, and left as it is.
fn a_later_version_is_refused(kept: &mut dyn Kept, gateway: &mut Gateway, venue: &Venue) {
    rests(gateway, venue);
    assert!(gateway.stop().success(), "{}", gateway.log());
    assert_agrees(gateway, venue);
    kept.is_of_a_later_version();
    let sent = names(venue);
    gateway.start();
    let status = gateway.wait_for_end(40);
    assert!(matches!(status.code(), Some(1 | 2)), "{status}: {}", gateway.log());
    let log = gateway.log();
    assert!(log.contains("version 99") && log.contains("is no journal of this version"), "{log}");
    assert_eq!((names(venue), open_at(venue)), (sent, 0), "nothing was sent");
}

type Trial = fn(&mut dyn Kept, &mut Gateway, &Venue);

fn on_sqlite(trial: Trial, seed: u16) {
    let venue = Venue::start(&["--market", &format!("synthetic:{seed}")]);
    let mut kept = File::default();
    let mut gateway = prepare(&venue.addr, RESTER, &kept);
    kept.0 = gateway.path("plimsoll.db");
    trial(&mut kept, &mut gateway, &venue);
}

fn on_server(server: Option<impl Kept>, trial: Trial, seed: u16) {
    let Some(mut kept) = server else { return };
    let venue = Venue::start(&["--market", &format!("synthetic:{seed}")]);
    let mut gateway = prepare(&venue.addr, RESTER, &kept);
    trial(&mut kept, &mut gateway, &venue);
}

#[test]
fn a_lying_flush_is_found_at_the_venue_with_sqlite() {
    on_sqlite(a_lying_flush_is_found_at_the_venue, 51);
}

#[test]
fn a_lying_flush_is_found_at_the_venue_with_postgres() {
    let server = servers::postgres("a flush that lied");
    on_server(server, a_lying_flush_is_found_at_the_venue, 52);
}

#[test]
fn a_lying_flush_is_found_at_the_venue_with_redis() {
    on_server(servers::redis("a flush that lied"), a_lying_flush_is_found_at_the_venue, 53);
}

#[test]
fn a_flipped_bit_refuses_the_start_with_sqlite() {
    on_sqlite(a_flipped_bit_refuses_the_start, 54);
}

#[test]
fn a_flipped_bit_refuses_the_start_with_postgres() {
    on_server(servers::postgres("a flipped bit"), a_flipped_bit_refuses_the_start, 55);
}

#[test]
fn a_flipped_bit_refuses_the_start_with_redis() {
    on_server(servers::redis("a flipped bit"), a_flipped_bit_refuses_the_start, 56);
}

#[test]
fn an_older_backup_halts_with_sqlite() {
    on_sqlite(an_older_backup_halts, 57);
}

#[test]
fn an_older_backup_halts_with_postgres() {
    on_server(servers::postgres("an older backup"), an_older_backup_halts, 58);
}

#[test]
fn an_older_backup_halts_with_redis() {
    on_server(servers::redis("an older backup"), an_older_backup_halts, 59);
}

#[test]
fn a_later_version_is_refused_with_sqlite() {
    on_sqlite(a_later_version_is_refused, 60);
}

#[test]
fn a_later_version_is_refused_with_postgres() {
    on_server(servers::postgres("a later version"), a_later_version_is_refused, 61);
}

#[test]
fn a_later_version_is_refused_with_redis() {
    on_server(servers::redis("a later version"), a_later_version_is_refused, 62);
}

/// A fail-over loses what the gateway was told is kept, while it runs. That is no successor: nobody else
/// looks after its orders, so it takes them back and ends, and says what is lost.
fn entries_lost_in_a_fail_over(kept: &mut dyn Kept, seed: u16) {
    let venue = Venue::start(&["--market", &format!("synthetic:{seed}")]);
    let mut gateway = prepare(&venue.addr, RESTER, kept);
    rests(&mut gateway, &venue);
    let sent = names(&venue);
    let entries = gateway.entries();
    let first = entries.iter().position(|e| matches!(e.record, Record::Prepared { .. })).unwrap();
    kept.lose_behind(first as u64);
    assert_eq!(gateway.wait_for_end(30).code(), Some(1), "{}", gateway.log());
    let log = gateway.log();
    assert!(log.contains("has lost entries that it had said are kept"), "{log}");
    assert!(log.contains("the journal failed: taking back entry orders"), "{log}");
    assert!(!log.contains("another gateway has taken over"), "{log}");
    assert_eq!((names(&venue), open_at(&venue)), (sent.clone(), 0), "{log}");
    // Nothing of them is open or has executed, so the next one has nothing to be afraid of.
    let session = prepared(&gateway.entries()).len();
    assert_eq!(session, 0);
    gateway.start();
    gateway.wait(40, "the next one trades", |entries| prepared(entries).len() >= 2);
    assert!(gateway.stop().success(), "{}", gateway.log());
    assert_agrees(&gateway, &venue);
    assert!(names(&venue).len() >= sent.len() + 2);
}

#[test]
fn entries_lost_in_a_fail_over_of_postgres() {
    let Some(mut server) = servers::postgres("a fail-over under a gateway") else { return };
    entries_lost_in_a_fail_over(&mut server, 63);
}

#[test]
fn entries_lost_in_a_fail_over_of_redis() {
    let Some(mut server) = servers::redis("a fail-over under a gateway") else { return };
    entries_lost_in_a_fail_over(&mut server, 64);
}
