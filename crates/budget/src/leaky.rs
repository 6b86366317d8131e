//! A counter that falls steadily. Also a token bucket: burst minus tokens is such a counter.

use model::Timestamp;
use serde::{Deserialize, Serialize};

/// Parts of a unit: what leaks in a nanosecond at one unit a second.
const UNIT: i64 = 1_000_000_000;
/// Requests may bunch up on the way by this much, nanoseconds: what leaks in it is not spent.
const BUNCHING_NS: i64 = 100_000_000;

/// How full, and when that was so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Leaky {
    at: Timestamp,
    level: i64,
}

/// What leaks in this time, in parts.
fn leaked(nanos: i64, per_1000_s: u32) -> i64 {
    nanos.saturating_mul(i64::from(per_1000_s)) / 1_000
}

impl Leaky {
    /// Filled with so many units.
    pub(crate) fn filled(now: Timestamp, units: i64) -> Leaky {
        Leaky { at: now, level: units.saturating_mul(UNIT) }
    }

    pub(crate) fn roll(&mut self, now: Timestamp, per_1000_s: u32) {
        let nanos = now.nanos().saturating_sub(self.at.nanos()).max(0);
        self.level = self.level.saturating_sub(leaked(nanos, per_1000_s)).max(0);
        self.at = now;
    }

    /// May this be added? If not: when.
    pub(crate) fn fits(&self, cap: i64, per_1000_s: u32, amount: u32) -> Result<(), Timestamp> {
        let amount = i64::from(amount).saturating_mul(UNIT);
        let cap = cap.saturating_mul(UNIT);
        // One unit must fit in any counter, however small.
        let cap = cap.saturating_sub(leaked(BUNCHING_NS, per_1000_s)).max(cap.min(UNIT));
        let over = self.level.saturating_add(amount).saturating_sub(cap);
        if over <= 0 {
            return Ok(());
        }
        if amount > cap || per_1000_s == 0 {
            return Err(Timestamp::MAX);
        }
        let nanos = over.saturating_mul(1_000) / i64::from(per_1000_s);
        Err(Timestamp::from_nanos(self.at.nanos().saturating_add(nanos).saturating_add(1)))
    }

    pub(crate) fn book(&mut self, amount: u32) {
        self.level = self.level.saturating_add(i64::from(amount).saturating_mul(UNIT));
    }

    pub(crate) fn give_back(&mut self, amount: u32) {
        self.level = self.level.saturating_sub(i64::from(amount).saturating_mul(UNIT)).max(0);
    }

    /// The venue counts this much: believed when it is more than we thought.
    pub(crate) fn told(&mut self, used: u32) {
        self.level = self.level.max(i64::from(used).saturating_mul(UNIT));
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.level == 0
    }

    /// Used, in whole units, rounded up.
    pub(crate) fn used(&self) -> i64 {
        self.level.saturating_add(UNIT - 1) / UNIT
    }

    /// The clock was set: what is in it stays in it.
    pub(crate) fn step(&mut self, now: Timestamp) {
        self.at = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_nanos(millis * 1_000_000)
    }

    /// Kraken's worked sequence (protocol page, 14.1): Intermediate, 125 and 2.34 a second.
    #[test]
    fn thirty_orders_and_twelve_cancels() {
        let mut counter = Leaky::filled(at(0), 0);
        for _ in 0..30 {
            counter.book(1);
        }
        assert_eq!(counter.used(), 30);
        counter.roll(at(2_000), 2_340);
        assert_eq!(counter.level, 25_320_000_000);
        for _ in 0..12 {
            assert!(counter.fits(125, 2_340, 8).is_ok());
            counter.book(8);
        }
        let until = counter.fits(125, 2_340, 8).unwrap_err();
        assert!(until > at(3_800) && until < at(4_000), "{until}");
    }

    #[test]
    fn many_small_steps_leak_as_much_as_one_large() {
        let (mut small, mut large) = (Leaky::filled(at(0), 20), Leaky::filled(at(0), 20));
        for millis in 1..=10_000 {
            small.roll(at(millis), 330);
        }
        large.roll(at(10_000), 330);
        assert!((small.level - large.level).abs() < 20_000, "{small:?} {large:?}");
    }

    #[test]
    fn more_than_it_holds_never_fits() {
        let counter = Leaky::filled(at(0), 0);
        assert_eq!(counter.fits(10, 1_000, 11), Err(Timestamp::MAX));
        assert_eq!(counter.fits(1, 1_000, 1), Ok(()));
    }

    #[test]
    fn the_wait_is_long_enough_and_no_longer() {
        let mut counter = Leaky::filled(at(0), 8);
        let until = counter.fits(8, 2_000, 1).unwrap_err();
        let mut early = counter;
        early.roll(Timestamp::from_nanos(until.nanos() - 10), 2_000);
        assert!(early.fits(8, 2_000, 1).is_err());
        counter.roll(until, 2_000);
        assert!(counter.fits(8, 2_000, 1).is_ok());
    }
}
