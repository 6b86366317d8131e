//! The exchange cannot be reached, or takes no more requests: what becomes of what is under way, as it does in
//! trading.
//!
//! The market goes on meanwhile, and what stands in the exchange's book is filled. The gateway is told of
//! none of it: a connection that is cut delivers nothing, not even what was on its way. Of a request that had left it
//! nobody knows what became; one that wants to leave is not sent, for no connection can be made. When connections are
//! back the gateway hears the book as it is then, and asks for the rest by itself.
//!
//! Left out: connections that are silent or slow instead of gone (`plimsoll venue` has those), and what of
//! the market was missed is not fetched later.

use std::time::Duration;

use budget::{Answer, Charge, Counted, Keys, Priority};
use engine::Strategy;
use model::market::{Level, LevelUpdate, MarketEvent, MarketKind};
use model::venue::{AccountRequest, MarketRequest, PublicMarket as _, Response, VenueError};
use model::{FeedNotice, Input, Link, Outcome, RequestId, Side, Timestamp};
use sim_venue::PROFILE;

use crate::driver::Backtest;
use crate::failing::State;
use crate::wire::Under;

/// The code of a request too many, at Binance.
const TOO_MANY: i64 = -1003;
/// A cancel or a question waits for its turn for so long; what would have to wait longer fails.
const WAIT_MAX: Duration = Duration::from_secs(30);
/// Why nothing is sent.
const UNREACHABLE: &str = "no connection: the exchange cannot be reached";

impl<S: Strategy> Backtest<S> {
    /// Something begins to fail, or works again.
    pub(crate) fn trouble_turns(&mut self) {
        let State { hides_market, hides_account, unreachable, .. } = self.trouble;
        self.trouble.turns(self.now);
        let now = &self.trouble;
        let cut = |was: bool, is: bool| (is && !was, was && !is);
        let (market_cut, market_back) = cut(hides_market, now.hides_market);
        let (account_cut, account_back) = cut(hides_account, now.hides_account);
        if now.unreachable && !unreachable {
            self.requests_are_lost();
        }
        if account_cut {
            self.link(Link::Account, false);
        }
        if market_cut {
            self.market_is_cut();
        }
        if account_back {
            self.link(Link::Account, true);
        }
        if market_back {
            self.market_is_back();
        }
    }

    fn link(&mut self, link: Link, up: bool) {
        let cause = if up { "the exchange is back" } else { "the exchange cannot be reached" };
        self.gateway_hears(&Input::Link { link, up, cause: cause.to_owned() });
    }

    /// What had left the gateway was answered, or was not: nobody knows.
    fn requests_are_lost(&mut self) {
        let flying = self.trouble.flying.iter().filter(|(_, has_left)| **has_left);
        for id in flying.map(|(id, _)| *id).collect::<Vec<_>>() {
            // Between two bars nothing has happened yet: it has not arrived.
            self.held.retain(|(_, held, _)| *held != id);
            self.trouble.flying.remove(&id);
            self.trouble.counts.requests_lost += 1;
            let outcome = Outcome::InDoubt("the connection broke".to_owned());
            let reply = model::Reply { request: id, outcome, sent: model::Sent::default() };
            self.gateway_hears(&Input::Reply(reply));
        }
    }

    fn market_is_cut(&mut self) {
        self.trouble.counts.market_missed += self.lagged.len() as u64;
        self.lagged.clear();
        self.link(Link::Market, false);
        for market in 0..self.markets.len() {
            let (instrument, venue_time) = (self.markets[market].id, self.time());
            let kind = MarketKind::BookLost;
            self.gateway_hears(&Input::Market(MarketEvent { instrument, venue_time, kind }));
        }
    }

    fn market_is_back(&mut self) {
        self.link(Link::Market, true);
        for market in 0..self.markets.len() {
            if !self.markets[market].has_book {
                continue;
            }
            let levels = self.whole_book(market);
            // A book that was not recorded yet comes with its own first row.
            if !levels.is_empty() {
                self.markets[market].has_begun = false;
                self.tell_book(None, market, levels);
            }
        }
    }

    fn whole_book(&self, market: usize) -> Vec<LevelUpdate> {
        let instrument = self.markets[market].id;
        let request = MarketRequest::Book { instrument, depth: u32::MAX };
        let Ok(Response::Book(book)) = self.venue.read(self.time(), &request) else {
            return Vec::new();
        };
        let of = |side| move |Level { price, qty }: Level| LevelUpdate { side, price, qty };
        let bids = book.bids.into_iter().map(of(Side::Buy));
        bids.chain(book.asks.into_iter().map(of(Side::Sell))).collect()
    }

    fn time(&self) -> Timestamp {
        Timestamp::from_nanos(self.now)
    }

    /// The gateway sends a request.
    pub(crate) fn sends(&mut self, id: RequestId, request: Box<AccountRequest>) {
        if !self.trouble.is_on {
            let at = self.ways.entry.arrives(self.now, None);
            return self.wire.send(at, Under::Request(id, request));
        }
        self.trouble.is_asked(id);
        self.sends_in_turn(id, request, self.now);
    }

    /// The same, when the rate limit lets it go; it was wanted first at `since`.
    pub(crate) fn sends_in_turn(
        &mut self,
        id: RequestId,
        request: Box<AccountRequest>,
        since: i64,
    ) {
        let now = self.time();
        let priority = Priority::of(&request);
        let charge = Charge::new(Keys::default()).with(Counted::Request, 1);
        let answer = self.trouble.budget.as_mut().map(|budget| budget.ask(now, priority, &charge));
        if let Some(Answer::Wait { wait, cause }) = answer {
            return self.waits(id, request, since, (wait, cause.to_string()));
        }
        if self.trouble.unreachable {
            return self.is_not_sent(id, UNREACHABLE.to_owned());
        }
        self.trouble.flying.insert(id, true);
        let at = self.ways.entry.arrives(self.now, None);
        self.wire.send(at, Under::Request(id, request));
    }

    fn waits(
        &mut self,
        id: RequestId,
        request: Box<AccountRequest>,
        since: i64,
        (wait, limiter): (Duration, String),
    ) {
        let most = match &*request {
            AccountRequest::Place(_) => PROFILE.order_validity.unwrap_or(WAIT_MAX),
            _ => WAIT_MAX,
        };
        let until = self.time().after(wait);
        if until > Timestamp::from_nanos(since).after(most) {
            return self.is_not_sent(id, format!("rate budget: {limiter}"));
        }
        if since == self.now {
            self.trouble.counts.requests_held_back += 1;
            let notice = FeedNotice::BudgetWait { limiter, wait, requests: 1 };
            self.wire.send(self.now, Under::Notice(notice));
        }
        self.wire.send(until.nanos(), Under::Again { id, request, since });
    }

    fn is_not_sent(&mut self, id: RequestId, why: String) {
        self.trouble.counts.requests_not_sent += 1;
        self.wire.send(self.now, Under::Answer(id, Box::new(Outcome::NotSent(why))));
    }

    /// What is there, unless it was lost on its way or the exchange does not want it.
    pub(crate) fn gets_through(&mut self, what: Under) -> Option<Under> {
        if !self.trouble.is_on {
            return Some(what);
        }
        match &what {
            // Its connection was cut before it was there.
            Under::Request(id, _) if !self.trouble.flying.contains_key(id) => return None,
            Under::Request(id, _) if self.now < self.trouble.throttled_until => {
                self.trouble.counts.requests_throttled += 1;
                let message = "too many requests".to_owned();
                let refused = Outcome::Refused(VenueError::Other { code: TOO_MANY, message });
                let at = self.ways.response.arrives(self.now, None);
                self.wire.send(at, Under::Answer(*id, Box::new(refused)));
                return None;
            }
            // The first word counts: it has been given up.
            Under::Answer(id, outcome) => {
                self.trouble.flying.remove(id)?;
                if let Outcome::Refused(VenueError::Other { code: TOO_MANY, message }) = &**outcome
                {
                    self.stops(message.clone());
                }
            }
            Under::Report(_) if self.trouble.hides_account => {
                self.trouble.counts.reports_missed += 1;
                return None;
            }
            Under::Request(..) | Under::Again { .. } | Under::Report(_) | Under::Notice(_) => {}
        }
        Some(what)
    }

    /// The exchange has said until when it takes nothing, and nothing is sent until then.
    fn stops(&mut self, detail: String) {
        let until = Timestamp::from_nanos(self.trouble.throttled_until);
        let (now, wait) = (self.time(), until.since(self.time()));
        if wait.is_zero() {
            return;
        }
        if let Some(budget) = &mut self.trouble.budget {
            budget.stop(now, None, wait);
        }
        self.gateway_hears(&Input::Feed(FeedNotice::RateLimited { wait, detail }));
    }
}

#[cfg(test)]
mod tests;
