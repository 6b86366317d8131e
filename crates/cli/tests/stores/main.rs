//! Gateways on real servers: trading, status, a server that dies, and gateways that follow each
//! other. Judged by the exchange's own books.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

#[path = "../common/mod.rs"]
mod common;
mod damage;
mod fencing;
mod full;
mod kept;
mod twins;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use common::{Gateway, STORE_PASSWORD, Venue, buyer, plimsoll, stderr};
use model::{ClientOrderId, Entry, Record, Timestamp};

/// How long an order that adds risk may be on its way, with some time for a busy machine.
const VALID: Duration = Duration::from_millis(2_500);

/// A server that keeps a journal.
pub(crate) trait Server {
    fn url(&self) -> String;
    fn kill(&mut self);
    fn restart(&mut self);
    fn pause(&self);
    fn resume(&self);
}

macro_rules! server {
    ($kind:ty) => {
        impl Server for $kind {
            fn url(&self) -> String {
                <$kind>::url(self)
            }
            fn kill(&mut self) {
                <$kind>::kill(self);
            }
            fn restart(&mut self) {
                <$kind>::restart(self).unwrap();
            }
            fn pause(&self) {
                <$kind>::pause(self);
            }
            fn resume(&self) {
                <$kind>::resume(self);
            }
        }
    };
}
server!(servers::Postgres);
server!(servers::Redis);

/// Orders that were written down, and when.
pub(crate) fn prepared(entries: &[Entry]) -> BTreeMap<ClientOrderId, Timestamp> {
    let order = |entry: &Entry| match &entry.record {
        Record::Prepared { order, .. } => Some((order.client_order_id, entry.at)),
        _ => None,
    };
    entries.iter().filter_map(order).collect()
}

/// Orders that reached the exchange, and when.
pub(crate) fn arrived(venue: &Venue) -> BTreeMap<String, Timestamp> {
    let state = venue.state();
    let orders = state["orders"].as_array().unwrap();
    let created = |order: &serde_json::Value| {
        Timestamp::from_millis(order["created"].as_u64().unwrap().cast_signed()).unwrap()
    };
    orders.iter().map(|o| (o["client_id"].as_str().unwrap().to_owned(), created(o))).collect()
}

/// A gateway that buys a little each second and keeps its journal there.
pub(crate) fn trading(venue: &Venue, server: &dyn Server) -> Gateway {
    let mut gateway = Gateway::prepare(&venue.addr, "");
    gateway.keep_in(&server.url());
    gateway.add(&buyer(&gateway));
    gateway
}

fn trades(gateway: &mut Gateway, what: &str, more: usize) {
    let before = prepared(&gateway.entries()).len();
    gateway.wait(40, what, |entries| prepared(entries).len() >= before + more);
}

/// Trades, tells how it is, ends, and goes on from there.
fn it_trades_and_goes_on(server: &dyn Server) {
    let venue = Venue::start(&["--market", "synthetic:31"]);
    let mut gateway = trading(&venue, server);
    let config = gateway.path("plimsoll.toml");
    let status = |args: &[&str]| {
        let mut all = vec!["status", "--config", config.to_str().unwrap()];
        all.extend(args);
        std::process::Command::new(common::BINARY)
            .args(all)
            .env("TEST_STORE", STORE_PASSWORD)
            .output()
            .unwrap()
    };
    let before = status(&[]);
    assert_eq!(before.status.code(), Some(1));
    assert!(stderr(&before).contains("start a gateway"), "{}", stderr(&before));
    for session in 1..=2 {
        gateway.start();
        trades(&mut gateway, "it trades", 2);
        let told = status(&["--json"]);
        assert!(told.status.success(), "{}", stderr(&told));
        let told: serde_json::Value = serde_json::from_slice(&told.stdout).unwrap();
        let process = gateway.process.as_ref().unwrap().0.id();
        assert_eq!((&told["running"], &told["session"]), (&true.into(), &session.into()));
        assert!(told["process"].as_str().unwrap().starts_with(&format!("{process} on ")));
        assert!(gateway.stop().success(), "{}", gateway.log());
        let told = status(&[]);
        assert!(String::from_utf8_lossy(&told.stdout).contains("NOT RUNNING"));
        assert!(!gateway.log().contains(STORE_PASSWORD), "{}", gateway.log());
    }
    common::assert_agrees(&gateway, &venue);
    let journal = format!("{:?}", gateway.entries());
    assert!(journal.contains("store_password") && !journal.contains(STORE_PASSWORD));
    // Where the password is not at hand, that is said.
    let untold = plimsoll(&["status", "--config", config.to_str().unwrap()]);
    assert_eq!(untold.status.code(), Some(2));
    assert!(stderr(&untold).contains("TEST_STORE is not set"), "{}", stderr(&untold));
}

#[test]
fn it_trades_on_postgres() {
    let Some(server) = servers::postgres("a gateway") else { return };
    it_trades_and_goes_on(&server);
}

#[test]
fn it_trades_on_redis() {
    let Some(server) = servers::redis("a gateway") else { return };
    it_trades_and_goes_on(&server);
}

/// Each order that arrived was written down before, arrived in time, and is known to be over.
pub(crate) fn assert_in_time(gateway: &Gateway, venue: &Venue) -> usize {
    let (entries, arrived) = (gateway.entries(), arrived(venue));
    let prepared = prepared(&entries);
    let written: BTreeSet<String> = prepared.keys().map(ToString::to_string).collect();
    for id in arrived.keys() {
        assert!(written.contains(id), "{id} is in the journal");
    }
    let mut held_back = 0;
    for (id, decided) in prepared {
        match arrived.get(id.as_str()) {
            Some(created) => {
                let late = created.since(decided);
                assert!(late < VALID, "{id} arrived {late:?} after it was decided");
            }
            None => held_back += 1,
        }
    }
    held_back
}

/// The server crashes while the gateway trades, and comes back; then it hangs for a while.
fn it_outlives_its_server(server: &mut dyn Server) {
    let venue = Venue::start(&["--market", "synthetic:32"]);
    let mut gateway = trading(&venue, server);
    gateway.start();
    trades(&mut gateway, "it trades", 2);
    for round in 0..2 {
        server.kill();
        let orders = arrived(&venue).len();
        std::thread::sleep(Duration::from_secs(6));
        assert!(gateway.is_alive(), "{}", gateway.log());
        assert!(arrived(&venue).len() <= orders + 1, "nothing leaves that is not written down");
        server.restart();
        trades(&mut gateway, &format!("it trades on after crash {round}"), 2);
    }
    server.pause();
    std::thread::sleep(Duration::from_secs(8));
    server.resume();
    trades(&mut gateway, "it trades on after the pause", 2);
    let log = gateway.log();
    assert!(log.contains("the journal cannot be written"), "{log}");
    assert!(log.contains("an order is not sent"), "{log}");
    assert!(gateway.stop().success(), "{}", gateway.log());
    assert!(assert_in_time(&gateway, &venue) >= 3, "orders of the time without a journal");
    common::assert_agrees(&gateway, &venue);
}

#[test]
fn postgres_crashes_and_comes_back() {
    let Some(mut server) = servers::postgres("a crash under a gateway") else { return };
    it_outlives_its_server(&mut server);
}

#[test]
fn redis_crashes_and_comes_back() {
    let Some(mut server) = servers::redis("a crash under a gateway") else { return };
    it_outlives_its_server(&mut server);
}

/// Orders that are open at the exchange.
pub(crate) fn open_at(venue: &Venue) -> usize {
    let state = venue.state();
    state["orders"].as_array().unwrap().iter().filter(|order| order["status"] == "new").count()
}

/// Runs it until both its orders rest.
pub(crate) fn rests(gateway: &mut Gateway, venue: &Venue) {
    let before = gateway.entries().len();
    gateway.start();
    gateway.wait(40, "its orders rest", |entries| {
        let accepted = |e: &&Entry| matches!(e.record, Record::Accepted { .. });
        entries.iter().skip(before).filter(accepted).count() == 2
    });
    assert_eq!(open_at(venue), 2);
}

/// Its orders rest, far from the market.
pub(crate) const RESTER: &str = "[agent.rester]\nvenue = \"sim\"\nstrategy = \"market-maker\"\n\
                      params = { qty = \"0.001\", half_spread_bps = 100, requote_every = 60000 }\n";

/// The server is gone for good: what rests at the exchange is taken back and the gateway ends, with
/// the cause; the next one on the same journal finds out the rest.
#[test]
fn a_server_that_stays_away_ends_the_gateway() {
    let Some(mut server) = servers::postgres("a server that stays away") else { return };
    let venue = Venue::start(&["--market", "synthetic:33"]);
    let mut gateway = Gateway::prepare(&venue.addr, RESTER);
    gateway.keep_in(&Server::url(&server));
    rests(&mut gateway, &venue);
    server.kill();
    let since = Instant::now();
    let status = gateway.wait_for_end(60);
    assert_eq!(status.code(), Some(1));
    assert!(since.elapsed() > Duration::from_secs(28), "it waits for half a minute");
    let log = gateway.log();
    assert!(log.contains("check that the server is up"), "{log}");
    assert_eq!(open_at(&venue), 0, "{log}");
    server.restart().unwrap();
    gateway.start();
    gateway.wait(40, "the next one trades", |entries| {
        entries.iter().filter(|e| matches!(e.record, Record::Accepted { .. })).count() >= 4
    });
    assert!(gateway.stop().success(), "{}", gateway.log());
    common::assert_agrees(&gateway, &venue);
}
