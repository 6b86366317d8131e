//! What happened lately, counted over a sliding window.
//!
//! Both kinds keep more than any window asks for, by time and by number, so that a limit that is made wider
//! or longer while a gateway runs still counts what was before. Where more has happened than is remembered
//! the count is at least `COUNT_MAX`, which is as much as any limit allows.

use std::collections::VecDeque;
use std::time::Duration;

use model::{Notional, Timestamp};
use serde::{Deserialize, Serialize};

use crate::limits::{COUNT_MAX, WINDOW_MAX};

/// When something happened, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Times(VecDeque<Timestamp>);

impl Times {
    /// It happened.
    pub(crate) fn note(&mut self, now: Timestamp) {
        let now = self.0.back().map_or(now, |last| now.max(*last));
        let from = now.before(WINDOW_MAX);
        while self.0.len() >= COUNT_MAX as usize || self.0.front().is_some_and(|at| *at <= from) {
            self.0.pop_front();
        }
        self.0.push_back(now);
    }

    /// It happened, and who counts it forgets it, too.
    pub(crate) fn push(&mut self, now: Timestamp) {
        self.0.push_back(now);
    }

    /// What happened first is forgotten.
    pub(crate) fn forget_oldest(&mut self) {
        self.0.pop_front();
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How often it happened in this time until now.
    pub(crate) fn within(&self, now: Timestamp, window: Duration) -> u32 {
        let from = now.before(window);
        let over = self.0.partition_point(|at| *at <= from);
        u32::try_from(self.0.len() - over).unwrap_or(u32::MAX)
    }

    /// Did it happen less often than this? Most often it did, and one look at when it happened so often before the
    /// last time tells; counting is for telling people.
    pub(crate) fn is_below(&self, limit: u32, now: Timestamp, window: Duration) -> bool {
        let Some(at) = self.0.len().checked_sub(limit as usize) else { return true };
        self.0.get(at).is_some_and(|at| *at <= now.before(window))
    }

    /// A session begins, by whatever clock: what is remembered is as old as it was at the last entry.
    pub(crate) fn is_read_at(&mut self, seen: Timestamp, now: Timestamp) {
        self.0.iter_mut().for_each(|at| *at = moved(*at, seen, now));
    }
}

/// Sums of money, oldest first, each with all before it in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sums {
    /// What the forgotten ones came to.
    forgotten: Notional,
    sums: VecDeque<(Timestamp, Notional)>,
    /// It came to more than can be counted: then nothing is within any limit.
    uncountable: bool,
}

impl Default for Sums {
    fn default() -> Sums {
        Sums { forgotten: Notional::ZERO, sums: VecDeque::new(), uncountable: false }
    }
}

impl Sums {
    /// So much is added; `None` for more than can be counted.
    pub(crate) fn note(&mut self, now: Timestamp, amount: Option<Notional>) {
        let (now, before) = match self.sums.back() {
            Some((last, sum)) => (now.max(*last), *sum),
            None => (now, self.forgotten),
        };
        let Some(sum) = amount.and_then(|amount| before.checked_add(amount)) else {
            self.uncountable = true;
            return;
        };
        let from = now.before(WINDOW_MAX);
        while self.sums.len() >= COUNT_MAX as usize
            || self.sums.front().is_some_and(|(at, _)| *at <= from)
        {
            self.forgotten = self.sums.pop_front().map_or(self.forgotten, |(_, sum)| sum);
        }
        self.sums.push_back((now, sum));
    }

    /// All that is remembered: what any time until now came to is not more. `None` when that cannot be told.
    pub(crate) fn at_most(&self) -> Option<Notional> {
        let is_all = !self.uncountable && self.sums.len() < COUNT_MAX as usize;
        let all = self.sums.back().map_or(self.forgotten, |(_, sum)| *sum);
        all.checked_sub(self.forgotten).filter(|_| is_all)
    }

    /// What this time until now came to. `None` when that cannot be told.
    pub(crate) fn within(&self, now: Timestamp, window: Duration) -> Option<Notional> {
        if self.uncountable {
            return None;
        }
        let from = now.before(window);
        let Some((_, all)) = self.sums.back() else { return Some(Notional::ZERO) };
        let over = self.sums.partition_point(|(at, _)| *at <= from);
        // More than is remembered may be within the window.
        if over == 0 && self.sums.len() >= COUNT_MAX as usize {
            return None;
        }
        let before = over.checked_sub(1).and_then(|last| self.sums.get(last));
        all.checked_sub(before.map_or(self.forgotten, |(_, sum)| *sum))
    }

    /// The same as [`Times::is_read_at`].
    pub(crate) fn is_read_at(&mut self, seen: Timestamp, now: Timestamp) {
        self.sums.iter_mut().for_each(|(at, _)| *at = moved(*at, seen, now));
    }
}

/// As long before `now` as it was before `seen`.
pub(crate) fn moved(at: Timestamp, seen: Timestamp, now: Timestamp) -> Timestamp {
    now.before(seen.since(at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::number;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(ms).unwrap()
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn what_is_as_old_as_the_window_is_out_of_it() {
        let (mut times, mut sums) = (Times::default(), Sums::default());
        for (ms, amount) in [(0, "1"), (400, "10"), (1_000, "100")] {
            times.note(at(ms));
            sums.note(at(ms), Some(number(amount)));
        }
        for (ms, count, sum) in
            [(999, 3, "111"), (1_000, 2, "110"), (1_400, 1, "100"), (2_000, 0, "0")]
        {
            assert_eq!(times.within(at(ms), SECOND), count, "{ms}");
            let below = (0..6).filter(|limit| times.is_below(*limit, at(ms), SECOND));
            assert!(below.eq(count + 1..6), "{ms}");
            assert_eq!(sums.within(at(ms), SECOND), Some(number(sum)), "{ms}");
        }
        // A longer window still finds them.
        assert_eq!(times.within(at(2_000), 3 * SECOND), 3);
        assert_eq!(sums.within(at(2_000), 3 * SECOND), Some(number("111")));
        assert_eq!(sums.at_most(), Some(number("111")));
    }

    #[test]
    fn what_is_forgotten_counts_as_too_much() {
        let (mut times, mut sums) = (Times::default(), Sums::default());
        for _ in 0..=COUNT_MAX {
            times.note(at(0));
            sums.note(at(0), Some(number("1")));
        }
        assert_eq!(times.within(at(1), SECOND), COUNT_MAX);
        assert_eq!(sums.within(at(1), SECOND), None);
        assert_eq!(sums.at_most(), None);
        times.note(at(1_000).after(WINDOW_MAX));
        sums.note(at(1_000).after(WINDOW_MAX), Some(number("2")));
        assert_eq!(times.within(at(1_000).after(WINDOW_MAX), 2 * WINDOW_MAX), 1);
        assert_eq!(sums.within(at(1_000).after(WINDOW_MAX), SECOND), Some(number("2")));
        sums.note(at(2_000).after(WINDOW_MAX), None);
        assert_eq!(sums.within(at(2_000).after(WINDOW_MAX), SECOND), None);
        assert_eq!(sums.at_most(), None);
    }

    /// A clock that was set back while nobody ran neither lengthens a window nor empties it.
    #[test]
    fn a_session_with_another_clock_goes_on() {
        let mut times = Times::default();
        times.note(at(10_000));
        times.note(at(10_400));
        times.is_read_at(at(10_500), at(2_000));
        assert_eq!(times.within(at(2_000), SECOND), 2);
        assert_eq!(times.within(at(2_500), SECOND), 1);
        assert_eq!(times.within(at(2_900), SECOND), 0);
        // Within a session the clock does not go back; should it, order is kept.
        times.note(at(1_000));
        assert_eq!(times.within(at(2_000), SECOND), 3);
    }
}
