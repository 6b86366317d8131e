//! `plimsoll doctor` on a gateway that runs, hangs and does not run, with and without a kill switch.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;

use common::{Gateway, Venue, plimsoll, stderr};
use model::Record;
use serde_json::Value;

const MAKER: &str = "[agent.maker]\nvenue = \"sim\"\nstrategy = \"market-maker\"\n\
                     params = { qty = \"0.001\", half_spread_bps = 1, requote_every = 200 }\n";

/// Its exit code, its JSON, and its text.
fn doctor(gateway: &Gateway) -> (i32, Value, String) {
    let config = gateway.path("plimsoll.toml");
    let run = |json: bool| {
        let mut command = std::process::Command::new(common::BINARY);
        command.args(["doctor", "--config"]).arg(&config).env("TEST_TOKEN", "token-of-the-test");
        command.env("TEST_KEY", "key").env("TEST_SECRET", "secret");
        if json {
            command.arg("--json");
        }
        command.output().unwrap()
    };
    let (json, text) = (run(true), run(false));
    assert_eq!(json.status, text.status, "{}", stderr(&json));
    let told = serde_json::from_slice(&json.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", stderr(&json)));
    let said = stderr(&text);
    let text = String::from_utf8(text.stdout).unwrap() + &said;
    assert!(!text.contains("token-of-the-test"), "{text}");
    (json.status.code().unwrap(), told, text)
}

fn layer(told: &Value, name: &str) -> Value {
    let layers = told["layers"].as_array().unwrap();
    layers.iter().find(|layer| layer["layer"] == name).unwrap().clone()
}

fn check(told: &Value, name: &str) -> Value {
    let checks = told["checks"].as_array().unwrap();
    let is = |check: &&Value| check["check"] == name;
    checks.iter().find(is).unwrap_or_else(|| panic!("no {name}: {told}")).clone()
}

fn trades(gateway: &mut Gateway) {
    gateway.start();
    gateway.wait(20, "it trades", |entries| {
        entries.iter().any(|entry| matches!(entry.record, Record::Accepted { .. }))
    });
}

#[test]
fn a_gateway_that_runs_and_one_that_does_not() {
    let venue = Venue::start(&["--market", "synthetic:91"]);
    let mut gateway = Gateway::prepare(&venue.addr, MAKER);
    let (code, told, text) = doctor(&gateway);
    assert_eq!((code, &told["ok"]), (0, &Value::Bool(true)), "{text}");
    assert_eq!(layer(&told, "gateway")["up"], false, "{text}");
    assert!(check(&told, "store")["text"].as_str().unwrap().contains("first start"), "{text}");
    assert!(!gateway.path("plimsoll.db").exists(), "it makes nothing");

    trades(&mut gateway);
    let before = venue.state()["orders"].as_array().unwrap().len();
    let (code, told, text) = doctor(&gateway);
    assert_eq!(code, 0, "{text}");
    for name in ["agent", "gateway", "exchange"] {
        assert_eq!(layer(&told, name)["up"], true, "{name}: {text}");
    }
    assert!(layer(&told, "agent")["text"].as_str().unwrap().contains("maker"), "{text}");
    assert!(layer(&told, "exchange")["text"].as_str().unwrap().contains("no dead-man timer"));
    let watchdog = layer(&told, "watchdog");
    assert_eq!((&watchdog["up"], &watchdog["verdict"]), (&false.into(), &"warning".into()));
    for layer in told["layers"].as_array().unwrap() {
        assert!(layer["fails"].as_str().unwrap().len() > 40, "{layer}");
    }
    assert_eq!(told["effective"]["venue.sim.key_audit_every_s"], "3600");
    assert!(text.contains("position_max") && text.contains("answers at http://"), "{text}");
    assert!(gateway.is_alive() && before > 0, "it goes on: {}", gateway.log());
    assert!(gateway.stop().success());
    let (code, told, text) = doctor(&gateway);
    assert_eq!((code, &layer(&told, "gateway")["up"]), (0, &false.into()), "{text}");
}

#[test]
fn a_gate_that_would_refuse_is_3() {
    let scopes = "key=trade,withdraw,no-ip";
    let venue = Venue::start(&["--market", "empty", "--scopes", scopes]);
    let gateway = Gateway::prepare(&venue.addr, "");
    let (code, told, text) = doctor(&gateway);
    assert_eq!((code, &told["ok"]), (3, &Value::Bool(false)), "{text}");
    assert_eq!(check(&told, "key")["verdict"], "refused", "{text}");
    assert!(text.contains("the key may withdraw") && text.contains("accept_key_scopes"), "{text}");
    assert!(text.contains("not bound to addresses"), "{text}");
    assert_eq!(layer(&told, "exchange")["verdict"], "refused", "{text}");
}

#[test]
fn what_is_wrong_is_1() {
    let venue = Venue::start(&["--market", "synthetic:92"]);
    let mut gateway = Gateway::prepare(&venue.addr, MAKER);
    trades(&mut gateway);
    // It hangs: the process is there, and its loop is not.
    gateway.signal("-STOP");
    let (code, told, text) = doctor(&gateway);
    gateway.signal("-CONT");
    let of = layer(&told, "gateway");
    assert_eq!((code, &of["verdict"], &of["up"]), (1, &"wrong".into(), &false.into()), "{text}");
    assert!(gateway.stop().success(), "{}", gateway.log());
    // The exchange is gone.
    drop(venue);
    let (code, told, text) = doctor(&gateway);
    assert_eq!((code, &check(&told, "venue")["verdict"]), (1, &"wrong".into()), "{text}");
    // A secret is not there.
    let config = gateway.path("plimsoll.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replace("TEST_SECRET", "NOT_THERE")).unwrap();
    let (code, told, text) = doctor(&gateway);
    assert_eq!((code, &check(&told, "venue")["verdict"]), (1, &"wrong".into()), "{text}");
    assert!(text.contains("NOT_THERE is not set"), "{text}");
    // The configuration makes no sense.
    std::fs::write(&config, "mode = 1").unwrap();
    let output = plimsoll(&["doctor", "--config", config.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
}

/// A kill switch that answers with this as often as it is asked, and only with the token.
fn watchdog(body: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap().to_string();
    // Ends with the test's process.
    std::thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let mut head = String::new();
            let mut reader = BufReader::new(client.try_clone().unwrap());
            while !head.ends_with("\r\n\r\n") {
                assert_ne!(reader.read_line(&mut head).unwrap(), 0);
            }
            let head = head.to_lowercase();
            let knows = head.contains("authorization: bearer token-of-the-test\r\n");
            let is_status = head.starts_with("get /status ");
            let (status, body) = match (knows, is_status) {
                (true, true) => (200, body),
                (false, _) => (401, ""),
                (true, false) => (404, ""),
            };
            let length = body.len();
            write!(client, "HTTP/1.1 {status} x\r\ncontent-length: {length}\r\n\r\n{body}")
                .unwrap();
        }
    });
    addr
}

#[test]
fn the_kill_switch_is_up_dead_or_tripped() {
    let venue = Venue::start(&["--market", "empty"]);
    let table = |control: &str| {
        let gateway = Gateway::prepare(&venue.addr, "");
        gateway.add(&format!(
            "[watchdog]\nheartbeat = \"127.0.0.1:1\"\ntoken = {{ env = \"TEST_TOKEN\" }}\n{control}"
        ));
        let (code, told, text) = doctor(&gateway);
        (code, layer(&told, "watchdog"), text)
    };
    for (body, code, verdict, word) in [
        (r#"{"halted":false,"watching":true}"#, 0, "good", "up and watching"),
        (r#"{"halted":true,"cause":"drawdown"}"#, 1, "wrong", "TRIPPED: drawdown"),
        (
            r#"{"halted":false,"watching":false,"problem":"no route"}"#,
            1,
            "wrong",
            "blind: no route",
        ),
        ("what?", 1, "wrong", "answers something else"),
    ] {
        let (exit, told, text) = table(&format!("control = \"{}\"", watchdog(body)));
        assert_eq!((exit, &told["verdict"]), (code, &verdict.into()), "{text}");
        assert!(told["text"].as_str().unwrap().contains(word), "{text}");
    }
    let (code, told, text) = table("control = \"127.0.0.1:1\"");
    assert_eq!((code, &told["up"]), (1, &false.into()), "{text}");
    assert!(text.contains("DEAD: nobody listens at 127.0.0.1:1"), "{text}");
    let (code, told, text) = table("");
    assert_eq!((code, &told["verdict"]), (0, &"warning".into()), "{text}");
}
