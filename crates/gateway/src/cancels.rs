//! Taking orders back. A cancel can only take away, so it is the one thing that is sent again and
//! again: a wish for it lives until its order is over, at a pace that slows down.

use model::venue::{AccountRequest, OrderKey};
use model::{AgentId, ClientOrderId, Effects, OrderState, Qty, Record, Timestamp, TradingState};

use crate::books::TrackedOrder;
use crate::defects::Defect;
use crate::gateway::Gateway;
use crate::purpose::Purpose;
use crate::submit::VALIDITY;

impl Gateway {
    /// Takes an order back. No limit refuses it, and no state but the dark. While the order itself is unanswered the
    /// wish is kept: a cancel could overtake it.
    pub(crate) fn cancel(&mut self, now: Timestamp, id: ClientOrderId, effects: &mut Effects) {
        self.take_back(now, id, None, effects);
    }

    /// The same, and so much is sold in slices instead of it.
    pub(crate) fn take_back(
        &mut self,
        now: Timestamp,
        id: ClientOrderId,
        instead: Option<Qty>,
        effects: &mut Effects,
    ) {
        if self.books.is_dark() {
            return;
        }
        let Some(order) = self.books.order(&id) else { return };
        let (instrument, key) = (order.order.instrument, self.cancel_key(order));
        match order.state {
            OrderState::Done(_) => self.doubts.cancel_is_settled(&id),
            OrderState::PendingNew if self.is(Defect::CancelLost) => {}
            OrderState::PendingNew => self.doubts.want_cancel(id, now),
            OrderState::Working | OrderState::PendingCancel | OrderState::InDoubt => {
                self.doubts.want_cancel(id, now);
                // The venue takes only its own name, which is not known: find the order first.
                let Some(key) = key else { return self.doubts.open(id, now) };
                if self.doubts.cancel_may_be_sent(&id, now) {
                    let record = Record::CancelPrepared { client_order_id: id, instead };
                    self.record(now, record, effects);
                    self.doubts.cancel_sent(&id, now);
                    let request = AccountRequest::Cancel {
                        instrument,
                        order: key,
                        cancel_id: None,
                        only: None,
                    };
                    // What takes protection away waits until what is sold instead is durable, as an order does.
                    let not_after = instead.map(|_| now.after(VALIDITY));
                    self.send_until(not_after, Purpose::Cancel(id), request, effects);
                    self.tell(&id, effects);
                }
            }
        }
    }

    /// What the venue takes this order back by; `None` where that is not known yet.
    fn cancel_key(&self, order: &TrackedOrder) -> Option<OrderKey> {
        if self.config.profile.cancels_by_client_id {
            return Some(OrderKey::Client(order.order.client_order_id));
        }
        order.venue_order_id.map(OrderKey::Venue)
    }

    /// Would a cancel of it leave now, as the first one? One that is wanted already is somebody else's.
    pub(crate) fn can_be_taken_back(&self, order: &TrackedOrder) -> bool {
        let is_there = match order.state {
            OrderState::Working | OrderState::InDoubt => true,
            OrderState::PendingNew | OrderState::PendingCancel | OrderState::Done(_) => false,
        };
        let is_wanted = self.doubts.cancels.contains_key(&order.order.client_order_id);
        is_there && !order.cancel_wanted && !is_wanted && self.cancel_key(order).is_some()
    }

    /// Takes back the orders that could add risk, of one agent or of all.
    pub(crate) fn cancel_entries(
        &mut self,
        now: Timestamp,
        agent: Option<AgentId>,
        effects: &mut Effects,
    ) {
        let latch = self.books.latch();
        let flattens = latch.is_some_and(|latch| latch.state == TradingState::Flattening);
        let entries: Vec<ClientOrderId> = self
            .books
            .entries()
            .filter(|o| agent.is_none_or(|agent| agent == o.agent))
            // The gateway's own slices expire at once, and are what flattening is.
            .filter(|o| !(flattens && self.own == Some(o.agent)))
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
        if self.clears() && self.books.open_count() > 0 && !keeps {
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
        if self.books.is_dark() {
            return None;
        }
        let waits = |id: &ClientOrderId| {
            let nameless = |order: &TrackedOrder| self.cancel_key(order).is_none();
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
