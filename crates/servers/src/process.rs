//! Starting a server and ending it, by its process id.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// How long a server may take to start or to end.
pub(crate) const START_MAX: Duration = Duration::from_secs(30);
/// How often it is looked at meanwhile.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A server process that ends with this.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    /// What ends it in order.
    stop: Signal,
}

impl Process {
    /// Starts it, with what it prints in `log`.
    pub(crate) fn start(mut command: Command, log: &Path, stop: Signal) -> Result<Process, String> {
        let output = std::fs::File::create(log).and_then(|log| Ok((log.try_clone()?, log)));
        let (out, err) = output.map_err(|error| format!("its log cannot be written: {error}"))?;
        command.stdin(Stdio::null()).stdout(out).stderr(err);
        let child = command.spawn().map_err(|error| format!("it cannot be started: {error}"))?;
        Ok(Process { child, stop })
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Ends it as a crash would.
    pub(crate) fn kill(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        signal(self.child.id(), Signal::CONT);
        signal(self.child.id(), self.stop);
        let _ = wait_until(|| self.has_ended().then_some(()));
        self.kill();
    }
}

/// Sends a signal to a process of ours.
pub(crate) fn signal(id: u32, signal: Signal) {
    let id = i32::try_from(id).ok().and_then(Pid::from_raw);
    // One that has ended needs none.
    let _ = id.map(|id| kill_process(id, signal));
}

/// The first answer that there is.
pub(crate) fn wait_until<T>(mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + START_MAX;
    while Instant::now() < end {
        if let Some(found) = look() {
            return Some(found);
        }
        std::thread::sleep(LOOK_EVERY);
    }
    None
}

/// A port that nobody listens on at this moment.
pub(crate) fn free_port() -> Result<u16, String> {
    let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    port.map(|address| address.port()).map_err(|error| format!("no port is free: {error}"))
}

/// Where a program is: on the path, or in one of the folders.
pub(crate) fn find(program: &str, folders: &[PathBuf]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let all = folders.iter().cloned().chain(std::env::split_paths(&path));
    all.map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// A command that ends when the thread that starts it does, where the system can do that: a test
/// that is killed leaves nothing behind.
pub(crate) fn tied(program: &Path, user: Option<&str>) -> Result<Command, String> {
    match (find("setpriv", &[]), user) {
        (Some(setpriv), user) => {
            let mut command = Command::new(setpriv);
            command.args(["--pdeathsig", "KILL"]);
            if let Some(user) = user {
                command.args(["--reuid", user, "--regid", user, "--clear-groups"]);
            }
            command.arg(program);
            Ok(command)
        }
        (None, None) => Ok(Command::new(program)),
        (None, Some(_)) => Err("it does not run as root, and there is no setpriv".to_owned()),
    }
}

/// Runs a command to its end; what it says is the error.
pub(crate) fn run(mut command: Command) -> Result<(), String> {
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("{command:?} cannot be started: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("{command:?} failed: {}", said.trim()))
}
