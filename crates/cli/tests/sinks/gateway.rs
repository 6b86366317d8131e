//! Sinks beside a gateway that trades: one that works, one whose server takes connections and never answers, and
//! what is seen of both.

use std::net::TcpListener;
use std::process::Command;

use model::Record;
use serde_json::Value;

use crate::common::{self, Gateway, Venue, buyer, plimsoll, stderr};
use crate::wait;

fn prepared(gateway: &Gateway) -> usize {
    let entries = gateway.entries();
    entries.iter().filter(|entry| matches!(entry.record, Record::Prepared { .. })).count()
}

fn told(gateway: &Gateway, command: &str) -> (Value, Option<i32>) {
    let config = gateway.path("plimsoll.toml");
    let output = Command::new(common::BINARY)
        .args([command, "--config", config.to_str().unwrap(), "--json"])
        .env("TEST_KEY", "key")
        .env("TEST_SECRET", "secret")
        .output()
        .unwrap();
    let code = output.status.code();
    (serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", stderr(&output))), code)
}

#[test]
fn a_sink_that_hangs_stops_neither_trading_nor_the_other_sink() {
    let venue = Venue::start(&["--market", "synthetic:81"]);
    let deaf = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut gateway = Gateway::prepare(&venue.addr, "");
    gateway.add(&buyer(&gateway));
    gateway.add(&format!(
        "[[sink]]\nkind = \"clickhouse\"\nname = \"deaf\"\nurl = \"http://{}\"\nuser = \"me\"\npassword = {{ env = \
         \"TEST_STORE\" }}\n[[sink]]\nkind = \"parquet\"\nname = \"files\"\ndir = \"records\"\nfile_s = 1\n",
        deaf.local_addr().unwrap()
    ));
    gateway.start();
    gateway.wait(120, "it trades", |entries| {
        entries.iter().filter(|e| matches!(e.record, Record::Prepared { .. })).count() >= 3
    });
    let sinks = |gateway: &Gateway| told(gateway, "status").0["sinks"].clone();
    let log = || gateway.log();
    wait("the files follow", || sinks(&gateway)[1]["had"].as_u64() > Some(10), log);
    wait("the other is behind and says why", || !sinks(&gateway)[0]["trouble"].is_null(), log);
    let shown = sinks(&gateway);
    assert_eq!((&shown[0]["name"], &shown[0]["had"]), (&"deaf".into(), &0.into()));
    assert!(shown[0]["behind"].as_u64() > Some(10), "{shown}");
    let (doctor, _) = told(&gateway, "doctor");
    let checks = doctor["checks"].as_array().unwrap();
    let of_sinks: Vec<&str> = checks
        .iter()
        .filter(|c| c["check"] == "sink")
        .map(|c| c["verdict"].as_str().unwrap())
        .collect();
    assert_eq!(of_sinks, ["warning", "good"]);
    let before = prepared(&gateway);
    gateway.wait(120, "it goes on trading", |entries| {
        entries.iter().filter(|e| matches!(e.record, Record::Prepared { .. })).count() > before + 2
    });
    // A second one by hand is refused: the gateway's own has it.
    let config = gateway.path("plimsoll.toml");
    let args = ["sink", "--config", config.to_str().unwrap(), "--name", "files", "--once"];
    let output = plimsoll(&args);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("is run by the process"), "{}", stderr(&output));
    assert!(gateway.stop().success(), "{}", gateway.log());
    // Its process ends by itself, and what was written last has arrived; the rest is one command.
    let last = gateway.entries().len() as u64;
    wait("the sink's process lets go", || plimsoll(&args).status.success(), || gateway.log());
    assert_eq!(sinks(&gateway)[1]["had"], last);
    assert!(!gateway.log().contains(common::STORE_PASSWORD), "{}", gateway.log());
    common::assert_agrees(&gateway, &venue);
    drop(deaf);
}

#[test]
fn a_sink_that_is_killed_comes_back() {
    let venue = Venue::start(&["--market", "synthetic:82"]);
    let mut gateway = Gateway::prepare(&venue.addr, "");
    gateway.add("[[sink]]\nkind = \"parquet\"\ndir = \"records\"\nfile_s = 1\n");
    gateway.start();
    let process = |gateway: &Gateway| {
        let gateway = gateway.process.as_ref().unwrap().0.id();
        let children = format!("/proc/{gateway}/task");
        let tasks = std::fs::read_dir(children).unwrap().flatten();
        let children =
            tasks.filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok());
        let all: Vec<String> = children
            .flat_map(|line| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
            .collect();
        all.into_iter().find(|id| {
            let line = std::fs::read_to_string(format!("/proc/{id}/cmdline")).unwrap_or_default();
            line.split('\0').any(|word| word == "--supervised")
        })
    };
    let mut first = None;
    wait(
        "it starts its sinks",
        || {
            first = process(&gateway);
            first.is_some()
        },
        || gateway.log(),
    );
    let first = first.unwrap();
    let stat = std::fs::read_to_string(format!("/proc/{first}/environ")).unwrap_or_default();
    assert!(!stat.contains("secret"), "no secret is in its environment");
    let had = |gateway: &Gateway| told(gateway, "status").0["sinks"][0]["had"].as_u64();
    wait("it works", || had(&gateway) > Some(0), || gateway.log());
    assert!(Command::new("kill").args(["-9", &first]).status().unwrap().success());
    wait(
        "another one takes its place",
        || process(&gateway).is_some_and(|id| id != first),
        || gateway.log(),
    );
    let before = had(&gateway);
    wait("and goes on", || had(&gateway) > before, || gateway.log());
    assert!(gateway.stop().success(), "{}", gateway.log());
}

#[test]
fn mistakes_are_said() {
    let venue = Venue::start(&["--market", "empty"]);
    let gateway = Gateway::prepare(&venue.addr, "");
    let config = gateway.path("plimsoll.toml");
    let sink = |args: &[&str]| {
        let mut all = vec!["sink", "--config", config.to_str().unwrap()];
        all.extend(args);
        let output = plimsoll(&all);
        (output.status.code(), stderr(&output))
    };
    let (code, said) = sink(&["--once"]);
    assert!(code == Some(2) && said.contains("has no [[sink]]"), "{code:?} {said}");
    gateway.add("[[sink]]\nkind = \"parquet\"\ndir = \"records\"\n");
    let (code, said) = sink(&["--name", "other"]);
    assert!(code == Some(2) && said.contains("there are: parquet"), "{code:?} {said}");
    let (code, said) = sink(&["--once"]);
    assert!(code == Some(1) && said.contains("start a gateway"), "{code:?} {said}");
    gateway.add("rows = 3\n");
    let (code, said) = sink(&["--once"]);
    assert!(
        code == Some(2) && said.contains("sink[0]") && said.contains("`rows`"),
        "{code:?} {said}"
    );
}
