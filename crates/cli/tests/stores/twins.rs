//! RST-06: two instances that start at the same moment on one journal, and a twin that has the same key and
//! another journal, which no lease can tell of.

use std::time::{Duration, Instant};

use model::{Entry, Record, TradingState};

use crate::common::{Gateway, Venue, assert_agrees, buyer};
use crate::{RESTER, prepared, rests};

/// Trials on each kind of store.
const TRIALS: u64 = 5;
/// How long a divergence may be unnoticed.
const DETECT_MAX: Duration = Duration::from_secs(10);

/// Both are started at once: one of them trades, the other one ends and names it.
fn one_of_two_trades(trial: u64, url: Option<&str>) {
    let venue = Venue::start(&["--market", &format!("synthetic:{}", 460 + trial)]);
    let mut one = Gateway::prepare(&venue.addr, "");
    if let Some(url) = url {
        one.keep_in(url);
    }
    one.add(&buyer(&one));
    let mut two = one.twin();
    one.start();
    two.start();
    let end = Instant::now() + Duration::from_secs(40);
    let (mut winner, mut loser) = loop {
        assert!(Instant::now() < end, "both go on: {}\n{}", one.log(), two.log());
        match (one.is_alive(), two.is_alive()) {
            (true, false) => break (one, two),
            (false, true) => break (two, one),
            (true, true) => std::thread::sleep(Duration::from_millis(20)),
            (false, false) => panic!("none is left: {}\n{}", one.log(), two.log()),
        }
    };
    assert_eq!(loser.wait_for_end(1).code(), Some(1), "{}", loser.log());
    let process = winner.process.as_ref().unwrap().0.id();
    let log = loser.log();
    assert!(log.contains(&format!("in use by the process with id {process}")), "{log}");
    winner.wait(40, "it trades", |entries| prepared(entries).len() >= 2);
    assert!(winner.stop().success(), "{}", winner.log());
    let starts = |e: &&Entry| matches!(e.record, Record::Started { .. });
    assert_eq!(winner.entries().iter().filter(starts).count(), 1, "one began");
    assert_agrees(&winner, &venue);
}

fn on_server(url: &str, name: &str) {
    std::thread::scope(|scope| {
        for trial in 0..TRIALS {
            let url = format!("{url}?{name}=trial{trial}");
            scope.spawn(move || one_of_two_trades(trial, Some(&url)));
        }
    });
}

#[test]
fn two_at_the_same_moment_on_sqlite() {
    (0..TRIALS).for_each(|trial| one_of_two_trades(trial, None));
}

#[test]
fn two_at_the_same_moment_on_postgres() {
    let Some(server) = servers::postgres("two gateways at the same moment") else { return };
    on_server(&server.url(), "schema");
}

#[test]
fn two_at_the_same_moment_on_redis() {
    let Some(server) = servers::redis("two gateways at the same moment") else { return };
    on_server(&server.url(), "prefix");
}

/// Another host, another journal, the same key: its orders are nobody's here, and that is noticed in time.
#[test]
fn a_twin_with_another_journal_is_noticed() {
    let venue = Venue::start(&["--market", "synthetic:47"]);
    let mut gateway = Gateway::prepare(&venue.addr, RESTER);
    let path = gateway.path("plimsoll.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let halts = "kind = \"binance-spot\"\nforeign_orders = \"halt\"";
    std::fs::write(&path, text.replace("kind = \"binance-spot\"", halts)).unwrap();
    rests(&mut gateway, &venue);

    let mut twin = Gateway::prepare(&venue.addr, RESTER);
    twin.start();
    let halted = |entry: &&Entry| {
        matches!(entry.record, Record::Trading { state: TradingState::Halted, .. })
    };
    gateway.wait(40, "it halts", |entries| entries.iter().any(|e| halted(&e)));
    let entries = gateway.entries();
    let noticed = entries.iter().find(halted).unwrap();
    let theirs = prepared(&twin.entries());
    let first = theirs.values().min().unwrap();
    assert!(noticed.at.since(*first) < DETECT_MAX, "{:?}", noticed.at.since(*first));
    let foreign = |e: &&Entry| match &e.record {
        Record::Foreign { order } => theirs.contains_key(&order.client_order_id),
        _ => false,
    };
    assert!(entries.iter().any(|e| foreign(&e)), "{}", gateway.log());
    // The twin has seen this one's orders, too: they were there before it.
    assert!(twin.entries().iter().any(|e| matches!(e.record, Record::Foreign { .. })));
    assert!(twin.stop().success(), "{}", twin.log());
    assert!(gateway.stop().success(), "{}", gateway.log());
}
