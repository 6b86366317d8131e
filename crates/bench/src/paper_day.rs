//! A day of paper trading on an exchange whose market runs 288 times as fast: memory of the gateway after 1, 6, 12
//! and 24 hours of it, with an agent that quotes and trades and with everything recorded.
//!
//! What is accelerated is the market. Clocks, timers, the rate budget and what is forgotten after an hour run in real
//! time, so all orders of the day are still remembered at its end: memory is what it can grow to, not what is left.

use std::time::{Duration, Instant};

use anyhow::ensure;
use journal::JournalReader;
use model::Record;

use crate::on_paper::{OnPaper, Plan};
use crate::table::Row;

/// 24 hours in five minutes.
const SPEED: f64 = 288.0;
const HOURS: [u32; 4] = [1, 6, 12, 24];
const WHAT: [&str; 4] = [
    "paper day: resident after 1 h",
    "paper day: resident after 6 h",
    "paper day: resident after 12 h",
    "paper day: resident after 24 h",
];
const GROWTH: &str = "paper day: growth from 12 h to 24 h";
/// Of the whole day's orders nothing is forgotten yet; a leak per message would be hundreds of MiB.
const GROWTH_MAX_MIB: f64 = 32.0;
const TARGET: &str = "<= 32";

const AGENTS: &str = r#"
[agent.maker]
strategy = "market-maker"
venue = "sim"
params = { half_spread_bps = 2, qty = 0.002, requote_every = 2000 }
"#;

pub(crate) fn run() -> anyhow::Result<Vec<Row>> {
    let instruments = ["BTC-USDT".to_owned()];
    let plan = Plan { instruments: &instruments, speed: SPEED, records: true, agents: AGENTS };
    let mut paper = OnPaper::start(&plan)?;
    let (start, mut rows, mut seen) = (Instant::now(), Vec::new(), Vec::new());
    for (hour, what) in HOURS.into_iter().zip(WHAT) {
        let due = Duration::from_secs(u64::from(hour) * 3_600).div_f64(SPEED);
        std::thread::sleep(due.saturating_sub(start.elapsed()));
        let mib = paper.resident_mib()?;
        eprintln!("  hour {hour}: {mib:.1} MiB");
        seen.push(mib);
        rows.push(Row { what, measured: mib, unit: "MiB", target: "", peer: "" });
    }
    paper.end()?;
    let mut fills = 0_u64;
    let reader = JournalReader::open(&paper.folder().join("plimsoll.db"))?;
    reader.replay(0, &mut |_, entry| {
        fills += u64::from(matches!(entry.record, Record::Filled { .. }));
        Ok(())
    })?;
    eprintln!("  {fills} executions");
    ensure!(fills > 0, "the agent has not traded, so nothing was measured");
    let growth = seen[3] - seen[2];
    rows.push(Row { what: GROWTH, measured: growth, unit: "MiB", target: TARGET, peer: "" });
    Ok(rows)
}

pub(crate) fn is_missed(row: &Row) -> bool {
    row.what == GROWTH && row.measured > GROWTH_MAX_MIB
}
