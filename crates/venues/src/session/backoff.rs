//! How long to wait before trying again: exponential with full jitter, so that a thousand clients
//! that lost one venue do not come back in step.

use std::time::Duration;

use model::Timestamp;

/// Shortest pause.
pub const PAUSE_MIN: Duration = Duration::from_millis(50);
/// Upper bound of the first pause.
pub const PAUSE_FIRST: Duration = Duration::from_millis(200);
/// Longest pause.
pub const PAUSE_MAX: Duration = Duration::from_secs(10);
/// A connection that has lived this long is stable: the next failure starts from the beginning.
pub const STABLE: Duration = Duration::from_secs(60);

/// Pauses between attempts at one thing.
#[derive(Debug)]
pub struct Backoff {
    failures: u32,
    connected: Option<Timestamp>,
    pause_max: Duration,
    chance: Chance,
}

impl Backoff {
    /// Draws its jitter from this seed; two clients must not have the same one.
    pub const fn new(seed: u64) -> Backoff {
        Backoff { failures: 0, connected: None, pause_max: PAUSE_MAX, chance: Chance(seed) }
    }

    /// Pauses no longer than this instead of [`PAUSE_MAX`].
    pub const fn with_pause_max(mut self, pause_max: Duration) -> Backoff {
        self.pause_max = pause_max;
        self
    }

    /// It works, since now.
    pub fn connected(&mut self, now: Timestamp) {
        self.connected.get_or_insert(now);
    }

    /// It failed, or ended: wait this long before the next attempt.
    pub fn pause(&mut self, now: Timestamp) -> Duration {
        let lived = self.connected.take().map(|since| now.since(since));
        if lived.is_some_and(|lived| lived >= STABLE) {
            self.failures = 0;
        }
        let bound = PAUSE_FIRST.saturating_mul(1 << self.failures.min(10)).min(self.pause_max);
        self.failures = self.failures.saturating_add(1);
        self.chance.below(bound).max(PAUSE_MIN)
    }
}

/// Chance from a seed (SplitMix64 by Vigna, public domain): enough for a jitter, and the same run
/// can be had again.
#[derive(Debug)]
pub(super) struct Chance(pub(super) u64);

impl Chance {
    pub(super) fn below(&mut self, bound: Duration) -> Duration {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        let span = u64::try_from(bound.as_micros()).unwrap_or(u64::MAX).max(1);
        Duration::from_micros(mixed % span)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Timestamp {
        Timestamp::from_nanos(0).after(Duration::from_millis(ms))
    }

    #[test]
    fn pauses_grow_to_the_cap_and_start_again_only_after_a_stable_minute() {
        let mut backoff = Backoff::new(7);
        let mut longest = Duration::ZERO;
        for _ in 0..200 {
            let pause = backoff.pause(at(0));
            assert!((PAUSE_MIN..=PAUSE_MAX).contains(&pause), "{pause:?}");
            longest = longest.max(pause);
        }
        assert!(longest > PAUSE_MAX / 2, "{longest:?}");
        backoff.connected(at(0));
        let flapping: Vec<_> = (0..50).map(|_| backoff.pause(at(59_999))).collect();
        assert!(flapping.iter().any(|pause| *pause > PAUSE_FIRST), "{flapping:?}");
        backoff.connected(at(0));
        assert!(backoff.pause(at(60_000)) <= PAUSE_FIRST);
    }

    #[test]
    fn the_cap_can_be_lower() {
        let cap = Duration::from_millis(90);
        let mut backoff = Backoff::new(7).with_pause_max(cap);
        assert!((0..200).all(|_| (PAUSE_MIN..=cap).contains(&backoff.pause(at(0)))));
    }

    /// A thousand clients lose one venue at the same moment, which is then down for a while: their
    /// fifth attempts are spread over the whole pause, without a crowd in any part of it.
    #[test]
    fn a_thousand_clients_do_not_come_back_in_step() {
        let mut tenths = [0u32; 10];
        for client in 0..1_000 {
            let mut backoff = Backoff::new(client);
            let pauses: Vec<_> = (0..5).map(|_| backoff.pause(at(0))).collect();
            let bound = PAUSE_FIRST * 16;
            let tenth = pauses[4].as_micros() * 10 / bound.as_micros();
            tenths[usize::try_from(tenth).unwrap()] += 1;
        }
        assert!(tenths.iter().all(|count| (60..=140).contains(count)), "{tenths:?}");
    }
}
