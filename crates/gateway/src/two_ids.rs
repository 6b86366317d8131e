//! What the venue says to be executed of an order is the most that can be counted of it.
//!
//! An execution beyond that is news, or one that is counted already and has another id here: a stream and a
//! history may name it differently. Which of the two the venue's word on the order decides, and until then
//! it is not counted.

use std::time::Duration;

use model::venue::VenueOrder;
use model::{ClientOrderId, Discrepancy, Effects, Fill, Timestamp, TradeId};

use crate::gateway::Gateway;
use crate::merge::Source;

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

    /// The venue has said how the order of an execution stands that may have two ids.
    pub(crate) fn settle_ids(
        &mut self,
        now: Timestamp,
        order: &VenueOrder,
        fill: &Fill,
        effects: &mut Effects,
    ) {
        let id = order.client_order_id;
        let is_ours = self.books.order(&id).filter(|ours| ours.is(order));
        let Some(counted) = is_ours.map(|ours| ours.filled) else {
            return self.executed(now, fill, Source::Query, effects);
        };
        if self.books.knows_trade(fill.instrument, fill.trade_id) {
            return;
        }
        // Less than is counted proves nothing: some look-ups say that nothing has executed.
        let is_all = order.filled == counted && order.updated >= fill.venue_time;
        match self.counted_as(&id, fill) {
            Some(counted_as) if is_all => {
                let (instrument, trade_id) = (fill.instrument, fill.trade_id);
                let found =
                    Discrepancy::TwoIds { client_order_id: id, instrument, trade_id, counted_as };
                self.alert(format!("{found}: counted once"), effects);
                self.discrepancy(now, found, effects);
            }
            _ => self.count_fill(now, Some(id), fill, Source::Query, effects),
        }
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
