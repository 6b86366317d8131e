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

use model::market::{GridPrice, GridQty, Level, LevelUpdate};
use model::venue::VenueEvent;
use model::{InstrumentId, Side, Timestamp, TradingMode};

use crate::assumptions::RestingFills;
use crate::book::RestingBook;
use crate::matching::{Step, within};
use crate::queue::Entry;
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

/// Quantities above this are cut: far beyond what any book holds, and sums of it stay countable.
const QTY_MAX: i64 = 1_000_000_000_000_000_000;

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
        self.pass_time(now, events);
        if self.markets[market].instrument.mode != TradingMode::Live {
            self.keep_for_later(market, event);
            return;
        }
        let mut step = Step::new(now, events);
        if std::mem::take(&mut self.markets[market].behind) {
            self.catch_up(market, &mut step);
        }
        match event {
            Background::Snapshot { bids, asks } => {
                self.set_side(market, Side::Buy, bids, &mut step);
                self.set_side(market, Side::Sell, asks, &mut step);
            }
            Background::Level(level) => self.set_level(market, *level, &mut step),
            Background::Trade { price, qty, taker_side } => {
                if price.0 > 0 && qty.0 > 0 {
                    let qty = GridQty(qty.0.min(QTY_MAX));
                    self.recorded_trade(market, *price, qty, *taker_side, &mut step);
                }
            }
        }
        self.trigger_stops(market, &mut step);
        let Step { balances, .. } = step;
        self.close_step(now, market, balances, events);
    }

    /// Nothing trades: what is recorded now is shown when the instrument trades again.
    fn keep_for_later(&mut self, market: usize, event: &Background) {
        let market = &mut self.markets[market];
        market.behind = true;
        match event {
            Background::Snapshot { bids, asks } => {
                for (side, levels) in [(Side::Buy, bids), (Side::Sell, asks)] {
                    for level in whole_side(&market.book, side, levels) {
                        market.book.record(side, level.price, level.qty);
                    }
                }
            }
            Background::Level(LevelUpdate { side, price, qty }) => {
                if price.0 > 0 && qty.0 >= 0 {
                    market.book.record(*side, *price, GridQty(qty.0.min(QTY_MAX)));
                }
            }
            Background::Trade { price, qty, taker_side } => {
                if qty.0 > 0 {
                    market.book.print(taker_side.opposite(), *price, *qty);
                }
            }
        }
    }

    /// Shows what was recorded while nothing traded.
    fn catch_up(&mut self, market: usize, step: &mut Step<'_>) {
        for side in [Side::Buy, Side::Sell] {
            let levels: Vec<_> = self.markets[market].book.background(side).collect();
            for (price, qty) in levels {
                self.set_level(market, LevelUpdate { side, price, qty }, step);
            }
        }
    }

    fn set_side(&mut self, market: usize, side: Side, levels: &[Level], step: &mut Step<'_>) {
        for Level { price, qty } in whole_side(&self.markets[market].book, side, levels) {
            self.set_level(market, LevelUpdate { side, price, qty }, step);
        }
    }

    pub(crate) fn set_level(&mut self, market: usize, level: LevelUpdate, step: &mut Step<'_>) {
        let LevelUpdate { side, price, qty } = level;
        if price.0 <= 0 || qty.0 < 0 {
            return;
        }
        let qty = GridQty(qty.0.min(QTY_MAX));
        let mut available = self.markets[market].book.record(side, price, qty);
        if self.markets[market].is_hidden(side) {
            // Recorded, so that it is there when it comes back; nothing of it can be taken.
            available = 0;
        }
        let edge = self.markets[market].book.edge(side.opposite());
        if available > 0 && edge.is_some_and(|at| within(side, Some(price), at)) {
            self.clear_crossed(market, side, price);
            let share = self.share_of(available);
            available -= self.meet_orders(market, side, price, share, step);
        }
        let market = &mut self.markets[market];
        if market.book.show(side, price, available) {
            market.touch(side, price);
        }
    }

    /// Background on the other side that a new level crosses is out of date.
    fn clear_crossed(&mut self, market: usize, side: Side, price: GridPrice) {
        let opposite = side.opposite();
        let market = &mut self.markets[market];
        let levels = market.book.background(opposite).map(|(at, _)| at);
        let crossed: Vec<GridPrice> =
            levels.take_while(|at| within(side, Some(price), *at)).collect();
        for at in crossed {
            market.book.record(opposite, at, GridQty(0));
            if market.book.show(opposite, at, 0) {
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
        self.markets[market].book.consume(side, price, GridQty(taken));
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
        match self.markets[market].book.front(side, price) {
            Some(Entry::Order(maker, there)) => {
                let qty = GridQty(there.0.min(most));
                self.next_taker += 1;
                self.take_front(market, side, price, qty);
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
        let side = taker_side.opposite();
        if self.markets[market].is_hidden(side) {
            // Nobody is there to trade with; what was recorded shrinks all the same.
            self.markets[market].book.print(side, price, qty);
            return;
        }
        self.next_taker += 1;
        let mut left = qty.0;
        // What accounts may have of it at most.
        let mut share = self.share_of(qty.0);
        for (index, at) in self.reached_orders(market, side, price) {
            let leaves = self.orders[index].leaves().0;
            let fill = GridQty(match self.resting_in(market) {
                RestingFills::Touch if self.assumptions.share_percent.is_none() => leaves,
                RestingFills::Touch => leaves.min(share),
                RestingFills::Queue | RestingFills::Through => leaves.min(left).min(share),
            });
            if fill.0 <= 0 {
                break;
            }
            let book = &mut self.markets[market].book;
            book.take_order(side, at, index, Some(fill));
            self.markets[market].touch(side, at);
            self.filled_by_market(index, at, fill, step);
            left = (left - fill.0).max(0);
            share = (share - fill.0).max(0);
        }
        let mut background = 0;
        while left > 0 {
            match self.markets[market].book.front(side, price) {
                Some(Entry::Order(..)) if self.resting_in(market) != RestingFills::Queue => break,
                Some(Entry::Order(maker, there)) => {
                    let fill = GridQty(there.0.min(left).min(share));
                    if fill.0 == 0 {
                        break;
                    }
                    self.take_front(market, side, price, fill);
                    self.filled_by_market(maker, price, fill, step);
                    left -= fill.0;
                    share -= fill.0;
                }
                Some(Entry::Market(there)) => {
                    let taken = GridQty(there.0.min(left));
                    self.take_front(market, side, price, taken);
                    left -= taken.0;
                    background += taken.0;
                }
                None => break,
            }
        }
        let recorded = &mut self.markets[market];
        recorded.book.print(side, price, qty);
        // It traded there, whoever had it.
        let (lowest, highest) = recorded.printed.unwrap_or((price, price));
        recorded.printed = Some((lowest.min(price), highest.max(price)));
        // What no account got was printed among others; also what no level was recorded for.
        let rest = background + left;
        if rest > 0 {
            self.print(market, price, GridQty(rest), taker_side, step);
        }
    }

    /// Accounts' orders that a print reaches before anything at its own price is asked: those at better prices,
    /// and where a touch is enough also those at its own. Best first, oldest first.
    pub(crate) fn reached_orders(
        &self,
        market: usize,
        side: Side,
        price: GridPrice,
    ) -> Vec<(usize, GridPrice)> {
        let touches = self.is_touch_enough();
        let better = |at: GridPrice| match side {
            _ if at == price => touches,
            Side::Buy => at > price,
            Side::Sell => at < price,
        };
        let levels =
            self.markets[market].book.levels(side).take_while(|queue| better(queue.price()));
        let mut orders = Vec::new();
        for queue in levels {
            for entry in queue.entries() {
                if let Entry::Order(index, _) = entry {
                    orders.push((index, queue.price()));
                }
            }
        }
        orders
    }

    /// The background takes from the front of a level.
    fn take_front(&mut self, market: usize, side: Side, price: GridPrice, taken: GridQty) {
        let market = &mut self.markets[market];
        market.book.print_front(side, price, taken);
        market.touch(side, price);
    }
}

/// A recorded side as changes: levels that it lacks go, then come its own, best first. Of two at one
/// price the later counts.
fn whole_side(book: &RestingBook, side: Side, levels: &[Level]) -> Vec<Level> {
    let sound = levels.iter().rev().filter(|level| level.price.0 > 0 && level.qty.0 >= 0);
    let mut new: Vec<Level> = sound.copied().collect();
    match side {
        Side::Buy => new.sort_by_key(|level| std::cmp::Reverse(level.price)),
        Side::Sell => new.sort_by_key(|level| level.price),
    }
    new.dedup_by_key(|level| level.price);
    new.iter_mut().for_each(|level| level.qty.0 = level.qty.0.min(QTY_MAX));
    let rank = |level: &Level, price: GridPrice| match side {
        Side::Buy => price.cmp(&level.price),
        Side::Sell => level.price.cmp(&price),
    };
    let gone = book.background(side).map(|(price, _)| price);
    let gone = gone.filter(|price| new.binary_search_by(|level| rank(level, *price)).is_err());
    let mut changes: Vec<Level> = gone.map(|price| Level { price, qty: GridQty(0) }).collect();
    changes.append(&mut new);
    changes
}
