//! What the venue says to be executed of an order is the most that can be counted of it.
//!
//! An execution beyond that is news, or one that is counted already and has another id here: a stream and a
//! history may name it differently. Which of the two the venue's word on the order decides, and until then
//! it is not counted.

use std::time::Duration;

use model::venue::VenueOrder;
use model::{Alert, AlertKey, ClientOrderId, Discrepancy, Effects, Fill, Timestamp, TradeId};

use crate::books::LAG_MAX;
use crate::gateway::Gateway;
use crate::merge::Source;
use crate::readings::Held;

/// From the venue's first word on the order of an execution that looks like a counted one to the one that is
/// believed.
const SAID_AGAIN_AFTER: Duration = Duration::from_secs(5);
/// Two ways of telling one execution may date it differently by less than this.
const SAME_WITHIN: Duration = Duration::from_secs(1);

impl Gateway {
    /// Is it perhaps an execution that is counted under another id?
    pub(crate) fn may_have_two_ids(&self, id: &ClientOrderId, fill: &Fill) -> bool {
        // Where the history alone tells of executions there is one way of naming them.
        if !self.config.profile.pushes_executions {
            return false;
        }
        let Some(order) = self.books.order(id) else { return false };
        let counted_too = order.filled.checked_add(fill.qty);
        !self.told.is_at_least(id, counted_too) && self.counted_as(id, fill).is_some()
    }

    /// The venue has said how the order stands that these executions are of, which may have two ids.
    pub(crate) fn settle_ids(
        &mut self,
        now: Timestamp,
        order: &VenueOrder,
        mut held: Vec<Held>,
        effects: &mut Effects,
    ) {
        let id = order.client_order_id;
        held.iter_mut().for_each(|held| held.fill.client_order_id = Some(id));
        held.retain(|held| !self.books.knows_trade(held.fill.instrument, held.fill.trade_id));
        let Some(counted) = self.books.order(&id).filter(|o| o.is(order)).map(|o| o.filled) else {
            return held.iter().for_each(|h| self.executed(now, &h.fill, Source::Query, effects));
        };
        let together = held.iter().try_fold(counted, |sum, held| sum.checked_add(held.fill.qty));
        let is_missing = together == Some(order.filled);
        for Held { fill, since } in held {
            let since = since.unwrap_or(now);
            let waited = now.since(since);
            // One answer may come from a copy of the venue that is a moment behind, and a second execution
            // that is never counted is lost.
            let is_all = order.filled == counted
                && order.updated >= fill.venue_time
                && waited >= SAID_AGAIN_AFTER;
            match self.counted_as(&id, &fill) {
                Some(counted_as) if is_all => self.has_two_ids(now, &fill, counted_as, effects),
                // Others of this order are to be read before it can be told, or the answer is a wrong one.
                Some(_) if !is_missing && waited < LAG_MAX => {
                    self.reading.hold(Held { fill, since: Some(since) });
                    self.read_soon(now);
                }
                Some(_) | None => self.count_own(now, id, &fill, Source::Query, effects),
            }
        }
    }

    fn has_two_ids(
        &mut self,
        now: Timestamp,
        fill: &Fill,
        counted_as: TradeId,
        effects: &mut Effects,
    ) {
        let Some(client_order_id) = fill.client_order_id else { return };
        let (instrument, trade_id) = (fill.instrument, fill.trade_id);
        let found = Discrepancy::TwoIds { client_order_id, instrument, trade_id, counted_as };
        let text = format!("{found}: counted once");
        self.raise(Alert::warning(AlertKey::Difference, instrument, text), effects);
        self.discrepancy(now, found, effects);
    }

    /// The execution of this order that is counted and looks the same.
    fn counted_as(&self, id: &ClientOrderId, fill: &Fill) -> Option<TradeId> {
        let is_same = |known: &Fill| {
            let apart = known.venue_time.since(fill.venue_time);
            let apart = apart.max(fill.venue_time.since(known.venue_time));
            known.venue_order_id == fill.venue_order_id
                && (known.instrument, known.side, known.price, known.qty, known.fee)
                    == (fill.instrument, fill.side, fill.price, fill.qty, fill.fee)
                && known.trade_id != fill.trade_id
                && apart < SAME_WITHIN
        };
        let mut known = self.books.known_fills().filter(|k| k.client_order_id == Some(*id));
        known.find(|known| is_same(&known.fill)).map(|known| known.fill.trade_id)
    }
}

#[cfg(test)]
mod tests;
