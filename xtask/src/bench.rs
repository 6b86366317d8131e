//! `cargo xtask bench`: the benchmarks, always in release mode.
//!
//! A figure from a debug build is worse than none, so nobody has to remember the flag.

use anyhow::Result;

use crate::{peers, servers, shell};

/// Works with the processes of the product, and with a gateway that has deliberate bugs.
const WITH_PROCESSES: &str = "kill-processes";
/// Work with the product's own program.
const WITH_PROGRAM: [&str; 5] = ["backtest-memory", "paper-day", "record", "sinks", "scrapes"];

pub(crate) fn task(args: &[String]) -> Result<()> {
    if let Some((_, rest)) = args.split_first().filter(|(first, _)| *first == "peers") {
        return peers::bench(rest);
    }
    servers::ready();
    if args.iter().any(|arg| arg == "sinks") {
        servers::python_ready();
    }
    let build = ["build", "--release", "-p", "plimsoll-cli", "--bin", "plimsoll"];
    if args.iter().any(|arg| arg == WITH_PROCESSES || WITH_PROGRAM.contains(&arg.as_str())) {
        shell::run(shell::cargo().args(build))?;
    }
    if args.iter().any(|arg| arg == WITH_PROCESSES) {
        // Never where a release is built: nobody shall take the one for the other.
        let planted = ["--features", "defects", "--target-dir", "target/defects"];
        shell::run(shell::cargo().args(build).args(planted))?;
    }
    shell::run(shell::cargo().args(["run", "--release", "-p", "plimsoll-bench", "--"]).args(args))
}
