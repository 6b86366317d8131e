//! How a file is to be read, where it does not say so itself.

use std::time::Duration;

use model::InstrumentId;
use model::market::Grid;

use crate::batch::Kind;
use crate::format::Format;

/// How a file is to be read.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Whose data it is, in our words; otherwise guessed.
    pub instrument: Option<InstrumentId>,
    /// What it must hold; otherwise told by its columns.
    pub kind: Option<Kind>,
    /// Its layout; otherwise recognised.
    pub format: Format,
    /// Names of its columns in their order, for a text without a header. They go before a header.
    pub columns: Option<Vec<String>>,
    /// Take only the rows that say this symbol.
    pub symbol: Option<String>,
    /// Length of the bars; otherwise the smallest step between the first ones.
    pub interval: Option<Duration>,
    /// Digits behind the point of prices; otherwise as the first MiB needs, and some to spare.
    pub price_decimals: Option<u8>,
    /// Digits behind the point of quantities; likewise.
    pub qty_decimals: Option<u8>,
    /// Round numbers to so many digits instead of refusing those with more: binary numbers printed as decimal
    /// ones have digits that nobody meant (1.2867745400000001).
    pub round: Option<Grid>,
    /// What happens to rows that cannot be taken.
    pub bad_rows: BadRowsAre,
}

/// What happens to rows that cannot be taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BadRowsAre {
    /// The first one is an error.
    #[default]
    Errors,
    /// They are counted, and left out ([`crate::Source::remarks`]). Whoever reads says so.
    Counted,
}
