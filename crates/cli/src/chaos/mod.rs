//! `plimsoll chaos`: many worlds in virtual time, each from one seed, on all cores.
//!
//! A world is the same whatever runs beside it, and sums do not depend on their order, so the result is
//! the same for any number of threads. The first failure, by number, is made short and told.

#[cfg(feature = "defects")]
mod defects;
mod fleet;
mod report;
mod seed;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use sim::{Plan, VenueClass};

use self::fleet::Fleet;
use self::report::Summary;
use self::seed::Choices;
use crate::failure::Failure;

/// Worlds that are lived through to make a failure short.
const SHRINK_TRIES: u32 = 300;
/// Lines of a story that are printed.
const STORY_LINES: usize = 60;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// How many worlds, from seed 0 on.
    #[arg(long, default_value_t = 100, value_name = "N")]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 0, value_name = "S")]
    from: u64,
    /// One world alone; its failure is told whole.
    #[arg(long, value_name = "S", conflicts_with = "from")]
    seed: Option<u64>,
    /// Simulated minutes of each world; the round under way then is finished.
    #[arg(long, default_value_t = 60, value_name = "M",
          value_parser = clap::value_parser!(u64).range(1..=100_000))]
    minutes: u64,
    /// Kill a reference day at every boundary of writing and sending, and again while it recovers.
    #[arg(long, conflicts_with_all = ["seeds", "seed", "from", "lost_acks"])]
    crash_sweep: bool,
    /// So many orders whose acknowledgement is lost, at every kind of venue.
    #[arg(long, value_name = "N", conflicts_with_all = ["seeds", "seed"])]
    lost_acks: Option<u64>,
    /// Threads; all cores when not given.
    #[arg(long, value_name = "T")]
    threads: Option<usize>,
    /// Print one JSON object instead of a table.
    #[arg(long)]
    json: bool,
    /// Write the summary, as JSON, to this file, too.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Print what happens in the one world of `--seed`, and change nothing about it.
    #[arg(long, requires = "seed")]
    story: bool,
    #[command(flatten)]
    choices: Choices,
    /// Find every deliberate bug of this build, and say after how many seeds.
    #[cfg(feature = "defects")]
    #[arg(long)]
    defects: bool,
}

/// What is lived through: the plan of each number.
pub(crate) enum Work {
    Seeds { from: u64, time: Duration, choices: Box<Choices> },
    Sweep { days: Vec<(Plan, u64)> },
    Trials { from: u64 },
}

impl Work {
    fn plan(&self, number: u64) -> anyhow::Result<Plan> {
        match self {
            Work::Seeds { from, time, choices } => {
                choices.applied(Plan::of(from.wrapping_add(number), *time))
            }
            Work::Sweep { days } => {
                let mut left = number;
                for (day, boundaries) in days {
                    // Each boundary twice: with one kill and with two.
                    if left < boundaries * 2 {
                        return Ok(sim::crash_at(day, left / 2 + 1, left % 2 == 1));
                    }
                    left -= boundaries * 2;
                }
                Err(anyhow!("there is no boundary {number}"))
            }
            Work::Trials { from } => Ok(sim::trial(from + number)),
        }
    }
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    #[cfg(feature = "defects")]
    if args.defects {
        return defects::run(args.seeds, Duration::from_secs(args.minutes * 60));
    }
    let time = Duration::from_secs(args.minutes * 60);
    let choices = Box::new(args.choices.clone());
    // A wrong word is said before anything starts.
    choices.applied(Plan::of(0, time)).map_err(Failure::usage)?;
    let (work, count) = if args.crash_sweep {
        sweep()
    } else if let Some(count) = args.lost_acks {
        (Work::Trials { from: args.from }, count)
    } else {
        let from = args.seed.unwrap_or(args.from);
        let count = if args.seed.is_some() { 1 } else { args.seeds };
        (Work::Seeds { from, time, choices }, count)
    };
    if args.story {
        return tell(&work.plan(0)?, usize::MAX);
    }
    let fleet = Fleet::new(args.threads);
    let summary = fleet.run(count, |number| work.plan(number))?;
    let told = match &summary.first {
        Some((_, plan)) => Some(explain(plan)?),
        None => None,
    };
    summary.print(args.json, told.as_deref())?;
    if let Some(path) = &args.report {
        let text = format!("{:#}\n", summary.json(told.as_deref()));
        std::fs::write(path, text).with_context(|| path.display().to_string())?;
    }
    verdict(&summary)
}

fn verdict(summary: &Summary) -> Result<(), Failure> {
    match summary.violations {
        0 => Ok(()),
        count => Err(anyhow!("{count} of {} worlds broke an invariant", summary.worlds).into()),
    }
}

/// The days of the sweep, with their boundaries.
fn sweep() -> (Work, u64) {
    let days: Vec<(Plan, u64)> = VenueClass::ALL[..2]
        .iter()
        .map(|venue| {
            let day = sim::reference_day(*venue);
            let boundaries = sim::run(&day).boundaries;
            (day, boundaries)
        })
        .collect();
    let count = days.iter().map(|(_, boundaries)| boundaries * 2).sum();
    (Work::Sweep { days }, count)
}

/// The first failure, made short: its story on standard error, and the command that repeats it.
fn explain(plan: &Plan) -> anyhow::Result<String> {
    eprintln!("a world broke an invariant; making it shorter …");
    let shrunk = sim::shrink(plan, SHRINK_TRIES).context("it does not fail a second time")?;
    let (_, story) = sim::tell(&shrunk.plan);
    let from = story.len().saturating_sub(STORY_LINES);
    story[from..].iter().for_each(|line| eprintln!("{line}"));
    let violation = &shrunk.violation;
    eprintln!("\n{}: {}", violation.invariant, violation.what);
    let repeat = seed::command(&shrunk.plan);
    eprintln!("to repeat it ({} worlds tried): {repeat}", shrunk.tried);
    Ok(repeat)
}

fn tell(plan: &Plan, lines: usize) -> Result<(), Failure> {
    let (report, story) = sim::tell(plan);
    let from = story.len().saturating_sub(lines);
    story[from..].iter().for_each(|line| println!("{line}"));
    match report.violation {
        None => Ok(()),
        Some(violation) => Err(anyhow!("{}: {}", violation.invariant, violation.what).into()),
    }
}
