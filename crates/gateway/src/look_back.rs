//! Balances that differ, and executions that are counted already: does the venue still show all of them?
//!
//! What its history does not show any more and what explains a difference exactly was taken back. A list that is
//! read page by page shifts when an execution leaves it meanwhile, and then hides another one between two pages: so
//! what is missing and explains nothing has to be missing twice before it is drift. Drift can be known when the venue
//! takes an execution back, and a person accepts what is left: an execution that was missing then is no part of it.

use std::collections::{BTreeMap, BTreeSet};

use model::venue::{AccountRequest, PageCursor, TradesFrom};
use model::{
    Alert, AlertKey, Amount, Asset, Discrepancy, Effects, InstrumentId, Outcome, Record, Timestamp,
    TradeId,
};

use crate::books::{KnownFill, effects_of};
use crate::defects::Defect;
use crate::doubt::fills_in;
use crate::drift::deltas;
use crate::gateway::Gateway;
use crate::merge::Source;
use crate::reading::number;
use crate::readings::{Part, Past, Unexplained};
use crate::reconcile;

/// Looks that do not agree on what is missing, at most, before what is left is offered to a person.
const LOOKS_MAX: u32 = 4;
/// Executions that an alert names, at most.
const NAMED_MAX: usize = 8;

/// What was taken back, as far as balances tell.
enum Undone {
    /// These, and that is all that differs.
    All(Vec<KnownFill>),
    /// These, since there was a difference that nothing explains.
    SinceThen(Vec<KnownFill>),
    /// These are missing, and explain nothing.
    Unclear(Vec<KnownFill>),
}

impl Gateway {
    /// Asks for the executions that can still be undone, where they touch what differs. `false` when there
    /// is none.
    pub(crate) fn look_back(
        &mut self,
        now: Timestamp,
        deltas: BTreeMap<Asset, Amount>,
        effects: &mut Effects,
    ) -> bool {
        let touches = |instrument: &InstrumentId| {
            let assets = instrument.assets().filter(|_| !self.gone.contains(instrument));
            assets.is_some_and(|(b, q)| deltas.contains_key(&b) || deltas.contains_key(&q))
        };
        let mut from: BTreeMap<InstrumentId, TradesFrom> = BTreeMap::new();
        for known in self.books.known_fills().filter(|known| touches(&known.fill.instrument)) {
            let fill = &known.fill;
            let numbers = known.names().filter_map(number);
            let number = numbers.min().filter(|_| self.config.profile.trade_ids_count);
            let start = match number {
                Some(number) => TradesFrom::Id(number),
                None => TradesFrom::Time { start: Some(fill.venue_time), end: None },
            };
            let first = from.entry(fill.instrument).or_insert(start);
            *first = earlier(*first, start);
        }
        self.reading.waiting_for = from.len();
        self.reading.pages = 0;
        let asked: Vec<_> = from.iter().map(|(instrument, from)| (*instrument, *from)).collect();
        self.reading.past = Past { began: now, deltas, from, ..Past::default() };
        for (instrument, from) in &asked {
            self.ask_for_past(*instrument, *from, None, effects);
        }
        !asked.is_empty()
    }

    fn ask_for_past(
        &mut self,
        instrument: InstrumentId,
        from: TradesFrom,
        page: Option<PageCursor>,
        effects: &mut Effects,
    ) {
        let limit = self.config.profile.fills_page;
        let request = AccountRequest::Fills { instrument, order: None, from, limit, page };
        self.ask_for(Part::Past(instrument), request, effects);
    }

    pub(crate) fn read_past(
        &mut self,
        now: Timestamp,
        instrument: InstrumentId,
        outcome: &Outcome,
        effects: &mut Effects,
    ) {
        let Some((fills, next)) = fills_in(outcome) else { return };
        let ignored = self.is(Defect::HistoryIgnored);
        for fill in fills {
            self.reading.past.shown.insert((instrument, fill.trade_id));
            if !ignored {
                // One that was listed later than a younger one may be what is missing.
                self.executed(now, fill, Source::Query, effects);
            }
        }
        let rest = match (next, fills.last().and_then(|last| number(last.trade_id))) {
            (Some(_), _) => self.reading.past.from.get(&instrument).copied(),
            (None, Some(last)) if self.may_go_on(fills.len()) => {
                Some(TradesFrom::Id(last.saturating_add(1)))
            }
            (None, _) => None,
        };
        let Some(from) = rest else {
            return self.part_done(now, Part::Past(instrument), effects);
        };
        if self.is_one_more_page(now, effects) {
            self.ask_for_past(instrument, from, next.cloned(), effects);
        }
    }

    /// Does the venue still show all that we have counted?
    pub(crate) fn judge_past(&mut self, now: Timestamp, effects: &mut Effects) {
        let Past { began, deltas: differ, from, shown } = std::mem::take(&mut self.reading.past);
        if differ != deltas(&self.reading.suspects) || !self.may_judge() {
            return self.read_again(now);
        }
        let was_known = |k: &&KnownFill| k.at < began && from.contains_key(&k.fill.instrument);
        let is_shown =
            |known: &KnownFill| known.names().any(|t| shown.contains(&(known.fill.instrument, t)));
        let (there, absent): (Vec<KnownFill>, Vec<KnownFill>) =
            self.books.known_fills().filter(was_known).cloned().partition(is_shown);
        if absent.is_empty() || self.is(Defect::BustsIgnored) {
            self.reading.past_looked = Some((differ, now));
            return self.nothing_was_undone(now, effects);
        }
        let (undone, leaves_drift) = match self.undone(&there, absent, &differ) {
            Undone::All(executions) => (executions, false),
            Undone::SinceThen(executions) => (executions, true),
            Undone::Unclear(missing) => return self.is_unexplained(now, differ, missing, effects),
        };
        let young_until = reconcile::young_until(self.reading.dated, &undone);
        if let Some(until) = young_until.filter(|until| now <= *until) {
            // That is what it looks like, and time will tell.
            self.reading.young = Some((differ, until));
            return self.read_again(now);
        }
        for known in undone {
            let fill = known.fill;
            let text = format!(
                "the venue has taken back execution {} ({} {} at {}): it is out of the books, and \
                 nothing that adds risk is sent until a person accepts it",
                fill.trade_id, fill.qty, fill.instrument, fill.price
            );
            self.take_out(now, known, effects);
            self.raise(Alert::warning(AlertKey::Difference, fill.instrument, text), effects);
        }
        self.reading.suspects.clear();
        if leaves_drift {
            // By the next balances.
            return self.read_again(now);
        }
        self.reading.drift.clear();
        self.conclude(now, effects);
    }

    /// Which executions were taken back, of those that the venue does not show beside those that are there?
    fn undone(
        &self,
        there: &[KnownFill],
        absent: Vec<KnownFill>,
        differ: &BTreeMap<Asset, Amount>,
    ) -> Undone {
        // A history may not reach back to all of them.
        let starts = history_starts(there);
        let in_reach = |known: &&KnownFill| {
            let start = starts.get(&known.fill.instrument);
            start.is_some_and(|start| known.fill.venue_time >= *start)
        };
        let reached: Vec<KnownFill> = absent.iter().filter(in_reach).cloned().collect();
        // An asset that passes for an older picture may be one of those that it moved.
        let all = deltas(&self.reading.apart);
        let explains = |absent: &[KnownFill], differ: &BTreeMap<Asset, Amount>| {
            !differ.is_empty() && reconcile::explain(absent, differ)
        };
        let is_all = |absent: &[KnownFill]| explains(absent, differ) || explains(absent, &all);
        // A difference that nothing explained may have been there before.
        let since = less(differ, &deltas(&self.reading.drift)).unwrap_or_default();
        if is_all(&absent) {
            Undone::All(absent)
        } else if is_all(&reached) {
            Undone::All(reached)
        } else if explains(&absent, &since) {
            Undone::SinceThen(absent)
        } else if explains(&reached, &since) {
            Undone::SinceThen(reached)
        } else {
            Undone::Unclear(reached)
        }
    }

    /// Executions are missing, and they are not what the balances differ by.
    fn is_unexplained(
        &mut self,
        now: Timestamp,
        deltas: BTreeMap<Asset, Amount>,
        missing: Vec<KnownFill>,
        effects: &mut Effects,
    ) {
        let names: BTreeSet<(InstrumentId, TradeId)> =
            missing.iter().map(|known| (known.fill.instrument, known.fill.trade_id)).collect();
        let before = self.reading.unexplained.take();
        let looks = before.as_ref().map_or(0, |before| before.looks) + 1;
        let is_sure = before.is_some_and(|b| (&b.deltas, &b.missing) == (&deltas, &names));
        if !is_sure && looks < LOOKS_MAX {
            self.reading.unexplained = Some(Unexplained { deltas, missing: names, looks });
            return self.read_again(now);
        }
        self.reading.past_looked = Some((deltas, now));
        let is_old = |known: &KnownFill| {
            let young = reconcile::young_until(self.reading.dated, std::slice::from_ref(known));
            is_sure && young.is_none_or(|until| until < now)
        };
        self.reading.missing = missing.into_iter().filter(is_old).collect();
        self.drifts(now, effects);
    }

    /// The venue has taken this execution back.
    fn take_out(&mut self, now: Timestamp, known: KnownFill, effects: &mut Effects) {
        let found = busted(&known);
        let KnownFill { client_order_id, fill, .. } = known;
        self.discrepancy(now, found, effects);
        self.record(now, Record::Busted { client_order_id, fill }, effects);
    }

    /// For a person who is to accept a difference: which executions go with it.
    pub(crate) fn missing_too(&self) -> String {
        let missing = &self.reading.missing;
        if missing.is_empty() {
            return String::new();
        }
        let named = missing.iter().take(NAMED_MAX).map(|known| known.fill.trade_id.to_string());
        let named = named.collect::<Vec<_>>().join(", ");
        format!(
            "; {} executions that are counted are not in the venue's history any more ({named}): accepted \
             with it, they leave the books",
            missing.len()
        )
    }

    /// A person accepts what is left, and with it that these executions are gone: takes them out, and says
    /// what then is left of `drift` by which balances differ.
    pub(crate) fn accept_missing(
        &mut self,
        now: Timestamp,
        mut drift: BTreeMap<Asset, Amount>,
        effects: &mut Effects,
    ) -> (Vec<Discrepancy>, BTreeMap<Asset, Amount>) {
        let mut found = Vec::new();
        for known in std::mem::take(&mut self.reading.missing) {
            let (instrument, trade) = (known.fill.instrument, known.fill.trade_id);
            let is_counted = self
                .books
                .known_fills()
                .any(|k| (k.fill.instrument, k.fill.trade_id) == (instrument, trade));
            // Without it there is more by what it took, and less by what it brought.
            let rest = effects_of(&known.fill).filter(|_| is_counted).and_then(|effects| {
                let undone = effects
                    .into_iter()
                    .map(|(asset, amount)| Some((asset, Amount::ZERO.checked_sub(amount)?)));
                less(&drift, &undone.collect::<Option<_>>()?)
            });
            let Some(rest) = rest else { continue };
            drift = rest;
            found.push(busted(&known));
            self.take_out(now, known, effects);
        }
        (found, drift)
    }
}

fn busted(known: &KnownFill) -> Discrepancy {
    let (client_order_id, fill) = (known.client_order_id, &known.fill);
    Discrepancy::Busted { client_order_id, instrument: fill.instrument, trade_id: fill.trade_id }
}

/// From when on the venue shows executions, by instrument.
fn history_starts(there: &[KnownFill]) -> BTreeMap<InstrumentId, Timestamp> {
    let mut starts = BTreeMap::new();
    for fill in there.iter().map(|known| &known.fill) {
        let first = starts.entry(fill.instrument).or_insert(fill.venue_time);
        *first = fill.venue_time.min(*first);
    }
    starts
}

/// What differs beyond what differed before. `None` where a difference has no room.
fn less(
    differ: &BTreeMap<Asset, Amount>,
    before: &BTreeMap<Asset, Amount>,
) -> Option<BTreeMap<Asset, Amount>> {
    let mut rest = differ.clone();
    for (asset, amount) in before {
        let left = rest.entry(*asset).or_insert(Amount::ZERO);
        *left = left.checked_sub(*amount)?;
    }
    rest.retain(|_, amount| *amount != Amount::ZERO);
    Some(rest)
}

fn earlier(one: TradesFrom, other: TradesFrom) -> TradesFrom {
    match (one, other) {
        (TradesFrom::Id(a), TradesFrom::Id(b)) => TradesFrom::Id(a.min(b)),
        (TradesFrom::Time { start: Some(a), .. }, TradesFrom::Time { start: Some(b), .. }) => {
            TradesFrom::Time { start: Some(a.min(b)), end: None }
        }
        (first, _) => first,
    }
}

#[cfg(test)]
mod tests;
