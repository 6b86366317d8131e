//! `cargo xtask ci`: what the gate runs, in the order in which a failure is cheapest to find.
//!
//! Stops at the first failure and says the one command that repeats it.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::shell::{self, Usage};
use crate::{fuzz, test, tidy};

/// Long enough to find a codec that panics on its third byte; the nightly kind of fuzzing is
/// `cargo xtask fuzz --seconds N` by hand.
const FUZZ_SECONDS: u64 = 10;

/// Lines to say again at the end, because whoever looks at a log looks there.
type Closing = Vec<String>;

struct Step {
    name: &'static str,
    repeat: &'static str,
    run: fn(&mut Closing) -> Result<()>,
}

const STEPS: &[Step] = &[
    Step { name: "fmt", repeat: "cargo fmt --all --check", run: fmt },
    Step {
        name: "clippy",
        repeat: "cargo clippy --workspace --all-targets -- -D warnings",
        run: |_| {
            let args = ["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"];
            shell::run(shell::cargo().args(args))
        },
    },
    Step { name: "tidy", repeat: "cargo xtask tidy", run: |_| tidy::task(&[]) },
    Step { name: "deny", repeat: "cargo deny --offline check bans licenses sources", run: deny },
    Step { name: "test", repeat: "cargo xtask test", run: tests },
    Step {
        name: "fuzz",
        repeat: "cargo xtask fuzz --seconds 10",
        run: |_| fuzz::all(Duration::from_secs(FUZZ_SECONDS)),
    },
];

pub(crate) fn task(args: &[String]) -> Result<()> {
    if let Some(arg) = args.first() {
        bail!(Usage(format!("ci takes no arguments, got `{arg}`")));
    }
    let mut closing = Closing::new();
    let mut times = Vec::new();
    for step in STEPS {
        println!("\n==== {} ====", step.name);
        let start = Instant::now();
        let result = (step.run)(&mut closing);
        let seconds = start.elapsed().as_secs_f64();
        let verdict = if result.is_ok() { "ok" } else { "FAILED" };
        println!("==== {}: {verdict}, {seconds:.1} s ====", step.name);
        times.push(format!("{} {seconds:.1} s", step.name));
        if let Err(error) = result {
            print_closing(&closing);
            eprintln!("{} failed: {error:#}\nto repeat it: {}", step.name, step.repeat);
            bail!("stopped at {}", step.name);
        }
    }
    println!("\nall steps passed: {}", times.join(", "));
    print_closing(&closing);
    Ok(())
}

fn print_closing(closing: &Closing) {
    for line in closing {
        println!("{line}");
    }
}

fn fmt(_: &mut Closing) -> Result<()> {
    shell::run(shell::cargo().args(["fmt", "--all", "--check"]))?;
    // Outside the workspace, so the line above does not see it.
    shell::run(shell::cargo().args(["fmt", "--manifest-path", "fuzz/Cargo.toml", "--check"]))
}

fn deny(closing: &mut Closing) -> Result<()> {
    let version = ["deny", "--version"];
    if !shell::works(shell::cargo().args(version)) {
        let note = "!! NOT CHECKED: licences, bans and sources of dependencies, because cargo-deny \
                    is not installed (cargo install --locked cargo-deny)";
        println!("{note}");
        closing.push(note.to_owned());
        return Ok(());
    }
    // It reads the manifests of all dependencies, those for other systems too, which no build here
    // has fetched.
    shell::run(shell::cargo().args(["fetch", "--quiet"]))?;
    shell::run(shell::cargo().args(["deny", "--offline", "check", "bans", "licenses", "sources"]))
}

fn tests(closing: &mut Closing) -> Result<()> {
    let outcome = test::all()?;
    println!("\n{outcome}");
    closing.push(outcome.to_string());
    outcome.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fuzz_step_says_the_time_it_takes() {
        let fuzz = STEPS.iter().find(|step| step.name == "fuzz").unwrap();
        assert!(fuzz.repeat.ends_with(&format!(" {FUZZ_SECONDS}")));
    }
}
