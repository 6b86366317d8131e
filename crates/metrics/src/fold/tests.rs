//! Records as they stand in a journal, and what they count to.

use super::*;

fn counted(lines: &[(i64, &str)]) -> Counted {
    let known =
        Known { agents: vec!["trend".to_owned()], instruments: vec!["BTC-USDT".to_owned()] };
    let mut counted = Counted::new(known);
    add(&mut counted, lines);
    counted
}

fn add(counted: &mut Counted, lines: &[(i64, &str)]) {
    for (ms, line) in lines {
        let at = ms * 1_000_000;
        let text = format!("{{\"at\":{at},{}", line.trim_start().strip_prefix('{').unwrap());
        let entry = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
        counted.add(&entry);
    }
}

const STARTED: &str = r#"{"kind":"started","session":4,"version":"1","config":""}"#;
const DECIDED: &str = r#"{"kind":"decided","intent":{"agent":"trend","id":7,"expires":9,"reason":"r","action":
    {"place":{"instrument":"BTC-USDT","side":"buy","kind":{"type":"market"},"qty":"2","time_in_force":"ioc",
    "post_only":false,"reduce_only":false}}},"position":"0","reference":"100"}"#;
const PREPARED: &str = r#"{"kind":"prepared","agent":"trend","intent":7,"order":{"client_order_id":"trend-a-1",
    "instrument":"BTC-USDT","side":"buy","kind":{"type":"market"},"qty":{"base":"2"},"time_in_force":"ioc",
    "post_only":false,"reduce_only":false},"worst_price":"100"}"#;
const ACCEPTED: &str =
    r#"{"kind":"accepted","client_order_id":"trend-a-1","venue_order_id":"9","venue_time":5}"#;

fn filled(trade: u32, qty: &str) -> String {
    format!(
        r#"{{"kind":"filled","client_order_id":"trend-a-1","fill":{{"trade_id":"{trade}","venue_order_id":"9",
        "client_order_id":"trend-a-1","instrument":"BTC-USDT","side":"buy","price":"100","qty":"{qty}","fee":null,
        "liquidity":"taker","venue_time":5}},"late":false}}"#
    )
}

/// Durable 2 ms after 100, left 3 ms after, answered 10 ms after.
const ANSWERED: &str = r#"{"kind":"answered","client_order_id":"trend-a-1","asked":"place","durable":102000000,
    "left":103000000,"came":110000000,"outcome":"accepted"}"#;

fn stage(counted: &Counted, name: &str) -> (u64, f64) {
    let mut series = counted.page.series(&c::STAGE);
    let found = series.find(|(labels, _)| labels[0] == name).unwrap();
    let crate::page::Value::Spread(spread) = found.1 else { panic!() };
    (spread.classes.iter().sum(), spread.sum)
}

#[test]
fn an_orders_stages_are_measured_once_in_whatever_order_it_is_told() {
    let (first, second) = (filled(1, "0.5"), filled(2, "1.5"));
    let told_in_order = [
        (0, STARTED),
        (100, DECIDED),
        (100, PREPARED),
        (110, ANSWERED),
        (110, ACCEPTED),
        (111, first.as_str()),
        (113, second.as_str()),
    ];
    // The stream may be faster than the answer.
    let stream_first = [
        (0, STARTED),
        (100, DECIDED),
        (100, PREPARED),
        (110, ACCEPTED),
        (111, first.as_str()),
        (113, second.as_str()),
        (114, ANSWERED),
    ];
    for lines in [told_in_order, stream_first] {
        let counted = counted(&lines);
        for (name, sum) in [
            ("decided_to_durable", 0.002),
            ("durable_to_sent", 0.001),
            ("decided_to_sent", 0.003),
            ("sent_to_reply", 0.007),
            ("decided_to_accepted", 0.010),
            ("accepted_to_first_fill", 0.001),
            ("decided_to_end", 0.013),
        ] {
            let (count, took) = stage(&counted, name);
            assert!(count == 1 && (took - sum).abs() < 1e-9, "{name}: {count} {took}");
        }
        let number = |metric, labels: &[&str]| counted.page.number(metric, labels);
        assert_eq!(number(&c::ORDERS, &["trend", "BTC-USDT"]), Some(1.0));
        assert_eq!(number(&c::ORDERS_ENDED, &["trend", "filled"]), Some(1.0));
        assert_eq!(number(&c::ORDERS_ENDED, &["trend", "canceled"]), Some(0.0));
        assert_eq!(number(&c::FILLS, &["trend", "BTC-USDT", "taker"]), Some(2.0));
        assert_eq!(number(&c::TURNOVER, &["BTC-USDT"]), Some(200.0));
        assert_eq!(number(&c::DECISIONS, &["trend", "place"]), Some(1.0));
        assert_eq!(number(&c::RECORDS, &["filled"]), Some(2.0));
    }
}

#[test]
fn the_stages_are_those_of_the_report() {
    let words: Vec<String> =
        views::report::STAGES.iter().map(|(name, ..)| name.replace(' ', "_")).collect();
    assert_eq!(words, STAGE_NAMES);
}

#[test]
fn what_goes_wrong_is_counted_by_what_it_is() {
    let counted = counted(&[
        (0, STARTED),
        (1, r#"{"kind":"link","link":"market","up":true,"cause":""}"#),
        (2, r#"{"kind":"link","link":"market","up":false,"cause":"eof"}"#),
        (3, r#"{"kind":"link","link":"market","up":false,"cause":"refused"}"#),
        (4, r#"{"kind":"link","link":"market","up":true,"cause":""}"#),
        (
            5,
            r#"{"kind":"refused","agent":"trend","intent":1,"because":{"refusal":"open_orders","limit":1,"open":1}}"#,
        ),
        (
            6,
            r#"{"kind":"rejected","client_order_id":"x-a-1","because":{"refusal":"insufficient_balance"}}"#,
        ),
        (7, r#"{"kind":"trading","state":"halted","cause":"stop","by":"dashboard"}"#),
        (8, r#"{"kind":"trading","state":"active","cause":""}"#),
        (
            9,
            r#"{"kind":"budget_wait","limiter":"weight per 1m","wait":{"secs":1,"nanos":500000000},"requests":3}"#,
        ),
        (9, r#"{"kind":"breaker","name":"day_loss","event":"warning","value":"1","limit":"3"}"#),
        (9, r#"{"kind":"breaker","name":"day_loss","event":"tripped","value":"3","limit":"3"}"#),
    ]);
    for (metric, labels, value) in [
        (&c::LOSSES, &["market"][..], 2.0),
        (&c::RECONNECTS, &["market"], 1.0),
        (&c::LOSSES, &["account"], 0.0),
        (&c::REFUSALS, &["trend", "open_orders"], 1.0),
        (&c::REJECTIONS, &["insufficient_balance"], 1.0),
        (&c::HALTS, &["dashboard"], 1.0),
        (&c::WAITS_COUNT, &["weight per 1m"], 3.0),
        (&c::WAIT, &["weight per 1m"], 1.0),
        (&c::TRIPS, &["day_loss"], 1.0),
        (&c::TRIPS, &["drawdown"], 0.0),
        (&c::ERRORS, &["link"], 2.0),
        (&c::ERRORS, &["trading"], 1.0),
        (&c::ERRORS, &["rejected"], 1.0),
    ] {
        assert_eq!(counted.page.number(metric, labels), Some(value), "{} {labels:?}", metric.name);
    }
}

#[test]
fn a_start_begins_at_zero() {
    let mut counted = counted(&[(0, STARTED), (1, DECIDED), (2, PREPARED)]);
    add(&mut counted, &[(3, STARTED), (4, ACCEPTED)]);
    assert_eq!(counted.page.number(&c::ORDERS, &["trend", "BTC-USDT"]), Some(0.0));
    assert_eq!(counted.page.number(&c::RECORDS, &["started"]), Some(1.0));
    assert_eq!(stage(&counted, "decided_to_accepted").0, 0);
}

#[test]
fn orders_that_never_end_fill_no_memory() {
    let mut counted = counted(&[(0, STARTED)]);
    for number in 0..20_000 {
        add(&mut counted, &[(1, &PREPARED.replace("trend-a-1", &format!("trend-a-{number}")))]);
    }
    assert_eq!(counted.orders.len(), 16_384);
}
