//! What PostgreSQL says, in our words, with what to do about it.

use std::error::Error as _;

use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

use crate::place::Place;
use crate::storage::StoreError;

/// A server that cannot be asked now.
pub(super) fn away(place: &Place, problem: &str) -> StoreError {
    StoreError::unusable(place, format!("{problem}; check that the server is up and reachable"))
}

/// May it be over soon? Then it is certain of nothing: the question may have been carried out.
pub(super) fn is_passing(error: &Error) -> bool {
    let Some(state) = error.code() else {
        // No word of the server: the connection broke, or could not be made.
        return error.is_closed() || io(error).is_some();
    };
    // Shut down, crashed, starting up; a lock or a limit that somebody else holds.
    let states = [
        SqlState::ADMIN_SHUTDOWN,
        SqlState::CRASH_SHUTDOWN,
        SqlState::CANNOT_CONNECT_NOW,
        SqlState::TOO_MANY_CONNECTIONS,
        SqlState::QUERY_CANCELED,
        SqlState::LOCK_NOT_AVAILABLE,
        SqlState::T_R_SERIALIZATION_FAILURE,
        SqlState::T_R_DEADLOCK_DETECTED,
        SqlState::OUT_OF_MEMORY,
        SqlState::IDLE_SESSION_TIMEOUT,
    ];
    // 08: all that is about connections.
    states.contains(state) || state.code().starts_with("08")
}

/// The error of a store from PostgreSQL's.
pub(super) fn explain(place: &Place, error: &Error) -> StoreError {
    let problem = words(error);
    let unusable = |advice: &str| StoreError::unusable(place, format!("{problem}; {advice}"));
    let place = place.clone();
    let Some(state) = error.code() else {
        return match io(error) {
            Some(_) => away(&place, &problem),
            None if error.is_closed() => away(&place, &problem),
            None => StoreError::Unusable { place, problem },
        };
    };
    match state {
        _ if is_passing(error) => away(&place, &problem),
        // Entries are numbered by their one writer; a number that is taken is another attempt's.
        &SqlState::UNIQUE_VIOLATION => StoreError::Outrun { place, problem },
        &SqlState::DISK_FULL => StoreError::DiskFull { place },
        &SqlState::READ_ONLY_SQL_TRANSACTION | &SqlState::INSUFFICIENT_PRIVILEGE => {
            StoreError::NotWritable { place, problem }
        }
        &SqlState::INVALID_PASSWORD | &SqlState::INVALID_AUTHORIZATION_SPECIFICATION => {
            unusable("check the user, the password (`store_password`) and the server's pg_hba.conf")
        }
        &SqlState::INVALID_CATALOG_NAME => unusable("create the database"),
        &SqlState::DATA_CORRUPTED | &SqlState::INDEX_CORRUPTED => {
            StoreError::Broken { place, problem }
        }
        &SqlState::UNDEFINED_TABLE
        | &SqlState::UNDEFINED_COLUMN
        | &SqlState::DATATYPE_MISMATCH
        | &SqlState::WRONG_OBJECT_TYPE => StoreError::Foreign { place, problem },
        &SqlState::IO_ERROR => unusable("check the server's disk"),
        _ => StoreError::Unusable { place, problem },
    }
}

/// The server's words where there are any: the library's own hide them behind "db error".
fn words(error: &Error) -> String {
    if let Some(said) = error.as_db_error() {
        return format!("{} ({})", said.message(), said.code().code());
    }
    match error.source() {
        Some(cause) => cause.to_string(),
        None => error.to_string(),
    }
}

fn io(error: &Error) -> Option<&std::io::Error> {
    error.source()?.downcast_ref()
}
