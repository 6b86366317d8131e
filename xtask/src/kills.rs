//! `cargo xtask kills`: the gateway is killed within five milliseconds of an order's first byte, as often
//! as somebody has time for.
//!
//! The same test as `cargo xtask test` runs a few trials of, in release mode: so close behind a send the
//! speed of the binary is part of what is tried.

use anyhow::{Result, bail};

use crate::shell::{self, Usage};

const TRIALS: u32 = 1_000;
const DIALECTS: [&str; 2] = ["binance", "coinbase"];

pub(crate) fn task(args: &[String]) -> Result<()> {
    let mut trials = TRIALS;
    let mut dialects = Vec::new();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        if arg == "--trials" {
            let Some(count) = args.next().and_then(|text| text.parse().ok()).filter(|n| *n > 0)
            else {
                bail!(Usage("kills: --trials wants a number above 0".to_owned()));
            };
            trials = count;
        } else if DIALECTS.contains(&arg.as_str()) {
            dialects.push(arg.as_str());
        } else {
            bail!(Usage(format!("kills knows no `{arg}`, only {}", DIALECTS.join(", "))));
        }
    }
    // Each prints a line for every few hundred trials.
    let mut command = shell::cargo();
    command
        .args(["test", "--release", "-p", "plimsoll-cli", "--test", "kills", "--"])
        .args(dialects)
        .arg("--nocapture")
        .env("PLIMSOLL_KILLS", trials.to_string());
    shell::run(&mut command)
}
