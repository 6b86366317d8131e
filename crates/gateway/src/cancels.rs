//! Taking orders back. A cancel can only take away, so it is the one thing that is sent again and
//! again: a wish for it lives until its order is over, at a pace that slows down.

use model::venue::{AccountRequest, OrderKey};
use model::{AgentId, ClientOrderId, Effects, OrderState, Record, Timestamp};

use crate::defects::Defect;
use crate::gateway::Gateway;
use crate::purpose::Purpose;

impl Gateway {
    /// Takes an order back. No limit or state refuses it. While the order itself is unanswered the
    /// wish is kept: a cancel could overtake it.
    pub(crate) fn cancel(&mut self, now: Timestamp, id: ClientOrderId, effects: &mut Effects) {
        let Some(order) = self.books.order(&id) else { return };
        let (instrument, venue_order_id) = (order.order.instrument, order.venue_order_id);
        match order.state {
            OrderState::Done(_) => self.doubts.cancel_is_settled(&id),
            OrderState::PendingNew if self.is(Defect::CancelLost) => {}
            OrderState::PendingNew => self.doubts.want_cancel(id, now),
            OrderState::Working | OrderState::PendingCancel | OrderState::InDoubt => {
                self.doubts.want_cancel(id, now);
                let key = match venue_order_id {
                    _ if self.config.profile.cancels_by_client_id => OrderKey::Client(id),
                    Some(venue_order_id) => OrderKey::Venue(venue_order_id),
                    // The venue takes only its own name, which is not known: find the order first.
                    None => return self.doubts.open(id, now),
                };
                if self.doubts.cancel_may_be_sent(&id, now) {
                    self.record(now, Record::CancelPrepared { client_order_id: id }, effects);
                    self.doubts.cancel_sent(&id, now);
                    let request = AccountRequest::Cancel {
                        instrument,
                        order: key,
                        cancel_id: None,
                        only: None,
                    };
                    self.send(Purpose::Cancel(id), request, effects);
                    self.tell(&id, effects);
                }
            }
        }
    }

    /// Takes back the orders that could add risk, of one agent or of all.
    pub(crate) fn cancel_entries(
        &mut self,
        now: Timestamp,
        agent: Option<AgentId>,
        effects: &mut Effects,
    ) {
        let entries: Vec<ClientOrderId> = self
            .books
            .entries()
            .filter(|o| agent.is_none_or(|agent| agent == o.agent))
            .map(|o| o.order.client_order_id)
            .collect();
        for id in entries {
            self.cancel(now, id, effects);
        }
    }

    /// Sends every cancel that is wanted and due. While halted that is one for every order that could
    /// add risk, whatever became of the wishes of an earlier life: read off the books each time.
    pub(crate) fn cancel_when_due(&mut self, now: Timestamp, effects: &mut Effects) {
        let keeps = self.is(Defect::HaltKeepsOrders);
        if self.books.halted().is_some() && self.books.open_count() > 0 && !keeps {
            self.cancel_entries(now, None, effects);
        }
        if self.next_cancel().is_none_or(|due| due > now) {
            return;
        }
        let due: Vec<ClientOrderId> =
            self.doubts.cancels.iter().filter(|(_, w)| w.due <= now).map(|(id, _)| *id).collect();
        for id in due {
            self.cancel(now, id, effects);
        }
    }

    /// When the next cancel is due. One whose order is unanswered waits for the answer.
    pub(crate) fn next_cancel(&self) -> Option<Timestamp> {
        let waits = |id: &ClientOrderId| {
            let nameless = |order: &crate::TrackedOrder| {
                order.venue_order_id.is_none() && !self.config.profile.cancels_by_client_id
            };
            let order = self.books.order(id);
            order.is_some_and(|order| order.state == OrderState::PendingNew || nameless(order))
        };
        let wishes = self.doubts.cancels.iter();
        wishes.filter(|(id, wish)| !wish.on_its_way && !waits(id)).map(|(_, wish)| wish.due).min()
    }

    /// Cancels that an earlier life has sent and whose orders are not over.
    pub(crate) fn resume_cancels(&mut self, now: Timestamp) {
        for order in self.books.open_orders().filter(|order| order.cancel_wanted) {
            self.doubts.want_cancel(order.order.client_order_id, now);
        }
    }
}
