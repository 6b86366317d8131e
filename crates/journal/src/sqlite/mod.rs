//! Entries in an SQLite file: the store for everything real.
//!
//! WAL with `synchronous=FULL`: a transaction that has returned survives a loss of power. One writer,
//! held by a lock file beside it, and any number of readers meanwhile. Each entry carries a hash over
//! itself and its predecessor's, so that a changed, missing or exchanged entry is found when it is
//! read back. What a crash cut off at the end was never said to be written, so a shorter journal is
//! right in itself.

mod anchor;
mod explain;
mod lock;
mod place;
mod read;
mod rows;
mod schema;
mod snapshots;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use model::{Entry, StoreTag};
use rusqlite::{Connection, ErrorCode, OpenFlags, params};

use crate::chain::{self, Hash};
use crate::facets::facets;
use crate::storage::{Known, Snapshot, Storage, StoreError, removable};
use place::resolve;

use explain::explain;
pub use lock::holder;
pub(crate) use read::SqliteReader;
use rows::replay;

/// How long opening and reading wait for whoever holds something.
const BUSY_MAX: Duration = Duration::from_secs(5);
/// How long a write waits while nothing is wrong but that another program holds the file.
const WRITE_BUSY_MAX: Duration = Duration::from_secs(30);
/// How often that is said.
const WRITE_BUSY_SAID: Duration = Duration::from_secs(5);
/// How long SQLite itself waits in a write, so that the first word comes soon.
const WRITE_BUSY_LOOK: Duration = Duration::from_secs(1);
/// Pause where SQLite does not wait at all.
const WRITE_BUSY_PAUSE: Duration = Duration::from_millis(20);

/// A journal in an SQLite file, held for writing.
#[derive(Debug)]
pub struct Sqlite {
    path: PathBuf,
    connection: Connection,
    hash: Hash,
    last: u64,
    /// Snapshots that are whole: looked at once, and those that were kept since.
    whole: Option<Vec<Known>>,
    write_busy_max: Duration,
    on_wait: OnWait,
    /// Held while this lives; the system lets go of it when the process dies, however it dies.
    _lock: File,
}

/// Told how long a write has waited for another program.
struct OnWait(Box<dyn FnMut(Duration) + Send>);

impl std::fmt::Debug for OnWait {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OnWait")
    }
}

/// The right to write to a journal, held without writing: while this lives no gateway starts on it.
#[derive(Debug)]
pub struct Hold {
    _lock: File,
}

/// Takes that right.
pub fn hold(path: &Path) -> Result<Hold, StoreError> {
    let path = resolve(path)?;
    Ok(Hold { _lock: lock::take(&path)? })
}

impl Sqlite {
    /// Opens or makes the file, and takes it for this process.
    pub fn open(path: &Path) -> Result<Sqlite, StoreError> {
        let path = resolve(path)?;
        let lock = lock::take(&path)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let sql = |error: rusqlite::Error| explain(&path, &error);
        let mut connection = Connection::open_with_flags(&path, flags).map_err(sql)?;
        connection.busy_timeout(BUSY_MAX).map_err(sql)?;
        schema::prepare(&path, &mut connection)?;
        let (last, hash) = tail(&connection).map_err(sql)?;
        connection.busy_timeout(WRITE_BUSY_LOOK).map_err(sql)?;
        let on_wait = OnWait(Box::new(|_| {}));
        let write_busy_max = WRITE_BUSY_MAX;
        Ok(Sqlite {
            path,
            connection,
            hash,
            last,
            whole: None,
            write_busy_max,
            on_wait,
            _lock: lock,
        })
    }

    /// From now on `tell` hears, on the writing thread and every few seconds, how long a write has
    /// waited for another program that holds the file. It fails when that takes half a minute.
    pub fn on_wait(&mut self, tell: impl FnMut(Duration) + Send + 'static) {
        self.on_wait = OnWait(Box::new(tell));
    }

    /// Does it again while the file is only busy: no harm is done yet, and to end would be one.
    fn patiently<T>(
        &mut self,
        mut write: impl FnMut(&mut Sqlite) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        let since = Instant::now();
        let mut said = None;
        loop {
            let error = match write(self) {
                Err(error) if is_busy(&error) => error,
                done => return done,
            };
            let waited = since.elapsed();
            if waited >= self.write_busy_max {
                return Err(error);
            }
            if said.is_none_or(|said| waited.saturating_sub(said) >= WRITE_BUSY_SAID) {
                said = Some(waited);
                (self.on_wait.0)(waited);
            }
            std::thread::sleep(WRITE_BUSY_PAUSE);
        }
    }

    fn write(&mut self, entries: &[Entry]) -> rusqlite::Result<(u64, Hash)> {
        let (mut last, mut hash) = (self.last, self.hash);
        let transaction = self.connection.transaction()?;
        {
            let mut insert = transaction.prepare_cached(
                "INSERT INTO journal (seq, at, kind, agent, instrument, client_order_id, body, chain)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?;
            for entry in entries {
                let body = body(entry)?;
                last += 1;
                hash = chain::next(&hash, body.as_bytes());
                let facets = facets(&entry.record);
                insert.execute(params![
                    last.cast_signed(),
                    entry.at.nanos(),
                    facets.kind,
                    facets.agent,
                    facets.instrument,
                    facets.client_order_id,
                    body,
                    hash,
                ])?;
            }
        }
        transaction.commit()?;
        Ok((last, hash))
    }

    fn tag(&mut self, drawn: StoreTag) -> rusqlite::Result<StoreTag> {
        let transaction = self.connection.transaction()?;
        // A journal of before there were tags gets one, too.
        transaction
            .execute("INSERT OR IGNORE INTO counters VALUES ('store', ?1)", [drawn.number()])?;
        let sql = "SELECT value FROM counters WHERE name = 'store'";
        let number: i64 = transaction.query_row(sql, [], |row| row.get(0))?;
        transaction.commit()?;
        Ok(StoreTag::new(number.cast_unsigned()))
    }

    fn next_session(&mut self) -> rusqlite::Result<i64> {
        // A transaction of its own: what a commit says is heard, unlike the end of a lone statement.
        let transaction = self.connection.transaction()?;
        let session = transaction.query_row(
            "UPDATE counters SET value = value + 1 WHERE name = 'session' RETURNING value",
            [],
            |row| row.get(0),
        )?;
        transaction.commit()?;
        Ok(session)
    }
}

impl Storage for Sqlite {
    fn append(&mut self, entries: &[Entry]) -> Result<u64, StoreError> {
        if entries.is_empty() {
            return Ok(self.last);
        }
        let written = self.patiently(|store| store.write(entries));
        let written = written.map_err(|error| explain(&self.path, &error))?;
        (self.last, self.hash) = written;
        Ok(self.last)
    }

    fn replay(
        &mut self,
        after: u64,
        each: &mut dyn FnMut(u64, Entry) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        replay(&self.path, &self.connection, after, each)
    }

    fn take_tag(&mut self, drawn: StoreTag) -> Result<StoreTag, StoreError> {
        self.patiently(|store| store.tag(drawn)).map_err(|error| explain(&self.path, &error))
    }

    fn take_session(&mut self) -> Result<u64, StoreError> {
        match self.patiently(Sqlite::next_session) {
            Ok(session) => Ok(session.cast_unsigned()),
            Err(rusqlite::Error::QueryReturnedNoRows) => {
                let problem = "the counter of sessions is missing".to_owned();
                Err(StoreError::Broken { place: (&self.path).into(), problem })
            }
            Err(error) => Err(explain(&self.path, &error)),
        }
    }

    fn check(&mut self) -> Result<(), StoreError> {
        rows::check(&self.path, &self.connection)
    }

    fn keep_snapshot(&mut self, snapshot: &Snapshot) -> Result<(), StoreError> {
        let mut stored = self.keep_piece(snapshot, 0)?;
        while stored < snapshot.body.len() {
            stored = self.keep_piece(snapshot, stored)?;
        }
        Ok(())
    }

    fn keep_piece(&mut self, snapshot: &Snapshot, stored: usize) -> Result<usize, StoreError> {
        let kept = self
            .patiently(|store| snapshots::keep_piece(&mut store.connection, snapshot, stored))
            .map_err(|error| explain(&self.path, &error))?;
        if kept == Some(snapshot.body.len()) {
            // Which ones were let go of, a damaged one perhaps, is looked up when it matters.
            self.whole = None;
        }
        Ok(kept.unwrap_or(snapshot.body.len()))
    }

    fn snapshots(&mut self) -> Result<Vec<Snapshot>, StoreError> {
        let found = snapshots::find(&self.connection);
        let whole = found.map_err(|error| explain(&self.path, &error))?.whole;
        self.whole = Some(whole.iter().map(Known::from).collect());
        Ok(whole)
    }

    fn damaged_snapshots(&mut self) -> Result<Vec<u64>, StoreError> {
        let found = snapshots::find(&self.connection);
        found.map(|found| found.damaged).map_err(|error| explain(&self.path, &error))
    }

    fn remove_until(&mut self, seq: u64) -> Result<u64, StoreError> {
        if self.whole.is_none() {
            self.snapshots()?;
        }
        let until = seq.min(removable(self.whole.as_deref().unwrap_or_default()));
        self.patiently(|store| snapshots::remove_until(&mut store.connection, until))
            .map_err(|error| explain(&self.path, &error))
    }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

/// The JSON that is kept and hashed.
fn body(entry: &Entry) -> rusqlite::Result<String> {
    serde_json::to_string(entry)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}

fn tail(connection: &Connection) -> rusqlite::Result<(u64, Hash)> {
    let sql = "SELECT seq, chain FROM journal ORDER BY seq DESC LIMIT 1";
    let found = connection.query_row(sql, [], |row| Ok((row.get::<_, i64>(0)?, row.get(1)?)));
    match found {
        Ok((last, hash)) => Ok((last.cast_unsigned(), hash)),
        // All that there was may have been removed.
        Err(rusqlite::Error::QueryReturnedNoRows) => anchor::anchor(connection),
        Err(error) => Err(error),
    }
}
