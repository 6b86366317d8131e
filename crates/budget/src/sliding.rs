//! A window that rolls with the time: no stretch of its length may hold more than the limit.
//!
//! Kept as slices, not as a list of requests, so it has a fixed size. A slice is forgotten only when
//! it lies in the past as a whole, and one slice more is kept than a window needs: requests may
//! bunch up on the way.

use std::time::Duration;

use model::Timestamp;
use serde::{Deserialize, Serialize};

/// Slices of a window.
const SLICES: usize = 20;
/// Those kept: the one that is being filled, a window's worth, and one for what bunches up.
const RING: usize = SLICES + 2;

/// Counts by slice. The slice of number `n` is at `n % RING`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sliding {
    /// Number of the newest slice, counted from the epoch.
    head: i64,
    counts: [u32; RING],
}

/// Length of a slice, nanoseconds.
fn slice_ns(window: Duration) -> i64 {
    i64::try_from(window.as_nanos() / SLICES as u128).unwrap_or(i64::MAX).max(1)
}

fn place(number: i64) -> usize {
    usize::try_from(number.rem_euclid(RING as i64)).unwrap_or(0)
}

impl Sliding {
    /// So many used just now.
    pub(crate) fn filled(now: Timestamp, window: Duration, used: u32) -> Sliding {
        let head = now.nanos().div_euclid(slice_ns(window));
        let mut window = Sliding { head, counts: [0; RING] };
        window.counts[place(head)] = used;
        window
    }

    pub(crate) fn roll(&mut self, now: Timestamp, window: Duration) {
        let head = now.nanos().div_euclid(slice_ns(window));
        let passed = head.saturating_sub(self.head);
        if passed <= 0 {
            return;
        }
        if passed >= RING as i64 {
            self.counts = [0; RING];
        } else {
            for number in self.head + 1..=head {
                self.counts[place(number)] = 0;
            }
        }
        self.head = head;
    }

    /// Used in the last window and a little more.
    pub(crate) fn used(&self) -> i64 {
        self.counts.iter().map(|count| i64::from(*count)).sum()
    }

    /// May this be added? If not: when.
    pub(crate) fn fits(&self, window: Duration, cap: i64, amount: u32) -> Result<(), Timestamp> {
        let amount = i64::from(amount);
        let mut over = self.used() + amount - cap;
        if over <= 0 {
            return Ok(());
        }
        if amount > cap {
            return Err(Timestamp::MAX);
        }
        let oldest = self.head + 1 - RING as i64;
        for number in oldest..=self.head {
            over -= i64::from(self.counts[place(number)]);
            if over <= 0 {
                let end = (number + RING as i64).saturating_mul(slice_ns(window));
                return Err(Timestamp::from_nanos(end));
            }
        }
        Err(Timestamp::MAX)
    }

    pub(crate) fn book(&mut self, amount: u32) {
        let newest = &mut self.counts[place(self.head)];
        *newest = newest.saturating_add(amount);
    }

    pub(crate) fn give_back(&mut self, at: Timestamp, window: Duration, amount: u32) {
        let number = at.nanos().div_euclid(slice_ns(window));
        if number <= self.head && number > self.head - RING as i64 {
            let count = &mut self.counts[place(number)];
            *count = count.saturating_sub(amount);
        }
    }

    /// The venue counts this much: believed when it is more than we thought.
    pub(crate) fn told(&mut self, used: u32) {
        let missing = i64::from(used) - self.used();
        if let Ok(missing) = u32::try_from(missing) {
            self.book(missing);
        }
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.used() == 0
    }

    /// The clock was set: what was used stays used for as long as it would have.
    pub(crate) fn step(&mut self, now: Timestamp, window: Duration) {
        let head = now.nanos().div_euclid(slice_ns(window));
        let mut counts = [0; RING];
        for back in 0..RING as i64 {
            counts[place(head - back)] = self.counts[place(self.head - back)];
        }
        *self = Sliding { head, counts };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_nanos(1_767_225_600_000_000_000 + millis * 1_000_000)
    }

    #[test]
    fn what_was_used_counts_for_a_window_and_a_little_more() {
        let mut window = Sliding::filled(at(0), SECOND, 3);
        for (millis, used) in [(999, 3), (1_050, 3), (1_099, 3), (1_100, 0)] {
            window.roll(at(millis), SECOND);
            assert_eq!(window.used(), used, "{millis}");
        }
        assert!(window.is_idle());
    }

    #[test]
    fn the_wait_ends_when_enough_is_forgotten() {
        let mut window = Sliding::filled(at(0), SECOND, 3);
        window.roll(at(500), SECOND);
        window.book(5);
        assert_eq!(window.fits(SECOND, 10, 2), Ok(()));
        assert_eq!(window.fits(SECOND, 10, 3), Err(at(1_100)));
        assert_eq!(window.fits(SECOND, 10, 6), Err(at(1_600)));
        assert_eq!(window.fits(SECOND, 10, 11), Err(Timestamp::MAX));
        window.give_back(at(10), SECOND, 3);
        assert_eq!(window.fits(SECOND, 10, 5), Ok(()));
    }

    #[test]
    fn the_venue_is_believed_when_it_counts_more() {
        let mut window = Sliding::filled(at(0), SECOND, 3);
        window.told(2);
        assert_eq!(window.used(), 3);
        window.told(7);
        assert_eq!(window.used(), 7);
    }

    #[test]
    fn a_clock_set_back_neither_forgets_nor_keeps_longer() {
        let mut window = Sliding::filled(at(0), SECOND, 10);
        window.roll(at(600), SECOND);
        window.step(at(-3_600_000), SECOND);
        assert_eq!(window.used(), 10);
        let until = window.fits(SECOND, 10, 1).unwrap_err();
        assert_eq!(until.since(at(-3_600_000)), Duration::from_millis(500));
    }
}
