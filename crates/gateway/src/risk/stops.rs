//! Guardrail: how many stop orders of one instrument may be open or in doubt at one time.
//!
//! A program that protects its position anew in each round piles up stops that all trigger together.

use model::{OrderKind, Refusal};

/// `open` does not hold the order that is being checked.
pub(super) fn check(kind: OrderKind, open: u32, limit: u32) -> Result<(), Refusal> {
    if kind.trigger().is_none() || open < limit {
        Ok(())
    } else {
        Err(Refusal::Stops { limit, open })
    }
}
