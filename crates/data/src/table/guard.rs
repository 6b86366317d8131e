//! The Parquet library panics on some files that are damaged: it takes for granted what they promise. Here
//! that becomes the error that it is.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use parquet::errors::ParquetError;

use super::layout;
use crate::error::DataError;

/// Runs what reads a file. After an error what it worked on is not used any more, so it need not be whole.
pub(crate) fn guarded<T>(
    path: &Path,
    work: impl FnOnce() -> Result<T, ParquetError>,
) -> Result<T, DataError> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(done) => done.map_err(|error| layout::damaged(path, &error)),
        Err(_) => Err(DataError::Damaged {
            file: path.to_owned(),
            detail: "its parts do not fit each other".to_owned(),
        }),
    }
}
