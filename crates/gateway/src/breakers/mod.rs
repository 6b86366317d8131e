//! Circuit breakers: each a small pure machine in a file of its own, with hysteresis (`trip.rs`).
//!
//! A breaker takes what happened and says what it wants: everything, less, or a halt. Those that halt are
//! about what must not go on without a person: losses, and orders that say that something has lost its way.
//! Those that lower let through what shrinks a position until what is wrong is over. What they do is in
//! `docs/breakers.md`; the latch is the gateway's.

mod lasting;
mod limits;
mod loss;
mod reconnects;
mod refusals;
mod rejections;
mod repeats;
mod slips;
mod trip;
mod verdict;
mod warnings;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use model::{
    AgentId, Amount, BreakerName, BreakerShown, Decimal, InstrumentId, IntentId, OrderSpec,
    Timestamp, TradingState,
};

use lasting::{Lasting, Unit};
pub use limits::BreakerLimits;
use loss::Loss;
pub(crate) use loss::room_of;
use reconnects::Reconnects;
use refusals::OfAgents;
pub(crate) use refusals::counts as refusal_counts;
pub(crate) use rejections::counts as rejection_counts;
use rejections::{InARow, Share};
use repeats::Repeats;
pub(crate) use slips::Slip;
use slips::Slips;
pub(crate) use verdict::{Reading, Verdict};
use warnings::Warnings;

use crate::books::Books;
use crate::doubts::ENGINE_QUIET;

/// What takes time alone is looked at so often, and not with every input.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Stands for a validity where the venue sets none: what the gateway itself allows an order.
const VALIDITY_UNBOUNDED: Duration = Duration::from_secs(2);

/// All breakers of an account.
#[derive(Debug)]
pub(crate) struct Breakers {
    pub(crate) drawdown: Loss,
    pub(crate) day_loss: Loss,
    pub(crate) loss_velocity: Loss,
    pub(crate) rejections: Share,
    pub(crate) rejections_in_a_row: InARow,
    pub(crate) refusals: OfAgents,
    pub(crate) for_size: Slips,
    pub(crate) for_effect: Slips,
    pub(crate) stale_data: Lasting,
    pub(crate) reconnects: Reconnects,
    pub(crate) doubt: Lasting,
    pub(crate) repeats: Repeats,
    pub(crate) unvalued: Lasting,
    /// Since when the account cannot be valued.
    pub(crate) unvalued_since: Option<Timestamp>,
    /// The last order that an agent wanted, as it said it.
    pub(crate) wanted: Option<((AgentId, IntentId), OrderSpec)>,
    /// Those that acted when they were last looked at.
    acting: BTreeSet<BreakerName>,
    lowers: Option<(TradingState, &'static str)>,
    warnings: BTreeMap<(BreakerName, Option<InstrumentId>), Warnings>,
    /// Something happened that one of them has taken into account.
    pub(crate) touched: bool,
    /// Something was written down since the last look.
    pub(crate) noted: bool,
    looked_at: Option<Timestamp>,
    next: Option<Timestamp>,
}

/// One breaker has begun to act, or has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) name: BreakerName,
    pub(crate) reading: Reading,
    pub(crate) verdict: Verdict,
}

impl Breakers {
    /// With these limits, at a venue where a request is valid for so long. What had tripped before a restart
    /// goes on from its beginning.
    pub(crate) fn of(
        limits: &BreakerLimits,
        validity: Option<Duration>,
        books: &Books,
        now: Timestamp,
    ) -> Breakers {
        let quiet = validity.unwrap_or(VALIDITY_UNBOUNDED).saturating_add(ENGINE_QUIET);
        let dwell = limits.dwell();
        let ms = Duration::from_millis;
        let loss = |limit_bps| Loss::new(limit_bps, dwell);
        let lasting = |limit, unit, cause| Lasting::new((limit, unit), dwell, cause);
        let doubted = quiet.saturating_add(ms(limits.doubt_grace_ms));
        let share = (limits.rejections_percent, limits.rejections_of, limits.rejections_min);
        let repeats = (limits.repeats_max, ms(limits.repeats_window_ms));
        let slips_within = ms(limits.refusals_window_ms);
        let slips = |limit, lowers| Slips::new((limit, slips_within), dwell, lowers);
        let mut breakers = Breakers {
            drawdown: loss(limits.drawdown_bps),
            day_loss: loss(limits.day_loss_bps),
            loss_velocity: loss(limits.loss_velocity_bps),
            rejections: Share::new(share, dwell),
            rejections_in_a_row: InARow::new(limits.rejections_in_a_row, dwell),
            refusals: OfAgents::new(limits.refusals_in_a_row, dwell),
            for_size: slips(
                limits.refusals_for_size,
                (TradingState::Throttled, "an agent's orders were too large again and again"),
            ),
            for_effect: slips(
                limits.refusals_for_effect,
                (
                    TradingState::Reducing,
                    "an agent's orders would do something else than it declares, again and again",
                ),
            ),
            stale_data: lasting(
                ms(limits.stale_ms),
                Unit::Milliseconds,
                "no market has been fresh for too long",
            ),
            reconnects: Reconnects::new(limits.reconnects_max, dwell),
            doubt: lasting(doubted, Unit::Seconds, "an order has been in doubt for too long"),
            repeats: Repeats::new(repeats, dwell),
            unvalued: lasting(
                ms(limits.unvalued_ms),
                Unit::Seconds,
                "what the account is worth is not known: a price is missing",
            ),
            unvalued_since: None,
            wanted: None,
            acting: BTreeSet::new(),
            lowers: None,
            warnings: BTreeMap::new(),
            touched: false,
            noted: false,
            looked_at: None,
            next: None,
        };
        books.breakers_tripped().iter().for_each(|name| breakers.resume(*name, now));
        breakers.acting = breakers.all(now).into_iter().filter_map(acts).collect();
        breakers.lowers = breakers.lowest(now);
        breakers
    }

    fn resume(&mut self, name: BreakerName, now: Timestamp) {
        match name {
            BreakerName::Drawdown => self.drawdown.resume(now),
            BreakerName::DayLoss => self.day_loss.resume(now),
            BreakerName::LossVelocity => self.loss_velocity.resume(now),
            BreakerName::Rejections => self.rejections.resume(now),
            BreakerName::RejectionsInARow => self.rejections_in_a_row.resume(now),
            BreakerName::RefusalsForSize => self.for_size.resume(now),
            BreakerName::RefusalsForEffect => self.for_effect.resume(now),
            BreakerName::StaleData => self.stale_data.resume(now),
            BreakerName::Reconnects => self.reconnects.resume(now),
            BreakerName::Doubt => self.doubt.resume(now),
            BreakerName::Repeats => self.repeats.resume(now),
            BreakerName::Unvalued => self.unvalued.resume(now),
            // Whose it was is not kept; what it has halted is.
            BreakerName::RefusalsInARow | BreakerName::Position => {}
        }
    }

    /// The account is worth this much, and was worth so much before.
    pub(crate) fn valued(&mut self, now: Timestamp, equity: Amount, before: &Before) {
        self.drawdown.observe(now, before.high, equity);
        self.day_loss.observe(now, before.day_start, equity);
        self.loss_velocity.observe(now, before.peak, equity);
        self.touched |= !(self.losses_are_far() && self.nothing_acts());
    }

    fn losses_are_far(&self) -> bool {
        [&self.drawdown, &self.day_loss, &self.loss_velocity].into_iter().all(Loss::rests)
    }

    /// Would losses be counted just as they are, whatever the time, as long as the account is worth the same?
    pub(crate) fn losses_rest(&self) -> bool {
        self.losses_are_far() && self.loss_velocity.is_none() && self.nothing_acts()
    }

    /// What may be lost of the day and since the highest mark. `None` before the account was valued.
    pub(crate) fn room(&self) -> Option<Amount> {
        Some(self.drawdown.room()?.min(self.day_loss.room()?))
    }

    /// Are they to be looked at now?
    pub(crate) fn is_due(&self, now: Timestamp) -> bool {
        self.next_look() <= now
    }

    /// When they are to be looked at, with whatever comes then.
    pub(crate) fn next_look(&self) -> Timestamp {
        let Some(looked_at) = self.looked_at.filter(|_| !self.touched) else {
            return Timestamp::EPOCH;
        };
        let look = looked_at.after(LOOK_EVERY);
        self.next.map_or(look, |next| next.min(look))
    }

    /// Would a look now, with nothing written down since the last one, see nothing and change nothing, whatever the
    /// time? As far as what they have counted themselves tells.
    pub(crate) fn rest(&self) -> bool {
        let counted = self.touched || self.noted || self.looked_at.is_none();
        !counted && self.nothing_acts()
    }

    /// Does none of them act, and last, and has none been warned of?
    fn nothing_acts(&self) -> bool {
        let acts = !self.acting.is_empty() || self.next.is_some();
        let lasts = [&self.stale_data, &self.doubt, &self.unvalued].into_iter().any(Lasting::lasts);
        !acts && !lasts && self.unvalued_since.is_none() && self.warnings.is_empty()
    }

    /// The look that is due now is one of those.
    pub(crate) fn looked_at_rest(&mut self, now: Timestamp) {
        if self.is_due(now) {
            self.looked_at = Some(now);
        }
    }

    /// Time has passed.
    pub(crate) fn tick(&mut self, now: Timestamp) {
        self.drawdown.tick(now);
        self.day_loss.tick(now);
        self.loss_velocity.tick(now);
        self.rejections.tick(now);
        self.rejections_in_a_row.tick(now);
        self.refusals.tick(now);
        self.for_size.tick(now);
        self.for_effect.tick(now);
        self.reconnects.tick(now);
        self.repeats.tick(now);
    }

    /// What has changed since this was last asked. `stale_since`: since when no market is fresh.
    pub(crate) fn changes(
        &mut self,
        now: Timestamp,
        stale_since: Option<Timestamp>,
    ) -> Vec<Change> {
        (self.touched, self.noted) = (false, false);
        self.looked_at = Some(now);
        let mut changes = Vec::new();
        let differs = |(name, v): &(BreakerName, Verdict)| {
            (*v != Verdict::Clear) != self.acting.contains(name)
        };
        if self.verdicts().iter().any(differs) {
            let all = self.all(now);
            let acts_now: BTreeSet<BreakerName> = all.iter().cloned().filter_map(acts).collect();
            let changed =
                |name: &BreakerName| acts_now.contains(name) != self.acting.contains(name);
            let all = all.into_iter().filter(|(name, ..)| changed(name));
            changes =
                all.map(|(name, reading, verdict)| Change { name, reading, verdict }).collect();
            self.acting = acts_now;
        }
        self.lowers = if self.acting.is_empty() { None } else { self.lowest(now) };
        self.next = self.due(now, stale_since).filter(|due| *due > now);
        changes
    }

    /// The warning that a reading deserves, percent of its limit.
    pub(crate) fn warning(
        &mut self,
        now: Timestamp,
        (name, of): (BreakerName, Option<InstrumentId>),
        reading: Reading,
    ) -> Option<i64> {
        if !self.may_warn_of(reading) {
            return None;
        }
        let warnings = self.warnings.entry((name, of)).or_default();
        let warning = warnings.observe(now, reading);
        // As if none was ever given: then nobody has to look at it any more.
        if warnings.are_over(now) {
            self.warnings.remove(&(name, of));
        }
        warning
    }

    /// Nearly never: none was ever given, and nothing is near its limit.
    pub(crate) fn may_warn_of(&self, reading: Reading) -> bool {
        !(self.warnings.is_empty() && warnings::is_far(reading))
    }

    /// Is nothing of this one near its limit, with no warning ever given? Then [`Breakers::warning`] gives none, and its
    /// reading takes a division to be told. False where it is not known.
    pub(crate) fn has_nothing_to_warn_of(&self, name: BreakerName) -> bool {
        let is_far = match name {
            BreakerName::Drawdown => self.drawdown.is_far(),
            BreakerName::DayLoss => self.day_loss.is_far(),
            BreakerName::LossVelocity => self.loss_velocity.is_far(),
            BreakerName::Rejections
            | BreakerName::RejectionsInARow
            | BreakerName::RefusalsInARow
            | BreakerName::RefusalsForSize
            | BreakerName::RefusalsForEffect
            | BreakerName::StaleData
            | BreakerName::Reconnects
            | BreakerName::Doubt
            | BreakerName::Repeats
            | BreakerName::Unvalued
            | BreakerName::Position => false,
        };
        is_far && self.warnings.is_empty()
    }

    /// The state that one of them asks for, and why.
    pub(crate) const fn lowers(&self) -> Option<(TradingState, &'static str)> {
        self.lowers
    }

    /// When time alone changes something.
    pub(crate) const fn next_due(&self) -> Option<Timestamp> {
        self.next
    }

    /// Those that halt and whose cause still holds.
    pub(crate) fn holding(&self, now: Timestamp) -> impl Iterator<Item = BreakerName> {
        let halts = |verdict: &Verdict| *verdict == Verdict::Halt;
        self.all(now).into_iter().filter(move |(.., v)| halts(v)).map(|(name, ..)| name)
    }

    /// All of them, for people.
    pub(crate) fn shown(&self, now: Timestamp) -> Vec<BreakerShown> {
        let known = [
            (BreakerName::Drawdown, self.drawdown),
            (BreakerName::DayLoss, self.day_loss),
            (BreakerName::LossVelocity, self.loss_velocity),
        ];
        let unknown = |of: BreakerName| {
            known.iter().any(|(name, loss)| *name == of && loss.reading().is_none())
        };
        let shown = |(name, reading, verdict): (BreakerName, Reading, Verdict)| BreakerShown {
            name,
            value: (!unknown(name)).then_some(reading.value),
            limit: reading.limit,
            tripped: verdict != Verdict::Clear,
        };
        self.all(now).into_iter().map(shown).collect()
    }

    pub(crate) fn all(&self, now: Timestamp) -> [(BreakerName, Reading, Verdict); 13] {
        self.verdicts().map(|(name, verdict)| (name, self.reading(now, name), verdict))
    }

    /// What each of them wants.
    pub(crate) fn verdicts(&self) -> [(BreakerName, Verdict); 13] {
        [
            (BreakerName::Drawdown, self.drawdown.verdict()),
            (BreakerName::DayLoss, self.day_loss.verdict()),
            (BreakerName::LossVelocity, self.loss_velocity.verdict()),
            (BreakerName::Rejections, self.rejections.verdict()),
            (BreakerName::RejectionsInARow, self.rejections_in_a_row.verdict()),
            (BreakerName::RefusalsInARow, self.refusals.verdict()),
            (BreakerName::RefusalsForSize, self.for_size.verdict()),
            (BreakerName::RefusalsForEffect, self.for_effect.verdict()),
            (BreakerName::StaleData, self.stale_data.verdict()),
            (BreakerName::Reconnects, self.reconnects.verdict()),
            (BreakerName::Doubt, self.doubt.verdict()),
            (BreakerName::Repeats, self.repeats.verdict()),
            (BreakerName::Unvalued, self.unvalued.verdict()),
        ]
    }

    /// How far one of them is.
    pub(crate) fn reading(&self, now: Timestamp, name: BreakerName) -> Reading {
        match name {
            BreakerName::Drawdown => self.drawdown.reading_or_none(),
            BreakerName::DayLoss => self.day_loss.reading_or_none(),
            BreakerName::LossVelocity => self.loss_velocity.reading_or_none(),
            BreakerName::Rejections => self.rejections.reading(),
            BreakerName::RejectionsInARow => self.rejections_in_a_row.reading(),
            BreakerName::RefusalsInARow => self.refusals.reading(),
            BreakerName::RefusalsForSize => self.for_size.reading(now),
            BreakerName::RefusalsForEffect => self.for_effect.reading(now),
            BreakerName::StaleData => self.stale_data.reading(),
            BreakerName::Reconnects => self.reconnects.reading(now),
            BreakerName::Doubt => self.doubt.reading(),
            BreakerName::Repeats => self.repeats.reading(),
            BreakerName::Unvalued => self.unvalued.reading(),
            // It is of an instrument and warns alone; whoever warns has its reading.
            BreakerName::Position => Reading { value: Decimal::ZERO, limit: Decimal::ZERO },
        }
    }

    fn lowest(&self, now: Timestamp) -> Option<(TradingState, &'static str)> {
        let wanted = self.all(now).into_iter().filter_map(|(_, _, verdict)| match verdict {
            Verdict::Lower(state, cause) => Some((state, cause)),
            Verdict::Clear | Verdict::Halt => None,
        });
        // Of several that ask for the same state the first one gives the cause.
        wanted.reduce(|least, other| if other.0 > least.0 { other } else { least })
    }

    fn due(&self, now: Timestamp, stale_since: Option<Timestamp>) -> Option<Timestamp> {
        let due = [
            self.drawdown.due(),
            self.day_loss.due(),
            self.loss_velocity.due(),
            self.rejections.due(),
            self.rejections_in_a_row.due(),
            self.refusals.due(),
            self.for_size.due(now),
            self.for_effect.due(now),
            self.stale_data.due(),
            self.reconnects.due(),
            self.doubt.due(),
            self.repeats.due(),
            self.unvalued.due(),
            stale_since.and_then(|since| self.stale_data.trips_at(since)),
            self.unvalued_since.and_then(|since| self.unvalued.trips_at(since)),
        ];
        due.into_iter().flatten().min()
    }
}

/// What losses are measured by, valuation units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Before {
    pub(crate) high: Amount,
    pub(crate) day_start: Amount,
    pub(crate) peak: Amount,
}

fn acts((name, _, verdict): (BreakerName, Reading, Verdict)) -> Option<BreakerName> {
    (verdict != Verdict::Clear).then_some(name)
}

#[cfg(test)]
mod tests;
