//! What recording costs: processor time of a gateway that hears twenty markets, with `record` and without, one after
//! the other and twice.

use std::path::Path;
use std::time::Duration;

use anyhow::ensure;

use crate::on_paper::{OnPaper, Plan};
use crate::table::Row;

const MARKETS: usize = 20;
/// So fast that the made-up market tells some 500 things a second of each; how many it were is printed.
const SPEED: f64 = 50.0;
/// Until the books are there, and how long is measured.
const WARM: Duration = Duration::from_secs(10);
const MEASURED: Duration = Duration::from_secs(30);
const ROUNDS: usize = 2;

const WITHOUT: &str = "20 markets, not recorded: of one processor";
const WITH: &str = "20 markets, recorded: of one processor";
const ADDED: &str = "20 markets, recording adds: of one processor";
const ADDED_MAX: f64 = 5.0;
const TARGET: &str = "< 5";

pub(crate) fn run() -> anyhow::Result<Vec<Row>> {
    let (mut without, mut with) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        without.push(percent(false)?);
        with.push(percent(true)?);
    }
    // The least disturbed one of each.
    let least = |of: &[f64]| of.iter().copied().fold(f64::INFINITY, f64::min);
    let (without, with) = (least(&without), least(&with));
    let row = |what, measured, target| Row { what, measured, unit: "%", target, peer: "" };
    Ok(vec![row(WITHOUT, without, ""), row(WITH, with, ""), row(ADDED, with - without, TARGET)])
}

/// Percent of one processor that the gateway takes.
fn percent(records: bool) -> anyhow::Result<f64> {
    let instruments: Vec<String> =
        (1..=MARKETS).map(|number| format!("C{number:02}-USDT:price=100")).collect();
    let plan = Plan { instruments: &instruments, speed: SPEED, records, agents: "" };
    let mut paper = OnPaper::start(&plan)?;
    std::thread::sleep(WARM);
    let before = paper.cpu_seconds()?;
    std::thread::sleep(MEASURED);
    let spent = paper.cpu_seconds()? - before;
    paper.end()?;
    let percent = 100.0 * spent / MEASURED.as_secs_f64();
    let rows = if records { rows(&paper.folder().join("recording"))? } else { 0 };
    let rate = rows as f64 / (WARM + MEASURED).as_secs_f64() / MARKETS as f64;
    eprintln!(
        "  recorded: {records}, {percent:.1} % of a processor, {rate:.0} rows a second and market"
    );
    ensure!(!records || rows > 0, "nothing was recorded");
    Ok(percent)
}

pub(crate) fn is_missed(row: &Row) -> bool {
    row.what == ADDED && row.measured >= ADDED_MAX
}

/// Rows of all files of a recording.
fn rows(folder: &Path) -> anyhow::Result<u64> {
    let mut rows = 0;
    for file in std::fs::read_dir(folder)? {
        let path = file?.path();
        if path.extension().is_some_and(|extension| extension == "parquet") {
            rows += ::data::open(&path, &::data::Options::default())?.meta().rows.unwrap_or(0);
        }
    }
    Ok(rows)
}
