//! Reading the venue's books, as a machine: open orders, then executions since the last reading,
//! then balances; then the differences are worked off.
//!
//! In this order because each later part can only explain more of the earlier ones: an order missing
//! from the first list may be found executed in the second, and the balances are as new as both.
//! A part that fails voids the reading; it begins again after a pause that doubles, but for executions that
//! were counted: where a venue numbers them its list is gone on with. What balances that differ mean is in
//! `drift.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use model::venue::{AccountRequest, AccountSnapshot, PageCursor, Response, TradesFrom};
use model::{
    Alert, AlertKey, ClientOrderId, Discrepancy, Effects, Ending, InstrumentId, Outcome, Record,
    Timestamp, TradeId,
};

use crate::defects::Defect;
use crate::doubt::fills_in;
use crate::gateway::Gateway;
use crate::merge::Source;
use crate::purpose::Purpose;
use crate::readings::Part;
use crate::reconcile::{Difference, VenueSnapshot, apart, differences};

/// How often the books are compared while the account's stream is down.
const DEAF_READ_EVERY: Duration = Duration::from_secs(3);
/// Readings that may fail in a row before the books are called unknown.
const FAILED_MAX: u32 = 2;
/// Pages of executions of one reading, at most: two million executions where a page has a thousand.
const PAGES_MAX: u32 = 2_000;
/// How far before the last execution a list starts that is continued by time.
const FILLS_OVERLAP: Duration = Duration::from_secs(60);

impl Gateway {
    /// The books are compared with the venue's as soon as possible.
    pub(crate) fn read_soon(&mut self, now: Timestamp) {
        self.reading.urgent = true;
        if self.reading.running {
            // What happens from now on may be missing from the one under way.
            self.reading.wanted = true;
            return;
        }
        self.reading.due = Some(now);
        self.reading.pause = None;
    }

    /// The venue cannot be heard any more: what is known may be outdated from here on. Until the
    /// stream is back the books are kept up by reading alone.
    pub(crate) fn reading_is_void(&mut self, now: Timestamp) {
        self.reading.clean = false;
        self.reading.running = false;
        self.reading.generation += 1;
        self.reading.due = Some(now.after(DEAF_READ_EVERY));
    }

    pub(crate) fn reading_failed(&mut self, now: Timestamp) {
        self.reading.failed += 1;
        // A venue that cannot be asked may not be sent orders blindly.
        if self.reading.failed >= FAILED_MAX {
            self.reading.clean = false;
        }
        self.reading.generation += 1;
        self.reading.again(now);
    }

    pub(crate) fn read_when_due(&mut self, now: Timestamp, effects: &mut Effects) {
        if self.reading.running || self.reading.due.is_none_or(|due| due > now) {
            return;
        }
        self.reading.generation += 1;
        self.reading.running = true;
        self.reading.wanted = false;
        let is_fine = self.reading.clean && self.reading.failed == 0;
        let is_urgent = std::mem::take(&mut self.reading.urgent);
        self.reading.routine = is_fine && !is_urgent && self.account_up;
        self.reading.started = now;
        self.reading.open.clear();
        // What is older than the first look is history: that look is one reading, from its start.
        if std::mem::take(&mut self.reading.reread) || self.books.compared_at().is_none() {
            self.reading.fills_to.clear();
        }
        self.reading.unread.clear();
        self.reading.under_way = self.in_flight();
        self.reading.fills_until.clear();
        self.reading.fills_from.clear();
        self.reading.pages = 0;
        self.identify_held(effects);
        let instruments = self.instruments();
        self.reading.waiting_for = instruments.len();
        for instrument in instruments {
            let request = AccountRequest::OpenOrders(Some(instrument));
            self.ask_for(Part::OpenOrders, request, effects);
        }
    }

    pub(crate) fn read(
        &mut self,
        now: Timestamp,
        generation: u64,
        part: Part,
        outcome: &Outcome,
        effects: &mut Effects,
    ) {
        if generation != self.reading.generation || !self.reading.running {
            return;
        }
        match (part, outcome) {
            (Part::OpenOrders, Outcome::Done(Response::Orders(orders))) => {
                self.reading.open.extend(orders.iter().cloned());
                self.part_done(now, part, effects);
            }
            (
                Part::Fills(instrument),
                Outcome::Done(Response::Fills(_) | Response::FillsPage { .. }),
            ) => self.read_fills(now, instrument, outcome, effects),
            (
                Part::Past(instrument),
                Outcome::Done(Response::Fills(_) | Response::FillsPage { .. }),
            ) => self.read_past(now, instrument, outcome, effects),
            (Part::Newest(instrument), Outcome::Done(Response::Fills(fills))) => {
                let Some(newest) = fills.last() else {
                    return self.part_done(now, Part::Fills(instrument), effects);
                };
                self.reading.fills_to.insert(instrument, newest.trade_id);
                self.ask_for_fills(instrument, None, effects);
            }
            (Part::Account, Outcome::Done(Response::Account(account))) => {
                self.finish(now, account, effects);
            }
            (_, outcome) => {
                let text = format!("reconciliation: {part:?} could not be read: {outcome:?}");
                self.raise(Alert::warning(AlertKey::Reading, "", text), effects);
                self.reading_failed(now);
            }
        }
    }

    fn read_fills(
        &mut self,
        now: Timestamp,
        instrument: InstrumentId,
        outcome: &Outcome,
        effects: &mut Effects,
    ) {
        let Some((fills, next)) = fills_in(outcome) else { return };
        let ignored = self.is(Defect::HistoryIgnored);
        for fill in fills.iter().filter(|_| !ignored) {
            self.executed(now, fill, Source::Query, effects);
        }
        if let Some(newest) = fills.iter().map(|fill| fill.venue_time).max() {
            let until = self.reading.fills_until.entry(instrument).or_insert(newest);
            *until = newest.max(*until);
        }
        if let Some(last) = fills.last().filter(|_| self.config.profile.trade_ids_count) {
            self.reading.fills_to.insert(instrument, last.trade_id);
        }
        if next.is_none() && !self.may_go_on(fills.len()) {
            return self.part_done(now, Part::Fills(instrument), effects);
        }
        if self.is_one_more_page(now, effects) {
            self.ask_for_fills(instrument, next.cloned(), effects);
        }
    }

    /// Counts a page. Past the bound the reading has failed.
    pub(crate) fn is_one_more_page(&mut self, now: Timestamp, effects: &mut Effects) -> bool {
        self.reading.pages += 1;
        if self.reading.pages < PAGES_MAX {
            return true;
        }
        let text = format!("reconciliation: more than {PAGES_MAX} pages");
        self.raise(Alert::warning(AlertKey::Reading, "", text), effects);
        self.reading_failed(now);
        false
    }

    /// When the last answer of a kind is in, the next kind is asked for.
    pub(crate) fn part_done(&mut self, now: Timestamp, part: Part, effects: &mut Effects) {
        self.reading.waiting_for = self.reading.waiting_for.saturating_sub(1);
        if self.reading.waiting_for > 0 {
            return;
        }
        match part {
            Part::OpenOrders => {
                let instruments = self.instruments();
                self.reading.waiting_for = instruments.len();
                for instrument in instruments {
                    self.ask_for_fills(instrument, None, effects);
                }
            }
            Part::Newest(_) | Part::Fills(_) => {
                self.reading.waiting_for = 1;
                self.ask_for(Part::Account, AccountRequest::Account, effects);
            }
            Part::Past(_) => self.judge_past(now, effects),
            Part::Account => {}
        }
    }

    fn ask_for_fills(
        &mut self,
        instrument: InstrumentId,
        page: Option<PageCursor>,
        effects: &mut Effects,
    ) {
        let unread = !self.reading.fills_to.contains_key(&instrument);
        if unread && self.config.profile.trade_ids_count && self.is_first_look(instrument) {
            let from = TradesFrom::Newest;
            let request =
                AccountRequest::Fills { instrument, order: None, from, limit: 1, page: None };
            return self.ask_for(Part::Newest(instrument), request, effects);
        }
        let from = self.fills_from(instrument);
        let limit = self.config.profile.fills_page;
        let request = AccountRequest::Fills { instrument, order: None, from, limit, page };
        self.ask_for(Part::Fills(instrument), request, effects);
    }

    /// Where the venue counts its executions, behind the last one read. Where it does not, some time
    /// before the last one: an execution may be listed later than a younger one, and trade ids tell
    /// what is new.
    fn fills_from(&mut self, instrument: InstrumentId) -> TradesFrom {
        let cursor = self.reading.fills_to.get(&instrument).copied();
        let cursor = cursor.or_else(|| self.books.fills_to(instrument));
        if let Some(number) =
            cursor.and_then(number).filter(|_| self.config.profile.trade_ids_count)
        {
            return TradesFrom::Id(number.saturating_add(1));
        }
        let start = match self.reading.fills_from.get(&instrument) {
            Some(start) => *start,
            None => {
                // Where nothing has executed yet, from the start, by the venue's own time: an earlier
                // session's clock may have been ahead by hours, and the list is short.
                let until = self.books.fills_until(instrument);
                until.map_or_else(|| self.history_starts(), |at| at.before(FILLS_OVERLAP))
            }
        };
        self.reading.fills_from.insert(instrument, start);
        TradesFrom::Time { start: Some(start), end: None }
    }

    /// Before the first complete reading: from the first balances on, which have everything earlier in
    /// them; before those, from the oldest order that may have executed.
    fn history_starts(&self) -> Timestamp {
        if let Some(first) = self.books.balances_since() {
            return first;
        }
        let oldest = self.books.open_orders().map(|o| o.prepared_at).min();
        oldest.unwrap_or(self.started_at).min(self.started_at).before(Duration::from_secs(60))
    }

    fn finish(&mut self, now: Timestamp, account: &AccountSnapshot, effects: &mut Effects) {
        // A venue that tells balances by its stream says when they were so; elsewhere it is the time of
        // the question.
        self.reading.dated = self.config.profile.pushes_balances.then_some(account.updated);
        let venue = VenueSnapshot {
            started: self.reading.started,
            read: now,
            dated: self.reading.dated,
            open: std::mem::take(&mut self.reading.open),
            account: account.clone(),
        };
        self.reading.apart = apart(&self.books, &venue.account);
        // What is shown is not missing, whatever it is said to be.
        let mut in_flight = self.in_flight();
        in_flight.append(&mut self.reading.unread);
        in_flight.append(&mut self.reading.under_way);
        let unlisted = self.books.open_orders().filter(|o| self.gone.contains(&o.order.instrument));
        in_flight.extend(unlisted.map(|order| order.order.client_order_id));
        let mut suspects = BTreeMap::new();
        for difference in differences(&self.books, &venue, &in_flight) {
            match difference {
                Difference::AtVenue(order) => self.heard(now, &order, &[], Source::Query, effects),
                Difference::NotAtVenue(id) => self.not_at_venue(now, id, effects),
                Difference::ForeignNotAtVenue(key) if self.gone.contains(&key.0) => {}
                Difference::ForeignNotAtVenue(key) => self.ask_about_foreign(key, effects),
                Difference::Balance { asset, ours, theirs } => {
                    suspects.insert(asset, (ours, theirs));
                }
            }
        }
        if !suspects.is_empty() {
            self.repair_by_trading(now, effects);
        }
        let balances = Record::Balances {
            balances: account.balances.clone(),
            venue_time: account.updated,
            partial: false,
        };
        self.record(now, balances, effects);
        self.suspect(now, suspects, effects);
    }

    /// Something is left that time or another question settles: the books are not clean meanwhile.
    pub(crate) fn read_again(&mut self, now: Timestamp) {
        self.reading.clean = false;
        self.reading.again(now);
    }

    /// Everything is read and understood; what is left waits for a person.
    pub(crate) fn conclude(&mut self, now: Timestamp, effects: &mut Effects) {
        self.reading.clean = true;
        self.reading.unexplained = None;
        self.reading.concluded_from = self.reading.started;
        let found = std::mem::take(&mut self.reading.found);
        let fills_to = std::mem::take(&mut self.reading.fills_to);
        let fills_until = std::mem::take(&mut self.reading.fills_until);
        let remaining = self.remaining();
        let left = u32::try_from(remaining.len()).unwrap_or(u32::MAX);
        let record = Record::Reconciled { found, left, fills_to, fills_until, remaining };
        self.record(now, record, effects);
        self.reading.running = false;
        self.reading.pause = None;
        let every = self.config.reconcile_every;
        let pause = if self.account_up { every } else { every.min(DEAF_READ_EVERY) };
        self.reading.due = Some(if self.reading.wanted { now } else { now.after(pause) });
        self.reading.failed = 0;
        if self.account_up {
            self.hearing.caught_up();
        }
    }

    fn not_at_venue(&mut self, now: Timestamp, id: ClientOrderId, effects: &mut Effects) {
        if self.is(Defect::ReconcileOverwrites) {
            return self.end(now, id, Ending::Canceled, effects);
        }
        if !self.doubts.is_open(&id) {
            let found = Discrepancy::UnknownToVenue { client_order_id: id };
            self.discrepancy(now, found, effects);
        }
        self.doubts.is_missing(id, now);
    }

    /// What must be answered before the books can be called clean: what the venue tells otherwise than
    /// they do. An order that is asked about for another reason (an answer was lost, a cancel has not
    /// ended) is not among it: its whole size stays reserved until it is proven what became of it.
    pub(crate) fn unsettled(&self) -> u32 {
        let differ = self.accepted().filter(|id| self.doubts.differs(id)).count();
        u32::try_from(differ + self.reading.unattributed().len()).unwrap_or(u32::MAX)
    }

    /// Orders known to have been at the venue that are asked about, for whatever reason.
    pub(crate) fn asked_about(&self) -> usize {
        self.accepted().filter(|id| self.doubts.is_open(id)).count()
    }

    /// Those of them of which the venue says what is not understood.
    pub(crate) fn unclear_ones(&self) -> usize {
        self.accepted().filter(|id| self.doubts.is_unclear(id)).count()
    }

    /// Open orders that are known to have been at the venue.
    fn accepted(&self) -> impl Iterator<Item = ClientOrderId> {
        let accepted = self.books.open_orders().filter(|order| order.accepted_at.is_some());
        accepted.map(|order| order.order.client_order_id)
    }

    /// Orders with an order or a cancel under way.
    fn in_flight(&self) -> BTreeSet<ClientOrderId> {
        let of = |purpose: &Purpose| match purpose {
            Purpose::Place(id) | Purpose::Cancel(id) => Some(*id),
            Purpose::Ask(_)
            | Purpose::AskFills(_)
            | Purpose::AskOpen(_)
            | Purpose::AskTape(_)
            | Purpose::Survey { .. }
            | Purpose::Identify(_)
            | Purpose::AskForeign(_)
            | Purpose::CancelForeign(_)
            | Purpose::Look { .. }
            | Purpose::Balances
            | Purpose::Read { .. } => None,
        };
        self.outstanding.values().filter_map(of).collect()
    }

    /// What is asked about: all that is followed, but what the venue does not list any more, for it refuses
    /// to speak of it.
    fn instruments(&self) -> Vec<InstrumentId> {
        let all = || self.markets.iter().map(|market| market.instrument().id);
        let listed: Vec<InstrumentId> = all().filter(|id| !self.gone.contains(id)).collect();
        if listed.is_empty() { all().collect() } else { listed }
    }

    pub(crate) fn ask_for(&mut self, part: Part, request: AccountRequest, effects: &mut Effects) {
        let generation = self.reading.generation;
        self.send(Purpose::Read { generation, part }, request, effects);
    }
}

/// Where a venue counts its executions, the number of one.
pub(crate) fn number(trade: TradeId) -> Option<u64> {
    trade.as_str().parse().ok()
}

#[cfg(test)]
mod questions;
#[cfg(test)]
mod tests;
