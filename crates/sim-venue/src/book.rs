//! The resting book of one instrument: a queue per price level.
//!
//! An entry is an account's order or a chunk of background liquidity. Both wait in one queue, so
//! time priority between an account and the recorded market is simply the order of entries.

use std::collections::{BTreeMap, VecDeque};

use model::Side;
use model::market::{GridPrice, GridQty, Level, LevelUpdate};

/// Something that waits in a level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// Background liquidity.
    Market(GridQty),
    /// An account's order, by index, with what it still wants.
    Order(usize, GridQty),
}

/// One price level.
#[derive(Clone, Debug, Default)]
pub(crate) struct Queue {
    pub(crate) entries: VecDeque<Entry>,
    pub(crate) total: i64,
}

impl Queue {
    /// Sum of the background chunks.
    pub(crate) fn market(&self) -> i64 {
        let of = |entry: &Entry| match entry {
            Entry::Market(qty) => qty.0,
            Entry::Order(..) => 0,
        };
        self.entries.iter().map(of).sum()
    }

    /// Background growth joins at the tail.
    fn grow(&mut self, by: i64) {
        self.total += by;
        match self.entries.back_mut() {
            Some(Entry::Market(qty)) => qty.0 += by,
            _ => self.entries.push_back(Entry::Market(GridQty(by))),
        }
    }

    /// Background that vanishes is taken from behind: what is ahead of an account stays ahead.
    fn shrink(&mut self, mut by: i64) {
        self.total -= by;
        for entry in self.entries.iter_mut().rev() {
            if let Entry::Market(qty) = entry {
                let taken = by.min(qty.0);
                qty.0 -= taken;
                by -= taken;
            }
        }
        self.entries.retain(|entry| !matches!(entry, Entry::Market(GridQty(0))));
    }
}

/// Bids and asks.
#[derive(Clone, Debug, Default)]
pub(crate) struct RestingBook {
    bids: BTreeMap<GridPrice, Queue>,
    asks: BTreeMap<GridPrice, Queue>,
}

impl RestingBook {
    pub(crate) fn side(&self, side: Side) -> &BTreeMap<GridPrice, Queue> {
        match side {
            Side::Buy => &self.bids,
            Side::Sell => &self.asks,
        }
    }

    pub(crate) fn side_mut(&mut self, side: Side) -> &mut BTreeMap<GridPrice, Queue> {
        match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        }
    }

    /// Best price of a side.
    pub(crate) fn best(&self, side: Side) -> Option<GridPrice> {
        match side {
            Side::Buy => self.bids.last_key_value().map(|(price, _)| *price),
            Side::Sell => self.asks.first_key_value().map(|(price, _)| *price),
        }
    }

    /// Best price and quantity of a side.
    pub(crate) fn best_level(&self, side: Side) -> Option<Level> {
        let price = self.best(side)?;
        Some(Level { price, qty: GridQty(self.total(side, price)) })
    }

    /// Levels of a side, best first.
    pub(crate) fn levels(&self, side: Side) -> Box<dyn Iterator<Item = (GridPrice, &Queue)> + '_> {
        match side {
            Side::Buy => Box::new(self.bids.iter().rev().map(|(p, q)| (*p, q))),
            Side::Sell => Box::new(self.asks.iter().map(|(p, q)| (*p, q))),
        }
    }

    /// What stands at a price.
    pub(crate) fn total(&self, side: Side, price: GridPrice) -> i64 {
        self.side(side).get(&price).map_or(0, |queue| queue.total)
    }

    /// A level as it is published.
    pub(crate) fn update(&self, side: Side, price: GridPrice) -> LevelUpdate {
        LevelUpdate { side, price, qty: GridQty(self.total(side, price)) }
    }

    /// An order joins its queue at the tail.
    pub(crate) fn rest(&mut self, side: Side, price: GridPrice, order: usize, leaves: GridQty) {
        let queue = self.side_mut(side).entry(price).or_default();
        queue.entries.push_back(Entry::Order(order, leaves));
        queue.total += leaves.0;
    }

    /// An order leaves its queue.
    pub(crate) fn remove(&mut self, side: Side, price: GridPrice, order: usize) {
        let levels = self.side_mut(side);
        let Some(queue) = levels.get_mut(&price) else { return };
        let is_it = |entry: &Entry| matches!(entry, Entry::Order(index, _) if *index == order);
        if let Some(at) = queue.entries.iter().position(is_it)
            && let Some(Entry::Order(_, leaves)) = queue.entries.remove(at)
        {
            queue.total -= leaves.0;
        }
        if queue.entries.is_empty() {
            levels.remove(&price);
        }
    }

    /// Sets the background at a price to a total; returns whether anything changed.
    pub(crate) fn set_market(&mut self, side: Side, price: GridPrice, total: i64) -> bool {
        let levels = self.side_mut(side);
        let now = levels.get(&price).map_or(0, Queue::market);
        match total - now {
            0 => return false,
            by if by > 0 => levels.entry(price).or_default().grow(by),
            by => {
                if let Some(queue) = levels.get_mut(&price) {
                    queue.shrink(-by);
                    if queue.entries.is_empty() {
                        levels.remove(&price);
                    }
                }
            }
        }
        true
    }
}
