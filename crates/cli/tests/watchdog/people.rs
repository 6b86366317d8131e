//! A person halts in three ways, and comes back in two steps.

use std::time::Duration;

use serde_json::json;

use crate::common::plimsoll;
use crate::stage::{Stage, TOKEN, Watchdog, until};

/// Orders are open, no gateway is there, and somebody does something.
fn halts(seed: u32, by: &str, act: impl FnOnce(&Stage, &Watchdog)) {
    let stage = Stage::binance(seed);
    let watchdog = stage.watchdog();
    stage.entries(10);
    stage.stop();
    act(&stage, &watchdog);
    stage.until_open(0, 1);
    let status = watchdog.until(&stage, |status| status["cleared"] == true);
    assert_eq!(status["kind"], "person", "{status}");
    assert!(status["cause"].as_str().unwrap().starts_with(by), "{status}");
}

#[test]
fn by_http() {
    halts(61, "http: I do not like it", |_, watchdog| {
        let body = r#"{"cause":"I do not like it"}"#;
        let (code, status) = watchdog.http("POST", "/halt", TOKEN, body);
        assert_eq!((code, &status["halted"]), (200, &json!(true)));
    });
}

#[test]
fn by_a_file() {
    halts(62, "file", |stage, _| std::fs::write(stage.path("HALT"), "").unwrap());
}

#[test]
fn by_a_signal() {
    halts(63, "signal", |_, watchdog| watchdog.signal("-USR1"));
}

/// `kill -9` of everything, and a new start: latched, and what was opened meanwhile is canceled again.
#[test]
fn a_latch_survives_and_clears_again() {
    let stage = Stage::binance(64);
    let mut watchdog = stage.watchdog();
    stage.entries(2);
    let (code, _) = watchdog.http("POST", "/halt", TOKEN, "");
    assert_eq!(code, 200);
    stage.until_open(0, 0);
    watchdog.process.0.kill().unwrap();
    watchdog.process.0.wait().unwrap();
    stage.entries(2);
    let again = stage.watchdog();
    assert_eq!(again.status()["halted"], true);
    stage.until_open(0, 0);
    // A latch that nobody can read is a latch.
    drop(again);
    std::fs::write(stage.path("state/watchdog-latch.json"), "{\"v\":").unwrap();
    let again = stage.watchdog();
    let status = again.status();
    assert_eq!((&status["halted"], &status["kind"]), (&json!(true), &json!("latch_unreadable")));
}

/// The two steps in real time: half a minute apart, and not faster.
#[test]
fn the_way_back_takes_two_steps() {
    let stage = Stage::binance(65);
    let watchdog = stage.watchdog();
    let (code, told) = watchdog.http("POST", "/reset", TOKEN, "");
    assert!(code == 409 && told["error"].as_str().unwrap().contains("nothing has tripped"));
    watchdog.http("POST", "/halt", TOKEN, r#"{"cause":"a drill"}"#);
    watchdog.until(&stage, |status| status["cleared"] == true);
    let (code, shown) = watchdog.http("POST", "/reset", TOKEN, "");
    assert_eq!((code, &shown["cause"]), (200, &json!("http: a drill")), "{shown}");
    assert!(shown["positions"].as_array().is_some_and(|held| held.len() == 2), "{shown}");
    let step_two = json!({"code": shown["code"]}).to_string();
    let (code, told) = watchdog.http("POST", "/reset", TOKEN, &step_two);
    assert!(code == 409 && told["error"].as_str().unwrap().contains("too early"), "{told}");
    std::thread::sleep(Duration::from_secs(31));
    let (code, told) = watchdog.http("POST", "/reset", TOKEN, &step_two);
    assert_eq!((code, &told["lifting"]), (200, &json!(true)), "{told}");
    watchdog.until(&stage, |status| status["halted"] == false);
    assert!(!stage.path("state/watchdog-latch.json").exists());
    // The code is used up.
    let (code, _) = watchdog.http("POST", "/reset", TOKEN, &step_two);
    assert_eq!(code, 409);
}

/// Alerts reach the address that is configured; a dead one before it holds nothing up.
#[test]
fn alerts_are_posted() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let alive = format!("http://{}/hook", listener.local_addr().unwrap());
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        use std::io::{Read as _, Write as _};
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
            let mut text = Vec::new();
            let mut part = [0; 4_096];
            while let Ok(read) = stream.read(&mut part)
                && read > 0
            {
                text.extend(&part[..read]);
                if text.ends_with(b"}") {
                    break;
                }
            }
            stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
                .unwrap();
            if tell.send(String::from_utf8_lossy(&text).into_owned()).is_err() {
                return;
            }
        }
    });
    let stage = Stage::binance(66);
    stage.add(&format!("alert = [\"http://127.0.0.1:1/dead\", \"{alive}\"]"));
    let watchdog = stage.watchdog();
    watchdog.http("POST", "/halt", TOKEN, r#"{"cause":"tell me"}"#);
    let first = told.recv_timeout(crate::stage::SOON).unwrap();
    assert!(first.contains("\"cause\":\"tripped\"") && first.contains("tell me"), "{first}");
    until(&|| stage.log(), || watchdog.status()["cleared"] == true);
    let second = told.recv_timeout(crate::stage::SOON).unwrap();
    assert!(second.contains("\"cause\":\"cleared\""), "{second}");
}

/// The gateway's process is ended, where that was asked for, and nothing that is no gateway.
#[test]
fn the_gateways_process_is_ended_where_that_was_asked_for() {
    let stage = Stage::binance(67);
    let mut gateway = crate::common::Gateway::prepare(&stage.venue.addr, "");
    gateway.start();
    gateway.wait(15, "it has started", |entries| !entries.is_empty());
    stage.add("kill_gateway = true\ngateway_pid_file = \"pid\"");
    let number = gateway.process.as_ref().unwrap().0.id();
    std::fs::write(stage.path("pid"), format!("{number}\n")).unwrap();
    let watchdog = stage.watchdog();
    watchdog.signal("-USR1");
    assert!(!gateway.wait_for_end(15).success(), "{}", stage.log());
    drop(watchdog);
    // A number that is used again: by somebody else's program, and by another part of this one.
    let sleeps = std::process::Command::new("sleep").arg("60").spawn().unwrap();
    let mut sleeps = crate::common::Running(sleeps);
    let mut exchange = crate::common::Venue::start(&["--market", "empty"]);
    for other in [&mut sleeps.0, &mut exchange.process.0] {
        std::fs::write(stage.path("pid"), other.id().to_string()).unwrap();
        std::fs::remove_file(stage.path("state/watchdog-latch.json")).unwrap();
        let watchdog = stage.watchdog();
        watchdog.signal("-USR1");
        until(&|| stage.log(), || stage.log().contains("is no gateway any more"));
        assert!(other.try_wait().unwrap().is_none());
    }
}

/// A disk with room for a name and for nothing in it: a file that is empty halts as well.
#[test]
fn a_halt_without_room_for_its_text_halts_all_the_same() {
    let stage = Stage::binance(69);
    let mut gateway = crate::common::Gateway::prepare(&stage.venue.addr, "");
    let config = gateway.path("plimsoll.toml");
    let full = "trap '' XFSZ; ulimit -f 0; exec \"$0\" halt --config \"$1\" --reason mad";
    let output = std::process::Command::new("bash")
        .args(["-c", full, crate::common::BINARY])
        .arg(&config)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0), "{said}{}", crate::common::stderr(&output));
    assert!(said.contains("its text is not, so the cause is not told"), "{said}");
    let files = std::fs::read_dir(gateway.path("state")).unwrap().map(|file| file.unwrap().path());
    let halts: Vec<_> =
        files.filter(|path| path.extension().is_some_and(|name| name == "halt")).collect();
    let [file] = halts.as_slice() else { panic!("{halts:?}") };
    assert_eq!(std::fs::metadata(file).unwrap().len(), 0);
    gateway.start();
    gateway.wait(15, "it is halted", |entries| {
        entries.iter().any(|entry| {
            matches!(&entry.record, model::Record::Trading { state: model::TradingState::Halted, cause, .. }
                if cause.contains("halt file"))
        })
    });
    assert!(gateway.stop().success(), "{}", gateway.log());
}

/// `halt --dark` with no gateway that could go dark: what halts is said, that it is not dark is, too, and the exit
/// code is not that of what was asked for.
#[test]
fn a_dark_that_is_not_reached_is_said() {
    let stage = Stage::binance(70);
    let watchdog = stage.watchdog();
    let gateway = crate::common::Gateway::prepare(&stage.venue.addr, "");
    gateway.add(&format!(
        "[watchdog]\nheartbeat = \"{}\"\ncontrol = \"{}\"\ntoken = {{ file = {:?} }}\n",
        watchdog.heartbeat,
        watchdog.control,
        stage.path("token")
    ));
    let config = gateway.path("plimsoll.toml");
    let config = config.to_str().unwrap();
    let output = plimsoll(&["halt", "--config", config, "--dark", "--json"]);
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), &told["halted"]), (Some(1), &json!(true)), "{told}");
    let asked: Vec<(&str, bool)> = told["asked"]
        .as_array()
        .unwrap()
        .iter()
        .map(|way| (way["who"].as_str().unwrap(), way["done"] == true))
        .collect();
    let expected = [("gateway", false), ("watchdog", true), ("halt_file", true), ("dark", false)];
    assert_eq!(asked, expected);
    let error = crate::common::stderr(&output);
    assert!(error.contains("halted, and not dark") && error.contains("revoke the keys"), "{error}");
    assert_eq!(watchdog.status()["kind"], "person");
    let output = plimsoll(&["halt", "--config", config, "--dark"]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("dark         NOT: no gateway answered"), "{said}");
}

#[test]
fn mistakes_in_the_configuration_are_named() {
    let stage = Stage::binance(68);
    let config = stage.path("plimsoll.toml");
    let good = std::fs::read_to_string(&config).unwrap();
    for (from, to, said, code) in [
        ("state_dir", "statedir", "unknown field `statedir`", 2),
        ("{ file = \"token\" }", "{ file = \"short\" }", "shorter than 16 characters", 2),
        (
            "{ file = \"key\" }",
            "{ file = \"missing\" }",
            "watchdog.key: the file cannot be read",
            2,
        ),
        ("state_dir = \"state\"", "state_dir = \"key\"", "the latch has to survive", 1),
        ("control = \"127.0.0.1:0\"", "control = \"127.0.0.1:x\"", "watchdog.control", 1),
    ] {
        assert!(good.contains(from), "{from}");
        crate::common::secret_file(&stage.path("short"), "hush");
        std::fs::write(&config, good.replace(from, to)).unwrap();
        let output = plimsoll(&["watchdog", "--config", config.to_str().unwrap()]);
        let text = crate::common::stderr(&output);
        assert!(text.contains(said) && !text.contains("hush"), "{said}: {text}");
        assert_eq!(output.status.code(), Some(code), "{text}");
    }
}
