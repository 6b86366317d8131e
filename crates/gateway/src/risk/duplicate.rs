//! Guardrail: an agent does not send the same order again and again.
//!
//! A program that takes its own refusal, or its own silence, for "try again" sends the same order as fast as
//! it can. The same is: instrument, side, kind, prices and quantity, as the agent wanted it.

use model::{Refusal, Timestamp};

use crate::books::{AgentFlow, Fingerprint};
use crate::limits::OrderFlowLimits;

/// Only what was sent counts: an order that is refused may be wanted again.
pub(super) fn check(
    now: Timestamp,
    flow: &AgentFlow,
    wanted: &Fingerprint,
    limits: &OrderFlowLimits,
) -> Result<(), Refusal> {
    let (limit, window) = (limits.alike_max, limits.alike_window());
    // Fewer orders than that are fewer of the same.
    if flow.orders.is_below(limit, now, window) {
        return Ok(());
    }
    let alike = flow.alike.within(now, window, wanted);
    if alike < limit { Ok(()) } else { Err(Refusal::Duplicate { limit, alike, window }) }
}
