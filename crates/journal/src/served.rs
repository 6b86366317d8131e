//! What a store on a server must do beyond the suite of all stores: survive what happens on the way
//! to it, and belong to one gateway at a time. Run on each of the two kinds.

use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use model::{Entry, StoreTag};

use crate::conformance::{collect, conforms, keeps, keeps_snapshots};
use crate::lease::{LEASE, RENEWED_AFTER};
use crate::patience::{OnWait, Wait};
use crate::samples::entry;
use crate::storage::{Storage, StoreError};
use crate::{Address, Filter, JournalReader, Summary};

/// A server, and the store on it.
pub(crate) trait Stage {
    /// A journal of this name at this host and port; the server's own when `None`.
    fn address(&self, at: Option<&str>, name: &str) -> Address;
    fn port(&self) -> u16;
    fn kill(&mut self);
    fn restart(&mut self);
    fn pause(&self);
    fn resume(&self);
    /// What it says it keeps of this journal is gone behind this entry.
    fn lose_behind(&self, name: &str, seq: u64);
    /// Its lease says this epoch, and that it is somebody else's.
    fn lend_to_other(&self, name: &str, epoch: u64);
    /// Opens with bounds of its own: on the server's absence, and on a predecessor's presence.
    fn open(
        &self,
        address: &Address,
        tell: OnWait,
        away_max: Duration,
        take_over_max: Duration,
    ) -> Result<Box<dyn Storage>, StoreError>;
}

const LONG: Duration = Duration::from_secs(30);

fn open(stage: &dyn Stage, address: &Address) -> Box<dyn Storage> {
    stage.open(address, Box::new(|_, _| {}), LONG, Duration::ZERO).unwrap()
}

/// With the waits it tells of.
fn open_heard(
    stage: &dyn Stage,
    address: &Address,
    away_max: Duration,
) -> (Box<dyn Storage>, Receiver<Wait>) {
    let (tell, told) = channel();
    let tell: OnWait = Box::new(move |wait, _| drop(tell.send(wait.clone())));
    (stage.open(address, tell, away_max, LEASE * 2).unwrap(), told)
}

/// The suite of all stores, readers and several journals on one server.
pub(crate) fn is_a_store(stage: &dyn Stage) {
    conforms(&mut *open(stage, &stage.address(None, "plimsoll")));
    let snapshots = stage.address(None, "snapshots");
    keeps_snapshots(&mut *open(stage, &snapshots));
    let mut again = open(stage, &snapshots);
    again.check().unwrap();
    assert_eq!(again.append(&[entry(1)]).unwrap(), 2_508, "also after opening again");
    let reader = JournalReader::of(&snapshots).unwrap();
    assert_eq!(reader.snapshots().unwrap(), again.snapshots().unwrap());
    assert_eq!(reader.last().unwrap(), 2_508);
    drop(again);
    let kept = stage.address(None, "kept");
    keeps(&mut || open(stage, &kept));
    reads(stage);
}

/// A reader finds what SQLite's finds.
fn reads(stage: &dyn Stage) {
    let entries = crate::samples::sample();
    let address = stage.address(None, "read");
    let error = JournalReader::of(&address).unwrap_err().to_string();
    assert!(error.contains("nothing has been written"), "{error}");
    let mut store = open(stage, &address);
    store.append(&entries).unwrap();
    let reader = JournalReader::of(&address).unwrap();
    let find = |wanted: &Filter| {
        let mut found = Vec::new();
        reader
            .find(wanted, &mut |seq, entry| {
                assert_eq!(entry, entries[usize::try_from(seq).unwrap() - 1]);
                found.push(seq);
                Ok(())
            })
            .unwrap();
        found
    };
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("j.db");
    crate::Sqlite::open(&path).unwrap().append(&entries).unwrap();
    let file = JournalReader::open(&path).unwrap();
    let at = crate::samples::at;
    let all = Filter::default();
    for wanted in [
        all.clone(),
        Filter { kind: Some("filled".to_owned()), ..all.clone() },
        Filter { kind: Some("nothing' OR 1 --".to_owned()), ..all.clone() },
        Filter { agent: Some(model::AgentId::new("trend").unwrap()), ..all.clone() },
        Filter {
            client_order_id: Some(model::ClientOrderId::new("trend-1-1").unwrap()),
            after: 7,
            ..all.clone()
        },
        Filter {
            instrument: Some(model::InstrumentId::new("BTC-USDT").unwrap()),
            from: Some(at(4)),
            until: Some(at(14)),
            ..all.clone()
        },
        Filter { after: u64::MAX, ..all.clone() },
    ] {
        let mut expected = Vec::new();
        file.find(&wanted, &mut |seq, _| {
            expected.push(seq);
            Ok(())
        })
        .unwrap();
        assert_eq!(find(&wanted), expected, "{wanted:?}");
    }
    assert_eq!(reader.counts().unwrap(), file.counts().unwrap());
    assert_eq!(reader.last().unwrap(), entries.len() as u64);
    assert_eq!(reader.summary().unwrap(), Summary::from_entries(&entries));
    let holder = reader.holder().unwrap().unwrap();
    assert!(holder.starts_with(&format!("{} on ", std::process::id())), "{holder}");
    drop(store);
    assert_eq!(reader.holder().unwrap(), None, "a clean end gives it back");
    let stop = || Err(StoreError::Lost("enough".to_owned()));
    assert!(reader.find(&all, &mut |_, _| stop()).is_err());
}

/// The connection breaks before the question or before the answer: nothing twice, no hole.
pub(crate) fn settles_what_was_lost(stage: &dyn Stage) {
    let proxy = servers::Proxy::before(stage.port()).unwrap();
    let address = stage.address(Some(proxy.address()), "plimsoll");
    let mut store = open(stage, &address);
    store.append(&[entry(0)]).unwrap();
    let mut written = vec![entry(0)];
    for round in 1..40 {
        match round % 3 {
            0 => proxy.lose_answer(),
            1 => proxy.lose_question(),
            _ => {}
        }
        let part: Vec<Entry> = (0..round % 5 + 1).map(|n| entry(round * 10 + n)).collect();
        written.extend_from_slice(&part);
        assert_eq!(store.append(&part).unwrap(), written.len() as u64);
        assert!(!proxy.is_armed(), "it broke when it should");
    }
    proxy.lose_answer();
    assert_eq!(store.take_tag(StoreTag::new(3)).unwrap(), StoreTag::new(3));
    proxy.lose_answer();
    assert_eq!(store.take_session().unwrap(), 1, "taken when it was opened");
    let next = store.take_session().unwrap();
    assert!(next > 1, "{next}: numbers may be left out, none comes twice");
    assert_eq!(store.append(&[entry(7)]).unwrap(), written.len() as u64 + 1);
    written.push(entry(7));
    let found: Vec<Entry> = collect(&mut *store, 0).into_iter().map(|(_, entry)| entry).collect();
    assert_eq!(found, written);
}

/// A server that crashes, hangs or cannot be reached for a moment is waited for, and that is said;
/// what was said to be written is there.
pub(crate) fn waits_for_its_server(stage: &mut dyn Stage) {
    let proxy = servers::Proxy::before(stage.port()).unwrap();
    let address = stage.address(Some(proxy.address()), "plimsoll");
    let (mut store, told) = open_heard(stage, &address, LONG);
    store.append(&[entry(1)]).unwrap();

    stage.kill();
    let write = std::thread::spawn(move || (store.append(&[entry(2), entry(3)]), store));
    let Wait::Away { problem, max } = told.recv_timeout(LONG).unwrap() else { panic!() };
    assert!(problem.contains("check that the server is up"), "{problem}");
    assert_eq!(max, LONG);
    stage.restart();
    let (written, mut store) = write.join().unwrap();
    assert_eq!(written.unwrap(), 3);

    proxy.hold();
    let write = std::thread::spawn(move || (store.append(&[entry(4)]), store));
    told.recv_timeout(LONG).unwrap();
    proxy.heal();
    let (written, mut store) = write.join().unwrap();
    assert_eq!(written.unwrap(), 4);
    stage.pause();
    let write = std::thread::spawn(move || (store.append(&[entry(5)]), store));
    told.recv_timeout(LONG).unwrap();
    stage.resume();
    let (written, mut store) = write.join().unwrap();
    assert_eq!(written.unwrap(), 5);
    let found: Vec<Entry> = collect(&mut *store, 0).into_iter().map(|(_, entry)| entry).collect();
    assert_eq!(found, (1..=5).map(entry).collect::<Vec<_>>());
}

/// The wait has an end, and what was not written then may be written later.
pub(crate) fn gives_up_on_its_server(stage: &dyn Stage) {
    let proxy = servers::Proxy::before(stage.port()).unwrap();
    let address = stage.address(Some(proxy.address()), "plimsoll");
    let (mut store, _told) = open_heard(stage, &address, Duration::from_millis(300));
    store.append(&[entry(1)]).unwrap();
    proxy.cut();
    let since = Instant::now();
    let error = store.append(&[entry(2)]).unwrap_err().to_string();
    assert!(since.elapsed() < Duration::from_secs(5), "{error}");
    assert!(error.contains("check that the server is up"), "{error}");
    assert!(!error.contains("hush"), "{error}");
    proxy.heal();
    assert_eq!(store.append(&[entry(2)]).unwrap(), 2);
}

/// One holder at a time; who holds it and how long still is said to the one who waits; the one who
/// was outrun writes nothing more.
pub(crate) fn has_one_holder(stage: &dyn Stage) {
    let proxy = servers::Proxy::before(stage.port()).unwrap();
    let address = stage.address(None, "plimsoll");
    let by_proxy = stage.address(Some(proxy.address()), "plimsoll");
    let (mut first, _told) = open_heard(stage, &by_proxy, Duration::from_millis(300));
    assert_eq!(first.take_session().unwrap(), 1);
    first.append(&[entry(1)]).unwrap();

    // It is alive and renews: the second one gives up and names it.
    let (stop, stopped) = channel::<()>();
    let renew = std::thread::spawn(move || {
        while stopped.recv_timeout(Duration::from_millis(100)).is_err() {
            first.append(&[]).unwrap();
        }
        first
    });
    let since = Instant::now();
    let quiet: OnWait = Box::new(|_, _| {});
    let refused = stage.open(&address, quiet, LONG, LEASE + RENEWED_AFTER);
    match refused.err() {
        Some(StoreError::InUse { holder, .. }) => {
            assert!(holder.starts_with(&format!("{} on ", std::process::id())), "{holder}");
        }
        other => panic!("{other:?}"),
    }
    assert!(since.elapsed() >= LEASE);
    stop.send(()).unwrap();
    let mut first = renew.join().unwrap();
    first.append(&[entry(2)]).unwrap();

    // It is cut off: the second one waits for the lease to end, is told so, and takes over.
    proxy.cut();
    assert!(first.append(&[]).is_ok(), "not due yet");
    let since = Instant::now();
    let (mut second, told) = open_heard(stage, &address, LONG);
    let waited = since.elapsed();
    assert!(waited > LEASE - RENEWED_AFTER && waited < LEASE * 2, "{waited:?}");
    let Wait::Held { holder, left } = told.recv().unwrap() else { panic!() };
    assert!(holder.contains(" on ") && left <= LEASE && left > LEASE / 2, "{holder} {left:?}");
    assert_eq!(second.take_session().unwrap(), 2);
    assert_eq!(second.append(&[entry(3)]).unwrap(), 3);

    // It comes back and finds out, whatever it does first.
    proxy.heal();
    for _ in 0..2 {
        let error = first.append(&[entry(4)]).unwrap_err();
        assert!(matches!(error, StoreError::Outrun { .. }), "{error}");
        assert!(error.to_string().contains("as session 2; this was session 1"), "{error}");
    }
    let error = first.append(&[]).unwrap_err();
    assert!(matches!(error, StoreError::Outrun { .. }), "{error}");
    assert!(matches!(first.take_session(), Err(StoreError::Outrun { .. })));
    // And gives nothing back that is not its own.
    drop(first);
    assert_eq!(second.append(&[entry(4)]).unwrap(), 4);
    let reader = JournalReader::of(&address).unwrap();
    assert!(reader.holder().unwrap().is_some());
    assert_eq!(reader.last().unwrap(), 4);
    // After a clean end the next one waits for nothing.
    drop(second);
    let since = Instant::now();
    let mut third = open(stage, &address);
    assert!(since.elapsed() < Duration::from_secs(2));
    assert_eq!(third.take_session().unwrap(), 3);
}

/// A server took over, or came back, with an older copy: that is no successor, and told from one.
pub(crate) fn knows_what_is_lost(stage: &dyn Stage) {
    let written = |name: &str| {
        let mut store = open(stage, &stage.address(None, name));
        assert_eq!(store.take_session().unwrap(), 1);
        store.append(&[entry(1), entry(2), entry(3)]).unwrap();
        store
    };
    let forgot = |done: Result<u64, StoreError>, said: &str| {
        let error = done.unwrap_err();
        assert!(matches!(error, StoreError::Forgot { .. }), "{error}");
        assert!(error.to_string().contains(said), "{error}");
        assert!(error.to_string().contains("start again"), "{error}");
    };
    let mut store = written("tail");
    stage.lose_behind("tail", 2);
    for _ in 0..2 {
        let said = "it ends with entry 2, not with entry 3 as session 1 left it";
        forgot(store.append(&[entry(4)]), said);
    }

    // Nothing is to be written: it is found out when the lease is renewed.
    let mut store = written("idle");
    stage.lose_behind("idle", 1);
    let end = Instant::now() + LONG;
    let mut kept = store.append(&[]);
    while kept.is_ok() {
        assert!(Instant::now() < end, "nobody notices");
        std::thread::sleep(Duration::from_millis(100));
        kept = store.append(&[]);
    }
    forgot(kept, "it ends with entry 1, not with entry 3");

    // Not even that it was lent to this one is known.
    let mut store = written("epoch");
    stage.lend_to_other("epoch", 0);
    forgot(store.append(&[entry(4)]), "it knows of no session after 0, and this is session 1");

    // Lent a second time under the same number, or later: there is a successor.
    for (name, epoch) in [("again", 1), ("later", 2)] {
        let mut store = written(name);
        stage.lend_to_other(name, epoch);
        for entries in [&[entry(4)][..], &[]] {
            let done = store.append(entries);
            if entries.is_empty() && done.is_ok() {
                // Not due yet.
                continue;
            }
            let error = done.unwrap_err();
            assert!(matches!(error, StoreError::Outrun { .. }), "{error}");
            let said = format!("as session {epoch}; this was session 1");
            assert!(error.to_string().contains(&said), "{error}");
        }
        // And gives nothing back that is not its own.
        drop(store);
        assert!(JournalReader::of(&stage.address(None, name)).unwrap().holder().unwrap().is_some());
    }
}
