//! Guardrail: how many new orders an agent may send in a sliding window.

use model::{Refusal, Timestamp};

use crate::limits::OrderFlowLimits;
use crate::window::Times;

/// `sent` are the agent's orders; one that is refused is not among them.
pub(super) fn check(now: Timestamp, sent: &Times, limits: &OrderFlowLimits) -> Result<(), Refusal> {
    let (limit, window) = (limits.rate_max, limits.rate_window());
    if sent.is_below(limit, now, window) {
        return Ok(());
    }
    Err(Refusal::OrderRate { limit, sent: sent.within(now, window), window })
}
