//! Logs in JSON: an order is followed by its id.

use std::collections::BTreeMap;

use model::Record;
use serde_json::Value;

use super::free;
use crate::common::{Gateway, Venue, buyer, plimsoll, stderr};

#[test]
fn an_order_is_followed_by_its_client_order_id() {
    let venue = Venue::start(&["--market", "synthetic:7"]);
    let mut gateway = Gateway::prepare(&venue.addr, "");
    let agent = buyer(&gateway);
    gateway.add(&format!("{agent}[metrics]\nlisten = \"{}\"\n", free()));
    gateway.start_with(|command| {
        command.args(["--log-format", "json"]).env("RUST_LOG", "info,plimsoll_runtime=debug");
    });
    gateway.wait(60, "it trades", |entries| {
        entries.iter().filter(|entry| matches!(entry.record, Record::Filled { .. })).count() > 1
    });
    assert!(gateway.stop().success(), "{}", gateway.log());
    let entries = gateway.entries();
    let order = entries.iter().find_map(|entry| match &entry.record {
        Record::Filled { client_order_id: Some(id), .. } => Some(id.to_string()),
        _ => None,
    });
    let order = order.unwrap();
    let log = gateway.log();
    let mut said: BTreeMap<String, Value> = BTreeMap::new();
    for line in log.lines() {
        // Each line, those of the processes beside it too.
        let line: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
        assert!(line["timestamp"].is_string() && line["level"].is_string(), "{line}");
        let message = line["message"].as_str().unwrap_or_else(|| panic!("{line}")).to_owned();
        if line["client_order_id"] == order.as_str() {
            said.insert(message, line);
        }
    }
    let story = |words: &str| {
        let found = said.iter().find(|(message, _)| message.contains(words));
        found.unwrap_or_else(|| panic!("{words:?} is not in {said:#?}")).1
    };
    let new = story("order: buy");
    assert_eq!((&new["agent"], &new["instrument"]), (&"buyer".into(), &"BTC-USDT".into()));
    assert_eq!(new["level"], "DEBUG");
    story("order: answered");
    assert!(story("the venue has it")["venue_order_id"].is_string());
    let fill = story("bought 0.001 BTC-USDT");
    assert!(fill["trade_id"].is_string() && fill["level"] == "INFO", "{fill}");
    assert!(log.contains("metrics are at http://"), "the process beside it logs as it does: {log}");
}

#[test]
fn a_format_that_is_none_is_wrong_usage() {
    let output = plimsoll(&["--log-format", "xml", "status", "--config", "x"]);
    assert!(output.status.code() == Some(2) && stderr(&output).contains("json"), "{output:?}");
}
