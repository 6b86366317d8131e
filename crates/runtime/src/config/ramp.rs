//! `[ramp]`: with which part of its limits a live run begins, and when it gets more.
//!
//! Without the table a tenth of the limits holds at first, a quarter after a day that was active and clean, half after
//! three, and all of them after a week. Who wants all of them at once says so: `start_percent = 100`.

use std::time::Duration;

use gateway::{Ramp, RampStep};
use serde::Deserialize;

/// Most steps.
const STEPS_MAX: usize = 16;
/// Longest time to a step: a year.
const AFTER_MAX: Duration = Duration::from_secs(365 * 86_400);
const HOUR_S: u64 = 3_600;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RampFile {
    start_percent: u32,
    #[serde(default)]
    steps: Vec<StepFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StepFile {
    after_h: Option<u64>,
    after_s: Option<u64>,
    percent: u32,
}

/// What holds where nothing is said.
fn cautious() -> Ramp {
    let step = |hours: u64, percent| RampStep { after: hours_of(hours), percent };
    Ramp { start_percent: 10, steps: vec![step(24, 25), step(72, 50), step(168, 100)] }
}

const fn hours_of(hours: u64) -> Duration {
    Duration::from_secs(hours.saturating_mul(HOUR_S))
}

/// Checks the table.
pub(super) fn checked(file: Option<&RampFile>) -> Result<Ramp, (String, String)> {
    let Some(file) = file else { return Ok(cautious()) };
    let bad = |key: &str, problem: &str| Err((format!("ramp.{key}"), problem.to_owned()));
    if !(1..=100).contains(&file.start_percent) {
        return bad("start_percent", "is not 1 to 100");
    }
    if file.steps.len() > STEPS_MAX {
        return bad("steps", "has more than 16 steps");
    }
    let mut steps: Vec<RampStep> = Vec::new();
    for step in &file.steps {
        let after = match (step.after_h, step.after_s) {
            (Some(hours), None) => hours_of(hours),
            (None, Some(seconds)) => Duration::from_secs(seconds),
            (Some(_), Some(_)) | (None, None) => {
                return bad("steps", "each needs either after_h or after_s");
            }
        };
        if after.is_zero() || after > AFTER_MAX {
            return bad("steps", "each comes after more than nothing and within a year");
        }
        let (last, most) = steps
            .last()
            .map_or((Duration::ZERO, file.start_percent), |last| (last.after, last.percent));
        if after <= last || step.percent <= most || step.percent > 100 {
            return bad(
                "steps",
                "each has to come later than the one before and let more hold, 100 percent at the most",
            );
        }
        steps.push(RampStep { after, percent: step.percent });
    }
    Ok(Ramp { start_percent: file.start_percent, steps })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Ramp, String> {
        let file: RampFile = toml::from_str(text).map_err(|error| error.message().to_owned())?;
        checked(Some(&file)).map_err(|(key, problem)| format!("{key}: {problem}"))
    }

    #[test]
    fn without_a_word_a_tenth_holds_at_first() {
        let ramp = checked(None).unwrap();
        let at = |hours| ramp.percent(hours_of(hours));
        assert_eq!([0, 23, 24, 72, 167, 168].map(at), [10, 10, 25, 50, 50, 100]);
    }

    #[test]
    fn steps_come_later_and_let_more_hold() {
        let ramp = read(
            "start_percent = 20\nsteps = [{ after_s = 30, percent = 50 }, { after_h = 1, percent = 100 }]",
        );
        let ramp = ramp.unwrap();
        assert_eq!((ramp.steps[0].after.as_secs(), ramp.steps[1].after.as_secs()), (30, 3_600));
        assert_eq!(read("start_percent = 100").unwrap().steps, []);
        for (text, words) in [
            ("start_percent = 0", "1 to 100"),
            ("start_percent = 101", "1 to 100"),
            ("", "missing field"),
            ("start_percent = 10\nsteps = [{ percent = 20 }]", "either after_h or after_s"),
            ("start_percent = 10\nsteps = [{ after_h = 0, percent = 20 }]", "more than nothing"),
            ("start_percent = 10\nsteps = [{ after_h = 9000, percent = 20 }]", "within a year"),
            ("start_percent = 10\nsteps = [{ after_h = 1, percent = 10 }]", "let more hold"),
            ("start_percent = 10\nsteps = [{ after_h = 1, percent = 101 }]", "let more hold"),
            (
                "start_percent = 10\nsteps = [{ after_h = 2, percent = 20 }, { after_h = 2, percent = 30 }]",
                "later than the one before",
            ),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(words), "{text}: {error}");
        }
    }
}
