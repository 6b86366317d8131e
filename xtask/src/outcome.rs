//! How all runners of a task together ended, for its closing lines.
//!
//! What could not run is said in a block that cannot be overlooked: a skipped judge is not a passed test.

use std::fmt;
use std::process::Command;

use anyhow::{Result, bail};

use crate::counts::Counts;
use crate::shell::{self, Seen};

/// How all runners together ended.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    counts: Counts,
    /// Commands that failed, as typed.
    failed: Vec<String>,
    /// What did not run at all, and why.
    skipped: Vec<String>,
}

impl Outcome {
    pub(crate) fn ok(&self) -> Result<()> {
        if !self.failed.is_empty() {
            bail!("failed: {}", self.failed.join("; "));
        }
        Ok(())
    }

    pub(crate) fn run(&mut self, command: &mut Command) -> Result<()> {
        let name = shell::spell(command);
        println!("\nxtask: {name}");
        let seen = shell::tee(command)?;
        self.record(name, &seen);
        Ok(())
    }

    /// Something that could not run.
    pub(crate) fn skip(&mut self, reason: String) {
        self.skipped.push(reason);
    }

    pub(crate) fn record(&mut self, name: String, seen: &Seen) {
        let mut counts = Counts::of(&seen.lines);
        if !seen.success {
            self.failed.push(name);
            // A runner that broke before its first test has failed as well.
            counts.failed = counts.failed.max(1);
        }
        self.counts += counts;
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bar = "!".repeat(80);
        if !self.skipped.is_empty() {
            writeln!(f, "{bar}")?;
            for reason in &self.skipped {
                writeln!(f, "!! NOT TESTED: {reason}")?;
            }
            writeln!(f, "{bar}")?;
        }
        for command in &self.failed {
            writeln!(f, "FAILED: {command}")?;
        }
        write!(f, "{}", self.counts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_runner_that_breaks_without_a_count_is_one_failure() {
        let seen = |success, line: &str| Seen { success, lines: vec![line.to_owned()] };
        let mut outcome = Outcome::default();
        outcome.record("first".to_owned(), &seen(true, "2 passed in 0.1s"));
        assert!(outcome.ok().is_ok());
        outcome.record("second".to_owned(), &seen(false, "error: could not compile"));
        assert_eq!(outcome.counts, Counts { passed: 2, failed: 1, skipped: 0 });
        assert!(outcome.ok().is_err());
    }

    #[test]
    fn a_skip_is_loud_and_the_sum_comes_last() {
        let skipped = vec!["third-party clients, because this machine lacks python3".to_owned()];
        let text = Outcome { skipped, ..Outcome::default() }.to_string();
        assert!(text.contains("NOT TESTED: third-party clients, because"), "{text}");
        assert_eq!(text.lines().last(), Some("0 passed, 0 failed, 0 skipped"));
    }
}
