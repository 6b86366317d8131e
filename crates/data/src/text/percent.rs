//! Binance's `bookDepth`: how much stands within so many percent of the middle.
//!
//! No book, but all that its archive has of depth. Each moment becomes a snapshot of one level a band
//! (`0 to 1 %`, `1 to 2 %` …) that holds the band's quantity at the band's average price, rounded to the
//! grid. So it is right in what a large market order costs, and says nothing about single levels.

use model::market::Grid;
use model::{Decimal, Rounding};

use super::values::Bad;
use crate::batch::{ASK, Batch, CLEAR};
use crate::error::RowProblem;

/// The rows of one moment.
#[derive(Default)]
pub(crate) struct Percent {
    time: i64,
    place: u64,
    /// Percent, base and quote units within.
    bands: Vec<(Decimal, Decimal, Decimal)>,
}

/// Digits that a price has that is computed and not printed.
const PRICE_DIGITS: u8 = 8;

/// Digits behind the point for such prices.
pub(crate) fn price_decimals(depth: &[u8], notional: &[u8]) -> Option<u8> {
    let (depth, notional) = (Decimal::parse(depth).ok()?, Decimal::parse(notional).ok()?);
    let price = notional.checked_div(depth, Rounding::Down)?;
    let (_, before) = crate::number::shape(price.to_string().as_bytes())?;
    Some(PRICE_DIGITS.saturating_sub(before))
}

impl Percent {
    /// Bands of one moment, at most: five a side, and one more a side since 2026.
    pub(crate) const LEVELS: usize = 32;

    pub(crate) fn add(
        &mut self,
        time: i64,
        [percent, depth, notional]: [&[u8]; 3],
        grid: Grid,
        place: u64,
        batch: &mut Batch,
    ) -> Result<(), Bad> {
        let number = |text: &[u8], column| {
            Decimal::parse(text).map_err(|_| RowProblem::Number {
                column,
                text: String::from_utf8_lossy(text).into_owned(),
            })
        };
        let percent = number(percent, "percentage")?;
        let (depth, notional) = (number(depth, "depth")?, number(notional, "notional")?);
        for (value, column) in [(depth, "depth"), (notional, "notional")] {
            if value < Decimal::ZERO {
                return Err(RowProblem::Negative { column, text: value.to_string() }.into());
            }
        }
        if time != self.time {
            self.finish(grid, batch);
        }
        if self.bands.len() == Percent::LEVELS {
            return Err(
                RowProblem::Number { column: "percentage", text: percent.to_string() }.into()
            );
        }
        (self.time, self.place) = (time, place);
        self.bands.push((percent, depth, notional));
        Ok(())
    }

    /// Adds the moment that is complete.
    pub(crate) fn finish(&mut self, grid: Grid, batch: &mut Batch) {
        self.bands.sort_by_key(|(percent, _, _)| (*percent > Decimal::ZERO, percent.abs()));
        let mut flags = CLEAR;
        let mut within = (false, Decimal::ZERO, Decimal::ZERO);
        for (percent, depth, notional) in self.bands.drain(..) {
            let ask = percent > Decimal::ZERO;
            if ask != within.0 {
                within = (ask, Decimal::ZERO, Decimal::ZERO);
            }
            let band = band(grid, (depth, notional), (within.1, within.2));
            within = (ask, depth, notional);
            if let Some(level) = band {
                batch.push_level(self.time, level, flags | if ask { ASK } else { 0 });
                batch.place.push(self.place);
                flags = 0;
            }
        }
        if flags == 0 {
            batch.set_last();
        }
    }
}

/// Price and quantity between two borders; `None` where nothing stands.
fn band(grid: Grid, outer: (Decimal, Decimal), inner: (Decimal, Decimal)) -> Option<(i64, i64)> {
    let depth = outer.0.checked_sub(inner.0).filter(|depth| *depth > Decimal::ZERO)?;
    let notional = outer.1.checked_sub(inner.1).filter(|notional| *notional > Decimal::ZERO)?;
    let price = notional.checked_div(depth, Rounding::Down)?;
    let decimals = u32::from(grid.price_decimals);
    let price = price.round_to(decimals, Rounding::Down)?.mantissa_at(decimals)?;
    let decimals = u32::from(grid.qty_decimals);
    let qty = depth.round_to(decimals, Rounding::Down)?.mantissa_at(decimals)?;
    (price > 0 && qty > 0).then_some((price, qty))
}
