//! `cargo xtask defects`: builds `plimsoll` with deliberate bugs that can be switched on, into a directory of
//! its own, and lets the simulated worlds find each of them. The table goes into `docs/chaos.md`.

use anyhow::{Result, bail};

use crate::shell::{self, Usage};

/// Worlds for each bug before it counts as not found.
const SEEDS: &str = "2000";

pub(crate) fn task(args: &[String]) -> Result<()> {
    if let Some(arg) = args.first() {
        bail!(Usage(format!("defects takes no arguments, got `{arg}`")));
    }
    // Never where a release is built: nobody shall take the one for the other.
    let run = ["run", "--release", "--package", "plimsoll-cli", "--features", "defects"];
    let into = ["--target-dir", "target/defects", "--"];
    let chaos = ["chaos", "--defects", "--seeds", SEEDS, "--minutes", "60"];
    shell::run(shell::cargo().args(run).args(into).args(chaos))
}
