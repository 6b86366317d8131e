//! The object of `plimsoll status` as gauges. A key that is missing is a gauge that is missing: nothing is made up.

use model::{Timestamp, TradingState};
use serde_json::Value;

use crate::catalog as c;
use crate::known::Known;
use crate::page::{Page, Spread};

/// What a book can be.
const HEALTHS: [&str; 4] = ["live", "stale", "resyncing", "down"];

/// All that is so now.
pub(crate) fn figures(page: &mut Page, status: &Value, known: &Known, now: Timestamp) {
    gateway(page, status);
    trading(page, status, known, now);
    worth(page, status);
    if status["running"] == true {
        breakers(page, &status["breakers"]);
    }
    holdings(page, status, known);
    feeds(page, status, now);
    budget(page, &status["budget"], now);
    sinks(page, status);
    flushes(page, &status["flushes"]);
}

fn gateway(page: &mut Page, status: &Value) {
    page.flag(&c::GATEWAY_UP, &[], status["running"] == true);
    page.flag(&c::PAPER, &[], status["mode"] == "paper");
    set(page, &c::SESSION, &[], number(&status["session"]));
    set(page, &c::SESSION_START, &[], seconds(&status["started"]));
    set(page, &c::SEQUENCE, &[], number(&status["entries"]));
    set(page, &c::LAST_ENTRY, &[], seconds(&status["last_entry"]));
}

fn trading(page: &mut Page, status: &Value, known: &Known, now: Timestamp) {
    if let Some(state) = status["trading"]["state"].as_str() {
        page.one_of(&c::STATE, &[], &TradingState::ALL.map(TradingState::name), state);
    }
    set(page, &c::STATE_SINCE, &[], seconds(&status["trading"]["since"]));
    page.flag(&c::HALTED, &[], !status["halt"].is_null());
    set(page, &c::ORDERS_OPEN, &[], number(&status["orders_open"]));
    set(page, &c::ORDERS_IN_DOUBT, &[], number(&status["orders_in_doubt"]));
    let left = status["comparison"]["left"].as_array();
    set(page, &c::DIFFERENCES_LEFT, &[], left.map(|left| left.len() as f64));
    set(page, &c::RECONCILED, &[], seconds(&status["reconciled"]["at"]));
    for agent in &known.agents {
        page.flag(&c::AGENT_DISABLED, &[agent], !status["agents_disabled"][agent].is_null());
    }
    if let Some(until) = seconds(&status["lease_until"]) {
        page.flag(&c::LEASE, &[], until >= now.nanos() as f64 / 1e9);
    }
}

fn worth(page: &mut Page, status: &Value) {
    let worth = &status["equity"];
    let Some(asset) = worth["valuation"].as_str() else { return };
    for (metric, key) in [
        (&c::EQUITY, "equity"),
        (&c::EQUITY_HIGH, "high"),
        (&c::EQUITY_DAY, "day_start"),
        (&c::HEADROOM, "headroom"),
    ] {
        set(page, metric, &[asset], number(&worth[key]));
    }
    let ratio = |key: &str| number(&worth[key]).map(|percent| percent / 100.0);
    set(page, &c::DRAWDOWN, &[], ratio("drawdown_percent"));
    set(page, &c::DAY_LOSS, &[], ratio("day_loss_percent"));
}

fn breakers(page: &mut Page, breakers: &Value) {
    for (name, breaker) in breakers.as_object().into_iter().flatten() {
        // Into base units.
        let part = match breaker["unit"].as_str() {
            Some("%") => 100.0,
            Some("ms") => 1_000.0,
            _ => 1.0,
        };
        let figure = |key: &str| number(&breaker[key]).map(|figure| figure / part);
        let (value, limit) = (figure("value"), figure("limit"));
        set(page, &c::BREAKER_VALUE, &[name], value);
        set(page, &c::BREAKER_LIMIT, &[name], limit);
        let used = value.zip(limit.filter(|limit| *limit > 0.0));
        set(page, &c::BREAKER_USED, &[name], used.map(|(value, limit)| value / limit));
        page.flag(&c::BREAKER_TRIPPED, &[name], breaker["tripped"] == true);
    }
}

fn holdings(page: &mut Page, status: &Value, known: &Known) {
    // One that is closed is not in the object, and is zero.
    for instrument in &known.instruments {
        page.set(&c::POSITION, &[instrument], 0.0);
    }
    for (instrument, net) in status["positions"].as_object().into_iter().flatten() {
        set(page, &c::POSITION, &[instrument], number(net));
    }
    // Of what is traded: an account may hold a hundred other assets.
    let assets = known.instruments.iter().filter_map(|instrument| instrument.split_once('-'));
    for asset in assets.flat_map(|(base, quote)| [base, quote]) {
        let balance = &status["balances"][asset];
        set(page, &c::BALANCE_FREE, &[asset], number(&balance["free"]));
        set(page, &c::BALANCE_LOCKED, &[asset], number(&balance["locked"]));
    }
}

fn feeds(page: &mut Page, status: &Value, now: Timestamp) {
    for (link, state) in status["sessions"].as_object().into_iter().flatten() {
        page.flag(&c::LINK_UP, &[link], state["up"] == true);
    }
    for (instrument, feed) in status["feeds"].as_object().into_iter().flatten() {
        if let Some(health) = feed["health"].as_str() {
            page.one_of(&c::FEED_STATE, &[instrument], &HEALTHS, health);
        }
        set(page, &c::FEED_SINCE, &[instrument], seconds(&feed["since"]));
        let age = time(&feed["as_of"]).map(|as_of| now.since(as_of).as_secs_f64());
        set(page, &c::FEED_AGE, &[instrument], age);
    }
}

fn budget(page: &mut Page, budget: &Value, now: Timestamp) {
    for (limiter, of) in budget["limits"].as_object().into_iter().flatten() {
        set(page, &c::BUDGET_USED, &[limiter], number(&of["used"]));
        set(page, &c::BUDGET_LIMIT, &[limiter], number(&of["limit"]));
    }
    let Some(stops) = budget["stops"].as_array() else { return };
    let left = stops.iter().filter_map(|stop| time(&stop[1])).map(|until| until.since(now));
    page.set(&c::BUDGET_STOP, &[], left.max().unwrap_or_default().as_secs_f64());
}

fn sinks(page: &mut Page, status: &Value) {
    for sink in status["sinks"].as_array().into_iter().flatten() {
        let Some(name) = sink["name"].as_str() else { continue };
        for (metric, key) in [
            (&c::SINK_HAD, "had"),
            (&c::SINK_BEHIND, "behind"),
            (&c::SINK_BEHIND_S, "behind_s"),
            (&c::SINK_DEAD, "dead_letters"),
            (&c::SINK_MISSING, "missing"),
        ] {
            set(page, metric, &[name], number(&sink[key]));
        }
        page.flag(&c::SINK_FAILING, &[name], !sink["trouble"].is_null());
    }
    for sink in status["alerts"].as_array().into_iter().flatten() {
        let Some(name) = sink["name"].as_str() else { continue };
        for (metric, key) in [
            (&c::ALERTS_DELIVERED, "delivered"),
            (&c::ALERTS_DROPPED, "dropped"),
            (&c::ALERTS_QUEUED, "queued"),
            (&c::ALERTS_FAILING, "failures_in_a_row"),
        ] {
            set(page, metric, &[name], number(&sink[key]));
        }
    }
}

fn flushes(page: &mut Page, flushes: &Value) {
    let Some(classes) = flushes["classes"].as_array() else { return };
    let classes = classes.iter().chain([&flushes["longer"]]);
    let classes = classes.map(|count| count.as_u64().unwrap_or(0)).collect();
    let sum = number(&flushes["sum"]).unwrap_or(0.0) / 1e9;
    page.spread(&c::FLUSH, &[], Spread { classes, sum });
}

fn set(page: &mut Page, metric: &c::Metric, labels: &[&str], value: Option<f64>) {
    if let Some(value) = value {
        page.set(metric, labels, value);
    }
}

/// A number, whether it is written as one or as exact text.
fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.parse().ok())
}

fn time(value: &Value) -> Option<Timestamp> {
    value.as_i64().map(Timestamp::from_nanos)
}

/// A time as seconds since 1970. One that is none is not told.
fn seconds(value: &Value) -> Option<f64> {
    time(value).map(|time| time.nanos() as f64 / 1e9).filter(|seconds| *seconds > 0.0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown(status: &Value) -> Page {
        let known = Known {
            agents: vec!["trend".to_owned()],
            instruments: vec!["BTC-USDT".to_owned(), "ETH-USDT".to_owned()],
        };
        let mut page = Page::default();
        figures(&mut page, status, &known, Timestamp::from_nanos(20_000_000_000));
        page
    }

    #[test]
    fn figures_are_in_base_units() {
        let page = shown(&json!({
            "running": true, "mode": "paper", "session": 3, "started": 9_500_000_000_i64, "entries": 77,
            "trading": {"state": "halted", "since": 11_000_000_000_i64}, "halt": {"by": "person"},
            "equity": {"equity": "970.5", "valuation": "USDT", "high": "1000", "drawdown_percent": "2.95"},
            "breakers": {
                "day_loss": {"value": "1.5", "limit": "3", "unit": "%", "tripped": false},
                "stale_data": {"value": "250", "limit": "1000", "unit": "ms", "tripped": true},
                "unvalued": {"value": null, "limit": "0", "unit": "s", "tripped": false},
            },
            "positions": {"BTC-USDT": "0.25"}, "balances": {"USDT": {"free": "10", "locked": "1.5"}},
            "feeds": {"BTC-USDT": {"health": "stale", "since": 1, "as_of": 18_500_000_000_i64}},
            "sessions": {"market": {"up": true}}, "lease_until": 19_000_000_000_i64,
            "budget": {"limits": {"weight per 1m": {"used": 5, "limit": 6000}},
                       "stops": [["everything", 25_000_000_000_i64]]},
            "sinks": [{"name": "files", "had": 70, "behind": 7, "behind_s": 2, "trouble": "full"}],
            "agents_disabled": {"trend": "why"},
        }));
        for (metric, labels, value) in [
            (&c::GATEWAY_UP, &[][..], 1.0),
            (&c::SESSION_START, &[], 9.5),
            (&c::STATE, &["halted"], 1.0),
            (&c::STATE, &["active"], 0.0),
            (&c::HALTED, &[], 1.0),
            (&c::EQUITY, &["USDT"], 970.5),
            (&c::DRAWDOWN, &[], 0.0295),
            (&c::BREAKER_VALUE, &["day_loss"], 0.015),
            (&c::BREAKER_USED, &["day_loss"], 0.5),
            (&c::BREAKER_LIMIT, &["stale_data"], 1.0),
            (&c::BREAKER_TRIPPED, &["stale_data"], 1.0),
            (&c::POSITION, &["BTC-USDT"], 0.25),
            (&c::POSITION, &["ETH-USDT"], 0.0),
            (&c::BALANCE_LOCKED, &["USDT"], 1.5),
            (&c::FEED_STATE, &["BTC-USDT", "stale"], 1.0),
            (&c::FEED_AGE, &["BTC-USDT"], 1.5),
            (&c::LEASE, &[], 0.0),
            (&c::BUDGET_USED, &["weight per 1m"], 5.0),
            (&c::BUDGET_STOP, &[], 5.0),
            (&c::SINK_FAILING, &["files"], 1.0),
            (&c::AGENT_DISABLED, &["trend"], 1.0),
        ] {
            let found = page.number(metric, labels);
            let is_same = found.is_some_and(|found| (found - value).abs() < 1e-12);
            assert!(is_same, "{} {labels:?}: {found:?}", metric.name);
        }
        assert_eq!(page.number(&c::BREAKER_VALUE, &["unvalued"]), None);
        assert_eq!(page.number(&c::BREAKER_USED, &["unvalued"]), None);
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        let page = shown(&json!({"running": false, "equity": null, "budget": null}));
        assert_eq!(page.number(&c::GATEWAY_UP, &[]), Some(0.0));
        for metric in [&c::EQUITY, &c::LEASE, &c::BUDGET_STOP, &c::RECONCILED, &c::FLUSH] {
            assert_eq!(page.series(metric).count(), 0, "{}", metric.name);
        }
    }
}
