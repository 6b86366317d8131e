//! Where the breakers trip. Every key has a default: an account without the table is guarded all the same.

use std::time::Duration;

use model::Asset;
use serde::{Deserialize, Serialize};

/// The table `[breakers]` of the limits file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BreakerLimits {
    /// The asset that equity is counted in. Where it is left out it is the one quote of all instruments.
    pub valuation: Option<Asset>,
    /// Loss since the high-water mark that halts, hundredths of a percent of it.
    pub drawdown_bps: u32,
    /// Loss since the day began (UTC) that halts, hundredths of a percent of what there was then.
    pub day_loss_bps: u32,
    /// Loss within `loss_velocity_window_ms` that halts, hundredths of a percent of the most in that time.
    pub loss_velocity_bps: u32,
    /// Length of that time, milliseconds.
    pub loss_velocity_window_ms: u64,
    /// Part of the last `rejections_of` orders that the venue rejected, percent, that halts.
    pub rejections_percent: u32,
    /// Of how many orders that is a part.
    pub rejections_of: u32,
    /// The part means nothing before so many orders.
    pub rejections_min: u32,
    /// Orders that the venue rejected one after the other that halt.
    pub rejections_in_a_row: u32,
    /// Intents of one agent that the guardrails refused one after the other that halt.
    pub refusals_in_a_row: u32,
    /// Orders of one agent within `refusals_window_ms`, each refused because it was too large by itself, that
    /// throttle.
    pub refusals_for_size: u32,
    /// Orders of one agent within `refusals_window_ms`, each refused because it would do something else than
    /// was declared, after which only what reduces passes.
    pub refusals_for_effect: u32,
    /// Length of that time, milliseconds.
    pub refusals_window_ms: u64,
    /// When no market has been fresh for so long, milliseconds, only what reduces passes.
    pub stale_ms: u64,
    /// When a stream came back so often in a minute, only what reduces passes.
    pub reconnects_max: u32,
    /// When an order is in doubt for so much longer than its quiet time, milliseconds in which the venue was
    /// heard, only what reduces passes.
    pub doubt_grace_ms: u64,
    /// Identical orders of one agent within `repeats_window_ms` that halt.
    pub repeats_max: u32,
    /// Length of that time, milliseconds.
    pub repeats_window_ms: u64,
    /// When the account could not be valued for so long, milliseconds, only what reduces passes.
    pub unvalued_ms: u64,
    /// What has tripped acts at least so long, milliseconds.
    pub dwell_ms: u64,
}

impl BreakerLimits {
    /// So wide that nothing trips: for measurements, and for tests of other things.
    pub fn wide() -> BreakerLimits {
        let hour = 3_600_000;
        BreakerLimits {
            drawdown_bps: 10_000,
            day_loss_bps: 10_000,
            loss_velocity_bps: 10_000,
            rejections_percent: 100,
            rejections_of: 10_000,
            rejections_min: 10_000,
            rejections_in_a_row: 10_000,
            refusals_in_a_row: 10_000,
            refusals_for_size: 10_000,
            refusals_for_effect: 10_000,
            stale_ms: hour,
            reconnects_max: 10_000,
            doubt_grace_ms: hour,
            repeats_max: 10_000,
            unvalued_ms: hour,
            ..BreakerLimits::default()
        }
    }
}

impl Default for BreakerLimits {
    fn default() -> BreakerLimits {
        BreakerLimits {
            valuation: None,
            drawdown_bps: 1_000,
            day_loss_bps: 300,
            loss_velocity_bps: 100,
            loss_velocity_window_ms: 60_000,
            rejections_percent: 20,
            rejections_of: 50,
            rejections_min: 20,
            rejections_in_a_row: 10,
            refusals_in_a_row: 10,
            refusals_for_size: 3,
            refusals_for_effect: 3,
            refusals_window_ms: 60_000,
            stale_ms: 1_000,
            reconnects_max: 5,
            doubt_grace_ms: 5_000,
            repeats_max: 20,
            repeats_window_ms: 10_000,
            unvalued_ms: 10_000,
            dwell_ms: 60_000,
        }
    }
}

/// Largest window of a count that is kept order by order.
const COUNT_MAX: u32 = 10_000;

impl BreakerLimits {
    /// The first key whose figure makes no sense, and why.
    pub fn problem(&self) -> Option<(&'static str, String)> {
        let parts = [
            ("drawdown_bps", self.drawdown_bps),
            ("day_loss_bps", self.day_loss_bps),
            ("loss_velocity_bps", self.loss_velocity_bps),
        ];
        let counts = [
            ("rejections_of", self.rejections_of),
            ("rejections_min", self.rejections_min),
            ("rejections_in_a_row", self.rejections_in_a_row),
            ("refusals_in_a_row", self.refusals_in_a_row),
            ("refusals_for_size", self.refusals_for_size),
            ("refusals_for_effect", self.refusals_for_effect),
            ("reconnects_max", self.reconnects_max),
            ("repeats_max", self.repeats_max),
        ];
        let times = [
            ("loss_velocity_window_ms", self.loss_velocity_window_ms),
            ("refusals_window_ms", self.refusals_window_ms),
            ("stale_ms", self.stale_ms),
            ("doubt_grace_ms", self.doubt_grace_ms),
            ("repeats_window_ms", self.repeats_window_ms),
            ("unvalued_ms", self.unvalued_ms),
            ("dwell_ms", self.dwell_ms),
        ];
        let percent = [("rejections_percent", self.rejections_percent)];
        let outside = |(key, value): (&'static str, u64), max: u64| {
            let problem = || format!("is {value}; write 1 to {max}");
            (value == 0 || value > max).then(|| (key, problem()))
        };
        let wide = |(key, value): (&'static str, u32)| (key, u64::from(value));
        let day = 86_400_000;
        let parts = parts.into_iter().filter_map(|part| outside(wide(part), 10_000));
        let percent = percent.into_iter().filter_map(|part| outside(wide(part), 100));
        let counts = counts.into_iter();
        let counts = counts.filter_map(|count| outside(wide(count), COUNT_MAX.into()));
        let times = times.into_iter().filter_map(|time| outside(time, day));
        let min = (self.rejections_min > self.rejections_of).then(|| {
            let of = self.rejections_of;
            ("rejections_min", format!("is {}, above rejections_of, {of}", self.rejections_min))
        });
        parts.chain(percent).chain(counts).chain(times).chain(min).next()
    }

    pub(crate) const fn loss_velocity_window(&self) -> Duration {
        Duration::from_millis(self.loss_velocity_window_ms)
    }

    pub(crate) const fn dwell(&self) -> Duration {
        Duration::from_millis(self.dwell_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_no_sense_is_named() {
        assert_eq!(BreakerLimits::default().problem(), None);
        let none = BreakerLimits { day_loss_bps: 0, ..BreakerLimits::default() };
        assert_eq!(none.problem().unwrap().0, "day_loss_bps");
        let all = BreakerLimits { drawdown_bps: 10_001, ..BreakerLimits::default() };
        assert_eq!(all.problem(), Some(("drawdown_bps", "is 10001; write 1 to 10000".to_owned())));
        let more = BreakerLimits { rejections_min: 51, ..BreakerLimits::default() };
        assert_eq!(more.problem().unwrap().0, "rejections_min");
        let many = BreakerLimits { repeats_max: 10_001, ..BreakerLimits::default() };
        assert_eq!(many.problem().unwrap().0, "repeats_max");
        let long = BreakerLimits { dwell_ms: 86_400_001, ..BreakerLimits::default() };
        assert_eq!(long.problem().unwrap().0, "dwell_ms");
    }
}
