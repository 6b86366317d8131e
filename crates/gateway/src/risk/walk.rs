//! Guardrail: the order's price is near where the gateway's reference price was a while ago.
//!
//! The collar moves with the market, and a thin market moves with who trades in it: an agent that buys its way
//! up in small steps is within the collar at each of them.

use std::time::Duration;

use model::{OrderSpec, Price, Refusal};

use super::collar;

/// `from` is the reference price of `window` ago; the oldest that is known where it is not known for so
/// long.
pub(super) fn check(
    order: &OrderSpec,
    from: Price,
    walk_bps: u32,
    window: Duration,
) -> Result<(), Refusal> {
    for price in [order.kind.price(), order.kind.trigger()].into_iter().flatten() {
        if !collar::holds(price, from, walk_bps)? {
            let bps = i64::from(walk_bps);
            let low = from.shifted_bps(-bps).unwrap_or(price);
            let high = from.shifted_bps(bps).ok_or(Refusal::Unrepresentable)?;
            return Err(Refusal::Walk { price, reference: from, low, high, window });
        }
    }
    Ok(())
}
