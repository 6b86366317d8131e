//! Tests of the upkeep: what is kept is what was written, and what goes is what it has in it.

use std::sync::{Arc, Mutex};

use super::*;
use crate::samples::entry;
use crate::{JournalReader, JournalWriter, Memory, Sqlite, StoreError};

/// Keeps the number of entries and the time of the last.
#[derive(Clone, Default)]
struct Count(u64, i64);

impl Fold for Count {
    fn add(&mut self, entry: &Entry) {
        *self = Count(self.0 + 1, entry.at.nanos());
    }
    fn format(&self) -> u32 {
        7
    }
    fn body(&self) -> Vec<u8> {
        format!("{} {}", self.0, self.1).into_bytes()
    }
}

/// Upkeep that counts on from so many entries, and what trouble it had.
fn upkeep(from: u64, keep: Option<u64>) -> (Upkeep, Arc<Mutex<Vec<String>>>) {
    let troubles = Arc::new(Mutex::new(Vec::new()));
    let told = troubles.clone();
    let trouble = Box::new(move |text| told.lock().unwrap().push(text));
    (
        Upkeep {
            fold: Box::new(Count(from, 0)),
            from: (from, 0),
            every: 100,
            keep,
            readers: None,
            trouble,
        },
        troubles,
    )
}

fn snapshot(seq: i64) -> Snapshot {
    let at = entry(seq).at.nanos();
    Snapshot { seq: seq.cast_unsigned(), format: 7, body: format!("{seq} {at}").into_bytes() }
}

#[test]
fn a_run_ends_with_a_snapshot_of_all_of_it_and_the_next_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("j.db");
    let mut written = 0;
    for run in [250, 1, 40] {
        let store = Box::new(Sqlite::open(&path).unwrap());
        let (upkeep, troubles) = upkeep(written, None);
        let writer = JournalWriter::spawn_with(store, upkeep).unwrap();
        for _ in 0..run {
            written += 1;
            writer.handle().append_wait(vec![entry(written.cast_signed())]).unwrap();
        }
        drop(writer);
        assert!(troubles.lock().unwrap().is_empty());
        let kept = JournalReader::open(&path).unwrap().snapshots().unwrap();
        assert_eq!(kept[0], snapshot(written.cast_signed()));
    }
    // A run in which nothing was written makes none.
    let writer =
        JournalWriter::spawn_with(Box::new(Sqlite::open(&path).unwrap()), upkeep(291, None).0);
    drop(writer.unwrap());
    let kept = JournalReader::open(&path).unwrap().snapshots().unwrap();
    assert_eq!(kept.iter().map(|kept| kept.seq).collect::<Vec<_>>(), [291, 251]);
}

/// Gateways that are killed before they have written enough: what their starts read does not pile up.
#[test]
fn entries_behind_the_last_snapshot_count_across_runs() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("j.db");
    Sqlite::open(&path).unwrap().append(&(1..=99).map(entry).collect::<Vec<_>>()).unwrap();
    let (upkeep, _) = upkeep(99, None);
    let upkeep = Upkeep { from: (99, 99), ..upkeep };
    let writer = JournalWriter::spawn_with(Box::new(Sqlite::open(&path).unwrap()), upkeep).unwrap();
    writer.handle().append_wait(vec![entry(100)]).unwrap();
    let end = std::time::Instant::now() + std::time::Duration::from_secs(10);
    let reader = JournalReader::open(&path).unwrap();
    while reader.snapshots().unwrap().is_empty() {
        assert!(std::time::Instant::now() < end, "no snapshot is made");
        std::thread::sleep(std::time::Duration::from_millis(5));
        writer.handle().append_wait(Vec::new()).unwrap();
    }
    assert_eq!(reader.snapshots().unwrap(), [snapshot(100)]);
}

/// Writers that never pause: what is old goes all the same, faster than they write.
#[test]
fn old_entries_go_between_writes_that_never_pause() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("j.db");
    let (upkeep, troubles) = upkeep(0, Some(0));
    let mut keeper = Keeper::spawn(Upkeep { every: 2_000, ..upkeep }).unwrap();
    let mut storage = Sqlite::open(&path).unwrap();
    let mut most = 0;
    for round in 0..100 {
        let batch: Vec<Entry> = (round * 500 + 1..=round * 500 + 500).map(entry).collect();
        let last = storage.append(&batch).unwrap();
        keeper.written(last, batch);
        // Time for the other thread; what is looked at here is who removes, not who is faster.
        std::thread::sleep(std::time::Duration::from_millis(5));
        keeper.after_write(&mut storage);
        let mut kept = 0;
        storage
            .replay(last.saturating_sub(20_000), &mut |_, _| {
                kept += 1;
                Ok(())
            })
            .unwrap();
        most = most.max(kept);
    }
    keeper.end(&mut storage, true);
    let size = std::fs::metadata(&path).unwrap().len();
    assert!(size < 6_000_000, "{size} bytes for {most} entries");
    assert!(most < 12_000, "{most} entries were kept of 50000 written");
    assert!(troubles.lock().unwrap().is_empty());
    storage.check().unwrap();
}

#[test]
fn old_entries_go_while_nobody_waits_and_as_many_as_wanted_stay() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("j.db");
    let store = Box::new(Sqlite::open(&path).unwrap());
    let (upkeep, troubles) = upkeep(0, Some(150));
    let writer = JournalWriter::spawn_with(store, upkeep).unwrap();
    for number in 1..=1_000 {
        writer.handle().append_wait(vec![entry(number)]).unwrap();
    }
    let reader = JournalReader::open(&path).unwrap();
    let first = || {
        let mut first = 0;
        // Stops at the first one.
        let _ = reader.replay(0, &mut |seq, _| {
            first = seq;
            Err(StoreError::Lost("enough".to_owned()))
        });
        first
    };
    let end = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while first() < 500 {
        assert!(std::time::Instant::now() < end, "nothing is removed: {}", first());
        std::thread::sleep(std::time::Duration::from_millis(5));
        // A write wakes the writer, as each does while a gateway runs.
        writer.handle().append_wait(Vec::new()).unwrap();
    }
    drop(writer);
    assert!(first() <= 1_000 - 150 + 1, "{} is the first that is left", first());
    assert!(troubles.lock().unwrap().is_empty());
    Sqlite::open(&path).unwrap().check().unwrap();
}

/// Entries that a reader has not had stay, up to a bound; beyond it they go, and it is said once.
#[test]
fn entries_that_a_reader_still_has_to_have_stay_up_to_a_bound() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("j.db");
    let had = Arc::new(std::sync::atomic::AtomicU64::new(0));
    let asked = had.clone();
    let readers = Readers {
        had: Box::new(move || asked.load(std::sync::atomic::Ordering::Relaxed)),
        held_max: 5_000,
    };
    let (upkeep, troubles) = upkeep(0, Some(0));
    let upkeep = Upkeep { every: 500, readers: Some(readers), ..upkeep };
    let mut keeper = Keeper::spawn(upkeep).unwrap();
    let mut storage = Sqlite::open(&path).unwrap();
    let reader_path = path.clone();
    let first = move || {
        let mut first = 0;
        let reader = JournalReader::open(&reader_path).unwrap();
        reader
            .lines(0, 1, &mut |seq, _, _| {
                first = seq;
                Ok(())
            })
            .unwrap();
        first
    };
    let mut rounds = 0..;
    let mut write = |times: usize| {
        for round in rounds.by_ref().take(times) {
            let batch: Vec<Entry> = (round * 500 + 1..=round * 500 + 500).map(entry).collect();
            let last = storage.append(&batch).unwrap();
            keeper.written(last, batch);
            std::thread::sleep(std::time::Duration::from_millis(20));
            keeper.after_write(&mut storage);
        }
    };
    write(8);
    assert_eq!(first(), 1, "nothing was had, and less than the bound waits");
    had.store(1_700, std::sync::atomic::Ordering::Relaxed);
    write(2);
    assert_eq!(first(), 1_701, "what was had goes, and nothing behind it");
    assert!(troubles.lock().unwrap().is_empty());
    write(40);
    assert!(first() > 1_701, "beyond the bound they go");
    let troubles = troubles.lock().unwrap();
    assert_eq!(troubles.len(), 1, "{troubles:?}");
    assert!(troubles[0].contains("1700 only"), "{troubles:?}");
}

/// A store whose snapshots fail.
struct Full(Memory);

impl Storage for Full {
    fn append(&mut self, entries: &[Entry]) -> Result<u64, StoreError> {
        self.0.append(entries)
    }
    fn replay(
        &mut self,
        after: u64,
        each: &mut dyn FnMut(u64, Entry) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.0.replay(after, each)
    }
    fn take_tag(&mut self, drawn: model::StoreTag) -> Result<model::StoreTag, StoreError> {
        self.0.take_tag(drawn)
    }
    fn take_session(&mut self) -> Result<u64, StoreError> {
        self.0.take_session()
    }
    fn keep_snapshot(&mut self, _: &Snapshot) -> Result<(), StoreError> {
        Err(StoreError::Lost("no room".to_owned()))
    }
}

/// Larger than a piece: others are written between its pieces, and one that a run left half is no snapshot.
#[test]
fn a_large_snapshot_is_stored_piece_by_piece() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("j.db");
    let mut storage = Sqlite::open(&path).unwrap();
    storage.append(&[entry(1), entry(2)]).unwrap();
    let body: Vec<u8> = (0..400_000u32).map(|number| number as u8).collect();
    let large = |seq| Snapshot { seq, format: 1, body: body.clone() };
    let mut stored = storage.keep_piece(&large(1), 0).unwrap();
    assert!(stored < body.len());
    assert!(storage.snapshots().unwrap().is_empty(), "half of it is none");
    drop(storage);
    let mut storage = Sqlite::open(&path).unwrap();
    assert!(storage.damaged_snapshots().unwrap().is_empty(), "nor is it damaged");
    let mut pieces = 0;
    stored = 0;
    while stored < body.len() {
        stored = storage.keep_piece(&large(1), stored).unwrap();
        storage.append(&[entry(3)]).unwrap();
        pieces += 1;
    }
    assert_eq!((pieces, storage.snapshots().unwrap()), (4, vec![large(1)]));
    for seq in 2..=5 {
        storage.keep_snapshot(&large(seq)).unwrap();
        let kept: Vec<u64> = storage.snapshots().unwrap().iter().map(|kept| kept.seq).collect();
        assert_eq!(kept, [seq, seq - 1]);
    }
    storage.check().unwrap();
    drop(storage);
    let size = std::fs::metadata(&path).unwrap().len();
    assert!(size < 1_600_000, "{size} bytes: those that were let go of are still there");
}

#[test]
fn a_snapshot_that_fails_is_said_and_stops_nothing() {
    let (upkeep, troubles) = upkeep(0, Some(1));
    let writer = JournalWriter::spawn_with(Box::new(Full(Memory::default())), upkeep).unwrap();
    for number in 1..=120 {
        assert_eq!(
            writer.handle().append_wait(vec![entry(number)]).unwrap(),
            number.cast_unsigned()
        );
    }
    drop(writer);
    let troubles = troubles.lock().unwrap();
    assert!(
        !troubles.is_empty() && troubles.iter().all(|text| text.contains("no room")),
        "{troubles:?}"
    );
}
