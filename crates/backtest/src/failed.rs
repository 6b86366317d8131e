//! Why a backtest ends before its data does.

use data::DataError;
use model::{InstrumentId, Timestamp};

use crate::setup::SetupError;

/// Why a backtest ended before its data did.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// The files do not go together.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// A file could not be read.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The files hold no row.
    #[error("the files hold no row: look at them with `plimsoll data info`")]
    Empty,
    /// A number that does not fit beside those of another file of the same instrument.
    #[error(
        "{instrument} at {at}: a number is too large to be counted in the digits of the other files of this instrument; import them with the same --price-decimals and --qty-decimals"
    )]
    TooLarge {
        /// Of which instrument.
        instrument: InstrumentId,
        /// When.
        at: Timestamp,
    },
}
