//! What happens to a market and nobody would do anything because of is put together and told as one: changes of a book
//! by the last of them, and of trades the last ones. Nearly all that a recording tells is of that kind.
//!
//! Gateway and strategy say for how long that is so ([`Engine::book_rests`](engine::Engine::book_rests)). Anything else
//! that the gateway hears comes after what waited, which is told with the times that it had, in the order that it had.
//! Nothing waits where messages of the market are under way for a while. That no record is another by this is a test.

use engine::{Rest, Strategy};
use gateway::TRADES_LOOKED_AT;
use model::Timestamp;
use model::market::{GridPrice, LevelUpdate, MarketKind, PublicTrade};

use crate::driver::Backtest;
use crate::waits::Resting;

impl<S: Strategy> Backtest<S> {
    /// A book changed by just these levels.
    pub(crate) fn book_changes(
        &mut self,
        received: Option<i64>,
        market: usize,
        levels: &[LevelUpdate],
    ) {
        self.others_go_first(market);
        let waits = self.rests(market) && self.best_is_as_it_may_be(market);
        if waits {
            self.waiting.of = Some(market);
            return self.waiting.changed(self.now, levels);
        }
        // What waits of the book is as one message with this.
        self.waiting.changed(self.now, levels);
        self.waiting.book_at = None;
        self.tell_trades(market, self.waiting.before_book);
        self.waiting.of = None;
        let room = self.spare.pop().unwrap_or_default();
        let levels = std::mem::replace(&mut self.waiting.levels, room);
        self.tell_book(received, market, levels);
    }

    /// Somebody traded, and nothing else happened.
    pub(crate) fn trade_happens(
        &mut self,
        received: Option<i64>,
        market: usize,
        trade: PublicTrade,
    ) {
        self.others_go_first(market);
        if self.rests(market) && self.waiting.rest.is_some_and(|resting| resting.rest.trades_too) {
            self.waiting.of = Some(market);
            return self.waiting.traded(self.now, trade, TRADES_LOOKED_AT);
        }
        self.tell(received, market, MarketKind::Trade(trade));
    }

    fn others_go_first(&mut self, market: usize) {
        if self.waiting.of.is_some_and(|of| of != market) {
            self.tell_what_waits();
        }
    }

    /// Does nobody do anything because of it now? Asked for once: whatever changes that is told, and what waits before it.
    fn rests(&mut self, market: usize) -> bool {
        let until = match &self.waiting.rest {
            Some(resting) if resting.market == market => resting.rest.until,
            _ => self.ask_for_rest(market).rest.until,
        };
        self.now < until.nanos()
    }

    fn best_is_as_it_may_be(&self, market: usize) -> bool {
        self.waiting.rest.as_ref().is_some_and(|Resting { rest, best, .. }| {
            !rest.while_best_stays || (best.is_some() && *best == self.best_shown(market))
        })
    }

    fn ask_for_rest(&mut self, market: usize) -> Resting {
        let id = self.markets[market].id;
        let is_heard = self.ways.feed_is_instant
            && self.markets[market].has_begun
            && !self.trouble.hides_market;
        let rest = if is_heard {
            self.engine.book_rests(Timestamp::from_nanos(self.now), id)
        } else {
            Rest::NONE
        };
        let view = self.engine.gateway().markets().get(id);
        let best = view.and_then(|view| view.book().best_bid().zip(view.book().best_ask()));
        let best = best.map(|(bid, ask)| (bid.price, ask.price));
        let resting = Resting { market, rest, best };
        self.waiting.rest = Some(resting);
        resting
    }

    fn best_shown(&self, market: usize) -> Option<(GridPrice, GridPrice)> {
        self.venue.best(self.markets[market].number)
    }

    /// The gateway is about to hear something: what waits comes first.
    #[inline]
    pub(crate) fn tell_what_waits(&mut self) {
        self.waiting.rest = None;
        if let Some(market) = self.waiting.of.take() {
            self.tell_waiting(market);
        }
    }

    fn tell_waiting(&mut self, market: usize) {
        self.tell_trades(market, self.waiting.before_book);
        if let Some(at) = self.waiting.book_at.take() {
            let room = self.spare.pop().unwrap_or_default();
            let levels = std::mem::replace(&mut self.waiting.levels, room);
            let now = std::mem::replace(&mut self.now, at);
            self.tell_book(None, market, levels);
            self.now = now;
        }
        self.tell_trades(market, self.waiting.trades.len());
    }

    /// The first of the trades that wait.
    fn tell_trades(&mut self, market: usize, count: usize) {
        self.waiting.before_book = 0;
        for _ in 0..count {
            // Telling tells nothing else of what waits.
            self.waiting.of = None;
            let Some((at, trade)) = self.waiting.trades.pop_front() else { return };
            let now = std::mem::replace(&mut self.now, at);
            self.tell(None, market, MarketKind::Trade(trade));
            self.now = now;
        }
    }
}

#[cfg(test)]
mod tests;
