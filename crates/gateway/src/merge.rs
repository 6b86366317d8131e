//! What the venue says of orders and executions, merged into our books.
//!
//! Reports come twice, late and out of order, by stream, by reply and by query. They are merged by
//! trade id and by cumulative quantity, here and nowhere else: hearing a thing again changes
//! nothing, and hearing it in another order ends in the same books.

use model::venue::{AccountRequest, Execution, OrderKey, Response, VenueOrder, VenueOrderStatus};
use model::{
    AgentEvent, Alert, AlertKey, ClientOrderId, Discrepancy, Effect, Effects, Ending, Fill,
    HaltedBy, Notice, OrderState, Outcome, Record, Timestamp,
};

use crate::books::{TrackedOrder, VenueKey};
use crate::defects::Defect;
use crate::gateway::Gateway;
use crate::purpose::Purpose;
use crate::readings::Held;

/// How we came to hear of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// The engine's own word when it happened: a report or the answer to a command.
    Engine,
    /// A look-up afterwards. Its end of an order is believed once the executions are read, too: a
    /// look-up may say "canceled, nothing filled" of an order whose execution it has not seen yet.
    Query,
}

/// Executions whose order is not known yet, at most.
const UNATTRIBUTED_MAX: usize = 4_096;

impl Gateway {
    /// A report of the account's stream.
    pub(crate) fn reported(
        &mut self,
        now: Timestamp,
        order: &VenueOrder,
        execution: &Execution,
        effects: &mut Effects,
    ) {
        if let Execution::Rejected(because) = execution
            && self.books.order(&order.client_order_id).is_some_and(|o| o.state.is_open())
        {
            return self.rejected(now, order.client_order_id, because, effects);
        }
        let fill = match execution {
            Execution::Trade(fill) => {
                // The report names the order in full, so its execution finds it even when the
                // answer to the order has not come yet.
                Some(Fill { client_order_id: Some(order.client_order_id), ..*fill })
            }
            Execution::New
            | Execution::Canceled(_)
            | Execution::Expired
            | Execution::Triggered
            | Execution::Rejected(_)
            | Execution::Prevented
            | Execution::Standing => None,
        };
        self.heard(now, order, fill.as_slice(), Source::Engine, effects);
    }

    /// The venue's word on an order as a whole, with executions that came with it.
    pub(crate) fn heard(
        &mut self,
        now: Timestamp,
        order: &VenueOrder,
        fills: &[Fill],
        source: Source,
        effects: &mut Effects,
    ) {
        let id = order.client_order_id;
        let ours = self.books.order(&id).filter(|ours| ours.is(order) && !self.is_disowned(ours));
        let Some(tracked) = ours else {
            return self.heard_of_others(now, order, fills, source, effects);
        };
        self.told.heard(id, order.filled);
        let is_ghost = tracked.is_ghost(order);
        let is_rejected = order.status == VenueOrderStatus::Rejected;
        let unknown_yet = tracked.accepted_at.is_none();
        let waiting = matches!(tracked.state, OrderState::PendingNew | OrderState::InDoubt);
        // A rejection that is told again is one.
        let was_rejected =
            tracked.state == OrderState::Done(Ending::Rejected) && unknown_yet && !is_rejected;
        let is_unclear = order.status == VenueOrderStatus::Unknown;
        if is_ghost {
            self.ghost(now, id, (order.id, order.created), effects);
        } else if !is_rejected && (unknown_yet || (waiting && !is_unclear)) {
            let missed = source == Source::Query && unknown_yet;
            if missed {
                self.discrepancy(now, Discrepancy::MissedAccept { client_order_id: id }, effects);
            }
            let record = Record::Accepted {
                client_order_id: id,
                venue_order_id: order.id,
                venue_time: order.created,
            };
            self.record(now, record, effects);
            self.tell(&id, effects);
        }
        if was_rejected {
            // What was said before it was rejected may come after that, by another way: no ghost yet. What
            // it came to is asked for.
            fills.iter().for_each(|fill| self.executed(now, fill, source, effects));
            return self.in_doubt(now, id, "reported after it had been rejected".into(), effects);
        }
        self.triggered(now, order, source, effects);
        fills.iter().for_each(|fill| self.executed(now, fill, source, effects));
        if is_unclear {
            self.unclear(now, id, "its state is none that is known", effects);
            if self.books.order(&id).is_some_and(|ours| order.filled > ours.filled) {
                self.doubts.expect(id, Ending::Filled, order.filled, now);
            }
            if is_ghost {
                self.cancel(now, id, effects);
            }
            return;
        }
        self.doubts.is_clear(&id);
        self.compare(now, order, source, effects);
        if is_ghost {
            self.cancel(now, id, effects);
        }
    }

    /// A deliberate bug: an order in doubt is nobody's.
    fn is_disowned(&self, order: &TrackedOrder) -> bool {
        order.state == OrderState::InDoubt && self.is(Defect::OwnCalledForeign)
    }

    /// The trigger of a stop was reached, as its order shows.
    fn triggered(
        &mut self,
        now: Timestamp,
        theirs: &VenueOrder,
        source: Source,
        effects: &mut Effects,
    ) {
        let id = theirs.client_order_id;
        let is_news = self.books.order(&id).is_some_and(|ours| ours.is_triggered_by(theirs));
        if !is_news {
            return;
        }
        if source == Source::Query {
            self.discrepancy(now, Discrepancy::MissedTrigger { client_order_id: id }, effects);
        }
        self.record(now, Record::Triggered { client_order_id: id }, effects);
    }

    /// The venue's word on an order that is not ours, even if it has the name of one.
    fn heard_of_others(
        &mut self,
        now: Timestamp,
        order: &VenueOrder,
        fills: &[Fill],
        source: Source,
        effects: &mut Effects,
    ) {
        let id = order.client_order_id;
        self.foreign(now, order, source, effects);
        for fill in fills {
            self.executed(now, &Fill { client_order_id: None, ..*fill }, source, effects);
        }
        if self.books.order(&id).is_some() {
            // Two gateways with one store, or a lost one: whose orders are whose is not known any more.
            let cause =
                format!("order {} at the venue has our name {id} and is not ours", order.id);
            self.halt_by(now, HaltedBy::Journal, &cause, effects);
        } else if self.ids.is_unmade(&id)
            || (order.status.is_open() && self.ids.place(&id).is_some())
        {
            // What is open is never forgotten, and what was given out is written down first.
            let cause = format!(
                "order {id} at the venue is of this journal's own gateway, and the journal does not know \
                 it: the journal is an older copy, or has lost its end"
            );
            self.halt_by(now, HaltedBy::Journal, &cause, effects);
        }
    }

    /// Cumulative quantity and end, against what is counted.
    fn compare(
        &mut self,
        now: Timestamp,
        order: &VenueOrder,
        source: Source,
        effects: &mut Effects,
    ) {
        let id = order.client_order_id;
        let Some(tracked) = self.books.order(&id) else { return };
        let (counted, is_open) = (tracked.filled, tracked.state.is_open());
        // Executions for all of it will never come.
        let cut_short = tracked.is_cut_short(order).then_some(Ending::Canceled);
        let ending = cut_short.or_else(|| ending(order.status));
        let believed = self.is(Defect::LateFillDropped) && ending == Some(Ending::Canceled);
        let missing = order.filled > counted && !believed;
        match (ending, missing, is_open) {
            // Never on the book, and never known to be: it has no executions that could be read.
            (Some(Ending::Rejected), false, true) if tracked.accepted_at.is_none() => {
                self.end(now, id, Ending::Rejected, effects);
            }
            (_, _, false) if !missing => self.doubts.close(&id),
            (None, false, _) => self.doubts.seen_alive(&id, counted),
            (Some(ending), false, true) if source == Source::Engine && ending != Ending::Filled => {
                self.doubts.is_told(&id);
                self.end(now, id, ending, effects);
            }
            (Some(ending), _, _) => self.doubts.expect(id, ending, order.filled, now),
            // Executions that we have not heard of: their prices are only known by asking.
            (None, true, _) => self.doubts.expect(id, Ending::Filled, order.filled, now),
        }
        if missing && source == Source::Engine && !self.config.profile.pushes_executions {
            // No report of them will follow.
            self.doubts.ask_now(&id, now);
        }
    }

    /// One execution. Counts once however often it is told.
    pub(crate) fn executed(
        &mut self,
        now: Timestamp,
        fill: &Fill,
        source: Source,
        effects: &mut Effects,
    ) {
        if self.books.knows_trade(fill.instrument, fill.trade_id) {
            return;
        }
        // An order of somebody else may have the name of one of ours.
        let key = (fill.instrument, fill.venue_order_id);
        let foreign = self.books.knows_foreign(key) || self.is_strange(key.0, key.1);
        let by_name = fill.client_order_id.filter(|id| {
            let is = |known| known == fill.venue_order_id;
            let ours = self.books.order(id).filter(|o| o.order.instrument == fill.instrument);
            !foreign && ours.is_some_and(|o| o.venue_order_id.is_none_or(is))
        });
        let by_venue = || {
            let known = self.books.order_at_venue((fill.instrument, fill.venue_order_id));
            known.map(|o| o.order.client_order_id)
        };
        let named = by_name.or_else(by_venue);
        let over = named.and_then(|id| self.books.order(&id)).is_some_and(|o| o.state.is_done());
        if over && self.is(Defect::LateFillDropped) {
            return;
        }
        match named {
            Some(id) if self.may_have_two_ids(&id, fill) => self.identify(fill, effects),
            Some(id) => self.count_own(now, id, fill, source, effects),
            None if self.is_history(fill) => {}
            None if foreign => self.count_fill(now, None, fill, source, effects),
            None => self.identify(fill, effects),
        }
    }

    /// An execution of an order of ours. Of one whose absence was proven it shows that it is there.
    pub(crate) fn count_own(
        &mut self,
        now: Timestamp,
        id: ClientOrderId,
        fill: &Fill,
        source: Source,
        effects: &mut Effects,
    ) {
        let is_ghost = self.books.order(&id).is_some_and(|order| order.absent);
        if is_ghost {
            let seen = (fill.venue_order_id, fill.venue_time);
            self.ghost(now, id, seen, effects);
        }
        self.count_fill(now, Some(id), fill, source, effects);
        if is_ghost {
            self.cancel(now, id, effects);
        }
    }

    fn count_fill(
        &mut self,
        now: Timestamp,
        id: Option<ClientOrderId>,
        fill: &Fill,
        source: Source,
        effects: &mut Effects,
    ) {
        let late = source == Source::Query;
        if late {
            let missed = Discrepancy::MissedFill { client_order_id: id, trade_id: fill.trade_id };
            self.discrepancy(now, missed, effects);
            // Where the stream tells sums, every execution is read afterwards.
            if self.config.profile.pushes_executions {
                self.hearing.missed(now);
            }
        }
        self.record(now, Record::Filled { client_order_id: id, fill: *fill, late }, effects);
        let Some(order) = id.and_then(|id| self.books.order(&id)) else { return };
        let (agent, intent) = (order.agent, order.intent);
        let fill = Fill { client_order_id: id, ..*fill };
        let event = AgentEvent::Fill { intent, fill };
        effects.push(Effect::Notify(Notice::Agent(agent, event)));
        let (ordered, filled) = (order.qty(), order.filled);
        self.count_executed(now, agent, &fill, effects);
        if filled > ordered
            && let Some(id) = id
        {
            let found = Discrepancy::Overfill { client_order_id: id, ordered, filled };
            let text = format!("{found}: counted in full");
            self.raise(Alert::warning(AlertKey::Difference, id, text), effects);
            self.discrepancy(now, found, effects);
        }
        if let Some(id) = id {
            self.tell(&id, effects);
            if self.books.order(&id).is_some_and(|o| o.state.is_done()) {
                self.doubts.close(&id);
            }
        }
    }

    /// An execution of an order that we cannot name, or one that may be counted already: ask for its order
    /// before it is counted.
    fn identify(&mut self, fill: &Fill, effects: &mut Effects) {
        let new = Held { fill: *fill, since: None };
        let key = new.order();
        let held = self.reading.unattributed();
        if held.iter().any(|h| h.order() == key && h.fill.trade_id == fill.trade_id) {
            return;
        }
        let asked = held.iter().any(|held| held.order() == key);
        if held.len() >= UNATTRIBUTED_MAX {
            self.reading.reread = true;
            return;
        }
        self.reading.hold(new);
        if !asked {
            self.ask_which(key, effects);
        }
    }

    /// Asks again for the orders of executions that are held and that nobody is asked about.
    pub(crate) fn identify_held(&mut self, effects: &mut Effects) {
        for key in self.reading.held() {
            if !self.outstanding.values().any(|asked| *asked == Purpose::Identify(key)) {
                self.ask_which(key, effects);
            }
        }
    }

    /// Asks which order it is that has this number.
    pub(crate) fn ask_which(&mut self, key: VenueKey, effects: &mut Effects) {
        let (instrument, id) = key;
        let order = OrderKey::Venue(id);
        let request = AccountRequest::Order { instrument, order, since: None };
        self.send(Purpose::Identify(key), request, effects);
    }

    pub(crate) fn identified(
        &mut self,
        now: Timestamp,
        key: VenueKey,
        outcome: &Outcome,
        effects: &mut Effects,
    ) {
        let held = self.reading.release(key);
        let Outcome::Done(Response::Order(order)) = outcome else {
            if self.is_strange(key.0, key.1) {
                // It is not ours as far as it can be read, and what of it executed counts.
                held.iter().for_each(|h| self.executed(now, &h.fill, Source::Query, effects));
            } else if !held.is_empty() {
                // Unknown still: the reading is not complete and will be repeated.
                self.reading.reread = true;
                self.reading_failed(now);
            }
            return;
        };
        let known = self.books.order_at_venue(key);
        if known.is_some_and(|ours| ours.accepted_at.is_some()) {
            // It was only asked how much has executed; its executions are still being read.
            self.told.heard(order.client_order_id, order.filled);
        } else {
            self.heard(now, order, &[], Source::Query, effects);
        }
        self.settle_ids(now, order, held, effects);
    }

    pub(crate) fn discrepancy(
        &mut self,
        now: Timestamp,
        found: Discrepancy,
        effects: &mut Effects,
    ) {
        self.reading.found();
        self.record(now, Record::Discrepancy { found }, effects);
    }
}

/// How the venue's status ends an order; `None` while it is open.
pub(crate) fn ending(status: VenueOrderStatus) -> Option<Ending> {
    match status {
        VenueOrderStatus::New | VenueOrderStatus::PartiallyFilled | VenueOrderStatus::Unknown => {
            None
        }
        VenueOrderStatus::Filled => Some(Ending::Filled),
        VenueOrderStatus::Canceled => Some(Ending::Canceled),
        VenueOrderStatus::Rejected => Some(Ending::Rejected),
        VenueOrderStatus::Expired | VenueOrderStatus::ExpiredInMatch => Some(Ending::Expired),
    }
}
