//! `plimsoll status` on a gateway that trades, loses its connections, and ends.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use common::{Gateway, Venue, plimsoll, stderr};
use model::Record;
use serde_json::Value;

const MAKER: &str = "[agent.maker]\nvenue = \"sim\"\nstrategy = \"market-maker\"\n\
                     params = { qty = \"0.001\", half_spread_bps = 1, requote_every = 200 }\n";

fn status(gateway: &Gateway) -> (Value, String) {
    let config = gateway.path("plimsoll.toml");
    let config = config.to_str().unwrap();
    let json = plimsoll(&["status", "--config", config, "--json"]);
    assert!(json.status.success(), "{}", stderr(&json));
    let text = plimsoll(&["status", "--config", config]);
    let text = String::from_utf8(text.stdout).unwrap();
    (serde_json::from_slice(&json.stdout).unwrap(), text)
}

#[test]
fn it_tells_of_sessions_feeds_and_comparisons_while_running_and_afterwards() {
    let venue = Venue::start(&["--market", "synthetic:21"]);
    let mut gateway = Gateway::prepare(&venue.addr, MAKER);
    let config = gateway.path("plimsoll.toml");
    let before = plimsoll(&["status", "--config", config.to_str().unwrap()]);
    assert_eq!(before.status.code(), Some(1));
    assert!(stderr(&before).contains("start a gateway"), "{}", stderr(&before));

    gateway.start();
    gateway.wait(20, "it trades", |entries| {
        entries.iter().filter(|e| matches!(e.record, Record::Accepted { .. })).count() > 2
    });
    venue.http("POST", "/_sim/faults", r#"{"kind": "outage", "seconds": 1}"#);
    gateway.wait(20, "it comes back", |entries| {
        let up = |e: &&model::Entry| matches!(e.record, Record::Link { up: true, .. });
        let reconciled =
            entries.iter().rposition(|e| matches!(e.record, Record::Reconciled { .. }));
        let last_up = entries.iter().rposition(|e| up(&e));
        entries.iter().filter(up).count() >= 4 && reconciled > last_up
    });
    let (json, text) = status(&gateway);
    assert_eq!(json["running"], true);
    assert_eq!(json["trading"]["state"], "active", "{text}");
    for link in ["market", "account"] {
        assert_eq!(json["sessions"][link]["up"], true, "{text}");
        assert_eq!(json["sessions"][link]["lost"]["total"], 1, "{text}");
    }
    assert_eq!(json["feeds"]["BTC-USDT"]["health"], "live", "{text}");
    assert!(json["reconciled"]["at"].is_string() || json["reconciled"]["at"].is_number());
    let weight = &json["budget"]["limits"]["request weight per 1m"];
    assert!(weight["used"].as_u64() > Some(0) && weight["limit"] == 6_000, "{text}");
    assert!(text.contains("running, process") && text.contains("lost once"), "{text}");

    assert!(gateway.stop().success(), "{}", gateway.log());
    let (json, text) = status(&gateway);
    assert_eq!(json["running"], false);
    assert_eq!(json["orders_open"], 0, "{text}");
    assert!(text.contains("NOT RUNNING"), "{text}");
}
