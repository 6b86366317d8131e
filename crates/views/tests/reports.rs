//! Reports: what each says of the story.
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;

use common::{asked, at, story};
use plimsoll_views::report::{self, Of, Since};
use serde_json::{Value, json};

fn of(since: Option<Since>) -> Of {
    Of { since, agent: None, rows: 50 }
}

fn made(name: &str, since: Option<Since>) -> Value {
    let (_journal, views) = asked(&story());
    let report = report::make(&views, name, &of(since)).unwrap();
    assert!(report.text().starts_with(name), "{}", report.text());
    report.json()
}

#[test]
fn position_when_an_order_was_placed() {
    let report = made("positions", None);
    let last = &report["orders"][0];
    assert_eq!(
        (&last["client_order_id"], &last["position_before"]),
        (&json!("trend-1-2"), &json!("0.2"))
    );
    assert_eq!(report["orders"][1]["balance_before"], "40000");
}

#[test]
fn reconnects_of_the_last_hour() {
    let report = made("reconnects", None);
    assert_eq!(
        report["links"][0],
        json!({"link": "account", "reconnects": 1, "losses": 1, "down_s": 5.0, "longest_s": 5.0})
    );
    let none = made("reconnects", Some(Since::At(at(8_000))));
    assert_eq!(none["links"], json!([]));
    assert_eq!(made("reconnects", Some(Since::Back(3_000_000_000)))["links"][0]["reconnects"], 1);
}

#[test]
fn share_of_orders_without_funds() {
    let report = made("insufficient-balance", None);
    let agent = &report["agents"][0];
    assert_eq!((&agent["orders_wanted"], &agent["refused_by_us"]), (&json!(3), &json!(1)));
    assert_eq!((&agent["rejected_by_venue"], &agent["percent"]), (&json!(0), &json!(33.333)));
    assert_eq!(report["refused"][0]["needed"], "0.3");
}

#[test]
fn slippage_and_latency() {
    let report = made("slippage", None);
    let row = &report["instruments"][0];
    assert_eq!((&row["fills"], &row["notional"]), (&json!(2), &json!("23800")));
    assert_eq!((&row["against_mid"], &row["against_touch"]), (&json!("0"), &json!("-0.04")));
    let report = made("latency", None);
    let stage = |name: &str| {
        let stages = report["stages"].as_array().unwrap().iter();
        stages.clone().find(|row| row["stage"] == name).unwrap().clone()
    };
    assert_eq!(
        stage("durable to sent"),
        json!({"stage": "durable to sent", "orders": 2, "p50_ms": 1.0, "p90_ms": 1.0, "p99_ms": 1.0, "max_ms": 1.0})
    );
    assert_eq!(stage("sent to reply")["max_ms"], 2000.0);
}

#[test]
fn profit_and_loss_by_agent_and_reason() {
    let report = made("pnl", None);
    let agent = &report["agents"][0];
    assert_eq!(
        (&agent["realized"], &agent["fees"], &agent["net"]),
        (&json!("-200"), &json!("3"), &json!("-203"))
    );
    let worst = &report["reasons"][0];
    assert_eq!((&worst["reason"], &worst["net"]), (&json!("stop out"), &json!("-201.5")));
    assert_eq!(report["open"], json!([]));
    let other = Of { agent: Some("nobody".to_owned()), ..of(None) };
    let (_journal, views) = asked(&story());
    assert_eq!(report::make(&views, "pnl", &other).unwrap().json()["agents"], json!([]));
}

#[test]
fn uptime_and_budget() {
    let report = made("uptime", None);
    // Of 8.980 s it was down for 5.048 s.
    assert_eq!(report["feeds"][0]["down_s"], 5.048);
    assert_eq!(report["feeds"][0]["live_percent"], 43.786);
    assert_eq!(report["links"][0]["down_s"], 5.0);
    let report = made("budget", None);
    let wait = &report["limiters"][0];
    assert_eq!(
        (&wait["what"], &wait["requests"], &wait["longest_s"]),
        (&json!("waited"), &json!(7), &json!(1.5))
    );
}

#[test]
fn where_money_was_lost() {
    let report = made("losses", None);
    assert_eq!(report["sums"][0]["net"], "-203");
    let away = &report["away"][0];
    // 0.2 bought at 60000, and the middle was 59000 when it could be seen again.
    assert_eq!((&away["client_order_id"], &away["cost"]), (&json!("trend-1-1"), &json!("200")));
    assert_eq!((&away["found_after_s"], &away["middle_after"]), (&json!(2.21), &json!("59000")));
    assert_eq!(report["outages"][0]["executed_meanwhile"], 1);
    assert_eq!(report["orders"][0]["client_order_id"], "trend-1-2");
}

#[test]
fn each_report_is_made_of_an_empty_journal_too() {
    let (_journal, views) = asked(&story()[..1]);
    for (name, title) in report::list() {
        let report = report::make(&views, name, &of(None)).unwrap();
        assert!(report.text().contains(title), "{name}");
    }
    let error = report::make(&views, "loses", &of(None)).unwrap_err();
    assert!(error.is_usage() && error.to_string().contains("losses, pnl"), "{error}");
}
