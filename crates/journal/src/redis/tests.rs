//! Tests of the Redis store on real servers: what survives, what is found, what is refused.

use super::*;
use crate::Address;
use crate::samples::entry;
use crate::served::{self, Stage};

impl Stage for servers::Redis {
    fn address(&self, at: Option<&str>, name: &str) -> Address {
        let url = at.map_or_else(|| self.url(), |at| self.url_at(at));
        Address::parse(&format!("{url}?prefix={name}"), std::path::Path::new(".")).unwrap()
    }
    fn port(&self) -> u16 {
        self.port()
    }
    fn kill(&mut self) {
        self.kill();
    }
    fn restart(&mut self) {
        self.restart().unwrap();
    }
    fn pause(&self) {
        self.pause();
    }
    fn resume(&self) {
        self.resume();
    }
    fn lose_behind(&self, name: &str, seq: u64) {
        // As an older copy has it: the stream knows of no later number either.
        for gone in seq + 1..=seq + 10 {
            self.command(&format!("XDEL {name}:journal {gone}-0")).unwrap();
        }
        self.command(&format!("XSETID {name}:journal {seq}-0")).unwrap();
    }
    fn lend_to_other(&self, name: &str, epoch: u64) {
        self.command(&format!("HSET {name}:counters epoch {epoch} holder 1")).unwrap();
        // The parts of a command have no spaces in them, so this one has no name.
        self.command(&format!("SET {name}:lease 1-1 PX 3600000")).unwrap();
    }
    fn open(
        &self,
        address: &Address,
        tell: OnWait,
        away_max: Duration,
        take_over_max: Duration,
    ) -> Result<Box<dyn Storage>, StoreError> {
        let Address::Redis(url) = address else { panic!("{address}") };
        let mut store = Redis::open_within(url, tell, take_over_max)?;
        store.patience.away_max = away_max;
        Ok(Box::new(store))
    }
}

fn open(server: &servers::Redis) -> Result<Redis, StoreError> {
    let url = Url::parse(&server.url()).unwrap().unwrap();
    Redis::open_within(&url, Box::new(|_, _| {}), Duration::ZERO)
}

#[test]
fn it_is_a_store() {
    let Some(server) = servers::redis("the suite of all stores") else { return };
    served::is_a_store(&server);
}

#[test]
fn lost_answers_are_settled() {
    let Some(server) = servers::redis("lost answers") else { return };
    served::settles_what_was_lost(&server);
}

#[test]
fn a_server_that_is_away_is_waited_for() {
    let Some(mut server) = servers::redis("a server that is away") else { return };
    served::gives_up_on_its_server(&server);
    server.command("FLUSHALL").unwrap();
    served::waits_for_its_server(&mut server);
}

#[test]
fn one_gateway_holds_it() {
    let Some(server) = servers::redis("one gateway at a time") else { return };
    served::has_one_holder(&server);
}

#[test]
fn what_is_lost_is_no_successor() {
    let Some(server) = servers::redis("a fail-over that lost entries") else { return };
    served::knows_what_is_lost(&server);
}

#[test]
fn a_damaged_journal_names_its_entry() {
    let Some(server) = servers::redis("a damaged journal") else { return };
    let mut store = open(&server).unwrap();
    store.append(&[entry(1), entry(2), entry(3)]).unwrap();
    server.command("XDEL plimsoll:journal 2-0").unwrap();
    let error = store.replay(0, &mut |_, _| Ok(())).unwrap_err();
    assert!(matches!(error, StoreError::Damaged { seq: 2, .. }), "{error}");
    // The end is looked at before each write.
    server.command("XDEL plimsoll:journal 3-0").unwrap();
    let error = store.append(&[entry(4)]).unwrap_err();
    assert!(matches!(error, StoreError::Forgot { .. }), "{error}");
    server.command("XADD plimsoll:journal 4-0 body x chain y").unwrap();
    let error = open(&server).unwrap_err();
    assert!(matches!(error, StoreError::InUse { .. }), "{error}");
    drop(store);
    let error = open(&server).unwrap_err();
    assert!(matches!(error, StoreError::Damaged { seq: 4, .. }), "{error}");
}

/// What was removed is gone with the anchor's word for it; what is missing without it is damage.
#[test]
fn a_beginning_that_is_missing_is_damage_unless_it_was_removed() {
    let Some(server) = servers::redis("removed entries") else { return };
    for (command, seq) in [
        ("XDEL plimsoll:journal 4-0", 4),
        ("HSET plimsoll:counters removed 2", 3),
        ("XTRIM plimsoll:journal MAXLEN 2", 4),
    ] {
        let mut store = open(&server).unwrap();
        store.append(&(1..=10).map(entry).collect::<Vec<_>>()).unwrap();
        for seq in [4, 6] {
            store.keep_snapshot(&Snapshot { seq, format: 1, body: vec![7; 100] }).unwrap();
        }
        assert_eq!(store.remove_until(3).unwrap(), 3);
        store.check().unwrap();
        server.command(command).unwrap();
        let found = store.check().unwrap_err();
        assert!(
            matches!(found, StoreError::Damaged { seq: at, .. } if at == seq),
            "{command}: {found}"
        );
        drop(store);
        server.command("FLUSHALL").unwrap();
    }
    let mut store = open(&server).unwrap();
    store.append(&(1..=10).map(entry).collect::<Vec<_>>()).unwrap();
    for seq in [4, 6] {
        store.keep_snapshot(&Snapshot { seq, format: 1, body: vec![7; 100] }).unwrap();
    }
    server.command("HSET plimsoll:snapshots 6 x").unwrap();
    let kept: Vec<u64> = store.snapshots().unwrap().iter().map(|kept| kept.seq).collect();
    assert_eq!((kept, store.damaged_snapshots().unwrap()), (vec![4], vec![6]));
}

#[test]
fn what_is_no_journal_is_left_alone() {
    let Some(server) = servers::redis("keys of something else") else { return };
    server.command("XADD plimsoll:journal 1-0 other x").unwrap();
    assert!(matches!(open(&server), Err(StoreError::Foreign { .. })));
    server.command("FLUSHALL").unwrap();
    server.command("SET plimsoll:counters x").unwrap();
    assert!(matches!(open(&server), Err(StoreError::Foreign { .. })));
    server.command("FLUSHALL").unwrap();
    drop(open(&server).unwrap());
    server.command("HSET plimsoll:counters layout 99").unwrap();
    let url = Url::parse(&server.url()).unwrap().unwrap();
    for error in [open(&server).unwrap_err(), RedisReader::open(&url).unwrap_err()] {
        assert!(error.to_string().contains("version 99"), "{error}");
    }
}

#[test]
fn mistakes_are_explained() {
    let Some(server) = servers::redis("wrong addresses") else { return };
    let port = server.port();
    for (url, said) in [
        (format!("redis://:hushhush@127.0.0.1:{port}/0"), "check the user and the password"),
        (format!("redis://127.0.0.1:{port}/0"), "check the user and the password"),
        (format!("redis://:hush@127.0.0.1:{port}/99"), "range"),
        ("redis://:hush@127.0.0.1:1/0".to_owned(), "is up and reachable"),
    ] {
        let url = Url::parse(&url).unwrap().unwrap();
        let error = Redis::open(&url, Box::new(|_, _| {})).unwrap_err().to_string();
        assert!(error.contains(said) && !error.contains("hush"), "{url}: {error}");
        assert!(error.contains("127.0.0.1"), "{error}");
    }
}

#[test]
fn settings_that_lose_a_journal_are_refused() {
    let Some(server) = servers::redis("settings that lose a journal") else { return };
    for (setting, bad, good) in [
        ("appendonly", "no", "yes"),
        ("appendfsync", "everysec", "always"),
        ("no-appendfsync-on-rewrite", "yes", "no"),
    ] {
        server.command(&format!("CONFIG SET {setting} {bad}")).unwrap();
        let error = open(&server).unwrap_err().to_string();
        assert!(error.contains(&format!("{setting} {bad}")), "{error}");
        server.command(&format!("CONFIG SET {setting} {good}")).unwrap();
    }
    server.command("CONFIG SET maxmemory 100mb").unwrap();
    drop(open(&server).unwrap());
    server.command("CONFIG SET maxmemory-policy allkeys-lru").unwrap();
    let error = open(&server).unwrap_err().to_string();
    assert!(error.contains("maxmemory-policy allkeys-lru"), "{error}");
    server.command("CONFIG SET maxmemory-policy noeviction").unwrap();
    server.command("REPLICAOF 127.0.0.1 1").unwrap();
    let error = open(&server).unwrap_err().to_string();
    assert!(error.contains("replica"), "{error}");
    server.command("REPLICAOF NO ONE").unwrap();
    // A user that may not look.
    server.command("ACL SETUSER guest on >hush ~* +@all -config").unwrap();
    let url = format!("redis://guest:hush@127.0.0.1:{}/0", server.port());
    let url = Url::parse(&url).unwrap().unwrap();
    let error = Redis::open(&url, Box::new(|_, _| {})).unwrap_err().to_string();
    assert!(error.contains("does not show its setting appendonly"), "{error}");
}

/// Memory that is full, and a server that has become a replica: nothing of the write is kept, the
/// error says what to do, and with room again the journal goes on without a hole.
#[test]
fn a_write_that_fails_keeps_nothing() {
    let Some(server) = servers::redis("a full memory") else { return };
    let mut store = open(&server).unwrap();
    store.append(&[entry(1)]).unwrap();
    server.command("CONFIG SET maxmemory 1mb").unwrap();
    let error = store.append(&[entry(2), entry(3)]).unwrap_err().to_string();
    assert!(error.contains("its memory is full"), "{error}");
    server.command("CONFIG SET maxmemory 0").unwrap();
    server.command("REPLICAOF 127.0.0.1 1").unwrap();
    let error = store.append(&[entry(2)]).unwrap_err();
    assert!(matches!(error, StoreError::NotWritable { .. }), "{error}");
    server.command("REPLICAOF NO ONE").unwrap();
    assert_eq!(store.append(&[entry(2)]).unwrap(), 2);
}
