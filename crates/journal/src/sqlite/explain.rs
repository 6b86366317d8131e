//! What SQLite says, in our words, with what to do about it.

use std::path::Path;

use rusqlite::ErrorCode;

use crate::storage::StoreError;

/// The error of a store from SQLite's.
pub(crate) fn explain(path: &Path, error: &rusqlite::Error) -> StoreError {
    let path = path.to_owned();
    let problem = error.to_string();
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => {
            StoreError::Foreign { path, problem: "it is no SQLite file".to_owned() }
        }
        Some(ErrorCode::DatabaseCorrupt) => StoreError::Broken { path, problem },
        Some(ErrorCode::DiskFull) => StoreError::DiskFull { path },
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
            StoreError::NotWritable { path, problem }
        }
        // Entries are numbered by their one writer; a number that is taken is another writer's.
        Some(ErrorCode::ConstraintViolation) => StoreError::Outrun { path, problem },
        Some(ErrorCode::CannotOpen) => StoreError::Unusable {
            path,
            problem: format!("{problem}; check that the path is right and may be read and written"),
        },
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Unusable {
            path,
            problem: format!("{problem}; another program holds it, end that one"),
        },
        Some(ErrorCode::SystemIoFailure) => {
            StoreError::Unusable { path, problem: format!("{problem}; check the disk") }
        }
        _ => StoreError::Unusable { path, problem },
    }
}
