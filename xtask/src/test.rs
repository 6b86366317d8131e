//! `cargo xtask test`: all tests, in Rust and with unmodified third-party clients; with `--peers` the comparison with
//! other backtesters instead, which needs large downloads and runs only when it is asked for.
//!
//! Both halves always run, so that one failure does not hide another.

use std::collections::BTreeSet;
use std::num::NonZero;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::outcome::Outcome;
use crate::peers;
use crate::servers;
use crate::shell::{self, Seen, Usage};
use crate::venv::{self, Venv};

#[derive(Clone, Copy)]
struct Halves {
    rust: bool,
    clients: bool,
    peers: bool,
}

impl Halves {
    const ALL: Halves = Halves { rust: true, clients: true, peers: false };
    const NONE: Halves = Halves { rust: false, clients: false, peers: false };
}

pub(crate) fn task(args: &[String]) -> Result<()> {
    let outcome = run(halves(args)?)?;
    println!("\n{outcome}");
    outcome.ok()
}

/// Everything; what the gate wants.
pub(crate) fn all() -> Result<Outcome> {
    run(Halves::ALL)
}

fn halves(args: &[String]) -> Result<Halves> {
    let mut asked = Halves::NONE;
    for arg in args {
        match arg.as_str() {
            "--rust" => asked.rust = true,
            "--clients" => asked.clients = true,
            "--peers" => asked.peers = true,
            other => bail!(Usage(format!("test knows no `{other}`"))),
        }
    }
    let none = !asked.rust && !asked.clients && !asked.peers;
    Ok(if none { Halves::ALL } else { asked })
}

fn run(halves: Halves) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    if halves.rust {
        // Builds the program too, for its own tests. Built alone it would have its dependencies with other features, all
        // of which would be compiled once more.
        rust(&mut outcome)?;
    } else {
        shell::run(shell::cargo().args(["build", "-p", "plimsoll-cli"]))?;
    }
    if halves.clients {
        clients(&mut outcome)?;
    }
    if halves.peers {
        peers::test(&mut outcome)?;
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
    servers::python_ready();
    // What an earlier run left out says nothing of this one; often there is no such file.
    drop(std::fs::remove_file(not_tested()?));
    if shell::works(shell::cargo().args(["nextest", "--version"])) {
        let tests = ["nextest", "run", "--workspace", "--no-fail-fast", "--test-threads"];
        outcome.run(shell::cargo().args(tests).arg(threads().to_string()))?;
    } else {
        let kinds = ["--lib", "--bins", "--tests", "--no-fail-fast"];
        outcome.run(shell::cargo().args(["test", "--workspace"]).args(kinds))?;
    }
    notes(&not_tested()?).into_iter().for_each(|note| outcome.skip(note));
    outcome.run(shell::cargo().args(["test", "--workspace", "--doc"]))
}

/// More than there are cores: tests with processes wait most of their time, for a second to pass or for each other.
fn threads() -> usize {
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    cores + cores.div_ceil(2)
}

fn clients(outcome: &mut Outcome) -> Result<()> {
    let target_dir = shell::target_dir()?;
    let python = match venv::ready(&target_dir.join("venv"), "clients/requirements.txt") {
        Ok(Venv::Ready(python)) => python,
        Ok(Venv::Absent(reason)) => {
            outcome.skip(format!("third-party clients, because {reason}"));
            return Ok(());
        }
        Err(error) => {
            let hint = "without a network use `cargo xtask test --rust`";
            let seen = Seen { success: false, lines: Vec::new() };
            outcome.record(format!("no third-party clients ({hint}): {error:#}"), &seen);
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
                .map(|halves| (halves.rust, halves.clients, halves.peers))
        };
        assert_eq!(of(&[]).unwrap(), (true, true, false), "peers only when they are asked for");
        assert_eq!(of(&["--rust"]).unwrap(), (true, false, false));
        assert_eq!(of(&["--clients"]).unwrap(), (false, true, false));
        assert_eq!(of(&["--peers"]).unwrap(), (false, false, true));
        assert!(of(&["--pyhton"]).unwrap_err().is::<Usage>());
    }
}
