//! Tests of the SQLite store: what survives, what is found, what is refused.

use super::*;
use crate::samples::{entry, sample};

fn open(directory: &tempfile::TempDir) -> Sqlite {
    Sqlite::open(&directory.path().join("j.db")).unwrap()
}

fn damage(directory: &tempfile::TempDir, sql: &str) {
    let connection = Connection::open(directory.path().join("j.db")).unwrap();
    connection.execute_batch(sql).unwrap();
}

fn replayed(directory: &tempfile::TempDir) -> Result<u64, StoreError> {
    let mut count = 0;
    open(directory).replay(0, &mut |_, _| {
        count += 1;
        Ok(())
    })?;
    Ok(count)
}

#[test]
fn what_was_written_is_there_after_opening_again() {
    let directory = tempfile::tempdir().unwrap();
    let entries = sample();
    let mut first = open(&directory);
    assert_eq!(first.append(&entries[..3]).unwrap(), 3);
    assert_eq!(first.take_session().unwrap(), 1);
    drop(first);
    let mut second = open(&directory);
    assert_eq!(second.take_session().unwrap(), 2);
    second.append(&entries[3..]).unwrap();
    let mut found = Vec::new();
    second
        .replay(0, &mut |_, entry| {
            found.push(entry);
            Ok(())
        })
        .unwrap();
    assert_eq!(found, entries);
}

#[test]
fn a_damaged_middle_names_its_entry() {
    for (sql, seq) in [
        ("UPDATE journal SET body = replace(body, 'one', 'two') WHERE seq = 2", 2),
        ("DELETE FROM journal WHERE seq = 2", 2),
        ("UPDATE journal SET chain = zeroblob(32) WHERE seq = 3", 3),
    ] {
        let directory = tempfile::tempdir().unwrap();
        open(&directory).append(&[entry(1), entry(2), entry(3), entry(4)]).unwrap();
        damage(&directory, sql);
        match replayed(&directory) {
            Err(StoreError::Damaged { seq: named, .. }) => assert_eq!(named, seq, "{sql}"),
            other => panic!("{sql}: {other:?}"),
        }
    }
}

/// A tail that is gone leaves a shorter journal that is right in itself.
#[test]
fn a_missing_tail_is_shorter_and_not_damaged() {
    let directory = tempfile::tempdir().unwrap();
    open(&directory).append(&[entry(1), entry(2), entry(3)]).unwrap();
    damage(&directory, "DELETE FROM journal WHERE seq = 3");
    assert_eq!(replayed(&directory).unwrap(), 2);
    assert_eq!(open(&directory).append(&[entry(9)]).unwrap(), 3);
    assert_eq!(replayed(&directory).unwrap(), 3);
}

#[test]
fn one_writer_at_a_time_and_the_second_is_told_who() {
    let directory = tempfile::tempdir().unwrap();
    let _held = open(&directory);
    match Sqlite::open(&directory.path().join("j.db")) {
        Err(StoreError::InUse { holder, .. }) => {
            assert_eq!(holder, std::process::id().to_string());
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn files_that_are_no_journal_are_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("j.db");
    std::fs::write(&path, "not a database at all, but long enough to look at").unwrap();
    assert!(matches!(Sqlite::open(&path), Err(StoreError::Foreign { .. })));
    std::fs::remove_file(&path).unwrap();
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE other (x)").unwrap();
    assert!(matches!(Sqlite::open(&path), Err(StoreError::Foreign { .. })));
    let nowhere = directory.path().join("no/such/j.db");
    assert!(matches!(Sqlite::open(&nowhere), Err(StoreError::NoDirectory { .. })));
}

#[test]
fn a_later_layout_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    drop(open(&directory));
    damage(&directory, "PRAGMA user_version = 99");
    let error = Sqlite::open(&directory.path().join("j.db")).unwrap_err().to_string();
    assert!(error.contains("version 99"), "{error}");
}

#[test]
fn views_answer_in_plain_words() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = open(&directory);
    store.append(&sample()).unwrap();
    let count = |view: &str| -> i64 {
        let sql = format!("SELECT count(*) FROM {view}");
        store.connection.query_row(&sql, [], |row| row.get(0)).unwrap()
    };
    assert_eq!((count("orders"), count("fills"), count("decisions")), (1, 1, 1));
    let row: (String, String, String) = store
        .connection
        .query_row("SELECT side, price, qty FROM fills", [], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .unwrap();
    assert_eq!(row, ("buy".to_owned(), "60000".to_owned(), "0.5".to_owned()));
    let reason: String =
        store.connection.query_row("SELECT reason FROM decisions", [], |row| row.get(0)).unwrap();
    assert_eq!(reason, "because");
}
