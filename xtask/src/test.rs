//! `cargo xtask test`: all tests, in Rust and with unmodified third-party clients.
//!
//! Both halves always run, so that one failure does not hide another. What could not run is said
//! at the very end, in a block that cannot be overlooked: a skipped judge is not a passed test.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

use crate::counts::Counts;
use crate::servers;
use crate::shell::{self, Seen, Usage};
use crate::venv::{self, Venv};

/// How all runners together ended.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    counts: Counts,
    /// Commands that failed, as typed.
    failed: Vec<String>,
    /// What did not run at all, and why.
    skipped: Vec<String>,
}

#[derive(Clone, Copy)]
struct Halves {
    rust: bool,
    clients: bool,
}

pub(crate) fn task(args: &[String]) -> Result<()> {
    let outcome = run(halves(args)?)?;
    println!("\n{outcome}");
    outcome.ok()
}

/// Everything; what the gate wants.
pub(crate) fn all() -> Result<Outcome> {
    run(Halves { rust: true, clients: true })
}

impl Outcome {
    pub(crate) fn ok(&self) -> Result<()> {
        if !self.failed.is_empty() {
            bail!("failed: {}", self.failed.join("; "));
        }
        Ok(())
    }

    fn run(&mut self, command: &mut Command) -> Result<()> {
        let name = shell::spell(command);
        println!("\nxtask: {name}");
        let seen = shell::tee(command)?;
        self.record(name, &seen);
        Ok(())
    }

    fn record(&mut self, name: String, seen: &Seen) {
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

fn halves(args: &[String]) -> Result<Halves> {
    let mut asked = Halves { rust: false, clients: false };
    for arg in args {
        match arg.as_str() {
            "--rust" => asked.rust = true,
            "--clients" => asked.clients = true,
            other => bail!(Usage(format!("test knows no `{other}`"))),
        }
    }
    let none = !asked.rust && !asked.clients;
    Ok(if none { Halves { rust: true, clients: true } } else { asked })
}

fn run(halves: Halves) -> Result<Outcome> {
    shell::run(shell::cargo().args(["build", "-p", "plimsoll-cli"]))?;
    let mut outcome = Outcome::default();
    if halves.rust {
        rust(&mut outcome)?;
    }
    if halves.clients {
        clients(&mut outcome)?;
    }
    Ok(outcome)
}

/// Where tests that could not run say so, a line each: what a passing test prints is swallowed.
fn not_tested() -> Result<PathBuf> {
    Ok(shell::target_dir()?.join("tmp/not-tested"))
}

/// The lines of that file, each once; none where there is no file.
fn notes(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let lines: BTreeSet<&str> = text.lines().filter(|line| !line.is_empty()).collect();
    lines.into_iter().map(str::to_owned).collect()
}

fn rust(outcome: &mut Outcome) -> Result<()> {
    servers::ready();
    // What an earlier run left out says nothing of this one; often there is no such file.
    drop(std::fs::remove_file(not_tested()?));
    if shell::works(shell::cargo().args(["nextest", "--version"])) {
        outcome.run(shell::cargo().args(["nextest", "run", "--workspace", "--no-fail-fast"]))?;
    } else {
        let kinds = ["--lib", "--bins", "--tests", "--no-fail-fast"];
        outcome.run(shell::cargo().args(["test", "--workspace"]).args(kinds))?;
    }
    outcome.skipped.extend(notes(&not_tested()?));
    outcome.run(shell::cargo().args(["test", "--workspace", "--doc"]))
}

fn clients(outcome: &mut Outcome) -> Result<()> {
    let target_dir = shell::target_dir()?;
    let python = match venv::ready(&target_dir) {
        Ok(Venv::Ready(python)) => python,
        Ok(Venv::Absent(reason)) => {
            outcome.skipped.push(format!("third-party clients, because {reason}"));
            return Ok(());
        }
        Err(error) => {
            outcome.record(format!("{error:#}"), &Seen { success: false, lines: Vec::new() });
            return Ok(());
        }
    };
    // No test at all is pytest's exit code 5, and so a failure here too.
    // `pytest.ini` says quiet once; said twice the count is not printed, and nothing would be counted.
    let args = ["-m", "pytest", "-rs", "clients"];
    let binary = target_dir.join("debug/plimsoll");
    outcome.run(shell::command(python).args(args).env("PLIMSOLL_BIN", binary))
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

    #[test]
    fn tests_that_could_not_run_are_named_once() {
        let directory = std::env::temp_dir().join(format!("xtask-notes-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let path = directory.join("not-tested");
        assert!(notes(&path).is_empty(), "no file, nothing left out");
        std::fs::write(&path, "the market\nthe agent\nthe market\n").unwrap();
        assert_eq!(notes(&path), ["the agent", "the market"]);
        std::fs::remove_dir_all(&directory).unwrap();
    }

    #[test]
    fn flags_choose_halves_and_unknown_ones_are_wrong_usage() {
        let of = |args: &[&str]| {
            halves(&args.iter().map(|arg| (*arg).to_owned()).collect::<Vec<_>>())
                .map(|halves| (halves.rust, halves.clients))
        };
        assert_eq!(of(&[]).unwrap(), (true, true));
        assert_eq!(of(&["--rust"]).unwrap(), (true, false));
        assert_eq!(of(&["--clients"]).unwrap(), (false, true));
        assert!(of(&["--pyhton"]).unwrap_err().is::<Usage>());
    }
}
