//! Orders whose outcome is open, and cancels that are still wanted.
//!
//! In doubt is resolved by asking: for the order by our name for it, then for its executions.
//! What an answer that does not know the order proves is in `absence.rs`. Nothing is ever sent again,
//! except a cancel, which can only take away.

use model::venue::{AccountRequest, OrderKey, Response, TradesFrom, VenueError};
use model::{ClientOrderId, Effects, Ending, Outcome, Qty, Timestamp};

use crate::gateway::Gateway;
use crate::merge::Source;
use crate::purpose::Purpose;

/// Executions asked for at once.
pub(crate) const FILLS_PAGE: u32 = 1000;

impl Gateway {
    /// Sends every question that is due.
    pub(crate) fn ask_about_doubts(&mut self, now: Timestamp, effects: &mut Effects) {
        if self.doubts.next_due().is_none_or(|due| due > now) {
            return;
        }
        let due: Vec<ClientOrderId> = self
            .doubts
            .asks
            .iter()
            .filter(|(_, ask)| !ask.asking && ask.due <= now)
            .map(|(id, _)| *id)
            .collect();
        for id in due {
            let Some(order) = self.books.order(&id).filter(|o| o.state.is_open()) else {
                self.doubts.close(&id);
                continue;
            };
            let instrument = order.order.instrument;
            let venue_order_id = order.venue_order_id;
            let Some(ask) = self.doubts.asks.get_mut(&id) else { continue };
            ask.asking = true;
            match (ask.ending, venue_order_id) {
                (Some(_), Some(venue_order_id)) => {
                    let request = AccountRequest::Fills {
                        instrument,
                        order: Some(venue_order_id),
                        from: TradesFrom::Newest,
                        limit: FILLS_PAGE,
                    };
                    self.send(Purpose::AskFills(id), request, effects);
                }
                _ => {
                    let order = OrderKey::Client(id);
                    let request = AccountRequest::Order { instrument, order };
                    self.send(Purpose::Ask(id), request, effects);
                }
            }
        }
    }

    pub(crate) fn asked(
        &mut self,
        now: Timestamp,
        id: ClientOrderId,
        outcome: &Outcome,
        effects: &mut Effects,
    ) {
        self.doubts.again(&id, now);
        match outcome {
            Outcome::Done(Response::Order(order)) if order.client_order_id == id => {
                let ours = self.books.order(&id).is_some_and(|ours| ours.is(order));
                self.heard(now, order, &[], Source::Query, effects);
                // The newest order of this name is somebody else's, so ours is not there.
                if !ours {
                    self.absent(id, effects);
                }
            }
            Outcome::Refused(VenueError::UnknownOrder) => self.absent(id, effects),
            Outcome::Done(_) | Outcome::Refused(_) | Outcome::NotSent(_) | Outcome::InDoubt(_) => {}
        }
    }

    pub(crate) fn asked_fills(
        &mut self,
        now: Timestamp,
        id: ClientOrderId,
        outcome: &Outcome,
        effects: &mut Effects,
    ) {
        let ending = self.doubts.asks.get(&id).and_then(|ask| ask.ending);
        self.doubts.again(&id, now);
        let Outcome::Done(Response::Fills(fills)) = outcome else { return };
        for fill in fills {
            self.executed(now, fill, Source::Query, effects);
        }
        let Some((ending, reported)) = ending else { return };
        let counted = self.books.order(&id).map_or(Qty::ZERO, |o| o.filled);
        if counted < reported {
            return;
        }
        match ending {
            // All of what was reported is counted. Whether that is the end the order itself says.
            Ending::Filled => self.doubts.ask_for_the_order(&id),
            Ending::Canceled | Ending::Rejected | Ending::Expired | Ending::NotPlaced => {
                self.end(now, id, ending, effects);
            }
        }
    }
}
