//! A backtest's report as one page that works without a network: curves, months, trades, figures and what they
//! mean, and what each assumption is worth.

use std::fmt::Write as _;

use ::backtest::{Point, Report, Trade};
use model::{Side, Timestamp};

use super::chart::{Chart, Mark, Series};
use super::once::Run;

/// Executions in the page's list, at most; the first half and the last half of them.
const LISTED_MAX: usize = 2_000;
/// Executions drawn on the price.
const MARKED_MAX: usize = 1_000;

pub(crate) const STYLE: &str = include_str!("report.css");

/// The page. `title` and `command` are shown at its top.
pub(super) fn page(
    title: &str,
    command: &str,
    run: &Run,
    others: &[(&'static str, Run)],
) -> String {
    let report = &run.report;
    let mut page = String::new();
    let mut add = |text: &str| page.push_str(text);
    add("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    add("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    add(&format!("<title>{}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n", escaped(title)));
    add(&format!("<h1>{}</h1>\n<p class=\"command\">{}</p>\n", escaped(title), escaped(command)));
    add(&cards(report));
    if !others.is_empty() {
        add(&assumed(run, others));
    }
    add(&curves(report));
    add(&months(report));
    add(&figures(run));
    add(&trades(report));
    add("</body>\n</html>\n");
    page
}

fn cards(report: &Report) -> String {
    let card = |name: &str, value: String, class: &str| {
        format!("<div class=\"card\"><span>{name}</span><b class=\"{class}\">{value}</b></div>\n")
    };
    let sign = |number: f64| if number < 0.0 { "loss" } else { "gain" };
    let mut text = "<div class=\"cards\">\n".to_owned();
    text += &card("Return", percent(report.total_return), sign(report.total_return));
    text += &card("Max drawdown", percent(-report.max_drawdown), "loss");
    text += &card("Sharpe", format!("{:.2}", report.sharpe), sign(report.sharpe));
    text += &card("Final equity", money(report.final_equity, &report.quote), "");
    text += &card("Fees paid", money(report.fees_paid, &report.quote), "");
    text += &card("Orders, fills", format!("{}, {}", report.orders, report.fills), "");
    text += "</div>\n";
    text
}

fn assumed(run: &Run, others: &[(&'static str, Run)]) -> String {
    let mut text = "<h2>What the assumptions are worth</h2>\n<table>\n<tr><th></th><th>return</th>\
        <th>against as asked</th><th>max drawdown</th><th>Sharpe</th><th>fills</th><th>fees</th></tr>\n"
        .to_owned();
    let all =
        std::iter::once(("as asked", run)).chain(others.iter().map(|(name, run)| (*name, run)));
    for (name, Run { report, .. }) in all {
        let _ = writeln!(
            text,
            "<tr><th>{name}</th><td>{}</td><td>{}</td><td>{}</td><td>{:.2}</td><td>{}</td><td>{}</td></tr>",
            percent(report.total_return),
            percent(report.total_return - run.report.total_return),
            percent(report.max_drawdown),
            report.sharpe,
            report.fills,
            money(report.fees_paid, &report.quote),
        );
    }
    text += "</table>\n<p>Optimistic: orders that rest are filled when touched, nothing takes time, slips or fails. Realistic: \
        their turn in the queue, 50 ms each way and 2 bps of slippage at least. Stressed: only prices beyond an order \
        fill it, 500 ms, 10 bps, a tenth of what is traded, and half as much again in fees.</p>\n";
    text
}

fn curves(report: &Report) -> String {
    let points = &report.points;
    let of = |value: fn(&Point) -> f64| points.iter().map(|p| (p.at, value(p))).collect::<Vec<_>>();
    let mut peak = f64::MIN;
    let fall = |point: &Point| {
        peak = peak.max(point.equity);
        (point.at, if peak > 0.0 { (point.equity / peak - 1.0) * 100.0 } else { 0.0 })
    };
    let fall: Vec<_> = points.iter().map(fall).collect();
    let step = report.trades.len().div_ceil(MARKED_MAX).max(1);
    let first = report.instruments.first().cloned().unwrap_or_default();
    let marks = report.trades.iter().filter(|trade| trade.instrument.as_str() == first);
    let marks = marks.step_by(step).map(|trade| Mark {
        at: trade.at,
        value: trade.price.get().to_f64(),
        is_up: trade.side == Side::Buy,
    });
    let quote = escaped(&report.quote);
    let mut text = String::new();
    for (title, series, values, marks) in [
        (format!("Equity, {quote}"), Series::Line, of(|p| p.equity), Vec::new()),
        ("Drawdown, percent".to_owned(), Series::Area, fall, Vec::new()),
        (format!("Held, {}", escaped(&first)), Series::Area, of(|p| p.held), Vec::new()),
        (
            format!("Price and trades, {}", escaped(&first)),
            Series::Line,
            of(|p| p.price),
            marks.collect(),
        ),
    ] {
        let chart = Chart { series, values: &values, marks: &marks };
        let _ = writeln!(text, "<h2>{title}</h2>\n{}", chart.svg());
    }
    if step > 1 {
        let _ = writeln!(text, "<p>One of {step} executions is drawn.</p>");
    }
    text
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Equity at the end of each month, from the days.
fn month_ends(report: &Report) -> Vec<((i64, usize), f64)> {
    let (first_day, _, days) = &report.days;
    let mut ends: Vec<((i64, usize), f64)> = Vec::new();
    for (number, equity) in (*first_day..).zip(days) {
        let time = Timestamp::from_nanos(number.saturating_mul(86_400_000_000_000)).to_string();
        let (year, month) = (time.get(..4), time.get(5..7));
        let year = year.and_then(|year| year.parse().ok());
        let month = month.and_then(|month| month.parse::<usize>().ok());
        let Some(month) = year.zip(month) else { continue };
        match ends.last_mut() {
            Some((last, end)) if *last == month => *end = *equity,
            Some(_) | None => ends.push((month, *equity)),
        }
    }
    ends
}

fn months(report: &Report) -> String {
    let mut before = report.days.1;
    let mut text = "<h2>Monthly returns</h2>\n<table class=\"months\">\n<tr><th></th>".to_owned();
    MONTHS.iter().for_each(|month| text += &format!("<th>{month}</th>"));
    text += "<th>year</th></tr>\n";
    let mut row: Option<(i64, [Option<f64>; 12], f64)> = None;
    let finish = |row: Option<(i64, [Option<f64>; 12], f64)>, text: &mut String| {
        let Some((year, months, product)) = row else { return };
        let _ = write!(text, "<tr><th>{year}</th>");
        for month in months {
            let cell = month.map(|part| (percent(part), if part < 0.0 { "loss" } else { "gain" }));
            let (value, class) = cell.unwrap_or_default();
            let _ = write!(text, "<td class=\"{class}\">{value}</td>");
        }
        let _ = writeln!(text, "<td>{}</td></tr>", percent(product - 1.0));
    };
    for ((year, month), end) in month_ends(report) {
        let part = if before > 0.0 { end / before - 1.0 } else { 0.0 };
        before = end;
        if row.as_ref().is_none_or(|(of, ..)| *of != year) {
            finish(row.take(), &mut text);
            row = Some((year, [None; 12], 1.0));
        }
        if let Some((_, months, product)) = &mut row {
            months[month.clamp(1, 12) - 1] = Some(part);
            *product *= 1.0 + part;
        }
    }
    finish(row, &mut text);
    text += "</table>\n";
    text
}

fn figures(run: &Run) -> String {
    let report = &run.report;
    let period = report.period;
    let mut text = "<h2>Figures and what they mean</h2>\n<table class=\"figures\">\n".to_owned();
    let mut row = |name: &str, value: String, means: String| {
        let _ = writeln!(text, "<tr><th>{name}</th><td>{value}</td><td>{means}</td></tr>");
    };
    let quote = &report.quote;
    row(
        "Return",
        percent(report.total_return),
        "what equity grew by, of the equity at the first price".into(),
    );
    row(
        "Max drawdown",
        percent(report.max_drawdown),
        "the deepest fall from a peak, of the peak, looked at with every price".into(),
    );
    row(
        "Sharpe",
        format!("{:.3}", report.sharpe),
        format!(
            "mean of the returns of each {period} over their deviation, for a year of 365 days"
        ),
    );
    row(
        "Sortino",
        format!("{:.3}", report.sortino),
        "the same with the deviation of losses alone".into(),
    );
    row(
        "Volatility",
        percent(report.volatility),
        format!("deviation of the returns of each {period}, for a year"),
    );
    row("Turnover", money(report.turnover, quote), "price times quantity of all executions".into());
    row(
        "Fees",
        money(report.fees_paid, quote),
        "all fees; those in the base asset at the price of their execution".into(),
    );
    if let Some(tier) = report.fee_tier {
        row(
            "Fee tier",
            format!("{} and {} bps", tier.maker_bps, tier.taker_bps),
            format!(
                "what makers and takers pay at the end, with {} traded in the last 30 days",
                money(tier.volume_30d, quote)
            ),
        );
    }
    if let Some(trouble) = report.trouble {
        for (name, count, means) in [
            ("Outages", trouble.outages, "times at which something of the exchange failed"),
            ("Market missed", trouble.market_missed, "messages of the market that nobody heard"),
            ("Reports missed", trouble.reports_missed, "reports of the account that nobody heard"),
            ("Requests lost", trouble.requests_lost, "under way when the connection was cut"),
            ("Not sent", trouble.requests_not_sent, "no connection, or no room in the rate limit"),
            ("Throttled", trouble.requests_throttled, "refused by the exchange as too many"),
            ("Held back", trouble.requests_held_back, "waited for room in the rate limit"),
        ] {
            row(name, count.to_string(), means.to_owned());
        }
    }
    row("Maker share", percent(report.maker_share), "executions of orders that rested".into());
    row("Exposed", percent(report.exposure), "share of the time in which anything was held".into());
    row("Refused", report.refused.to_string(), "orders that a guardrail refused".into());
    for (kind, count) in &report.refusals {
        row(&format!("&nbsp;&nbsp;{}", escaped(kind)), count.to_string(), String::new());
    }
    row("Rejected", report.rejected.to_string(), "orders that the exchange rejected".into());
    row("Rows", report.events.to_string(), format!("of the files; {} of them bars", report.bars));
    text += "</table>\n";
    text
}

fn trades(report: &Report) -> String {
    let all = &report.trades;
    let mut text = format!("<h2>Executions</h2>\n<p>{} in all", report.fills);
    let (first, last): (&[Trade], &[Trade]) = if all.len() > LISTED_MAX {
        text += &format!("; the first and the last {} are listed", LISTED_MAX / 2);
        (&all[..LISTED_MAX / 2], &all[all.len() - LISTED_MAX / 2..])
    } else {
        (all, &[])
    };
    text += ".</p>\n<table class=\"trades\">\n<tr><th>time</th><th>instrument</th><th>side</th><th>price</th>\
        <th>quantity</th><th>fee</th><th></th></tr>\n";
    for trade in first.iter().chain(last) {
        let fee = trade.fee.map(|(asset, amount)| format!("{amount} {asset}")).unwrap_or_default();
        let (side, class) = match trade.side {
            Side::Buy => ("buy", "gain"),
            Side::Sell => ("sell", "loss"),
        };
        let _ = writeln!(
            text,
            "<tr><td>{}</td><td>{}</td><td class=\"{class}\">{side}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            Timestamp::from_nanos(trade.at),
            escaped(trade.instrument.as_str()),
            trade.price,
            trade.qty,
            escaped(&fee),
            if trade.is_maker { "maker" } else { "taker" },
        );
    }
    text += "</table>\n";
    text
}

fn percent(part: f64) -> String {
    format!("{:.2} %", part * 100.0)
}

fn money(sum: f64, asset: &str) -> String {
    format!("{sum:.2} {}", escaped(asset))
}

/// Text that a page shows as it is.
pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_user_wrote_stays_text() {
        assert_eq!(escaped("<script>&\"x\""), "&lt;script&gt;&amp;&quot;x&quot;");
    }
}
