//! The kill switch alone, with real processes: `plimsoll venue`, `plimsoll run` with an agent that has 200 orders
//! resting, `plimsoll watchdog`. Then the gateway is stopped, killed, wedged, or lies, and the kill switch clears the
//! account without it.
//!
//! The exchange's own books tell when each order went, and the latch tells when the kill switch acted: both are times
//! of one host. Not among the measurements that run when none is named: 350 stages take ten minutes.

mod case;
mod stage;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};

use self::case::{CASES, Dialect, Failure};
use self::stage::{Sample, Stage};
use crate::table::{Latencies, Row};

/// Stages of each case, unless `--runs=N` says otherwise.
const RUNS: usize = 50;
/// Stages side by side: most of a run is waiting.
const AT_ONCE: usize = 10;
/// Stages that may be begun again because they never came to the failure, of all.
const NOT_REACHED_MAX: usize = 10;
/// From the act to the last order gone, ms.
const CLEAR_MAX_MS: f64 = 2_000.0;
const CLEAR_TARGET: &str = "<= 2000";
/// From a failure that is silence to the act: three seconds and a look, ms.
const ACT_TARGET: &str = "<= 3500";

/// What is measured, and its target at 99 %.
type Step = (&'static str, fn(&Sample) -> Duration, &'static str);

pub(crate) fn run() -> anyhow::Result<Vec<Row>> {
    let runs = runs()?;
    let samples = Mutex::new(vec![Vec::new(); CASES.len()]);
    let (next, not_reached) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let worker = || -> anyhow::Result<()> {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= runs * CASES.len() {
                return Ok(());
            }
            let (case, run) = (number % CASES.len(), number / CASES.len());
            let sample = one(CASES[case], run, &not_reached);
            // The others end with the run that they are in.
            let sample = sample.inspect_err(|_| next.store(usize::MAX / 2, Ordering::Relaxed))?;
            let mut samples = samples.lock().map_err(|_| anyhow::anyhow!("a run broke off"))?;
            samples[case].push(sample);
        }
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().try_for_each(|worker| match worker.join() {
            Ok(ended) => ended,
            Err(_) => bail!("a run broke off"),
        })
    })?;
    let samples = samples.into_inner().map_err(|_| anyhow::anyhow!("a run broke off"))?;
    eprintln!("{} stages never came to the failure and were begun again", not_reached.into_inner());
    Ok(CASES.iter().zip(&samples).flat_map(|(case, samples)| rows(*case, samples)).collect())
}

/// Whether a row misses what the kill switch promises.
pub(crate) fn is_missed(row: &Row) -> bool {
    row.target == CLEAR_TARGET && row.measured > CLEAR_MAX_MS
}

fn runs() -> anyhow::Result<usize> {
    let told =
        std::env::args().find_map(|argument| Some(argument.strip_prefix("--runs=")?.to_owned()));
    let Some(told) = told else { return Ok(RUNS) };
    let runs = told.parse().with_context(|| format!("--runs={told} is no number"))?;
    ensure!(runs > 0, "--runs wants a number above 0");
    Ok(runs)
}

/// One stage from its beginning to its end.
fn one(
    (dialect, failure): (Dialect, Failure),
    run: usize,
    not_reached: &AtomicUsize,
) -> anyhow::Result<Sample> {
    let what = format!("{dialect:?} {} number {run}", failure.name());
    let stage = loop {
        match Stage::set(dialect, failure, run) {
            Ok(stage) => break stage,
            Err(error) => {
                eprintln!("{what} never came to the failure: {error:#}");
                let before = not_reached.fetch_add(1, Ordering::Relaxed);
                ensure!(before < NOT_REACHED_MAX, "{what}: too many that did not: {error:#}");
            }
        }
    };
    // The failure comes at any moment of the kill switch's round of looks, which is two seconds long.
    std::thread::sleep(Duration::from_millis((run as u64 * 137) % 2_000));
    let sample = stage.measure().with_context(|| what.clone())?;
    let Sample { act, durable, gone } = sample;
    eprintln!("{what}: acted after {act:?}, durable {durable:?} later, all gone {gone:?} later");
    Ok(sample)
}

fn rows((dialect, failure): (Dialect, Failure), samples: &[Sample]) -> Vec<Row> {
    let place = match dialect {
        Dialect::Binance => "binance",
        Dialect::Coinbase => "coinbase",
    };
    let is_silence = failure.kind() == "heartbeat_lost";
    let steps: [Step; 3] = [
        ("failure to act", |sample| sample.act, if is_silence { ACT_TARGET } else { "" }),
        ("act to durable latch", |sample| sample.durable, ""),
        ("act to all gone", |sample| sample.gone, CLEAR_TARGET),
    ];
    let mut rows = Vec::new();
    for (step, of, target) in steps {
        let mut latencies = Latencies::new();
        samples.iter().for_each(|sample| latencies.add(of(sample)));
        for (name, quantile, target) in
            [("median", 0.5, ""), ("99 %", 0.99, target), ("most", 1.0, "")]
        {
            let what = format!("{place} {}: {step}, {name}", failure.name());
            let measured = latencies.at(quantile) / 1e6;
            // A name for each of a few rows, for the rest of this short life.
            rows.push(Row {
                what: what.leak(),
                measured,
                unit: "ms",
                target,
                peer: "200 open orders",
            });
        }
    }
    rows
}
