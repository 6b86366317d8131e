//! Looks into a journal in an SQLite file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use model::StoreTag;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, params_from_iter};

use super::anchor::anchor;
use super::explain::explain;
use super::lock::holder;
use super::place::resolve;
use super::rows::{COLUMNS, entry, lines, replay};
use super::{BUSY_MAX, schema, snapshots};
use crate::chain::Hash;
use crate::filter::{Filter, Value};
use crate::source::{Each, EachLine, Source};
use crate::storage::{Snapshot, StoreError};

/// A journal in an SQLite file, opened for reading.
#[derive(Debug)]
pub(crate) struct SqliteReader {
    path: PathBuf,
    connection: Connection,
}

impl SqliteReader {
    /// Opens a journal that exists.
    pub(crate) fn open(path: &Path) -> Result<SqliteReader, StoreError> {
        if !path.exists() {
            let problem = "does not exist; start a gateway with this `store` first";
            return Err(StoreError::unusable(path, problem));
        }
        Ok(SqliteReader { path: path.to_owned(), connection: open_to_read(path)? })
    }
}

impl Source for SqliteReader {
    fn replay(&self, after: u64, each: Each<'_>) -> Result<(), StoreError> {
        replay(&self.path, &self.connection, after, each)
    }

    fn lines(&self, after: u64, max: u64, each: EachLine<'_>) -> Result<(), StoreError> {
        lines(&self.path, &self.connection, (after, max), each)
    }

    fn tag(&self) -> Result<Option<StoreTag>, StoreError> {
        let sql = "SELECT value FROM counters WHERE name = 'store'";
        let number = self.connection.query_row(sql, [], |row| row.get::<_, i64>(0)).optional();
        let number = number.map_err(|error| explain(&self.path, &error))?;
        Ok(number.map(|number| StoreTag::new(number.cast_unsigned())))
    }

    fn snapshots(&self) -> Result<Vec<Snapshot>, StoreError> {
        let found = snapshots::find(&self.connection);
        found.map(|found| found.whole).map_err(|error| explain(&self.path, &error))
    }

    fn find(&self, wanted: &Filter, each: Each<'_>) -> Result<(), StoreError> {
        let sql = |error: rusqlite::Error| explain(&self.path, &error);
        let Some(clauses) = wanted.clauses() else { return Ok(()) };
        let conditions: Vec<String> =
            clauses.iter().map(|(clause, _)| format!("{clause}?")).collect();
        let values = clauses.into_iter().map(|(_, value)| match value {
            Value::Text(text) => rusqlite::types::Value::Text(text),
            Value::Number(number) => rusqlite::types::Value::Integer(number),
        });
        let condition = conditions.join(" AND ");
        let mut select = self
            .connection
            .prepare(&format!("SELECT {COLUMNS} FROM journal WHERE {condition} ORDER BY seq"))
            .map_err(sql)?;
        let mut rows = select.query(params_from_iter(values)).map_err(sql)?;
        while let Some(row) = rows.next().map_err(sql)? {
            let seq = row.get::<_, i64>(0).map_err(sql)?.cast_unsigned();
            each(seq, entry(&self.path, seq, row)?)?;
        }
        Ok(())
    }

    fn counts(&self) -> Result<BTreeMap<String, u64>, StoreError> {
        let sql = |error: rusqlite::Error| explain(&self.path, &error);
        let mut select = self
            .connection
            .prepare("SELECT kind, count(*) FROM journal GROUP BY kind")
            .map_err(sql)?;
        let rows = select
            .query_map([], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?.cast_unsigned())))
            .map_err(sql)?;
        rows.collect::<Result<_, _>>().map_err(sql)
    }

    fn hash_at(&self, seq: u64) -> Result<Option<Hash>, StoreError> {
        let sql = |error: rusqlite::Error| explain(&self.path, &error);
        let (removed, hash) = anchor(&self.connection).map_err(sql)?;
        if removed == seq {
            return Ok(Some(hash));
        }
        let select = "SELECT chain FROM journal WHERE seq = ?1";
        let found = self.connection.query_row(select, [seq.cast_signed()], |row| row.get(0));
        found.optional().map_err(sql)
    }

    fn last(&self) -> Result<u64, StoreError> {
        self.connection
            .query_row("SELECT coalesce(max(seq), 0) FROM journal", [], |row| row.get::<_, i64>(0))
            .map(i64::cast_unsigned)
            .map_err(|error| explain(&self.path, &error))
    }

    fn holder(&self) -> Result<Option<String>, StoreError> {
        Ok(holder(&self.path))
    }
}

/// A connection that can only read.
fn open_to_read(path: &Path) -> Result<Connection, StoreError> {
    let path = resolve(path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let sql = |error: rusqlite::Error| explain(&path, &error);
    let connection = Connection::open_with_flags(&path, flags).map_err(sql)?;
    connection.busy_timeout(BUSY_MAX).map_err(sql)?;
    schema::check(&path, &connection)?;
    Ok(connection)
}
