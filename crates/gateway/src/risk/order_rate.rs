//! Guardrail: how many new orders an agent may send in a sliding window.

use std::collections::VecDeque;

use model::{Refusal, Timestamp};

use crate::limits::OrderFlowLimits;

/// When an agent's latest orders were sent. Bounded by the limit: an order that is refused is not
/// noted, so there are never more than `rate_max` times in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OrderRate {
    sent: VecDeque<Timestamp>,
}

impl OrderRate {
    /// May another order be sent now?
    pub(super) fn check(&self, now: Timestamp, limits: &OrderFlowLimits) -> Result<(), Refusal> {
        let window = limits.rate_window();
        let from = now.before(window);
        // Newest last: count from the end until the window is left.
        let sent = self.sent.iter().rev().take_while(|at| **at > from).count();
        let sent = u32::try_from(sent).unwrap_or(u32::MAX);
        if sent < limits.rate_max {
            Ok(())
        } else {
            Err(Refusal::OrderRate { limit: limits.rate_max, sent, window })
        }
    }

    /// An order was sent.
    pub(crate) fn note(&mut self, now: Timestamp, limits: &OrderFlowLimits) {
        let from = now.before(limits.rate_window());
        while self.sent.front().is_some_and(|at| *at <= from) {
            self.sent.pop_front();
        }
        self.sent.push_back(now);
    }
}
