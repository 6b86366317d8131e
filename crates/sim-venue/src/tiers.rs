//! Fees by what an account has traded in the last thirty days, as venues have them: the more, the less.
//!
//! Volume is counted by the hour, in units of the quote asset as they are, so one exchange with tiers has one quote
//! asset. It counts at once, and is forgotten when its hour is thirty days old. An execution pays the tier that its
//! account had before it.

use std::collections::VecDeque;

use model::venue::FeeRates;
use model::{Decimal, Notional, Rounding, Timestamp};

use crate::accounts::{less, more};

/// Hours that count.
const HOURS: i64 = 30 * 24;
const HOUR_NANOS: i64 = 3_600_000_000_000;

/// From a volume on these rates hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeeTier {
    /// Traded in the last thirty days, at least, quote units.
    pub from: Notional,
    /// What an execution then costs.
    pub rates: FeeRates,
}

/// What trading costs, by how much of it there was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeeSchedule {
    /// From a volume of nothing on, growing; never empty.
    tiers: Vec<FeeTier>,
    /// What an account has traded in the thirty days before the beginning, evenly over them.
    traded_before: Notional,
}

/// Tiers that are no schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FeeScheduleError {
    /// It has to begin above the one before it.
    #[error(
        "the fee tier from {from} comes after the one from {before}: name them from the smallest volume to the largest, each above zero and once"
    )]
    OutOfOrder {
        /// Where it begins.
        from: Notional,
        /// Where the one before it begins.
        before: Notional,
    },
}

impl FeeSchedule {
    /// The same rates whatever is traded.
    pub fn flat(rates: FeeRates) -> FeeSchedule {
        let first = FeeTier { from: Notional::ZERO, rates };
        FeeSchedule { tiers: vec![first], traded_before: Notional::ZERO }
    }

    /// The same with another tier above those that it has.
    pub fn with_tier(mut self, tier: FeeTier) -> Result<FeeSchedule, FeeScheduleError> {
        let before = self.highest().from;
        if tier.from <= before {
            return Err(FeeScheduleError::OutOfOrder { from: tier.from, before });
        }
        self.tiers.push(tier);
        Ok(self)
    }

    /// The same for accounts that have traded so much in the thirty days before the beginning.
    #[must_use]
    pub fn traded_before(self, traded_before: Notional) -> FeeSchedule {
        FeeSchedule { traded_before, ..self }
    }

    /// The same with each tier's rates changed.
    #[must_use]
    pub fn with_rates(mut self, change: impl Fn(FeeRates) -> FeeRates) -> FeeSchedule {
        self.tiers.iter_mut().for_each(|tier| tier.rates = change(tier.rates));
        self
    }

    /// Does it depend on the volume?
    pub fn has_tiers(&self) -> bool {
        self.tiers.len() > 1
    }

    /// The tier of who has traded nothing.
    pub fn lowest(&self) -> FeeTier {
        self.tiers[0]
    }

    fn highest(&self) -> FeeTier {
        self.tiers[self.tiers.len() - 1]
    }

    fn tier(&self, volume: Decimal) -> FeeTier {
        let reached = self.tiers.iter().rev().find(|tier| tier.from.get() <= volume);
        reached.copied().unwrap_or_else(|| self.lowest())
    }

    /// The highest rate that any execution may have to pay; never below zero.
    fn dearest(&self) -> Decimal {
        let rates = self.tiers.iter().flat_map(|tier| [tier.rates.maker, tier.rates.taker]);
        rates.fold(Decimal::ZERO, Decimal::max)
    }
}

/// A schedule, and where each account stands in it.
#[derive(Clone, Debug)]
pub(crate) struct FeeTiers {
    schedule: FeeSchedule,
    dearest: Decimal,
    /// When it began to hold.
    since: i64,
    /// By account, for those that have traded.
    standing: Vec<Standing>,
}

#[derive(Clone, Debug)]
struct Standing {
    volume: Volume,
    tier: FeeTier,
}

/// What was traded in the last thirty days.
#[derive(Clone, Debug)]
struct Volume {
    /// Hours since the epoch in which anything was traded, oldest first.
    hours: VecDeque<(i64, Decimal)>,
    sum: Decimal,
}

impl Volume {
    /// This much evenly over the thirty days until an hour.
    fn evenly(total: Notional, until: i64) -> Volume {
        let mut volume = Volume { hours: VecDeque::new(), sum: Decimal::ZERO };
        let each = total.get().checked_div(Decimal::new(HOURS, 0), Rounding::Down);
        let each = each.unwrap_or_default();
        if !total.get().is_zero() {
            (until - HOURS + 1..=until).for_each(|hour| volume.grows(hour, each));
            // What rounding left over.
            volume.grows(until, less(total.get(), volume.sum));
        }
        volume
    }

    fn passes(&mut self, hour: i64) {
        while let Some((_, old)) = self.hours.pop_front_if(|(then, _)| *then <= hour - HOURS) {
            self.sum = less(self.sum, old);
        }
    }

    fn grows(&mut self, hour: i64, by: Decimal) {
        self.sum = more(self.sum, by);
        match self.hours.back_mut() {
            Some((last, amount)) if *last >= hour => *amount = more(*amount, by),
            Some(_) | None => self.hours.push_back((hour, by)),
        }
    }
}

impl FeeTiers {
    /// `None` where the volume changes nothing.
    pub(crate) fn new(now: Timestamp, schedule: FeeSchedule) -> Option<FeeTiers> {
        let (dearest, since) = (schedule.dearest(), hour_of(now));
        schedule.has_tiers().then(|| FeeTiers { schedule, dearest, since, standing: Vec::new() })
    }

    /// The tier of an account that has traded, or was asked about, and its volume.
    pub(crate) fn of(&self, account: usize) -> Option<(FeeTier, Decimal)> {
        self.standing.get(account).map(|standing| (standing.tier, standing.volume.sum))
    }

    /// The highest rate that any execution may have to pay; never below zero.
    pub(crate) fn dearest(&self) -> Decimal {
        self.dearest
    }

    /// What is thirty days old by now does not count any more.
    pub(crate) fn passes(&mut self, now: Timestamp, account: usize) {
        while self.standing.len() <= account {
            let volume = Volume::evenly(self.schedule.traded_before, self.since);
            self.standing.push(Standing { tier: self.schedule.tier(volume.sum), volume });
        }
        let Standing { volume, tier } = &mut self.standing[account];
        volume.passes(hour_of(now));
        *tier = self.schedule.tier(volume.sum);
    }

    /// An account has traded this much.
    pub(crate) fn grows(&mut self, now: Timestamp, account: usize, notional: Decimal) {
        let Some(Standing { volume, tier }) = self.standing.get_mut(account) else { return };
        volume.grows(hour_of(now), notional);
        *tier = self.schedule.tier(volume.sum);
    }
}

fn hour_of(time: Timestamp) -> i64 {
    time.nanos().div_euclid(HOUR_NANOS)
}
