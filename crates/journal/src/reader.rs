//! Reads a journal that another process may be writing.

use std::path::{Path, PathBuf};

use model::Entry;
use rusqlite::Connection;

use crate::sqlite::{open_to_read, read};
use crate::storage::StoreError;
use crate::summary::Summary;

/// A journal opened for reading.
#[derive(Debug)]
pub struct JournalReader {
    path: PathBuf,
    connection: Connection,
}

impl JournalReader {
    /// Opens a journal that exists.
    pub fn open(path: &Path) -> Result<JournalReader, StoreError> {
        if !path.exists() {
            let problem = "does not exist; start a gateway with this `store` first";
            return Err(StoreError::unusable(path, problem));
        }
        Ok(JournalReader { path: path.to_owned(), connection: open_to_read(path)? })
    }

    /// Hands over every entry with a number above `after`, oldest first.
    pub fn replay(
        &self,
        after: u64,
        each: &mut dyn FnMut(u64, Entry) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        read(&self.path, &self.connection, after, each)
    }

    /// Counts over the whole journal.
    pub fn summary(&self) -> Result<Summary, StoreError> {
        let mut summary = Summary::default();
        self.replay(0, &mut |_, entry| {
            summary.add(&entry);
            Ok(())
        })?;
        Ok(summary)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::sample;
    use crate::{Sqlite, Storage};

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
}
