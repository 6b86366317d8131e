//! What the assumptions come to for one instrument and one price.

use model::Side;
use model::market::GridPrice;

use crate::assumptions::{Assumptions, RestingFills};
use crate::venue::{Market, SimVenue};

impl SimVenue {
    /// Sets what is assumed from now on.
    pub fn assume(&mut self, assumptions: Assumptions) {
        self.assumptions = assumptions;
    }

    /// When an order that rests here is filled.
    pub(crate) fn resting_in(&self, market: usize) -> RestingFills {
        match self.assumptions.resting {
            RestingFills::Queue if self.markets[market].is_partial => RestingFills::Through,
            resting => resting,
        }
    }

    /// Does a print at its price fill an order whole?
    pub(crate) fn is_touch_enough(&self) -> bool {
        self.assumptions.resting == RestingFills::Touch
    }

    /// So much of a recorded quantity can be an account's.
    pub(crate) fn share_of(&self, qty: i64) -> i64 {
        let Some(percent) = self.assumptions.share_percent else { return qty };
        let share = i128::from(qty) * i128::from(percent) / 100;
        i64::try_from(share).unwrap_or(i64::MAX)
    }

    /// The price that a taker of the recorded market gets for what is seen at `price`.
    pub(crate) fn taken_at(
        &self,
        market: &Market,
        side: Side,
        price: GridPrice,
        limit: Option<GridPrice>,
    ) -> GridPrice {
        let bps = i128::from(self.assumptions.slippage_bps);
        if bps == 0 {
            return price;
        }
        // Rounded against the taker, to a whole tick.
        let tick = i128::from(market.tick.max(1));
        let product = i128::from(price.0) * bps;
        let step = (product + 10_000 * tick - 1) / (10_000 * tick) * tick;
        let step = i64::try_from(step).unwrap_or(i64::MAX);
        match side {
            Side::Buy => {
                let worse = GridPrice(price.0.saturating_add(step));
                limit.map_or(worse, |limit| worse.min(limit)).max(price)
            }
            Side::Sell => {
                let worse = GridPrice(price.0.saturating_sub(step).max(market.tick.max(1)));
                limit.map_or(worse, |limit| worse.max(limit)).min(price)
            }
        }
    }
}

impl Market {
    /// What a taker finds where no book was recorded: the last price, and how much.
    pub(crate) fn last_for_takers(&self) -> Option<(GridPrice, i64)> {
        let prints = self.prints_only.as_ref()?;
        let last = self.tape.last()?;
        Some((last.price, prints.left.unwrap_or(i64::MAX)))
    }
}
