//! `plimsoll sweep`: a backtest for every combination of parameters, on all cores, and what of the best is luck.

mod folds;
mod grid;
mod luck;
mod runs;
mod shared;
mod table;

use std::io::Write as _;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};

use ::backtest::instruments_of;
use anyhow::anyhow;

use self::runs::{By, Figures, Sweep, Tried, sources};
use self::shared::Loaded;
use crate::backtest::Args as BacktestArgs;
use crate::data::bar::Bar;
use crate::failure::Failure;

#[derive(clap::Args)]
#[group(id = "sweep")]
pub(crate) struct Args {
    #[command(flatten)]
    backtest: BacktestArgs,
    /// What the best is best by: sharpe, total_return or max_drawdown.
    #[arg(long, value_name = "FIGURE", default_value = "sharpe", value_parser = By::parse)]
    by: By,
    /// Walk forward: cut the data into so many pieces, choose the best on each and trade it on the next one.
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(2..=100))]
    folds: u32,
    /// Runs at a time; as many as there are cores when not given.
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
    /// Rows of the table.
    #[arg(long, value_name = "N", default_value_t = 10)]
    top: usize,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    if args.backtest.journal.is_some() || args.backtest.report.is_some() {
        let problem = "--journal and --report are of one run: use plimsoll backtest for the one that you choose";
        return Err(Failure::usage(anyhow!(problem)));
    }
    let axes = args.backtest.params.iter().map(|(name, text)| grid::axis(name, text));
    let axes = axes.collect::<Result<Vec<_>, _>>().map_err(|problem| usage(&problem))?;
    let all = grid::combinations(&axes).map_err(|problem| usage(&problem))?;
    let files = load(args)?;
    let whole = (i64::MIN, i64::MAX);
    let instruments = instruments_of(&sources(&files, whole)).map_err(Failure::usage)?;
    for params in &all {
        // Before anything runs: a sweep that fails at its end is an hour lost.
        agents::build(&args.backtest.agent, params, &instruments).map_err(Failure::usage)?;
    }
    let setup = args.backtest.setup()?;
    let setup = args.backtest.for_instruments(&setup, &instruments)?;
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let threads = args.threads.map_or(cores, NonZeroUsize::get);
    let sweep = Sweep { setup: &setup, agent: &args.backtest.agent, files: &files, threads };
    let pieces = folds::pieces(&files, args.folds);
    let bar = Bar::new();
    let total = (all.len() * (1 + pieces.len())) as u64;
    let done = AtomicUsize::new(0);
    let look = || bar.show(done.fetch_add(1, Ordering::Relaxed) as u64 + 1, total, 0);
    let reports = sweep.each(&all, whole, &look)?;
    let tried = all.iter().zip(reports);
    let tried =
        tried.map(|(params, report)| Tried { params: params.clone(), report, pieces: Vec::new() });
    let mut tried: Vec<Tried> = tried.collect();
    for piece in &pieces {
        for (tried, report) in tried.iter_mut().zip(sweep.each(&all, *piece, &look)?) {
            tried.pieces.push(Figures::of(&report));
        }
    }
    bar.done();
    let forward = if all.len() > 1 { folds::walk(&tried, args.by) } else { Vec::new() };
    // Ties go to the combination that was named first, whatever the number of threads.
    let mut order: Vec<usize> = (0..tried.len()).collect();
    order.sort_by(|one, other| {
        let of = |at: &usize| args.by.of(&Figures::of(&tried[*at].report));
        of(other).total_cmp(&of(one))
    });
    let table = table::Table { tried: &tried, order: &order, by: args.by, forward: &forward };
    let mut out = std::io::stdout().lock();
    if args.backtest.json {
        writeln!(out, "{}", table.json())?;
    } else {
        write!(out, "{}", table.text(args.top))?;
    }
    Ok(())
}

fn usage(problem: &str) -> Failure {
    Failure::usage(anyhow!("--param {problem}"))
}

fn load(args: &Args) -> Result<Vec<Loaded>, Failure> {
    let options = args.backtest.reading.options();
    let bar = Bar::new();
    let mut files = Vec::new();
    for file in &args.backtest.data {
        let size = std::fs::metadata(file).map_or(0, |metadata| metadata.len());
        files.push(Loaded::read(file, &options, |read, rows| bar.show(read, size, rows))?);
    }
    bar.done();
    Ok(files)
}
