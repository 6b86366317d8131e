//! The file with the tables, beside the journal: made from it, brought up to its end before each question, and
//! thrown away when it does not fit.
//!
//! The gateway's process never touches it, and whoever asks never writes to the journal. Of two who ask at once
//! one brings it up to date, held by a lock file that the system lets go of, and the other waits for that.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::time::Duration;

use journal::{Address, JournalReader, StoreError};
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, params};

use crate::error::ViewsError;
use crate::exact;
use crate::fold::{Carried, Fold};
use crate::schema::{INTERNAL, SCHEMA, VERSION};

/// Entries that one transaction takes.
const BATCH: u64 = 20_000;
/// How long a question waits for whoever holds the file.
const BUSY_MAX: Duration = Duration::from_secs(60);
/// The journal that has no entry yet.
const NOTHING: [u8; 32] = [0; 32];

/// A journal, ready to be asked.
pub struct Views {
    path: PathBuf,
    journal: JournalReader,
    connection: Connection,
    last: u64,
    first: u64,
}

impl std::fmt::Debug for Views {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Views").field("path", &self.path).field("last", &self.last).finish()
    }
}

/// Where the tables of a journal are: beside a file; for a server below `directory`, by the server's address.
pub fn path_of(address: &Address, directory: &Path) -> PathBuf {
    match address {
        Address::Sqlite(path) => {
            let mut name = path.as_os_str().to_owned();
            name.push(".views");
            PathBuf::from(name)
        }
        Address::Postgres(_) | Address::Redis(_) => {
            // The address without its password, as a name of a file.
            let name = name_of(&address.to_string());
            directory.join("views").join(format!("{name}.views"))
        }
    }
}

impl Views {
    /// Opens the journal and brings its tables up to its end. `progress` hears how many entries have been taken
    /// and how many there are.
    pub fn open(
        address: &Address,
        directory: &Path,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<Views, ViewsError> {
        let journal = JournalReader::of(address)?;
        let mut path = path_of(address, directory);
        let mut locked = lock(&path);
        if locked.as_ref().is_err_and(is_not_writable) {
            // A journal that may only be read: beside it nothing can be kept.
            path = fallback(&path, directory);
            locked = lock(&path);
        }
        let wrong = |problem: &dyn std::fmt::Display| ViewsError::Tables {
            path: path.clone(),
            problem: problem.to_string(),
        };
        let _lock = locked.map_err(|error| wrong(&error))?;
        let (last, first) = match bring_up(&path, &journal, progress) {
            // Damaged, or not ours, or of another history: it is derived, so it is made anew.
            Err(Brought::Unfit) => {
                remove(&path).map_err(|error| wrong(&error))?;
                bring_up(&path, &journal, progress)
            }
            done => done,
        }
        .map_err(|error| match error {
            Brought::Unfit => wrong(&"it does not fit the journal although it is new"),
            Brought::Sql(error) => wrong(&error),
            Brought::Journal(error) => ViewsError::Journal(error),
        })?;
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let open = || {
            let connection = Connection::open_with_flags(&path, flags)?;
            connection.busy_timeout(BUSY_MAX)?;
            connection.pragma_update(None, "query_only", true)?;
            exact::teach(&connection)?;
            Ok(connection)
        };
        let connection = open().map_err(|error: rusqlite::Error| wrong(&error))?;
        Ok(Views { path, journal, connection, last, first })
    }

    /// The tables; nothing can be written through it.
    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    pub(crate) fn connection_mut(&mut self) -> &mut Connection {
        &mut self.connection
    }

    /// The journal itself.
    pub fn journal(&self) -> &JournalReader {
        &self.journal
    }

    /// The number of the last entry that the tables have.
    pub const fn last(&self) -> u64 {
        self.last
    }

    /// The number of the first one; above one where the beginning had been removed.
    pub const fn first(&self) -> u64 {
        self.first
    }

    /// Where the tables are.
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn wrong(&self, error: &rusqlite::Error) -> ViewsError {
        ViewsError::Tables { path: self.path.clone(), problem: error.to_string() }
    }
}

/// Why the tables are not up to date.
enum Brought {
    /// They are of another version or of another journal, or damaged.
    Unfit,
    Sql(rusqlite::Error),
    Journal(StoreError),
}

impl From<rusqlite::Error> for Brought {
    fn from(error: rusqlite::Error) -> Brought {
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase) => {
                Brought::Unfit
            }
            _ => Brought::Sql(error),
        }
    }
}

/// How far the tables are.
struct Cursor {
    seq: u64,
    first: u64,
    carried: Carried,
}

/// Brings the tables up to the journal's end; the numbers of its last and of its first entry.
fn bring_up(
    path: &Path,
    journal: &JournalReader,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<(u64, u64), Brought> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(BUSY_MAX)?;
    exact::teach(&connection)?;
    let mode = |row: &rusqlite::Row<'_>| row.get::<_, String>(0);
    connection.pragma_update_and_check(None, "journal_mode", "wal", mode)?;
    // It is derived: what a crash takes is made again.
    connection.pragma_update(None, "synchronous", "off")?;
    connection.pragma_update(None, "cache_size", -65_536)?;
    connection.set_prepared_statement_cache_capacity(64);
    let cursor = cursor(&connection, journal)?;
    let end = journal.last().map_err(Brought::Journal)?;
    if cursor.seq >= end {
        return Ok((cursor.seq, cursor.first));
    }
    let fold = Fold::open(&connection, cursor.carried)?;
    let at = (cursor.seq, cursor.first);
    let mut way = Way { connection: &connection, journal, fold, at, end };
    // One look at the journal, cut into transactions: a reader in between sees a whole number of entries.
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let mut failed = None;
    let read = journal.replay(cursor.seq, &mut |seq, entry| {
        way.take(seq, &entry, progress).map_err(|error| {
            failed = Some(error);
            StoreError::Lost("the tables for questions cannot be written".to_owned())
        })
    });
    if let Some(error) = failed {
        return Err(error);
    }
    read.map_err(Brought::Journal)?;
    way.keep()?;
    let at = way.at;
    connection.execute_batch("COMMIT")?;
    // Only to keep the file small; a reader may be in the way.
    let _ = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
    Ok(at)
}

/// The tables on their way to the journal's end.
struct Way<'a> {
    connection: &'a Connection,
    journal: &'a JournalReader,
    fold: Fold,
    /// Numbers of the last entry that was taken and of the first.
    at: (u64, u64),
    end: u64,
}

impl Way<'_> {
    fn take(
        &mut self,
        seq: u64,
        entry: &model::Entry,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<(), Brought> {
        if self.at.1 == 0 {
            self.at.1 = seq;
        }
        self.fold.add(self.connection, seq, entry)?;
        self.at.0 = seq;
        if seq.is_multiple_of(BATCH) {
            self.keep()?;
            self.connection.execute_batch("COMMIT; BEGIN IMMEDIATE")?;
            progress(seq, self.end.max(seq));
        }
        Ok(())
    }

    /// Writes what the fold holds back, and how far it is.
    fn keep(&mut self) -> Result<(), Brought> {
        let (seq, first) = self.at;
        let carried = self.fold.flush(self.connection)?;
        let state = serde_json::to_string(&carried)
            .map_err(|error| Brought::Sql(rusqlite::Error::ToSqlConversionFailure(error.into())))?;
        let hash = self.journal.hash_at(seq).map_err(Brought::Journal)?.unwrap_or(NOTHING);
        let sql = "INSERT OR REPLACE INTO fold VALUES (1, ?1, ?2, ?3, ?4, ?5)";
        let values = params![VERSION, seq.cast_signed(), hash, first.cast_signed(), state];
        self.connection.execute(sql, values)?;
        Ok(())
    }
}

/// How far the tables are, which are made where there are none. They fit when the journal's entry with that
/// number has the hash it had: that is over all entries before it, too.
fn cursor(connection: &Connection, journal: &JournalReader) -> Result<Cursor, Brought> {
    let tables: i64 = connection.query_row(
        "SELECT count(*) FROM sqlite_schema WHERE name = 'fold'",
        [],
        |row| row.get(0),
    )?;
    if tables == 0 {
        let all: i64 =
            connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
        if all > 0 {
            return Err(Brought::Unfit);
        }
        connection.execute_batch(&format!("BEGIN; {SCHEMA} {INTERNAL} COMMIT;"))?;
        return Ok(Cursor { seq: 0, first: 0, carried: Carried::default() });
    }
    let found: Option<(i64, i64, Vec<u8>, i64, String)> = connection
        .query_row("SELECT version, seq, hash, first, state FROM fold", [], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
        })
        .optional()?;
    let Some((version, seq, hash, first, state)) = found else { return Err(Brought::Unfit) };
    let (seq, first) = (seq.cast_unsigned(), first.cast_unsigned());
    if version != VERSION {
        return Err(Brought::Unfit);
    }
    let theirs = journal.hash_at(seq).map_err(Brought::Journal)?;
    let carried = serde_json::from_str(&state).map_err(|_| Brought::Unfit)?;
    if theirs.is_none_or(|theirs| theirs.as_slice() != hash) {
        return Err(Brought::Unfit);
    }
    Ok(Cursor { seq, first, carried })
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn is_not_writable(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem
    )
}

/// Below the directory, by the whole path of the journal.
fn fallback(path: &Path, directory: &Path) -> PathBuf {
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    directory.join("views").join(name_of(&whole.to_string_lossy()))
}

/// Something as the name of a file.
fn name_of(text: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '.' { c } else { '_' };
    text.chars().map(plain).collect()
}

fn lock(path: &Path) -> std::io::Result<File> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder)?;
    }
    let path = beside(path, ".lock");
    let file = OpenOptions::new().write(true).create(true).truncate(false).open(path)?;
    file.lock()?;
    Ok(file)
}

fn remove(path: &Path) -> std::io::Result<()> {
    for suffix in ["", "-wal", "-shm"] {
        match std::fs::remove_file(beside(path, suffix)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}
