//! How long to wait before trying again: exponential with full jitter, so that a thousand clients
//! that lost one venue do not come back in step.
//!
//! The longest pause grows with how long the trouble has lasted: what is over soon is noticed soon, and
//! a venue that is down for an hour is not knocked at every other second.

use std::time::Duration;

use model::Timestamp;

/// Shortest pause.
pub const PAUSE_MIN: Duration = Duration::from_millis(50);
/// Upper bound of the first pause.
pub const PAUSE_FIRST: Duration = Duration::from_millis(200);
/// Longest pause while the trouble is younger than [`TROUBLE_SHORT`].
pub const PAUSE_SOON_MAX: Duration = Duration::from_secs(3);
/// Longest pause of all.
pub const PAUSE_MAX: Duration = Duration::from_secs(30);
/// Trouble that has lasted for longer is looked at more seldom: no pause is longer than a quarter of it.
pub const TROUBLE_SHORT: Duration = Duration::from_secs(60);
/// A connection that has lived this long is stable: the next failure starts from the beginning.
pub const STABLE: Duration = Duration::from_secs(60);

/// Pauses between attempts at one thing.
#[derive(Debug)]
pub struct Backoff {
    failures: u32,
    /// Since when nothing has been stable.
    troubled: Option<Timestamp>,
    connected: Option<Timestamp>,
    pause_max: Duration,
    chance: Chance,
}

impl Backoff {
    /// Draws its jitter from this seed; two clients must not have the same one.
    pub const fn new(seed: u64) -> Backoff {
        Backoff {
            failures: 0,
            troubled: None,
            connected: None,
            pause_max: PAUSE_MAX,
            chance: Chance(seed),
        }
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
            self.troubled = None;
        }
        let lasts = now.since(*self.troubled.get_or_insert(now));
        let soon = if lasts < TROUBLE_SHORT { PAUSE_SOON_MAX } else { lasts / 4 };
        let bound = PAUSE_FIRST.saturating_mul(1 << self.failures.min(10));
        let bound = bound.min(soon).min(self.pause_max);
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
        // When, and the longest pause then.
        for (ms, cap) in [
            (0, PAUSE_SOON_MAX),
            (59_999, PAUSE_SOON_MAX),
            (60_000, Duration::from_secs(15)),
            (100_000, Duration::from_secs(25)),
            (120_000, PAUSE_MAX),
            (3_600_000, PAUSE_MAX),
        ] {
            let mut longest = Duration::ZERO;
            for _ in 0..200 {
                let pause = backoff.pause(at(ms));
                assert!((PAUSE_MIN..=cap).contains(&pause), "{ms}: {pause:?}");
                longest = longest.max(pause);
            }
            assert!(longest > cap * 9 / 10, "{ms}: {longest:?}");
        }
        backoff.connected(at(3_600_000));
        let flapping: Vec<_> = (0..50).map(|_| backoff.pause(at(3_659_999))).collect();
        assert!(flapping.iter().any(|pause| *pause > PAUSE_FIRST), "{flapping:?}");
        backoff.connected(at(3_600_000));
        assert!(backoff.pause(at(3_660_000)) <= PAUSE_FIRST);
        let again: Vec<_> = (0..200).map(|_| backoff.pause(at(3_661_000))).collect();
        assert!(again.iter().all(|pause| *pause <= PAUSE_SOON_MAX), "another trouble, a young one");
    }

    /// Two sessions with one venue that takes every connection and ends it at once, or refuses it:
    /// half of the 300 attempts that Binance allows an address in five minutes are left to others, in
    /// the worst five minutes, which are the first.
    #[test]
    fn a_storm_stays_below_half_of_the_cap() {
        const WINDOW_MS: u64 = 300_000;
        for seed in 0..200 {
            let mut attempts = 0;
            for session in [2 * seed, 2 * seed + 1] {
                let (mut backoff, mut now) = (Backoff::new(session), 0);
                while now < WINDOW_MS {
                    attempts += 1;
                    backoff.connected(at(now));
                    now += u64::try_from(backoff.pause(at(now)).as_millis()).unwrap();
                }
            }
            assert!(attempts <= 150, "seed {seed}: {attempts}");
        }
    }

    #[test]
    fn the_cap_can_be_lower() {
        let cap = Duration::from_millis(90);
        let mut backoff = Backoff::new(7).with_pause_max(cap);
        assert!((0..200).all(|_| (PAUSE_MIN..=cap).contains(&backoff.pause(at(0)))));
    }

    /// A thousand clients lose one venue at the same moment, which is then down for a while: their
    /// sixth attempts are spread over the whole pause, without a crowd in any part of it.
    #[test]
    fn a_thousand_clients_do_not_come_back_in_step() {
        let mut tenths = [0u32; 10];
        for client in 0..1_000 {
            let mut backoff = Backoff::new(client);
            let pauses: Vec<_> = (0..5).map(|_| backoff.pause(at(0))).collect();
            let tenth = pauses[4].as_micros() * 10 / PAUSE_SOON_MAX.as_micros();
            tenths[usize::try_from(tenth).unwrap()] += 1;
        }
        assert!(tenths.iter().all(|count| (60..=140).contains(count)), "{tenths:?}");
    }
}
