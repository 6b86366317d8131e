//! Guardrail: the order's price is near the gateway's own reference price.
//!
//! Both sides, also when the error favours us: a price ten times too good is a decimal slip, too,
//! and what it trades against will be taken back. A market order has no price of its own; its worst
//! price is the collar's edge by construction.

use model::{OrderSpec, Price, Refusal};

/// Limit and trigger price lie within `collar_bps` of the reference price.
pub(super) fn check(order: &OrderSpec, reference: Price, collar_bps: u32) -> Result<(), Refusal> {
    let low = reference.shifted_bps(-i64::from(collar_bps));
    let high = reference.shifted_bps(i64::from(collar_bps)).ok_or(Refusal::Unrepresentable)?;
    // A collar of 100 % and more has no lower edge; every price is above zero.
    let below = |price: Price| low.is_some_and(|low| price < low);
    for price in [order.kind.price(), order.kind.trigger()].into_iter().flatten() {
        if below(price) || price > high {
            return Err(Refusal::Collar { price, reference, low: low.unwrap_or(price), high });
        }
    }
    Ok(())
}
