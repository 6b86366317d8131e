//! All limits of one venue as one host sees them, and the one question: may this request go now?

use std::fmt;
use std::time::Duration;

use arrayvec::ArrayVec;
use model::Timestamp;
use serde::{Deserialize, Serialize};

use crate::aligned::SKEW;
use crate::charge::{Charge, Grant, ITEMS_MAX, Keys};
use crate::limiter::{Clocks, Cost, Limiter};
use crate::priority::{Priority, Shares};
use crate::rule::{Counted, Limit, LimiterName, Rule, Shape, Usage};

/// Limits of one venue. More than these in its metadata are left out.
pub const LIMITERS_MAX: usize = 24;
/// Stops of a venue that are remembered at once: one for everything and one for each thing counted.
pub const STOPS_MAX: usize = 8;
/// Limits that one charge can touch.
const TOUCHED_MAX: usize = 2 * ITEMS_MAX;
/// A clock that is behind by less than this is another process's, read before its turn came; one
/// that is farther behind was set back.
pub const STEP_MIN: Duration = Duration::from_secs(2);

/// The answer to [`Budget::ask`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Answer {
    /// It may go now, and is booked.
    Granted(Grant),
    /// Nothing is booked: ask again after this.
    Wait {
        /// At least one nanosecond; `Duration::MAX` for what is larger than its limit.
        wait: Duration,
        /// What holds it.
        cause: Cause,
    },
}

/// What holds a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// Our own count of this limit.
    Limit(LimiterName),
    /// The venue said stop: everything, or what counts as this.
    Stop(Option<Counted>),
    /// Other processes hold what is shared. Said by those who share a budget, never by itself.
    Shared,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cause::Limit(name) => write!(f, "{name}"),
            Cause::Shared => f.write_str("rate budget held by another process"),
            Cause::Stop(None) => f.write_str("stopped by the venue"),
            Cause::Stop(Some(counts)) => write!(f, "{counts} stopped by the venue"),
        }
    }
}

/// The venue said stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Stop {
    /// `None` stops everything.
    counts: Option<Counted>,
    until: Timestamp,
}

/// The limits of one venue as one host sees them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    limiters: Vec<Limiter>,
    shares: Shares,
    stops: ArrayVec<Stop, STOPS_MAX>,
    /// The latest time it was asked at, by the host's clock.
    latest: Timestamp,
    /// The venue's clock minus the host's, milliseconds.
    offset_ms: i64,
}

impl Budget {
    /// Nothing used, nothing heard.
    pub fn new(rules: &[Rule], shares: Shares) -> Budget {
        Budget {
            limiters: rules.iter().take(LIMITERS_MAX).map(|rule| Limiter::new(*rule)).collect(),
            shares,
            stops: ArrayVec::new(),
            latest: Timestamp::EPOCH,
            offset_ms: 0,
        }
    }

    /// Nothing is known of what was used before: as if all but the reserve were. Where the venue
    /// says in its answers what it counts, one request may go and ask.
    #[must_use]
    pub fn careful(mut self, now: Timestamp) -> Budget {
        let clocks = self.clocks(now);
        // No request weighs less than one, so a limit of weight holds them better where it is
        // tighter, and it is told; waiting for both would only take longer.
        let per_second =
            |rule: &Rule| f64::from(rule.shape.limit()) / rule.shape.memory().as_secs_f64();
        let weights = self.limiters.iter().filter(|limiter| limiter.rule.counts == Counted::Weight);
        let tightest = weights.map(|limiter| per_second(&limiter.rule)).fold(f64::MAX, f64::min);
        for limiter in &mut self.limiters {
            let Rule { counts, .. } = limiter.rule;
            if counts != Counted::Request || per_second(&limiter.rule) < tightest {
                limiter.be_careful(clocks);
            }
        }
        self
    }

    /// This budget with the counts, stops and learned limits of one that was written down, perhaps
    /// by another version.
    #[must_use]
    pub fn restored(mut self, saved: Budget) -> Budget {
        for old in saved.limiters.into_iter().take(LIMITERS_MAX) {
            let is_learned = matches!(old.rule.shape, Shape::Aligned { .. });
            let counted = self.limiters.iter().any(|l| l.rule.counts == old.rule.counts);
            let has_room = self.limiters.len() < LIMITERS_MAX;
            match self.limiters.iter_mut().find(|limiter| limiter.counts_like(&old)) {
                Some(limiter) => limiter.adopt(old),
                None if is_learned && counted && has_room => self.limiters.push(old),
                None => {}
            }
        }
        self.stops = saved.stops;
        self.latest = saved.latest;
        self.offset_ms = saved.offset_ms;
        self
    }

    fn clocks(&mut self, now: Timestamp) -> Clocks {
        if now < self.latest {
            let behind = self.latest.since(now);
            if behind < STEP_MIN {
                return self.at(self.latest);
            }
            // Set back: what was used stays used, and what remains of a stop remains.
            for stop in &mut self.stops {
                stop.until = stop.until.before(behind);
            }
            let clocks = self.at(now);
            self.limiters.iter_mut().for_each(|limiter| limiter.step(clocks, true));
        }
        self.latest = now;
        self.at(now)
    }

    fn at(&self, host: Timestamp) -> Clocks {
        let size = Duration::from_millis(self.offset_ms.unsigned_abs());
        let venue = if self.offset_ms < 0 { host.before(size) } else { host.after(size) };
        Clocks { host, venue }
    }

    /// May this request go now? A yes is booked; a no says when to ask again. `now` is the host's
    /// clock.
    pub fn ask(&mut self, now: Timestamp, priority: Priority, charge: &Charge) -> Answer {
        let clocks = self.clocks(now);
        let mut held = self.held(clocks, charge);
        let mut touched = ArrayVec::<(usize, usize, u32), TOUCHED_MAX>::new();
        for (number, limiter) in self.limiters.iter_mut().enumerate() {
            let amount = charge.amount(limiter.rule.counts);
            if amount == 0 {
                continue;
            }
            let key = charge.keys.of(limiter.rule.scope);
            let place = limiter.find(key, clocks, self.shares);
            let wait = limiter.wait(place, clocks, (self.shares, priority), amount);
            if !wait.is_zero() && held.is_none_or(|(longest, _)| wait > longest) {
                held = Some((wait, Cause::Limit(limiter.rule.name())));
            }
            if let (Some(place), false) = (place, touched.is_full()) {
                touched.push((number, place, amount));
            }
        }
        if let Some((wait, cause)) = held {
            return Answer::Wait { wait, cause };
        }
        for (number, place, amount) in touched {
            self.limiters[number].book(place, clocks, amount);
        }
        Answer::Granted(Grant { at: clocks.host, charge: charge.clone() })
    }

    /// The longest stop that holds this.
    fn held(&mut self, clocks: Clocks, charge: &Charge) -> Option<(Duration, Cause)> {
        self.stops.retain(|stop| stop.until > clocks.host);
        let holds = |stop: &&Stop| stop.counts.is_none_or(|counts| charge.amount(counts) > 0);
        let longest = self.stops.iter().filter(holds).max_by_key(|stop| stop.until)?;
        Some((longest.until.since(clocks.host), Cause::Stop(longest.counts)))
    }

    /// The venue answered. `free` is what turned out to cost nothing, `used` what the venue says it
    /// has counted.
    pub fn settle(
        &mut self,
        now: Timestamp,
        grant: &Grant,
        free: &[(Counted, u32)],
        used: &[Usage],
    ) {
        let clocks = self.clocks(now);
        for limiter in &mut self.limiters {
            let Rule { counts, scope, shape, .. } = limiter.rule;
            let amount = grant.charge.amount(counts);
            let free = free.iter().find(|(what, _)| *what == counts).map_or(0, |(_, free)| *free);
            let told = used
                .iter()
                .find(|usage| usage.counts == counts && usage.window_ms == shape.window_ms());
            if amount > 0 || told.is_some() {
                let cost = Cost { key: grant.charge.keys.of(scope), amount };
                let used = told.map(|usage| usage.used);
                limiter.settle(grant.at, clocks, cost, free.min(amount), used);
            }
        }
    }

    /// It never left: all of it is given back.
    pub fn give_back(&mut self, now: Timestamp, grant: &Grant) {
        let free: ArrayVec<(Counted, u32), ITEMS_MAX> = grant.charge.items.clone();
        self.settle(now, grant, &free, &[]);
    }

    /// The venue said stop, for this long: to everything, or to what counts as `counts`. A stop is
    /// never shortened.
    pub fn stop(&mut self, now: Timestamp, counts: Option<Counted>, wait: Duration) {
        let clocks = self.clocks(now);
        let until = clocks.host.after(wait);
        self.stops.retain(|stop| stop.until > clocks.host);
        if let Some(stop) = self.stops.iter_mut().find(|stop| stop.counts == counts) {
            stop.until = stop.until.max(until);
        } else if self.stops.try_push(Stop { counts, until }).is_err() {
            // No room to tell them apart: everything stops.
            let longest = self.stops.iter().map(|stop| stop.until).fold(until, Timestamp::max);
            self.stops.clear();
            self.stops.push(Stop { counts: None, until: longest });
        }
    }

    /// How long everything is stopped, if it is.
    pub fn stopped(&self, now: Timestamp) -> Option<Duration> {
        let until = self.stops.iter().filter(|s| s.counts.is_none()).map(|s| s.until).max()?;
        Some(until.since(now)).filter(|wait| !wait.is_zero())
    }

    /// Books what went without being asked for, because it could not be.
    pub fn book(&mut self, now: Timestamp, charge: &Charge) {
        let clocks = self.clocks(now);
        for limiter in &mut self.limiters {
            let amount = charge.amount(limiter.rule.counts);
            let key = charge.keys.of(limiter.rule.scope);
            if amount > 0
                && let Some(place) = limiter.find(key, clocks, self.shares)
            {
                limiter.book(place, clocks, amount);
            }
        }
    }

    /// The stops that were said, and until when, by the host's clock.
    pub fn stops(&self) -> impl Iterator<Item = (Option<Counted>, Timestamp)> {
        self.stops.iter().map(|stop| (stop.counts, stop.until))
    }

    /// The venue's metadata: of each thing it names, these are the limits, whatever was believed
    /// before. What it does not name stays as it is.
    pub fn learn(&mut self, limits: &[Limit]) {
        let learned = self.sensible(limits);
        let named = |rule: &Rule| learned.iter().any(|(limit, _)| limit.counts == rule.counts);
        let kept = |rule: &Rule| {
            let window = rule.shape.window_ms();
            learned
                .iter()
                .any(|(limit, _)| limit.counts == rule.counts && limit.window_ms == window)
        };
        self.limiters.retain(|Limiter { rule, .. }| {
            !matches!(rule.shape, Shape::Aligned { .. }) || !named(rule) || kept(rule)
        });
        for (Limit { counts, window_ms, limit }, pattern) in learned {
            let shape = Shape::Aligned { window_ms, limit };
            let is_same = |limiter: &&mut Limiter| {
                limiter.rule.counts == counts && limiter.rule.shape.window_ms() == window_ms
            };
            let has_room = self.limiters.len() < LIMITERS_MAX;
            match self.limiters.iter_mut().find(is_same) {
                Some(limiter) => limiter.rule.shape = shape,
                None if has_room => {
                    self.limiters.push(Limiter::new(Rule { shape, ..pattern }));
                }
                None => {}
            }
        }
    }

    /// The limits that can be meant, each with a rule that counts the same: its scope holds.
    fn sensible(&self, limits: &[Limit]) -> ArrayVec<(Limit, Rule), LIMITERS_MAX> {
        let rule_of = |counts: Counted| {
            let aligned = |rule: &Rule| matches!(rule.shape, Shape::Aligned { .. });
            let mut rules = self.limiters.iter().map(|limiter| limiter.rule);
            rules.find(|rule| rule.counts == counts && aligned(rule))
        };
        let sensible = limits.iter().filter(|limit| limit.window_ms > 0 && limit.limit > 0);
        let found = sensible.filter_map(|limit| Some((*limit, rule_of(limit.counts)?)));
        found.take(LIMITERS_MAX).collect()
    }

    /// How far the venue's clock is ahead of the host's, milliseconds.
    pub fn learn_clock(&mut self, now: Timestamp, offset_ms: i64) {
        let change = offset_ms.abs_diff(self.offset_ms);
        self.clocks(now);
        self.offset_ms = offset_ms;
        // A small correction lies within what the windows allow for.
        if u128::from(change) > SKEW.as_millis() / 2 {
            let clocks = self.at(self.latest);
            self.limiters.iter_mut().for_each(|limiter| limiter.step(clocks, false));
        }
    }

    /// Drops the counts that have forgotten all, before it is written down.
    pub fn tidy(&mut self, now: Timestamp) {
        let clocks = self.clocks(now);
        self.limiters.iter_mut().for_each(|limiter| {
            // An aligned count remembers what others use.
            if !matches!(limiter.rule.shape, Shape::Aligned { .. }) {
                limiter.forget_idle(clocks);
            }
        });
    }

    /// The limits in force, in no particular order.
    pub fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.limiters.iter().map(|limiter| &limiter.rule)
    }

    /// Used of this limit, as of the last time it was asked.
    pub fn used(&self, name: LimiterName, keys: &Keys) -> i64 {
        let limiter = self.limiters.iter().find(|limiter| limiter.rule.name() == name);
        limiter.map_or(0, |limiter| limiter.used(keys.of(limiter.rule.scope)))
    }
}

#[cfg(test)]
mod tests;
