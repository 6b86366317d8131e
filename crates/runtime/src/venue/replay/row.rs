//! What every reader of a recording gives: events with their times, or what is wrong and where.

use std::path::PathBuf;
use std::time::Duration;

use sim_venue::Background;

/// A background event and its time from the start of the recording.
#[derive(Clone, Debug)]
pub struct ReplayEvent {
    /// Time from the first event.
    pub at: Duration,
    /// What happened.
    pub event: Background,
}

/// A recording that is being read.
pub type Replay = dyn Iterator<Item = Result<ReplayEvent, ReplayError>> + Send;

/// Why a recording cannot be played.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The file cannot be read.
    #[error("{}: cannot be read: {source}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file ends in the middle, or its compression is damaged.
    #[error("{}: line {line}: cannot be read on: {source}; is the file complete?", path.display())]
    Truncated {
        /// Which file.
        path: PathBuf,
        /// How far it could be read.
        line: u64,
        /// Why.
        source: std::io::Error,
    },
    /// Not a format that is known here.
    #[error("{}: {problem}", path.display())]
    Format {
        /// Which file.
        path: PathBuf,
        /// What is wrong, and what would be right.
        problem: String,
    },
    /// A row that makes no sense.
    #[error("{}: line {line}: {problem}", path.display())]
    Row {
        /// Which file.
        path: PathBuf,
        /// Which line, from 1.
        line: u64,
        /// What is wrong with it.
        problem: String,
    },
}
