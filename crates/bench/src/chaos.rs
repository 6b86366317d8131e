//! How fast simulated worlds live, on one core: simulated hours with faults, every checker on.

use std::time::{Duration, Instant};

use anyhow::bail;
use sim::{FaultSet, Plan};

use crate::table::{Row, per_second};

/// Worlds of one round.
const WORLDS: u64 = 10;
/// Simulated time of each.
const HOUR: Duration = Duration::from_secs(3_600);

pub(crate) fn run() -> anyhow::Result<Vec<Row>> {
    let mut broken = None;
    let mut worlds = |calm: bool| {
        let begun = Instant::now();
        let mut lived = Duration::ZERO;
        for seed in 0..WORLDS {
            let plan = Plan::of(seed, HOUR);
            let plan = if calm { Plan { faults: FaultSet::NONE, ..plan } } else { plan };
            let report = sim::run(&plan);
            lived += report.time;
            broken = broken.take().or(report.violation);
        }
        (lived.as_secs(), begun.elapsed())
    };
    let (faulty, calm) = (per_second(|| worlds(false)), per_second(|| worlds(true)));
    if let Some(violation) = broken {
        bail!("{}: {}", violation.invariant, violation.what);
    }
    let row =
        |what, measured, target| Row { what, measured, unit: "x real time", target, peer: "" };
    Ok(vec![
        row("simulated worlds with faults, one core", faulty, ">= 50 000 x"),
        row("the same without faults", calm, ""),
    ])
}
