//! Guardrail: the order's price is near the gateway's own reference price.
//!
//! Both sides, also when the error favours us: a price ten times too good is a decimal slip, too,
//! and what it trades against will be taken back. An order without a price of its own gets the collar's
//! edge for a limit (`worst_price.rs`).

use model::{Decimal, OrderSpec, Price, Refusal};

/// Hundredths of a percent in one.
const BPS_OF_ONE: i64 = 10_000;

/// Limit and trigger price lie within `collar_bps` of the reference price.
///
/// Compared as products with whole numbers, which are exact; the edges themselves, which cost a
/// division each, are worked out only to be shown.
pub(super) fn check(order: &OrderSpec, reference: Price, collar_bps: u32) -> Result<(), Refusal> {
    for price in [order.kind.price(), order.kind.trigger()].into_iter().flatten() {
        if !holds(price, reference, collar_bps)? {
            let collar_bps = i64::from(collar_bps);
            // A collar of 100 % and more has no lower edge.
            let low = reference.shifted_bps(-collar_bps).unwrap_or(price);
            let high = reference.shifted_bps(collar_bps).ok_or(Refusal::Unrepresentable)?;
            return Err(Refusal::Collar { price, reference, low, high });
        }
    }
    Ok(())
}

/// Is this price within `collar_bps` of the other, either way?
pub(super) fn holds(price: Price, reference: Price, collar_bps: u32) -> Result<bool, Refusal> {
    let reach = reference.get().checked_times(i64::from(collar_bps));
    let distance = price.get().checked_sub(reference.get()).map(Decimal::abs);
    let scaled = distance.and_then(|distance| distance.checked_times(BPS_OF_ONE));
    scaled.zip(reach).map(|(scaled, reach)| scaled <= reach).ok_or(Refusal::Unrepresentable)
}
