//! Is the account's stream deaf? Its socket may live, answer pings and tell nothing.
//!
//! Nothing in the stream itself shows that an execution is missing, so it is judged by what the venue
//! says elsewhere. An answer that tells of a change which the stream has not told is a suspicion; if
//! the stream says nothing at all for a moment more, it is deaf and has to start again. While orders
//! are open and the stream is quiet, the venue's list of open orders is looked at every two seconds.
//! From the suspicion on nothing that adds risk is sent.

use std::collections::BTreeSet;

use model::venue::{AccountRequest, Response, VenueOrder};
use model::{ClientOrderId, Effect, Effects, InstrumentId, Link, OrderState, Outcome, Timestamp};

use crate::gateway::Gateway;
use crate::purpose::Purpose;

impl Gateway {
    /// When the stream has to be judged, or the venue looked at.
    pub(crate) fn next_listen(&self) -> Option<Timestamp> {
        if !self.account_up {
            return None;
        }
        self.hearing.next_due(self.books.open_count() > 0)
    }

    /// Judges the stream, and looks where it may have missed something.
    pub(crate) fn listen(&mut self, now: Timestamp, effects: &mut Effects) {
        if self.next_listen().is_none_or(|due| due > now) {
            return;
        }
        if self.hearing.is_deaf(now) {
            self.hearing.starts_again(now);
            // It will be read when it is back; until then what is known may be outdated.
            self.reading_is_void(now);
            let cause = "the account's stream does not tell what the venue has done".to_owned();
            effects.push(Effect::Distrust { link: Link::Account, instrument: None, cause });
        } else {
            self.look(now, effects);
        }
    }

    fn look(&mut self, now: Timestamp, effects: &mut Effects) {
        self.hearing.looked_at = now;
        let open = self.books.open_orders().map(|order| order.order.instrument);
        let instruments: BTreeSet<InstrumentId> = open.collect();
        self.hearing.looking = instruments.len();
        for instrument in instruments {
            let request = AccountRequest::OpenOrders(Some(instrument));
            self.send(Purpose::Look { instrument, since: now }, request, effects);
        }
    }

    /// The venue's open orders, as they were a moment ago.
    pub(crate) fn looked(
        &mut self,
        now: Timestamp,
        instrument: InstrumentId,
        since: Timestamp,
        outcome: &Outcome,
    ) {
        self.hearing.looking = self.hearing.looking.saturating_sub(1);
        let Outcome::Done(Response::Orders(shown)) = outcome else { return };
        // Heard of meanwhile: the picture is older than what is known.
        if self.hearing.heard_at < since && self.is_news(now, instrument, since, shown) {
            self.read_soon(now);
        }
    }

    /// Does this list differ from our books in what the stream must have told?
    fn is_news(
        &self,
        now: Timestamp,
        instrument: InstrumentId,
        since: Timestamp,
        shown: &[VenueOrder],
    ) -> bool {
        let mut working = self.books.open_orders().filter(|order| {
            order.order.instrument == instrument
                && order.state == OrderState::Working
                // In the future: by an earlier session, whose clock was ahead of ours.
                && (order.prepared_at < since || order.prepared_at > now)
        });
        let is_ghost = |theirs: &VenueOrder| {
            let ours = self.books.order(&theirs.client_order_id).filter(|ours| ours.is(theirs));
            ours.is_some_and(|ours| ours.is_ghost(theirs))
        };
        shown.iter().any(is_ghost)
            || working.any(|order| {
                let id = order.order.client_order_id;
                let theirs = shown.iter().find(|theirs| theirs.client_order_id == id);
                theirs.is_none_or(|theirs| !order.is_filled_as(theirs.filled))
            })
    }

    /// An answer says that an order was accepted: the stream tells that, too. Has it?
    pub(crate) fn accepted_by_answer(&mut self, now: Timestamp, id: &ClientOrderId) {
        let Some(order) = self.books.order(id) else { return };
        if self.account_up && self.hearing.heard_at < order.prepared_at {
            self.hearing.untold.get_or_insert(now);
        }
    }
}

#[cfg(test)]
mod tests;
