//! A book as only the running gateway knows it: no journal has it.

use gateway::Gateway;
use model::InstrumentId;
use model::market::{Level, MarketView};

use crate::control::{Answer, BookShown};

/// Levels of each side that are shown at the most.
const DEPTH_MAX: usize = 1_000;

/// The best `depth` levels of each side.
pub(super) fn book(gateway: &Gateway, instrument: InstrumentId, depth: usize) -> Answer {
    match gateway.markets().get(instrument) {
        Some(market) => Answer::Book(show(gateway, market, depth.min(DEPTH_MAX))),
        None => Answer::Error(format!("{instrument} is not followed by this gateway")),
    }
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
