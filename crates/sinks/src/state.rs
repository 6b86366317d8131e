//! The file that a sink keeps in the state directory: its cursor, and how it is for those who look.
//!
//! It is replaced as a whole and not flushed: what a power cut takes is asked of the target again. Flushing it
//! every second would compete with the journal for the disk, and orders wait for that one.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use model::Timestamp;
use serde::{Deserialize, Serialize};

use crate::cursor::Cursor;

/// Largest file that is read, bytes: one of ours has some kilobytes.
const FILE_MAX: u64 = 4 << 20;

/// How a sink is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SinkState {
    /// Its name.
    pub name: String,
    /// `clickhouse`, `elasticsearch`, `otlp` or `parquet`.
    pub kind: String,
    /// How far it is.
    pub cursor: Cursor,
    /// Number of the journal's last entry when it looked last.
    pub last: u64,
    /// Time of the oldest entry that is not acknowledged; `None` when all are.
    pub waiting_since: Option<Timestamp>,
    /// What keeps it from going on, and since when; `None` while nothing does.
    pub trouble: Option<Trouble>,
    /// Rows that the target would not take, in a file beside this one.
    pub dead_letters: u64,
    /// Records that were removed from the journal before this sink had them.
    pub missing: u64,
    /// The process that wrote this.
    pub process: u32,
    /// When this was written.
    pub written_at: Timestamp,
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// In words, without secrets.
    pub what: String,
    /// Since when.
    pub since: Timestamp,
    /// Attempts in a row that failed.
    pub attempts: u64,
}

impl SinkState {
    /// Entries that are not acknowledged.
    pub fn behind(&self) -> u64 {
        self.last.saturating_sub(self.cursor.had)
    }

    /// Seconds since the oldest entry that is not acknowledged was written.
    pub fn behind_s(&self, now: Timestamp) -> u64 {
        self.waiting_since.map_or(0, |since| now.since(since).as_secs())
    }
}

/// The file of a sink.
pub fn path(directory: &Path, name: &str) -> PathBuf {
    directory.join(format!("{name}.json"))
}

/// Reads it; `None` when there is none, or none that is readable.
pub fn read(directory: &Path, name: &str) -> Option<SinkState> {
    let path = path(directory, name);
    if std::fs::metadata(&path).ok()?.len() > FILE_MAX {
        return None;
    }
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}

/// Number of the last entry of this journal that all of these sinks have had; zero when one has had none.
pub fn had(directory: &Path, names: &[String], journal: &str) -> u64 {
    let had = |name: &String| {
        let state = read(directory, name)?;
        (state.cursor.journal == journal).then_some(state.cursor.had)
    };
    names.iter().map(|name| had(name).unwrap_or(0)).min().unwrap_or(u64::MAX)
}

pub(crate) fn write(directory: &Path, state: &SinkState) -> std::io::Result<()> {
    let path = path(directory, &state.name);
    let new = path.with_extension("new");
    let mut file = std::fs::File::create(&new)?;
    file.write_all(&serde_json::to_vec(state)?)?;
    drop(file);
    std::fs::rename(new, path)
}

pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_nanos(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}
