//! Tells a stream that is mute from one that is merely quiet.
//!
//! A socket whose far end answers pings and says nothing is dead, and only the stream's own rhythm
//! shows it: a busy book that changes ten times a second is dead after seconds, a sleepy one may be
//! silent for half a minute. So the longest gap of late is remembered, and several times that is
//! the bound.

use std::time::Duration;

use model::Timestamp;

/// A stream may be silent for so many times its longest gap of late.
const PATIENCE: u32 = 4;
/// Messages after which an older longest gap is forgotten, at the earliest.
const WINDOW: u32 = 256;

/// The rhythm of one stream.
#[derive(Clone, Copy, Debug)]
pub struct Pulse {
    last: Timestamp,
    heard: u32,
    /// Longest gap of this window and of the one before.
    gaps: [Duration; 2],
}

impl Pulse {
    /// A stream that was subscribed to at this time.
    pub const fn new(now: Timestamp) -> Pulse {
        Pulse { last: now, heard: 0, gaps: [Duration::ZERO; 2] }
    }

    /// It said something.
    pub fn beat(&mut self, now: Timestamp) {
        let gap = now.since(self.last);
        self.last = self.last.max(now);
        // The first gap tells when we came, not how the stream is.
        if self.heard > 0 {
            self.gaps[0] = self.gaps[0].max(gap);
        }
        self.heard += 1;
        if self.heard > WINDOW {
            self.heard = 1;
            self.gaps = [Duration::ZERO, self.gaps[0]];
        }
    }

    /// From when on it is dead if it says nothing more.
    pub fn dead_at(&self, bounds: SilenceBounds) -> Timestamp {
        let longest = self.gaps[0].max(self.gaps[1]);
        let usual = if longest.is_zero() { bounds.max } else { longest.saturating_mul(PATIENCE) };
        self.last.after(usual.clamp(bounds.min, bounds.max))
    }

    /// When it last said something.
    pub const fn last(&self) -> Timestamp {
        self.last
    }
}

/// What a bound on silence is kept within.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SilenceBounds {
    /// However busy the stream was, this much silence is no proof.
    pub min: Duration,
    /// However quiet it was, after this it is dead; also where nothing was ever heard.
    pub max: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: SilenceBounds =
        SilenceBounds { min: Duration::from_secs(5), max: Duration::from_secs(60) };

    fn after(pulse: &Pulse) -> Duration {
        pulse.dead_at(BOUNDS).since(pulse.last())
    }

    fn beats(pulse: &mut Pulse, count: u32, every_ms: u64) {
        for _ in 0..count {
            pulse.beat(pulse.last().after(Duration::from_millis(every_ms)));
        }
    }

    #[test]
    fn a_busy_stream_is_dead_soon_and_a_sleepy_one_late() {
        let mut pulse = Pulse::new(Timestamp::from_nanos(0));
        assert_eq!(after(&pulse), BOUNDS.max, "nothing known yet");
        beats(&mut pulse, 1, 3_000);
        assert_eq!(after(&pulse), BOUNDS.max, "the first gap says nothing");
        beats(&mut pulse, 10, 100);
        assert_eq!(after(&pulse), BOUNDS.min);
        beats(&mut pulse, 1, 2_500);
        assert_eq!(after(&pulse), Duration::from_secs(10), "it was that silent before");
        beats(&mut pulse, 1, 40_000);
        assert_eq!(after(&pulse), BOUNDS.max);
    }

    #[test]
    fn an_old_gap_is_forgotten_in_the_end() {
        let mut pulse = Pulse::new(Timestamp::from_nanos(0));
        beats(&mut pulse, 2, 10_000);
        beats(&mut pulse, WINDOW, 100);
        assert_eq!(after(&pulse), Duration::from_secs(40), "the window before counts");
        beats(&mut pulse, WINDOW, 100);
        assert_eq!(after(&pulse), BOUNDS.min);
    }
}
