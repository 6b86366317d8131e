//! What SQLite says, in our words, with what to do about it.

use std::path::Path;

use rusqlite::ErrorCode;

use crate::storage::StoreError;

/// The error of a store from SQLite's.
pub(crate) fn explain(path: &Path, error: &rusqlite::Error) -> StoreError {
    let place = path.into();
    let problem = error.to_string();
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => {
            StoreError::Foreign { place, problem: "it is no SQLite file".to_owned() }
        }
        Some(ErrorCode::DatabaseCorrupt) => StoreError::Broken { place, problem },
        Some(ErrorCode::DiskFull) => StoreError::DiskFull { place },
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
            StoreError::NotWritable { place, problem }
        }
        // Entries are numbered by their one writer; a number that is taken is another writer's.
        Some(ErrorCode::ConstraintViolation) => StoreError::Outrun { place, problem },
        Some(ErrorCode::CannotOpen) => StoreError::Unusable {
            place,
            problem: format!("{problem}; check that the path is right and may be read and written"),
        },
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Unusable {
            place,
            problem: format!("{problem}; another program holds it, end that one"),
        },
        Some(ErrorCode::SystemIoFailure) => {
            StoreError::Unusable { place, problem: format!("{problem}; check the disk") }
        }
        _ => StoreError::Unusable { place, problem },
    }
}
