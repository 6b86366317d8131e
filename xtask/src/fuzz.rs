//! `cargo xtask fuzz`: each target in `fuzz/src/bin` for a short while.
//!
//! Plain libFuzzer by way of its crate, without cargo-fuzz: nothing has to be installed, and the
//! stable compiler is enough, because coverage is an LLVM pass and not a feature of rustc. What the
//! fuzzer learns stays in `fuzz/corpus` on this machine; inputs that everyone should start from are
//! committed in `fuzz/seeds/TARGET`.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::shell::{self, Usage};

const DEFAULT: Duration = Duration::from_secs(20);
/// One input may take no longer: a codec that hangs is as bad as one that panics.
const INPUT_SECONDS_MAX: u64 = 5;
const INPUT_BYTES_MAX: u64 = 8192;

/// As cargo-fuzz sets them, less the sanitizers, which need a nightly compiler.
const COVERAGE: &[&str] = &[
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "--cfg=fuzzing",
];

pub(crate) fn task(args: &[String]) -> Result<()> {
    let (time, wanted) = parse(args)?;
    let known = targets()?;
    if let Some(name) = wanted.iter().find(|name| !known.contains(name)) {
        bail!(Usage(format!("fuzz has no target `{name}`, only {}", known.join(", "))));
    }
    run(if wanted.is_empty() { &known } else { &wanted }, time)
}

/// Each target; what the gate wants.
pub(crate) fn all(time: Duration) -> Result<()> {
    run(&targets()?, time)
}

fn parse(args: &[String]) -> Result<(Duration, Vec<String>)> {
    let mut time = DEFAULT;
    let mut targets = Vec::new();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        if arg == "--seconds" {
            let seconds = args.next().and_then(|text| text.parse().ok()).filter(|n| *n > 0);
            // libFuzzer takes 0 for "without end".
            let Some(seconds) = seconds else {
                bail!(Usage("fuzz: --seconds wants a number above 0".to_owned()));
            };
            time = Duration::from_secs(seconds);
        } else if arg.starts_with('-') {
            bail!(Usage(format!("fuzz knows no `{arg}`")));
        } else {
            targets.push(arg.clone());
        }
    }
    Ok((time, targets))
}

/// One file, one target.
fn targets() -> Result<Vec<String>> {
    let folder = shell::root().join("fuzz/src/bin");
    let entries = fs::read_dir(&folder).with_context(|| format!("no {}", folder.display()))?;
    let mut names = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "rs")
            && let Some(stem) = path.file_stem()
        {
            names.push(stem.to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

fn run(targets: &[String], time: Duration) -> Result<()> {
    let host = host()?;
    let fuzz = shell::root().join("fuzz");
    // With a target named, the flags reach what is fuzzed and not the build scripts, which are not
    // linked with the fuzzer.
    let args = ["build", "--release", "--manifest-path", "fuzz/Cargo.toml", "--target", &host];
    let mut build = shell::cargo();
    build.args(args).args(["--target-dir", "fuzz/target"]);
    build.env("CARGO_ENCODED_RUSTFLAGS", COVERAGE.join("\u{1f}"));
    for target in targets {
        build.args(["--bin", target]);
    }
    shell::run(&mut build)?;
    let binaries = fuzz.join("target").join(&host).join("release");
    let mut failed = Vec::new();
    for target in targets {
        if !one(&fuzz, &binaries, target, time)? {
            failed.push(target.as_str());
        }
    }
    if !failed.is_empty() {
        bail!("found an input that breaks: {}", failed.join(", "));
    }
    Ok(())
}

fn one(fuzz: &Path, binaries: &Path, target: &str, time: Duration) -> Result<bool> {
    let corpus = fuzz.join("corpus").join(target);
    let seeds = fuzz.join("seeds").join(target);
    let artifacts = fuzz.join("artifacts").join(target);
    fs::create_dir_all(&corpus)?;
    fs::create_dir_all(&artifacts)?;
    let mut command = shell::command(binaries.join(target));
    command.arg(&corpus);
    if seeds.is_dir() {
        command.arg(&seeds);
    }
    command
        .arg(format!("-max_total_time={}", time.as_secs()))
        .arg(format!("-timeout={INPUT_SECONDS_MAX}"))
        .arg(format!("-max_len={INPUT_BYTES_MAX}"))
        .arg(format!("-artifact_prefix={}/", artifacts.display()))
        .arg("-print_final_stats=1");
    let output = command.output().with_context(|| format!("cannot start {target}"))?;
    let text = String::from_utf8_lossy(&output.stderr);
    if output.status.success() {
        let inputs = stat(&text, "number_of_executed_units").unwrap_or("?");
        println!("fuzz {target}: {inputs} inputs in {} s, none breaks it", time.as_secs());
        return Ok(true);
    }
    eprintln!("{text}");
    let artifact = text.lines().find_map(|line| line.split_once("Test unit written to "));
    match artifact {
        Some((_, artifact)) => eprintln!(
            "fuzz {target}: FAILED; to repeat it: {} {}",
            binaries.join(target).display(),
            artifact.trim()
        ),
        None => eprintln!("fuzz {target}: FAILED ({})", output.status),
    }
    Ok(false)
}

/// `stat::NAME: value` among the last lines of libFuzzer.
fn stat<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let line = text.lines().find_map(|line| line.strip_prefix("stat::")?.strip_prefix(name));
    line.map(|rest| rest.trim_start_matches(':').trim())
}

fn host() -> Result<String> {
    let text = shell::read(shell::command("rustc").arg("-vV"))?;
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc names no host")?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(args: &[&str]) -> Result<(Duration, Vec<String>)> {
        parse(&args.iter().map(|arg| (*arg).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn arguments() {
        assert_eq!(args(&[]).unwrap(), (DEFAULT, vec![]));
        let expected = (Duration::from_secs(3), vec!["decimal".to_owned()]);
        assert_eq!(args(&["--seconds", "3", "decimal"]).unwrap(), expected);
        for wrong in [&["--seconds"][..], &["--seconds", "0"], &["--secs", "3"]] {
            assert!(args(wrong).unwrap_err().is::<Usage>(), "{wrong:?}");
        }
    }

    #[test]
    fn statistics_are_read() {
        let text = "Done 12 runs\nstat::number_of_executed_units: 12\nstat::peak_rss_mb:   40";
        assert_eq!(stat(text, "number_of_executed_units"), Some("12"));
        assert_eq!(stat(text, "slowest_unit_time_sec"), None);
    }
}
