//! Entries in memory: for backtests and tests, gone with the process.

use model::{Entry, StoreTag};

use crate::storage::{Storage, StoreError};

/// A store in memory.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    entries: Vec<Entry>,
    session: u64,
    tag: Option<StoreTag>,
}

impl Memory {
    /// All entries, oldest first.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }
}

impl Storage for Memory {
    fn append(&mut self, entries: &[Entry]) -> Result<u64, StoreError> {
        self.entries.extend_from_slice(entries);
        Ok(self.entries.len() as u64)
    }

    fn replay(
        &mut self,
        after: u64,
        each: &mut dyn FnMut(u64, Entry) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let skip = usize::try_from(after).unwrap_or(usize::MAX);
        let numbered = (1u64..).zip(&self.entries).skip(skip);
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
}
