//! Why there is no budget, or no room in it.

use std::path::PathBuf;
use std::time::Duration;

use ::budget::Cause;

use super::directory::{DirectoryError, STATE_DIR};

/// Why there is no budget.
#[derive(Debug, thiserror::Error)]
pub enum BudgetError {
    /// There is no directory for it.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// The file cannot be made or opened.
    #[error("{}: {source}; set {STATE_DIR} to a directory that can be written", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// A request would have to wait for longer than it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("rate budget: {cause} would hold it for {wait:.1?}")]
pub struct TooLong {
    /// At least this long.
    pub wait: Duration,
    /// What holds it.
    pub cause: Cause,
}
