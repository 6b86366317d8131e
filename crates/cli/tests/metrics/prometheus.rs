//! A real Prometheus: it scrapes a gateway that trades, answers every question of the dashboard and of the rules, and raises an
//! alert when the gateway is halted.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{PATIENCE, file, get, page, text, trading, value};
use crate::common::{Venue, plimsoll, stderr};

/// Every expression below `key` of a JSON value.
fn expressions(value: &Value, key: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(all) => {
            for (name, value) in all {
                match value {
                    Value::String(text) if name == key => found.push(text.clone()),
                    other => expressions(other, key, found),
                }
            }
        }
        Value::Array(all) => all.iter().for_each(|value| expressions(value, key, found)),
        _ => {}
    }
}

/// The dashboard's questions, as Grafana asks them.
fn asked() -> Vec<String> {
    let board: Value = serde_json::from_str(&text("ops/grafana/plimsoll.json")).unwrap();
    let mut found = Vec::new();
    expressions(&board, "expr", &mut found);
    let filled = |text: &String| text.replace("$instance", ".*").replace("$__rate_interval", "1m");
    found.iter().map(filled).collect()
}

/// Names of metrics in a text.
fn named(text: &str) -> BTreeSet<String> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words = text.split(|c: char| !is_word(c)).filter(|word| word.starts_with("plimsoll_"));
    words.map(str::to_owned).collect()
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[test]
fn rules_and_dashboard_name_only_what_there_is() {
    let docs = named(&text("docs/metrics.md"));
    let mut all = named(&text("ops/prometheus/alerts.yml"));
    let questions = asked();
    assert!(questions.len() > 40, "{questions:?}");
    all.extend(questions.iter().flat_map(|question| named(question)));
    for name in all {
        let family = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
        let is_known = docs.contains(&name) || family.is_some_and(|family| docs.contains(family));
        assert!(is_known, "{name} is no metric");
    }
}

#[test]
fn a_real_prometheus_reads_it_and_an_alert_fires() {
    let venue = Venue::start(&["--market", "synthetic:7"]);
    let (gateway, addr) = trading(&venue, "");
    let what = "metrics, the dashboard of Grafana and the alert rules";
    let jobs = [("plimsoll", addr.as_str())];
    let rules = file("ops/prometheus/alerts.yml");
    let Some(prometheus) = servers::prometheus(&jobs, &rules, what) else { return };
    let api = |path: &str| -> Value {
        let answer = prometheus.api(path).unwrap_or_else(|error| panic!("{path}: {error}"));
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(answer["status"], "success", "{path}: {answer}");
        answer["data"].clone()
    };
    let query = |text: &str| api(&format!("query?query={}", encoded(text)))["result"].clone();
    let until = |what: &str, so: &dyn Fn() -> bool| {
        let end = Instant::now() + PATIENCE;
        while !so() {
            assert!(Instant::now() < end, "{what}: {}\n{}", api("targets"), gateway.log());
            std::thread::sleep(Duration::from_millis(200));
        }
    };
    // Its own tool finds no fault, in neither form.
    let checked = prometheus.promtool(&["check", "metrics"], &page(&addr));
    assert!(checked.is_ok(), "{checked:?}");
    for (kind, name) in [("rules", "alerts.yml"), ("config", "prometheus.yml")] {
        let path = file(&format!("ops/prometheus/{name}")).display().to_string();
        let checked = prometheus.promtool(&["check", kind, &path], "");
        assert!(checked.is_ok(), "{checked:?}");
    }
    let (status, _) = get(&addr, "/metrics", "");
    assert_eq!(status, 200);

    until("it is scraped", &|| {
        query("up{job=\"plimsoll\"}")[0]["value"][1] == "1"
            && query("plimsoll_trading_state{state=\"active\"}")[0]["value"][1] == "1"
            && query("rate(plimsoll_orders_total[1m])")[0]["value"].is_array()
    });
    // What was asked in OpenMetrics has the same series.
    let series = query("plimsoll_order_stage_seconds_bucket{stage=\"sent_to_reply\",le=\"1.0\"}");
    assert!(series[0]["value"].is_array(), "{series}");

    // Every question is understood, and those of what a trading gateway has are answered.
    let mut silent = Vec::new();
    for question in asked() {
        if query(&question).as_array().unwrap().is_empty() {
            silent.push(question);
        }
    }
    // No watchdog, no sinks of either kind, no trouble, no wait and no other state is here to be shown.
    let quiet = [
        "plimsoll_watchdog_",
        "plimsoll_sink_",
        "plimsoll_alert_sink_",
        "plimsoll_alerts_total",
        "plimsoll_refusals_total",
        "plimsoll_rejections_total",
        "plimsoll_budget_wait",
        "plimsoll_differences_total",
        "plimsoll_halts_total",
        "changes(plimsoll_halted",
        "state!=\"live\"",
    ];
    silent.retain(|question| !quiet.iter().any(|words| question.contains(words)));
    assert!(silent.is_empty(), "these have no answer: {silent:#?}");

    // Every rule is evaluated, and without a halt none of these fires.
    let rule = |name: &str| -> Value {
        let groups = api("rules");
        let rules = groups["groups"][0]["rules"].as_array().unwrap().clone();
        rules.into_iter().find(|rule| rule["name"] == name).unwrap()
    };
    until("the rules are evaluated", &|| {
        let groups = api("rules");
        let rules = groups["groups"][0]["rules"].as_array().unwrap().clone();
        rules.len() > 12 && rules.iter().all(|rule| rule["health"] == "ok")
    });
    for name in ["PlimsollHalted", "PlimsollGone", "PlimsollFeedStale", "PlimsollLossNearLimit"] {
        assert_eq!(rule(name)["state"], "inactive", "{name}");
    }
    let config = gateway.path("plimsoll.toml").display().to_string();
    let halted = plimsoll(&["halt", "--config", &config, "--reason", "a test"]);
    assert!(halted.status.success(), "{}", stderr(&halted));
    until("the alert fires", &|| rule("PlimsollHalted")["state"] == "firing");
    assert_eq!(rule("PlimsollGone")["state"], "inactive");
    assert_eq!(value(&page(&addr), "plimsoll_halts_total{by=\"person\"}"), Some(1.0));
    let alerts = api("alerts");
    let firing = alerts["alerts"].as_array().unwrap().iter().any(|alert| {
        alert["labels"]["alertname"] == "PlimsollHalted"
            && alert["labels"]["severity"] == "critical"
    });
    assert!(firing, "{alerts}");
}
