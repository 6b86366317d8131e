//! A print on the public tape.

use serde::{Deserialize, Serialize};

use super::grid::{GridPrice, GridQty};
use crate::side::Side;
use crate::time::Timestamp;

/// A print on the public tape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicTrade {
    /// The venue's number for it, growing within an instrument.
    pub id: u64,
    /// At which price.
    pub price: GridPrice,
    /// How much.
    pub qty: GridQty,
    /// Who was in a hurry.
    pub taker_side: Side,
    /// When.
    pub time: Timestamp,
}
