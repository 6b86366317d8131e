//! One process of an agent: started with nothing it does not need, bounded by the kernel, ended
//! with all of its children.
//!
//! Two limits on memory. The kernel's ends an allocation at once but counts what a program reserves
//! and never touches, so for programs of one's own (some reserve a lot) it is set to twice the
//! limit. The watch on the resident set (`VmRSS` of `/proc/PID/status`, proc(5)) counts what is
//! really used; it looks from time to time and so comes a little late.

use std::io;
use std::process::{ExitStatus, Stdio};

use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};

use super::AgentConfig;
use crate::config::AgentProgram;

/// What a process keeps of our environment. No secret is named by these.
const ENVIRONMENT_KEPT: &[&str] = &["PATH", "LANG", "TZ"];
/// What a built-in strategy may reserve beyond its memory limit: code, stacks, the allocator's
/// arenas. Reserved is not used.
const RESERVED_BYTES: u64 = 256 << 20;
/// The agent yields the processor to the gateway when both want it.
const NICENESS: i32 = 5;
/// The agent goes before the gateway when the machine is out of memory (proc(5), -1000 to 1000).
const OOM_SCORE: &str = "500";
/// Bytes of a mebibyte.
const MIB: u64 = 1 << 20;

/// A running process and its pipes.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    group: i32,
    pub(super) pipes: Option<Pipes>,
}

/// Standard input, output and error of a process.
#[derive(Debug)]
pub(super) struct Pipes {
    pub(super) stdin: ChildStdin,
    pub(super) stdout: ChildStdout,
    pub(super) stderr: ChildStderr,
}

impl Process {
    pub(super) fn start(config: &AgentConfig) -> io::Result<Process> {
        let (mut command, limits) = command(config)?;
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.env_clear();
        for name in ENVIRONMENT_KEPT {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        // A group of its own: what it starts ends with it, and ctrl-c at our terminal is not for it.
        command.process_group(0).kill_on_drop(true);
        #[expect(unsafe_code, reason = "limits are set between fork and exec")]
        // SAFETY: `Limits::set` makes only system calls that signal-safety(7) allows after fork.
        unsafe {
            command.pre_exec(move || limits.set());
        }
        let mut child = command.spawn()?;
        let group = child.id().and_then(|pid| i32::try_from(pid).ok());
        let pipes = child.stdin.take().zip(child.stdout.take()).zip(child.stderr.take());
        let (Some(group), Some(((stdin, stdout), stderr))) = (group, pipes) else {
            return Err(io::Error::other("the process has no id or no pipes"));
        };
        // A wish: a kernel that forbids it is no reason not to trade.
        let _ = std::fs::write(format!("/proc/{group}/oom_score_adj"), OOM_SCORE);
        Ok(Process { child, group, pipes: Some(Pipes { stdin, stdout, stderr }) })
    }

    /// Waits for the end; may be asked again and again.
    pub(super) async fn ended(&mut self) -> io::Result<ExitStatus> {
        self.child.wait().await
    }

    /// Ends the process with all of its group, and waits until it is gone.
    pub(super) async fn kill(&mut self) {
        self.kill_group();
        // Killed by force and by nobody else's hand: the wait is short, and its answer is known.
        let _ = self.child.kill().await;
    }

    /// Resident memory, bytes; `None` where the system does not say.
    pub(super) fn resident_bytes(&self) -> Option<u64> {
        resident(&std::fs::read_to_string(format!("/proc/{}/status", self.group)).ok()?)
    }

    #[expect(unsafe_code, reason = "the standard library cannot signal a group")]
    fn kill_group(&self) {
        // SAFETY: a system call on a number. The group is the child's own; it is asked for only
        // while the child is not reaped or right after, before its number can come round again.
        unsafe {
            libc::killpg(self.group, libc::SIGKILL);
        }
    }
}

/// The end of a process in words.
pub(super) fn describe(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt as _;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exited with code {code}"),
        (None, Some(signal)) => match signal_name(signal) {
            Some(name) => format!("ended by signal {signal} ({name})"),
            None => format!("ended by signal {signal}"),
        },
        (None, None) => "ended".to_owned(),
    }
}

fn signal_name(signal: i32) -> Option<&'static str> {
    let names = [
        (libc::SIGABRT, "SIGABRT"),
        (libc::SIGBUS, "SIGBUS"),
        (libc::SIGFPE, "SIGFPE"),
        (libc::SIGILL, "SIGILL"),
        (libc::SIGINT, "SIGINT"),
        (libc::SIGKILL, "SIGKILL"),
        (libc::SIGPIPE, "SIGPIPE"),
        (libc::SIGSEGV, "SIGSEGV"),
        (libc::SIGTERM, "SIGTERM"),
    ];
    names.into_iter().find(|(number, _)| *number == signal).map(|(_, name)| name)
}

fn command(config: &AgentConfig) -> io::Result<(Command, Limits)> {
    let memory = config.memory_max_mib.saturating_mul(MIB);
    match &config.program {
        AgentProgram::Strategy(_) => {
            let mut command = Command::new(own_binary()?);
            command.arg0("plimsoll").arg("agent");
            let address_space = Some(memory.saturating_add(RESERVED_BYTES));
            Ok((command, Limits { data: memory, address_space }))
        }
        AgentProgram::Command(words) => {
            let mut words = words.iter();
            let program = words.next().ok_or_else(|| io::Error::other("the command is empty"))?;
            let mut command = Command::new(program);
            command.args(words);
            Ok((command, Limits { data: memory.saturating_mul(2), address_space: None }))
        }
    }
}

/// The binary that runs now, even when its file was replaced by an upgrade meanwhile.
fn own_binary() -> io::Result<std::path::PathBuf> {
    let same = std::path::Path::new("/proc/self/exe");
    if same.exists() { Ok(same.to_owned()) } else { std::env::current_exe() }
}

/// What the kernel holds the process to, bytes; see getrlimit(2).
#[derive(Clone, Copy, Debug)]
struct Limits {
    /// Private memory that may be written.
    data: u64,
    /// All that is mapped.
    address_space: Option<u64>,
}

impl Limits {
    #[expect(unsafe_code, reason = "the standard library has no limits and no niceness")]
    fn set(self) -> io::Result<()> {
        set_limit(libc::RLIMIT_DATA, self.data)?;
        // A core file would hold the agent's memory, and fill the disk at each restart.
        set_limit(libc::RLIMIT_CORE, 0)?;
        if let Some(bytes) = self.address_space {
            set_limit(libc::RLIMIT_AS, bytes)?;
        }
        // SAFETY: a system call on a number. Being less nice than wished for is no failure.
        unsafe {
            libc::nice(NICENESS);
        }
        Ok(())
    }
}

#[cfg(target_env = "gnu")]
type Resource = libc::__rlimit_resource_t;
#[cfg(not(target_env = "gnu"))]
type Resource = libc::c_int;

#[expect(unsafe_code, reason = "the standard library has no limits")]
fn set_limit(resource: Resource, bytes: u64) -> io::Result<()> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: both calls are given a valid, initialised structure that outlives them.
    let done = unsafe {
        if libc::getrlimit(resource, &raw mut limit) == 0 {
            // A limit that is stricter already stays.
            limit.rlim_cur = limit.rlim_max.min(bytes);
            limit.rlim_max = limit.rlim_cur;
            libc::setrlimit(resource, &raw const limit)
        } else {
            -1
        }
    };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// `VmRSS:     1234 kB`
fn resident(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_resident_memory() {
        assert_eq!(resident("Name:\tsh\nVmRSS:\t    1234 kB\nThreads:\t1\n"), Some(1_263_616));
        for text in ["", "VmRSS:", "VmRSS: 12", "VmRSS: x kB", "VmHWM: 1 kB"] {
            assert_eq!(resident(text), None, "{text:?}");
        }
    }

    #[test]
    fn an_end_is_said_in_words() {
        use std::os::unix::process::ExitStatusExt as _;
        assert_eq!(describe(ExitStatus::from_raw(101 << 8)), "exited with code 101");
        assert_eq!(describe(ExitStatus::from_raw(6)), "ended by signal 6 (SIGABRT)");
        assert_eq!(describe(ExitStatus::from_raw(31)), "ended by signal 31");
    }
}
