//! Guardrail: how many orders and cancels go to the venue in a sliding window.
//!
//! An agent that requotes without end spends what others need, and is banned in the end with all of them. A
//! cancel is never refused, and each takes the place of an order: who takes back much may place little.

use std::time::Duration;

use model::{Refusal, Scope, Timestamp};

use crate::window::Times;

/// `limit` messages within `window` are the last after which an order is sent.
pub(super) fn check(
    now: Timestamp,
    sent: &Times,
    scope: Scope,
    limit: u32,
    window: Duration,
) -> Result<(), Refusal> {
    if sent.is_below(limit, now, window) {
        return Ok(());
    }
    Err(Refusal::MessageRate { scope, limit, sent: sent.within(now, window), window })
}
