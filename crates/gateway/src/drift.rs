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

use model::{Alert, AlertKey, Amount, Asset, Discrepancy, Effects, Record, Timestamp};

use crate::books::LAG_MAX;
use crate::gateway::Gateway;
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
            self.reading.missing.clear();
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
    pub(crate) fn may_judge(&self) -> bool {
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
        if !self.look_back(now, deltas, effects) {
            self.nothing_was_undone(now, effects);
        }
    }

    /// All that we have counted is still there: dust, and beyond that funds came, unless some went.
    pub(crate) fn nothing_was_undone(&mut self, now: Timestamp, effects: &mut Effects) {
        self.reading.missing.clear();
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
            self.raise(Alert::warning(AlertKey::Difference, asset, text), effects);
        }
        self.reading.drift.clear();
        self.conclude(now, effects);
    }

    /// Nothing explains it.
    pub(crate) fn drifts(&mut self, now: Timestamp, effects: &mut Effects) {
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
                 one does, or until `plimsoll reconcile --accept` takes it over{}",
                self.missing_too()
            );
            self.raise(Alert::warning(AlertKey::Difference, asset, text), effects);
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
        let mut accepted = self.remaining();
        if accepted.is_empty() {
            return;
        }
        let drift = deltas(&std::mem::take(&mut self.reading.drift));
        let (missing, drift) = self.accept_missing(now, drift, effects);
        accepted.extend(missing);
        for (asset, amount) in drift {
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
pub(crate) fn deltas(suspects: &BTreeMap<Asset, (Amount, Amount)>) -> BTreeMap<Asset, Amount> {
    let delta = |(asset, (ours, theirs)): (&Asset, &(Amount, Amount))| {
        (*asset, theirs.checked_sub(*ours).unwrap_or(*theirs))
    };
    suspects.iter().map(delta).collect()
}

const fn is_not_understood(found: &Discrepancy) -> bool {
    matches!(found, Discrepancy::NotUnderstood { .. })
}

#[cfg(test)]
pub(crate) mod tests;
