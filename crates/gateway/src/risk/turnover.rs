//! Guardrail: how much may be ordered in a sliding window, in money.
//!
//! What is sold again at once needs no larger position and no more open orders, and pays fees all the same:
//! an agent that turns its position over and over is held by this alone. Each order counts with all that it
//! could come to when it was sent, executed or not. What only reduces is not held back, and counts.

use std::time::Duration;

use model::{Notional, Refusal, Scope, Timestamp};

use crate::window::Sums;

/// `order` is what this one could come to.
pub(super) fn check(
    now: Timestamp,
    sent: Option<&Sums>,
    order: Notional,
    (scope, limit, window): (Scope, Notional, Duration),
) -> Result<(), Refusal> {
    // What fits with all that is remembered fits with a part of it.
    let all = sent.map_or(Some(Notional::ZERO), Sums::at_most);
    if all.and_then(|all| all.checked_add(order)).is_some_and(|most| most <= limit) {
        return Ok(());
    }
    let sent = sent.map_or(Some(Notional::ZERO), |sums| sums.within(now, window));
    let notional = sent.and_then(|sent| sent.checked_add(order)).ok_or(Refusal::Unrepresentable)?;
    if notional <= limit {
        Ok(())
    } else {
        Err(Refusal::Turnover { scope, limit, notional, window })
    }
}
