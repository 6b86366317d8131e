//! The clock: the one place that reads it.
//!
//! The machine's own time is read once. From then on the time is that plus what a clock that nobody
//! can set says has passed: a step of the machine's time, forwards or back, would otherwise end a
//! quiet time early or make an old price young. When the two part, the gateway says so and goes on.

use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use model::Timestamp;

/// How far the machine's time may be from ours before it is worth saying.
const DEPARTURE_MAX: Duration = Duration::from_millis(500);

static START: OnceLock<Start> = OnceLock::new();

/// One moment, read on both clocks.
#[derive(Clone, Copy, Debug)]
struct Start {
    wall: Timestamp,
    steady: Instant,
}

impl Start {
    fn at(self, steady: Instant) -> Timestamp {
        self.wall.after(steady.saturating_duration_since(self.steady))
    }
}

/// The time now. Never goes back while the process lives. A machine set before 1970 starts at the
/// epoch.
pub fn now() -> Timestamp {
    start().at(Instant::now())
}

fn start() -> Start {
    *START.get_or_init(|| Start { wall: wall(), steady: Instant::now() })
}

fn wall() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_nanos(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

/// Watches the machine's time beside ours.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    /// How far ahead the machine's was when that was last said, milliseconds.
    said_ms: i64,
}

impl Watch {
    /// How far the machine's time is ahead of ours, milliseconds, once for each step that it makes.
    pub(crate) fn look(&mut self) -> Option<i64> {
        self.compare(now(), wall())
    }

    fn compare(&mut self, ours: Timestamp, machine: Timestamp) -> Option<i64> {
        let ahead = machine.millis().saturating_sub(ours.millis());
        let moved = Duration::from_millis(ahead.abs_diff(self.said_ms));
        if moved <= DEPARTURE_MAX {
            return None;
        }
        self.said_ms = ahead;
        Some(ahead)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis).unwrap()
    }

    #[test]
    fn time_is_the_start_and_what_has_passed_since() {
        let start = Start { wall: at(1_000), steady: Instant::now() };
        assert_eq!(start.at(start.steady + Duration::from_millis(250)), at(1_250));
        let earlier = start.steady.checked_sub(Duration::from_millis(1)).unwrap();
        assert_eq!(start.at(earlier), at(1_000));
        let first = now();
        assert!(now() >= first);
    }

    #[test]
    fn a_step_of_the_machine_is_told_once_and_so_is_the_next() {
        let mut watch = Watch::default();
        for (machine, told) in [
            (10_000, None),
            (10_500, None),
            (10_501, Some(501)),
            (10_601, None),
            (70_000, Some(60_000)),
            (70_000, None),
            (10_000, Some(0)),
            (4_000, Some(-6_000)),
        ] {
            assert_eq!(watch.compare(at(10_000), at(machine)), told, "{machine}");
        }
    }
}
