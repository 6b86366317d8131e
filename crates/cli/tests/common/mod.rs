//! Real processes for tests: a venue, a gateway, and the journal between them.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]
#![allow(dead_code, reason = "each test file uses its part")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use journal::JournalReader;
use model::Entry;

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_plimsoll");

/// A process that dies with the test.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Runs a command to its end.
pub(crate) fn plimsoll(args: &[&str]) -> Output {
    Command::new(BINARY).args(args).stdin(Stdio::null()).output().unwrap()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A simulated exchange and its address.
pub(crate) struct Venue {
    pub(crate) process: Running,
    pub(crate) addr: String,
}

impl Venue {
    pub(crate) fn start(args: &[&str]) -> Venue {
        let mut child = Command::new(BINARY)
            .args(["venue", "--dialect", "binance", "--listen", "127.0.0.1:0"])
            .args(["--account", "key:secret:10000 USDT,1 BTC"])
            .args(args)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let addr = line.trim().strip_prefix("listening on http://").unwrap().to_owned();
        Venue { process: Running(child), addr }
    }

    /// A plain HTTP request; returns the body.
    pub(crate) fn http(&self, method: &str, path: &str, body: &str) -> String {
        self.raw(method, path, body).split_once("\r\n\r\n").unwrap().1.to_owned()
    }

    /// The same; returns all of the answer.
    pub(crate) fn raw(&self, method: &str, path: &str, body: &str) -> String {
        self.exchange(method, path, "", body)
    }

    /// A request of an account without a body; returns all of the answer.
    pub(crate) fn keyed(&self, method: &str, path: &str, key: &str) -> String {
        self.exchange(method, path, &format!("x-mbx-apikey: {key}\r\n"), "")
    }

    fn exchange(&self, method: &str, path: &str, header: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(&self.addr).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let length = body.len();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{header}\
             content-length: {length}\r\n\r\n{body}"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    pub(crate) fn state(&self) -> serde_json::Value {
        serde_json::from_str(&self.http("GET", "/_sim/state", "")).unwrap()
    }
}

/// A directory with a configuration, and the gateway that runs on it.
pub(crate) struct Gateway {
    pub(crate) directory: tempfile::TempDir,
    pub(crate) process: Option<Running>,
}

pub(crate) const LIMITS: &str = r#"
reference_age_max_ms = 5000
[orders]
open_max = 10
rate_max = 50
rate_window_ms = 10000
[instrument.BTC-USDT]
qty_max = "0.05"
notional_max = "5000"
position_max = "0.1"
collar_bps = 200
"#;

impl Gateway {
    /// Writes a configuration with these agent tables and does not start yet.
    pub(crate) fn prepare(addr: &str, agents: &str) -> Gateway {
        let directory = tempfile::tempdir().unwrap();
        let config = format!(
            r#"
mode = "live"
store = "sqlite:plimsoll.db"
limits = "limits.toml"
reconcile_every_s = 2
state_dir = "state"
[venue.sim]
kind = "binance-spot"
instruments = ["BTC-USDT"]
key = {{ env = "TEST_KEY" }}
secret = {{ env = "TEST_SECRET" }}
rest = "http://{addr}"
{agents}
"#
        );
        std::fs::write(directory.path().join("plimsoll.toml"), config).unwrap();
        std::fs::write(directory.path().join("limits.toml"), LIMITS).unwrap();
        Gateway { directory, process: None }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(BINARY);
        command
            .args(["run", "--config"])
            .arg(self.path("plimsoll.toml"))
            .env("TEST_KEY", "key")
            .env("TEST_SECRET", "secret")
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn start(&mut self) {
        self.spawn(self.command());
    }

    pub(crate) fn spawn(&mut self, mut command: Command) {
        let log = std::fs::File::create(self.path("log")).unwrap();
        self.process = Some(Running(command.stderr(log).spawn().unwrap()));
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    pub(crate) fn is_alive(&mut self) -> bool {
        self.process.as_mut().is_some_and(|process| process.0.try_wait().unwrap().is_none())
    }

    /// Everything in the journal so far.
    pub(crate) fn entries(&self) -> Vec<Entry> {
        entries(&self.path("plimsoll.db"))
    }

    /// Waits until the journal is so; shows the log when it never is.
    pub(crate) fn wait(&mut self, seconds: u64, what: &str, so: impl Fn(&[Entry]) -> bool) {
        let end = Instant::now() + Duration::from_secs(seconds);
        while !so(&self.entries()) {
            assert!(self.is_alive(), "{what}: the gateway ended: {}", self.log());
            if Instant::now() > end {
                let last = self.entries().split_off(self.entries().len().saturating_sub(12));
                panic!("not in {seconds} s: {what}: {}\n{last:#?}", self.log());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Asks it to end and waits.
    pub(crate) fn stop(&mut self) -> std::process::ExitStatus {
        let mut process = self.process.take().unwrap();
        let id = process.0.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        let end = Instant::now() + Duration::from_secs(20);
        loop {
            if let Some(status) = process.0.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < end, "the gateway does not end: {}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

pub(crate) fn entries(path: &Path) -> Vec<Entry> {
    let mut entries = Vec::new();
    if let Ok(reader) = JournalReader::open(path) {
        reader
            .replay(0, &mut |_, entry| {
                entries.push(entry);
                Ok(())
            })
            .unwrap();
    }
    entries
}

/// A recording, relative to the repository; `None` loudly when it is not there.
pub(crate) fn recording(name: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..");
    let path = root.join("shared/data").join(name);
    if path.exists() {
        return Some(path);
    }
    eprintln!("NOT TESTED: recording {name} is not here");
    None
}
