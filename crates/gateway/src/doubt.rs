//! Orders whose outcome is open, and cancels that are still wanted.
//!
//! In doubt is resolved by asking: for the order by our name for it, then for its executions. Where many
//! are, lists are read instead (`survey.rs`).
//! What an answer that does not know the order proves is in `absence.rs`. Nothing is ever sent again,
//! except a cancel, which can only take away.

use model::venue::{AccountRequest, OrderKey, PageCursor, Response, TradesFrom, VenueError};
use model::{
    ClientOrderId, Effects, Ending, Fill, OrderState, Outcome, Qty, Timestamp, VenueOrderId,
};

use crate::defects::Defect;
use crate::gateway::Gateway;
use crate::merge::Source;
use crate::purpose::Purpose;

/// Pages of executions read for one question, at most.
const PAGES_MAX: u32 = 100;

impl Gateway {
    /// At a start: what was under way when the last session ended.
    pub(crate) fn doubt_everything_unanswered(&mut self, now: Timestamp, effects: &mut Effects) {
        if self.is(Defect::DoubtsForgotten) {
            return;
        }
        let unanswered: Vec<ClientOrderId> = self
            .books
            .open_orders()
            .filter(|o| matches!(o.state, OrderState::PendingNew | OrderState::PendingCancel))
            .map(|o| o.order.client_order_id)
            .collect();
        for id in unanswered {
            let because = "the gateway ended before the answer came".to_owned();
            self.in_doubt(now, id, because, effects);
        }
        let older: Vec<ClientOrderId> =
            self.books.in_doubt().map(|o| o.order.client_order_id).collect();
        older.into_iter().for_each(|id| self.doubts.open(id, now));
    }

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
        for id in self.survey(now, due, effects) {
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
                        limit: self.config.profile.fills_page,
                        page: None,
                    };
                    self.send(Purpose::AskFills(id), request, effects);
                }
                (_, known) => {
                    let since = self.made_after(order);
                    let order = match known {
                        // Both names: what comes back is this order and no other.
                        Some(venue) if !self.config.profile.finds_by_client_id => {
                            OrderKey::Both(venue, id)
                        }
                        Some(_) | None => OrderKey::Client(id),
                    };
                    let request = AccountRequest::Order { instrument, order, since };
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

    pub(crate) fn asked_fills(
        &mut self,
        now: Timestamp,
        id: ClientOrderId,
        outcome: &Outcome,
        effects: &mut Effects,
    ) {
        let Some((fills, next)) = fills_in(outcome) else { return self.doubts.again(&id, now) };
        let source = self.source_of_lists();
        for fill in fills {
            self.executed(now, fill, source, effects);
        }
        let ending = self.doubts.asks.get(&id).and_then(|ask| ask.ending);
        let counted = self.books.order(&id).map_or(Qty::ZERO, |o| o.filled);
        let all = ending.is_some_and(|(_, reported)| counted >= reported);
        let rest = match next {
            Some(next) => Some((TradesFrom::Newest, Some(next.clone()))),
            None => self.rest_by_number(&id, fills).map(|from| (from, None)),
        };
        if let Some((from, page)) = rest.filter(|_| !all)
            && let Some(venue_order_id) = self.books.order(&id).and_then(|o| o.venue_order_id)
        {
            let order = Some(venue_order_id);
            return self.ask_next_page(now, id, order, from, page, effects);
        }
        self.doubts.again(&id, now);
        if let Some((ending, _)) = ending.filter(|_| all) {
            self.all_is_counted(now, id, ending, effects);
        }
    }

    /// Where the venue tells sums alone, lists of executions are the parts of what its engine has said.
    pub(crate) fn source_of_lists(&self) -> Source {
        if self.config.profile.pushes_executions { Source::Query } else { Source::Engine }
    }

    /// All that was reported executed is counted of an order that was reported to have ended so.
    pub(crate) fn all_is_counted(
        &mut self,
        now: Timestamp,
        id: ClientOrderId,
        ending: Ending,
        effects: &mut Effects,
    ) {
        let told = self.config.profile.pushes_executions;
        let working = self.books.order(&id).is_some_and(|o| o.state == OrderState::Working);
        match ending {
            // All of what was reported is counted, of an order that was reported alive.
            Ending::Filled if working && !told => self.doubts.counted(&id),
            // All of what was reported is counted. Whether that is the end the order itself says.
            Ending::Filled => self.doubts.ask_for_the_order(&id),
            Ending::Canceled | Ending::Rejected | Ending::Expired | Ending::NotPlaced => {
                self.end(now, id, ending, effects);
            }
        }
    }

    /// Where an order's list goes on by number; `None` at its end. Its first page are the newest ones:
    /// when that is full the list is read from its beginning.
    fn rest_by_number(&self, id: &ClientOrderId, fills: &[Fill]) -> Option<TradesFrom> {
        let last = fills.last().filter(|_| self.may_go_on(fills.len()))?;
        if self.doubts.asks.get(id)?.pages == 0 {
            return Some(TradesFrom::Id(0));
        }
        Some(TradesFrom::Id(last.trade_id.as_str().parse::<u64>().ok()?.saturating_add(1)))
    }

    /// The list goes on: the same question from there on. Past the bound it begins again later.
    pub(crate) fn ask_next_page(
        &mut self,
        now: Timestamp,
        id: ClientOrderId,
        order: Option<VenueOrderId>,
        from: TradesFrom,
        page: Option<PageCursor>,
        effects: &mut Effects,
    ) {
        let Some(ask) = self.doubts.asks.get_mut(&id) else { return };
        ask.pages += 1;
        if ask.pages >= PAGES_MAX {
            let text = format!("executions for order {id} fill more than {PAGES_MAX} pages");
            self.alert(text, effects);
            return self.doubts.again(&id, now);
        }
        let purpose = if order.is_some() { Purpose::AskFills(id) } else { Purpose::AskTape(id) };
        let Some(tracked) = self.books.order(&id) else { return };
        let request = AccountRequest::Fills {
            instrument: tracked.order.instrument,
            order,
            from,
            limit: self.config.profile.fills_page,
            page,
        };
        self.send(purpose, request, effects);
    }

    /// May a list of executions of this length have more behind it, to be asked for by number? A venue may
    /// cut its lists anywhere, so only an empty one is the end.
    pub(crate) fn may_go_on(&self, len: usize) -> bool {
        self.config.profile.trade_ids_count && len > 0
    }
}

/// The executions of an answer, and where the list goes on. `None` for any other answer.
pub(crate) fn fills_in(outcome: &Outcome) -> Option<(&[Fill], Option<&PageCursor>)> {
    match outcome {
        Outcome::Done(Response::Fills(fills)) => Some((fills, None)),
        Outcome::Done(Response::FillsPage { fills, next }) => Some((fills, Some(next))),
        Outcome::Done(_) | Outcome::Refused(_) | Outcome::NotSent(_) | Outcome::InDoubt(_) => None,
    }
}
