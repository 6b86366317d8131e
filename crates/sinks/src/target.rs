//! What the loop asks of every target.

use model::{StoreTag, Timestamp};

use crate::row::Row;

/// Why a target did not take what it was given. Whether some of it is there is not known: whoever hears this
/// begins again at the cursor.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct TargetError(pub(crate) String);

impl From<String> for TargetError {
    fn from(problem: String) -> TargetError {
        TargetError(problem)
    }
}

/// How much is handed over at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) rows: u64,
    /// Of the records' own texts.
    pub(crate) bytes: usize,
}

/// Where rows go. Calls block; each has its bound in time.
pub(crate) trait Target: Send {
    /// Where it is, as messages say it: without secrets. A cursor is of one such place.
    fn place(&self) -> String;

    fn bounds(&self) -> Bounds;

    /// Rows that are handed over together have the same answer: a file has one hour, a partition one month.
    fn span(&self, at: Timestamp) -> i64;

    /// Has each row to know the order that it is about?
    fn follows_orders(&self) -> bool {
        false
    }

    /// Connects, makes what is missing, and says up to which number the rows of this journal are there for
    /// certain, given that they were acknowledged up to `had`. Less than that: they were lost there.
    fn open(&mut self, tag: StoreTag, had: u64) -> Result<u64, TargetError>;

    /// Takes rows, in order. What is acknowledged when this returns is kept, unless [`Target::is_open`].
    fn write(&mut self, rows: &[Row]) -> Result<(), TargetError>;

    /// Are rows taken that are not acknowledged yet?
    fn is_open(&self) -> bool {
        false
    }

    /// Is what is open to be finished, although no row of another span has come?
    fn is_due(&self) -> bool {
        false
    }

    /// Makes everything that was taken kept.
    fn finish(&mut self) -> Result<(), TargetError> {
        Ok(())
    }

    /// Rows that the target would not take and that lie in a file instead.
    fn dead_letters(&self) -> u64 {
        0
    }
}
