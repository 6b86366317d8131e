//! Records on their way to real servers and files: killed twice in the middle, outages, servers that hang, full
//! disks. In the end each target has what the journal has, record for record and once, and answers the three
//! questions as the journal does.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod clickhouse;
#[path = "../common/mod.rs"]
mod common;
mod elastic;
mod gateway;
mod otlp;
mod parquet;
mod story;

use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use common::{BINARY, Gateway, Running, stderr};
use serde_json::Value;

/// How long a thing may take on a loaded machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(300);

/// A configuration with sinks, and a journal that somebody else fills.
pub(crate) struct Bench {
    pub(crate) gateway: Gateway,
}

impl Bench {
    pub(crate) fn with(sinks: &str) -> Bench {
        // No gateway is started, so nobody asks that address.
        let gateway = Gateway::prepare(
            "127.0.0.1:1",
            "[agent.trend]\nvenue = \"sim\"\nstrategy = \"ema-cross\"\n",
        );
        gateway.add(sinks);
        Bench { gateway }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.gateway.path(name)
    }

    pub(crate) fn store(&self) -> PathBuf {
        self.path("plimsoll.db")
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(BINARY);
        command.args(["sink", "--config"]).arg(self.path("plimsoll.toml")).args(args);
        command.env("TEST_SINK", "hush").env("TEST_STORE", "hush").stdin(Stdio::null());
        command
    }

    /// Hands over all there is.
    pub(crate) fn once(&self) -> Output {
        self.command(&["--once", "--json"]).output().unwrap()
    }

    /// The same, and it succeeds; returns the one sink's state.
    pub(crate) fn all(&self) -> Value {
        let output = self.once();
        assert!(output.status.success(), "{}", stderr(&output));
        let said: Value = serde_json::from_slice(&output.stdout).unwrap();
        said["sinks"][0].clone()
    }

    /// A sink that goes on until it is killed.
    pub(crate) fn start(&self) -> Running {
        let log = std::fs::File::create(self.path("sink.log")).unwrap();
        let child: Child = self.command(&[]).stderr(log).stdout(Stdio::null()).spawn().unwrap();
        Running(child)
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.path("sink.log")).unwrap_or_default()
    }

    /// What the sink's file says.
    pub(crate) fn state(&self, name: &str) -> Value {
        let found = std::fs::read_dir(self.path("state")).into_iter().flatten().flatten();
        let folder = found
            .map(|entry| entry.path())
            .find(|path| path.extension().is_some_and(|e| e == "sinks"));
        let text = folder.and_then(|at| std::fs::read(at.join(format!("{name}.json"))).ok());
        text.and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default()
    }

    pub(crate) fn had(&self, name: &str) -> u64 {
        self.state(name)["cursor"]["had"].as_u64().unwrap_or(0)
    }
}

/// Waits until it is so.
pub(crate) fn wait(what: &str, mut so: impl FnMut() -> bool, why: impl Fn() -> String) {
    let end = Instant::now() + PATIENCE;
    while !so() {
        assert!(Instant::now() < end, "{what}: {}", why());
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Kills a sink twice in the middle of this many records, and lets it end its work. `there` says how many the
/// target has.
pub(crate) fn killed_twice(bench: &Bench, name: &str, records: u64, there: impl Fn() -> u64) {
    let mut before = 0;
    for part in 1..=2 {
        let running = bench.start();
        let some = before.max(records * (part - 1) / 3);
        wait("it hands over", || there() > some, || bench.log());
        // Dropping it is a kill -9.
        drop(running);
        before = there();
        assert!(before < records, "it was killed in the middle: {before} of {records}");
    }
    let state = bench.all();
    assert_eq!((&state["name"], &state["had"]), (&Value::from(name), &Value::from(records)));
    assert_eq!(
        (&state["behind"], &state["dead_letters"], &state["missing"]),
        (&0.into(), &0.into(), &0.into())
    );
}
