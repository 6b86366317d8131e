//! The venue refuses what is sent for an instrument, one order after the other.
//!
//! An agent that asks again at once, and another one after it, would spend the budget on nothing, and a
//! venue that refuses everything bans who goes on asking. So after a few refusals in a row, whoever's they
//! were, one order is let through every few seconds, until the venue takes one. A refusal that speaks of
//! the instrument's rules, or says that it does not trade, holds all others back at once: until the rules
//! have been read again (`instruments.rs`), what follows would be refused for the same reason. Cancels are
//! held back by none of this.
//!
//! Nothing of it is kept: after a restart the first refusals are counted anew.

use model::venue::VenueError;
use model::{
    Alert, AlertKey, ClientOrderId, Effects, Entry, InstrumentId, NetQty, Record, Timestamp,
};

use crate::gateway::Gateway;
use crate::risk::PAUSE;

impl Gateway {
    /// Counts what a record tells of the venue's taking and refusing.
    pub(crate) fn venue_answered(&mut self, entry: &Entry, effects: &mut Effects) {
        if let Record::Accepted { client_order_id, .. } = &entry.record {
            self.venue_took(client_order_id);
        }
        if let Record::Rejected { client_order_id, because } = &entry.record {
            self.venue_refused(entry.at, client_order_id, because, effects);
        }
    }

    /// The venue has proven that it did not take an order.
    fn venue_refused(
        &mut self,
        now: Timestamp,
        id: &ClientOrderId,
        because: &VenueError,
        effects: &mut Effects,
    ) {
        let Some(order) = self.books.order(id) else { return };
        let instrument = order.order.instrument;
        // By the time these are sent again the market is another one.
        if matches!(because, VenueError::WouldTake | VenueError::WouldTrigger) {
            return;
        }
        let refusals = self.refusals.entry(instrument).or_default();
        refusals.refused(now, because);
        let (in_a_row, says) = (refusals.in_a_row(), refusals.is_to_be_said(now));
        if says {
            let text = format!(
                "{instrument}: the venue has refused {in_a_row} orders in a row, the last one with \"{because}\": \
                 one is tried every {} s; {}",
                PAUSE.as_secs(),
                self.at_stake(instrument),
            );
            self.raise(Alert::warning(AlertKey::VenueRefuses, instrument, text), effects);
        }
    }

    /// The venue has taken an order.
    fn venue_took(&mut self, id: &ClientOrderId) {
        let instrument = self.books.order(id).map(|order| order.order.instrument);
        let refusals = instrument.and_then(|instrument| self.refusals.get_mut(&instrument));
        if let Some(refusals) = refusals {
            refusals.over();
        }
    }

    /// An order of this instrument goes out.
    pub(crate) fn venue_is_tried(&mut self, now: Timestamp, instrument: InstrumentId) {
        if let Some(refusals) = self.refusals.get_mut(&instrument) {
            refusals.sent(now);
        }
    }

    /// The rules of an instrument have been read: they are what was known, or are new.
    pub(crate) fn rules_are_known(&mut self, instrument: InstrumentId, new: bool) {
        if let Some(refusals) = self.refusals.get_mut(&instrument) {
            refusals.rules_are_known(new);
        }
    }

    /// Position and open orders of an instrument, for people.
    pub(crate) fn at_stake(&self, instrument: InstrumentId) -> String {
        let position = self.books.position(instrument).map_or(NetQty::ZERO, |p| p.net());
        let open = self.books.open_orders().filter(|o| o.order.instrument == instrument).count();
        format!("the position is {position}, {open} orders are open")
    }
}

#[cfg(test)]
mod tests;
