//! What happened in the public market, in our words.

use serde::{Deserialize, Serialize};

use super::candle::{Candle, Quote};
use super::grid::{GridPrice, GridQty};
use super::trade::PublicTrade;
use crate::ids::InstrumentId;
use crate::side::Side;
use crate::time::Timestamp;

/// One public event of one instrument.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarketEvent {
    /// Which instrument.
    pub instrument: InstrumentId,
    /// When, by the venue's clock; the receive time where the message carries none.
    pub venue_time: Timestamp,
    /// What.
    pub kind: MarketKind,
}

/// The kinds of public event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MarketKind {
    /// The book changed.
    Book(BookUpdate),
    /// Somebody traded.
    Trade(PublicTrade),
    /// Somebody traded while we were away: fetched afterwards, after newer trades perhaps.
    LateTrade(PublicTrade),
    /// Best bid and ask.
    Quote(Quote),
    /// A candle closed or grew.
    Candle(Candle),
    /// The book is no longer known: a gap, a broken connection. Until the next snapshot nobody
    /// may rely on it.
    BookLost,
}

/// Levels set to absolute quantities.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BookUpdate {
    /// The whole book, not a change to it.
    pub snapshot: bool,
    /// What is set; zero removes a level.
    pub levels: Vec<LevelUpdate>,
}

/// One level set to an absolute quantity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LevelUpdate {
    /// Bids or asks.
    pub side: Side,
    /// At which price.
    pub price: GridPrice,
    /// How much stands there now; zero removes the level.
    pub qty: GridQty,
}
