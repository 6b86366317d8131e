//! `plimsoll reconcile` with a gateway and without one, on both dialects, and what `plimsoll status` says
//! of it.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use common::{BINARY, Gateway, Venue, plimsoll, stderr};
use model::{Discrepancy, Record};
use serde_json::{Value, json};

const MAKER: &str = "[agent.maker]\nvenue = \"sim\"\nstrategy = \"market-maker\"\n\
                     params = { qty = \"0.001\", half_spread_bps = 100, requote_every = 300 }\n";

/// The command on this gateway's configuration, with its key.
fn reconcile(gateway: &Gateway, args: &[&str]) -> Output {
    let run = gateway.command();
    let mut command = Command::new(BINARY);
    command.args(["reconcile", "--config"]).arg(gateway.path("plimsoll.toml")).args(args);
    for (name, value) in run.get_envs().filter_map(|(name, value)| Some((name, value?))) {
        command.env(name, value);
    }
    command.stdin(Stdio::null()).output().unwrap()
}

fn json_of(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", stderr(output)))
}

fn status(gateway: &Gateway) -> (Value, String) {
    let config = gateway.path("plimsoll.toml");
    let config = config.to_str().unwrap();
    let json = plimsoll(&["status", "--config", config, "--json"]);
    let text = plimsoll(&["status", "--config", config]);
    (json_of(&json), String::from_utf8(text.stdout).unwrap())
}

fn transfer(venue: &Venue, asset: &str, amount: &str) {
    let body = json!({"account": "account-1", "asset": asset, "amount": amount});
    assert!(venue.raw("POST", "/_sim/transfer", &body.to_string()).starts_with("HTTP/1.1 200"));
}

fn trading(gateway: &mut Gateway) {
    gateway.start();
    gateway.wait(30, "it trades", |entries| {
        entries.iter().any(|e| {
            matches!(&e.record, Record::Trading { state: model::TradingState::Active, .. })
        })
    });
}

/// Requests that change something, so far.
fn changes(venue: &Venue) -> u64 {
    let state = venue.state();
    let requests = state["counts"]["requests"].as_object().unwrap().clone();
    let changes = requests.iter().filter(|(route, _)| {
        let is_change = route.starts_with("POST /api") || route.starts_with("DELETE /api");
        is_change && !route.contains("/preview")
    });
    changes.map(|(_, n)| n.as_u64().unwrap()).sum()
}

#[test]
fn a_running_gateway_says_what_it_finds() {
    for coinbase in [false, true] {
        let (venue, mut gateway) = stage(coinbase, 41, "");
        trading(&mut gateway);
        let before = gateway.entries().len();
        let output = reconcile(&gateway, &["--json"]);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        let found = json_of(&output);
        assert_eq!((&found["running"], &found["left"]), (&json!(true), &json!([])), "{found}");
        assert_eq!(found["trading"]["state"], "active", "{found}");
        let compared = |r: &Record| matches!(r, Record::Reconciled { .. });
        assert!(gateway.entries()[before..].iter().any(|e| compared(&e.record)), "it was done now");
        let text = String::from_utf8(reconcile(&gateway, &[]).stdout).unwrap();
        assert!(text.starts_with("compared     by the running gateway\n"), "{text}");

        // Money comes: told at Binance, only seen at Coinbase. It is no difference that is left.
        transfer(&venue, if coinbase { "USD" } else { "USDT" }, "250");
        std::thread::sleep(Duration::from_millis(300));
        let output = reconcile(&gateway, &["--json"]);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        let deposits = gateway.entries();
        let deposits = deposits.iter().filter(|e| {
            matches!(&e.record, Record::Discrepancy { found: Discrepancy::Deposit { .. } })
        });
        assert_eq!(deposits.count(), usize::from(coinbase));
        assert!(gateway.stop().success(), "{}", gateway.log());
    }
}

fn stage(coinbase: bool, seed: u32, agents: &str) -> (Venue, Gateway) {
    let market = format!("synthetic:{seed}");
    let args = ["--market", market.as_str()];
    let venue = if coinbase { Venue::coinbase(&args) } else { Venue::start(&args) };
    let gateway = if coinbase {
        Gateway::prepare_coinbase(&venue, agents)
    } else {
        Gateway::prepare(&venue.addr, agents)
    };
    (venue, gateway)
}

/// A withdrawal that nobody tells of: at Coinbase because its stream never does, at Binance because the
/// gateway was away.
#[test]
fn what_nothing_explains_is_left_until_it_is_accepted() {
    for coinbase in [false, true] {
        let (venue, mut gateway) = stage(coinbase, 42, "");
        trading(&mut gateway);
        assert!(gateway.stop().success(), "{}", gateway.log());
        transfer(&venue, "BTC", "-0.25");

        let entries = gateway.entries().len();
        let output = reconcile(&gateway, &["--json"]);
        assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
        assert!(stderr(&output).contains("a difference is left"), "{}", stderr(&output));
        let found = json_of(&output);
        assert_eq!(found["running"], false);
        assert_eq!(found["left"][0]["discrepancy"], "balance", "{found}");
        assert_eq!(found["trading"]["state"], "reducing", "{found}");
        let refused = reconcile(&gateway, &["--accept"]);
        assert_eq!(refused.status.code(), Some(1));
        assert!(stderr(&refused).contains("no gateway runs"), "{}", stderr(&refused));
        assert_eq!(gateway.entries().len(), entries, "nothing is written");

        gateway.start();
        gateway.wait(30, "it is found", |all| {
            all[entries..].iter().any(|e| matches!(&e.record, Record::Reconciled { left: 1, .. }))
        });
        let (json, text) = status(&gateway);
        assert_eq!(json["comparison"]["left"][0]["asset"], "BTC", "{text}");
        assert!(text.contains("1 left") && text.contains("  LEFT       BTC is "), "{text}");
        assert!(text.contains("trading      reducing (H2)"), "{text}");
        let output = reconcile(&gateway, &[]);
        assert_eq!(output.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&output.stdout).contains("  LEFT  "));

        let output = reconcile(&gateway, &["--json", "--accept"]);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        let found = json_of(&output);
        assert_eq!((&found["left"], &found["trading"]["state"]), (&json!([]), &json!("active")));
        let accepted = &found["accepted"];
        assert_eq!(accepted.as_array().unwrap().len(), 1, "it says what was accepted: {found}");
        assert_eq!(
            (&accepted[0]["discrepancy"], &accepted[0]["asset"]),
            (&json!("balance"), &json!("BTC"))
        );
        let accepted = |r: &Record| matches!(r, Record::DifferencesAccepted { .. });
        assert_eq!(gateway.entries().iter().filter(|e| accepted(&e.record)).count(), 1);
        assert!(gateway.stop().success(), "{}", gateway.log());
        common::assert_agrees(&gateway, &venue);
    }
}

/// Orders are left open by a gateway that was killed, and one of somebody else is there. Without a gateway
/// all is read and said, and nothing is changed; the next start does what was said.
#[test]
fn without_a_gateway_nothing_is_changed() {
    for coinbase in [false, true] {
        let (venue, mut gateway) = stage(coinbase, 43, MAKER);
        gateway.start();
        gateway.wait(30, "quotes rest", |entries| {
            let accepted = |e: &&model::Entry| matches!(e.record, Record::Accepted { .. });
            entries.iter().filter(accepted).count() >= 2
        });
        gateway.process = None;
        // Its agent is not configured any more, so a start takes its orders back.
        let path = gateway.path("plimsoll.toml");
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.replace("[agent.maker]", "[agent.other]")).unwrap();

        let (before, entries) = (venue.state(), gateway.entries());
        let asked = changes(&venue);
        let output = reconcile(&gateway, &["--json"]);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        let found = json_of(&output);
        assert_eq!(found["running"], false);
        let would = found["would"].as_array().unwrap();
        assert!(!would.is_empty(), "{found}");
        let is_cancel = |words: &Value| words.as_str().unwrap().starts_with("take back order ");
        assert!(would.iter().all(is_cancel), "{found}");
        assert_eq!(changes(&venue), asked, "only questions were asked");
        assert_eq!(venue.state()["orders"], before["orders"]);
        assert_eq!(gateway.entries(), entries, "nothing was written");
        let text = String::from_utf8(reconcile(&gateway, &[]).stdout).unwrap();
        assert!(
            text.contains("nothing was changed") && text.contains("  WOULD      take"),
            "{text}"
        );

        gateway.start();
        gateway.wait(30, "it takes them back", |all| {
            all[entries.len()..].iter().any(|e| matches!(e.record, Record::CancelPrepared { .. }))
        });
        assert!(gateway.stop().success(), "{}", gateway.log());
        common::assert_agrees(&gateway, &venue);
    }
}

#[test]
fn who_cannot_answer_is_not_waited_for_without_end() {
    let (_venue, mut gateway) = stage(false, 44, "");
    let never = reconcile(&gateway, &[]);
    assert_eq!(never.status.code(), Some(1));
    assert!(stderr(&never).contains("start a gateway"), "{}", stderr(&never));
    trading(&mut gateway);
    let id = gateway.process.as_ref().unwrap().0.id().to_string();
    let signal = |name: &str| {
        assert!(Command::new("kill").args([name, &id]).status().unwrap().success());
    };
    signal("-STOP");
    let begin = Instant::now();
    let stopped = reconcile(&gateway, &["--wait", "1"]);
    let took = begin.elapsed();
    signal("-CONT");
    assert_eq!(stopped.status.code(), Some(1));
    assert!(stderr(&stopped).contains("does not answer"), "{}", stderr(&stopped));
    assert!(took < Duration::from_secs(9), "{took:?}");

    // Its socket is gone: it still holds the journal.
    let sockets = std::fs::read_dir(gateway.path("state")).unwrap();
    let socket =
        sockets.map(|e| e.unwrap().path()).find(|p| p.extension() == Some("sock".as_ref()));
    std::fs::remove_file(socket.unwrap()).unwrap();
    let held = reconcile(&gateway, &[]);
    assert_eq!(held.status.code(), Some(1));
    assert!(stderr(&held).contains("does not answer on the control channel"), "{}", stderr(&held));
    assert!(gateway.stop().success(), "{}", gateway.log());
}
