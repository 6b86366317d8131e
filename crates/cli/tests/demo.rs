//! The demo, whole, on the seeded market and on a recorded one: the file goes through venue, wire,
//! gateway and agent, an outage included, and both sets of books must agree.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use common::{plimsoll, recording, stderr};

fn demo(args: &[&str]) -> serde_json::Value {
    let mut all = vec!["demo", "--json", "--seconds", "18"];
    all.extend(args);
    let output = plimsoll(&all);
    assert!(output.status.success(), "{}", stderr(&output));
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert_eq!(stdout.lines().count(), 1, "one JSON object and nothing else: {stdout}");
    serde_json::from_str(&stdout).unwrap()
}

fn check(report: &serde_json::Value) {
    assert_eq!(report["position_agrees"], true, "{report}");
    assert_eq!(report["balance_agrees"], true, "{report}");
    assert_eq!(report["discrepancies_left"], 0, "{report}");
    assert_eq!(report["rate_limit_hits"], 0, "{report}");
    assert_eq!(report["halts"], 0, "{report}");
    let count = |key: &str| report[key].as_u64().unwrap();
    assert!(count("orders") > 5 && count("reconnects") >= 2, "{report}");
    // What the demo is for: something happened behind the gateway's back, and it found out.
    assert!(count("fills_while_away") > 0, "{report}");
    for key in ["fills", "gaps", "duplicates_dropped", "discrepancies_found"] {
        let _ = count(key);
    }
}

#[test]
fn the_seeded_market() {
    let report = demo(&[]);
    check(&report);
    assert!(report["fills"].as_u64().unwrap() > 0, "{report}");
}

#[test]
fn a_recorded_market() {
    let Some(file) = recording("ws/binance/spot_btcusdt_20240808.gz") else { return };
    check(&demo(&["--market", &format!("replay:{}", file.display())]));
}

/// Where nothing happens behind the gateway's back, the outage has proven nothing.
#[test]
fn a_market_that_stands_still_proves_nothing() {
    let output = plimsoll(&["demo", "--json", "--seconds", "15", "--market", "empty"]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stderr(&output).contains("nothing executed while"), "{}", stderr(&output));
}
