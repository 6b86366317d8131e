//! A request ended. What is proven is written down; everything else becomes a doubt.

use model::venue::{AccountRequest, Response, VenueError};
use model::{
    Alert, AlertKey, Asked, ClientOrderId, Discrepancy, Effects, Ending, OrderState, Outcome,
    Record, Reply, Sent, Timestamp, VenueOrderId,
};

use crate::defects::Defect;
use crate::gateway::Gateway;
use crate::merge::Source;
use crate::purpose::Purpose;

impl Gateway {
    pub(crate) fn reply(&mut self, now: Timestamp, reply: &Reply, effects: &mut Effects) {
        // A second answer to a request, or one to a request of an earlier life, answers nothing.
        let Some(purpose) = self.outstanding.remove(&reply.request) else { return };
        if self.is(Defect::QuestionsLeak) {
            self.outstanding.insert(reply.request, purpose.clone());
        }
        let partly = match &reply.outcome {
            Outcome::Done(Response::Partly { read, unread }) => {
                Some(self.partly(now, &purpose, (read, unread), effects))
            }
            Outcome::Done(_) | Outcome::Refused(_) | Outcome::NotSent(_) | Outcome::InDoubt(_) => {
                None
            }
        };
        let outcome = partly.as_ref().unwrap_or(&reply.outcome);
        self.write_down_when(now, &purpose, reply, effects);
        match purpose {
            Purpose::Place(id) => self.placed(now, id, outcome, effects),
            Purpose::Cancel(id) => self.canceled(now, id, outcome, effects),
            Purpose::Ask(id) => self.asked(now, id, outcome, effects),
            Purpose::AskFills(id) => self.asked_fills(now, id, outcome, effects),
            Purpose::AskOpen(id) => self.asked_open(now, id, outcome, effects),
            Purpose::AskTape(id) => self.asked_tape(now, id, outcome, effects),
            Purpose::Survey { number, part } => {
                self.surveyed(now, (number, part), outcome, effects);
            }
            Purpose::Identify(key) => self.identified(now, key, outcome, effects),
            Purpose::AskForeign(key) => self.asked_about_foreign(now, key, outcome, effects),
            Purpose::CancelForeign(key) => self.canceled_foreign(now, key, outcome, effects),
            Purpose::Look { instrument, since } => {
                self.looked(now, instrument, since, outcome);
            }
            Purpose::Balances => self.asked_balances(now, outcome, effects),
            Purpose::Read { generation, part } => {
                self.read(now, generation, part, outcome, effects);
            }
        }
    }

    /// When an order or a cancel went and was answered, where whoever sent it has looked at a clock.
    fn write_down_when(
        &mut self,
        now: Timestamp,
        purpose: &Purpose,
        reply: &Reply,
        effects: &mut Effects,
    ) {
        let (client_order_id, asked) = match purpose {
            Purpose::Place(id) => (*id, Asked::Place),
            Purpose::Cancel(id) => (*id, Asked::Cancel),
            _ => return,
        };
        let Sent { durable, left, came: Some(came) } = reply.sent else { return };
        let outcome = match &reply.outcome {
            Outcome::Done(_) => "done".to_owned(),
            Outcome::Refused(because) => format!("refused: {because}"),
            Outcome::NotSent(why) => format!("not sent: {why}"),
            Outcome::InDoubt(because) => format!("in doubt: {because}"),
        };
        let record = Record::Answered { client_order_id, asked, durable, left, came, outcome };
        self.record(now, record, effects);
    }

    fn placed(
        &mut self,
        now: Timestamp,
        id: ClientOrderId,
        outcome: &Outcome,
        effects: &mut Effects,
    ) {
        match outcome {
            // Where a used id is answered with its first order, an answer that names an order known by
            // another name means that nothing was placed.
            Outcome::Done(Response::Placed { order, .. }) if self.is_another(id, order.id) => {
                let text =
                    format!("order {id} was answered with {}, another order of ours", order.id);
                self.raise(Alert::warning(AlertKey::Order, id, text.as_str()), effects);
                self.in_doubt(now, id, text, effects);
            }
            Outcome::Done(Response::Placed { order, fills })
                if self.books.order(&id).is_some_and(|ours| ours.is(order)) =>
            {
                self.heard(now, order, fills, Source::Engine, effects);
                self.accepted_by_answer(now, &id);
            }
            Outcome::Done(_) => {
                self.in_doubt(now, id, "the answer belongs to another question".into(), effects);
            }
            // The id is taken: somebody with this id is alive, and ids are never used twice. So it
            // is this order, by a way that we have not heard of: ask.
            Outcome::Refused(error @ VenueError::DuplicateClientOrderId) => {
                self.in_doubt(now, id, error.to_string(), effects);
            }
            Outcome::Refused(because) => self.rejected(now, id, because, effects),
            Outcome::NotSent(why) => {
                self.end_because(now, id, Ending::NotPlaced, why.clone(), effects);
            }
            Outcome::InDoubt(_) if self.is(Defect::DoubtIsRefused) => {
                self.rejected(now, id, &VenueError::NotAllowed, effects);
            }
            Outcome::InDoubt(because) => {
                self.in_doubt(now, id, because.clone(), effects);
                self.send_again(id, effects);
            }
        }
    }

    /// A deliberate bug: the same order by the same name.
    fn send_again(&mut self, id: ClientOrderId, effects: &mut Effects) {
        if let Some(order) = self.books.order(&id).filter(|_| self.is(Defect::SendsAgain)) {
            let request = AccountRequest::Place(order.order.clone());
            self.send(Purpose::Place(id), request, effects);
        }
    }

    /// Is this the venue's name for an order that we know by another name?
    fn is_another(&self, id: ClientOrderId, venue: VenueOrderId) -> bool {
        let Some(ours) = self.books.order(&id) else { return false };
        let known = self.books.order_at_venue((ours.order.instrument, venue));
        known.is_some_and(|order| order.order.client_order_id != id)
    }

    /// The venue's word that it never took the order, by answer or by stream. Believed unless it has
    /// been known to be there.
    pub(crate) fn rejected(
        &mut self,
        now: Timestamp,
        id: ClientOrderId,
        because: &VenueError,
        effects: &mut Effects,
    ) {
        let never_seen = self.books.order(&id).is_some_and(|o| {
            o.accepted_at.is_none()
                && o.filled.is_zero()
                && matches!(o.state, OrderState::PendingNew | OrderState::InDoubt)
        });
        if never_seen {
            let record = Record::Rejected { client_order_id: id, because: because.clone() };
            self.record(now, record, effects);
            self.doubts.close(&id);
            self.tell(&id, effects);
        } else {
            // It was said to be alive, and now that it never was: ask.
            let conflict = format!("refused ({because}) after it had been reported alive");
            self.in_doubt(now, id, conflict, effects);
        }
    }

    fn canceled(
        &mut self,
        now: Timestamp,
        id: ClientOrderId,
        outcome: &Outcome,
        effects: &mut Effects,
    ) {
        self.doubts.cancel_answered(&id);
        if self.books.order(&id).is_none_or(|o| o.state.is_done()) {
            self.doubts.cancel_is_settled(&id);
            return;
        }
        match outcome {
            Outcome::Done(Response::Canceled { order, .. }) => {
                self.heard(now, order, &[], Source::Engine, effects);
            }
            Outcome::Done(Response::CancelTaken(_)) => {
                // Its end is reported later, or found by asking. Until then it may still execute.
                self.doubts.await_end(id, now);
            }
            Outcome::Refused(_) if self.is(Defect::CancelRefusedIsGone) => {
                self.end(now, id, Ending::Canceled, effects);
            }
            Outcome::InDoubt(_) if self.is(Defect::CancelInDoubtIsDone) => {
                self.end(now, id, Ending::Canceled, effects);
            }
            Outcome::Refused(because) => {
                // Filled, canceled or not yet there: the venue does not say which, so ask.
                let record =
                    Record::CancelRejected { client_order_id: id, because: because.clone() };
                self.record(now, record, effects);
                self.doubts.open(id, now);
                self.tell(&id, effects);
            }
            Outcome::Done(_) => {
                self.in_doubt(now, id, "unexpected answer to a cancel".into(), effects)
            }
            Outcome::NotSent(because) | Outcome::InDoubt(because) => {
                self.in_doubt(now, id, format!("cancel: {because}"), effects);
            }
        }
    }

    /// The outcome of a request about this order is open. It keeps its whole size reserved and is
    /// asked for.
    pub(crate) fn in_doubt(
        &mut self,
        now: Timestamp,
        id: ClientOrderId,
        because: String,
        effects: &mut Effects,
    ) {
        let Some(order) = self.books.order(&id).filter(|o| o.state.is_open()) else { return };
        let is_new = order.state != OrderState::InDoubt;
        self.record(now, Record::InDoubt { client_order_id: id, because }, effects);
        self.doubts.open(id, now);
        if is_new {
            // Of the first doubt, so that cancels that are lost, too, do not put the proof off.
            self.doubts.quiet_begins(&id);
        }
        self.tell(&id, effects);
    }

    /// The order is over, by the venue's word.
    pub(crate) fn end(
        &mut self,
        now: Timestamp,
        id: ClientOrderId,
        ending: Ending,
        effects: &mut Effects,
    ) {
        self.end_so(now, id, ending, (false, None), effects);
    }

    /// The order is over, by proof.
    pub(crate) fn end_because(
        &mut self,
        now: Timestamp,
        id: ClientOrderId,
        ending: Ending,
        cause: String,
        effects: &mut Effects,
    ) {
        self.end_so(now, id, ending, (false, Some(cause)), effects);
    }

    /// The venue, which had accepted it, does not know the order any more.
    pub(crate) fn lose(
        &mut self,
        now: Timestamp,
        id: ClientOrderId,
        cause: String,
        effects: &mut Effects,
    ) {
        self.end_so(now, id, Ending::Canceled, (true, Some(cause)), effects);
    }

    fn end_so(
        &mut self,
        now: Timestamp,
        id: ClientOrderId,
        ending: Ending,
        (lost, cause): (bool, Option<String>),
        effects: &mut Effects,
    ) {
        if self.books.order(&id).is_some_and(|o| o.state.is_open()) {
            let taken_back = self.books.order(&id).is_some_and(|o| o.cancel_wanted);
            let is_wanted = taken_back && ending == Ending::Canceled;
            if self.doubts.was_missing(&id) && !is_wanted {
                let found = Discrepancy::MissedEnd { client_order_id: id, ending };
                self.discrepancy(now, found, effects);
            }
            let over = Record::Ended { client_order_id: id, ending, lost, cause };
            self.record(now, over, effects);
            self.tell(&id, effects);
        }
        self.doubts.close(&id);
    }
}
