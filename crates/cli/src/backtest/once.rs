//! One run of a backtest over all files.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ::backtest::{Backtest, Failed, Journal, Report, Setup, instruments_of};
use anyhow::Context as _;
use data::Source;
use engine::Strategy;

use super::ahead::Ahead;
use super::args::Args;
use crate::data::bar::Bar;
use crate::failure::Failure;

/// What a run came to, and how long it took.
pub(super) struct Run {
    pub(super) report: Report,
    /// The event loop alone: what it waited for rows is not in it.
    pub(super) took: Duration,
}

/// One run over all files.
pub(super) fn once(args: &Args, setup: &Setup, journal: Option<Journal>) -> Result<Run, Failure> {
    let options = args.reading.options();
    let mut size = 0;
    let mut sources: Vec<Box<dyn Source>> = Vec::new();
    let waited = Arc::new(Mutex::new(Duration::ZERO));
    for file in &args.data {
        size += std::fs::metadata(file).with_context(|| file.display().to_string())?.len();
        let source = data::open(file, &options)?;
        sources.push(Box::new(Ahead::new(source, waited.clone())));
    }
    let instruments = instruments_of(&sources).map_err(Failure::usage)?;
    let strategy = agents::build(&args.agent, &args.params(), &instruments);
    let strategy: Box<dyn Strategy> = strategy.map_err(Failure::usage)?;
    let setup = args.for_instruments(setup, &instruments)?;
    let mut backtest = Backtest::new(&setup, sources, journal, |_| strategy).map_err(failed)?;
    let bar = Bar::new();
    let started = Instant::now();
    // What was read before is none of the loop's time.
    *lock(&waited) = Duration::ZERO;
    let done = backtest.run(|read, rows| bar.show(read, size, rows));
    let took = started.elapsed().saturating_sub(*lock(&waited));
    bar.done();
    done.map_err(failed)?;
    Ok(Run { report: backtest.report(), took })
}

fn lock(waited: &Mutex<Duration>) -> std::sync::MutexGuard<'_, Duration> {
    waited.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn failed(error: Failed) -> Failure {
    match error {
        Failed::Setup(error) => Failure::usage(error),
        Failed::Data(_) | Failed::Empty | Failed::TooLarge { .. } => error.into(),
    }
}
