//! The exchange's time: told now and then, and counted on from there by a clock that cannot be set.
//!
//! The host's own clock is somebody's to set: forward by a day, and the day's loss would be allowed again.
//! So it stands in only until the exchange has told its time once, and only to sign with; what is counted
//! from it says so.

use std::time::{Duration, Instant};

/// The exchange's clock is asked for again after this.
const AGE_MAX: Duration = Duration::from_secs(60);

/// What the exchange's clock showed, and when.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct VenueClock {
    /// Milliseconds since the Unix epoch, at this moment.
    told: Option<(i64, Instant)>,
    doubted: bool,
}

impl VenueClock {
    /// The exchange was asked and has answered: it showed this about halfway between.
    pub(crate) fn told(&mut self, venue_ms: i64, asked: Instant, heard: Instant) {
        let halfway = asked + heard.saturating_duration_since(asked) / 2;
        (self.told, self.doubted) = (Some((venue_ms, halfway)), false);
    }

    /// A request was refused for its time. What was told goes on until there is something newer: the host's
    /// clock is no better.
    pub(crate) fn doubt(&mut self) {
        self.doubted = true;
    }

    /// Whether the exchange should be asked first.
    pub(crate) fn is_old(&self, now: Instant) -> bool {
        let old = |(_, at): (i64, Instant)| now.saturating_duration_since(at) > AGE_MAX;
        self.doubted || self.told.is_none_or(old)
    }

    /// Whether the exchange has ever told its time.
    pub(crate) const fn is_known(&self) -> bool {
        self.told.is_some()
    }

    /// The exchange's time now; `host_ms`, what the host's clock shows, only while nothing better is known.
    pub(crate) fn at(&self, now: Instant, host_ms: i64) -> i64 {
        let Some((venue_ms, at)) = self.told else { return host_ms };
        let since = now.saturating_duration_since(at).as_millis();
        venue_ms.saturating_add(i64::try_from(since).unwrap_or(i64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_MS: i64 = 86_400_000;

    /// I27: the host's clock is set forward by a day, and back, and nothing here notices.
    #[test]
    fn the_hosts_clock_matters_only_until_the_exchange_has_told_its_own() {
        let (start, mut clock) = (Instant::now(), VenueClock::default());
        let after = |ms| start + Duration::from_millis(ms);
        assert!(!clock.is_known() && clock.is_old(start));
        assert_eq!(clock.at(start, 5), 5, "nothing better is known");
        clock.told(1_000_000, start, after(100));
        assert!(clock.is_known() && !clock.is_old(after(60_050)) && clock.is_old(after(60_051)));
        for host_ms in [0, 1_000_000, 1_000_000 + DAY_MS, i64::MAX] {
            assert_eq!(clock.at(after(50), host_ms), 1_000_000);
            assert_eq!(clock.at(after(30_050), host_ms), 1_030_000);
        }
        clock.doubt();
        assert!(clock.is_old(after(200)), "it is asked again");
        assert_eq!(clock.at(after(1_050), DAY_MS), 1_001_000, "and counts on until it answers");
        clock.told(2_000_000, after(2_000), after(2_000));
        assert!(!clock.is_old(after(2_100)));
        assert_eq!(clock.at(after(2_500), 0), 2_000_500);
    }
}
