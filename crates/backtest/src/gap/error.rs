//! Why a gap cannot be found.

use std::path::PathBuf;

use data::DataError;
use model::InstrumentId;

use super::leg::Uncountable;
use crate::failed::Failed;

/// Why a gap cannot be found.
#[derive(Debug, thiserror::Error)]
pub enum GapError {
    /// Nothing was recorded of what was traded.
    #[error(
        "{instrument} was traded in session {session}, and {} has no book of it from then: the gateway has to run with \
         `record` in its configuration, and --recording names another folder", .folder.display()
    )]
    NotRecorded {
        /// Of which instrument.
        instrument: InstrumentId,
        /// In which session.
        session: u64,
        /// Where.
        folder: PathBuf,
    },
    /// The recording cannot be read, or not be replayed.
    #[error(transparent)]
    Failed(#[from] Failed),
    /// A sum that no number here can hold.
    #[error(transparent)]
    Uncountable(#[from] Uncountable),
}

impl From<DataError> for GapError {
    fn from(error: DataError) -> GapError {
        GapError::Failed(error.into())
    }
}
