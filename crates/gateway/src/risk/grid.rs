//! Guardrail: prices and quantity lie on the venue's grid.
//!
//! An agent's number off the grid is refused and not rounded: it has computed with other rules than
//! the venue's, and what else it has wrong is unknown.

use model::{Instrument, OrderSpec, Price, Qty, Refusal};

/// Tick size for limit and trigger price, lot size for the quantity.
pub(super) fn check(order: &OrderSpec, instrument: &Instrument) -> Result<(), Refusal> {
    let prices = [order.kind.price(), order.kind.trigger()];
    for price in prices.into_iter().flatten() {
        if !instrument.tick.divides(price.get()) {
            let tick =
                Price::try_from(instrument.tick.get()).map_err(|_| Refusal::Unrepresentable)?;
            return Err(Refusal::OffTick { price, tick });
        }
    }
    if instrument.lot.divides(order.qty.get()) {
        return Ok(());
    }
    let lot = Qty::try_from(instrument.lot.get()).map_err(|_| Refusal::Unrepresentable)?;
    Err(Refusal::OffLot { qty: order.qty, lot })
}
