//! Metrics of real processes: what is served, to whom, and what a real Prometheus makes of it.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

#[path = "../common/mod.rs"]
mod common;
mod endpoint;
mod logs;
mod prometheus;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::{BINARY, Gateway, Running, Venue, buyer};
use model::Record;

/// Longest wait for anything.
const PATIENCE: Duration = Duration::from_secs(60);

/// A file of the repository.
fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").join(name).canonicalize().unwrap()
}

fn text(name: &str) -> String {
    std::fs::read_to_string(file(name)).unwrap()
}

/// A free port of the loopback.
fn free() -> String {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

/// One request; status and whole answer.
fn get(addr: &str, path: &str, headers: &str) -> (u16, String) {
    try_get(addr, path, headers).unwrap_or_else(|error| panic!("{addr}{path}: {error}"))
}

/// The value of a series, where somebody serves it.
fn served(addr: &str, series: &str) -> Option<f64> {
    let (_, answer) = try_get(addr, "/metrics", "").ok().filter(|(status, _)| *status == 200)?;
    value(&answer, series)
}

fn try_get(addr: &str, path: &str, headers: &str) -> std::io::Result<(u16, String)> {
    let host = if headers.contains("host:") { String::new() } else { format!("host: {addr}\r\n") };
    let mut stream = TcpStream::connect(addr)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(stream, "GET {path} HTTP/1.1\r\n{host}{headers}connection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.ok_or_else(|| std::io::Error::other("no answer"))?;
    Ok((status, answer))
}

/// The page.
fn page(addr: &str) -> String {
    let (status, answer) = get(addr, "/metrics", "");
    assert_eq!(status, 200, "{answer}");
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
}

/// The value of a series, written as the page writes it.
fn value(page: &str, series: &str) -> Option<f64> {
    let line = page.lines().find(|line| line.rsplit_once(' ').is_some_and(|(s, _)| s == series))?;
    line.rsplit_once(' ')?.1.parse().ok()
}

fn until(what: &str, gateway: &Gateway, so: impl Fn() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !so() {
        assert!(Instant::now() < end, "{what}: {}", gateway.log());
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// A gateway that trades, and where its own metrics are.
fn trading(venue: &Venue, tables: &str) -> (Gateway, String) {
    let addr = free();
    let mut gateway = Gateway::prepare(&venue.addr, "");
    let agent = buyer(&gateway);
    gateway.add(&format!("{agent}[metrics]\nlisten = \"{addr}\"\n{tables}"));
    gateway.start();
    gateway.wait(60, "it trades", |entries| {
        entries.iter().filter(|entry| matches!(entry.record, Record::Filled { .. })).count() > 1
    });
    until("metrics are served", &gateway, || TcpStream::connect(&addr).is_ok());
    (gateway, addr)
}

/// `plimsoll metrics`, started by hand.
fn by_hand(gateway: &Gateway, token: Option<&str>) -> (Running, String) {
    let mut command = Command::new(BINARY);
    command.args(["metrics", "--listen", "127.0.0.1:0", "--config"]);
    command.arg(gateway.path("plimsoll.toml")).stdin(Stdio::null()).stdout(Stdio::piped());
    if let Some(token) = token {
        command.env("PLIMSOLL_METRICS_TOKEN", token);
    }
    let mut process = Running(command.spawn().unwrap());
    let mut line = String::new();
    BufReader::new(process.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let addr = line.trim().strip_prefix("metrics at http://").unwrap();
    (process, addr.strip_suffix("/metrics").unwrap().to_owned())
}
