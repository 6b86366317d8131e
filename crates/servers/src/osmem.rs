//! A server that speaks OpenSearch's protocol, in memory: `osmem-server` from the tests' Python environment.

use std::path::PathBuf;

use rustix::process::Signal;

use crate::process::{Process, find, free_port, signal, tied, wait_until};

/// A server, ended when this is dropped; what it held is gone then.
#[derive(Debug)]
pub struct Osmem {
    process: Option<Process>,
    program: PathBuf,
    port: u16,
    directory: tempfile::TempDir,
}

impl Osmem {
    /// Starts one. The error says why there is none.
    pub fn start() -> Result<Osmem, String> {
        let program = program().ok_or("the tests' Python environment lacks osmem-server")?;
        let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
        let mut server = Osmem { process: None, program, port: free_port()?, directory };
        server.restart()?;
        Ok(server)
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The port it listens on.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Ends it, with all that it holds.
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

    /// Starts it again, empty.
    pub fn restart(&mut self) -> Result<(), String> {
        self.kill();
        let mut command = tied(&self.program, None)?;
        command.args(["-addr", &format!("127.0.0.1:{}", self.port), "-no-stdin-watch"]);
        let log = self.directory.path().join("log");
        let mut process = Process::start(command, &log, Signal::TERM)?;
        let listens = || std::net::TcpStream::connect(("127.0.0.1", self.port)).is_ok();
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
}

/// The program is inside the package, among what `cargo xtask test` installs.
fn program() -> Option<PathBuf> {
    let venv = crate::python()?.parent()?.parent()?.to_owned();
    let versions = std::fs::read_dir(venv.join("lib")).into_iter().flatten().flatten();
    let inside = versions.map(|version| version.path().join("site-packages/osmem_server/bin"));
    find("osmem-server", &inside.collect::<Vec<_>>())
}
