//! Guardrail: how many orders may be open or in doubt at one time.

use model::Refusal;

/// `open` does not hold the order that is being checked.
pub(super) fn check(open: u32, limit: u32) -> Result<(), Refusal> {
    if open < limit { Ok(()) } else { Err(Refusal::OpenOrders { limit, open }) }
}
