//! Many orders in doubt at once, as a crash or an outage leaves them: lists are read instead of asking for
//! each, so that it costs as many requests as the lists have pages and not as many as there are doubts.
//!
//! A survey reads, of one instrument, the orders in any state since the oldest of those in doubt was made,
//! then the open ones, then all executions since. In this order, because an end is believed by executions
//! that were read after it, and absence is proven by executions that were read after the order was missed.
//! What is shown is merged as the answer to a look-up is. What is not shown in lists that cover its time
//! and were read to their end is one negative answer, by the rules of `absence.rs` and no others.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use model::venue::{AccountRequest, Response, TradesFrom, VenueOrder};
use model::{ClientOrderId, Effects, InstrumentId, Outcome, Timestamp, VenueOrderId};

use crate::doubt::fills_in;
use crate::gateway::Gateway;
use crate::merge::Source;
use crate::purpose::Purpose;
use crate::surveys::{SURVEY_EVERY, Survey, SurveyPart};

/// So many orders of an instrument in doubt are a case for lists: asking for each costs as much.
const MEMBERS_MIN: usize = 9;
/// Orders made within so long of each other are looked for together.
const SPAN_MAX: Duration = Duration::from_secs(23 * 3_600);
/// Lists of orders that are asked for by time reach no farther than 24 hours where orders are counted
/// (Binance).
const WINDOW: Duration = Duration::from_secs(24 * 3_600 - 1);
/// How far one of them reaches into the next.
const OVERLAP: Duration = Duration::from_secs(60);
/// Orders that no list helps with and that are asked about one by one at a time.
const SINGLY_MAX: usize = 32;
/// Lists of one survey, at least; with more members as many more as asking for each would cost.
const PAGES_MIN: u32 = 8;
/// Members whose questions cost what one more list does.
const MEMBERS_A_PAGE: usize = 4;

impl Gateway {
    /// Takes those of these orders that are better looked for in lists, and leaves the others.
    pub(crate) fn survey(
        &mut self,
        now: Timestamp,
        due: Vec<ClientOrderId>,
        effects: &mut Effects,
    ) -> Vec<ClientOrderId> {
        let crowds = self.crowds();
        if crowds.is_empty() {
            return due;
        }
        let is_in = |id: &ClientOrderId| crowds.values().any(|crowd| crowd.contains_key(id));
        let (waiting, mut singly): (Vec<_>, Vec<_>) = due.into_iter().partition(is_in);
        let whose_turn = self.surveys.last.and_then(|last| {
            let behind = crowds.keys().find(|instrument| **instrument > last);
            behind.copied()
        });
        let first = || crowds.keys().next().copied();
        let may_start = self.surveys.running.is_none() && self.surveys.next_at <= now;
        if let Some(instrument) =
            whose_turn.or_else(first).filter(|_| may_start && !waiting.is_empty())
            && let Some(crowd) = crowds.get(&instrument)
        {
            if self.surveys.failed.remove(&instrument) {
                self.surveys.last = Some(instrument);
                singly.extend(self.longest_waiting(crowd));
                self.surveys.next_at = now.after(SURVEY_EVERY);
            } else {
                self.start_survey(now, instrument, crowd, effects);
                singly.extend(self.too_old(crowd));
            }
        }
        let next = self.surveys.next_at.max(now.after(SURVEY_EVERY));
        for id in waiting.iter().filter(|id| !singly.contains(id)) {
            self.doubts.ask_not_before(id, next);
        }
        singly
    }

    /// Orders that are asked about, by instrument, where they are many, with the time before which each
    /// was not made. Where a venue tells sums, what has ended waits for its own executions alone.
    fn crowds(&self) -> BTreeMap<InstrumentId, BTreeMap<ClientOrderId, Timestamp>> {
        let mut crowds: BTreeMap<InstrumentId, BTreeMap<ClientOrderId, Timestamp>> =
            BTreeMap::new();
        let told = self.config.profile.pushes_executions;
        let asks = self.doubts.asks.iter();
        for (id, _) in asks.filter(|(_, ask)| !ask.asking && (told || ask.ending.is_none())) {
            let order = self.books.order(id).filter(|order| order.state.is_open());
            if let Some(order) = order
                && let Some(since) = self.made_after(order)
            {
                crowds.entry(order.order.instrument).or_default().insert(*id, since);
            }
        }
        crowds.retain(|_, crowd| crowd.len() >= MEMBERS_MIN);
        crowds
    }

    /// Those whose question has been due for longest.
    fn longest_waiting(
        &self,
        crowd: &BTreeMap<ClientOrderId, Timestamp>,
    ) -> impl Iterator<Item = ClientOrderId> {
        let due = |id: &ClientOrderId| self.doubts.asks.get(id).map(|ask| (ask.due, *id));
        let mut waiting: Vec<_> = crowd.keys().filter_map(due).collect();
        waiting.sort_unstable();
        waiting.into_iter().take(SINGLY_MAX).map(|(_, id)| id)
    }

    fn start_survey(
        &mut self,
        now: Timestamp,
        instrument: InstrumentId,
        crowd: &BTreeMap<ClientOrderId, Timestamp>,
        effects: &mut Effects,
    ) {
        let oldest = oldest_together(crowd);
        let members: BTreeMap<_, _> = crowd
            .iter()
            .filter(|(_, since)| **since >= oldest)
            .map(|(id, _)| (*id, self.is_quiet(id)))
            .collect();
        for id in members.keys() {
            if let Some(ask) = self.doubts.asks.get_mut(id) {
                ask.asking = true;
            }
        }
        let since = crowd.values().copied().filter(|since| *since >= oldest).min();
        let since = since.unwrap_or(oldest);
        self.surveys.number += 1;
        self.surveys.last = Some(instrument);
        self.surveys.running = Some(Survey {
            instrument,
            members,
            since,
            window: Some(since),
            shown: BTreeSet::new(),
            unknown: false,
            pages: 0,
        });
        self.ask_for_orders(now, None, effects);
    }

    /// Those of a crowd that the lists of the younger ones may not reach back to: a few at a time.
    fn too_old(&self, crowd: &BTreeMap<ClientOrderId, Timestamp>) -> Vec<ClientOrderId> {
        let oldest = oldest_together(crowd);
        let old = crowd.iter().filter(|(_, since)| **since < oldest);
        old.map(|(id, _)| *id).take(SINGLY_MAX).collect()
    }

    /// Asks for the orders behind one, or of the window under way.
    fn ask_for_orders(
        &mut self,
        now: Timestamp,
        from: Option<VenueOrderId>,
        effects: &mut Effects,
    ) {
        let venue_now = now.shifted_ms(self.venue_ahead_ms);
        let counts = self.config.profile.order_ids_count;
        let Some(survey) = &mut self.surveys.running else { return };
        if from.is_some() {
            survey.window = None;
        }
        let start = survey.window;
        let end = start.map(|start| start.after(WINDOW)).filter(|end| counts && *end < venue_now);
        let request = AccountRequest::Orders {
            instrument: survey.instrument,
            from,
            start,
            end,
            limit: self.config.profile.orders_page,
        };
        self.ask_survey(SurveyPart::Orders, request, effects);
    }

    /// Nothing was made in one window: is there another one before now?
    fn next_window(&mut self, now: Timestamp) -> bool {
        let venue_now = now.shifted_ms(self.venue_ahead_ms);
        let counts = self.config.profile.order_ids_count;
        let Some(survey) = &mut self.surveys.running else { return false };
        let end = survey.window.map(|start| start.after(WINDOW));
        let next = end.filter(|end| counts && *end < venue_now).map(|end| end.before(OVERLAP));
        if next.is_some() {
            survey.window = next;
        }
        next.is_some()
    }

    fn ask_survey(&mut self, part: SurveyPart, request: AccountRequest, effects: &mut Effects) {
        let number = self.surveys.number;
        self.send(Purpose::Survey { number, part }, request, effects);
    }

    /// An answer to a survey.
    pub(crate) fn surveyed(
        &mut self,
        now: Timestamp,
        (number, part): (u64, SurveyPart),
        outcome: &Outcome,
        effects: &mut Effects,
    ) {
        if number != self.surveys.number {
            return;
        }
        let Some(survey) = &mut self.surveys.running else { return };
        survey.pages += 1;
        let more = u32::try_from(survey.members.len() / MEMBERS_A_PAGE).unwrap_or(u32::MAX);
        let (instrument, since) = (survey.instrument, survey.since);
        let is_too_long = survey.pages > PAGES_MIN.max(more);
        match (part, outcome) {
            _ if is_too_long => self.survey_fails(now),
            (SurveyPart::Orders, Outcome::Done(Response::Orders(orders))) => {
                self.survey_shows(now, orders, effects);
                let last = orders.last().filter(|_| self.config.profile.order_ids_count);
                match last.and_then(|last| behind(last.id)) {
                    Some(next) => self.ask_for_orders(now, Some(next), effects),
                    None if self.next_window(now) => self.ask_for_orders(now, None, effects),
                    None => {
                        let request = AccountRequest::OpenOrders(Some(instrument));
                        self.ask_survey(SurveyPart::Open, request, effects);
                    }
                }
            }
            (SurveyPart::Open, Outcome::Done(Response::Orders(orders))) => {
                self.survey_shows(now, orders, effects);
                let from = TradesFrom::Time { start: Some(since), end: None };
                self.ask_for_their_fills(instrument, (from, None), effects);
            }
            (SurveyPart::Fills, outcome) => self.survey_fills(now, outcome, effects),
            (SurveyPart::Orders | SurveyPart::Open, _) => self.survey_fails(now),
        }
    }

    fn ask_for_their_fills(
        &mut self,
        instrument: InstrumentId,
        (from, page): (TradesFrom, Option<model::venue::PageCursor>),
        effects: &mut Effects,
    ) {
        let limit = self.config.profile.fills_page;
        let request = AccountRequest::Fills { instrument, order: None, from, limit, page };
        self.ask_survey(SurveyPart::Fills, request, effects);
    }

    /// Orders of a list: of those that are looked for it is the venue's word. The others are none of this.
    fn survey_shows(&mut self, now: Timestamp, orders: &[VenueOrder], effects: &mut Effects) {
        for order in orders {
            let id = order.client_order_id;
            let Some(survey) = &mut self.surveys.running else { return };
            if !survey.members.contains_key(&id) {
                continue;
            }
            // One of its name that is not it is somebody else's.
            if self.books.order(&id).is_some_and(|ours| ours.is(order)) {
                survey.shown.insert(id);
            }
            self.heard(now, order, &[], Source::Query, effects);
        }
    }

    /// Rows of a list that are not understood: what may be of an order does not leave it unshown.
    pub(crate) fn survey_may_show(
        &mut self,
        number: u64,
        may_be: impl Fn(&Gateway, &ClientOrderId) -> bool,
    ) {
        if number != self.surveys.number {
            return;
        }
        let Some(mut survey) = self.surveys.running.take() else { return };
        let shown = survey.members.keys().filter(|id| may_be(self, id)).copied();
        survey.shown.extend(shown.collect::<Vec<_>>());
        self.surveys.running = Some(survey);
    }

    fn survey_fills(&mut self, now: Timestamp, outcome: &Outcome, effects: &mut Effects) {
        let Some((fills, next)) = fills_in(outcome) else { return self.survey_fails(now) };
        let unknown = self.has_unknown(fills);
        let Some(survey) = &mut self.surveys.running else { return };
        survey.unknown |= unknown;
        let (instrument, since) = (survey.instrument, survey.since);
        let source = self.source_of_lists();
        fills.iter().for_each(|fill| self.executed(now, fill, source, effects));
        let from = TradesFrom::Time { start: Some(since), end: None };
        match self.rest_of_tape(from, fills, next) {
            Some(rest) => self.ask_for_their_fills(instrument, rest, effects),
            None => self.survey_ends(now, effects),
        }
    }

    /// Everything is read. Ends whose executions are counted are believed, and what was not shown is
    /// missed once more.
    fn survey_ends(&mut self, now: Timestamp, effects: &mut Effects) {
        let Some(survey) = self.surveys.running.take() else { return };
        self.surveys.next_at = now.after(SURVEY_EVERY);
        for (id, was_quiet) in survey.members {
            self.doubts.again(&id, now);
            if self.books.order(&id).is_none_or(|order| order.state.is_done()) {
                self.doubts.close(&id);
                continue;
            }
            let ending = self.doubts.asks.get(&id).and_then(|ask| ask.ending);
            if let Some((ending, reported)) = ending {
                if self.books.order(&id).is_some_and(|order| order.filled >= reported) {
                    self.all_is_counted(now, id, ending, effects);
                }
            } else if !survey.shown.contains(&id) {
                self.absent_from_lists(now, id, (was_quiet, survey.unknown), effects);
            }
        }
    }

    /// The lists cannot be read: they prove nothing.
    fn survey_fails(&mut self, now: Timestamp) {
        let Some(survey) = self.surveys.running.take() else { return };
        self.surveys.next_at = now.after(SURVEY_EVERY);
        self.surveys.failed.insert(survey.instrument);
        survey.members.keys().for_each(|id| self.doubts.again(id, now));
    }
}

/// The number behind that of an order, where orders count.
fn behind(id: VenueOrderId) -> Option<VenueOrderId> {
    Some(VenueOrderId::from_number(id.as_str().parse::<u64>().ok()?.saturating_add(1)))
}

/// The earliest time of those that are looked for together with the youngest.
fn oldest_together(crowd: &BTreeMap<ClientOrderId, Timestamp>) -> Timestamp {
    crowd.values().max().copied().unwrap_or_default().before(SPAN_MAX)
}

#[cfg(test)]
mod tests;
