//! The closing lines of test runners, read into one sum.
//!
//! Three runners stand behind `cargo xtask test`, and each says in its own words how it went. One
//! closing line for all of them is only worth something if it is added up from what they said.

use std::fmt;
use std::ops::AddAssign;

/// How many tests ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) passed: u64,
    /// Errors and time-outs too.
    pub(crate) failed: u64,
    /// Ignored ones too.
    pub(crate) skipped: u64,
}

impl Counts {
    /// The sum over all closing lines among `lines`.
    pub(crate) fn of(lines: &[String]) -> Counts {
        let mut sum = Counts::default();
        for line in lines.iter().filter(|line| is_closing(line)) {
            sum += read(line);
        }
        sum
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Counts) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

/// nextest: `Summary [ 0.1s] 3 tests run: ...`; cargo test: `test result: ok. 3 passed; ...`;
/// pytest: `3 passed, 1 skipped in 0.1s`, between `=` signs unless it is told to be quiet.
fn is_closing(line: &str) -> bool {
    let line = line.trim().trim_matches('=').trim();
    if line.starts_with("Summary [") || line.starts_with("test result:") {
        return true;
    }
    let starts_with_a_number = line.starts_with(|c: char| c.is_ascii_digit());
    let pytest = line.rsplit_once(" in ").is_some_and(|(_, time)| {
        time.starts_with(|c: char| c.is_ascii_digit()) && time.contains('s')
    });
    starts_with_a_number && pytest
}

fn read(line: &str) -> Counts {
    let mut counts = Counts::default();
    let words: Vec<&str> = line
        .split(|c: char| !(c.is_alphanumeric() || c == '.'))
        .filter(|word| !word.is_empty())
        .collect();
    for pair in words.windows(2) {
        let Ok(count) = pair[0].parse::<u64>() else { continue };
        match pair[1] {
            "passed" | "xpassed" => counts.passed += count,
            "failed" | "error" | "errors" | "timed" | "exec" => counts.failed += count,
            "skipped" | "ignored" | "xfailed" => counts.skipped += count,
            _ => {}
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_runner_is_understood() {
        let cases = [
            ("     Summary [   0.005s] 3 tests run: 3 passed, 0 skipped", (3, 0, 0)),
            (
                "Summary [ 1.0s] 5/9 tests run: 2 passed (1 slow), 2 failed, 1 timed out, 4 skipped",
                (2, 3, 4),
            ),
            (
                "test result: FAILED. 2 passed; 1 failed; 4 ignored; 0 measured; 9 filtered out; finished in 0.00s",
                (2, 1, 4),
            ),
            ("2 failed, 10 passed, 1 skipped, 3 warnings, 1 error in 61.20s (0:01:01)", (10, 3, 1)),
            ("==== 3 passed in 0.12s ====", (3, 0, 0)),
        ];
        for (line, (passed, failed, skipped)) in cases {
            let expected = Counts { passed, failed, skipped };
            assert_eq!(Counts::of(&[line.to_owned()]), expected, "{line}");
        }
    }

    #[test]
    fn other_lines_do_not_count() {
        for line in ["PASS [ 0.01s] xtask counts::tests", "no tests ran in 0.01s", "3 passed", ""] {
            assert_eq!(Counts::of(&[line.to_owned()]), Counts::default(), "{line}");
        }
    }
}
