//! An OpenTelemetry collector: `rotel` from the tests' Python environment, which tells each span that it receives.

use std::path::{Path, PathBuf};

use rustix::process::Signal;

use crate::process::{Process, find, free_port, signal, tied, wait_until};

/// A span as the collector has understood it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// Hex, as `parent` and `id`.
    pub trace: String,
    /// Empty for a root.
    pub parent: String,
    /// Its own.
    pub id: String,
    /// What it is.
    pub name: String,
    /// Nanoseconds since 1970.
    pub start: u64,
    /// Nanoseconds since 1970.
    pub end: u64,
    /// As the protocol names it.
    pub status: String,
    /// Each as `key: Type(value)`.
    pub attributes: Vec<String>,
}

/// A collector, ended when this is dropped.
#[derive(Debug)]
pub struct Rotel {
    process: Option<Process>,
    program: PathBuf,
    ports: [u16; 2],
    /// Times that it was started, each with a log of its own.
    starts: u32,
    directory: tempfile::TempDir,
}

impl Rotel {
    /// Starts one. The error says why there is none.
    pub fn start() -> Result<Rotel, String> {
        let program = program().ok_or("the tests' Python environment lacks rotel")?;
        let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
        let ports = [free_port()?, free_port()?];
        let mut server = Rotel { process: None, program, ports, starts: 0, directory };
        server.restart()?;
        Ok(server)
    }

    /// Where it takes OTLP over HTTP.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports[0])
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

    /// Starts it again.
    pub fn restart(&mut self) -> Result<(), String> {
        self.kill();
        self.starts += 1;
        let at = self.directory.path();
        let file = |name: &str| at.join(name).display().to_string();
        let [http, grpc] = self.ports.map(|port| format!("127.0.0.1:{port}"));
        let mut command = tied(&self.program, None)?;
        command.args(["start", "--exporter", "blackhole"]);
        command.args(["--otlp-http-endpoint", &http, "--otlp-grpc-endpoint", &grpc]);
        command.args(["--debug-log", "traces", "--debug-log-verbosity", "detailed"]);
        command.args(["--pid-file", &file("pid"), "--log-file", &file("unused")]);
        let log = self.log(self.starts);
        let mut process = Process::start(command, &log, Signal::TERM)?;
        let listens = || std::net::TcpStream::connect(("127.0.0.1", self.ports[0])).is_ok();
        let ready = wait_until(|| match process.has_ended() {
            true => Some(false),
            false => listens().then_some(true),
        });
        if ready == Some(true) {
            self.process = Some(process);
            return Ok(());
        }
        let said = std::fs::read_to_string(&log).unwrap_or_default();
        Err(format!("it does not start: {}", said.trim()))
    }

    /// All spans that it has received, in order, those that came twice twice.
    pub fn spans(&self) -> Vec<Span> {
        let logs = (1..=self.starts).map(|start| std::fs::read_to_string(self.log(start)));
        logs.flat_map(|log| read(&log.unwrap_or_default())).collect()
    }

    fn log(&self, start: u32) -> PathBuf {
        self.directory.path().join(format!("log-{start}"))
    }
}

/// Reads what it tells. One that is not whole yet is left out.
fn read(log: &str) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    let mut is_whole = true;
    for line in log.lines() {
        let Some((key, value)) = line.split_once(':') else {
            if line.starts_with("Span #") {
                spans.push(Span::default());
                is_whole = false;
            }
            continue;
        };
        let (Some(span), value) = (spans.last_mut(), value.trim().to_owned()) else { continue };
        match key.trim() {
            "Trace ID" => span.trace = value,
            "Parent ID" => span.parent = value,
            "ID" => span.id = value,
            "Name" => span.name = value,
            "Start time" => span.start = value.parse().unwrap_or(0),
            "End time" => span.end = value.parse().unwrap_or(0),
            "Status code" => span.status = value,
            // A status there is only where it is one; these come behind it, always.
            "Attributes" => is_whole = true,
            key => {
                if let Some(key) =
                    key.strip_prefix("-> ").filter(|key| key.starts_with("plimsoll."))
                {
                    span.attributes.push(format!("{key}: {value}"));
                }
            }
        }
    }
    if !is_whole {
        spans.pop();
    }
    spans
}

/// The program is inside the package, among what `cargo xtask test` installs.
fn program() -> Option<PathBuf> {
    let venv: PathBuf = crate::python()?.parent().and_then(Path::parent)?.to_owned();
    let versions = std::fs::read_dir(venv.join("lib")).into_iter().flatten().flatten();
    let inside = versions.map(|version| version.path().join("site-packages/rotel"));
    find("rotel-agent", &inside.collect::<Vec<_>>())
}
