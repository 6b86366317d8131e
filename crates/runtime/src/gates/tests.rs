//! Each gate on both sides, and what an override changes.

use std::path::PathBuf;

use model::venue::{KeyPolicy, KeyScopes};
use serde_json::json;

use super::*;

const CONFIG: &str = r#"
mode = "live"
store = "sqlite:plimsoll.db"
limits = "limits.toml"
[venue.binance]
kind = "binance-spot"
instruments = ["BTC-USDT"]
key = { file = "key" }
secret = { file = "secret" }
[agent.trend]
strategy = "ema-cross"
venue = "binance"
[[alert]]
kind = "log"
path = "alerts.jsonl"
[watchdog]
heartbeat = "127.0.0.1:1"
token = { file = "token" }
"#;

/// The configuration with these lines, and this in the limits' `[breakers]`.
fn config(lines: &str, breakers: &str) -> (tempfile::TempDir, Config) {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    let instruments = ["BTC-USDT".parse().unwrap()];
    let mut limits = toml::Value::try_from(gateway::Limits::wide(instruments)).unwrap();
    limits.as_table_mut().unwrap().remove("breakers");
    let limits = format!("{}\n[breakers]\n{breakers}", toml::to_string(&limits).unwrap());
    std::fs::write(at("limits.toml"), limits).unwrap();
    std::fs::write(at("plimsoll.toml"), format!("{CONFIG}{lines}")).unwrap();
    for (name, text) in [("key", "a-key"), ("secret", "a-secret"), ("token", "a-token")] {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::write(at(name), text).unwrap();
        std::fs::set_permissions(at(name), std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    let config = crate::config::load(&at("plimsoll.toml")).unwrap();
    (directory, config)
}

fn now() -> Timestamp {
    Timestamp::from_millis(1_767_225_600_000).unwrap()
}

fn key(scopes: Option<KeyScopes>) -> KeySeen {
    KeySeen::Audited(KeyAudit::of(scopes, &KeyPolicy::default(), now()))
}

const GOOD: KeyScopes = KeyScopes {
    trade: Some(true),
    withdraw: Some(false),
    transfer: Some(false),
    leverage: Some(false),
    ip_bound: Some(true),
    expires: None,
};

fn evidence(config: &Config) -> Evidence {
    Evidence {
        versions: Versions::new(),
        record: Ok(PaperRecord::default()),
        watchdog: Watchdog::Answers(
            json!({"halted": false, "watching": true, "key_fingerprint": "1f"}),
        ),
        own_key: watchdog::own_fingerprint(config),
        alerts: Ok(vec![("log".to_owned(), Some(now()))]),
        key: key(Some(GOOD)),
        now: now(),
    }
}

fn of(gates: &[Gate], name: GateName) -> (Standing, String) {
    let gate = gates.iter().find(|gate| gate.gate == name).unwrap();
    (gate.standing, gate.found.clone())
}

const STATED: &str = "drawdown_bps = 1000\nday_loss_bps = 300\n";

#[test]
fn all_are_met_where_all_is_there() {
    let (_directory, config) = config("", STATED);
    let gates = judge(&config, &evidence(&config));
    assert!(gates.iter().all(|gate| gate.standing == Standing::Met), "{}", list(&gates));
    assert!(unmet(&gates).next().is_none() && overridden(&gates).is_empty());
}

#[test]
fn each_on_its_own_is_not_met_and_says_what_is_missing() {
    use GateName as G;
    let (_directory, config) = config("", STATED);
    let own = evidence(&config).own_key.unwrap();
    type Change = Box<dyn FnOnce(&mut Evidence)>;
    let says = |told: serde_json::Value| -> Change {
        Box::new(move |e| e.watchdog = Watchdog::Answers(told))
    };
    let tested = |ago: u32| -> Change {
        Box::new(move |e| e.alerts = Ok(vec![("log".to_owned(), Some(now().before(DAY * ago)))]))
    };
    let scopes = |scopes: Option<KeyScopes>| -> Change { Box::new(move |e| e.key = key(scopes)) };
    let cases: Vec<(G, Change, &str)> = vec![
        (
            G::PaperRecord,
            Box::new(|e| {
                e.versions.insert("trend".parse().unwrap(), Ok(AgentVersion::new([1; 32])));
            }),
            "never up on paper",
        ),
        (G::Watchdog, Box::new(|e| e.watchdog = Watchdog::None), "no [watchdog]"),
        (G::Watchdog, Box::new(|e| e.watchdog = Watchdog::Unasked), "no control"),
        (G::Watchdog, Box::new(|e| e.watchdog = Watchdog::Silent("nobody".into())), "nobody"),
        (G::Watchdog, says(json!({"halted": false, "watching": false, "problem": "401"})), "401"),
        (G::Watchdog, says(json!({"halted": false, "watching": true})), "older version"),
        (G::Watchdog, says(json!({"watching": true, "key_fingerprint": own})), "gateway's own key"),
        (G::Watchdog, Box::new(|e| e.own_key = None), "cannot be read"),
        (G::KeyScopes, scopes(None), "could not be audited"),
        (G::KeyScopes, Box::new(|e| e.key = KeySeen::Unknown("away".into())), "away"),
        (G::KeyScopes, scopes(Some(KeyScopes { ip_bound: Some(false), ..GOOD })), "not bound"),
        (G::KeyScopes, scopes(Some(KeyScopes { withdraw: Some(true), ..GOOD })), "withdraw"),
        (G::KeyScopes, scopes(Some(KeyScopes { trade: Some(false), ..GOOD })), "missing"),
        (G::Alerts, Box::new(|e| e.alerts = Ok(Vec::new())), "no sink"),
        (G::Alerts, Box::new(|e| e.alerts = Ok(vec![("log".into(), None)])), "never tested"),
        (G::Alerts, tested(31), "31 days ago"),
    ];
    for (name, change, words) in cases {
        let mut evidence = evidence(&config);
        change(&mut evidence);
        let gates = judge(&config, &evidence);
        let (standing, found) = of(&gates, name);
        assert_eq!(standing, Standing::Unmet, "{name:?} {words}: {found}");
        assert!(found.contains(words), "{name:?}: {found}");
        assert_eq!(unmet(&gates).count(), 1, "the others stay met: {}", list(&gates));
        let gate = unmet(&gates).next().unwrap();
        assert!(
            gate.how.contains(name.as_str()) && gate.how.contains("[gates.override]"),
            "{}",
            gate.how
        );
    }
    let mut evidence = evidence(&config);
    tested(30)(&mut evidence);
    // A kill switch that has tripped lives, and so does one of an exchange that tells nothing of addresses.
    says(json!({"halted": true, "watching": true, "key_fingerprint": "1f"}))(&mut evidence);
    scopes(Some(KeyScopes { ip_bound: None, ..GOOD }))(&mut evidence);
    let gates = judge(&config, &evidence);
    assert!(unmet(&gates).next().is_none(), "{}", list(&gates));
    assert!(of(&gates, G::Watchdog).1.contains("TRIPPED"));
}

#[test]
fn the_most_that_may_be_lost_is_stated_by_a_person() {
    for (breakers, words) in [
        ("", "drawdown_bps is not in [breakers]"),
        ("drawdown_bps = 1000\n", "day_loss_bps is not in"),
        ("drawdown_bps = 10000\nday_loss_bps = 300\n", "lets all of it be lost"),
    ] {
        let (_directory, config) = config("", breakers);
        let (standing, found) = of(&judge(&config, &evidence(&config)), GateName::LossMax);
        assert_eq!(standing, Standing::Unmet, "{breakers}");
        assert!(found.contains(words), "{found}");
    }
}

#[test]
fn an_override_opens_one_gate_where_it_is_not_met() {
    let lines = "[gates.override]\nalerts = \"I sit here\"\nlimits = \"not needed\"\n";
    let (_directory, config) = config(lines, "");
    let mut evidence = evidence(&config);
    evidence.alerts = Ok(Vec::new());
    let gates = judge(&config, &evidence);
    assert_eq!(of(&gates, GateName::Alerts).0, Standing::Overridden);
    assert_eq!(of(&gates, GateName::Limits).0, Standing::Met);
    let names: Vec<_> = unmet(&gates).map(|gate| gate.gate).collect();
    assert_eq!(names, [GateName::LossMax], "no other gate is opened by it");
    let opened = overridden(&gates);
    assert_eq!((opened.len(), opened[0].reason.as_str()), (1, "I sit here"));
    let text = list(&gates);
    assert!(
        text.contains("override:     I sit here") && text.contains("NOT MET    loss-max"),
        "{text}"
    );
}

#[test]
fn a_test_counts_for_the_place_that_was_tested() {
    let (directory, config) = config("", STATED);
    let state: PathBuf = directory.path().join("state");
    let ask = |config: &Config| alerts(config, Some(&state)).unwrap();
    assert_eq!(ask(&config), [("log".to_owned(), None)]);
    let settings = config.alerts[0].settings().unwrap();
    ::alerts::keep_good(&state, &settings, now()).unwrap();
    assert_eq!(ask(&config), [("log".to_owned(), Some(now()))]);
    let path = directory.path().join("plimsoll.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("alerts.jsonl", "others.jsonl")).unwrap();
    assert_eq!(ask(&crate::config::load(&path).unwrap()), [("log".to_owned(), None)]);
}
