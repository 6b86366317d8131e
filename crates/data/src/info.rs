//! What a file holds, after looking at every row.

use std::path::Path;

use crate::batch::Batch;
use crate::check::{Checker, Checks};
use crate::error::{DataError, Place};
use crate::options::{BadRowsAre, Options};
use crate::source::{Meta, Remarks};

/// What a file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Info {
    /// What was known before its first row.
    pub meta: Meta,
    /// What its rows are like.
    pub checks: Checks,
    /// Rows that could not be taken, or were not in order.
    pub remarks: Remarks,
    /// Bytes on the disk.
    pub size: u64,
}

/// Reads the whole file. `progress` is told the bytes that were read, of how many, and the rows.
pub fn inspect(
    path: &Path,
    options: &Options,
    progress: &mut dyn FnMut(u64, u64, u64),
) -> Result<Info, DataError> {
    let size = std::fs::metadata(path)
        .map_err(|error| DataError::Io { file: path.to_owned(), error })?
        .len();
    let options = Options { bad_rows: BadRowsAre::Counted, ..options.clone() };
    let mut source = crate::open(path, &options)?;
    let mut checker = Checker::new(source.meta());
    let mut batch = Batch::new(source.meta().kind);
    let mut conflicts = Remarks::default();
    let mut rows = 0;
    while source.next_batch(&mut batch)? {
        checker.check(&mut batch, |line, problem| {
            let place = Place { file: path.to_owned(), line };
            // Counted, so never an error.
            let _ = conflicts.take(DataError::Row { place, problem }, BadRowsAre::Counted);
        });
        rows += batch.len() as u64;
        progress(source.bytes_read(), size, rows);
    }
    let mut remarks = source.remarks().clone();
    remarks.join(&conflicts);
    Ok(Info { meta: source.meta().clone(), checks: checker.found(), remarks, size })
}
