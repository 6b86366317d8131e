//! Orders on the account that this gateway did not place: a person's, another program's, or the venue's
//! own (a liquidation).
//!
//! Each is said once, its executions are counted in the account's position, and what of it is open counts
//! in every worst case. What is done beyond that the configuration says. No order is ever sent because of
//! one.

use model::venue::{AccountRequest, OrderKey, Response, VenueError, VenueOrder};
use model::{Alert, AlertKey, Discrepancy, Effects, HaltedBy, Outcome, Record, Side, Timestamp};

use crate::books::VenueKey;
use crate::defects::Defect;
use crate::foreign_orders::ForeignOrders;
use crate::gateway::Gateway;
use crate::merge::Source;
use crate::purpose::Purpose;

impl Gateway {
    /// An order on our account that we did not place, as the venue tells it. Said once.
    pub(crate) fn foreign(
        &mut self,
        now: Timestamp,
        order: &VenueOrder,
        source: Source,
        effects: &mut Effects,
    ) {
        if self.is(Defect::ForeignIgnored) {
            return;
        }
        let key = (order.instrument, order.id);
        if self.books.knows_foreign(key) {
            return self.foreign_again(now, order, source, effects);
        }
        let (instrument, venue_order_id) = (Some(order.instrument), order.id);
        self.discrepancy(now, Discrepancy::Foreign { instrument, venue_order_id }, effects);
        self.record(now, Record::Foreign { order: order.clone() }, effects);
        let text = format!(
            "order {} ({} {} {}) on the account was not placed by this gateway",
            order.id,
            match order.side {
                Side::Buy => "buy",
                Side::Sell => "sell",
            },
            order.qty,
            order.instrument
        );
        let alert = Alert::warning(AlertKey::Foreign, order.instrument, text.as_str());
        self.raise(alert, effects);
        match self.config.foreign_orders {
            ForeignOrders::Adopt => {}
            ForeignOrders::Cancel if order.status.is_open() => {
                self.doubts.want_foreign_cancel(key, now);
                self.cancel_foreign_when_due(now, effects);
            }
            ForeignOrders::Cancel => {}
            ForeignOrders::Halt => {
                self.halt_by(now, HaltedBy::ForeignOrder, &text, effects);
                let advice = "if it is nobody's whom you know, take the key back at the exchange";
                self.alert(advice.to_owned(), effects);
            }
        }
    }

    /// It was reported before: it is written down again when it has changed. What is older than what is
    /// known, or opens again what is over, is a report that came late.
    fn foreign_again(
        &mut self,
        now: Timestamp,
        order: &VenueOrder,
        source: Source,
        effects: &mut Effects,
    ) {
        let is_news = match self.books.foreign_order((order.instrument, order.id)) {
            Some(known) => {
                let changed = (known.status, known.filled, known.qty)
                    != (order.status, order.filled, order.qty);
                // Asked for by name after it was not among the open ones, its end is believed whatever
                // clock it is dated by: reports and look-ups may have different ones.
                let is_end = source == Source::Query && !order.status.is_open();
                let is_newer = order.updated >= known.updated && order.filled >= known.filled;
                changed && (is_end || is_newer)
            }
            None => false,
        };
        if is_news {
            self.record(now, Record::Foreign { order: order.clone() }, effects);
        }
    }

    /// It is missing from the open orders: how did it end?
    pub(crate) fn ask_about_foreign(&mut self, key: VenueKey, effects: &mut Effects) {
        let purpose = Purpose::AskForeign(key);
        if self.outstanding.values().any(|asked| *asked == purpose) {
            return;
        }
        let (instrument, order) = (key.0, OrderKey::Venue(key.1));
        let request = AccountRequest::Order { instrument, order, since: None };
        self.send(purpose, request, effects);
    }

    pub(crate) fn asked_about_foreign(
        &mut self,
        now: Timestamp,
        key: VenueKey,
        outcome: &Outcome,
        effects: &mut Effects,
    ) {
        match outcome {
            Outcome::Done(Response::Order(order)) if (order.instrument, order.id) == key => {
                self.foreign(now, order, Source::Query, effects);
            }
            // Neither among the open ones nor known at all. Should it be there after all, the next list
            // shows it again, and then it is reported and counted anew.
            Outcome::Refused(VenueError::UnknownOrder) => {
                let (instrument, venue_order_id) = (Some(key.0), key.1);
                self.record(now, Record::ForeignGone { instrument, venue_order_id }, effects);
            }
            // The next comparison asks again; until then it counts.
            Outcome::Done(_) | Outcome::Refused(_) | Outcome::NotSent(_) | Outcome::InDoubt(_) => {}
        }
    }

    /// What was open when the last session ended is dealt with as the configuration says now.
    pub(crate) fn resume_foreign(&mut self, now: Timestamp, effects: &mut Effects) {
        let open = self.books.foreign_orders().map(|order| (order.instrument, order.id));
        let open: Vec<VenueKey> = open.collect();
        match (self.config.foreign_orders, open.first()) {
            (ForeignOrders::Cancel, _) => {
                open.iter().for_each(|key| self.doubts.want_foreign_cancel(*key, now));
                self.cancel_foreign_when_due(now, effects);
            }
            (ForeignOrders::Halt, Some((_, id))) => {
                let cause = format!("order {id} on the account was not placed by this gateway");
                self.halt_by(now, HaltedBy::ForeignOrder, &cause, effects);
            }
            (ForeignOrders::Adopt, _) | (ForeignOrders::Halt, None) => {}
        }
    }

    /// Sends every cancel of orders of others that is wanted and due.
    pub(crate) fn cancel_foreign_when_due(&mut self, now: Timestamp, effects: &mut Effects) {
        let due = self.doubts.next_foreign_cancel().filter(|_| !self.books.is_dark());
        if due.is_none_or(|due| due > now) {
            return;
        }
        for key in self.doubts.foreign_cancels_due(now) {
            if self.books.foreign_order(key).is_none() {
                self.doubts.foreign_is_over(&key);
                continue;
            }
            let (instrument, id) = key;
            let record = Record::ForeignCancel { instrument: Some(instrument), venue_order_id: id };
            self.record(now, record, effects);
            self.doubts.foreign_cancel_sent(&key, now);
            let order = OrderKey::Venue(id);
            let request = AccountRequest::Cancel { instrument, order, cancel_id: None, only: None };
            self.send(Purpose::CancelForeign(key), request, effects);
        }
    }

    pub(crate) fn canceled_foreign(
        &mut self,
        now: Timestamp,
        key: VenueKey,
        outcome: &Outcome,
        effects: &mut Effects,
    ) {
        self.doubts.foreign_cancel_answered(&key);
        match outcome {
            Outcome::Done(Response::Canceled { order, .. })
                if (order.instrument, order.id) == key =>
            {
                self.foreign(now, order, Source::Query, effects);
            }
            // Taken, refused or lost: the stream or the next list says how it is, and until it is over
            // it is said again.
            Outcome::Done(_) | Outcome::Refused(_) | Outcome::NotSent(_) | Outcome::InDoubt(_) => {
                if self.books.foreign_order(key).is_some() {
                    self.ask_about_foreign(key, effects);
                }
            }
        }
        if self.books.foreign_order(key).is_none() {
            self.doubts.foreign_is_over(&key);
        }
    }
}

#[cfg(test)]
mod tests;
