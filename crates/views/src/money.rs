//! Exact sums of quote units, and what a position cost.

use model::{Decimal, Rounding, Side};

/// What an agent holds of an instrument, and what it cost: average cost, kept as a total so that nothing is
/// lost to rounding. What a closing trade takes out of the cost is rounded to 10⁻¹⁸, and the rest stays in:
/// over a position's life what was realized and what was paid agree to the last digit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Holding {
    /// Base units, below zero for a short position.
    pub(crate) net: Decimal,
    /// Quote units: paid, or below zero received.
    pub(crate) cost: Decimal,
}

impl Holding {
    pub(crate) const NONE: Holding = Holding { net: Decimal::ZERO, cost: Decimal::ZERO };

    /// With one more execution, and what it realized. `None` when a number has no room.
    pub(crate) fn traded(
        self,
        side: Side,
        price: Decimal,
        qty: Decimal,
    ) -> Option<(Holding, Decimal)> {
        let signed = match side {
            Side::Buy => qty,
            Side::Sell => qty.checked_neg()?,
        };
        let closes = self.net.signum() * signed.signum() < 0;
        let closing = if closes { qty.min(self.net.abs()) } else { Decimal::ZERO };
        let (mut held, mut realized) = (self, Decimal::ZERO);
        if !closing.is_zero() {
            let out = if closing == self.net.abs() {
                self.cost
            } else {
                let part = self.cost.checked_mul(closing, Rounding::Down)?;
                part.checked_div(self.net.abs(), Rounding::Down)?
            };
            let closed = with_sign(closing, signed)?;
            let paid = closed.checked_mul(price, Rounding::Down)?;
            realized = paid.checked_neg()?.checked_sub(out)?;
            held.net = held.net.checked_add(closed)?;
            held.cost = held.cost.checked_sub(out)?;
        }
        let opening = with_sign(qty.checked_sub(closing)?, signed)?;
        held.net = held.net.checked_add(opening)?;
        held.cost = held.cost.checked_add(opening.checked_mul(price, Rounding::Down)?)?;
        Some((held, realized))
    }

    /// What it would bring at this price, less what it cost.
    pub(crate) fn open_at(self, price: Decimal) -> Option<Decimal> {
        self.net.checked_mul(price, Rounding::Down)?.checked_sub(self.cost)
    }
}

fn with_sign(size: Decimal, like: Decimal) -> Option<Decimal> {
    if like.signum() < 0 { size.checked_neg() } else { Some(size) }
}

/// By how much a price is worse than another one, over this quantity; below zero where it is better.
pub(crate) fn worse_by(side: Side, price: Decimal, than: Decimal, qty: Decimal) -> Option<Decimal> {
    let each = match side {
        Side::Buy => price.checked_sub(than)?,
        Side::Sell => than.checked_sub(price)?,
    };
    each.checked_mul(qty, Rounding::Down)
}

/// The middle of two prices.
pub(crate) fn middle(bid: Decimal, ask: Decimal) -> Option<Decimal> {
    bid.checked_add(ask)?.checked_div(Decimal::new(2, 0), Rounding::Down)
}

/// `sum` as long as there is room.
pub(crate) fn plus(sum: Option<Decimal>, more: Option<Decimal>) -> Option<Decimal> {
    sum?.checked_add(more?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn average_cost_and_what_a_trade_realizes() {
        let mut held = Holding::NONE;
        for (side, price, qty, net, cost, realized) in [
            (Side::Buy, "100", "1", "1", "100", "0"),
            (Side::Buy, "200", "1", "2", "300", "0"),
            (Side::Sell, "180", "1", "1", "150", "30"),
            (Side::Sell, "140", "3", "-2", "-280", "-10"), // closes one and turns
            (Side::Buy, "130", "1", "-1", "-140", "10"),
            (Side::Buy, "150", "1", "0", "0", "-10"),
        ] {
            let (next, got) = held.traded(side, number(price), number(qty)).unwrap();
            assert_eq!(
                (next.net, next.cost, got),
                (number(net), number(cost), number(realized)),
                "{side:?} {qty} at {price}"
            );
            held = next;
        }
    }

    /// Whatever is traded: what was realized plus what the position cost is all that was paid.
    #[test]
    fn nothing_is_lost_to_rounding() {
        let (mut held, mut realized, mut paid) = (Holding::NONE, Decimal::ZERO, Decimal::ZERO);
        for step in 1_i64..200 {
            let side = if step % 3 == 0 { Side::Sell } else { Side::Buy };
            let (price, qty) =
                (Decimal::new(10_007 + step * 37 % 991, 2), Decimal::new(step * 7 % 13 + 1, 5));
            let (next, got) = held.traded(side, price, qty).unwrap();
            let notional = price.checked_mul(qty, Rounding::Down).unwrap();
            paid = match side {
                Side::Buy => paid.checked_add(notional).unwrap(),
                Side::Sell => paid.checked_sub(notional).unwrap(),
            };
            (held, realized) = (next, realized.checked_add(got).unwrap());
            assert_eq!(held.cost.checked_sub(realized), Some(paid), "step {step}");
        }
        assert!(held.net.signum() > 0 && !realized.is_zero());
    }

    #[test]
    fn worse_is_above_zero() {
        let by = |side, price| worse_by(side, number(price), number("100"), number("2")).unwrap();
        assert_eq!((by(Side::Buy, "101"), by(Side::Sell, "101")), (number("2"), number("-2")));
        assert_eq!(middle(number("1"), number("2")), Some(number("1.5")));
    }
}
