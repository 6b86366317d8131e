//! Balances that differ although every execution is counted: what they mean, and what is done.
//!
//! - Once is a race, and a balance that we have counted lately is an older picture. Neither is judged.
//! - An execution that the venue's history does not show any more, and whose absence explains all
//!   differences exactly, was taken back by the venue: it is taken out of the books.
//! - With every execution still there, less than a step is dust, up to a sum, and funds that came with
//!   nothing gone for them are a deposit that only the balance shows. Both are taken over.
//! - Anything else is drift. Nothing that adds risk is sent until it goes away (a withdrawal is told, an
//!   execution turns up) or a person accepts it. It is looked at again with every comparison, and no
//!   order is ever sent because of it.

use std::collections::BTreeMap;
use std::time::Duration;

use model::venue::{AccountRequest, PageCursor, TradesFrom};
use model::{Amount, Asset, Discrepancy, Effects, InstrumentId, Outcome, Record, Timestamp};

use crate::books::{KnownFill, LAG_MAX};
use crate::doubt::fills_in;
use crate::gateway::Gateway;
use crate::merge::Source;
use crate::reading::number;
use crate::readings::{Part, Past};
use crate::reconcile::{self, Kind};

/// How long a balance has to differ by as much, at least: an execution may be listed a moment later than
/// the balance shows it.
const CONFIRMED_AFTER: Duration = Duration::from_secs(1);

impl Gateway {
    /// These balances differ, of a reading that is complete.
    pub(crate) fn suspect(
        &mut self,
        now: Timestamp,
        suspects: BTreeMap<Asset, (Amount, Amount)>,
        effects: &mut Effects,
    ) {
        let before = std::mem::replace(&mut self.reading.suspects, suspects);
        if deltas(&before) != deltas(&self.reading.suspects) {
            self.reading.suspected_since = now;
        }
        if self.unsettled() > 0 {
            return self.read_again(now);
        }
        if self.reading.suspects.is_empty() {
            self.reading.drift.clear();
            return self.conclude(now, effects);
        }
        // Known, and as it was: an order that is asked about meanwhile makes it neither better nor worse.
        if !self.reading.drift.is_empty()
            && deltas(&self.reading.suspects) == deltas(&self.reading.drift)
            && !self.may_judge()
        {
            return self.conclude(now, effects);
        }
        let since = now.since(self.reading.suspected_since);
        let is_young = since < CONFIRMED_AFTER;
        // All balances of one picture are of one time: where one of them can be an older one, what the others
        // say is not all there is to know. What has passed for old will not for much longer.
        let is_suspect = |asset: &Asset| self.reading.suspects.contains_key(asset);
        let some_are_old = !self.reading.apart.keys().all(is_suspect);
        let may_be_old = some_are_old && since < LAG_MAX;
        if is_young || may_be_old || self.is_settling() {
            return self.read_again(now);
        }
        if !self.may_judge() {
            // What is left to ask about is not understood, and may not be for long: nothing can be said but
            // that balances differ, which a person can accept.
            return self.drifts(now, effects);
        }
        self.judge(now, effects);
    }

    /// Is there an answer to come that may say what a balance differs by?
    fn is_settling(&self) -> bool {
        self.asked_about() > self.unclear_ones() || !self.reading.unattributed().is_empty()
    }

    /// While an order is asked about, its executions may be what a balance differs by.
    fn may_judge(&self) -> bool {
        self.asked_about() == 0 && self.reading.unattributed().is_empty()
    }

    fn take_dust_over(&mut self, now: Timestamp, effects: &mut Effects) {
        let kinds = self.kinds();
        for (asset, kind) in kinds {
            let Some((ours, theirs)) = self.reading.suspects.get(&asset).copied() else { continue };
            if kind == Kind::Dust && self.take_over(now, asset, ours, theirs, effects) {
                self.discrepancy(now, Discrepancy::Dust { asset, ours, theirs }, effects);
            }
        }
    }

    fn kinds(&self) -> BTreeMap<Asset, Kind> {
        let instruments = || self.markets.iter().map(model::market::MarketView::instrument);
        let kind = |(asset, delta): (Asset, Amount)| {
            let step = reconcile::step(asset, instruments());
            (asset, reconcile::kind(delta, step, self.books.dust(asset)))
        };
        deltas(&self.reading.suspects).into_iter().map(kind).collect()
    }

    /// Our count becomes the venue's.
    fn take_over(
        &mut self,
        now: Timestamp,
        asset: Asset,
        ours: Amount,
        theirs: Amount,
        effects: &mut Effects,
    ) -> bool {
        let Some(amount) = theirs.checked_sub(ours) else { return false };
        self.reading.suspects.remove(&asset);
        // As much again is something else.
        self.reading.past_looked = None;
        let record = self.taken_over(now, asset, amount);
        self.record(now, record, effects);
        true
    }

    /// What a balance shows beyond our count is taken over. It may yet be told as the deposit or
    /// withdrawal that it was: until the time of the balance, and where the venue dates it by its last
    /// change, until the answer came, for what is told later than that cannot have been in it.
    fn taken_over(&self, now: Timestamp, asset: Asset, amount: Amount) -> Record {
        let answered = now.shifted_ms(self.venue_ahead_ms);
        let until = self.reading.dated.map_or(answered, |dated| dated.max(answered));
        Record::Transferred { asset, amount, taken_until: Some(until) }
    }

    /// The stream tells a deposit or withdrawal, which may be late.
    pub(crate) fn told_of_a_transfer(
        &mut self,
        now: Timestamp,
        (asset, amount): (Asset, Amount),
        venue_time: Timestamp,
        effects: &mut Effects,
    ) {
        let record = if self.books.has_transfer(asset, amount, venue_time) {
            Record::TransferKnown { asset, amount, venue_time }
        } else {
            Record::Transferred { asset, amount, taken_until: None }
        };
        self.record(now, record, effects);
    }

    fn judge(&mut self, now: Timestamp, effects: &mut Effects) {
        // Before the first comparison there are no books of ours that could be right.
        if self.books.compared_at().is_none() {
            self.take_dust_over(now, effects);
            return self.funds_came_or_went(now, effects);
        }
        let deltas = deltas(&self.reading.suspects);
        let is_looked_at = self
            .reading
            .past_looked
            .as_ref()
            .is_some_and(|(by, at)| *by == deltas && now.since(*at) < LAG_MAX);
        if is_looked_at {
            return self.drifts(now, effects);
        }
        let is_young =
            |(by, until): &(BTreeMap<Asset, Amount>, Timestamp)| *by == deltas && now <= *until;
        if self.reading.young.as_ref().is_some_and(is_young) {
            return self.read_again(now);
        }
        if !self.look_back(deltas, effects) {
            self.nothing_was_undone(now, effects);
        }
    }

    /// All that we have counted is still there: dust, and beyond that funds came, unless some went.
    fn nothing_was_undone(&mut self, now: Timestamp, effects: &mut Effects) {
        self.take_dust_over(now, effects);
        if self.kinds().values().any(|kind| *kind == Kind::Loss) {
            self.drifts(now, effects);
        } else {
            self.funds_came_or_went(now, effects);
        }
    }

    fn funds_came_or_went(&mut self, now: Timestamp, effects: &mut Effects) {
        for (asset, (ours, theirs)) in self.reading.suspects.clone() {
            if !self.take_over(now, asset, ours, theirs, effects) {
                continue;
            }
            let amount = theirs.checked_sub(ours).unwrap_or(Amount::ZERO);
            let found = if amount < Amount::ZERO {
                Discrepancy::Balance { asset, ours, theirs }
            } else {
                Discrepancy::Deposit { asset, amount }
            };
            self.discrepancy(now, found, effects);
            let text = format!(
                "{amount} {asset} came or went by no trade of this gateway: taken over, it is no \
                     profit or loss"
            );
            self.alert(text, effects);
        }
        self.reading.drift.clear();
        self.conclude(now, effects);
    }

    /// Asks for the executions that can still be undone, where they touch what differs. `false` when there
    /// is none.
    fn look_back(&mut self, deltas: BTreeMap<Asset, Amount>, effects: &mut Effects) -> bool {
        let touches = |instrument: &InstrumentId| {
            let assets = instrument.assets().filter(|_| !self.gone.contains(instrument));
            assets.is_some_and(|(b, q)| deltas.contains_key(&b) || deltas.contains_key(&q))
        };
        let mut from: BTreeMap<InstrumentId, TradesFrom> = BTreeMap::new();
        for known in self.books.known_fills().filter(|known| touches(&known.fill.instrument)) {
            let fill = &known.fill;
            let named = std::iter::once(fill.trade_id).chain(known.also);
            let numbers = named.filter_map(number);
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
        self.reading.past = Past { deltas, from, ..Past::default() };
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
        for fill in fills {
            self.reading.past.shown.insert((instrument, fill.trade_id));
            // One that was listed later than a younger one may be what is missing.
            self.executed(now, fill, Source::Query, effects);
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
        let Past { deltas, from, shown } = std::mem::take(&mut self.reading.past);
        if deltas != self::deltas(&self.reading.suspects) || !self.may_judge() {
            return self.read_again(now);
        }
        let known = self.books.known_fills().filter(|k| from.contains_key(&k.fill.instrument));
        let is_shown = |known: &KnownFill| {
            let mut named = std::iter::once(known.fill.trade_id).chain(known.also);
            named.any(|trade| shown.contains(&(known.fill.instrument, trade)))
        };
        let absent: Vec<KnownFill> = known.filter(|known| !is_shown(known)).cloned().collect();
        if absent.is_empty() {
            self.reading.past_looked = Some((deltas, now));
            return self.nothing_was_undone(now, effects);
        }
        // An asset that passes for an older picture may be one of those that it moved.
        let all = self::deltas(&self.reading.apart);
        if !reconcile::explain(&absent, &deltas) && !reconcile::explain(&absent, &all) {
            self.reading.past_looked = Some((deltas, now));
            return self.drifts(now, effects);
        }
        let young_until = reconcile::young_until(self.reading.dated, &absent);
        if let Some(until) = young_until.filter(|until| now <= *until) {
            // That is what it looks like, and time will tell.
            self.reading.young = Some((deltas, until));
            return self.read_again(now);
        }
        for known in absent {
            let (client_order_id, fill) = (known.client_order_id, known.fill);
            let (instrument, trade_id) = (fill.instrument, fill.trade_id);
            let found = Discrepancy::Busted { client_order_id, instrument, trade_id };
            self.discrepancy(now, found, effects);
            self.record(now, Record::Busted { client_order_id, fill }, effects);
            let text = format!(
                "the venue has taken back execution {trade_id} ({} {instrument} at {}): it is out of \
                 the books, and nothing that adds risk is sent until a person accepts it",
                fill.qty, fill.price
            );
            self.alert(text, effects);
        }
        self.reading.suspects.clear();
        self.reading.drift.clear();
        self.conclude(now, effects);
    }

    /// Nothing explains it.
    fn drifts(&mut self, now: Timestamp, effects: &mut Effects) {
        let before = deltas(&self.reading.drift);
        self.reading.drift = self.reading.suspects.clone();
        for (asset, (ours, theirs)) in self.reading.drift.clone() {
            if theirs.checked_sub(ours) == before.get(&asset).copied() {
                continue;
            }
            self.discrepancy(now, Discrepancy::Balance { asset, ours, theirs }, effects);
            let text = format!(
                "balance of {asset} is {theirs} at the venue and {ours} by our count, and no execution, \
                 deposit or withdrawal that is known explains it: nothing that adds risk is sent until \
                 one does, or until `plimsoll reconcile --accept` takes it over"
            );
            self.alert(text, effects);
        }
        self.conclude(now, effects);
    }

    /// What is left at the last comparison, and waits for a person.
    pub(crate) fn remaining(&self) -> Vec<Discrepancy> {
        let drift = self.reading.drift.iter();
        let drift = drift.map(|(asset, (o, t))| Discrepancy::Balance {
            asset: *asset,
            ours: *o,
            theirs: *t,
        });
        drift.chain(self.books.unaccepted().iter().cloned()).collect()
    }

    /// Why only what shrinks a position is let through although the books were compared.
    pub(crate) fn held(&self) -> Option<&'static str> {
        if !self.reading.drift.is_empty() {
            Some("balances differ from the venue's and nothing explains it; see plimsoll status")
        } else if self.doubts.some_are_unclear() {
            Some("what the venue says of an order of this gateway is not understood")
        } else if self.books.unaccepted().iter().any(is_not_understood) {
            Some("the venue said what is not understood; see plimsoll status, and accept it")
        } else if !self.books.unaccepted().is_empty() {
            Some("the venue did what it should not; see plimsoll status, and accept it")
        } else {
            None
        }
    }

    /// A person says that it is so: our counts become the venue's.
    pub(crate) fn accept_differences(&mut self, now: Timestamp, effects: &mut Effects) {
        let accepted = self.remaining();
        if accepted.is_empty() {
            return;
        }
        for (asset, amount) in deltas(&std::mem::take(&mut self.reading.drift)) {
            let record = self.taken_over(now, asset, amount);
            self.record(now, record, effects);
        }
        self.reading.suspects.clear();
        self.record(now, Record::DifferencesAccepted { accepted }, effects);
        self.read_soon(now);
    }
}

/// By how much each differs, above zero where the venue has more. What has no room is as good as the
/// largest difference.
fn deltas(suspects: &BTreeMap<Asset, (Amount, Amount)>) -> BTreeMap<Asset, Amount> {
    let delta = |(asset, (ours, theirs)): (&Asset, &(Amount, Amount))| {
        (*asset, theirs.checked_sub(*ours).unwrap_or(*theirs))
    };
    suspects.iter().map(delta).collect()
}

const fn is_not_understood(found: &Discrepancy) -> bool {
    matches!(found, Discrepancy::NotUnderstood { .. })
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
