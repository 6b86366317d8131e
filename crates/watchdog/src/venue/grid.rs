//! The steps of prices and quantities, for the one kind of order that is placed.

use super::error::VenueError;
use crate::amount::Amount;
use crate::core::flatten::Sale;

/// The steps of an instrument's prices and quantities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Grid {
    pub(crate) tick: Amount,
    pub(crate) lot: Amount,
    pub(crate) qty_min: Amount,
    pub(crate) notional_min: Amount,
}

impl Grid {
    /// Quantity and price as they may be sent: never more, never lower.
    pub(crate) fn fit(&self, sale: &Sale) -> Result<(Amount, Amount), VenueError> {
        let qty = sale.qty.down_to(self.lot);
        let below = sale.price.down_to(self.tick);
        let price = if below == sale.price { Some(below) } else { below.checked_add(self.tick) };
        let notional = price.and_then(|price| price.checked_mul(qty));
        match (price, notional) {
            (Some(price), Some(sum))
                if qty.is_positive() && qty >= self.qty_min && sum >= self.notional_min =>
            {
                Ok((qty, price))
            }
            _ => Err(VenueError::Unsellable(format!(
                "{} of {} is less than the exchange sells, and is left",
                sale.qty, sale.symbol
            ))),
        }
    }
}
