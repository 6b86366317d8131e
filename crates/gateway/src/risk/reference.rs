//! Guardrail: there is a fresh price to measure the order by.
//!
//! The gateway's own price, never the agent's: an agent with a stale view, or with a wrong one,
//! is exactly what the other guardrails are there to catch. Its age is the book's, by the venue's clock:
//! a process that was stopped receives old news as new.

use std::time::Duration;

use model::market::MarketView;
use model::{Price, Refusal, Timestamp};

/// The reference price, or a refusal when there is none or it is older than `limit`.
pub(super) fn check(
    now: Timestamp,
    market: &MarketView,
    venue_ahead_ms: i64,
    limit: Duration,
) -> Result<Price, Refusal> {
    let price = market.reference_price().ok_or(Refusal::StalePrice { limit, age: None })?;
    let age = market.book_as_of(venue_ahead_ms).map(|as_of| now.since(as_of));
    match age {
        Some(age) if age <= limit => Ok(price),
        _ => Err(Refusal::StalePrice { limit, age }),
    }
}
