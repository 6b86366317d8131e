//! Ghosts: an order of ours that is at the venue after it was proven not to be, never placed or lost.
//!
//! It must not happen, and it does when a venue breaks its own bounds or comes back from a copy of itself.
//! Then everything halts, the order is open in our books again with all that this means, whatever it has
//! executed is counted with it, and it is taken back, a protective stop as well: whoever wanted it has
//! long been told that it is not there.

use model::{
    Alert, AlertKey, ClientOrderId, Discrepancy, Effects, HaltedBy, Record, Timestamp, VenueOrderId,
};

use crate::gateway::Gateway;

impl Gateway {
    /// The venue shows an order, or an execution of one, whose absence was proven. The halt is written
    /// first: a start that finds no more than that finds the ghost itself anew.
    pub(crate) fn ghost(
        &mut self,
        now: Timestamp,
        id: ClientOrderId,
        (venue_order_id, venue_time): (VenueOrderId, Timestamp),
        effects: &mut Effects,
    ) {
        let cause = format!("order {id} is at the venue after it was proven not to be");
        if self.books.halted().is_some() {
            self.raise(Alert::critical(AlertKey::Order, id, cause), effects);
        } else {
            self.halt_by(now, HaltedBy::Ghost, &cause, effects);
        }
        self.discrepancy(now, Discrepancy::Ghost { client_order_id: id }, effects);
        let record = Record::Accepted { client_order_id: id, venue_order_id, venue_time };
        self.record(now, record, effects);
        self.tell(&id, effects);
    }
}

#[cfg(test)]
mod tests;
