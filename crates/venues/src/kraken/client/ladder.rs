//! One book as the stream tells it: so many levels a side, and a checksum with every change.
//!
//! A level that is pushed out of the depth is not told as gone, and one that comes back into it is told
//! again: who follows it keeps exactly as many as were subscribed to. The checksum alone shows a gap.
//!
//! Source: guides "Book" and "Book checksum (v2)", read 2026-08-21.

use std::collections::BTreeMap;

use model::Side;
use model::market::{GridPrice, GridQty, LevelUpdate};

use super::DecodeError;
use super::convert::{depth_qty, grid_price};
use crate::kraken::symbols::Row;
use crate::kraken::wire::{Book, BookLevel};
use crate::kraken::{BOOK_DEPTH, Digits, checksum};

/// A book that is followed.
#[derive(Clone, Debug, Default)]
pub struct Ladder {
    asks: BTreeMap<GridPrice, Digits>,
    bids: BTreeMap<GridPrice, Digits>,
}

/// Why a book cannot be followed any more.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LadderError {
    /// Something was missed, or was told wrong.
    #[error("the checksum is {told}, and that of the book {ours}: something is missing")]
    Checksum {
        /// The venue's.
        told: u32,
        /// That of the book here.
        ours: u32,
    },
    /// A level cannot be read.
    #[error(transparent)]
    Level(#[from] DecodeError),
}

impl Ladder {
    /// Takes a snapshot or a change. What is returned makes any book that had this one's levels the new one.
    pub fn take(
        &mut self,
        row: &Row,
        told: &Book,
        snapshot: bool,
    ) -> Result<Vec<LevelUpdate>, LadderError> {
        if snapshot {
            *self = Ladder::default();
        }
        let mut updates = Vec::with_capacity(told.asks.len() + told.bids.len());
        for (side, levels) in [(Side::Sell, &told.asks), (Side::Buy, &told.bids)] {
            for level in levels {
                updates.push(self.set(row, side, level)?);
            }
            self.cut(side, &mut updates);
        }
        let ours = checksum(self.asks.values(), self.bids.values().rev());
        if ours == told.checksum {
            Ok(updates)
        } else {
            Err(LadderError::Checksum { told: told.checksum, ours })
        }
    }

    fn side(&mut self, side: Side) -> &mut BTreeMap<GridPrice, Digits> {
        match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        }
    }

    fn set(
        &mut self,
        row: &Row,
        side: Side,
        level: &BookLevel,
    ) -> Result<LevelUpdate, DecodeError> {
        let price = grid_price(row, level.price.number)?;
        let qty = depth_qty(row, level.qty.number)?;
        if qty == GridQty(0) {
            self.side(side).remove(&price);
        } else {
            self.side(side).insert(price, Digits::of(&level.price.text, &level.qty.text));
        }
        Ok(LevelUpdate { side, price, qty })
    }

    /// Levels that were pushed out of the depth are gone.
    fn cut(&mut self, side: Side, updates: &mut Vec<LevelUpdate>) {
        let levels = self.side(side);
        while levels.len() > BOOK_DEPTH as usize {
            let worst = match side {
                Side::Buy => levels.pop_first(),
                Side::Sell => levels.pop_last(),
            };
            let gone = worst.map(|(price, _)| LevelUpdate { side, price, qty: GridQty(0) });
            updates.extend(gone);
        }
    }
}
