//! `cargo xtask bench`: the benchmarks, always in release mode.
//!
//! A figure from a debug build is worse than none, so nobody has to remember the flag.

use anyhow::Result;

use crate::{servers, shell};

pub(crate) fn task(args: &[String]) -> Result<()> {
    servers::ready();
    shell::run(shell::cargo().args(["run", "--release", "-p", "plimsoll-bench", "--"]).args(args))
}
