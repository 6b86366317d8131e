//! What can go wrong when a journal is asked.

use std::path::PathBuf;

use journal::StoreError;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ViewsError {
    /// The journal cannot be read.
    #[error(transparent)]
    Journal(#[from] StoreError),
    /// The tables that questions are asked of cannot be kept.
    #[error("{}: {problem}; the tables for questions are kept there, and can be made anew from the journal at any time: remove that file, or free some room", path.display())]
    Tables {
        /// Where they are.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// The question is wrong. The person who asked is told where.
    #[error("{0}")]
    Sql(String),
    /// It took too long.
    #[error(
        "the question was not answered within {0:?}; ask for less, or give it more time with --timeout"
    )]
    TooLong(std::time::Duration),
    /// There is no report of that name.
    #[error("{0}")]
    NoReport(String),
    /// There is nothing of that name in the journal, or more than one.
    #[error("{0}")]
    Unknown(String),
    /// A file cannot be written.
    #[error("{}: {problem}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        problem: String,
    },
}

impl ViewsError {
    /// Is it the asker's mistake?
    pub const fn is_usage(&self) -> bool {
        matches!(self, ViewsError::Sql(_) | ViewsError::NoReport(_))
    }
}
