//! The market around the accounts: recorded or made-up levels and prints.
//!
//! - A level set to a quantity: growth joins the queue at the tail, shrinkage is taken from behind,
//!   so an account never moves forward in a queue except by trades.
//! - What accounts took of a level stays taken while the recorded quantity stands: available is
//!   recorded less consumed. As the recorded quantity falls the consumed part falls with it.
//! - A print at a price fills accounts' orders at better prices first, then the queue at that price
//!   from its front. Background at better prices is left for the next level update: books are
//!   recorded more rarely than trades.
//! - A level that crosses a resting order of an account fills it at the order's own price.

use std::collections::BTreeMap;

use model::market::{GridPrice, GridQty, Level, LevelUpdate};
use model::venue::VenueEvent;
use model::{InstrumentId, Side, Timestamp};

use crate::book::Entry;
use crate::matching::{Step, within};
use crate::venue::SimVenue;

/// One event of the market around the accounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Background {
    /// The whole book.
    Snapshot {
        /// In any order.
        bids: Vec<Level>,
        /// In any order.
        asks: Vec<Level>,
    },
    /// One level set to an absolute quantity; zero removes it.
    Level(LevelUpdate),
    /// Somebody traded.
    Trade {
        /// At which price.
        price: GridPrice,
        /// How much.
        qty: GridQty,
        /// Who was in a hurry.
        taker_side: Side,
    },
}

/// Recorded quantities, and what accounts took of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recorded {
    levels: BTreeMap<(Side, GridPrice), (i64, i64)>,
}

impl Recorded {
    /// An account took from a level.
    pub(crate) fn consume(&mut self, side: Side, price: GridPrice, qty: GridQty) {
        if let Some((_, consumed)) = self.levels.get_mut(&(side, price)) {
            *consumed += qty.0;
        }
    }

    /// Sets a level; returns what of it is available.
    fn set(&mut self, side: Side, price: GridPrice, qty: GridQty) -> i64 {
        if qty.0 == 0 {
            self.levels.remove(&(side, price));
            return 0;
        }
        let (recorded, consumed) = self.levels.entry((side, price)).or_default();
        *recorded = qty.0;
        *consumed = (*consumed).min(qty.0);
        qty.0 - *consumed
    }

    /// A print took from a level what was recorded there.
    fn trade(&mut self, side: Side, price: GridPrice, qty: GridQty) {
        if let Some((recorded, consumed)) = self.levels.get_mut(&(side, price)) {
            *recorded = (*recorded - qty.0).max(0);
            *consumed = (*consumed).min(*recorded);
        }
    }

    fn side(&self, side: Side) -> Vec<GridPrice> {
        self.levels.keys().filter(|(s, _)| *s == side).map(|(_, price)| *price).collect()
    }
}

impl SimVenue {
    /// The market around the accounts moves. Sizes of zero or less in a print, and prices of zero
    /// or less anywhere, are ignored.
    pub fn background(
        &mut self,
        now: Timestamp,
        instrument: InstrumentId,
        event: &Background,
        events: &mut Vec<VenueEvent>,
    ) {
        let Ok(market) = self.market(instrument) else { return };
        let mut step = Step::new(now, events);
        match event {
            Background::Snapshot { bids, asks } => {
                self.set_side(market, Side::Buy, bids, &mut step);
                self.set_side(market, Side::Sell, asks, &mut step);
            }
            Background::Level(level) => self.set_level(market, *level, &mut step),
            Background::Trade { price, qty, taker_side } => {
                if price.0 > 0 && qty.0 > 0 {
                    self.recorded_trade(market, *price, *qty, *taker_side, &mut step);
                }
            }
        }
        self.trigger_stops(market, &mut step);
        let Step { balances, .. } = step;
        self.close_step(now, market, &balances, events);
    }

    fn set_side(&mut self, market: usize, side: Side, levels: &[Level], step: &mut Step<'_>) {
        let new: BTreeMap<GridPrice, GridQty> = levels.iter().map(|l| (l.price, l.qty)).collect();
        for price in self.markets[market].recorded.side(side) {
            if !new.contains_key(&price) {
                self.set_level(market, LevelUpdate { side, price, qty: GridQty(0) }, step);
            }
        }
        for (price, qty) in new {
            self.set_level(market, LevelUpdate { side, price, qty }, step);
        }
    }

    fn set_level(&mut self, market: usize, level: LevelUpdate, step: &mut Step<'_>) {
        let LevelUpdate { side, price, qty } = level;
        if price.0 <= 0 || qty.0 < 0 {
            return;
        }
        let mut available = self.markets[market].recorded.set(side, price, qty);
        if available > 0 {
            self.clear_crossed(market, side, price);
            available -= self.meet_orders(market, side, price, available, step);
        }
        let changed = self.markets[market].book.set_market(side, price, available);
        if changed {
            self.markets[market].touch(side, price);
        }
    }

    /// Background on the other side that a new level crosses is out of date.
    fn clear_crossed(&mut self, market: usize, side: Side, price: GridPrice) {
        let opposite = side.opposite();
        let market = &mut self.markets[market];
        let crossed: Vec<GridPrice> = market
            .book
            .levels(opposite)
            .map(|(at, _)| at)
            .take_while(|at| within(side, Some(price), *at))
            .collect();
        for at in crossed {
            market.recorded.set(opposite, at, GridQty(0));
            if market.book.set_market(opposite, at, 0) {
                market.touch(opposite, at);
            }
        }
    }

    /// Accounts' orders on the other side that a new level crosses are filled at their own prices.
    /// Returns how much of the level that took.
    fn meet_orders(
        &mut self,
        market: usize,
        side: Side,
        price: GridPrice,
        available: i64,
        step: &mut Step<'_>,
    ) -> i64 {
        let opposite = side.opposite();
        let mut left = available;
        while left > 0 {
            let best = self.markets[market].book.best(opposite);
            let Some(at) = best.filter(|at| within(side, Some(price), *at)) else { break };
            left -= self.fill_front(market, opposite, at, left, step);
        }
        let taken = available - left;
        self.markets[market].recorded.consume(side, price, GridQty(taken));
        taken
    }

    /// Fills the order at the front of a level that holds nothing else before it; at least one.
    fn fill_front(
        &mut self,
        market: usize,
        side: Side,
        price: GridPrice,
        most: i64,
        step: &mut Step<'_>,
    ) -> i64 {
        let queue = self.markets[market].book.side(side).get(&price);
        match queue.and_then(|queue| queue.entries.front().copied()) {
            Some(Entry::Order(maker, there)) => {
                let qty = GridQty(there.0.min(most));
                self.next_taker += 1;
                self.take_from_queue(market, side, price, qty);
                self.filled_by_market(maker, price, qty, step);
                qty.0
            }
            // Crossed background was cleared before, so this does not arise; taking it all ends
            // the caller's loop.
            Some(Entry::Market(_)) | None => most,
        }
    }

    fn recorded_trade(
        &mut self,
        market: usize,
        price: GridPrice,
        qty: GridQty,
        taker_side: Side,
        step: &mut Step<'_>,
    ) {
        self.next_taker += 1;
        let side = taker_side.opposite();
        let mut left = qty.0;
        for (index, at) in self.better_orders(market, side, price) {
            if left == 0 {
                break;
            }
            let fill = GridQty(self.orders[index].leaves().0.min(left));
            self.take_order(market, side, at, index, fill);
            self.filled_by_market(index, at, fill, step);
            left -= fill.0;
        }
        let mut background = 0;
        while left > 0 {
            let queue = self.markets[market].book.side(side).get(&price);
            match queue.and_then(|queue| queue.entries.front().copied()) {
                Some(Entry::Order(maker, there)) => {
                    let fill = GridQty(there.0.min(left));
                    self.take_from_queue(market, side, price, fill);
                    self.filled_by_market(maker, price, fill, step);
                    left -= fill.0;
                }
                Some(Entry::Market(there)) => {
                    let taken = GridQty(there.0.min(left));
                    self.take_from_queue(market, side, price, taken);
                    left -= taken.0;
                    background += taken.0;
                }
                None => break,
            }
        }
        self.markets[market].recorded.trade(side, price, qty);
        // What no account got was printed among others; also what no level was recorded for.
        let rest = background + left;
        if rest > 0 {
            self.print(market, price, GridQty(rest), taker_side, step);
        }
    }

    /// Accounts' orders at better prices than a print, best first, oldest first.
    fn better_orders(
        &self,
        market: usize,
        side: Side,
        price: GridPrice,
    ) -> Vec<(usize, GridPrice)> {
        let better = |at: GridPrice| match side {
            Side::Buy => at > price,
            Side::Sell => at < price,
        };
        let levels = self.markets[market].book.levels(side).take_while(|(at, _)| better(*at));
        let mut orders = Vec::new();
        for (at, queue) in levels {
            for entry in &queue.entries {
                if let Entry::Order(index, _) = entry {
                    orders.push((*index, at));
                }
            }
        }
        orders
    }

    /// Takes from an order that may stand behind background in its queue.
    fn take_order(
        &mut self,
        market: usize,
        side: Side,
        price: GridPrice,
        order: usize,
        taken: GridQty,
    ) {
        let market = &mut self.markets[market];
        let levels = market.book.side_mut(side);
        let Some(queue) = levels.get_mut(&price) else { return };
        for entry in &mut queue.entries {
            if let Entry::Order(index, left) = entry
                && *index == order
            {
                left.0 -= taken.0;
                queue.total -= taken.0;
            }
        }
        queue.entries.retain(|entry| !matches!(entry, Entry::Order(_, GridQty(0))));
        if queue.entries.is_empty() {
            levels.remove(&price);
        }
        market.touch(side, price);
    }
}
