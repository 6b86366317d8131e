//! What the venue says and nobody here has a word for: a row of a list, an event of the stream, the state
//! of an order.
//!
//! It hides nothing else: the rest of the list is read. And it is never passed over:
//!
//! - An order of ours whose state is not understood is in doubt. Its whole size counts, it is asked about,
//!   and until what the venue says of it is understood only what shrinks a position is let through.
//! - An order of somebody else whose state is not understood counts as an open one (`foreign.rs`).
//! - What not even says which way it goes and how much it is for, and what is no plain execution in the
//!   history of them (a reversal, a correction), is said once. Until a person accepts it, or the order is
//!   read after all, only what shrinks a position is let through.

use model::venue::{Response, Unread};
use model::{
    Alert, AlertKey, ClientOrderId, Discrepancy, Effects, InstrumentId, Outcome, Timestamp,
    VenueOrderId,
};

use crate::gateway::Gateway;
use crate::purpose::Purpose;
use crate::readings::Part;

impl Gateway {
    /// An answer some rows of which are not understood: what the rest of it says.
    pub(crate) fn partly(
        &mut self,
        now: Timestamp,
        purpose: &Purpose,
        (read, unread): (&Response, &[Unread]),
        effects: &mut Effects,
    ) -> Outcome {
        for row in unread {
            self.not_understood(now, row, effects);
        }
        match purpose {
            // A list proves that an order is not in it. A row that may be this order, or an execution of
            // it, leaves that open.
            Purpose::AskTape(id) | Purpose::AskOpen(id)
                if unread.iter().any(|row| self.may_be_of(row, id)) =>
            {
                return Outcome::InDoubt("a row of the list is not understood".to_owned());
            }
            Purpose::Read { generation, part: Part::OpenOrders }
                if *generation == self.reading.generation =>
            {
                let ours = unread.iter().filter_map(|row| self.ours(row)).collect::<Vec<_>>();
                self.reading.unread.extend(ours);
            }
            Purpose::Survey { number, .. } => self.survey_may_show(*number, |gateway, id| {
                unread.iter().any(|row| gateway.may_be_of(row, id))
            }),
            _ => {}
        }
        Outcome::Done(read.clone())
    }

    /// Takes into account that a row is not understood. `true` when that is news.
    pub(crate) fn not_understood(
        &mut self,
        now: Timestamp,
        row: &Unread,
        effects: &mut Effects,
    ) -> bool {
        if row.trade.is_none()
            && let Some(id) = self.ours(row)
        {
            return self.unclear(now, id, &row.because, effects);
        }
        self.ask_whose(row, effects);
        if self.books.knows_not_understood(row.instrument, row.order, row.trade) {
            return false;
        }
        let found = Discrepancy::NotUnderstood {
            instrument: row.instrument,
            venue_order_id: row.order,
            trade_id: row.trade,
            because: row.because.clone(),
        };
        let text = format!(
            "{found}. Nothing that adds risk is sent until a person has looked: `plimsoll reconcile \
             --accept`"
        );
        let about = row.instrument.map_or_else(String::new, |id| id.to_string());
        self.raise(Alert::warning(AlertKey::NotUnderstood, about, text), effects);
        self.discrepancy(now, found, effects);
        true
    }

    /// The state of an order of ours is not understood. `true` when that is news.
    pub(crate) fn unclear(
        &mut self,
        now: Timestamp,
        id: ClientOrderId,
        because: &str,
        effects: &mut Effects,
    ) -> bool {
        let is_open = self.books.order(&id).is_some_and(|order| order.state.is_open());
        if !is_open || self.doubts.is_unclear(&id) {
            return false;
        }
        let text = format!("what the venue says of order {id} is not understood: {because}");
        self.in_doubt(now, id, text.clone(), effects);
        self.doubts.is_now_unclear(&id);
        let text = format!("{text}. Nothing that adds risk is sent until it is");
        self.raise(Alert::warning(AlertKey::NotUnderstood, id, text), effects);
        true
    }

    /// The open order of ours that a row is of.
    fn ours(&self, row: &Unread) -> Option<ClientOrderId> {
        let by_venue = || {
            self.books.order_at_venue((row.instrument?, row.order?)).filter(|o| o.state.is_open())
        };
        let by_name = || {
            let named = self.books.order(&row.client_order_id?).filter(|o| o.state.is_open())?;
            let other = named.venue_order_id.zip(row.order).is_some_and(|(ours, its)| ours != its);
            (!other).then_some(named)
        };
        by_venue().or_else(by_name).map(|order| order.order.client_order_id)
    }

    /// Is this an order of which not even side and size can be read?
    pub(crate) fn is_strange(&self, instrument: InstrumentId, id: VenueOrderId) -> bool {
        // As long as an order of ours has no number yet, it may be this one.
        let may_be_ours = |order: &crate::books::TrackedOrder| {
            order.order.instrument == instrument && order.venue_order_id.is_none()
        };
        // Nearly always nothing is: asked first.
        self.books.knows_not_understood(Some(instrument), Some(id), None)
            && self.books.order_at_venue((instrument, id)).is_none()
            && !self.books.open_orders().any(may_be_ours)
    }

    /// May this row be this order of ours, or an execution of it?
    fn may_be_of(&self, row: &Unread, id: &ClientOrderId) -> bool {
        if let Some(name) = row.client_order_id {
            return name == *id;
        }
        let (Some(instrument), Some(order)) = (row.instrument, row.order) else { return true };
        match self.books.order(id).and_then(|ours| ours.venue_order_id) {
            Some(ours) => ours == order,
            None => {
                self.books.order_at_venue((instrument, order)).is_none()
                    && !self.books.knows_foreign((instrument, order))
            }
        }
    }

    /// Whose order is it that something among the executions is of? Once known to be somebody else's it
    /// leaves nothing open about ours.
    fn ask_whose(&mut self, row: &Unread, effects: &mut Effects) {
        let (Some(_), Some(instrument), Some(id)) = (row.trade, row.instrument, row.order) else {
            return;
        };
        let purpose = Purpose::Identify((instrument, id));
        let is_known = self.books.order_at_venue((instrument, id)).is_some()
            || self.books.knows_foreign((instrument, id))
            || self.outstanding.values().any(|asked| *asked == purpose);
        if !is_known {
            self.ask_which((instrument, id), effects);
        }
    }
}

#[cfg(test)]
mod tests;
