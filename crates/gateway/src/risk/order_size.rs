//! Guardrail: one order's quantity and notional, within the venue's limits and within ours.

use model::{Instrument, Notional, Price, Qty, Refusal, Rounding};

use crate::limits::InstrumentLimits;

/// What an order comes to, quote units.
pub(super) struct Size {
    /// At the worst price that it can trade at.
    pub(super) worst: Notional,
    /// At that or at the price that its slip is measured from, whichever is more.
    pub(super) most: Notional,
}

/// Checks `qty` at the worst price the order can trade at; says what that comes to. A sell may bring
/// more than at its worst price, so its notional is limited at the price its slip is measured from.
pub(super) fn check(
    qty: Qty,
    worst_price: Price,
    from: Price,
    instrument: &Instrument,
    limits: &InstrumentLimits,
) -> Result<Size, Refusal> {
    let venue = &instrument.limits;
    if qty.is_zero() || qty < venue.qty_min {
        return Err(Refusal::QtyTooSmall { limit: venue.qty_min, qty });
    }
    let qty_max = smaller(limits.qty_max, venue.qty_max);
    if qty > qty_max {
        return Err(Refusal::QtyTooLarge { limit: qty_max, qty });
    }
    // Rounded up, so that a product with too many digits is never counted too small.
    let notional = worst_price.notional(qty, Rounding::Up).ok_or(Refusal::Unrepresentable)?;
    if notional < venue.notional_min {
        return Err(Refusal::NotionalTooSmall { limit: venue.notional_min, notional });
    }
    let limit = venue.notional_max.map_or(limits.notional_max, |max| max.min(limits.notional_max));
    let most = if from <= worst_price {
        notional
    } else {
        from.notional(qty, Rounding::Up).ok_or(Refusal::Unrepresentable)?
    };
    if most > limit {
        return Err(Refusal::NotionalTooLarge { limit, notional: most });
    }
    Ok(Size { worst: notional, most })
}

/// The largest quantity of two limits, one of which may be absent.
fn smaller(ours: Qty, theirs: Option<Qty>) -> Qty {
    theirs.map_or(ours, |theirs| ours.min(theirs))
}
