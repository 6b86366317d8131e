//! A PostgreSQL server.
//!
//! It does not run as root, so root starts it as the user that the package made. A database cluster
//! takes a while to make: it is made once, kept among the build products, and copied.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::{Signal, geteuid};
use tempfile::TempDir;

use crate::process::{Process, find, free_port, run, signal, tied, wait_until};

/// The one who may do everything there.
const USER: &str = "plimsoll";
const PASSWORD: &str = "hush";
/// How often it is started again while what is left of the one before is in its way.
const RESTARTS_MAX: u32 = 40;

/// A server, ended when this is dropped.
#[derive(Debug)]
pub struct Postgres {
    process: Option<Process>,
    programs: PathBuf,
    port: u16,
    directory: TempDir,
}

impl Postgres {
    /// Starts one. The error says why there is none.
    pub fn start() -> Result<Postgres, String> {
        let programs = programs().ok_or("this machine lacks it (Debian: postgresql)")?;
        let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
        let data = directory.path().join("data");
        copy_cluster(&programs, &data)?;
        let port = free_port()?;
        let mut server = Postgres { process: None, programs, port, directory };
        server.restart()?;
        Ok(server)
    }

    /// Where it is, with user and password.
    pub fn url(&self) -> String {
        self.url_at(&format!("127.0.0.1:{}", self.port))
    }

    /// The same by way of another address, such as a proxy's.
    pub fn url_at(&self, address: &str) -> String {
        format!("postgres://{USER}:{PASSWORD}@{address}/postgres")
    }

    /// The password that is in its addresses.
    pub const fn password(&self) -> &'static str {
        PASSWORD
    }

    /// The port it listens on.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Runs statements as its owner.
    pub fn sql(&self, statements: &str) -> Result<(), String> {
        let mut psql = Command::new(self.programs.join("psql"));
        psql.args(["-v", "ON_ERROR_STOP=1", "-qXc", statements, &self.url()]);
        run(psql)
    }

    /// Ends it as a crash of all its processes would: what was not flushed is gone.
    pub fn kill(&mut self) {
        let Some(mut process) = self.process.take() else { return };
        let servants = servants(process.id());
        process.kill();
        servants.into_iter().for_each(|id| signal(id, Signal::KILL));
    }

    /// Stops it in its tracks: connections stay and nothing is answered.
    pub fn pause(&self) {
        self.signal_all(Signal::STOP);
    }

    /// Lets it go on.
    pub fn resume(&self) {
        self.signal_all(Signal::CONT);
    }

    fn signal_all(&self, what: Signal) {
        let Some(process) = &self.process else { return };
        signal(process.id(), what);
        servants(process.id()).into_iter().for_each(|id| signal(id, what));
    }

    /// Starts it again on what it has kept.
    pub fn restart(&mut self) -> Result<(), String> {
        self.kill();
        let data = self.directory.path().join("data");
        let log = self.directory.path().join("log");
        for _ in 0..RESTARTS_MAX {
            let mut command = tied(&self.programs.join("postgres"), user())?;
            command.arg("-D").arg(&data).args(["-p", &self.port.to_string()]);
            for setting in [
                "listen_addresses=127.0.0.1",
                "unix_socket_directories=",
                "shared_buffers=16MB",
                "max_connections=30",
                "log_min_messages=fatal",
            ] {
                command.args(["-c", setting]);
            }
            let mut process = Process::start(command, &log, Signal::INT)?;
            let ready = wait_until(|| {
                let mut ask = Command::new(self.programs.join("pg_isready"));
                ask.args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()]);
                if process.has_ended() {
                    return Some(false);
                }
                run(ask).is_ok().then_some(true)
            });
            match ready {
                Some(true) => {
                    self.process = Some(process);
                    return Ok(());
                }
                // Processes of the one before may still be ending.
                Some(false) => std::thread::sleep(std::time::Duration::from_millis(250)),
                None => break,
            }
        }
        let said = std::fs::read_to_string(&log).unwrap_or_default();
        Err(format!("it does not start: {}", said.trim()))
    }
}

/// The processes that a server has started.
fn servants(process: u32) -> Vec<u32> {
    let list = format!("/proc/{process}/task/{process}/children");
    let list = std::fs::read_to_string(list).unwrap_or_default();
    list.split_whitespace().filter_map(|id| id.parse().ok()).collect()
}

/// Whom it runs as, when not as the user of this process.
fn user() -> Option<&'static str> {
    if !geteuid().is_root() {
        return None;
    }
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let known = users.lines().any(|line| line.starts_with("postgres:"));
    Some(if known { "postgres" } else { "nobody" })
}

/// Debian keeps the programs of each version apart and off the path; the newest ones.
fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = versions.map(|version| version.path().join("bin")).collect();
    folders.sort();
    folders.reverse();
    let postgres = find("postgres", &folders)?;
    let folder = postgres.canonicalize().ok()?.parent()?.to_owned();
    ["initdb", "pg_isready", "psql"].iter().all(|p| folder.join(p).is_file()).then_some(folder)
}

/// A fresh cluster at `data`, which belongs to whom the server runs as.
fn copy_cluster(programs: &Path, data: &Path) -> Result<(), String> {
    let problem = |error: std::io::Error| format!("no place for its data: {error}");
    let parent = data.parent().ok_or("no place for its data")?;
    own(parent)?;
    let Some(template) = crate::target_dir().map(|target| target.join("tmp/postgres")) else {
        return make_cluster(programs, data);
    };
    std::fs::create_dir_all(&template).map_err(problem)?;
    // Tests run beside each other; the first one makes it.
    let lock = File::create(template.join("lock")).map_err(problem)?;
    lock.lock().map_err(problem)?;
    let kept = template.join("data");
    if !kept.join("PG_VERSION").is_file() {
        make_cluster(programs, data)?;
        let mut copy = Command::new("cp");
        copy.arg("-r").arg(data).arg(template.join("new"));
        run(copy)?;
        std::fs::rename(template.join("new"), &kept).map_err(problem)?;
        return Ok(());
    }
    drop(lock);
    let mut copy = Command::new("cp");
    copy.arg("-r").arg(&kept).arg(data);
    run(copy)?;
    own(data)
}

/// Gives a directory to whom the server runs as.
fn own(directory: &Path) -> Result<(), String> {
    let Some(user) = user() else { return Ok(()) };
    let mut chown = Command::new("chown");
    chown.args(["-R", user]).arg(directory);
    run(chown)
}

fn make_cluster(programs: &Path, data: &Path) -> Result<(), String> {
    let secret = data.with_file_name("password");
    std::fs::write(&secret, PASSWORD).map_err(|error| error.to_string())?;
    let mut initdb = tied(&programs.join("initdb"), user())?;
    initdb.arg("-D").arg(data).args(["-U", USER, "-E", "UTF8", "--locale=C", "--no-sync"]);
    initdb.arg("--auth=scram-sha-256").arg("--pwfile").arg(&secret);
    run(initdb)
}
