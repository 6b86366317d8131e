//! What an account is worth, and what its losses are measured by: the high-water mark, what there was when the
//! day began, and the most of the last minute.
//!
//! A deposit or withdrawal is no profit and no loss. It changes all of them by the same factor as the account,
//! so that every loss stays the part that it was: who has lost five percent and withdraws half of the rest has
//! still lost five.

use std::collections::VecDeque;
use std::time::Duration;

use model::{Amount, Asset, CountedAssets, Decimal, EquityMark, Rounding, Timestamp};

use crate::breakers::Before;

/// Looks that the most of a time is kept of.
const PEAKS: u32 = 120;
/// They are not closer to each other.
const PEAK_EVERY_MIN: Duration = Duration::from_millis(500);
/// What was known so long before a day began is not what it began with.
const DAY_LAG_MAX: Duration = Duration::from_secs(300);

/// Amounts are in the valuation asset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Worth {
    pub(crate) equity: Amount,
    /// The same, at the strictest prices when it was last looked at.
    strict: Amount,
    at: Timestamp,
    pub(crate) high: Amount,
    pub(crate) day: i64,
    pub(crate) day_start: Amount,
    /// Falling, oldest first: the first one is the most of the window.
    peaks: VecDeque<(Timestamp, Amount)>,
    peak_at: Option<Timestamp>,
    window: Duration,
    /// Between two looks of which the most is kept.
    pause: Duration,
}

impl Worth {
    /// Nothing was known before.
    pub(crate) fn begins(now: Timestamp, day: i64, equity: Amount, window: Duration) -> Worth {
        Worth {
            equity,
            strict: equity,
            at: now,
            high: equity,
            day,
            day_start: equity,
            peaks: VecDeque::new(),
            peak_at: None,
            window,
            pause: pause_of(window),
        }
    }

    /// As it was written down at that time.
    pub(crate) fn restored(mark: &EquityMark, at: Timestamp, window: Duration) -> Worth {
        let EquityMark { equity, high, day, day_start, .. } = *mark;
        Worth {
            equity,
            strict: equity,
            at,
            high,
            day,
            day_start,
            peaks: VecDeque::new(),
            peak_at: None,
            window,
            pause: pause_of(window),
        }
    }

    /// The most of so long counts from now on. What is older than the time before is not known any more.
    pub(crate) fn looks_back(&mut self, window: Duration) {
        self.window = window;
        self.pause = pause_of(window);
    }

    /// Funds came or went: the account was worth `before` without them, and is worth `after`.
    pub(crate) fn transferred(&mut self, before: Amount, after: Amount) {
        if before > Amount::ZERO && after > Amount::ZERO {
            return self.scale(before.get(), after.get());
        }
        // An account that was empty begins anew.
        (self.high, self.day_start, self.equity, self.strict) = (after, after, after, after);
        self.peaks.clear();
    }

    /// What counts is not what counted: losses stay the parts that they were.
    pub(crate) fn counted_anew(&mut self, equity: Amount) {
        self.transferred(self.equity, equity);
    }

    fn scale(&mut self, before: Decimal, after: Decimal) {
        let peaks = self.peaks.iter_mut().map(|(_, peak)| peak);
        let known = [&mut self.equity, &mut self.strict, &mut self.high, &mut self.day_start];
        for amount in known.into_iter().chain(peaks) {
            let scaled = amount
                .get()
                .checked_mul(after, Rounding::Up)
                .and_then(|product| product.checked_div(before, Rounding::Up));
            // What has no room stays; the next look shows the account as it is.
            *amount = scaled.and_then(|scaled| Amount::try_from(scaled).ok()).unwrap_or(*amount);
        }
    }

    /// A day that is later than the one that was known begins. An earlier one does not: a clock that goes back
    /// gives nobody a second day. What executed before it began and is booked after counts to this one.
    pub(crate) fn day_is(&mut self, now: Timestamp, day: i64, equity: Amount) -> bool {
        if day <= self.day {
            return false;
        }
        let is_known = now.since(self.at) <= DAY_LAG_MAX;
        self.day_start = if is_known { self.equity.max(equity) } else { equity };
        self.day = day;
        true
    }

    /// Until then it was worth what it was when it was last looked at.
    pub(crate) fn stayed(&mut self, until: Timestamp) {
        if until > self.at {
            self.is_now(until, self.equity, self.strict);
        }
    }

    /// What it is worth now, at the kindest and at the strictest prices of the last second.
    pub(crate) fn is_now(&mut self, now: Timestamp, kind: Amount, strict: Amount) {
        (self.equity, self.strict, self.at) = (kind, strict, now);
        self.high = self.high.max(strict);
        while self.peaks.front().is_some_and(|(at, _)| now.since(*at) > self.window) {
            self.peaks.pop_front();
        }
        if self.peak_at.is_none_or(|at| now.since(at) >= self.pause) {
            self.peak_at = Some(now);
            while self.peaks.back().is_some_and(|(_, peak)| *peak <= strict) {
                self.peaks.pop_back();
            }
            self.peaks.push_back((now, strict));
        }
    }

    /// What losses are measured by.
    pub(crate) fn before(&self) -> Before {
        let peak = self.peaks.front().map_or(self.equity, |(_, peak)| *peak);
        Before { high: self.high, day_start: self.day_start, peak }
    }

    /// Is it what was written down, whatever of the account counts?
    pub(crate) fn is_marked(&self, valuation: Asset, mark: &EquityMark) -> bool {
        let Worth { equity, high, day, day_start, .. } = *self;
        let marked = (mark.valuation, mark.equity, mark.high, mark.day, mark.day_start);
        (valuation, equity, high, day, day_start) == marked
    }

    /// To be written down.
    pub(crate) fn mark(&self, valuation: Asset, assets: CountedAssets) -> EquityMark {
        let Worth { equity, high, day, day_start, .. } = *self;
        EquityMark { valuation, assets, equity, high, day, day_start }
    }
}

fn pause_of(window: Duration) -> Duration {
    (window / PEAKS).max(PEAK_EVERY_MIN)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::number;

    const MINUTE: Duration = Duration::from_secs(60);

    fn at(seconds: u64) -> Timestamp {
        Timestamp::EPOCH.after(Duration::from_secs(seconds))
    }

    fn amount(text: &str) -> Amount {
        number(text)
    }

    fn worth(equity: &str) -> Worth {
        Worth::begins(at(0), 0, amount(equity), MINUTE)
    }

    fn is(worth: &mut Worth, seconds: u64, equity: &str) {
        worth.is_now(at(seconds), amount(equity), amount(equity));
    }

    #[test]
    fn a_high_needs_the_strictest_price_and_a_loss_the_kindest() {
        let mut worth = worth("100");
        worth.is_now(at(1), amount("120"), amount("100"));
        assert_eq!(worth.before().high, amount("100"));
        worth.is_now(at(2), amount("120"), amount("110"));
        assert_eq!((worth.before().high, worth.equity), (amount("110"), amount("120")));
    }

    #[test]
    fn the_most_of_the_last_minute() {
        let mut worth = worth("100");
        for (second, equity, peak) in [
            (0, "100", "100"),
            (30, "110", "110"),
            (31, "90", "110"),
            (90, "80", "110"),
            (91, "80", "90"),
        ] {
            is(&mut worth, second, equity);
            assert_eq!(worth.before().peak, amount(peak), "{second}");
        }
        (92..10_000).for_each(|second| is(&mut worth, second, &(20_000 - second).to_string()));
        assert!(worth.peaks.len() <= PEAKS as usize + 1, "{}", worth.peaks.len());
    }

    /// A minute without a look, in which it was worth the same: the most of the minute is what it was worth.
    #[test]
    fn what_stayed_counts_as_if_it_had_been_looked_at() {
        let mut worth = worth("100");
        worth.is_now(at(1), amount("110"), amount("109"));
        worth.stayed(at(300));
        is(&mut worth, 301, "90");
        assert_eq!(worth.before().peak, amount("109"));
        worth.stayed(at(300));
        assert_eq!(worth.equity, amount("90"), "what is older than the last look says nothing");
        // And a day that begins soon after it begins with that.
        worth.stayed(at(500));
        worth.day_is(at(501), 1, amount("80"));
        assert_eq!(worth.before().day_start, amount("90"));
    }

    #[test]
    fn who_withdraws_has_lost_what_he_had_lost() {
        let mut worth = worth("1000");
        is(&mut worth, 1, "950");
        worth.transferred(amount("950"), amount("95"));
        is(&mut worth, 2, "95");
        assert_eq!(
            worth.before(),
            Before { high: amount("100"), day_start: amount("100"), peak: amount("95") }
        );
    }

    /// CLK-04: what was executed before midnight and is booked after it counts once, to the new day.
    #[test]
    fn a_day_begins_with_what_was_known_before_it() {
        let mut worth = worth("1000");
        is(&mut worth, 1, "970.3");
        assert!(worth.day_is(at(2), 1, amount("960.5")), "the loss is heard of in the new day");
        assert_eq!(worth.day_start, amount("970.3"));
        assert_eq!(worth.high, amount("1000"), "the drawdown stays");
        is(&mut worth, 3, "960.5");
        // A clock that goes back, and on again: no second allowance.
        assert!(!worth.day_is(at(4), 0, amount("960.5")));
        assert!(!worth.day_is(at(5), 1, amount("960.5")));
        assert_eq!(worth.day_start, amount("970.3"));
        // Nobody looked for hours: what it was then is not what the day began with.
        assert!(worth.day_is(at(40_000), 2, amount("900")));
        assert_eq!(worth.day_start, amount("900"));
    }

    #[test]
    fn an_account_that_was_empty_begins_anew() {
        let mut worth = worth("0");
        worth.transferred(Amount::ZERO, amount("500"));
        assert_eq!((worth.high, worth.day_start), (amount("500"), amount("500")));
    }

    proptest! {
        /// ACC-04: whatever comes and goes, the part that is lost stays, to one in 10¹².
        #[test]
        fn transfers_change_no_drawdown(
            start in 1_000i64..1_000_000_000,
            lost in 0i64..900,
            moves in prop::collection::vec(1i64..100_000, 1..20),
        ) {
            let money = |whole: i64| Amount::try_from(Decimal::new(whole, 3)).unwrap();
            let mut worth = Worth::begins(at(0), 0, money(start), MINUTE);
            let mut equity = money(start - start * lost / 1_000);
            worth.is_now(at(1), equity, equity);
            let part = |worth: &Worth, of: Amount| {
                of.get().checked_div(worth.high.get(), Rounding::Down).unwrap()
            };
            let before = part(&worth, equity);
            for next in moves {
                let after = money(next);
                worth.transferred(equity, after);
                equity = after;
                worth.is_now(at(1), equity, equity);
                let now = part(&worth, equity);
                let apart = now.checked_sub(before).unwrap().abs();
                prop_assert!(apart <= Decimal::new(1, 9), "{before} {now}");
            }
        }
    }
}
