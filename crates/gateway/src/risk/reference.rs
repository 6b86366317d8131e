//! Guardrail: there is a fresh price to measure the order by.
//!
//! The gateway's own price, never the agent's: an agent with a stale view, or with a wrong one,
//! is exactly what the other guardrails are there to catch. Its age is the book's, by the venue's clock:
//! a process that was stopped receives old news as new. It is the middle of the book and of nothing else:
//! a print anywhere does not move it, where one side is empty the last middle ages until it is too old,
//! and between a bid and an ask that are far apart there is no price at all.

use std::time::Duration;

use model::market::MarketView;
use model::{Price, Refusal, Timestamp};

use super::collar;

/// The reference price, or a refusal when there is none or it is older than `limit`.
pub(super) fn check(
    now: Timestamp,
    market: &MarketView,
    venue_ahead_ms: i64,
    limit: Duration,
    collar_bps: u32,
) -> Result<Price, Refusal> {
    let price = market.reference_price().ok_or(Refusal::StalePrice { limit, age: None })?;
    let age = market.reference_as_of(venue_ahead_ms).map(|as_of| now.since(as_of));
    if age.is_none_or(|age| age > limit) {
        return Err(Refusal::StalePrice { limit, age });
    }
    spread(market, price, collar_bps)?;
    Ok(price)
}

/// Best bid and ask are each within the collar of their middle. Otherwise one order far away would be
/// half of the price that all others are measured by.
fn spread(market: &MarketView, middle: Price, collar_bps: u32) -> Result<(), Refusal> {
    let (book, grid) = (market.book(), market.instrument().grid());
    let exact = |level: model::market::Level| grid.price(level.price);
    let best = book.best_bid().and_then(exact).zip(book.best_ask().and_then(exact));
    let Some((bid, ask)) = best else { return Ok(()) };
    // The middle is as far from both; of the two the bid is never the nearer one, for it is rounded down.
    if collar::holds(ask, middle, collar_bps)? {
        return Ok(());
    }
    Err(Refusal::WideSpread { bid, ask, collar_bps })
}
