//! What every reader is: a description of the file, and batches until its end.

use std::path::Path;
use std::time::Duration;

use model::market::Grid;
use model::{InstrumentId, Timestamp};

use crate::batch::{Batch, Kind};
use crate::error::{DataError, Place, RowProblem};
use crate::options::BadRowsAre;

/// What is known of a file before its first row is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meta {
    /// What its rows are.
    pub kind: Kind,
    /// Whose they are: told by the caller, by the file, or guessed from its symbol or name.
    pub instrument: Option<InstrumentId>,
    /// What all prices and quantities of the file count in.
    pub grid: Grid,
    /// Length of the bars; zero for every other kind.
    pub interval: Duration,
    /// Rows have a time of receipt.
    pub has_received: bool,
    /// Trades are numbered without a gap, so a number that is missing is a trade that is missing.
    pub consecutive_ids: bool,
    /// The layout that was recognised.
    pub layout: &'static str,
    /// Rows, where the file says before it is read.
    pub rows: Option<u64>,
    /// Time of the first and the last row, where the file says before it is read.
    pub span: Option<(Timestamp, Timestamp)>,
}

/// A stream of rows in the order of the file. Memory is bounded by the batch, a buffer and, for
/// Parquet, one page of each column.
pub trait Source: Send {
    /// What is known of it.
    fn meta(&self) -> &Meta;

    /// Replaces the rows of `batch`, which must be of the kind of this source, by the next ones. False at
    /// the end, and then `batch` is empty. After an error there is no more to be had.
    fn next_batch(&mut self, batch: &mut Batch) -> Result<bool, DataError>;

    /// What was done to the rows so far, beside reading them.
    fn remarks(&self) -> &Remarks;

    /// The file that is being read.
    fn path(&self) -> &Path;

    /// Bytes taken from the disk so far, for a progress bar.
    fn bytes_read(&self) -> u64;
}

impl Source for Box<dyn Source> {
    fn meta(&self) -> &Meta {
        (**self).meta()
    }

    fn next_batch(&mut self, batch: &mut Batch) -> Result<bool, DataError> {
        (**self).next_batch(batch)
    }

    fn remarks(&self) -> &Remarks {
        (**self).remarks()
    }

    fn path(&self) -> &Path {
        (**self).path()
    }

    fn bytes_read(&self) -> u64 {
        (**self).bytes_read()
    }
}

/// What was done to rows beside reading them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Remarks {
    /// Rows that could not be taken and were left out; see [`crate::BadRowsAre`].
    pub bad: u64,
    /// The first of them, [`Remarks::SHOWN`] at most.
    pub first: Vec<(Place, RowProblem)>,
    /// Rows of another symbol than the one that was asked for. They are none of the bad ones.
    pub other_symbols: u64,
    /// Rows that were earlier than one before them and were put into their place.
    pub reordered: u64,
    /// Numbers that were rounded to the grid; see [`crate::Options::round`].
    pub rounded: u64,
}

impl Remarks {
    /// How many are kept.
    pub const SHOWN: usize = 20;

    /// A bad row is counted, if that is how they are to be taken; everything else stays an error.
    pub(crate) fn take(&mut self, error: DataError, are: BadRowsAre) -> Result<(), DataError> {
        match error {
            DataError::Row { place, problem } if are == BadRowsAre::Counted => {
                self.bad += 1;
                if self.first.len() < Remarks::SHOWN {
                    self.first.push((place, problem));
                }
                Ok(())
            }
            error => Err(error),
        }
    }

    /// Those of another file, too.
    pub(crate) fn join(&mut self, other: &Remarks) {
        self.bad += other.bad;
        self.reordered += other.reordered;
        self.rounded += other.rounded;
        self.other_symbols += other.other_symbols;
        let room = Remarks::SHOWN.saturating_sub(self.first.len());
        self.first.extend(other.first.iter().take(room).cloned());
    }
}
