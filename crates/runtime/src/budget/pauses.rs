//! How long one who waits for permission pauses before it asks again.
//!
//! Before the venue's first answer nobody knows when there is room, and everybody is told to ask soon. Hundreds of orders
//! that ask each fifty milliseconds would keep the file, which cancels need, from being had. So each asks less often the
//! longer it has waited in vain.

use std::time::Duration;

/// Longest pause that is longer than what was said.
const PAUSE_MAX: Duration = Duration::from_millis(400);

/// The pauses of one that waits.
#[derive(Debug, Default)]
pub(super) struct Pauses {
    last: Duration,
}

impl Pauses {
    /// There may be room in so long, and `left` is the time until it is too late: never shorter than the one, and by
    /// itself never longer than the other.
    pub(super) fn next(&mut self, wait: Duration, left: Duration) -> Duration {
        let grown = (self.last * 2).min(PAUSE_MAX).min(left);
        self.last = wait.max(grown).min(PAUSE_MAX);
        wait.max(grown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn who_waits_long_asks_less_often() {
        let (mut pauses, mut at, mut asked) = (Pauses::default(), Duration::ZERO, Vec::new());
        while at + ms(50) <= ms(2_000) {
            let pause = pauses.next(ms(50), ms(2_000) - at);
            asked.push(pause.as_millis());
            at += pause;
        }
        assert_eq!(asked, [50, 100, 200, 400, 400, 400, 400, 50], "and 40 times without");
    }

    #[test]
    fn what_is_said_is_waited_for_and_what_is_left_is_used() {
        let mut pauses = Pauses::default();
        assert_eq!(pauses.next(ms(30_000), ms(40_000)), ms(30_000));
        assert_eq!(pauses.next(ms(50), ms(10_000)), ms(400), "not a minute");
        assert_eq!(pauses.next(ms(50), ms(120)), ms(120));
        assert_eq!(pauses.next(ms(20), ms(20)), ms(20));
    }
}
