//! The four kinds of number that money is made of, each its own type so that one cannot be taken
//! for another: [`Price`], [`Qty`], [`Notional`] and the signed [`Amount`] and [`NetQty`].
//!
//! All are exact (`decimal.rs`). Crossing from one kind to another is a named function here, so
//! this file is the complete list of how they may be combined.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::decimal::{Decimal, ParseDecimalError, Rounding};
use crate::divisor::Divisor;
use crate::side::Side;

/// A number outside the range of its kind, or no number at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    /// Prices are above zero.
    #[error("a price is above zero, not {0}")]
    Price(Decimal),
    /// Quantities, notionals and step sizes are not negative.
    #[error("{0} is negative")]
    Negative(Decimal),
    /// The text is not a decimal number.
    #[error(transparent)]
    Parse(#[from] ParseDecimalError),
}

macro_rules! number {
    ($(#[$doc:meta])* $name:ident, $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "Decimal", into = "Decimal")]
        pub struct $name(Decimal);

        impl $name {
            /// The number itself.
            pub const fn get(self) -> Decimal {
                self.0
            }
        }

        impl TryFrom<Decimal> for $name {
            type Error = NumberError;

            fn try_from(number: Decimal) -> Result<$name, NumberError> {
                let check: fn(Decimal) -> Result<(), NumberError> = $check;
                check(number).map(|()| $name(number))
            }
        }

        impl From<$name> for Decimal {
            fn from(number: $name) -> Decimal {
                number.0
            }
        }

        impl FromStr for $name {
            type Err = NumberError;

            fn from_str(text: &str) -> Result<$name, NumberError> {
                $name::try_from(text.parse::<Decimal>()?)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
    };
}

fn positive(number: Decimal) -> Result<(), NumberError> {
    if number > Decimal::ZERO { Ok(()) } else { Err(NumberError::Price(number)) }
}

fn not_negative(number: Decimal) -> Result<(), NumberError> {
    if number >= Decimal::ZERO { Ok(()) } else { Err(NumberError::Negative(number)) }
}

fn any(_: Decimal) -> Result<(), NumberError> {
    Ok(())
}

number!(
    /// The price of one base unit in quote units. Always above zero, so a missing price is
    /// `Option<Price>` and never a zero.
    Price,
    positive
);
number!(
    /// A quantity in base units, never negative. A direction is a [`Side`] beside it.
    Qty,
    not_negative
);
number!(
    /// Price × quantity in quote units, never negative.
    Notional,
    not_negative
);
number!(
    /// A quantity held, in base units: above zero long, below zero short.
    NetQty,
    any
);
number!(
    /// An amount of one asset that may be negative: a balance change, a fee (a rebate is below
    /// zero), a profit.
    Amount,
    any
);

impl Price {
    /// The nearest price on the venue's grid that is no more aggressive than this one: a buy
    /// rounds down, a sell rounds up. `None` if that leaves no price above zero.
    pub fn on_grid(self, tick: Step, side: Side) -> Option<Price> {
        let below = self.0.down_to(tick.get())?;
        let rounded = match side {
            Side::Buy => below,
            Side::Sell if below == self.0 => below,
            Side::Sell => below.checked_add(tick.get())?,
        };
        Price::try_from(rounded).ok()
    }

    /// What `qty` costs at this price. Exact unless the product has more than 18 digits behind the
    /// point; then rounded as told. `None` on overflow.
    pub fn notional(self, qty: Qty, rounding: Rounding) -> Option<Notional> {
        self.0.checked_mul(qty.0, rounding).map(Notional)
    }

    /// This price moved by `bps` hundredths of a percent, up or down. `None` if nothing is left.
    pub fn shifted_bps(self, bps: i64) -> Option<Price> {
        let factor = Decimal::ONE.checked_add(Decimal::new(bps, 4))?;
        Price::try_from(self.0.checked_mul(factor, Rounding::Down)?).ok()
    }
}

impl Qty {
    /// Nothing.
    pub const ZERO: Qty = Qty(Decimal::ZERO);

    /// The largest multiple of the lot size that is not above this quantity.
    pub fn on_grid(self, lot: Step) -> Qty {
        // A step is never zero, so the only way to fail does not arise.
        Qty(self.0.down_to(lot.get()).unwrap_or(Decimal::ZERO))
    }

    /// Sum, or `None` on overflow.
    pub fn checked_add(self, other: Qty) -> Option<Qty> {
        self.0.checked_add(other.0).map(Qty)
    }

    /// Difference, or `None` below zero.
    pub fn checked_sub(self, other: Qty) -> Option<Qty> {
        Qty::try_from(self.0.checked_sub(other.0)?).ok()
    }

    /// Difference, with zero for anything below.
    pub fn saturating_sub(self, other: Qty) -> Qty {
        self.checked_sub(other).unwrap_or(Qty::ZERO)
    }

    /// Is there nothing?
    pub const fn is_zero(self) -> bool {
        self.0.is_zero()
    }
}

impl Notional {
    /// Nothing.
    pub const ZERO: Notional = Notional(Decimal::ZERO);

    /// Sum, or `None` on overflow.
    pub fn checked_add(self, other: Notional) -> Option<Notional> {
        self.0.checked_add(other.0).map(Notional)
    }

    /// Difference, or `None` below zero.
    pub fn checked_sub(self, other: Notional) -> Option<Notional> {
        Notional::try_from(self.0.checked_sub(other.0)?).ok()
    }

    /// The average price of `qty` bought for this much; `None` for no quantity or no cost.
    pub fn per(self, qty: Qty, rounding: Rounding) -> Option<Price> {
        Price::try_from(self.0.checked_div(qty.0, rounding)?).ok()
    }
}

impl NetQty {
    /// Flat.
    pub const ZERO: NetQty = NetQty(Decimal::ZERO);

    /// `qty` held long (after a buy) or short (after a sell).
    pub fn of(side: Side, qty: Qty) -> NetQty {
        match side {
            Side::Buy => NetQty(qty.0),
            // Only the smallest i128 has no negation and a quantity is never negative.
            Side::Sell => NetQty(qty.0.checked_neg().unwrap_or(Decimal::ZERO)),
        }
    }

    /// Sum, or `None` on overflow.
    pub fn checked_add(self, other: NetQty) -> Option<NetQty> {
        self.0.checked_add(other.0).map(NetQty)
    }

    /// The size without its direction.
    pub fn size(self) -> Qty {
        Qty(self.0.abs())
    }

    /// The side that opened this position; `None` when flat.
    pub fn side(self) -> Option<Side> {
        match self.0.signum() {
            1 => Some(Side::Buy),
            -1 => Some(Side::Sell),
            _ => None,
        }
    }
}

impl Amount {
    /// Nothing.
    pub const ZERO: Amount = Amount(Decimal::ZERO);

    /// Sum, or `None` on overflow.
    pub fn checked_add(self, other: Amount) -> Option<Amount> {
        self.0.checked_add(other.0).map(Amount)
    }

    /// Difference, or `None` on overflow.
    pub fn checked_sub(self, other: Amount) -> Option<Amount> {
        self.0.checked_sub(other.0).map(Amount)
    }
}

impl From<Qty> for Amount {
    fn from(qty: Qty) -> Amount {
        Amount(qty.0)
    }
}

impl From<Notional> for Amount {
    fn from(notional: Notional) -> Amount {
        Amount(notional.0)
    }
}

/// A tick size or a lot size: the smallest step of a price or a quantity. Above zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Decimal", into = "Decimal")]
pub struct Step {
    step: Decimal,
    /// Follow from the step, and are asked for with every order and every market message.
    divisor: Divisor,
    decimals: u32,
}

impl Step {
    /// The step itself.
    pub const fn get(self) -> Decimal {
        self.step
    }

    /// Is `number` a whole number of steps?
    pub const fn divides(self, number: Decimal) -> bool {
        self.divisor.divides(number)
    }

    /// Digits behind the point that every multiple of this step can be written with.
    pub const fn decimals(self) -> u32 {
        self.decimals
    }
}

impl TryFrom<Decimal> for Step {
    type Error = NumberError;

    fn try_from(number: Decimal) -> Result<Step, NumberError> {
        positive(number).map(|()| Step {
            step: number,
            divisor: Divisor::new(number),
            decimals: number.decimals(),
        })
    }
}

impl From<Step> for Decimal {
    fn from(step: Step) -> Decimal {
        step.step
    }
}

impl FromStr for Step {
    type Err = NumberError;

    fn from_str(text: &str) -> Result<Step, NumberError> {
        Step::try_from(text.parse::<Decimal>()?)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_price_is_above_zero_and_a_quantity_not_below() {
        assert!("0".parse::<Price>().is_err());
        assert!("-1".parse::<Price>().is_err());
        assert!("0".parse::<Qty>().is_ok());
        assert!("-0.1".parse::<Qty>().is_err());
        assert!("0".parse::<Step>().is_err());
    }

    proptest! {
        /// Rounding to the grid never makes an order more aggressive and never moves it by a step.
        #[test]
        fn on_grid_never_adds_risk(price in 1i64..i64::MAX, tick in 1i64..1_000_000) {
            let price = Price::try_from(Decimal::new(price, 8)).unwrap();
            let tick = Step::try_from(Decimal::new(tick, 8)).unwrap();
            if let Some(buy) = price.on_grid(tick, Side::Buy) {
                prop_assert!(buy <= price && tick.divides(buy.get()));
                prop_assert!(price.get().checked_sub(buy.get()).unwrap() < tick.get());
            }
            let sell = price.on_grid(tick, Side::Sell).unwrap();
            prop_assert!(sell >= price && tick.divides(sell.get()));
        }

        #[test]
        fn a_notional_divided_by_its_qty_is_its_price(price in 1i64..1_000_000_000_000, qty in 1i64..1_000_000_000) {
            let price = Price::try_from(Decimal::new(price, 8)).unwrap();
            let qty = Qty::try_from(Decimal::new(qty, 5)).unwrap();
            let notional = price.notional(qty, Rounding::Down).unwrap();
            prop_assert_eq!(notional.per(qty, Rounding::Down), Some(price));
        }
    }
}
