//! So many in a minute and no more.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

const MINUTE: Duration = Duration::from_secs(60);

/// What was taken in the last minute.
#[derive(Debug)]
pub(super) struct Rate {
    max: usize,
    taken: VecDeque<Instant>,
}

impl Rate {
    pub(super) const fn a_minute(max: usize) -> Rate {
        Rate { max, taken: VecDeque::new() }
    }

    /// Takes one, where one is left.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        let is_old = |taken: &Instant| now.saturating_duration_since(*taken) >= MINUTE;
        while self.taken.front().is_some_and(is_old) {
            self.taken.pop_front();
        }
        let is_left = self.taken.len() < self.max;
        if is_left {
            self.taken.push_back(now);
        }
        is_left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_over_a_minute_old_counts_no_more() {
        let (mut rate, start) = (Rate::a_minute(2), Instant::now());
        let after = |seconds| start + Duration::from_secs(seconds);
        assert!(rate.take(start) && rate.take(after(30)));
        assert!(!rate.take(after(59)));
        assert!(rate.take(after(60)), "the first one is a minute old");
        assert!(!rate.take(after(89)) && rate.take(after(90)));
    }
}
