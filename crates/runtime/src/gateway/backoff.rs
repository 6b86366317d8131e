//! How long to wait before trying again: exponential with full jitter, so that a thousand clients
//! that lost one venue do not come back in step.

use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant};

/// Shortest pause.
const FLOOR: Duration = Duration::from_millis(50);
/// Upper bound of the first pause.
const BASE: Duration = Duration::from_millis(200);
/// Longest pause.
const CAP: Duration = Duration::from_secs(10);
/// A connection that has lived this long is stable: the next failure starts from the beginning.
const STABLE: Duration = Duration::from_secs(60);

/// Pauses between attempts at one thing.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
    connected: Option<Instant>,
}

impl Backoff {
    /// It worked, now.
    pub(super) fn connected(&mut self) {
        self.connected = Some(Instant::now());
    }

    /// It failed, or ended: wait this long before the next attempt.
    pub(super) fn pause(&mut self) -> Duration {
        // Each `RandomState` has keys of its own: enough chance for a jitter.
        let chance = RandomState::new().hash_one(self.failures);
        let lived = self.connected.take().map(|since| since.elapsed());
        self.after(lived, chance)
    }

    fn after(&mut self, lived: Option<Duration>, chance: u64) -> Duration {
        if lived.is_some_and(|lived| lived >= STABLE) {
            self.failures = 0;
        }
        let bound = BASE.saturating_mul(1 << self.failures.min(10)).min(CAP);
        self.failures = self.failures.saturating_add(1);
        let span = u64::try_from(bound.as_micros()).unwrap_or(u64::MAX).max(1);
        Duration::from_micros(chance % span).max(FLOOR)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_the_cap_and_start_again_only_after_a_stable_minute() {
        let mut backoff = Backoff::default();
        let longest = u64::MAX - u64::MAX % 1_000_000;
        for _ in 0..20 {
            let pause = backoff.after(None, longest - 1);
            assert!(pause >= FLOOR && pause <= CAP, "{pause:?}");
        }
        let flapping = backoff.after(Some(Duration::from_secs(59)), 9_999_999);
        assert!(flapping > Duration::from_secs(9), "{flapping:?}");
        let stable = backoff.after(Some(STABLE), 9_999_999);
        assert!(stable <= BASE, "{stable:?}");
        assert_eq!(backoff.after(None, 0), FLOOR, "never at once");
    }
}
