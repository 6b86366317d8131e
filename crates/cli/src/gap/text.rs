//! A gap for people, on a terminal.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use ::backtest::gap::{Comparison, Pair};
use model::{Asset, Decimal, Timestamp};

use super::report::{Report, ms};

/// Differences that are listed; `--json` and `--report` have all.
const LISTED_MAX: usize = 20;

pub(super) fn of(report: &Report) -> String {
    let mut text = String::new();
    // Writing to a text cannot fail.
    let _ = write(report, &mut text);
    text
}

fn write(report: &Report, out: &mut String) -> std::fmt::Result {
    let span = &report.span;
    let end = if span.is_over { "" } else { ", and goes on" };
    writeln!(
        out,
        "session          {} ({}), {} to {}{end}",
        span.number,
        report.mode(),
        span.from,
        span.until
    )?;
    writeln!(out, "recording        {}, {} rows", report.folder, report.orders.rows)?;
    writeln!(
        out,
        "models           {}, {} ms one way, {} bps slippage",
        report.fill(),
        ms(i64::try_from(report.models.latency.as_micros()).unwrap_or(i64::MAX)),
        report.models.assumptions.slippage_bps
    )?;
    writeln!(out, "\nthe run's orders, filled by the models")?;
    comparison(&report.orders.comparison, out)?;
    if report.orders.beyond > 0 {
        writeln!(
            out,
            "  not compared   {}, sent after the end of the recording",
            report.orders.beyond
        )?;
    }
    if report.orders.fills_beyond > 0 {
        writeln!(
            out,
            "  not compared   {} executions after the end of the recording",
            report.orders.fills_beyond
        )?;
    }
    for replayed in &report.replayed {
        writeln!(
            out,
            "\nthe strategy of {}, replayed: {} orders wanted in the run, {} in the replay",
            replayed.agent, replayed.wanted_run, replayed.wanted_replay
        )?;
        comparison(&replayed.comparison, out)?;
    }
    for not in &report.not {
        writeln!(out, "\nthe strategy of {} is not replayed: {}", not.agent, not.why)?;
    }
    suggested(report, out)
}

fn comparison(found: &Comparison, out: &mut String) -> std::fmt::Result {
    writeln!(
        out,
        "  orders         {}, of which {} differ; executions {} in the run, {} in the replay",
        found.orders, found.different, found.fills_run, found.fills_replay
    )?;
    for (cause, total) in &found.causes {
        writeln!(
            out,
            "  {cause:<17} {:>5} orders, {} missed, {} extra, {}",
            total.orders,
            total.missed,
            total.extra,
            sums(&total.value)
        )?;
    }
    if found.different > 0 {
        writeln!(out, "  all together   the run is worth {} more", sums(&found.difference))?;
    }
    for pair in found.differences.iter().take(LISTED_MAX) {
        writeln!(out, "    {}", line(pair))?;
    }
    if found.differences.len() > LISTED_MAX {
        writeln!(
            out,
            "    … and {} more, in --report and --json",
            found.differences.len() - LISTED_MAX
        )?;
    }
    Ok(())
}

fn line(pair: &Pair) -> String {
    let price = |price: Option<Decimal>| {
        let rounded = price.and_then(|price| price.round_to(8, model::Rounding::Down));
        rounded.map_or("-".to_owned(), |price| price.to_string())
    };
    let why = pair.cause.as_ref().map(|cause| format!("{}: {}", cause.name(), cause.words()));
    format!(
        "{} {} {} {} {}: {} at {} in the run, {} at {} in the replay; {}",
        Timestamp::from_nanos(pair.decided),
        pair.order,
        pair.instrument,
        side(pair.side),
        pair.is,
        pair.run.filled,
        price(pair.run.price),
        pair.replay.filled,
        price(pair.replay.price),
        why.unwrap_or_default()
    )
}

pub(super) const fn side(side: model::Side) -> &'static str {
    match side {
        model::Side::Buy => "buy",
        model::Side::Sell => "sell",
    }
}

fn suggested(report: &Report, out: &mut String) -> std::fmt::Result {
    let found = &report.suggested;
    writeln!(out, "\nmodels that would have been honest")?;
    if let Some((half, most)) = found.latency_p50_us.zip(found.latency_p90_us) {
        writeln!(
            out,
            "  latency_ms     {} for half of the orders, {} for nine tenths",
            ms(half),
            ms(most)
        )?;
    }
    writeln!(out, "  slippage_bps   {}", found.slippage_bps)?;
    writeln!(out, "  fill           {}", found.fill)?;
    if found.is_best {
        writeln!(out, "  those that it was compared with are as near as any of these")?;
    }
    writeln!(
        out,
        "  {:<13} {:>10} {:>8} {:>9}  apart",
        "fill", "latency_ms", "slippage", "different"
    )?;
    for tried in &found.tried {
        writeln!(
            out,
            "  {:<13} {:>10} {:>8} {:>9}  {}",
            tried.fill,
            ms(tried.latency_us),
            tried.slippage_bps,
            tried.different,
            sums(&tried.apart)
        )?;
    }
    Ok(())
}

/// Amounts with their assets.
pub(super) fn sums(sums: &BTreeMap<Asset, Decimal>) -> String {
    let all = sums.iter().map(|(asset, sum)| format!("{sum} {asset}"));
    let all = all.collect::<Vec<_>>().join(", ");
    if all.is_empty() { "0".to_owned() } else { all }
}
