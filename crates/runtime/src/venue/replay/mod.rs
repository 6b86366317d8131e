//! Recorded markets as background events.
//!
//! Text formats of Binance data, plain, gzipped or zipped (told by content, not by name):
//! - combined-stream recordings: a line each, receive time in nanoseconds, a space, the raw JSON;
//!   a REST depth snapshot among them;
//! - `trades` and `aggTrades` of Binance's public archive, with or without a header;
//! - trades in the layout of CCXT downloads (header with `timestamp`, `price`, `amount`, `side`).
//!
//! A file of trades alone says nothing of the book, so one is made up around the prints: see
//! `ladder.rs`. Rows are streamed; memory does not grow with the file. Parquet and Feather are not
//! read here.

mod archive;
mod file;
mod ladder;
mod recording;

use std::path::{Path, PathBuf};
use std::time::Duration;

use model::Instrument;
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

/// Opens a recording of an instrument; its format is told by its first line.
pub fn open(path: &Path, instrument: &Instrument) -> Result<Box<Replay>, ReplayError> {
    let mut lines = file::open(path)?;
    let format = |problem: String| ReplayError::Format { path: path.to_owned(), problem };
    let first = match lines.peek()? {
        Some(line) => line.to_owned(),
        None => return Err(format("is empty".to_owned())),
    };
    if recording::is_recording(&first) {
        return Ok(Box::new(recording::Recording::new(lines, instrument)));
    }
    match archive::layout(&first) {
        Some(layout) => Ok(Box::new(archive::Archive::new(lines, layout, instrument))),
        None => {
            let start: String = first.chars().take(80).collect();
            Err(format(format!(
                "is in no format that is known here (its first line starts {start:?}); known are \
                 combined-stream recordings, Binance trades and aggTrades archives, and CSV with a \
                 header of timestamp, price, amount and side"
            )))
        }
    }
}

#[cfg(test)]
mod tests;
