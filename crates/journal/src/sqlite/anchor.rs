//! Where the chain of the entries that are kept begins.

use rusqlite::Connection;

use crate::chain::{self, Hash};

/// The layout of the tables.
pub(super) fn layout(connection: &Connection) -> rusqlite::Result<i32> {
    connection.query_row("PRAGMA user_version", [], |row| row.get(0))
}

/// The last entry that was removed, and its hash.
pub(super) fn anchor(connection: &Connection) -> rusqlite::Result<(u64, Hash)> {
    if layout(connection)? < 2 {
        return Ok((0, chain::START));
    }
    let found = connection.query_row("SELECT seq, chain FROM anchor", [], |row| {
        Ok((row.get::<_, i64>(0)?.cast_unsigned(), row.get(1)?))
    });
    match found {
        Err(rusqlite::Error::QueryReturnedNoRows) => Ok((0, chain::START)),
        found => found,
    }
}
