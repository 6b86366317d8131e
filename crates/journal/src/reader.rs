//! Reads a journal that another process may be writing.

use std::collections::BTreeMap;
use std::path::Path;

use model::StoreTag;

use crate::address::Address;
use crate::filter::Filter;
use crate::postgres::PostgresReader;
use crate::redis::RedisReader;
use crate::source::{Each, EachLine, Source};
use crate::sqlite::SqliteReader;
use crate::storage::{Snapshot, StoreError};
use crate::summary::Summary;

/// A journal opened for reading.
pub struct JournalReader {
    source: Box<dyn Source>,
}

impl std::fmt::Debug for JournalReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JournalReader")
    }
}

impl JournalReader {
    /// Opens a journal that exists in an SQLite file.
    pub fn open(path: &Path) -> Result<JournalReader, StoreError> {
        Ok(JournalReader { source: Box::new(SqliteReader::open(path)?) })
    }

    /// Opens a journal that exists, wherever it is. Not for async code.
    pub fn of(address: &Address) -> Result<JournalReader, StoreError> {
        match address {
            Address::Sqlite(path) => JournalReader::open(path),
            Address::Postgres(url) => {
                Ok(JournalReader { source: Box::new(PostgresReader::open(url)?) })
            }
            Address::Redis(url) => Ok(JournalReader { source: Box::new(RedisReader::open(url)?) }),
        }
    }

    /// Hands over every entry with a number above `after`, oldest first, and checks that none is
    /// damaged or missing. A long look keeps the writer's log from shrinking, nothing else.
    pub fn replay(&self, after: u64, each: Each<'_>) -> Result<(), StoreError> {
        self.source.replay(after, each)
    }

    /// Hands over at most `max` entries with a number above `after`, oldest first, each with its text as it was
    /// written, and checks that none is damaged or missing: short looks, for whoever follows a journal for long.
    /// The first number is above `after + 1` where the beginning was removed.
    pub fn lines(&self, after: u64, max: u64, each: EachLine<'_>) -> Result<(), StoreError> {
        self.source.lines(after, max, each)
    }

    /// What tells this journal from every other; `None` before its first gateway has started.
    pub fn tag(&self) -> Result<Option<StoreTag>, StoreError> {
        self.source.tag()
    }

    /// The snapshots that are kept and whole, newest first.
    pub fn snapshots(&self) -> Result<Vec<Snapshot>, StoreError> {
        self.source.snapshots()
    }

    /// Hands over the entries that meet `wanted`, oldest first. Each must be whole in itself;
    /// whether one is missing is only seen by [`JournalReader::replay`].
    pub fn find(&self, wanted: &Filter, each: Each<'_>) -> Result<(), StoreError> {
        self.source.find(wanted, each)
    }

    /// How many entries there are of each kind that there is one of.
    pub fn counts(&self) -> Result<BTreeMap<String, u64>, StoreError> {
        self.source.counts()
    }

    /// Number of the last entry; zero when there is none.
    pub fn last(&self) -> Result<u64, StoreError> {
        self.source.last()
    }

    /// The hash of the entry with this number, which is over all entries before it, too. `None` where it is not
    /// there: it was removed, or never written. Of the last entry that was removed it is still known.
    pub fn hash_at(&self, seq: u64) -> Result<Option<[u8; 32]>, StoreError> {
        self.source.hash_at(seq)
    }

    /// The process that holds the journal, as far as that is known; `None` when nobody does.
    pub fn holder(&self) -> Result<Option<String>, StoreError> {
        self.source.holder()
    }

    /// Counts over the whole journal. An error when its beginning was removed: a part of the counts
    /// would pass for all of them.
    pub fn summary(&self) -> Result<Summary, StoreError> {
        let mut summary = Summary::default();
        let mut expected = 1;
        self.replay(0, &mut |seq, entry| {
            if seq != expected {
                let problem = "counts over all of them were asked for".to_owned();
                return Err(StoreError::Removed { removed: seq - 1, problem });
            }
            expected += 1;
            summary.add(&entry);
            Ok(())
        })?;
        Ok(summary)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::samples::{at, sample};
    use crate::{Sqlite, Storage};
    use rusqlite::Connection;

    #[test]
    fn reads_while_another_writes() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("j.db");
        assert!(JournalReader::open(&path).unwrap_err().to_string().contains("does not exist"));
        let mut store = Sqlite::open(&path).unwrap();
        store.append(&sample()[..2]).unwrap();
        let reader = JournalReader::open(&path).unwrap();
        let count = |after| {
            let mut count = 0;
            reader
                .replay(after, &mut |_, _| {
                    count += 1;
                    Ok(())
                })
                .unwrap();
            count
        };
        assert_eq!(count(0), 2);
        store.append(&sample()[2..5]).unwrap();
        assert_eq!((count(0), count(2), count(5)), (5, 3, 0));
        assert_eq!(count(500), 0, "behind the end there is nothing");
    }

    #[test]
    fn finds_what_was_asked_for_and_counts_kinds() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("j.db");
        let entries = sample();
        let mut store = Sqlite::open(&path).unwrap();
        store.append(&entries).unwrap();
        let reader = JournalReader::open(&path).unwrap();
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
        let all = Filter::default();
        let kind = |kind: &str| Filter { kind: Some(kind.to_owned()), ..all.clone() };
        let agent = model::AgentId::new("trend").unwrap();
        let order = model::ClientOrderId::new("trend-1-1").unwrap();
        let instrument = model::InstrumentId::new("BTC-USDT").unwrap();
        let last = entries.len() as u64;
        for (wanted, expected) in [
            (all.clone(), (1..=last).collect()),
            (kind("filled"), vec![7]),
            (kind("nothing' OR 1 --"), vec![]),
            (Filter { agent: Some(agent), ..all.clone() }, vec![4, 5, 23, 25, 51, 52, 55]),
            (
                Filter { client_order_id: Some(order), ..all.clone() },
                vec![5, 6, 7, 8, 9, 10, 11, 12, 21, 27, 31, 33, 34, 35, 53, 58],
            ),
            (
                Filter { instrument: Some(instrument), ..all.clone() },
                vec![4, 5, 7, 13, 15, 17, 19, 28, 29, 31, 37, 40, 54],
            ),
            (Filter { from: Some(at(3)), until: Some(at(5)), ..all.clone() }, vec![3, 4]),
            (Filter { after: last - 1, ..all.clone() }, vec![last]),
            (Filter { after: 5, instrument: Some(instrument), ..kind("filled") }, vec![7]),
            (Filter { after: 7, ..kind("filled") }, vec![]),
            (Filter { after: u64::MAX, ..all.clone() }, vec![]),
        ] {
            assert_eq!(find(&wanted), expected, "{wanted:?}");
        }
        let counts = reader.counts().unwrap();
        let kinds: BTreeSet<&str> =
            entries.iter().map(|entry| crate::facets::facets(&entry.record).kind).collect();
        assert_eq!((counts["filled"], counts.len()), (1, kinds.len()));
        assert_eq!(reader.last().unwrap(), last);
        assert_eq!(reader.holder().unwrap(), Some(std::process::id().to_string()));
        assert_eq!(reader.summary().unwrap(), Summary::from_entries(&entries));
    }

    #[test]
    fn lines_have_the_text_as_it_was_written_and_come_in_parts() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("j.db");
        let entries = sample();
        let mut store = Sqlite::open(&path).unwrap();
        store.append(&entries).unwrap();
        let reader = JournalReader::open(&path).unwrap();
        assert_eq!(reader.tag().unwrap(), None, "no gateway has started on it");
        let tag = store.take_tag(StoreTag::new(7)).unwrap();
        assert_eq!(reader.tag().unwrap(), Some(tag));
        let lines = |after, max| {
            let mut found = Vec::new();
            reader
                .lines(after, max, &mut |seq, text, entry| {
                    let written = &entries[usize::try_from(seq).unwrap() - 1];
                    assert_eq!(
                        (text, &entry),
                        (&*serde_json::to_string(written).unwrap(), written)
                    );
                    found.push(seq);
                    Ok(())
                })
                .unwrap();
            found
        };
        let last = entries.len() as u64;
        assert_eq!(lines(0, 3), [1, 2, 3]);
        assert_eq!(lines(3, 2), [4, 5], "the one that the chain is taken up at is none of them");
        assert_eq!(lines(last - 1, 100), [last]);
        assert_eq!((lines(last, 100), lines(5, 0)), (vec![], vec![]));
        assert_eq!(lines(0, u64::MAX).len() as u64, last);
    }

    #[test]
    fn a_reader_can_stop_and_a_stranger_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("j.db");
        std::fs::write(&path, "").unwrap();
        let error = JournalReader::open(&path).unwrap_err().to_string();
        assert!(error.contains("nothing has been written"), "{error}");
        Sqlite::open(&path).unwrap().append(&sample()).unwrap();
        let reader = JournalReader::open(&path).unwrap();
        let stop = || Err(StoreError::Lost("enough".to_owned()));
        assert!(reader.find(&Filter::default(), &mut |_, _| stop()).is_err());
        drop(reader);
        Connection::open(&path).unwrap().execute_batch("PRAGMA user_version = 3").unwrap();
        let error = JournalReader::open(&path).unwrap_err().to_string();
        assert!(error.contains("version 3"), "{error}");
        std::fs::write(&path, "no database, but more than a hundred bytes".repeat(9)).unwrap();
        assert!(matches!(JournalReader::open(&path), Err(StoreError::Foreign { .. })));
    }
}
