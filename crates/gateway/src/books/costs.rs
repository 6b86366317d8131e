//! What the open orders of an instrument come to at the worst prices that they can trade at, kept up to date order
//! by order like its exposure: with both it is known what they could lose, whatever price one of them has.

use model::venue::VenueOrder;
use model::{Notional, Price, Qty, Rounding, Side};
use serde::{Deserialize, Serialize};

/// Of everything open on each side, quote units. In doubt counts as open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Costs {
    buys: Notional,
    sells: Notional,
}

impl Default for Costs {
    fn default() -> Costs {
        Costs { buys: Notional::ZERO, sells: Notional::ZERO }
    }
}

impl Costs {
    /// Of all buys, or of all sells.
    pub(crate) const fn of(&self, side: Side) -> Notional {
        match side {
            Side::Buy => self.buys,
            Side::Sell => self.sells,
        }
    }

    /// Adds an open quantity at its worst price, or takes it out again.
    pub(super) fn count(&mut self, side: Side, (price, qty): (Price, Qty), add: bool) {
        // Rounded as it was when it was added, so that nothing is left over.
        let notional = price.notional(qty, Rounding::Up).unwrap_or_else(largest);
        let cost = match side {
            Side::Buy => &mut self.buys,
            Side::Sell => &mut self.sells,
        };
        // A sum without room saturates: no account can lose as much, so it refuses.
        *cost = if add {
            cost.checked_add(notional).unwrap_or_else(largest)
        } else {
            cost.checked_sub(notional).unwrap_or(Notional::ZERO)
        };
    }
}

fn largest() -> Notional {
    Notional::try_from(model::Decimal::MAX).unwrap_or(Notional::ZERO)
}

/// The worst price that is known of an order of somebody else. What has none is no order that stays.
pub(super) fn worst_price(order: &VenueOrder) -> Option<Price> {
    order.kind.price().or(order.kind.trigger())
}
