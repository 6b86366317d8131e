//! A Redis server that flushes every write before it answers.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::Signal;
use tempfile::TempDir;

use crate::process::{Process, find, free_port, signal, tied, wait_until};

const PASSWORD: &str = "hush";
/// How long an answer may take.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// A server, ended when this is dropped.
#[derive(Debug)]
pub struct Redis {
    process: Option<Process>,
    program: PathBuf,
    port: u16,
    directory: TempDir,
}

impl Redis {
    /// Starts one. The error says why there is none.
    pub fn start() -> Result<Redis, String> {
        let program =
            find("redis-server", &[]).ok_or("this machine lacks it (Debian: redis-server)")?;
        let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
        let mut server = Redis { process: None, program, port: free_port()?, directory };
        server.restart()?;
        Ok(server)
    }

    /// Where it is, with the password.
    pub fn url(&self) -> String {
        self.url_at(&format!("127.0.0.1:{}", self.port))
    }

    /// The same by way of another address, such as a proxy's.
    pub fn url_at(&self, address: &str) -> String {
        format!("redis://:{PASSWORD}@{address}/0")
    }

    /// Where its files are.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The port it listens on.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Sends a command whose parts have no spaces in them; returns the first line of the answer.
    pub fn command(&self, command: &str) -> Result<String, String> {
        let answer = || -> std::io::Result<String> {
            let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
            stream.set_read_timeout(Some(ANSWER_MAX))?;
            write!(stream, "AUTH {PASSWORD}\r\n{command}\r\n")?;
            let mut lines = BufReader::new(stream).lines();
            lines.next().transpose()?;
            Ok(lines.next().transpose()?.unwrap_or_default())
        };
        match answer() {
            Ok(line) if line.starts_with('-') => Err(line),
            Ok(line) => Ok(line),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Ends it as a crash would.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill();
        }
    }

    /// Stops it in its tracks: connections stay and nothing is answered.
    pub fn pause(&self) {
        if let Some(process) = &self.process {
            signal(process.id(), Signal::STOP);
        }
    }

    /// Lets it go on.
    pub fn resume(&self) {
        if let Some(process) = &self.process {
            signal(process.id(), Signal::CONT);
        }
    }

    /// Starts it again on what it has kept.
    pub fn restart(&mut self) -> Result<(), String> {
        self.kill();
        let mut command = tied(&self.program, None)?;
        command.args(["--port", &self.port.to_string(), "--bind", "127.0.0.1"]);
        command.args(["--dir"]).arg(self.directory.path());
        command.args(["--requirepass", PASSWORD, "--save", "", "--appendonly", "yes"]);
        command.args(["--appendfsync", "always"]);
        let log = self.directory.path().join("log");
        let mut process = Process::start(command, &log, Signal::TERM)?;
        let ready = wait_until(|| match process.has_ended() {
            true => Some(false),
            false => self.command("PING").is_ok_and(|said| said == "+PONG").then_some(true),
        });
        if ready == Some(true) {
            self.process = Some(process);
            return Ok(());
        }
        let said = std::fs::read_to_string(&log).unwrap_or_default();
        Err(format!("it does not start: {}", said.trim()))
    }
}
