//! Orders until a date: they end when it comes, whether they wait for a trigger or rest.

use model::Timestamp;
use model::venue::{ExpiryReason, VenueEvent};

use crate::matching::Step;
use crate::venue::SimVenue;

impl SimVenue {
    /// Time passes: every order whose date has come expires, earliest first. Requests and the market
    /// around the accounts do this by themselves first, so no order trades at or after its end; who
    /// drives the exchange calls it so that the end is told in time on a quiet market, too.
    pub fn pass_time(&mut self, now: Timestamp, events: &mut Vec<VenueEvent>) {
        while let Some((_, index)) = self.dated.first().copied().filter(|(end, _)| *end <= now) {
            // Closing an order takes it out of the list, so this ends.
            let market = self.orders[index].market;
            let mut step = Step::new(now, events);
            self.expire(index, ExpiryReason::EndTime, &mut step);
            let Step { balances, .. } = step;
            self.close_step(now, market, balances, events);
        }
    }
}
