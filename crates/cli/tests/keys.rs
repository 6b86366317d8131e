//! Keys with the wrong rights: a start is refused with the right named, unless a person has accepted it;
//! and a key that changes while it trades halts.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::process::Output;
use std::time::{Duration, Instant};

use common::{Gateway, Venue, stderr};
use model::venue::{KeyAudit, KeyFinding};
use model::{Entry, Record, TradingState};
use serde_json::json;

/// SEC-03: a start with a wrong key ends within this.
const REFUSED_WITHIN: Duration = Duration::from_secs(1);
const KEY: &str = "GET /sapi/v1/account/apiRestrictions";
const MAKER: &str = "[agent.maker]\nvenue = \"sim\"\nstrategy = \"market-maker\"\n";

/// An exchange whose key of the gateway has these rights, and the gateway.
fn with(scopes: &str, coinbase: bool) -> (Venue, Gateway) {
    let scopes = format!("key={scopes}");
    let args = ["--market", "synthetic:61", "--scopes", scopes.as_str()];
    if coinbase {
        let venue = Venue::coinbase(&args);
        let gateway = Gateway::prepare_coinbase(&venue, "");
        (venue, gateway)
    } else {
        let venue = Venue::start(&args);
        let gateway = Gateway::prepare(&venue.addr, "");
        (venue, gateway)
    }
}

/// More for the venue's table.
fn set(gateway: &Gateway, lines: &str) {
    let path = gateway.path("plimsoll.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replacen("[venue.sim]\n", &format!("[venue.sim]\n{lines}\n"), 1))
        .unwrap();
}

/// A start that is refused, and how long that took.
fn refused(gateway: &Gateway) -> (String, Duration) {
    let begun = Instant::now();
    let output: Output = gateway.command().output().unwrap();
    let (text, took) = (stderr(&output), begun.elapsed());
    assert_eq!(output.status.code(), Some(3), "{text}");
    (text, took)
}

fn audits(entries: &[Entry]) -> Vec<KeyAudit> {
    let audit = |entry: &Entry| match &entry.record {
        Record::KeyAudited { audit } => Some(audit.clone()),
        _ => None,
    };
    entries.iter().filter_map(audit).collect()
}

/// Starts it and waits until it has written down what the key may do.
fn audited(gateway: &mut Gateway) -> KeyAudit {
    gateway.start();
    gateway.wait(10, "the key is audited", |entries| !audits(entries).is_empty());
    audits(&gateway.entries()).remove(0)
}

#[test]
fn sec_03_a_start_is_refused_with_the_right_named() {
    for (scopes, coinbase, named) in [
        ("trade,withdraw", false, "the key may withdraw"),
        ("trade,transfer", false, "the key may transfer funds"),
        ("view", false, "the right to trade is missing"),
        ("trade,until=1000", false, "the right to trade is over"),
        ("trade,transfer", true, "the key may transfer funds"),
        ("view", true, "the right to trade is missing"),
    ] {
        let (venue, gateway) = with(scopes, coinbase);
        let (text, took) = refused(&gateway);
        assert!(text.contains(named) && text.contains("accept_key_scopes = ["), "{scopes}: {text}");
        // The whole process, its journal and its first questions are in it.
        println!("{scopes}: refused within {} ms", took.as_millis());
        assert!(took < REFUSED_WITHIN * 5, "{took:?}");
        let orders = venue.state()["orders"].as_array().unwrap().len();
        assert_eq!((orders, gateway.entries().len()), (0, 0), "nothing was begun");
    }
}

#[test]
fn sec_03_several_rights_are_all_named_and_each_is_accepted_by_itself() {
    let (_venue, mut gateway) = with("trade,withdraw,transfer,no-ip", false);
    let (text, _) = refused(&gateway);
    for word in ["may withdraw", "may transfer", "[\"withdraw\", \"transfer\"]"] {
        assert!(text.contains(word), "{text}");
    }
    set(&gateway, "accept_key_scopes = [\"withdraw\"]");
    let (text, _) = refused(&gateway);
    assert!(text.contains("may transfer") && !text.contains("may withdraw"), "{text}");
    let path = gateway.path("plimsoll.toml");
    let both = std::fs::read_to_string(&path)
        .unwrap()
        .replace("[\"withdraw\"]", "[\"withdraw\", \"transfer\"]");
    std::fs::write(&path, both).unwrap();
    let audit = audited(&mut gateway);
    assert_eq!(audit.accepted, [KeyFinding::Withdraw, KeyFinding::Transfer].into());
    assert_eq!(audit.warned, [KeyFinding::NoIp].into());
    let log = gateway.log();
    for word in ["may withdraw", "accepted by accept_key_scopes", "not bound to addresses"] {
        assert!(log.contains(word), "{word}: {log}");
    }
    assert!(gateway.stop().success());
}

#[test]
fn sec_03_a_key_without_addresses_is_said_or_refused_where_that_is_demanded() {
    let (_venue, mut gateway) = with("trade,no-ip", false);
    let audit = audited(&mut gateway);
    assert_eq!(audit.warned, [KeyFinding::NoIp].into());
    assert!(gateway.stop().success());
    set(&gateway, "demand_key_scopes = [\"no_ip\"]");
    let (text, _) = refused(&gateway);
    assert!(text.contains("not bound to addresses"), "{text}");
    set(&gateway, "accept_key_scopes = [\"no_ip\"]");
    let output = gateway.command().output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("one or the other"), "{}", stderr(&output));
}

/// A test network has no such question: that is said, and refused where it is demanded.
#[test]
fn sec_03_a_venue_that_does_not_tell() {
    let (venue, mut gateway) = with("trade", false);
    let gone = json!({"kind": "endpoint_moved", "route": KEY});
    venue.http("POST", "/_sim/faults", &gone.to_string());
    let audit = audited(&mut gateway);
    assert_eq!((audit.scopes, audit.warned), (None, [KeyFinding::Unaudited].into()));
    assert!(gateway.log().contains("could not be audited"), "{}", gateway.log());
    assert!(gateway.stop().success());
    set(&gateway, "demand_key_scopes = [\"unaudited\"]");
    let (text, _) = refused(&gateway);
    assert!(text.contains("could not be audited"), "{text}");
    // An exchange that is in trouble does not tell either.
    venue.http("POST", "/_sim/heal", "");
    let broken = json!({"kind": "status", "route": KEY, "status": 503});
    venue.http("POST", "/_sim/faults", &broken.to_string());
    let (text, _) = refused(&gateway);
    assert!(text.contains("could not be read") && text.contains("503"), "{text}");
}

/// The key is asked about again while it trades: what refuses a start halts.
#[test]
fn sec_03_a_key_that_changes_while_it_trades() {
    let (venue, mut gateway) = with("trade", false);
    gateway.add(MAKER);
    set(&gateway, "key_audit_every_s = 1");
    gateway.start();
    gateway.wait(20, "it trades", |entries| {
        entries.iter().any(|entry| matches!(entry.record, Record::Accepted { .. }))
    });
    // No answer is no reason to stop.
    let broken = json!({"kind": "status", "route": KEY, "status": 503, "seconds": 2});
    venue.http("POST", "/_sim/faults", &broken.to_string());
    std::thread::sleep(Duration::from_secs(3));
    let halted = |entries: &[Entry]| {
        entries.iter().any(|entry| {
            matches!(&entry.record, Record::Trading { state: TradingState::Halted, .. })
        })
    };
    assert!(!halted(&gateway.entries()) && audits(&gateway.entries()).len() == 1);
    let body = json!({"ipRestrict": true, "enableSpotAndMarginTrading": true,
        "enableWithdrawals": true, "enableInternalTransfer": false,
        "permitsUniversalTransfer": false});
    let told = json!({"kind": "status", "route": KEY, "status": 200, "body": body.to_string()});
    let answer = venue.raw("POST", "/_sim/faults", &told.to_string());
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    gateway.wait(10, "it halts", halted);
    assert!(gateway.log().contains("may withdraw"), "{}", gateway.log());
    let end = Instant::now() + Duration::from_secs(10);
    let open = |venue: &Venue| {
        let state = venue.state();
        let orders = state["orders"].as_array().unwrap().iter();
        let ours = orders.filter(|order| order["account"] == "account-1");
        ours.filter(|o| o["status"] == "new" || o["status"] == "partially_filled").count()
    };
    while open(&venue) > 0 {
        assert!(Instant::now() < end, "orders are left: {}", gateway.log());
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(gateway.stop().success());
}

#[test]
fn rights_that_are_none_and_keys_that_are_not_there_are_said() {
    for (scopes, word) in [
        ("key=all", "is not one of view, trade"),
        ("key", "KEY=trade,withdraw"),
        ("nobody=trade", "no --account has this key"),
    ] {
        let mut args = vec!["venue", "--dialect", "binance", "--listen", "127.0.0.1:0"];
        args.extend(["--account", "key:hunter2:1 BTC", "--scopes", scopes]);
        let output = common::plimsoll(&args);
        assert_eq!(output.status.code(), Some(2), "{scopes}");
        assert!(stderr(&output).contains(word), "{scopes}: {}", stderr(&output));
        assert!(!stderr(&output).contains("hunter"), "{}", stderr(&output));
    }
}
