//! Rows that a target will never take as they are: kept in a file with the reason, one JSON object a line, so
//! that one such row neither stops all others nor is dropped in silence.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::row::Row;
use crate::target::TargetError;

/// Rows that such a file takes. More than that is no row's fault: the sink stops and says so.
const LETTERS_MAX: u64 = 10_000;

/// The file, which is made with its first row.
#[derive(Debug)]
pub(crate) struct DeadLetters {
    path: PathBuf,
    count: u64,
}

impl DeadLetters {
    pub(crate) fn open(path: PathBuf) -> DeadLetters {
        let lines = File::open(&path).map(|file| BufReader::new(file).lines().count() as u64);
        DeadLetters { path, count: lines.unwrap_or(0) }
    }

    pub(crate) const fn count(&self) -> u64 {
        self.count
    }

    /// Keeps a row; durable when it returns. One that is sent again is kept again.
    pub(crate) fn keep(
        &mut self,
        row: &Row,
        status: u64,
        error: &Value,
    ) -> Result<(), TargetError> {
        let place = self.path.display();
        if self.count >= LETTERS_MAX {
            return Err(TargetError(format!(
                "{place}: holds {} rows that the target did not take, and takes no more; look at what is wrong with \
                 them, then move the file away",
                self.count
            )));
        }
        let line = json!({"id": row.id, "status": status, "error": error, "record": row.json});
        let write = || -> std::io::Result<()> {
            let mut file = File::options().create(true).append(true).open(&self.path)?;
            file.write_all(format!("{line}\n").as_bytes())?;
            file.sync_data()
        };
        write().map_err(|error| TargetError(format!("{place}: cannot be written: {error}")))?;
        self.count += 1;
        Ok(())
    }
}
