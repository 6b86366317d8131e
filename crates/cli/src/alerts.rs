//! `plimsoll alerts`: where alerts go, and whether they arrive there.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use ::alerts::{Settings, SinkSettings, Tried};
use anyhow::anyhow;
use model::Timestamp;
use runtime::config::Config;
use serde_json::json;

use crate::failure::Failure;
use crate::status::ago;
use crate::{private, run, sockets};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The configuration file of the gateway.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Send a test alert to every sink now, and say what happened.
    #[arg(long)]
    test: bool,
    /// Print one JSON object instead of text.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    private::keep();
    let mut config = runtime::config::load(&args.config).map_err(Failure::usage)?;
    config.take_secrets();
    let settings = runtime::gateway::alert_settings(&config).map_err(run::failure)?;
    if settings.sinks.is_empty() {
        let text = "no sink is configured, so nobody would be told: add an [[alert]] table";
        return Err(Failure::usage(anyhow!("{}: {text}", args.config.display())));
    }
    let directory = state_directory(&config)?;
    let tried = if args.test { test(&settings, &directory)? } else { Vec::new() };
    let mut out = std::io::stdout().lock();
    if args.json {
        writeln!(out, "{}", json(&settings, &directory, &tried))?;
    } else {
        write!(out, "{}", text(&settings, &directory, &tried))?;
    }
    match tried.iter().filter(|tried| tried.failure.is_some()).count() {
        0 => Ok(()),
        failed => Err(anyhow!("{failed} of {} sinks did not take the test", tried.len()).into()),
    }
}

fn state_directory(config: &Config) -> Result<PathBuf, Failure> {
    Ok(runtime::budget::directory(config.state_dir.as_deref())?)
}

/// Tries every sink, and remembers which took its message.
fn test(settings: &Settings, directory: &Path) -> Result<Vec<Tried>, Failure> {
    let now = runtime::clock::now();
    let tried = sockets::threads()?.block_on(::alerts::trial(settings, now));
    for (sink, tried) in settings.sinks.iter().zip(&tried) {
        if tried.failure.is_none()
            && let Err(error) = ::alerts::keep_good(directory, sink, now)
        {
            let directory = directory.display();
            tracing::warn!(%directory, %error, "the good test is not remembered");
        }
    }
    Ok(tried)
}

fn text(settings: &Settings, directory: &Path, tried: &[Tried]) -> String {
    let mut text = String::new();
    let now = runtime::clock::now();
    for (number, sink) in settings.sinks.iter().enumerate() {
        let how = match tried.get(number) {
            Some(Tried { failure: None, took, .. }) => format!("taken in {} ms", took.as_millis()),
            Some(Tried { failure: Some(failure), .. }) => format!("FAILED: {failure}"),
            None => last(sink, directory, now),
        };
        // Writing into a string cannot fail.
        let _ = writeln!(text, "{:<12} {} ({}): {how}", sink.name, sink.word(), sink.to());
    }
    text
}

fn last(sink: &SinkSettings, directory: &Path, now: Timestamp) -> String {
    match ::alerts::last_good(directory, sink) {
        Some(at) => format!("took a test {} ago", ago(now, at)),
        None => "never tested; --test does it".to_owned(),
    }
}

fn json(settings: &Settings, directory: &Path, tried: &[Tried]) -> serde_json::Value {
    let sinks = settings.sinks.iter().enumerate().map(|(number, sink)| {
        let tried = tried.get(number);
        json!({
            "name": sink.name,
            "kind": sink.word(),
            "to": sink.to(),
            "min_level": sink.min_level,
            "tested": tried.is_some(),
            "took_ms": tried.map(|tried| tried.took.as_millis() as u64),
            "failure": tried.and_then(|tried| tried.failure.clone()),
            "last_good": ::alerts::last_good(directory, sink).map(|at| at.to_string()),
        })
    });
    json!({ "sinks": sinks.collect::<Vec<_>>() })
}
