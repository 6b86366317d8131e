//! Entries in memory: for backtests and tests, gone with the process.

use model::{Entry, StoreTag};

use crate::storage::{
    Known, REMOVED_MAX, SNAPSHOTS_KEPT, Snapshot, Storage, StoreError, removable,
};

/// A store in memory.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    entries: Vec<Entry>,
    /// How many older ones were removed.
    removed: u64,
    snapshots: Vec<Snapshot>,
    session: u64,
    tag: Option<StoreTag>,
}

impl Memory {
    /// All entries that are kept, oldest first.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    fn last(&self) -> u64 {
        self.removed + self.entries.len() as u64
    }
}

impl Storage for Memory {
    fn append(&mut self, entries: &[Entry]) -> Result<u64, StoreError> {
        self.entries.extend_from_slice(entries);
        Ok(self.last())
    }

    fn replay(
        &mut self,
        after: u64,
        each: &mut dyn FnMut(u64, Entry) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let skip = usize::try_from(after.saturating_sub(self.removed)).unwrap_or(usize::MAX);
        let numbered = (self.removed + 1..).zip(&self.entries).skip(skip);
        for (seq, entry) in numbered {
            each(seq, entry.clone())?;
        }
        Ok(())
    }

    fn take_tag(&mut self, drawn: StoreTag) -> Result<StoreTag, StoreError> {
        Ok(*self.tag.get_or_insert(drawn))
    }

    fn take_session(&mut self) -> Result<u64, StoreError> {
        self.session += 1;
        Ok(self.session)
    }

    fn check(&mut self) -> Result<(), StoreError> {
        Ok(())
    }

    fn keep_snapshot(&mut self, snapshot: &Snapshot) -> Result<(), StoreError> {
        if snapshot.seq <= self.last() {
            self.snapshots.retain(|kept| kept.seq != snapshot.seq);
            self.snapshots.push(snapshot.clone());
            self.snapshots.sort_by_key(|kept| std::cmp::Reverse(kept.seq));
            self.snapshots.truncate(SNAPSHOTS_KEPT);
        }
        Ok(())
    }

    fn snapshots(&mut self) -> Result<Vec<Snapshot>, StoreError> {
        Ok(self.snapshots.clone())
    }

    fn remove_until(&mut self, seq: u64) -> Result<u64, StoreError> {
        let whole: Vec<Known> = self.snapshots.iter().map(Known::from).collect();
        let until = removable(&whole).min(seq);
        let count = until.saturating_sub(self.removed).min(REMOVED_MAX);
        self.entries.drain(..usize::try_from(count).unwrap_or(0));
        self.removed += count;
        Ok(count)
    }
}
