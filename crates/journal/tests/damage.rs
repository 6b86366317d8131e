//! What a crash, a bad disk or a clumsy hand does to a journal's files, and what is read then.
//!
//! A torn end may only make the journal shorter: what was cut off was never said to be written. A
//! changed middle may never pass for what was written.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail loudly")]

use std::path::{Path, PathBuf};

use model::{AgentId, Entry, Record, Timestamp};
use plimsoll_journal::{JournalReader, Sqlite, Storage as _, StoreError};
use rusqlite::Connection;

/// Entries of one transaction.
const BATCH: usize = 4;

fn entry(number: usize) -> Entry {
    let agent = AgentId::new("trend").unwrap();
    let at = Timestamp::from_nanos(i64::try_from(number).unwrap() * 1_000_000_007);
    Entry {
        at,
        record: Record::Agent { agent, event: format!("event number {number}"), version: None },
    }
}

fn entries(count: usize) -> Vec<Entry> {
    (0..count).map(entry).collect()
}

fn path_in(directory: &tempfile::TempDir, name: &str) -> PathBuf {
    directory.path().join(name)
}

/// A journal with this many entries, closed.
fn written(path: &Path, count: usize) {
    let mut store = Sqlite::open(path).unwrap();
    for batch in entries(count).chunks(BATCH) {
        store.append(batch).unwrap();
    }
}

fn read(path: &Path) -> Result<Vec<Entry>, StoreError> {
    let mut found = Vec::new();
    Sqlite::open(path)?.replay(0, &mut |_, entry| {
        found.push(entry);
        Ok(())
    })?;
    Ok(found)
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// As a power cut leaves it: the log of the last transactions, cut anywhere.
#[test]
fn a_torn_end_leaves_whole_transactions_and_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let (live, copy) = (path_in(&directory, "live.db"), path_in(&directory, "copy.db"));
    let mut store = Sqlite::open(&live).unwrap();
    for batch in entries(10 * BATCH).chunks(BATCH) {
        store.append(batch).unwrap();
    }
    let log = std::fs::read(beside(&live, "-wal")).unwrap();
    let mut lengths = std::collections::BTreeSet::new();
    for length in (log.len() / 3..=log.len()).rev().step_by(1_777) {
        std::fs::copy(&live, &copy).unwrap();
        std::fs::write(beside(&copy, "-wal"), &log[..length]).unwrap();
        let _ = std::fs::remove_file(beside(&copy, "-shm"));
        let found = match read(&copy) {
            Ok(found) => found,
            Err(error) => panic!("cut at {length}: {error}"),
        };
        assert_eq!(found, entries(found.len()), "cut at {length}");
        assert_eq!(found.len() % BATCH, 0, "cut at {length}: half a transaction");
        lengths.insert(found.len());
        let next = entry(found.len());
        let seq = Sqlite::open(&copy).unwrap().append(&[next]).unwrap();
        assert_eq!(seq, found.len() as u64 + 1);
        assert_eq!(read(&copy).unwrap(), entries(found.len() + 1));
    }
    assert!(lengths.len() > 3, "the cuts were to hit different transactions: {lengths:?}");
}

/// Any byte of the file may turn into another: either it is noticed, or it did not matter.
#[test]
fn a_changed_byte_is_noticed_or_does_not_matter() {
    const COUNT: usize = 60;
    let directory = tempfile::tempdir().unwrap();
    let (whole, copy) = (path_in(&directory, "whole.db"), path_in(&directory, "copy.db"));
    written(&whole, COUNT);
    let bytes = std::fs::read(&whole).unwrap();
    let mut noticed = 0;
    // A step without a common factor with the page size, so that every part of a page is hit.
    for position in (0..bytes.len()).step_by(211) {
        let mut changed = bytes.clone();
        changed[position] ^= 0x11;
        std::fs::write(&copy, &changed).unwrap();
        for suffix in ["-wal", "-shm"] {
            let _ = std::fs::remove_file(beside(&copy, suffix));
        }
        match read(&copy) {
            // The end may be missing, nothing else.
            Ok(found) => assert_eq!(found, entries(found.len()), "byte {position}"),
            Err(_) => noticed += 1,
        }
    }
    assert!(noticed > 20, "{noticed} changes were noticed");
}

#[test]
fn a_changed_text_names_its_entry() {
    let directory = tempfile::tempdir().unwrap();
    let path = path_in(&directory, "j.db");
    written(&path, 200);
    let mut bytes = std::fs::read(&path).unwrap();
    let wanted = b"event number 77\"";
    let position = bytes.windows(wanted.len()).position(|part| part == wanted).unwrap();
    bytes[position] = b'E';
    std::fs::write(&path, bytes).unwrap();
    match read(&path) {
        Err(StoreError::Damaged { seq, .. }) => assert_eq!(seq, 78),
        other => panic!("{other:?}"),
    }
    let reader = JournalReader::open(&path).unwrap();
    assert!(matches!(reader.summary(), Err(StoreError::Damaged { seq: 78, .. })));
}

/// Every column, every type: what does not fit is an error that names the entry.
#[test]
fn rows_edited_by_hand_are_named() {
    for (sql, seq) in [
        ("UPDATE journal SET at = at + 1 WHERE seq = 2", 2),
        ("UPDATE journal SET kind = 'filled' WHERE seq = 2", 2),
        ("UPDATE journal SET agent = 'another' WHERE seq = 3", 3),
        ("UPDATE journal SET agent = NULL WHERE seq = 3", 3),
        ("UPDATE journal SET instrument = 'BTC-USDT' WHERE seq = 3", 3),
        ("UPDATE journal SET client_order_id = '1' WHERE seq = 4", 4),
        ("UPDATE journal SET chain = x'00' WHERE seq = 1", 1),
        ("UPDATE journal SET body = body || ' ' WHERE seq = 5", 5),
        ("UPDATE journal SET body = CAST(x'ff' AS TEXT) WHERE seq = 5", 5),
        ("UPDATE journal SET body = '' WHERE seq = 1", 1),
        ("DELETE FROM journal WHERE seq = 1", 1),
        ("DELETE FROM journal WHERE seq < 4", 1),
        ("UPDATE journal SET seq = 100 WHERE seq = 3", 3),
        (
            "UPDATE journal SET seq = CASE seq WHEN 2 THEN -2 ELSE -3 END WHERE seq IN (2, 3);
          UPDATE journal SET seq = CASE seq WHEN -2 THEN 3 ELSE 2 END WHERE seq < 0",
            2,
        ),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let path = path_in(&directory, "j.db");
        written(&path, 8);
        Connection::open(&path).unwrap().execute_batch(sql).unwrap();
        match read(&path) {
            Err(StoreError::Damaged { seq: named, .. }) => assert_eq!(named, seq, "{sql}"),
            other => panic!("{sql}: {other:?}"),
        }
    }
}

#[test]
fn reading_on_behind_an_entry_that_is_gone_is_noticed() {
    let directory = tempfile::tempdir().unwrap();
    let path = path_in(&directory, "j.db");
    written(&path, 8);
    Connection::open(&path).unwrap().execute_batch("DELETE FROM journal WHERE seq = 5").unwrap();
    let reader = JournalReader::open(&path).unwrap();
    let behind = |after| reader.replay(after, &mut |_, _| Ok(()));
    assert!(matches!(behind(4), Err(StoreError::Damaged { seq: 5, .. })));
    assert!(matches!(behind(5), Err(StoreError::Damaged { seq: 5, .. })));
    assert!(behind(6).is_ok());
    assert!(behind(8).is_ok() && behind(u64::MAX).is_ok());
}

/// A record of a later program is no damage: its hash is right.
#[test]
fn an_entry_of_a_later_program_is_foreign() {
    let directory = tempfile::tempdir().unwrap();
    let path = path_in(&directory, "j.db");
    written(&path, 1);
    // The kind must be changed before the hash is made, so the hash is made here as there.
    let body = r#"{"at":0,"kind":"telepathy"}"#;
    let connection = Connection::open(&path).unwrap();
    let hash = {
        use sha2::Digest as _;
        sha2::Sha256::new().chain_update([0u8; 32]).chain_update(body).finalize().to_vec()
    };
    connection
        .execute("UPDATE journal SET body = ?1, chain = ?2 WHERE seq = 1", (body, hash))
        .unwrap();
    drop(connection);
    match read(&path) {
        Err(StoreError::Foreign { problem, .. }) => assert!(problem.contains("telepathy")),
        other => panic!("{other:?}"),
    }
}
