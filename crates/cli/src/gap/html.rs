//! A gap as one page that works without a network, in the manner of a backtest's.

use std::fmt::Write as _;

use ::backtest::gap::{Comparison, Pair};
use model::Timestamp;

use super::report::{Report, ms};
use super::text::{side, sums};
use crate::backtest::{STYLE, escaped};

/// Differences that are listed, at most.
const LISTED_MAX: usize = 2_000;

pub(super) fn page(title: &str, command: &str, report: &Report) -> String {
    let mut page = String::new();
    let mut add = |text: &str| page.push_str(text);
    add("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    add("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    add(&format!("<title>{}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n", escaped(title)));
    add(&format!("<h1>{}</h1>\n<p class=\"command\">{}</p>\n", escaped(title), escaped(command)));
    add(&cards(report));
    add("<h2>The run's orders, filled by the models</h2>\n");
    add(
        "<p>The orders of the run, at the times at which they were decided: what differs is the exchange.</p>\n",
    );
    add(&comparison(&report.orders.comparison));
    for replayed in &report.replayed {
        add(&format!("<h2>The strategy of {}, replayed</h2>\n", escaped(replayed.agent.as_str())));
        add(&format!(
            "<p>The strategy decides once more on what was heard: {} orders wanted in the run, {} in the replay.</p>\n",
            replayed.wanted_run, replayed.wanted_replay
        ));
        add(&comparison(&replayed.comparison));
    }
    for not in &report.not {
        let (agent, why) = (escaped(not.agent.as_str()), escaped(&not.why));
        add(&format!("<p>The strategy of {agent} is not replayed: {why}.</p>\n"));
    }
    add(&suggested(report));
    add("</body>\n</html>\n");
    page
}

fn cards(report: &Report) -> String {
    let found = &report.orders.comparison;
    let card = |name: &str, value: &str| {
        format!("<div class=\"card\"><span>{name}</span><b>{}</b></div>\n", escaped(value))
    };
    let latency = ms(i64::try_from(report.models.latency.as_micros()).unwrap_or(i64::MAX));
    let mut text = "<div class=\"cards\">\n".to_owned();
    text += &card("Session", &format!("{}, {}", report.span.number, report.mode()));
    text += &card("Orders that differ", &format!("{} of {}", found.different, found.orders));
    text += &card("The run is worth more", &sums(&found.difference));
    text += &card("Without signs", &sums(&found.apart));
    let models =
        format!("{}, {latency} ms, {} bps", report.fill(), report.models.assumptions.slippage_bps);
    text += &card("Models", &models);
    text += "</div>\n";
    let _ = writeln!(
        text,
        "<p>{} to {}, recorded in {}.</p>",
        report.span.from,
        report.span.until,
        escaped(&report.folder)
    );
    text
}

fn comparison(found: &Comparison) -> String {
    if found.is_empty() {
        return format!(
            "<p>All {} orders came to the same: {} executions with the same price, quantity, fee and time.</p>\n",
            found.orders, found.fills_run
        );
    }
    let mut text = "<table>\n<tr><th>cause</th><th>orders</th><th>missed</th><th>extra</th><th>the run is worth \
                    more</th></tr>\n"
        .to_owned();
    for (cause, total) in &found.causes {
        let _ = writeln!(
            text,
            "<tr><td>{cause}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            total.orders,
            total.missed,
            total.extra,
            sums(&total.value)
        );
    }
    let _ = writeln!(
        text,
        "<tr><th>all</th><td>{}</td><td></td><td></td><td>{}</td></tr>\n</table>",
        found.different,
        sums(&found.difference)
    );
    text += &listed(found);
    text
}

fn listed(found: &Comparison) -> String {
    let mut text = String::new();
    if found.differences.len() > LISTED_MAX {
        let _ = writeln!(
            text,
            "<p>The first {LISTED_MAX} of {} are listed.</p>",
            found.differences.len()
        );
    }
    text += "<table class=\"trades\">\n<tr><th>decided</th><th>order</th><th>instrument</th><th>side</th><th></th>\
             <th>run</th><th>replay</th><th>worse, bps</th><th>later, ms</th><th>worth</th><th>cause</th></tr>\n";
    for pair in found.differences.iter().take(LISTED_MAX) {
        text += &row(pair);
    }
    text += "</table>\n";
    text
}

fn row(pair: &Pair) -> String {
    let leg = |leg: &::backtest::gap::Leg| {
        let price = leg.price.and_then(|price| price.round_to(8, model::Rounding::Down));
        let price = price.map_or(String::new(), |price| format!(" at {price}"));
        format!("{}{price}", leg.filled)
    };
    let why = pair.cause.as_ref().map(|cause| format!("{}: {}", cause.name(), cause.words()));
    format!(
        "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td>\
         <td>{}</td><td>{}</td></tr>\n",
        Timestamp::from_nanos(pair.decided),
        escaped(&pair.order.to_string()),
        escaped(pair.instrument.as_str()),
        side(pair.side),
        pair.is,
        leg(&pair.run),
        leg(&pair.replay),
        pair.price_bps.map(|bps| bps.to_string()).unwrap_or_default(),
        pair.later_us.map(ms).unwrap_or_default(),
        pair.value,
        escaped(&why.unwrap_or_default()),
    )
}

fn suggested(report: &Report) -> String {
    let found = &report.suggested;
    let mut text =
        "<h2>Models that would have been honest</h2>\n<table class=\"figures\">\n".to_owned();
    let mut line = |name: &str, value: String, means: &str| {
        let _ = writeln!(text, "<tr><th>{name}</th><td>{value}</td><td>{means}</td></tr>");
    };
    if let Some((half, most)) = found.latency_p50_us.zip(found.latency_p90_us) {
        line("latency_ms", ms(half), "half of the orders were there by then, one way");
        line("", ms(most), "nine tenths of them");
    }
    line("slippage_bps", found.slippage_bps.to_string(), "what takers traded worse than was shown");
    line("fill", found.fill.to_owned(), "what is left under each is below");
    text += "</table>\n<table>\n<tr><th>fill</th><th>latency_ms</th><th>slippage_bps</th><th>orders that differ</th>\
             <th>apart</th></tr>\n";
    for tried in &found.tried {
        let _ = writeln!(
            text,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            tried.fill,
            ms(tried.latency_us),
            tried.slippage_bps,
            tried.different,
            sums(&tried.apart)
        );
    }
    text += "</table>\n";
    text
}
