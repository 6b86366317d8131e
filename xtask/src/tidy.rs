//! `cargo xtask tidy`: the house rules that neither the compiler nor clippy can hold.
//!
//! Every rule is a pure function from sources or manifests to findings, so that its tests are small
//! trees in memory; only this file reads the repository. All findings are printed, not the first
//! one alone, and one error among them is enough to fail.

mod circles;
mod deps;
mod files;
mod finding;
mod habits;
mod items;
mod layout;
mod purity;
mod source;

use std::fs;

use anyhow::{Result, bail};

use crate::shell::{self, Usage};
use finding::{Finding, Level};
use source::Source;

pub(crate) fn task(args: &[String]) -> Result<()> {
    if let Some(arg) = args.first() {
        bail!(Usage(format!("tidy takes no arguments, got `{arg}`")));
    }
    let paths = paths()?;
    let texts = read(&paths);
    let rust = texts.iter().filter(|(path, _)| path.ends_with(".rs")).cloned().collect();
    let sources = source::parse(rust);

    let mut findings = deps::check(&deps::packages(&metadata()?)?);
    findings.extend(purity::check(&sources));
    findings.extend(circles::check(&sources));
    findings.extend(habits::check(&sources));
    findings.extend(files::check(&texts));
    findings.extend(files::lock(&tracked()?));
    report(&findings, &sources)
}

fn report(findings: &[Finding], sources: &[Source]) -> Result<()> {
    let count = |level| findings.iter().filter(|finding| finding.level == level).count();
    let (errors, warnings) = (count(Level::Error), count(Level::Warning));
    let mut sorted: Vec<&Finding> = findings.iter().collect();
    sorted.sort();
    for finding in sorted {
        println!("{finding}");
    }
    println!("tidy: {} source files, {errors} errors, {warnings} warnings", sources.len());
    if errors > 0 {
        bail!("{errors} errors, listed above");
    }
    Ok(())
}

/// All files that are, or could become, part of a commit.
fn paths() -> Result<Vec<String>> {
    list(&["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
}

fn tracked() -> Result<Vec<String>> {
    list(&["ls-files", "-z"])
}

fn list(args: &[&str]) -> Result<Vec<String>> {
    let text = shell::read(shell::command("git").args(args))?;
    let mut paths: Vec<String> =
        text.split('\0').filter(|path| !path.is_empty()).map(str::to_owned).collect();
    paths.sort();
    paths.dedup();
    Ok(paths)
}

/// Leaves out what is deleted but not committed yet, and what is not text.
fn read(paths: &[String]) -> Vec<(String, String)> {
    let text = |path: &String| {
        let text = fs::read_to_string(shell::root().join(path)).ok()?;
        Some((path.clone(), text))
    };
    paths.iter().filter_map(text).collect()
}

fn metadata() -> Result<String> {
    shell::read(shell::cargo().args(["metadata", "--no-deps", "--format-version", "1"]))
}
