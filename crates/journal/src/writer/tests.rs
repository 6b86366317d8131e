//! Tests of the writer: shared flushes, order, and what is told when it fails.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use model::StoreTag;

use super::*;
use crate::samples::entry;
use crate::{Memory, Sqlite};

/// Counts transactions, and fails from one of them on.
struct Slow {
    inner: Memory,
    transactions: Arc<AtomicU64>,
    fail_from: u64,
}

impl Storage for Slow {
    fn append(&mut self, entries: &[Entry]) -> Result<u64, StoreError> {
        let number = self.transactions.fetch_add(1, Ordering::Relaxed) + 1;
        // As long as a flush, so that others gather meanwhile.
        std::thread::sleep(std::time::Duration::from_millis(2));
        if number >= self.fail_from {
            return Err(StoreError::Lost("disk full".to_owned()));
        }
        self.inner.append(entries)
    }

    fn replay(
        &mut self,
        after: u64,
        each: &mut dyn FnMut(u64, Entry) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.inner.replay(after, each)
    }

    fn take_tag(&mut self, drawn: StoreTag) -> Result<StoreTag, StoreError> {
        self.inner.take_tag(drawn)
    }

    fn take_session(&mut self) -> Result<u64, StoreError> {
        self.inner.take_session()
    }
}

fn slow(fail_from: u64) -> (JournalWriter, Arc<AtomicU64>) {
    let transactions = Arc::new(AtomicU64::new(0));
    let inner = Memory::default();
    let store = Slow { inner, transactions: Arc::clone(&transactions), fail_from };
    (JournalWriter::spawn(Box::new(store)).unwrap(), transactions)
}

#[test]
fn a_thousand_writes_share_flushes_and_are_told_in_order() {
    let (writer, transactions) = slow(u64::MAX);
    let told = Arc::new(Mutex::new(Vec::new()));
    for number in 0..1_000 {
        let told = Arc::clone(&told);
        writer.handle().append(vec![entry(number)], move |result| {
            told.lock().unwrap().push(result.unwrap());
        });
    }
    drop(writer);
    assert_eq!(*told.lock().unwrap(), (1..=1_000).collect::<Vec<_>>());
    let transactions = transactions.load(Ordering::Relaxed);
    assert!(transactions < 200, "{transactions} transactions for 1000 writes");
}

#[test]
fn after_a_failed_write_nothing_is_believed_any_more() {
    let (writer, _) = slow(2);
    let handle = writer.handle();
    assert_eq!(handle.append_wait(vec![entry(1)]).unwrap(), 1);
    for _ in 0..3 {
        let error = handle.append_wait(vec![entry(2)]).unwrap_err().to_string();
        assert!(error.contains("disk full"), "{error}");
    }
}

/// Whoever holds a handle cannot keep the writer from ending, and is told that it has.
#[test]
fn ending_writes_what_waits_and_tells_who_comes_later() {
    let (writer, _) = slow(u64::MAX);
    let handle = writer.handle();
    let told = Arc::new(Mutex::new(Vec::new()));
    for number in 0..5 {
        let told = Arc::clone(&told);
        handle.append(vec![entry(number)], move |result| {
            told.lock().unwrap().push(result.unwrap());
        });
    }
    drop(writer);
    assert_eq!(*told.lock().unwrap(), [1, 2, 3, 4, 5]);
    assert!(matches!(handle.append_wait(vec![entry(9)]), Err(StoreError::Lost(_))));
}

#[test]
fn a_write_of_nothing_is_told_when_all_before_it_is_durable() {
    let (writer, _) = slow(u64::MAX);
    let handle = writer.handle();
    handle.append(vec![entry(1), entry(2)], drop);
    assert_eq!(handle.append_wait(Vec::new()).unwrap(), 2);
}

/// A store that panics takes the writer with it; nobody waits for ever.
#[test]
fn a_writer_that_dies_leaves_nobody_waiting() {
    struct Dies;
    impl Storage for Dies {
        fn append(&mut self, _: &[Entry]) -> Result<u64, StoreError> {
            std::thread::sleep(std::time::Duration::from_millis(5));
            panic!("on purpose")
        }
        fn replay(
            &mut self,
            _: u64,
            _: &mut dyn FnMut(u64, Entry) -> Result<(), StoreError>,
        ) -> Result<(), StoreError> {
            Ok(())
        }
        fn take_tag(&mut self, drawn: StoreTag) -> Result<StoreTag, StoreError> {
            Ok(drawn)
        }
        fn take_session(&mut self) -> Result<u64, StoreError> {
            Ok(1)
        }
    }
    let writer = JournalWriter::spawn(Box::new(Dies)).unwrap();
    let told = Arc::new(AtomicU64::new(0));
    for number in 0..20 {
        let told = Arc::clone(&told);
        writer.handle().append(vec![entry(number)], move |result| {
            assert!(matches!(result, Err(StoreError::Lost(_))));
            told.fetch_add(1, Ordering::Relaxed);
        });
    }
    drop(writer);
    assert_eq!(told.load(Ordering::Relaxed), 20);
}

/// Many tasks at once on a real disk: every one has its own numbers, and all is there afterwards.
#[test]
fn many_writers_on_sqlite_lose_and_mix_up_nothing() {
    const TASKS: i64 = 8;
    const WRITES: i64 = 125;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("j.db");
    let writer = JournalWriter::spawn(Box::new(Sqlite::open(&path).unwrap())).unwrap();
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let handle = writer.handle();
            std::thread::spawn(move || {
                let write = |n| (task * WRITES + n, vec![entry(task * WRITES + n), entry(-1)]);
                let numbered = (0..WRITES).map(write);
                let told = numbered.map(|(n, entries)| (handle.append_wait(entries).unwrap(), n));
                told.collect::<Vec<_>>()
            })
        })
        .collect();
    let told: Vec<(u64, i64)> = tasks.into_iter().flat_map(|task| task.join().unwrap()).collect();
    drop(writer);
    let mut kept = std::collections::BTreeMap::new();
    let reader = crate::JournalReader::open(&path).unwrap();
    reader
        .replay(0, &mut |seq, entry| {
            kept.insert(seq, entry);
            Ok(())
        })
        .unwrap();
    assert_eq!(kept.len() as i64, 2 * TASKS * WRITES);
    for (last, number) in told {
        assert_eq!(kept[&(last - 1)], entry(number), "told {last}");
        assert_eq!(kept[&last], entry(-1));
    }
}

/// Who must not wait hears at once that there is no room, and everybody else is written.
#[test]
fn a_full_queue_is_said_at_once() {
    let (writer, _) = slow(u64::MAX);
    let handle = writer.handle();
    let (kept, lost) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let writes = 3 * (QUEUE_MAX + BATCH_MAX) as u64;
    for _ in 0..writes {
        let (kept, lost) = (Arc::clone(&kept), Arc::clone(&lost));
        handle.append_now(vec![entry(1)], move |result| {
            let count = if result.is_ok() { kept } else { lost };
            count.fetch_add(1, Ordering::Relaxed);
        });
    }
    assert!(lost.load(Ordering::Relaxed) > 0, "there was room for all of {writes}");
    drop(writer);
    assert_eq!(kept.load(Ordering::Relaxed) + lost.load(Ordering::Relaxed), writes);
}
