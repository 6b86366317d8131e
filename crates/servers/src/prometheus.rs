//! A Prometheus server, as Debian has it, and its `promtool`.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::Signal;
use tempfile::TempDir;

use crate::process::{Process, find, free_port, tied, wait_until};

/// How long an answer may take.
const ANSWER_MAX: Duration = Duration::from_secs(30);

/// A server that scrapes, ended when this is dropped.
#[derive(Debug)]
pub struct Prometheus {
    _process: Process,
    port: u16,
    promtool: PathBuf,
    _directory: TempDir,
}

impl Prometheus {
    /// Starts one that scrapes these addresses of this host each second, by the names of their jobs, and judges by the rules of
    /// a file. The error says why there is none.
    pub fn start(jobs: &[(&str, &str)], rules: &Path) -> Result<Prometheus, String> {
        let lacks = "this machine lacks it (Debian: prometheus)";
        let program = find("prometheus", &[]).ok_or(lacks)?;
        let promtool = find("promtool", &[]).ok_or(lacks)?;
        let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
        let at = directory.path();
        let config = at.join("prometheus.yml");
        let mut text = format!(
            "global:\n  scrape_interval: 1s\n  scrape_timeout: 900ms\n  evaluation_interval: 1s\nrule_files: [{:?}]\n\
             scrape_configs:\n",
            rules.display().to_string()
        );
        for (job, address) in jobs {
            text.push_str(&format!(
                "  - job_name: {job}\n    static_configs: [{{targets: ['{address}']}}]\n"
            ));
        }
        std::fs::write(&config, text).map_err(|error| error.to_string())?;
        let port = free_port()?;
        let mut command: Command = tied(&program, None)?;
        command
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", at.join("data").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"));
        let log = at.join("log");
        let mut process = Process::start(command, &log, Signal::TERM)?;
        let ready = wait_until(|| match process.has_ended() {
            true => Some(false),
            false => get(port, "/-/ready").is_ok().then_some(true),
        });
        if ready == Some(true) {
            return Ok(Prometheus { _process: process, port, promtool, _directory: directory });
        }
        let said = std::fs::read_to_string(&log).unwrap_or_default();
        Err(format!("it does not start: {}", said.trim()))
    }

    /// Asks its API, below `/api/v1/`; the answer is JSON.
    pub fn api(&self, path: &str) -> Result<String, String> {
        get(self.port, &format!("/api/v1/{path}"))
    }

    /// Runs `promtool` with this as its input; what it says, as an error where it finds fault.
    pub fn promtool(&self, args: &[&str], input: &str) -> Result<String, String> {
        let run = || -> std::io::Result<(bool, String)> {
            let mut child = Command::new(&self.promtool)
                .args(args)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()?;
            if let Some(mut pipe) = child.stdin.take() {
                pipe.write_all(input.as_bytes())?;
            }
            let output = child.wait_with_output()?;
            let said = [output.stdout, output.stderr].concat();
            Ok((output.status.success(), String::from_utf8_lossy(&said).into_owned()))
        };
        match run().map_err(|error| error.to_string())? {
            (true, said) => Ok(said),
            (false, said) => Err(said),
        }
    }
}

fn get(port: u16, path: &str) -> Result<String, String> {
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(ANSWER_MAX))?;
        // HTTP/1.0, so that the answer comes as it is and ends with the connection.
        write!(stream, "GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n")?;
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
