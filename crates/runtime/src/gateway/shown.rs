//! What only the running gateway knows and no journal has: a book, the limits it goes by, and how far each
//! breaker is now.

use gateway::{Gateway, LeaseState, Limits};
use model::market::{Level, MarketView};
use model::{InstrumentId, LimitsVersion, Timestamp};

use crate::control::{Answer, BookShown, BreakersShown, LimitsShown};

/// Levels of each side that are shown at the most.
const DEPTH_MAX: usize = 1_000;

/// The best `depth` levels of each side.
pub(super) fn book(gateway: &Gateway, instrument: InstrumentId, depth: usize) -> Answer {
    match gateway.markets().get(instrument) {
        Some(market) => Answer::Book(show(gateway, market, depth.min(DEPTH_MAX))),
        None => Answer::Error(format!("{instrument} is not followed by this gateway")),
    }
}

/// What the account is worth, and every breaker.
pub(super) fn breakers(gateway: &Gateway, now: Timestamp) -> Answer {
    Answer::Breakers(BreakersShown {
        equity: gateway.equity(),
        mark: gateway.equity_mark(),
        headroom: gateway.loss_headroom(),
        breakers: gateway.breakers(now),
        books: gateway
            .markets()
            .iter()
            .map(|market| (market.instrument().id, market.book_as_of(gateway.venue_ahead_ms())))
            .collect(),
        lease_until: match gateway.lease() {
            LeaseState::NotConfigured => None,
            LeaseState::Fresh { until } | LeaseState::Stale { since: until } => Some(until),
        },
    })
}

fn show(gateway: &Gateway, market: &MarketView, depth: usize) -> BookShown {
    let (instrument, grid) = (market.instrument().id, market.instrument().grid());
    let (health, since) = gateway.feed_health(instrument);
    let exact = |level: Level| Some((grid.price(level.price)?, grid.qty(level.qty)?));
    BookShown {
        instrument,
        health,
        since,
        as_of: market.book_as_of(gateway.venue_ahead_ms()),
        bids: market.book().bids().take(depth).filter_map(exact).collect(),
        asks: market.book().asks().take(depth).filter_map(exact).collect(),
    }
}

/// The limits in force. Others than `before`?
pub(super) fn limits(gateway: &Gateway, before: LimitsVersion) -> Answer {
    let (limits, version) = gateway.limits_in_force();
    let disabled = gateway.books().disabled_agents();
    Answer::Limits(Box::new(LimitsShown {
        version,
        running: true,
        changed: version != before,
        limits: limits.clone(),
        disabled: disabled.map(|(agent, cause)| (agent, cause.to_owned())).collect(),
    }))
}

/// Limits as the core is told of them. Every key is a text and every value a plain one, so there is one.
pub(super) fn limits_text(limits: &Limits) -> Option<String> {
    serde_json::to_string(limits).ok()
}
