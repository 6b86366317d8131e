//! A ClickHouse server: the one that Debian has, of 2018, or a newer one that is on the path.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;
use tempfile::TempDir;

use crate::process::{Process, find, free_port, signal, tied, wait_until};

const USER: &str = "plimsoll";
const PASSWORD: &str = "hush";
/// How long an answer may take.
const ANSWER_MAX: Duration = Duration::from_secs(60);

/// A server, ended when this is dropped.
#[derive(Debug)]
pub struct ClickHouse {
    process: Option<Process>,
    program: PathBuf,
    port: u16,
    directory: TempDir,
}

impl ClickHouse {
    /// Starts one. The error says why there is none.
    pub fn start() -> Result<ClickHouse, String> {
        let off_path = [PathBuf::from("/usr/sbin"), PathBuf::from("/usr/bin")];
        let program = find("clickhouse-server", &off_path)
            .ok_or("this machine lacks it (Debian: clickhouse-server)")?;
        let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
        let port = free_port()?;
        let mut server = ClickHouse { process: None, program, port, directory };
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

    /// Who may do everything there.
    pub const fn user(&self) -> &'static str {
        USER
    }

    /// Their password.
    pub const fn password(&self) -> &'static str {
        PASSWORD
    }

    /// Runs a statement, and returns what it says.
    pub fn sql(&self, statement: &str) -> Result<String, String> {
        let ask = || -> std::io::Result<String> {
            let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
            stream.set_read_timeout(Some(ANSWER_MAX))?;
            let length = statement.len();
            // HTTP/1.0, so that the answer comes as it is and ends with the connection.
            write!(
                stream,
                "POST / HTTP/1.0\r\nX-ClickHouse-User: {USER}\r\nX-ClickHouse-Key: {PASSWORD}\r\n\
                 Content-Length: {length}\r\n\r\n{statement}"
            )?;
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
        let config =
            self.configure().map_err(|error| format!("no place for its files: {error}"))?;
        let mut command: Command = tied(&self.program, None)?;
        command.arg(format!("--config-file={}", config.display()));
        let log = self.directory.path().join("log");
        let mut process = Process::start(command, &log, Signal::TERM)?;
        let ready = wait_until(|| match process.has_ended() {
            true => Some(false),
            false => self.sql("SELECT 1").is_ok_and(|said| said.trim() == "1").then_some(true),
        });
        if ready == Some(true) {
            self.process = Some(process);
            return Ok(());
        }
        let said =
            std::fs::read_to_string(self.directory.path().join("errors")).unwrap_or_default();
        Err(format!("it does not start: {}", said.trim()))
    }

    /// Writes its configuration: everything below its own directory, and nobody but us.
    fn configure(&self) -> std::io::Result<PathBuf> {
        let at = self.directory.path();
        let tcp = free_port().map_err(std::io::Error::other)?;
        let (place, port) = (at.display(), self.port);
        let users = at.join("users.xml");
        std::fs::write(
            &users,
            format!(
                "<yandex><profiles><default><log_queries>0</log_queries></default></profiles><users><{USER}>\
                 <password>{PASSWORD}</password><networks><ip>127.0.0.1</ip></networks>\
                 <profile>default</profile><quota>default</quota></{USER}></users>\
                 <quotas><default></default></quotas></yandex>"
            ),
        )?;
        let config = at.join("config.xml");
        std::fs::write(
            &config,
            format!(
                "<yandex><logger><level>warning</level><log>{place}/messages</log>\
                 <errorlog>{place}/errors</errorlog></logger><http_port>{port}</http_port>\
                 <tcp_port>{tcp}</tcp_port><listen_host>127.0.0.1</listen_host>\
                 <path>{place}/data/</path><tmp_path>{place}/tmp/</tmp_path>\
                 <mark_cache_size>67108864</mark_cache_size><users_config>{}</users_config>\
                 <default_profile>default</default_profile><default_database>default</default_database></yandex>",
                users.display()
            ),
        )?;
        Ok(config)
    }
}
