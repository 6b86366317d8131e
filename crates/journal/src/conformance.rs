//! What every store must do.

use model::{Entry, StoreTag};

use crate::samples::sample;
use crate::{Memory, Sqlite, Storage, StoreError};

fn collect(store: &mut dyn Storage, after: u64) -> Vec<(u64, Entry)> {
    let mut found = Vec::new();
    store
        .replay(after, &mut |seq, entry| {
            found.push((seq, entry));
            Ok(())
        })
        .unwrap();
    found
}

/// The suite that every store passes.
fn conforms(store: &mut dyn Storage) {
    let entries = sample();
    assert_eq!(store.append(&[]).unwrap(), 0, "nothing is written by writing nothing");
    assert_eq!(store.append(&entries[..1]).unwrap(), 1);
    assert_eq!(store.append(&entries[1..]).unwrap(), entries.len() as u64);
    let numbered: Vec<(u64, Entry)> = (1..).zip(entries.iter().cloned()).collect();
    assert_eq!(collect(store, 0), numbered, "every record reads back as it was written");
    assert_eq!(collect(store, 5), numbered[5..]);
    assert_eq!(collect(store, entries.len() as u64), []);
    let mut seen = 0;
    let stopped = store.replay(0, &mut |seq, _| {
        seen = seq;
        if seq == 3 { Err(StoreError::Lost("enough".to_owned())) } else { Ok(()) }
    });
    assert!(stopped.is_err() && seen == 3, "a reader can stop");
    let sessions: Vec<u64> = (0..3).map(|_| store.take_session().unwrap()).collect();
    assert_eq!(sessions, [1, 2, 3]);
    let tags = [7, 8].map(|number| store.take_tag(StoreTag::new(number)).unwrap());
    assert_eq!(tags, [StoreTag::new(7); 2], "the first one is kept");
}

#[test]
fn memory_conforms() {
    conforms(&mut Memory::default());
}

#[test]
fn sqlite_conforms() {
    let directory = tempfile::tempdir().unwrap();
    conforms(&mut Sqlite::open(&directory.path().join("j.db")).unwrap());
}
