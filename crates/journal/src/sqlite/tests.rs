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

/// Also one that was made before there were tags.
#[test]
fn the_tag_is_there_after_opening_again() {
    let directory = tempfile::tempdir().unwrap();
    open(&directory).append(&[entry(1)]).unwrap();
    for (drawn, kept) in [(3, 3), (4, 3)] {
        let tag = open(&directory).take_tag(StoreTag::new(drawn)).unwrap();
        assert_eq!(tag, StoreTag::new(kept));
    }
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
    // One row that says the most, for each view.
    for (sql, expected) in [
        (
            "agent, instrument, client_order_id, intent, side, type, qty, price FROM orders",
            "trend BTC-USDT trend-1-1 1 buy limit 0.5 60000",
        ),
        (
            "time, trade_id, side, price, qty, fee, fee_asset, liquidity, late FROM fills",
            "1970-01-01T00:00:07.000Z 5 buy 60000 0.5 0.001 BTC taker 1",
        ),
        (
            "agent, instrument, intent, reason, position, reference FROM decisions",
            "trend BTC-USDT 1 because 0 60000",
        ),
        ("agent, intent, refusal FROM refusals", "trend 2 nothing_to_cancel"),
        ("client_order_id, refusal FROM rejections", "trend-1-1 filter"),
        ("link, up, cause FROM connections", "account 1 subscribed"),
        ("session, version, config FROM sessions", "1 0 x = 1"),
        ("state, cause FROM states", "halted asked for"),
    ] {
        let mut select = store.connection.prepare(&format!("SELECT {sql}")).unwrap();
        let columns = select.column_count();
        let mut rows = select.query([]).unwrap();
        let row = rows.next().unwrap().unwrap();
        let words = (0..columns).map(|column| match row.get(column).unwrap() {
            rusqlite::types::Value::Text(text) => text,
            rusqlite::types::Value::Integer(number) => number.to_string(),
            other => format!("{other:?}"),
        });
        assert_eq!(words.collect::<Vec<_>>().join(" "), expected, "{sql}");
        assert!(rows.next().unwrap().is_none(), "{sql}: one row");
    }
}

/// Questions that are asked of a large journal find their entries by an index.
#[test]
fn questions_do_not_read_everything() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(&directory);
    for (condition, index) in [
        ("kind = 'filled' AND at > 5", "journal_kind (kind=? AND at>?)"),
        ("client_order_id = 'x'", "journal_order (client_order_id=?)"),
        ("agent = 'x'", "journal_agent (agent=?)"),
        ("seq > 7", "PRIMARY KEY (rowid>?)"),
    ] {
        let sql = format!("EXPLAIN QUERY PLAN SELECT body FROM journal WHERE {condition}");
        let plan: String = store.connection.query_row(&sql, [], |row| row.get(3)).unwrap();
        assert!(plan.ends_with(index), "{condition}: {plan}");
    }
}

/// A full disk: nothing of the write is kept, the error says what to do, and with room again the
/// journal goes on without a hole.
#[test]
fn a_full_disk_keeps_nothing_of_a_write() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = open(&directory);
    store.append(&[entry(1)]).unwrap();
    let pages: i64 = store.connection.query_row("PRAGMA page_count", [], |r| r.get(0)).unwrap();
    let limit = |store: &Sqlite, pages: i64| {
        let sql = format!("PRAGMA max_page_count = {pages}");
        let _: i64 = store.connection.query_row(&sql, [], |row| row.get(0)).unwrap();
    };
    limit(&store, pages + 2);
    let many: Vec<Entry> = (2..5_000).map(entry).collect();
    let error = store.append(&many).unwrap_err();
    assert!(matches!(error, StoreError::DiskFull { .. }), "{error}");
    assert!(error.to_string().contains("j.db") && error.to_string().contains("free some space"));
    limit(&store, 1 << 30);
    assert_eq!(store.append(&[entry(2)]).unwrap(), 2);
    drop(store);
    assert_eq!(replayed(&directory).unwrap(), 2);
}

#[test]
fn a_file_that_may_only_be_read_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = open(&directory);
    store.connection.pragma_update(None, "query_only", true).unwrap();
    for error in [store.append(&[entry(1)]).unwrap_err(), store.take_session().unwrap_err()] {
        assert!(matches!(error, StoreError::NotWritable { .. }), "{error}");
    }
}

/// Somebody deletes the lock file and starts a second gateway: the numbers keep the two apart.
#[test]
fn a_writer_that_was_overtaken_fails_and_harms_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let mut first = open(&directory);
    first.append(&[entry(1)]).unwrap();
    std::fs::remove_file(directory.path().join("j.db.lock")).unwrap();
    let mut second = open(&directory);
    second.append(&[entry(2)]).unwrap();
    for _ in 0..2 {
        let error = first.append(&[entry(3), entry(4)]).unwrap_err();
        assert!(matches!(error, StoreError::Outrun { .. }), "{error}");
    }
    assert_eq!(second.append(&[entry(5)]).unwrap(), 3);
    drop((first, second));
    assert_eq!(replayed(&directory).unwrap(), 3);
}

/// However a journal is named, it has one lock.
#[cfg(unix)]
#[test]
fn two_names_of_one_journal_meet_at_one_lock() {
    let directory = tempfile::tempdir().unwrap();
    let _held = open(&directory);
    let link = directory.path().join("link.db");
    std::os::unix::fs::symlink(directory.path().join("j.db"), &link).unwrap();
    std::fs::create_dir(directory.path().join("sub")).unwrap();
    for path in [link, directory.path().join("sub/../j.db")] {
        assert!(matches!(Sqlite::open(&path), Err(StoreError::InUse { .. })), "{path:?}");
    }
}

#[test]
fn names_that_are_no_file_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let inner = directory.path().join("inner");
    std::fs::create_dir(&inner).unwrap();
    for path in [Path::new(""), &inner.join(".."), Path::new("/"), &inner] {
        let error = Sqlite::open(path).unwrap_err();
        assert!(matches!(error, StoreError::Unusable { .. }), "{path:?}: {error}");
    }
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1, "nothing was left there");
    let file = directory.path().join("file");
    std::fs::write(&file, "x").unwrap();
    let error = Sqlite::open(&file.join("j.db")).unwrap_err();
    assert!(matches!(error, StoreError::NoDirectory { .. }), "{error}");
}

/// SQLite has words that read as paths; one of them keeps everything in memory.
#[test]
fn no_path_is_one_of_sqlites_own_words() {
    let directory = tempfile::tempdir().unwrap();
    for name in [":memory:", "file:j.db?mode=memory"] {
        let path = directory.path().join(name);
        Sqlite::open(&path).unwrap().append(&[entry(1)]).unwrap();
        assert!(path.is_file(), "{name}");
        assert_eq!(Sqlite::open(&path).unwrap().append(&[entry(2)]).unwrap(), 2, "{name}");
    }
}

/// A copy made without its log mode gets it back, and the views are the newest ones.
#[test]
fn opening_sets_up_what_a_copy_lost() {
    let directory = tempfile::tempdir().unwrap();
    drop(open(&directory));
    damage(
        &directory,
        "PRAGMA journal_mode = delete; DROP VIEW fills; CREATE VIEW fills AS SELECT 1;
         DROP INDEX journal_kind;",
    );
    let store = open(&directory);
    let mode: String =
        store.connection.query_row("PRAGMA journal_mode", [], |row| row.get(0)).unwrap();
    assert_eq!(mode, "wal");
    let flushes: i64 =
        store.connection.query_row("PRAGMA synchronous", [], |row| row.get(0)).unwrap();
    assert_eq!(flushes, 2, "full");
    store.connection.prepare("SELECT trade_id FROM fills").unwrap();
    store.connection.prepare("SELECT 1 FROM journal INDEXED BY journal_kind").unwrap();
}

#[test]
fn a_missing_counter_is_said() {
    let directory = tempfile::tempdir().unwrap();
    drop(open(&directory));
    damage(&directory, "DELETE FROM counters");
    let error = open(&directory).take_session().unwrap_err();
    assert!(matches!(error, StoreError::Broken { .. }), "{error}");
}

/// Holds the file for writing until it is dropped.
fn hold(directory: &tempfile::TempDir) -> Connection {
    let connection = Connection::open(directory.path().join("j.db")).unwrap();
    connection.execute_batch("BEGIN IMMEDIATE").unwrap();
    connection
}

#[test]
fn a_write_waits_while_another_program_holds_the_file_and_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = open(&directory);
    let (tell, told) = std::sync::mpsc::channel();
    store.on_wait(move |waited| tell.send(waited).unwrap());
    let held = hold(&directory);
    let release = std::thread::spawn(move || {
        let waited = told.recv_timeout(Duration::from_secs(10)).unwrap();
        drop(held);
        waited
    });
    assert_eq!(store.append(&[entry(1), entry(2)]).unwrap(), 2);
    assert!(release.join().unwrap() >= WRITE_BUSY_LOOK);
    assert_eq!(store.append(&[entry(3)]).unwrap(), 3);
    drop(store);
    assert_eq!(replayed(&directory).unwrap(), 3);
}

#[test]
fn taking_the_tag_waits_like_a_write() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = open(&directory);
    let (tell, told) = std::sync::mpsc::channel();
    store.on_wait(move |waited| tell.send(waited).unwrap());
    let held = hold(&directory);
    let release = std::thread::spawn(move || {
        told.recv_timeout(Duration::from_secs(10)).unwrap();
        drop(held);
    });
    assert_eq!(store.take_tag(StoreTag::new(3)).unwrap(), StoreTag::new(3));
    release.join().unwrap();
}

#[test]
fn the_wait_for_another_program_has_an_end() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = open(&directory);
    store.write_busy_max = Duration::from_millis(100);
    let held = hold(&directory);
    let error = store.append(&[entry(1)]).unwrap_err().to_string();
    assert!(error.contains("another program holds it"), "{error}");
    drop(held);
    assert_eq!(store.append(&[entry(1)]).unwrap(), 1, "nothing was written before");
}

/// A journal of before there were snapshots is read, and brought up to date by who opens it to write.
#[test]
fn a_journal_of_the_first_layout_is_read_and_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    open(&directory).append(&sample()).unwrap();
    damage(
        &directory,
        "DROP TABLE snapshots; DROP TABLE snapshot_pieces; DROP TABLE anchor; PRAGMA user_version = 1",
    );
    let reader = crate::JournalReader::open(&directory.path().join("j.db")).unwrap();
    assert!(reader.snapshots().unwrap().is_empty());
    assert_eq!(reader.summary().unwrap().sessions, 1);
    drop(reader);
    let last = sample().len() as u64;
    let mut store = open(&directory);
    store.keep_snapshot(&Snapshot { seq: last, format: 1, body: vec![1] }).unwrap();
    assert_eq!(store.snapshots().unwrap().len(), 1);
    assert_eq!(store.append(&[entry(1)]).unwrap(), last + 1);
}

#[test]
fn a_damaged_snapshot_is_passed_over_for_the_older_one() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = open(&directory);
    store.append(&sample()).unwrap();
    for seq in [3, 5] {
        store.keep_snapshot(&Snapshot { seq, format: 1, body: vec![7; 100] }).unwrap();
    }
    for change in [
        "snapshot_pieces SET body = zeroblob(100)",
        "snapshots SET format = 2",
        "snapshots SET hash = zeroblob(32)",
        "snapshots SET hash = x''",
    ] {
        drop(store);
        std::fs::copy(directory.path().join("j.db"), directory.path().join("kept.db")).unwrap();
        damage(&directory, &format!("UPDATE {change} WHERE seq = 5"));
        store = open(&directory);
        let kept: Vec<u64> = store.snapshots().unwrap().iter().map(|kept| kept.seq).collect();
        assert_eq!(kept, [3], "{change}");
        drop(store);
        std::fs::copy(directory.path().join("kept.db"), directory.path().join("j.db")).unwrap();
        store = open(&directory);
        assert_eq!(store.snapshots().unwrap().len(), 2);
    }
}

/// What was removed is gone with the anchor's word for it; what is missing without it is damage.
#[test]
fn a_beginning_that_is_missing_is_damage_unless_it_was_removed() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = open(&directory);
    store.append(&sample()).unwrap();
    for seq in [4, 6] {
        store.keep_snapshot(&Snapshot { seq, format: 1, body: Vec::new() }).unwrap();
    }
    assert_eq!(store.remove_until(3).unwrap(), 3);
    store.check().unwrap();
    drop(store);
    for (sql, seq) in [
        ("DELETE FROM journal WHERE seq = 4", 4),
        ("UPDATE anchor SET seq = 2", 3),
        ("UPDATE anchor SET chain = zeroblob(32)", 4),
        ("DELETE FROM anchor", 1),
    ] {
        let copy = tempfile::tempdir().unwrap();
        std::fs::copy(directory.path().join("j.db"), copy.path().join("j.db")).unwrap();
        damage(&copy, sql);
        let found = open(&copy).check().unwrap_err();
        assert!(
            matches!(found, StoreError::Damaged { seq: at, .. } if at == seq),
            "{sql}: {found}"
        );
    }
}

/// A snapshot is made of entries that are durable: when it reaches beyond the end, the end was lost.
#[test]
fn an_end_that_a_snapshot_has_in_it_and_the_journal_has_not_is_damage() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = open(&directory);
    store.append(&sample()).unwrap();
    let last = sample().len() as u64;
    store.keep_snapshot(&Snapshot { seq: last, format: 1, body: vec![1] }).unwrap();
    store.check().unwrap();
    drop(store);
    damage(&directory, &format!("DELETE FROM journal WHERE seq > {}", last - 3));
    let mut store = open(&directory);
    let found = store.check().unwrap_err();
    assert!(matches!(found, StoreError::Damaged { seq, .. } if seq == last - 2), "{found}");
    assert_eq!(store.damaged_snapshots().unwrap(), [last], "its last entry is gone");
}

/// The end was lost and others were written in its place: the snapshot is of another history.
#[test]
fn a_snapshot_of_another_history_is_passed_over() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = open(&directory);
    store.append(&[entry(1), entry(2), entry(3)]).unwrap();
    store.keep_snapshot(&Snapshot { seq: 3, format: 1, body: vec![1] }).unwrap();
    drop(store);
    damage(&directory, "DELETE FROM journal WHERE seq = 3");
    let mut store = open(&directory);
    store.append(&[entry(4)]).unwrap();
    store.check().unwrap();
    assert!(store.snapshots().unwrap().is_empty());
    assert_eq!(store.damaged_snapshots().unwrap(), [3]);
}

/// What an older version made is not relied on alone.
#[test]
fn two_snapshots_of_one_form_are_needed_to_remove_anything() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = open(&directory);
    store.append(&sample()).unwrap();
    for (seq, format, removed) in [(3, 1, 0), (5, 2, 0), (7, 2, 5)] {
        store.keep_snapshot(&Snapshot { seq, format, body: Vec::new() }).unwrap();
        assert_eq!(store.remove_until(u64::MAX).unwrap(), removed, "{seq}");
    }
}
