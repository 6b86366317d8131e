//! `plimsoll backtest`: a strategy on recorded market data, through the gateway and its guardrails, against a
//! simulated exchange.

mod ahead;
mod args;
mod assumed;
mod chart;
mod fees;
mod file;
mod html;
mod journal;
mod once;
mod text;
mod trouble;

use std::io::Write as _;

use serde_json::{Value, json};

pub(crate) use self::args::Args;
use self::file::whole;
use self::journal::JournalFile;
use self::once::{Run, once};
use crate::failure::Failure;

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let setup = args.setup()?;
    let journal = args.journal.as_deref().map(JournalFile::create).transpose()?;
    let into = journal.as_ref().map(JournalFile::writer);
    let run = once(args, &setup, into)?;
    if let Some(journal) = journal {
        journal.done()?;
    }
    let others = if args.alone { Vec::new() } else { assumed::others(args, &setup)? };
    if let Some(file) = &args.report {
        let title = format!("{} on {}", args.agent, run.report.instruments.join(", "));
        whole(file, &html::page(&title, &command(), &run, &others))?;
    }
    let mut out = std::io::stdout().lock();
    if args.json {
        writeln!(out, "{}", json(&run, &others))?;
    } else {
        write!(out, "{}", text::of(&run, &others))?;
    }
    Ok(())
}

/// The command that makes this report again.
fn command() -> String {
    let words = std::env::args().skip(1).map(|word| {
        let is_plain = |c: char| c.is_alphanumeric() || "-_./=:,%+".contains(c);
        if word.chars().all(is_plain) { word } else { format!("'{word}'") }
    });
    format!("plimsoll {}", words.collect::<Vec<_>>().join(" "))
}

/// The contract's keys first, then all else that is known.
fn json(run: &Run, others: &[(&'static str, Run)]) -> Value {
    let mut value = figures(run);
    if let Some(object) = value.as_object_mut()
        && !others.is_empty()
    {
        let others = others.iter().map(|(name, run)| ((*name).to_owned(), figures(run)));
        object.insert("assumptions".to_owned(), Value::Object(others.collect()));
    }
    value
}

fn figures(run: &Run) -> Value {
    let seconds = run.took.as_secs_f64();
    let rate = if seconds > 0.0 { run.report.events as f64 / seconds } else { 0.0 };
    let mut value = json!(run.report);
    if let Some(object) = value.as_object_mut() {
        object.insert("run_seconds".to_owned(), json!(seconds));
        object.insert("events_per_second".to_owned(), json!(rate));
    }
    value
}
