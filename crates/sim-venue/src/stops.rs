//! Orders that wait for a trigger.

use model::venue::{Execution, ExpiryReason, VenueOrderStatus};
use model::{OrderKind, Side};

use crate::matching::Step;
use crate::venue::SimVenue;

impl SimVenue {
    /// Wakes every order whose trigger was reached by a trade of this step, oldest first: by any of
    /// them, because a market that touches a price and comes back has touched it. What one of them
    /// trades may wake the next; each wakes once, so this ends.
    pub(crate) fn trigger_stops(&mut self, market: usize, step: &mut Step<'_>) {
        while let Some(index) = self.next_triggered(market) {
            self.markets[market].stops.retain(|stop| *stop != index);
            self.orders[index].working_since = Some(step.now);
            self.orders[index].updated = step.now;
            self.tell_order(step.now, index, Execution::Triggered, step.events);
            if self.becomes_market(index, step) {
                self.work(index, step);
            }
        }
        self.markets[market].printed = None;
    }

    fn next_triggered(&self, market: usize) -> Option<usize> {
        let market = &self.markets[market];
        let (lowest, highest) = market.printed?;
        market.stops.iter().copied().find(|index| {
            let order = &self.orders[*index];
            let trigger = order.kind.trigger().and_then(|price| market.grid.grid_price(price));
            match (trigger, order.kind.triggers_upward(order.side)) {
                (Some(trigger), Some(true)) => highest >= trigger,
                (Some(trigger), Some(false)) => lowest <= trigger,
                _ => false,
            }
        })
    }

    /// A stop that becomes a market buy was reserved at its trigger. It may cost more by now: then
    /// it pays from what is free, and expires when that is not enough.
    fn becomes_market(&mut self, index: usize, step: &mut Step<'_>) -> bool {
        let order = &self.orders[index];
        let is_market = matches!(
            order.kind,
            OrderKind::StopLoss { .. } | OrderKind::TakeProfit { .. } | OrderKind::Market
        );
        if !is_market || order.side == Side::Sell {
            return true;
        }
        let (account, asset) = (order.account, self.paying_asset(order));
        let locked = std::mem::take(&mut self.orders[index].locked);
        self.accounts.funds_mut(account).unlock(asset, locked);
        let mut as_market = self.orders[index].clone();
        as_market.kind = OrderKind::Market;
        if self.cost(&as_market) <= self.accounts.funds(account).free(asset) {
            return true;
        }
        step.balances.push((account, asset));
        self.orders[index].expiry = Some(ExpiryReason::Venue);
        self.close(step.now, index, VenueOrderStatus::Expired);
        self.tell_order(step.now, index, Execution::Expired, step.events);
        false
    }
}
