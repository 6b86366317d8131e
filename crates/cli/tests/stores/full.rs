//! RST-04: a server whose disk or memory is full, or that may only be read, under a gateway that trades:
//! nothing that adds risk leaves, what rests is taken back, it is said, and nothing is lost. The same for a
//! file is in `journal_damage.rs`, on a real file system that is full.

use std::time::{Duration, Instant};

use crate::common::{Venue, assert_agrees, buyer};
use crate::kept::{Kept, prepare};
use crate::{RESTER, arrived, open_at, prepared};

/// `says` is what the alert says to do.
fn takes_no_more(kept: &dyn Kept, says: &str, seed: u16, fill: impl Fn(), free: impl Fn()) {
    let venue = Venue::start(&["--market", &format!("synthetic:{seed}")]);
    let mut gateway = prepare(&venue.addr, RESTER, kept);
    gateway.add(&buyer(&gateway));
    gateway.start();
    gateway.wait(40, "its quotes rest and it trades", |entries| {
        prepared(entries).len() >= 4 && open_at(&venue) == 2
    });
    fill();
    let full = Instant::now();
    // One may have been on its way.
    let sent = arrived(&venue).len() + 1;
    assert_eq!(gateway.wait_for_end(30).code(), Some(1), "{}", gateway.log());
    let log = gateway.log();
    assert!(log.contains(says), "{log}");
    assert!(log.contains("the journal failed: taking back entry orders"), "{log}");
    assert!(!log.contains("panicked"), "{log}");
    assert_eq!(open_at(&venue), 0, "{log}");
    assert!(arrived(&venue).len() <= sent, "nothing leaves that is not written down: {log}");
    assert!(full.elapsed() < Duration::from_secs(25), "it does not wait for what does not pass");
    let written = prepared(&gateway.entries());
    for id in arrived(&venue).keys() {
        assert!(written.keys().any(|known| known.as_str() == id), "{id} is in the journal");
    }
    free();
    gateway.start();
    gateway.wait(40, "it trades again", |entries| prepared(entries).len() > written.len() + 2);
    assert!(gateway.stop().success(), "{}", gateway.log());
    assert_agrees(&gateway, &venue);
}

#[test]
fn a_full_disk_under_postgres() {
    let Some(server) = servers::postgres("a full disk under a gateway") else { return };
    let full = || {
        server
            .sql(
                "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                     RAISE 'no space left on device' USING ERRCODE = '53100'; END $$;
                 CREATE TRIGGER full_disk BEFORE INSERT ON plimsoll.journal
                     FOR EACH ROW EXECUTE FUNCTION full_disk()",
            )
            .unwrap();
    };
    let free = || server.sql("DROP FUNCTION full_disk CASCADE").unwrap();
    takes_no_more(&server, "the disk is full; free some space", 71, full, free);
}

#[test]
fn a_postgres_that_may_only_be_read() {
    let Some(server) = servers::postgres("a read-only server under a gateway") else { return };
    let set = |to: &str| {
        server.sql(&format!("ALTER SYSTEM SET default_transaction_read_only = {to}")).unwrap();
        server.sql("SELECT pg_reload_conf()").unwrap();
    };
    takes_no_more(&server, "read-only transaction", 72, || set("on"), || set("off"));
}

#[test]
fn a_full_memory_under_redis() {
    let Some(server) = servers::redis("a full memory under a gateway") else { return };
    let set = |to: &str| drop(server.command(&format!("CONFIG SET maxmemory {to}")).unwrap());
    takes_no_more(&server, "its memory is full", 73, || set("1mb"), || set("0"));
}

#[test]
fn a_redis_that_may_only_be_read() {
    let Some(server) = servers::redis("a replica under a gateway") else { return };
    let follow = |whom: &str| drop(server.command(&format!("REPLICAOF {whom}")).unwrap());
    takes_no_more(
        &server,
        "on the server that takes writes",
        74,
        || follow("127.0.0.1 1"),
        || follow("NO ONE"),
    );
}
