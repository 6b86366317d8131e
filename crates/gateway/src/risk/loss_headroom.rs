//! Guardrail: what an order could lose fits what may be lost yet.
//!
//! A limit on the day's loss that acts once the loss is there comes one order late. The worst that is assumed
//! is that it executes at its worst price and the market then goes to the other end of the collar, after the same has
//! happened to everything else that is open (`at_stake.rs`). What only reduces passes.

use model::{Decimal, Notional, Price, Qty, Refusal, Rounding, Side};

use crate::headroom::Headroom;

/// `could_execute` is the order's quantity with what was lately proven absent on its side.
pub(super) fn check(
    headroom: Headroom,
    (side, could_execute): (Side, Qty),
    worst_price: Price,
    reference: Price,
    collar_bps: u32,
) -> Result<(), Refusal> {
    let limit = match headroom {
        Headroom::NotLimited => return Ok(()),
        Headroom::Unknown => return Err(Refusal::HeadroomUnknown),
        Headroom::Left(limit) => limit,
    };
    let worst = loss(side, could_execute, worst_price, reference, collar_bps)
        .ok_or(Refusal::Unrepresentable)?;
    if worst <= limit { Ok(()) } else { Err(Refusal::LossHeadroom { limit, worst }) }
}

fn loss(side: Side, qty: Qty, worst: Price, reference: Price, collar_bps: u32) -> Option<Notional> {
    let bps = i64::from(collar_bps);
    let each = match side {
        // A collar of 100 % and more has no lower edge: all of it can be lost.
        Side::Buy => match reference.shifted_bps(-bps) {
            Some(low) => worst.get().checked_sub(low.get())?,
            None => worst.get(),
        },
        Side::Sell => reference.shifted_bps(bps)?.get().checked_sub(worst.get())?,
    };
    let each = each.max(Decimal::ZERO);
    Notional::try_from(each.checked_mul(qty.get(), Rounding::Up)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::number;

    /// The price is 100, the collar 10 %, 2 could execute: a buy at 105 could lose 15 each, a sell at 95, too.
    #[test]
    fn both_sides_of_what_is_left() {
        for (side, price) in [(Side::Buy, "105"), (Side::Sell, "95")] {
            let with = |left| check(left, (side, number("2")), number(price), number("100"), 1_000);
            assert_eq!(with(Headroom::NotLimited), Ok(()));
            assert_eq!(with(Headroom::Unknown), Err(Refusal::HeadroomUnknown));
            assert_eq!(with(Headroom::Left(number("30"))), Ok(()));
            let (limit, worst) = (number("29.99"), number("30"));
            let refused = with(Headroom::Left(limit));
            assert_eq!(refused, Err(Refusal::LossHeadroom { limit, worst }));
        }
    }
}
