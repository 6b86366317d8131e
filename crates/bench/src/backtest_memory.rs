//! The most memory that a backtest ever has, on a tape of fifty million trades and on one of a tenth of that: with a
//! few orders, and with one every few dozen trades.
//!
//! A process of its own each, so that nothing else is counted. Not among the measurements that run when none is named: it
//! takes minutes, and a disk with room for the tape.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use ::data::{BUY, Batch, Columns, Kind, Meta, SELL, Writer};
use anyhow::{Context as _, ensure};
use model::market::Grid;
use sim_venue::synthetic::SplitMix;

use crate::table::Row;

const ROWS: u64 = 50_000_000;
const FEWER: u64 = ROWS / 10;
const START: i64 = 1_700_000_000_000_000_000;
/// Of the issue: flat, and no more than this, MiB.
const MOST_MIB: f64 = 300.0;
const TARGET: &str = "<= 300, however many rows";

/// Averages that cross seldom, and often.
const SELDOM: [&str; 2] = ["fast=500", "slow=2000"];
const OFTEN: [&str; 2] = ["fast=10", "slow=30"];

pub(crate) fn run() -> anyhow::Result<Vec<Row>> {
    let binary = binary()?;
    let folder = tempfile::tempdir()?;
    let (all, fewer) = (folder.path().join("all.parquet"), folder.path().join("fewer.parquet"));
    tape(&all, ROWS)?;
    tape(&fewer, FEWER)?;
    let mut rows = Vec::new();
    for (what, file, averages) in [
        ("backtest: 5 M trades, ema-cross 500/2000, peak", &fewer, SELDOM),
        ("backtest: 50 M trades, ema-cross 500/2000, peak", &all, SELDOM),
        ("backtest: 5 M trades, ema-cross 10/30, peak", &fewer, OFTEN),
        ("backtest: 50 M trades, ema-cross 10/30, peak", &all, OFTEN),
    ] {
        let (mib, said) = peak(&binary, file, averages)?;
        let report: serde_json::Value = serde_json::from_slice(&said)?;
        let (orders, seconds) = (&report["orders"], report["run_seconds"].as_f64());
        eprintln!("  {what}: {mib:.0} MiB, {orders} orders, {:.1} s", seconds.unwrap_or(0.0));
        rows.push(Row { what, measured: mib, unit: "MiB", target: TARGET, peer: "" });
    }
    Ok(rows)
}

pub(crate) fn is_missed(row: &Row) -> bool {
    row.target == TARGET && row.measured > MOST_MIB
}

/// `plimsoll` beside this program.
fn binary() -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe()?;
    let path = own.parent().context("a program without a directory")?.join("plimsoll");
    ensure!(path.exists(), "{} is not there: cargo xtask bench makes it", path.display());
    Ok(path)
}

/// A price that wanders, a tenth of a second between two trades.
fn tape(path: &Path, rows: u64) -> anyhow::Result<()> {
    let mut random = SplitMix(11);
    let mut below = |end: u64| i64::try_from(random.below(end)).unwrap_or(0);
    let meta = Meta {
        kind: Kind::Trades,
        instrument: Some(crate::samples::id()),
        grid: Grid { price_decimals: 2, qty_decimals: 5 },
        interval: Duration::ZERO,
        has_received: false,
        consecutive_ids: true,
        layout: "plimsoll",
        rows: None,
        span: None,
    };
    let mut writer = Writer::create(path, &meta)?;
    let mut batch = Batch::new(Kind::Trades);
    let (mut time, mut price, mut id) = (START, 6_000_000, 0);
    while writer.rows() < rows {
        batch.clear();
        while batch.len() < ::data::BATCH_ROWS {
            let Columns::Trades(trades) = &mut batch.columns else { continue };
            time += below(200_000) * 1_000;
            // Turned back where it would come near nothing.
            price = (price + below(201) - 100).max(1_000_000);
            id += 1;
            trades.id.push(id);
            trades.price.push(price);
            trades.qty.push(1 + below(100_000));
            trades.taker.push(if below(2) == 1 { SELL } else { BUY });
            batch.time.push(time);
        }
        writer.write(&batch)?;
    }
    Ok(writer.finish()?)
}

/// The most that the process ever had, MiB, and what it said.
fn peak(binary: &Path, file: &Path, averages: [&str; 2]) -> anyhow::Result<(f64, Vec<u8>)> {
    let mut command = Command::new(binary);
    command.args(["backtest", "--agent", "ema-cross", "--alone", "--json", "--taker-bps", "1"]);
    command.args(["--cash", "1000000000 USDT", "--param", "qty=1", "--data"]).arg(file);
    averages.iter().for_each(|average| {
        command.args(["--param", average]);
    });
    let mut child = command.stdout(Stdio::piped()).spawn()?;
    let status = PathBuf::from(format!("/proc/{}/status", child.id()));
    let mut most = 0.0f64;
    // It only grows, so that the last look counts. What is said is one short line and needs no reader meanwhile.
    while child.try_wait()?.is_none() {
        most =
            most.max(std::fs::read_to_string(&status).ok().as_deref().and_then(mib).unwrap_or(0.0));
        std::thread::sleep(Duration::from_millis(20));
    }
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "{} failed", binary.display());
    ensure!(most > 0.0, "{} cannot be read: this is measured on Linux alone", status.display());
    Ok((most, output.stdout))
}

/// `VmHWM: N kB`.
fn mib(status: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib / 1_024.0)
}
