//! Orders whose outcome is open, and cancels that are still wanted.
//!
//! In doubt is resolved by asking: for the order by our name for it, then for its executions.
//! Absence counts only after the quiet time and two negative answers, and then only if the account's
//! executions since the order was written down show nothing unknown either. Nothing is ever sent
//! again, except a cancel, which can only take away.

use std::time::Duration;

use model::venue::{AccountRequest, OrderKey, Response, TradesFrom, VenueError};
use model::{ClientOrderId, Effects, Ending, OrderState, Outcome, Qty, Timestamp};

use crate::gateway::Gateway;
use crate::merge::Source;
use crate::purpose::Purpose;

/// Validity of a request (2 s), the venue's own time-out (10 s) and a margin: before this much time
/// has passed absence proves nothing.
pub(crate) const QUIET: Duration = Duration::from_secs(17);

/// Negative answers after the quiet time that together prove absence.
const NEGATIVE_READS: u32 = 2;

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
                    self.absent(now, id, effects);
                }
            }
            Outcome::Refused(VenueError::UnknownOrder) => self.absent(now, id, effects),
            Outcome::Done(_) | Outcome::Refused(_) | Outcome::NotSent(_) | Outcome::InDoubt(_) => {}
        }
    }

    /// The venue does not know the order. Before the quiet time that proves nothing.
    fn absent(&mut self, now: Timestamp, id: ClientOrderId, effects: &mut Effects) {
        let Some(order) = self.books.order(&id) else { return };
        // The time of the last doubt, not of the order: a late cancel must not shorten it.
        let since = order.doubt_since.unwrap_or(order.prepared_at);
        if now.since(since) < QUIET {
            return;
        }
        let (instrument, prepared_at) = (order.order.instrument, order.prepared_at);
        if order.accepted_at.is_some() {
            let text =
                format!("the venue does not know order {id} any more, which it had accepted");
            self.alert(text, effects);
            return;
        }
        let Some(ask) = self.doubts.asks.get_mut(&id) else { return };
        ask.negative += 1;
        if ask.negative >= NEGATIVE_READS {
            ask.asking = true;
            let from = TradesFrom::Time { start: Some(prepared_at.before(QUIET)), end: None };
            let request =
                AccountRequest::Fills { instrument, order: None, from, limit: FILLS_PAGE };
            self.send(Purpose::AskTape(id), request, effects);
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

    pub(crate) fn asked_tape(
        &mut self,
        now: Timestamp,
        id: ClientOrderId,
        outcome: &Outcome,
        effects: &mut Effects,
    ) {
        self.doubts.again(&id, now);
        let Outcome::Done(Response::Fills(fills)) = outcome else { return };
        // A full page may have cut off the end, where the execution would be.
        let whole = fills.len() < FILLS_PAGE as usize;
        let unknown = fills.iter().any(|f| {
            self.books.order_at_venue(&f.venue_order_id).is_none()
                && !self.books.knows_foreign(&f.venue_order_id)
        });
        for fill in fills {
            self.executed(now, fill, Source::Query, effects);
        }
        let still = self.books.order(&id).is_some_and(|o| o.state == OrderState::InDoubt);
        if still && whole && !unknown {
            self.end(now, id, Ending::NotPlaced, effects);
        }
    }
}
