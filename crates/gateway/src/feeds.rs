//! Whether the market data of an instrument can be relied on, and what shows that it cannot.
//!
//! The agent is told each change: it still gets every message, and what it makes of a book that is
//! stale is its own business. Whether it may act on it is the guardrails', which look for themselves.

use model::market::{MarketEvent, MarketKind, MarketView};
use model::{
    AgentEvent, Effect, Effects, FeedHealth, InstrumentId, Link, Notice, Record, Timestamp,
};

use crate::gateway::Gateway;

impl Gateway {
    /// How the market data of an instrument is, and since when.
    pub fn feed_health(&self, instrument: InstrumentId) -> (FeedHealth, Timestamp) {
        self.feeds.get(instrument).copied().unwrap_or((FeedHealth::Down, self.started_at))
    }

    /// The market moved: what is known of prices follows it.
    pub(crate) fn prices_move(&mut self, now: Timestamp, event: &MarketEvent) {
        self.markets.apply(now, event);
        self.look_at_market(now, event);
    }

    /// Does it change what is known of a book? A print does where the last one stands for it.
    pub(crate) fn moves_book(&self, event: &MarketEvent) -> bool {
        let market = self.markets.get(event.instrument);
        market.is_some_and(|market| moves_book_of(market, event))
    }

    /// The same, and what it says of the market data. When that turns stale if nothing more comes; `None` where it
    /// is not live.
    pub(crate) fn market(
        &mut self,
        now: Timestamp,
        event: &MarketEvent,
        effects: &mut Effects,
    ) -> Option<Timestamp> {
        self.prices_move(now, event);
        let market = self.markets.get(event.instrument)?;
        let is_book = matches!(event.kind, MarketKind::Book(_));
        let is_crossed = is_book && market.is_live() && market.book().is_crossed();
        let moves_book = moves_book_of(market, event);
        // Of a book that is not to be believed there is none.
        let reference = market.reference_price().filter(|_| !is_crossed);
        if is_crossed {
            self.corrupt(now, event.instrument, effects);
        }
        if moves_book {
            self.note_reference(now, event.instrument, reference);
            self.stake_by_market(event.instrument);
        }
        self.judge_feed(now, event.instrument, effects)
    }

    /// A bid at or above an ask after a whole message: changes were lost, whatever their numbers say.
    fn corrupt(&mut self, now: Timestamp, instrument: InstrumentId, effects: &mut Effects) {
        let detail = "the book is crossed".to_owned();
        self.record(now, Record::Gap { instrument, detail: detail.clone() }, effects);
        let kind = MarketKind::BookLost;
        self.markets.apply(now, &MarketEvent { instrument, venue_time: now, kind });
        let (link, instrument) = (Link::Market, Some(instrument));
        effects.push(Effect::Distrust { link, instrument, cause: detail });
    }

    /// Looks at every instrument: time has passed, or a connection has changed.
    pub(crate) fn judge_feeds(&mut self, now: Timestamp, effects: &mut Effects) {
        let all: Vec<InstrumentId> = self.markets.iter().map(|m| m.instrument().id).collect();
        for instrument in all {
            self.judge_feed(now, instrument, effects);
        }
    }

    fn judge_feed(
        &mut self,
        now: Timestamp,
        instrument: InstrumentId,
        effects: &mut Effects,
    ) -> Option<Timestamp> {
        let market = self.markets.get(instrument)?;
        let turns_stale = self.stale_at(market).map(just_after);
        let health = if !self.market_up {
            FeedHealth::Down
        } else if !market.is_live() {
            FeedHealth::Resyncing
        } else if turns_stale.is_none_or(|at| at <= now) {
            FeedHealth::Stale
        } else {
            FeedHealth::Live
        };
        let turns_stale = turns_stale.filter(|_| health == FeedHealth::Live);
        if self.feed_health(instrument).0 == health {
            return turns_stale;
        }
        self.feeds.insert(instrument, (health, now));
        self.record(now, Record::Feed { instrument, health }, effects);
        let event = AgentEvent::Feed { instrument, health, since: now };
        effects.push(Effect::Notify(Notice::AllAgents(event)));
        turns_stale
    }

    /// The last moment at which what is known of a book is fresh; the same age that the guardrails ask
    /// for.
    fn stale_at(&self, market: &MarketView) -> Option<Timestamp> {
        Some(
            market
                .book_as_of(self.venue_ahead_ms)?
                .after_ms(self.config.limits.reference_age_max_ms),
        )
    }

    /// When the first of the live instruments turns stale if nothing more comes.
    pub(crate) fn next_stale(&self) -> Option<Timestamp> {
        let live = self
            .markets
            .iter()
            .filter(|market| self.feed_health(market.instrument().id).0 == FeedHealth::Live);
        live.filter_map(|market| self.stale_at(market)).min().map(just_after)
    }
}

/// Does it change what is known of this book?
pub(crate) fn moves_book_of(market: &MarketView, event: &MarketEvent) -> bool {
    match event.kind {
        MarketKind::Book(_) | MarketKind::BookLost => true,
        MarketKind::Trade(_) | MarketKind::Candle(_) => market.is_priced_by_prints(),
        MarketKind::LateTrade(_) | MarketKind::Quote(_) => false,
    }
}

/// Fresh is up to and including its last moment.
fn just_after(at: Timestamp) -> Timestamp {
    at.after(std::time::Duration::from_nanos(1))
}

#[cfg(test)]
mod tests;
