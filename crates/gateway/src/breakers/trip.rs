//! Tripped or not, so that a value that swings around its limit does not make everybody swing.
//!
//! It trips at once, for that is what it is for. It clears when it has been calm for a while, and not before
//! a whole dwell has passed since it tripped: with the usual minute no input makes more than two changes a
//! minute.

use std::time::Duration;

use model::Timestamp;

/// For how long the value has to be calm.
const CALM_FOR: Duration = Duration::from_secs(10);

/// One thing that trips.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Trip {
    tripped: Option<Timestamp>,
    calm: Option<Timestamp>,
}

impl Trip {
    /// Not tripped.
    pub(crate) const NONE: Trip = Trip { tripped: None, calm: None };

    /// Had tripped before this start: the dwell begins anew.
    pub(crate) const fn resumed(now: Timestamp) -> Trip {
        Trip { tripped: Some(now), calm: None }
    }

    pub(crate) const fn is_tripped(self) -> bool {
        self.tripped.is_some()
    }

    /// The limit is reached, or the value is well below it, or neither.
    pub(crate) fn observe(&mut self, now: Timestamp, over: bool, calm: bool, dwell: Duration) {
        let Some(tripped) = self.tripped else {
            if over {
                *self = Trip::resumed(now);
            }
            return;
        };
        if over || !calm {
            self.calm = None;
            return;
        }
        let since = *self.calm.get_or_insert(now);
        if now.since(tripped) > dwell && now.since(since) >= CALM_FOR.min(dwell) {
            *self = Trip::NONE;
        }
    }

    /// When it clears if nothing happens.
    pub(crate) fn due(self, dwell: Duration) -> Option<Timestamp> {
        let (tripped, calm) = self.tripped.zip(self.calm)?;
        let dwelt = tripped.after(dwell).after(Duration::from_nanos(1));
        Some(dwelt.max(calm.after(CALM_FOR.min(dwell))))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn at(ms: u64) -> Timestamp {
        Timestamp::EPOCH.after(Duration::from_millis(ms))
    }

    /// Seconds, over, calm, and tripped then.
    const CASES: &[&[(u64, bool, bool, bool)]] = &[
        &[(0, false, true, false), (1, true, false, true)],
        // A dwell after it tripped, when it was calm all the time.
        &[(0, true, false, true), (1, false, true, true), (60, false, true, true)],
        &[(0, true, false, true), (1, false, true, true), (61, false, true, false)],
        // Neither over nor calm is not calm.
        &[(0, true, false, true), (1, false, true, true), (55, false, false, true)],
        &[(0, true, false, true), (55, false, false, true), (61, false, true, true)],
        &[(0, true, false, true), (61, false, true, true), (70, false, true, true)],
        &[(0, true, false, true), (61, false, true, true), (71, false, true, false)],
        // Over again meanwhile.
        &[(0, true, false, true), (50, true, false, true), (61, false, true, true)],
    ];

    #[test]
    fn it_trips_at_once_and_clears_after_a_dwell() {
        for case in CASES {
            let mut trip = Trip::NONE;
            for (second, over, calm, tripped) in *case {
                trip.observe(at(second * 1_000), *over, *calm, MINUTE);
                assert_eq!(trip.is_tripped(), *tripped, "{case:?} at {second} s");
            }
        }
    }

    #[test]
    fn it_says_when_it_clears() {
        let mut trip = Trip::NONE;
        trip.observe(at(0), true, false, MINUTE);
        assert_eq!(trip.due(MINUTE), None, "not by time alone");
        trip.observe(at(1_000), false, true, MINUTE);
        let due = trip.due(MINUTE).unwrap();
        trip.observe(due.before(Duration::from_nanos(1)), false, true, MINUTE);
        assert!(trip.is_tripped());
        trip.observe(due, false, true, MINUTE);
        assert!(!trip.is_tripped());
    }

    proptest! {
        /// KIL-04: whatever the value does, two changes a minute at most.
        #[test]
        fn it_never_flaps(steps in prop::collection::vec((1u64..20_000, any::<bool>(), any::<bool>()), 1..400)) {
            let mut trip = Trip::NONE;
            let (mut now, mut changes) = (0, Vec::new());
            for (pause, over, calm) in steps {
                now += pause;
                let before = trip.is_tripped();
                trip.observe(at(now), over, calm && !over, MINUTE);
                if trip.is_tripped() != before {
                    changes.push(now);
                }
            }
            for three in changes.windows(3) {
                prop_assert!(three[2] - three[0] > 60_000, "{three:?}");
            }
        }
    }
}
