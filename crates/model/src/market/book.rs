//! A book of price levels, as far as it is known.
//!
//! Two sorted arrays with the best price at the *end*: nearly every change happens near the best
//! price, so it moves only a few neighbours, and finding it is a short walk through one cache line.

use super::event::BookUpdate;
use super::grid::{GridPrice, GridQty, Level};
use crate::side::Side;

/// Bids and asks of one instrument.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Book {
    bids: Vec<Level>,
    asks: Vec<Level>,
}

impl Book {
    /// Best bid.
    pub fn best_bid(&self) -> Option<Level> {
        self.bids.last().copied()
    }

    /// Best ask.
    pub fn best_ask(&self) -> Option<Level> {
        self.asks.last().copied()
    }

    /// Bids, best first.
    pub fn bids(&self) -> impl ExactSizeIterator<Item = Level> + '_ {
        self.bids.iter().rev().copied()
    }

    /// Asks, best first.
    pub fn asks(&self) -> impl ExactSizeIterator<Item = Level> + '_ {
        self.asks.iter().rev().copied()
    }

    /// A bid at or above an ask: two halves that do not belong together.
    pub fn is_crossed(&self) -> bool {
        match (self.bids.last(), self.asks.last()) {
            (Some(bid), Some(ask)) => bid.price >= ask.price,
            _ => false,
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.bids.clear();
        self.asks.clear();
    }

    /// Sets one level to an absolute quantity; zero removes it. Removing what is not there is fine.
    pub fn set(&mut self, side: Side, price: GridPrice, qty: GridQty) {
        let levels = match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        };
        let at = place(levels, side, price);
        match (levels.get_mut(at), qty.0 == 0) {
            (Some(level), false) if level.price == price => level.qty = qty,
            (Some(level), true) if level.price == price => {
                levels.remove(at);
            }
            (_, true) => {}
            (_, false) => levels.insert(at, Level { price, qty }),
        }
    }

    /// The book becomes a tick on either side of a price, with as much as anybody wants.
    pub(super) fn stand_around(&mut self, price: GridPrice, tick: i64) {
        const MUCH: GridQty = GridQty(i64::MAX / 4);
        self.clear();
        if price.0 > tick {
            self.bids.push(Level { price: GridPrice(price.0 - tick), qty: MUCH });
        }
        self.asks.push(Level { price: GridPrice(price.0.saturating_add(tick)), qty: MUCH });
    }

    /// Applies a snapshot or a change.
    pub fn apply(&mut self, update: &BookUpdate) {
        if update.snapshot {
            self.clear();
        }
        for level in &update.levels {
            self.set(level.side, level.price, level.qty);
        }
    }
}

/// How many levels from the best a search walks before it halves instead.
const NEAR: usize = 16;

/// Where a price stands among levels with the best at the end, or where it would: behind all that are worse.
fn place(levels: &[Level], side: Side, price: GridPrice) -> usize {
    // Turned round, asks are in order as bids are.
    let turn = if side == Side::Sell { !0 } else { 0 };
    let wanted = price.0 ^ turn;
    let is_worse = |level: &Level| level.price.0 ^ turn < wanted;
    let (far, near) = levels.split_at(levels.len().saturating_sub(NEAR));
    match near.iter().rposition(is_worse) {
        Some(worse) => far.len() + worse + 1,
        None => far.partition_point(is_worse),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// The twin: two ordered maps.
        #[test]
        fn equals_an_ordered_map(changes in prop::collection::vec((any::<bool>(), 1i64..60, 0i64..4), 0..400)) {
            let mut book = Book::default();
            let (mut bids, mut asks) = (BTreeMap::new(), BTreeMap::new());
            for (buy, price, qty) in changes {
                let (side, map) = if buy { (Side::Buy, &mut bids) } else { (Side::Sell, &mut asks) };
                book.set(side, GridPrice(price), GridQty(qty));
                if qty == 0 { map.remove(&price); } else { map.insert(price, qty); }
            }
            let level = |(price, qty): (&i64, &i64)| Level { price: GridPrice(*price), qty: GridQty(*qty) };
            prop_assert!(book.bids().eq(bids.iter().rev().map(level)));
            prop_assert!(book.asks().eq(asks.iter().map(level)));
        }
    }
}
