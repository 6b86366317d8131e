//! Changes of a book that nobody would do anything because of are put together and told as one, by the last of them:
//! nearly all that a book tells lies behind its best prices, and between two looks at it.
//!
//! Gateway and strategy say for how long that is so ([`Engine::book_rests`](engine::Engine::book_rests)). Anything else
//! that the gateway hears comes after what waited, which is told with the time that it had. Nothing waits where messages
//! of the market are under way for a while. That no record is another by this is a test.

use engine::Strategy;
use model::Timestamp;
use model::market::{GridPrice, LevelUpdate};

use crate::driver::Backtest;
use crate::waits::Resting;

impl<S: Strategy> Backtest<S> {
    /// A book changed by just these levels.
    pub(crate) fn book_changes(
        &mut self,
        received: Option<i64>,
        market: usize,
        mut levels: Vec<LevelUpdate>,
    ) {
        if self.waiting.of.is_some_and(|(of, _)| of != market) {
            self.tell_what_waits();
        }
        if self.may_wait(market) {
            self.waiting.of = Some((market, self.now));
            self.waiting.levels.append(&mut levels);
            self.spare.push(levels);
            return;
        }
        if self.waiting.of.take().is_some() {
            // As one message with this.
            std::mem::swap(&mut self.waiting.levels, &mut levels);
            levels.append(&mut self.waiting.levels);
        }
        self.tell_book(received, market, levels);
    }

    fn may_wait(&mut self, market: usize) -> bool {
        if !self.ways.feed_is_instant
            || !self.markets[market].has_begun
            || self.trouble.hides_market
        {
            return false;
        }
        let known = self.waiting.rest.filter(|resting| resting.market == market);
        let Resting { rest, best, .. } = known.unwrap_or_else(|| self.ask_for_rest(market));
        if self.now >= rest.until.nanos() {
            return false;
        }
        !rest.while_best_stays || (best.is_some() && best == self.best_shown(market))
    }

    fn ask_for_rest(&mut self, market: usize) -> Resting {
        let id = self.markets[market].id;
        let rest = self.engine.book_rests(Timestamp::from_nanos(self.now), id);
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
    pub(crate) fn tell_what_waits(&mut self) {
        self.waiting.rest = None;
        let Some((market, at)) = self.waiting.of.take() else { return };
        let room = self.spare.pop().unwrap_or_default();
        let levels = std::mem::replace(&mut self.waiting.levels, room);
        let now = std::mem::replace(&mut self.now, at);
        self.tell_book(None, market, levels);
        self.now = now;
    }
}

#[cfg(test)]
mod tests;
