//! The engine of a ClickHouse of today: chDB from the tests' Python environment, behind a small HTTP server.
//!
//! No package has that server itself. What is spoken to is the engine: its types, tables and parsing of rows.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use rustix::process::Signal;
use tempfile::TempDir;

use crate::process::{Process, free_port, tied, wait_until};

const SHIM: &str = include_str!("chdb_shim.py");
/// How long an answer may take.
const ANSWER_MAX: Duration = Duration::from_secs(60);

/// An engine, ended when this is dropped.
#[derive(Debug)]
pub struct Chdb {
    _process: Process,
    port: u16,
    _directory: TempDir,
}

impl Chdb {
    /// Starts one. The error says why there is none.
    pub fn start() -> Result<Chdb, String> {
        let python = crate::python().ok_or("there is no Python environment of the tests")?;
        let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
        let shim = directory.path().join("shim.py");
        std::fs::write(&shim, SHIM).map_err(|error| error.to_string())?;
        let port = free_port()?;
        let mut command = tied(&python, None)?;
        command.arg(&shim).arg(port.to_string()).arg(directory.path().join("data"));
        let log = directory.path().join("log");
        let mut process = Process::start(command, &log, Signal::KILL)?;
        let ready = wait_until(|| match process.has_ended() {
            true => Some(false),
            false => ask(port, "SELECT 1").is_ok_and(|said| said.trim() == "1").then_some(true),
        });
        if ready == Some(true) {
            return Ok(Chdb { _process: process, port, _directory: directory });
        }
        let said = std::fs::read_to_string(&log).unwrap_or_default();
        Err(format!("it does not start: {}", said.lines().last().unwrap_or_default()))
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Runs a statement, and returns what it says.
    pub fn sql(&self, statement: &str) -> Result<String, String> {
        ask(self.port, statement)
    }
}

/// HTTP/1.0, so that the answer comes as it is and ends with the connection.
fn ask(port: u16, statement: &str) -> Result<String, String> {
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(ANSWER_MAX))?;
        let length = statement.len();
        write!(stream, "POST / HTTP/1.0\r\nContent-Length: {length}\r\n\r\n{statement}")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    let answer = ask().map_err(|error| error.to_string())?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or("an answer without a body")?;
    match head.split(' ').nth(1) {
        Some("200") => Ok(body.to_owned()),
        _ => Err(body.trim().to_owned()),
    }
}
