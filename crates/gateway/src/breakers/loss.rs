//! Breakers: drawdown, day loss and loss velocity. Each compares what the account is worth with what it was
//! worth before, and differs from the others in when that was.

use std::time::Duration;

use model::{Amount, Decimal, Rounding, Timestamp};

use super::trip::Trip;
use super::verdict::{Reading, Verdict};
use super::warnings::{FAR_PERCENT, is_far};

/// A loss against one measure.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Loss {
    limit_bps: u32,
    /// What there was, halved so many times, is less than what may be gone while that is far below the first warning.
    far_halves: u32,
    dwell: Duration,
    trip: Trip,
    /// What there was and what there is, when the part that is gone could be told.
    measured: Option<(Amount, Amount)>,
    /// The part that is gone is far below the first warning.
    is_far: bool,
    /// What there was and what there is.
    last: Option<(Amount, Amount)>,
}

impl Loss {
    /// Trips at so many hundredths of a percent.
    pub(crate) const fn new(limit_bps: u32, dwell: Duration) -> Loss {
        let trip = Trip::NONE;
        Loss {
            limit_bps,
            far_halves: far_halves(limit_bps),
            dwell,
            trip,
            measured: None,
            is_far: false,
            last: None,
        }
    }

    pub(crate) fn resume(&mut self, now: Timestamp) {
        self.trip = Trip::resumed(now);
    }

    /// What there was, and what there is now.
    pub(crate) fn observe(&mut self, now: Timestamp, before: Amount, equity: Amount) {
        self.last = Some((before, equity));
        if self.is_surely_far(before, equity) {
            (self.measured, self.is_far) = (self.last, true);
            if !self.trip.is_tripped() {
                return;
            }
        }
        let reading = lost(before, equity).map(|part| self.in_percent(part));
        // What has no room cannot be valued, which is a breaker of its own.
        let Some(reading) = reading else { return };
        (self.measured, self.is_far) = (self.last, is_far(reading));
        self.trip.observe(now, reading.is_over(), reading.is_calm(), self.dwell);
    }

    /// Nearly always, and told without the division that the part takes.
    fn is_surely_far(&self, before: Amount, equity: Amount) -> bool {
        if before <= Amount::ZERO || self.limit_bps == 0 {
            return false;
        }
        if equity >= before {
            return true;
        }
        // Most of what is far is told without multiplying.
        let gone = before.checked_sub(equity);
        if gone.is_some_and(|gone| gone.get() < before.get().halved(self.far_halves)) {
            return true;
        }
        // 45 % of the limit, both sides times 10 000 and 100.
        let far = FAR_PERCENT * i64::from(self.limit_bps);
        let gone = gone.and_then(|gone| gone.get().checked_times(1_000_000));
        gone.zip(before.get().checked_times(far)).is_some_and(|(gone, far)| gone < far)
    }

    fn in_percent(&self, part: Decimal) -> Reading {
        let limit = Decimal::new(i64::from(self.limit_bps), 2);
        Reading { value: part.checked_times(100).unwrap_or(Decimal::MAX), limit }
    }

    pub(crate) fn reading(&self) -> Option<Reading> {
        let (before, equity) = self.measured?;
        lost(before, equity).map(|part| self.in_percent(part))
    }

    /// The same, as nothing lost before it is known.
    pub(crate) fn reading_or_none(&self) -> Reading {
        self.reading().unwrap_or_else(|| self.in_percent(Decimal::ZERO))
    }

    /// Time has passed, and nothing is known to have changed.
    pub(crate) fn tick(&mut self, now: Timestamp) {
        // What has not tripped and is far does not by time.
        if self.is_far && !self.trip.is_tripped() {
            return;
        }
        if let Some(reading) = self.reading() {
            self.trip.observe(now, reading.is_over(), reading.is_calm(), self.dwell);
        }
    }

    /// Does it act on nothing, and is it near no warning?
    pub(crate) const fn rests(&self) -> bool {
        !self.trip.is_tripped() && self.is_far
    }

    /// Is the part that is gone far below the first warning? False where that is not known.
    pub(crate) const fn is_far(&self) -> bool {
        self.is_far
    }

    /// Is nothing lost?
    pub(crate) fn is_none(&self) -> bool {
        self.measured.is_some_and(|(before, equity)| equity >= before)
    }

    /// What may still be lost before it trips, never below zero. `None` before it is known.
    pub(crate) fn room(&self) -> Option<Amount> {
        let (before, equity) = self.last?;
        room_of(before, equity, self.limit_bps)
    }

    pub(crate) const fn verdict(&self) -> Verdict {
        if self.trip.is_tripped() { Verdict::Halt } else { Verdict::Clear }
    }

    pub(crate) fn due(&self) -> Option<Timestamp> {
        self.trip.due(self.dwell)
    }
}

/// How often one has to be halved to be no more than the part of a limit that is far below the first warning, at most 64 times.
const fn far_halves(limit_bps: u32) -> u32 {
    // Of parts of 1/1 000 000.
    let far = FAR_PERCENT as u128 * limit_bps as u128;
    let mut halves = 0;
    while halves < 64 && far << halves < 1_000_000 {
        halves += 1;
    }
    halves
}

/// The part of `before` that is gone: 0 when nothing is. `None` when there was nothing.
fn lost(before: Amount, equity: Amount) -> Option<Decimal> {
    if before <= Amount::ZERO {
        return None;
    }
    let gone = before.checked_sub(equity)?.get();
    if gone <= Decimal::ZERO {
        return Some(Decimal::ZERO);
    }
    // Rounded down a part that reaches the limit still does: a limit has four digits.
    gone.checked_div(before.get(), Rounding::Down)
}

/// What of `equity` may be lost until this part of `before` is gone, never below zero.
pub(crate) fn room_of(before: Amount, equity: Amount, limit_bps: u32) -> Option<Amount> {
    let kept = Decimal::new(10_000 - i64::from(limit_bps.min(10_000)), 4);
    let least = Amount::try_from(before.get().checked_mul(kept, Rounding::Up)?).ok()?;
    equity.checked_sub(least).map(|room| room.max(Amount::ZERO))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::number;

    /// Before, now, limit in hundredths of a percent, percent lost, room, trips.
    const CASES: &[(&str, &str, u32, &str, &str, bool)] = &[
        ("1000", "1000", 1_000, "0", "100", false),
        ("1000", "1200", 1_000, "0", "300", false), // a gain is no loss
        ("1000", "900.01", 1_000, "9.999", "0.01", false),
        ("1000", "900", 1_000, "10", "0", true),
        ("1000", "899.99", 1_000, "10.001", "0", true),
        ("1000", "0", 1_000, "100", "0", true),
        ("1000", "-1", 1_000, "100.1", "0", true),
        ("3", "2.91", 300, "3", "0", true),
        ("3", "2.910000000000000001", 300, "2.9999999999999999", "0.000000000000000001", false),
        ("0.00000001", "0.0000000099", 100, "1", "0", true),
        ("10000000000", "9900000000", 100, "1", "0", true),
    ];

    #[test]
    fn a_loss_trips_at_its_limit() {
        for (before, now, bps, percent, room, trips) in CASES {
            let mut loss = Loss::new(*bps, Duration::from_secs(60));
            assert_eq!((loss.reading(), loss.room()), (None, None));
            loss.observe(Timestamp::EPOCH, number(before), number(now));
            let value = loss.reading().unwrap().value.round_to(16, Rounding::Down).unwrap();
            assert_eq!(value, number(percent), "{before} {now}");
            assert_eq!(loss.room(), Some(number(room)), "{before} {now}");
            assert_eq!(loss.verdict() == Verdict::Halt, *trips, "{before} {now}");
        }
    }

    proptest! {
        /// What is told without a division is what the division tells.
        #[test]
        fn what_is_surely_far_is_far(
            before in -1_000i64..1_000_000,
            gone in prop_oneof![-1_000i64..1_000_000, -10i64..10],
            nano in -2i64..3,
            bps in 0u32..10_001,
        ) {
            let mut loss = Loss::new(bps, Duration::from_secs(60));
            // Around the edge as well: 45 % of the limit is gone, and a little more or less.
            let edge = before.checked_mul(i64::from(bps) * FAR_PERCENT).unwrap_or(0);
            let amount = |count: i64, decimals| Amount::try_from(Decimal::new(count, decimals)).unwrap();
            for equity in [
                amount(before - gone, 0),
                amount(before, 0).checked_sub(amount(edge, 6)).unwrap().checked_add(amount(nano, 18)).unwrap(),
            ] {
                let before = amount(before, 0);
                let far = lost(before, equity).map(|part| loss.in_percent(part)).map(is_far);
                prop_assert!(!loss.is_surely_far(before, equity) || far == Some(true), "{} {}", before, equity);
                loss.observe(Timestamp::EPOCH, before, equity);
                if let (Some(far), Verdict::Clear) = (far, loss.verdict()) {
                    prop_assert_eq!(loss.rests(), far, "{} {}", before, equity);
                }
            }
        }
    }

    #[test]
    fn of_nothing_nothing_is_lost() {
        let mut loss = Loss::new(100, Duration::from_secs(60));
        loss.observe(Timestamp::EPOCH, Amount::ZERO, number("-1"));
        assert_eq!((loss.reading(), loss.verdict()), (None, Verdict::Clear));
    }
}
