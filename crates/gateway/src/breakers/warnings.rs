//! Warnings on the way to a limit: at 50, 75, 85, 90 and 95 percent of it, once each.
//!
//! One is given again after the value has been five points below it, and not more than once a minute.

use std::time::Duration;

use model::{Decimal, Timestamp};

use super::verdict::Reading;

/// Parts of a limit, percent.
pub(crate) const STEPS: [i64; 5] = [50, 75, 85, 90, 95];
/// So far below, in points, it is armed again.
const BELOW: i64 = 5;
/// What is below this part of its limit is near no step.
pub(crate) const FAR_PERCENT: i64 = STEPS[0] - BELOW;
/// The same warning is not given more often.
const EVERY: Duration = Duration::from_secs(60);

/// Of one limit.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Warnings {
    /// Which steps were reached and not left since.
    reached: [bool; STEPS.len()],
    given: [Option<Timestamp>; STEPS.len()],
}

impl Warnings {
    /// The highest step that is reached now and was not before, if it is to be said.
    pub(crate) fn observe(&mut self, now: Timestamp, reading: Reading) -> Option<i64> {
        if is_far(reading) {
            self.reached = Default::default();
            return None;
        }
        let mut highest = None;
        for (at, step) in STEPS.into_iter().enumerate() {
            if is_at(reading, step) {
                if !self.reached[at] {
                    self.reached[at] = true;
                    let lately = self.given[at].is_some_and(|given| now.since(given) < EVERY);
                    if !lately {
                        self.given[at] = Some(now);
                        highest = Some(step);
                    }
                }
            } else if !is_at(reading, step - BELOW) {
                self.reached[at] = false;
            }
        }
        highest
    }

    /// Would new ones be given just as if there had been none?
    pub(crate) fn are_over(&self, now: Timestamp) -> bool {
        let is_lately = |given: &Option<Timestamp>| given.is_some_and(|at| now.since(at) < EVERY);
        !self.reached.contains(&true) && !self.given.iter().any(is_lately)
    }
}

/// Is it so far below the first step that each of them is armed?
pub(crate) fn is_far(reading: Reading) -> bool {
    let value = reading.value.checked_times(100);
    let first = reading.limit.checked_times(FAR_PERCENT);
    // Then the part for any step has room, too.
    let has_room = reading.limit.checked_times(100).is_some();
    has_room && value.zip(first).is_some_and(|(value, first)| value < first)
}

/// Is the value at so many percent of the limit?
fn is_at(reading: Reading, percent: i64) -> bool {
    let (value, part) = (reading.value.checked_times(100), reading.limit.checked_times(percent));
    match value.zip(part) {
        Some((value, part)) => reading.limit > Decimal::ZERO && value >= part,
        // What has no room is at every part of any limit.
        None => true,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::EPOCH.after(Duration::from_secs(seconds))
    }

    /// Seconds, percent of the limit, and the warning.
    const CASES: &[&[(u64, u64, Option<i64>)]] = &[
        &[(0, 49, None), (1, 50, Some(50)), (2, 74, None), (3, 75, Some(75))],
        &[(0, 96, Some(95)), (1, 86, None), (100, 100, Some(95))],
        // Five points below it is armed again.
        &[(0, 50, Some(50)), (100, 46, None), (101, 50, None)],
        &[(0, 50, Some(50)), (100, 45, None), (101, 50, None)],
        &[(0, 50, Some(50)), (100, 44, None), (101, 50, Some(50))],
        // Not twice a minute.
        &[(0, 50, Some(50)), (1, 0, None), (2, 50, None), (61, 0, None), (62, 50, Some(50))],
    ];

    #[test]
    fn each_step_is_said_once() {
        for case in CASES {
            let mut warnings = Warnings::default();
            for (second, percent, said) in *case {
                let given = warnings.observe(at(*second), Reading::of(*percent, 100));
                assert_eq!(given, *said, "{case:?} at {second} s");
            }
        }
    }

    proptest! {
        /// What is far is at no step, whatever the numbers.
        #[test]
        fn what_is_far_is_near_no_step(value in any::<i128>(), limit in any::<i128>(), cut in 0u32..127) {
            let decimal = |count: i128| Decimal::from_mantissa(count >> cut, 18).unwrap();
            let reading = Reading { value: decimal(value), limit: decimal(limit) };
            if is_far(reading) {
                let steps = STEPS.into_iter().flat_map(|step| [step, step - BELOW]);
                prop_assert!(steps.into_iter().all(|step| !is_at(reading, step)), "{reading:?}");
            }
        }

        #[test]
        fn they_are_bounded(values in prop::collection::vec(0u64..120, 1..600)) {
            let mut warnings = Warnings::default();
            let given = values.iter().enumerate().filter(|(second, value)| {
                warnings.observe(at(*second as u64), Reading::of(**value, 100)).is_some()
            });
            let minutes = values.len() / 60 + 1;
            prop_assert!(given.count() <= minutes * STEPS.len());
        }
    }
}
