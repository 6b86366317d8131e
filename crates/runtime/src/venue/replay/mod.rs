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
mod row;

use std::path::Path;

use model::Instrument;

pub use row::{Replay, ReplayError, ReplayEvent};

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
