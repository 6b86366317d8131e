//! RST-07, to its end: yesterday's journal is put back, the gateway halts, and a person who has seen the gap lifts the
//! halt in two steps. It trades on from the older copy, and gives no name a second time.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use common::{Gateway, Venue, plimsoll, stderr};
use model::{Entry, Record, TradingState};
use serde_json::Value;

/// Its orders rest, far from the market.
const RESTER: &str = "[agent.rester]\nvenue = \"sim\"\nstrategy = \"market-maker\"\n\
                      params = { qty = \"0.001\", half_spread_bps = 100, requote_every = 60000 }\n";
/// Between the steps there have to be thirty seconds.
const BETWEEN: Duration = Duration::from_secs(31);

fn count(entries: &[Entry], is: impl Fn(&Record) -> bool) -> usize {
    entries.iter().filter(|entry| is(&entry.record)).count()
}

/// Runs it until so many orders were accepted.
fn trade(gateway: &mut Gateway, orders: usize) {
    let before = gateway.entries().len();
    gateway.start();
    let accepted = |record: &Record| matches!(record, Record::Accepted { .. });
    gateway.wait(30, "it trades", |entries| count(&entries[before..], accepted) >= orders);
}

fn copy_journal(from: &Path, to: &Path) {
    for suffix in ["", "-wal", "-shm"] {
        let name = format!("plimsoll.db{suffix}");
        let _ = std::fs::remove_file(to.join(&name));
        if from.join(&name).exists() {
            std::fs::copy(from.join(&name), to.join(&name)).unwrap();
        }
    }
}

fn open(state: &Value) -> usize {
    let orders = state["orders"].as_array().unwrap().iter();
    orders.filter(|o| o["status"] == "new" || o["status"] == "partially_filled").count()
}

/// Names of orders at the venue; no name twice.
fn names(venue: &Venue) -> BTreeSet<String> {
    let state = venue.state();
    let orders = state["orders"].as_array().unwrap();
    let names: BTreeSet<String> =
        orders.iter().map(|order| order["client_id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(names.len(), orders.len(), "a name was used twice");
    names
}

fn state(entries: &[Entry]) -> Option<TradingState> {
    entries.iter().rev().find_map(|entry| match &entry.record {
        Record::Trading { state, .. } => Some(*state),
        _ => None,
    })
}

/// A step of a resume: its exit code and what it showed.
fn resume(gateway: &Gateway, code: Option<&str>) -> (Option<i32>, Value) {
    let config = gateway.path("plimsoll.toml");
    let mut args = vec!["resume", "--config", config.to_str().unwrap(), "--json"];
    args.extend(code.iter().flat_map(|code| ["--code", code]));
    let output = plimsoll(&args);
    let shown = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
    eprintln!("{:?} {shown} {}", output.status.code(), stderr(&output));
    (output.status.code(), shown)
}

#[test]
fn a_person_resumes_from_an_older_copy() {
    let venue = Venue::start(&["--market", "synthetic:48"]);
    let mut gateway = Gateway::prepare(&venue.addr, RESTER);
    trade(&mut gateway, 2);
    assert!(gateway.stop().success(), "{}", gateway.log());
    let yesterday = tempfile::tempdir().unwrap();
    copy_journal(gateway.directory.path(), yesterday.path());
    // What is in no older copy: its orders rest when it is killed.
    trade(&mut gateway, 2);
    gateway.process = None;
    let before = names(&venue);
    assert!(open(&venue.state()) > 0);

    copy_journal(yesterday.path(), gateway.directory.path());
    let known = gateway.entries().len();
    gateway.start();
    gateway.wait(30, "it halts and has looked", |entries| {
        state(entries) == Some(TradingState::Halted)
            && count(&entries[known..], |record| matches!(record, Record::Foreign { .. })) >= 2
    });
    // A guess, and a script that answers at once: neither lifts it.
    let (exit, _) = resume(&gateway, Some("7K3P9QXM2ABC"));
    assert_eq!(exit, Some(3));
    let first = first_step(&gateway, &venue);
    let (exit, shown) = resume(&gateway, Some(&first));
    assert_eq!(exit, Some(3), "too early: {shown}");
    assert_eq!(names(&venue), before, "nothing was sent");

    let code = first_step(&gateway, &venue);
    std::thread::sleep(BETWEEN);
    let resumed = gateway.entries().len();
    let (exit, shown) = resume(&gateway, Some(&code));
    assert_eq!((exit, &shown["resumed"]), (Some(0), &Value::Bool(true)), "{shown}");
    gateway.wait(10, "probation", |entries| state(entries) == Some(TradingState::Throttled));
    // The agent trades again, under names that no start before has given.
    gateway.wait(40, "it trades again", |entries| {
        count(&entries[resumed..], |record| matches!(record, Record::Accepted { .. })) >= 1
    });
    let after = names(&venue);
    assert!(after.is_superset(&before) && after.len() > before.len(), "{after:?}");
    assert_eq!(count(&gateway.entries(), |r| matches!(r, Record::Resumed { .. })), 1);
    // It is over: the next start does not find the gap again.
    assert!(gateway.stop().success(), "{}", gateway.log());
    let stopped = gateway.entries().len();
    gateway.start();
    gateway.wait(30, "it trades after a restart", |entries| {
        let last = &entries[stopped..];
        state(last) == Some(TradingState::Throttled)
    });
    let halted = |r: &Record| matches!(r, Record::Trading { state: TradingState::Halted, .. });
    assert_eq!(count(&gateway.entries()[stopped..], halted), 0, "{}", gateway.log());
    assert!(gateway.stop().success(), "{}", gateway.log());
    names(&venue);
}

/// The first step, as soon as nothing stands in the way: it names the cause, and what is left at the exchange.
fn first_step(gateway: &Gateway, venue: &Venue) -> String {
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        let (exit, shown) = resume(gateway, None);
        if exit == Some(0) {
            assert_eq!(shown["by"], "journal", "{shown}");
            assert!(shown["trading"]["cause"].as_str().unwrap().contains("older copy"), "{shown}");
            return shown["code"].as_str().unwrap().to_owned();
        }
        assert!(Instant::now() < end, "{shown}, {} open", open(&venue.state()));
        std::thread::sleep(Duration::from_secs(1));
    }
}
