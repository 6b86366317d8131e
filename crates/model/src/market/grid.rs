//! The integer grid of one instrument.

use serde::{Deserialize, Serialize};

use crate::decimal::Decimal;
use crate::money::{Price, Qty, Step};

/// A price as a count of 10^-`price_decimals`.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct GridPrice(pub i64);

/// A quantity as a count of 10^-`qty_decimals`.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct GridQty(pub i64);

/// Price and quantity at one depth of a book.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Level {
    /// At which price.
    pub price: GridPrice,
    /// How much stands there.
    pub qty: GridQty,
}

/// How many digits behind the point an instrument's prices and quantities have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grid {
    /// Digits of a price, 0 to 18.
    pub price_decimals: u8,
    /// Digits of a quantity, 0 to 18.
    pub qty_decimals: u8,
}

/// A number that does not lie on the grid, or is too large for 64 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "number has more than {decimals} digits behind the point, does not fit 64 bits, or is none"
)]
pub struct OffGrid {
    /// Digits that the grid has.
    pub decimals: u8,
}

impl Grid {
    /// The grid that multiples of these steps lie on.
    pub const fn of(tick: Step, lot: Step) -> Grid {
        Grid { price_decimals: tick.decimals() as u8, qty_decimals: lot.decimals() as u8 }
    }

    /// The coarsest grid on which everything of both lies.
    pub fn joined(self, other: Grid) -> Grid {
        Grid {
            price_decimals: self.price_decimals.max(other.price_decimals),
            qty_decimals: self.qty_decimals.max(other.qty_decimals),
        }
    }

    /// A price on this grid, or `None` when it is not.
    pub fn grid_price(&self, price: Price) -> Option<GridPrice> {
        price.get().mantissa_at(u32::from(self.price_decimals)).map(GridPrice)
    }

    /// A quantity on this grid, or `None` when it is not.
    pub fn grid_qty(&self, qty: Qty) -> Option<GridQty> {
        qty.get().mantissa_at(u32::from(self.qty_decimals)).map(GridQty)
    }

    /// The exact price; `None` for zero and below.
    pub fn price(&self, price: GridPrice) -> Option<Price> {
        Price::try_from(Decimal::new(price.0, u32::from(self.price_decimals))).ok()
    }

    /// The exact quantity; `None` below zero.
    pub fn qty(&self, qty: GridQty) -> Option<Qty> {
        Qty::try_from(Decimal::new(qty.0, u32::from(self.qty_decimals))).ok()
    }

    /// Reads a price as printed by a venue, straight to the grid.
    pub fn parse_price(&self, text: &[u8]) -> Result<GridPrice, OffGrid> {
        parse(text, self.price_decimals, Excess::Refused).map(GridPrice)
    }

    /// Reads a quantity as printed by a venue, straight to the grid.
    pub fn parse_qty(&self, text: &[u8]) -> Result<GridQty, OffGrid> {
        parse(text, self.qty_decimals, Excess::Refused).map(GridQty)
    }

    /// Reads the quantity of a book level. Digits beyond the grid are cut off: orders older than
    /// the last change of a lot size stand in real books (25.426189 BTC with a lot of 0.00001). What
    /// is above zero stays above zero, because zero would remove the level.
    pub fn parse_depth(&self, text: &[u8]) -> Result<GridQty, OffGrid> {
        parse(text, self.qty_decimals, Excess::Cut).map(GridQty)
    }
}

/// What becomes of digits beyond the grid.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Excess {
    Refused,
    Cut,
}

/// Digits, a point, digits. Zeros beyond the grid are fine: many venues always print eight digits.
fn parse(text: &[u8], decimals: u8, excess: Excess) -> Result<i64, OffGrid> {
    let off = OffGrid { decimals };
    let mut value: i64 = 0;
    let mut digits = 0u32;
    let mut at = 0;
    while at < text.len() && text[at] != b'.' {
        let digit = text[at].wrapping_sub(b'0');
        if digit > 9 || digits >= 18 {
            return Err(off);
        }
        value = value * 10 + i64::from(digit);
        digits += u32::from(value > 0);
        at += 1;
    }
    let has_whole = at > 0;
    let mut dust = false;
    let mut fraction = 0u8;
    at += 1;
    while at < text.len() {
        let digit = text[at].wrapping_sub(b'0');
        if digit > 9 {
            return Err(off);
        }
        if fraction < decimals {
            if digits >= 18 {
                return Err(off);
            }
            value = value * 10 + i64::from(digit);
            digits += u32::from(value > 0);
            fraction += 1;
        } else if digit != 0 {
            if excess == Excess::Refused {
                return Err(off);
            }
            dust = true;
        }
        at += 1;
    }
    if !has_whole && fraction == 0 {
        return Err(off);
    }
    let missing = 10i64.checked_pow(u32::from(decimals - fraction)).ok_or(off)?;
    let value = value.checked_mul(missing).ok_or(off)?;
    Ok(if dust { value.max(1) } else { value })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GRID: Grid = Grid { price_decimals: 2, qty_decimals: 5 };

    #[test]
    fn reads_what_venues_print() {
        assert_eq!(GRID.parse_price(b"61737.63000000"), Ok(GridPrice(6_173_763)));
        assert_eq!(GRID.parse_price(b"0.01"), Ok(GridPrice(1)));
        assert_eq!(GRID.parse_price(b"61737"), Ok(GridPrice(6_173_700)));
        assert_eq!(GRID.parse_qty(b"0.00000000"), Ok(GridQty(0)));
        assert_eq!(GRID.parse_qty(b"1.54698"), Ok(GridQty(154_698)));
        let coin = Grid { price_decimals: 8, qty_decimals: 0 };
        assert_eq!(coin.parse_qty(b"1000000000000.00000000"), Ok(GridQty(1_000_000_000_000)));
        assert_eq!(coin.parse_price(b"0.00000001"), Ok(GridPrice(1)));
    }

    #[test]
    fn depth_keeps_levels_with_more_digits_than_the_lot() {
        assert_eq!(GRID.parse_depth(b"25.42618900"), Ok(GridQty(2_542_618)));
        assert_eq!(GRID.parse_depth(b"0.00000100"), Ok(GridQty(1)), "zero would remove it");
        assert_eq!(GRID.parse_depth(b"0.00000000"), Ok(GridQty(0)));
        assert!(GRID.parse_qty(b"25.42618900").is_err());
    }

    #[test]
    fn refuses_what_is_off_the_grid() {
        for text in ["0.001", "", ".", "1.2.3", "-1", "1e5", " 1", "99999999999999999999"] {
            assert!(GRID.parse_price(text.as_bytes()).is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn agrees_with_the_exact_decimal(mantissa in 1i64..1_000_000_000_000_000) {
            let price = Price::try_from(Decimal::new(mantissa, 2)).unwrap();
            let text = format!("{price:.8}");
            prop_assert_eq!(GRID.parse_price(text.as_bytes()), Ok(GridPrice(mantissa)));
            prop_assert_eq!(GRID.grid_price(price), Some(GridPrice(mantissa)));
            prop_assert_eq!(GRID.price(GridPrice(mantissa)), Some(price));
        }
    }
}
