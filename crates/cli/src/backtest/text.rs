//! A backtest's figures for people.

use std::fmt::Write as _;

use model::Timestamp;

use super::once::Run;

/// The run, and what it would have come to under other assumptions.
pub(super) fn of(run: &Run, others: &[(&'static str, Run)]) -> String {
    let report = &run.report;
    let mut text = String::new();
    let mut line = |name: &str, value: String| {
        // Writing to a text cannot fail.
        let _ = writeln!(text, "{name:<16} {value}");
    };
    let (first, last) = report.span;
    let time = |nanos: i64| Timestamp::from_nanos(nanos).to_string();
    line("traded", report.instruments.join(", "));
    line("from, to", format!("{}, {}", time(first), time(last)));
    line("rows", format!("{}, of them {} bars", report.events, report.bars));
    line("orders, fills", format!("{}, {}", report.orders, report.fills));
    line("refused", format!("{} by guardrails{}", report.refused, refusals(run)));
    if report.rejected > 0 {
        line("rejected", format!("{} by the exchange", report.rejected));
    }
    line(
        "equity",
        format!(
            "{:.2} {} at the end, {:.2} at first",
            report.final_equity, report.quote, report.first_equity
        ),
    );
    line("return", percent(report.total_return));
    line("max drawdown", percent(report.max_drawdown));
    line(
        "Sharpe, Sortino",
        format!("{:.2}, {:.2} by the {}", report.sharpe, report.sortino, report.period),
    );
    line("fees", format!("{:.2} {}", report.fees_paid, report.quote));
    if let Some(tier) = report.fee_tier {
        line(
            "fee tier",
            format!(
                "{} and {} bps at the end, with {:.0} {} traded in 30 days",
                tier.maker_bps, tier.taker_bps, tier.volume_30d, report.quote
            ),
        );
    }
    if let Some(trouble) = report.trouble {
        line(
            "trouble",
            format!(
                "{} outages; of the requests {} lost, {} not sent, {} throttled, {} held back",
                trouble.outages,
                trouble.requests_lost,
                trouble.requests_not_sent,
                trouble.requests_throttled,
                trouble.requests_held_back
            ),
        );
    }
    line(
        "turnover",
        format!(
            "{:.2} {}, {} of the fills as a maker",
            report.turnover,
            report.quote,
            percent(report.maker_share)
        ),
    );
    line("exposed", format!("{} of the time", percent(report.exposure)));
    let seconds = run.took.as_secs_f64();
    let rate = report.events as f64 / seconds.max(1e-9);
    line("took", format!("{seconds:.3} s, {rate:.0} rows/s"));
    if !others.is_empty() {
        let _ = writeln!(
            text,
            "\n{:<12} {:>12} {:>14} {:>8} {:>12}",
            "assumptions", "return", "drawdown", "fills", "fees"
        );
        let all = std::iter::once(("as asked", run)).chain(others.iter().map(|(n, r)| (*n, r)));
        for (name, Run { report, .. }) in all {
            let _ = writeln!(
                text,
                "{name:<12} {:>12} {:>14} {:>8} {:>12.2}",
                percent(report.total_return),
                percent(report.max_drawdown),
                report.fills,
                report.fees_paid
            );
        }
    }
    text
}

fn refusals(run: &Run) -> String {
    let each = run.report.refusals.iter().map(|(kind, count)| format!("{count} {kind}"));
    let each = each.collect::<Vec<_>>().join(", ");
    if each.is_empty() { each } else { format!(": {each}") }
}

fn percent(part: f64) -> String {
    format!("{:.3} %", part * 100.0)
}
