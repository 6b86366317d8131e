//! How long a sink is left alone after it failed. Pure: chance is an argument.

use std::time::Duration;

/// The first pause at the most.
const FIRST: Duration = Duration::from_secs(1);
/// The longest pause.
const LONGEST: Duration = Duration::from_secs(60);
/// Longest pause that a sink can ask for.
const ASKED_MAX: Duration = Duration::from_secs(300);

/// The pause after so many failures in a row, at least one: each twice the one before up to a minute, less
/// up to half of it by `chance` (0 to 1), so that many who failed together do not come back together. What
/// the sink asks for is granted within reason.
pub(crate) fn pause(failures: u32, chance: f64, asked: Option<Duration>) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    let full = FIRST.saturating_mul(1 << doublings).min(LONGEST);
    let ours = full.mul_f64(1.0 - chance.clamp(0.0, 1.0) / 2.0);
    ours.max(asked.unwrap_or_default().min(ASKED_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Failures, chance, asked for, milliseconds.
    const CASES: &[(u32, f64, Option<u64>, u64)] = &[
        (1, 0.0, None, 1_000),
        (1, 1.0, None, 500),
        (2, 0.0, None, 2_000),
        (6, 0.0, None, 32_000),
        (7, 0.0, None, 60_000),
        (4_000_000_000, 1.0, None, 30_000),
        (1, 0.0, Some(20), 20_000),
        (7, 0.0, Some(20), 60_000),
        (1, 0.0, Some(86_400), 300_000),
    ];

    #[test]
    fn pauses_grow_to_a_minute() {
        for (failures, chance, asked, millis) in CASES {
            let asked = asked.map(Duration::from_secs);
            let pause = pause(*failures, *chance, asked);
            assert_eq!(pause, Duration::from_millis(*millis), "{failures} {chance} {asked:?}");
        }
    }
}
