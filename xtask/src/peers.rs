//! Other projects' backtesters, and what spreads our own runs: `cargo xtask test --peers` compares what comes out,
//! `cargo xtask bench peers` how long it takes.
//!
//! Each needs an environment of its own, because they disagree about the libraries below them. They are large, so
//! nothing of this runs unless it is asked for. One that cannot be installed here is left out, loudly: another
//! project's package is none of our faults.

use std::path::PathBuf;

use anyhow::{Result, bail};

use crate::outcome::Outcome;
use crate::shell::{self, Usage};
use crate::venv::{self, Venv};

/// Backtesters that go into one environment.
struct Peer {
    /// Names it on the command line, and its `peers/NAME.txt`.
    name: &'static str,
    who: &'static str,
    /// What compares results, where something does.
    test: Option<&'static str>,
    /// What measures beside us, where there is something to measure.
    bench: Option<&'static str>,
}

const PEERS: &[Peer] = &[
    Peer {
        name: "bars",
        who: "vectorbt and backtesting.py",
        test: Some("peers/test_bars.py"),
        bench: Some("peers/bench_bars.py"),
    },
    Peer {
        name: "book",
        who: "hftbacktest",
        test: Some("peers/test_queue.py"),
        bench: Some("peers/bench_book.py"),
    },
    Peer {
        name: "events",
        who: "nautilus_trader",
        test: None,
        bench: Some("peers/bench_events.py"),
    },
    Peer { name: "ray", who: "Ray", test: Some("peers/test_ray.py"), bench: None },
];

impl Peer {
    /// Its Python interpreter, or why there is none.
    fn python(&self) -> Result<Result<PathBuf, String>> {
        let dir = shell::target_dir()?.join("peers").join(self.name);
        Ok(match venv::ready(&dir, &format!("peers/{}.txt", self.name)) {
            Ok(Venv::Ready(python)) => Ok(python),
            Ok(Venv::Absent(reason)) => Err(format!("{}, because {reason}", self.who)),
            Err(error) => Err(format!("{}, because {error:#}", self.who)),
        })
    }
}

/// Compares executions, fees and equity.
pub(crate) fn test(outcome: &mut Outcome) -> Result<()> {
    // Executions of orders at given times need a strategy that is no built-in one.
    let example = ["build", "-p", "plimsoll-backtest", "--example", "passive"];
    shell::run(shell::cargo().args(example))?;
    let target_dir = shell::target_dir()?;
    for peer in PEERS {
        let Some(test) = peer.test else { continue };
        match peer.python()? {
            Err(reason) => outcome.skip(reason),
            Ok(python) => outcome.run(
                shell::command(python)
                    .args(["-m", "pytest", "-rs", test])
                    .env("PLIMSOLL_BIN", target_dir.join("debug/plimsoll"))
                    .env("PLIMSOLL_PASSIVE", target_dir.join("debug/examples/passive")),
            )?,
        }
    }
    Ok(())
}

/// Measures side by side, all of them or those that are named.
pub(crate) fn bench(names: &[String]) -> Result<()> {
    let measured = || PEERS.iter().filter(|peer| peer.bench.is_some());
    let known = |name: &&String| !measured().any(|peer| peer.name == *name);
    if let Some(name) = names.iter().find(known) {
        let all: Vec<_> = measured().map(|peer| peer.name).collect();
        bail!(Usage(format!("bench peers knows no `{name}`; there are {}", all.join(", "))));
    }
    let build = ["build", "--release", "-p", "plimsoll-cli", "--bin", "plimsoll"];
    shell::run(shell::cargo().args(build))?;
    let target_dir = shell::target_dir()?;
    let mut skipped = Vec::new();
    for peer in PEERS {
        let Some(bench) = peer.bench else { continue };
        if !names.is_empty() && !names.iter().any(|name| name == peer.name) {
            continue;
        }
        match peer.python()? {
            Err(reason) => skipped.push(reason),
            Ok(python) => shell::run(
                shell::command(python)
                    .arg(bench)
                    .arg(target_dir.join("peers/data"))
                    .env("PLIMSOLL_BIN", target_dir.join("release/plimsoll")),
            )?,
        }
    }
    for reason in skipped {
        println!("!! NOT MEASURED: {reason}");
    }
    Ok(())
}
