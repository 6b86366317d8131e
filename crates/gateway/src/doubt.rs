//! Orders whose outcome is open, and cancels that are still wanted.
//!
//! In doubt is resolved by asking: for the order by our name for it, then for its executions.
//! Absence counts only after the quiet time and two negative answers, and then only if the account's
//! executions since the order was written down show nothing unknown either. Nothing is ever sent
//! again, except a cancel, which can only take away.

use std::collections::BTreeMap;
use std::time::Duration;

use model::venue::{AccountRequest, OrderKey, Response, TradesFrom, VenueError};
use model::{ClientOrderId, Effects, Ending, OrderState, Outcome, Qty, Timestamp};

use crate::gateway::Gateway;
use crate::merge::Source;
use crate::replies::Purpose;

/// Validity of a request (2 s), the venue's own time-out (10 s) and a margin: before this much time
/// has passed absence proves nothing.
pub(crate) const QUIET: Duration = Duration::from_secs(17);

/// Negative answers after the quiet time that together prove absence.
const NEGATIVE_READS: u32 = 2;

/// First pause before asking; doubles with each answer that settles nothing.
const PAUSE_MIN: Duration = Duration::from_millis(200);
/// Longest pause between two questions about one order.
const PAUSE_MAX: Duration = Duration::from_secs(3);

/// Executions asked for at once.
pub(crate) const FILLS_PAGE: u32 = 1000;

/// What is being done about orders that need attention. Bounded by the number of open orders.
#[derive(Debug, Default)]
pub(crate) struct Doubts {
    asks: BTreeMap<ClientOrderId, Ask>,
    cancels: BTreeMap<ClientOrderId, bool>,
}

#[derive(Debug)]
struct Ask {
    due: Timestamp,
    pause: Duration,
    asking: bool,
    negative: u32,
    /// The venue says it is over, with this much filled; believed once executions for that much
    /// have been read.
    ending: Option<(Ending, Qty)>,
}

impl Doubts {
    /// Asks about this order from now on.
    pub(crate) fn open(&mut self, id: ClientOrderId, now: Timestamp) {
        self.asks.entry(id).or_insert(Ask {
            due: now.after(PAUSE_MIN),
            pause: PAUSE_MIN,
            asking: false,
            negative: 0,
            ending: None,
        });
    }

    /// Nothing is open about this order any more.
    pub(crate) fn close(&mut self, id: &ClientOrderId) {
        self.asks.remove(id);
        self.cancels.remove(id);
    }

    /// The order is known again; a cancel that is wanted stays wanted.
    pub(crate) fn settled(&mut self, id: &ClientOrderId) {
        self.asks.remove(id);
    }

    /// The venue says that this much is filled and, maybe, that it is over; its executions are
    /// read before that is believed.
    pub(crate) fn expect(
        &mut self,
        id: ClientOrderId,
        ending: Ending,
        filled: Qty,
        now: Timestamp,
    ) {
        self.open(id, now);
        if let Some(ask) = self.asks.get_mut(&id) {
            ask.ending = Some((ending, filled));
        }
    }

    /// Is this order being asked about?
    pub(crate) fn is_open(&self, id: &ClientOrderId) -> bool {
        self.asks.contains_key(id)
    }

    /// When the next question is due.
    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        self.asks.values().filter(|ask| !ask.asking).map(|ask| ask.due).min()
    }

    pub(crate) fn want_cancel(&mut self, id: ClientOrderId) {
        self.cancels.entry(id).or_insert(false);
    }

    pub(crate) fn wants_cancel(&self, id: &ClientOrderId) -> bool {
        self.cancels.contains_key(id)
    }

    /// No cancel of this order is on its way.
    pub(crate) fn cancel_may_be_sent(&self, id: &ClientOrderId) -> bool {
        self.cancels.get(id).is_none_or(|on_its_way| !on_its_way)
    }

    pub(crate) fn cancel_sent(&mut self, id: &ClientOrderId) {
        self.cancels.insert(*id, true);
    }

    pub(crate) fn cancel_answered(&mut self, id: &ClientOrderId) {
        if let Some(on_its_way) = self.cancels.get_mut(id) {
            *on_its_way = false;
        }
    }

    pub(crate) fn cancel_is_settled(&mut self, id: &ClientOrderId) {
        self.cancels.remove(id);
    }

    fn ask_for_the_order(&mut self, id: &ClientOrderId) {
        if let Some(ask) = self.asks.get_mut(id) {
            ask.ending = None;
        }
    }

    fn again(&mut self, id: &ClientOrderId, now: Timestamp) {
        if let Some(ask) = self.asks.get_mut(id) {
            ask.asking = false;
            ask.pause = (ask.pause * 2).min(PAUSE_MAX);
            ask.due = now.after(ask.pause);
        }
    }
}

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
                self.heard(now, order, Source::Query, effects);
                self.send_wanted_cancel(now, id, effects);
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
