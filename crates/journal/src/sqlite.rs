//! Entries in an SQLite file: the store for everything real.
//!
//! WAL with `synchronous=FULL`: a transaction that has returned survives a loss of power. One writer,
//! held by a lock file beside it, and any number of readers meanwhile. Each entry carries a hash over
//! itself and its predecessor's, so that a changed, missing or exchanged entry is found when it is
//! read back.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use model::Entry;
use rusqlite::{Connection, OpenFlags, params};
use sha2::{Digest, Sha256};

use crate::facets::facets;
use crate::storage::{Storage, StoreError};

/// Marks the file as ours: "PLIM".
const APPLICATION_ID: i32 = 0x504c_494d;
/// Layout of the tables; a later one is refused.
const SCHEMA_VERSION: i32 = 1;
/// How long to wait for a reader that holds something.
const BUSY_MAX: Duration = Duration::from_secs(5);

/// The tables, and views with plain names for people who ask in SQL.
const SCHEMA: &str = "
CREATE TABLE journal (
    seq INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    agent TEXT,
    instrument TEXT,
    client_order_id TEXT,
    body TEXT NOT NULL,
    chain BLOB NOT NULL
) STRICT;
CREATE INDEX journal_kind ON journal (kind, at);
CREATE INDEX journal_order ON journal (client_order_id) WHERE client_order_id IS NOT NULL;
CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
INSERT INTO counters VALUES ('session', 0);
CREATE VIEW orders AS SELECT seq, at, agent, instrument, client_order_id,
    body ->> '$.order.side' AS side, body ->> '$.order.kind.type' AS type,
    body ->> '$.order.qty.base' AS qty, body ->> '$.worst_price' AS worst_price
    FROM journal WHERE kind = 'prepared';
CREATE VIEW fills AS SELECT seq, at, instrument, client_order_id,
    body ->> '$.fill.side' AS side, body ->> '$.fill.price' AS price, body ->> '$.fill.qty' AS qty,
    body ->> '$.fill.fee.amount' AS fee, body ->> '$.fill.fee.asset' AS fee_asset,
    body ->> '$.fill.liquidity' AS liquidity, body ->> '$.late' AS late
    FROM journal WHERE kind = 'filled';
CREATE VIEW decisions AS SELECT seq, at, agent, instrument, body ->> '$.intent.id' AS intent,
    body ->> '$.intent.reason' AS reason, body ->> '$.position' AS position,
    body ->> '$.reference' AS reference
    FROM journal WHERE kind = 'decided';
CREATE VIEW refusals AS SELECT seq, at, agent, body ->> '$.intent' AS intent,
    body -> '$.because' AS because
    FROM journal WHERE kind = 'refused';
CREATE VIEW connections AS SELECT seq, at, body ->> '$.link' AS link, body ->> '$.up' AS up,
    body ->> '$.cause' AS cause
    FROM journal WHERE kind = 'link';
";

/// A journal in an SQLite file, held for writing.
#[derive(Debug)]
pub struct Sqlite {
    path: PathBuf,
    connection: Connection,
    chain: [u8; 32],
    last: u64,
    /// Held while this lives; the system lets go of it when the process dies, however it dies.
    _lock: File,
}

impl Sqlite {
    /// Opens or makes the file, and takes it for this process.
    pub fn open(path: &Path) -> Result<Sqlite, StoreError> {
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        if directory.is_some_and(|directory| !directory.is_dir()) {
            return Err(StoreError::NoDirectory { path: path.to_owned() });
        }
        let lock = take_lock(path)?;
        let connection = Connection::open(path).map_err(|error| explain(path, &error))?;
        prepare(path, &connection).map_err(|error| match error {
            Prepare::Sql(error) => explain(path, &error),
            Prepare::Foreign(problem) => StoreError::Foreign { path: path.to_owned(), problem },
        })?;
        let (last, chain) = tail(&connection).map_err(|error| explain(path, &error))?;
        Ok(Sqlite { path: path.to_owned(), connection, chain, last, _lock: lock })
    }

    fn write(&mut self, entries: &[Entry]) -> rusqlite::Result<(u64, [u8; 32])> {
        let (mut last, mut chain) = (self.last, self.chain);
        let transaction = self.connection.transaction()?;
        {
            let mut insert = transaction.prepare_cached(
                "INSERT INTO journal (seq, at, kind, agent, instrument, client_order_id, body, chain)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?;
            for entry in entries {
                let body = body(entry)?;
                last += 1;
                chain = link(&chain, body.as_bytes());
                let facets = facets(&entry.record);
                insert.execute(params![
                    last.cast_signed(),
                    entry.at.nanos(),
                    facets.kind,
                    facets.agent,
                    facets.instrument,
                    facets.client_order_id,
                    body,
                    chain,
                ])?;
            }
        }
        transaction.commit()?;
        Ok((last, chain))
    }
}

impl Storage for Sqlite {
    fn append(&mut self, entries: &[Entry]) -> Result<u64, StoreError> {
        if entries.is_empty() {
            return Ok(self.last);
        }
        let written = self.write(entries).map_err(|error| explain(&self.path, &error))?;
        (self.last, self.chain) = written;
        Ok(self.last)
    }

    fn replay(
        &mut self,
        after: u64,
        each: &mut dyn FnMut(u64, Entry) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        read(&self.path, &self.connection, after, each)
    }

    fn take_session(&mut self) -> Result<u64, StoreError> {
        let sql = "UPDATE counters SET value = value + 1 WHERE name = 'session' RETURNING value";
        let session: i64 = self
            .connection
            .query_row(sql, [], |row| row.get(0))
            .map_err(|error| explain(&self.path, &error))?;
        Ok(session.cast_unsigned())
    }
}

/// Reads entries and checks that they are what was written.
pub(crate) fn read(
    path: &Path,
    connection: &Connection,
    after: u64,
    each: &mut dyn FnMut(u64, Entry) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let sql = |error: rusqlite::Error| explain(path, &error);
    let damaged =
        |seq, problem: String| StoreError::Damaged { path: path.to_owned(), seq, problem };
    let mut chain = [0u8; 32];
    if after > 0 {
        let found = connection.query_row(
            "SELECT chain FROM journal WHERE seq = ?1",
            [after.cast_signed()],
            |row| row.get(0),
        );
        chain = match found {
            Ok(found) => found,
            // Nothing there yet, so nothing behind it either.
            Err(rusqlite::Error::QueryReturnedNoRows) => return Ok(()),
            Err(error) => return Err(sql(error)),
        };
    }
    let mut select = connection
        .prepare_cached("SELECT seq, body, chain FROM journal WHERE seq > ?1 ORDER BY seq")
        .map_err(sql)?;
    let mut rows = select.query([after.cast_signed()]).map_err(sql)?;
    let mut expected = after;
    while let Some(row) = rows.next().map_err(sql)? {
        expected += 1;
        let seq = row.get::<_, i64>(0).map_err(sql)?.cast_unsigned();
        if seq != expected {
            return Err(damaged(expected, "it is missing".to_owned()));
        }
        let body: String = row.get(1).map_err(sql)?;
        let kept: [u8; 32] = row.get(2).map_err(sql)?;
        chain = link(&chain, body.as_bytes());
        if chain != kept {
            return Err(damaged(seq, "its hash does not fit its text".to_owned()));
        }
        let entry = serde_json::from_str(&body).map_err(|error| damaged(seq, error.to_string()))?;
        each(seq, entry)?;
    }
    Ok(())
}

/// The JSON that is kept and hashed.
fn body(entry: &Entry) -> rusqlite::Result<String> {
    serde_json::to_string(entry)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}

/// The next hash of the chain.
fn link(chain: &[u8; 32], body: &[u8]) -> [u8; 32] {
    Sha256::new().chain_update(chain).chain_update(body).finalize().into()
}

fn take_lock(path: &Path) -> Result<File, StoreError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let lock_path = PathBuf::from(name);
    let mut lock = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&lock_path)
        .map_err(|error| StoreError::unusable(&lock_path, error))?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            // Without its id the message is poorer, not wrong.
            let _ = lock.read_to_string(&mut holder);
            let holder = holder.trim().to_owned();
            return Err(StoreError::InUse { path: path.to_owned(), holder });
        }
        Err(TryLockError::Error(error)) => return Err(StoreError::unusable(&lock_path, error)),
    }
    let id = std::process::id().to_string();
    lock.set_len(0)
        .and_then(|()| lock.rewind())
        .and_then(|()| lock.write_all(id.as_bytes()))
        .map_err(|error| StoreError::unusable(&lock_path, error))?;
    Ok(lock)
}

enum Prepare {
    Sql(rusqlite::Error),
    Foreign(String),
}

impl From<rusqlite::Error> for Prepare {
    fn from(error: rusqlite::Error) -> Prepare {
        Prepare::Sql(error)
    }
}

fn prepare(path: &Path, connection: &Connection) -> Result<(), Prepare> {
    connection.busy_timeout(BUSY_MAX)?;
    let application: i32 = connection.pragma_query_value(None, "application_id", |r| r.get(0))?;
    let version: i32 = connection.pragma_query_value(None, "user_version", |r| r.get(0))?;
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if tables == 0 {
        connection.pragma_update(None, "journal_mode", "wal")?;
        let make = format!(
            "BEGIN; {SCHEMA} PRAGMA application_id = {APPLICATION_ID}; \
             PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
        );
        connection.execute_batch(&make)?;
        sync_directory(path);
    } else if application != APPLICATION_ID {
        return Err(Prepare::Foreign("it is a database of another program".to_owned()));
    } else if version != SCHEMA_VERSION {
        return Err(Prepare::Foreign(format!(
            "its layout is version {version}, this program writes {SCHEMA_VERSION}"
        )));
    }
    connection.pragma_update(None, "synchronous", "full")?;
    Ok(())
}

/// A new file's name is durable only when its directory is.
fn sync_directory(path: &Path) {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    if let Ok(directory) = File::open(directory.unwrap_or(Path::new("."))) {
        // Systems that cannot sync a directory keep the name by other means.
        let _ = directory.sync_all();
    }
}

fn tail(connection: &Connection) -> rusqlite::Result<(u64, [u8; 32])> {
    let sql = "SELECT seq, chain FROM journal ORDER BY seq DESC LIMIT 1";
    let found = connection.query_row(sql, [], |row| Ok((row.get::<_, i64>(0)?, row.get(1)?)));
    match found {
        Ok((last, chain)) => Ok((last.cast_unsigned(), chain)),
        Err(rusqlite::Error::QueryReturnedNoRows) => Ok((0, [0; 32])),
        Err(error) => Err(error),
    }
}

/// What SQLite says, with what to do about it.
pub(crate) fn explain(path: &Path, error: &rusqlite::Error) -> StoreError {
    use rusqlite::ErrorCode;
    let code = error.sqlite_error_code();
    let advice = match code {
        Some(ErrorCode::NotADatabase) => {
            let problem = "it is no SQLite file".to_owned();
            return StoreError::Foreign { path: path.to_owned(), problem };
        }
        Some(ErrorCode::DiskFull) => "; free some space on that disk",
        Some(ErrorCode::ReadOnly) => "; make the file and its directory writable",
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
            "; check that the path is right and may be read and written"
        }
        Some(ErrorCode::SystemIoFailure) => "; check the disk",
        _ => "",
    };
    StoreError::unusable(path, format!("{error}{advice}"))
}

/// A connection that can only read, for [`crate::JournalReader`].
pub(crate) fn open_to_read(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection =
        Connection::open_with_flags(path, flags).map_err(|error| explain(path, &error))?;
    connection.busy_timeout(BUSY_MAX).map_err(|error| explain(path, &error))?;
    let application: i32 = connection
        .pragma_query_value(None, "application_id", |row| row.get(0))
        .map_err(|error| explain(path, &error))?;
    if application != APPLICATION_ID {
        let problem = "it is a database of another program".to_owned();
        return Err(StoreError::Foreign { path: path.to_owned(), problem });
    }
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::{entry, sample};

    fn open(directory: &tempfile::TempDir) -> Sqlite {
        Sqlite::open(&directory.path().join("j.db")).unwrap()
    }

    fn damage(directory: &tempfile::TempDir, sql: &str) {
        let connection = Connection::open(directory.path().join("j.db")).unwrap();
        connection.execute_batch(sql).unwrap();
    }

    fn replayed(directory: &tempfile::TempDir) -> Result<u64, StoreError> {
        let mut count = 0;
        open(directory).replay(0, &mut |_, _| {
            count += 1;
            Ok(())
        })?;
        Ok(count)
    }

    #[test]
    fn what_was_written_is_there_after_opening_again() {
        let directory = tempfile::tempdir().unwrap();
        let entries = sample();
        let mut first = open(&directory);
        assert_eq!(first.append(&entries[..3]).unwrap(), 3);
        assert_eq!(first.take_session().unwrap(), 1);
        drop(first);
        let mut second = open(&directory);
        assert_eq!(second.take_session().unwrap(), 2);
        second.append(&entries[3..]).unwrap();
        let mut found = Vec::new();
        second
            .replay(0, &mut |_, entry| {
                found.push(entry);
                Ok(())
            })
            .unwrap();
        assert_eq!(found, entries);
    }

    #[test]
    fn a_damaged_middle_names_its_entry() {
        for (sql, seq) in [
            ("UPDATE journal SET body = replace(body, 'one', 'two') WHERE seq = 2", 2),
            ("DELETE FROM journal WHERE seq = 2", 2),
            ("UPDATE journal SET chain = zeroblob(32) WHERE seq = 3", 3),
        ] {
            let directory = tempfile::tempdir().unwrap();
            open(&directory).append(&[entry(1), entry(2), entry(3), entry(4)]).unwrap();
            damage(&directory, sql);
            match replayed(&directory) {
                Err(StoreError::Damaged { seq: named, .. }) => assert_eq!(named, seq, "{sql}"),
                other => panic!("{sql}: {other:?}"),
            }
        }
    }

    /// A tail that is gone leaves a shorter journal that is right in itself.
    #[test]
    fn a_missing_tail_is_shorter_and_not_damaged() {
        let directory = tempfile::tempdir().unwrap();
        open(&directory).append(&[entry(1), entry(2), entry(3)]).unwrap();
        damage(&directory, "DELETE FROM journal WHERE seq = 3");
        assert_eq!(replayed(&directory).unwrap(), 2);
        assert_eq!(open(&directory).append(&[entry(9)]).unwrap(), 3);
        assert_eq!(replayed(&directory).unwrap(), 3);
    }

    #[test]
    fn one_writer_at_a_time_and_the_second_is_told_who() {
        let directory = tempfile::tempdir().unwrap();
        let _held = open(&directory);
        match Sqlite::open(&directory.path().join("j.db")) {
            Err(StoreError::InUse { holder, .. }) => {
                assert_eq!(holder, std::process::id().to_string());
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn files_that_are_no_journal_are_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("j.db");
        std::fs::write(&path, "not a database at all, but long enough to look at").unwrap();
        assert!(matches!(Sqlite::open(&path), Err(StoreError::Foreign { .. })));
        std::fs::remove_file(&path).unwrap();
        Connection::open(&path).unwrap().execute_batch("CREATE TABLE other (x)").unwrap();
        assert!(matches!(Sqlite::open(&path), Err(StoreError::Foreign { .. })));
        let nowhere = directory.path().join("no/such/j.db");
        assert!(matches!(Sqlite::open(&nowhere), Err(StoreError::NoDirectory { .. })));
    }

    #[test]
    fn a_later_layout_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        drop(open(&directory));
        damage(&directory, "PRAGMA user_version = 99");
        let error = Sqlite::open(&directory.path().join("j.db")).unwrap_err().to_string();
        assert!(error.contains("version 99"), "{error}");
    }

    #[test]
    fn views_answer_in_plain_words() {
        let directory = tempfile::tempdir().unwrap();
        let mut store = open(&directory);
        store.append(&sample()).unwrap();
        let count = |view: &str| -> i64 {
            let sql = format!("SELECT count(*) FROM {view}");
            store.connection.query_row(&sql, [], |row| row.get(0)).unwrap()
        };
        assert_eq!((count("orders"), count("fills"), count("decisions")), (1, 1, 1));
        let row: (String, String, String) = store
            .connection
            .query_row("SELECT side, price, qty FROM fills", [], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })
            .unwrap();
        assert_eq!(row, ("buy".to_owned(), "60000".to_owned(), "0.5".to_owned()));
        let reason: String = store
            .connection
            .query_row("SELECT reason FROM decisions", [], |row| row.get(0))
            .unwrap();
        assert_eq!(reason, "because");
    }
}
