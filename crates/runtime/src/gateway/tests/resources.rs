//! What a process holds: tasks, file descriptors, memory.

use std::process::Command;
use std::time::Duration;

/// Bytes of a page on every machine that this is tested on; a larger one would only widen the bound.
const PAGE: u64 = 4_096;

/// What is held at one moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Held {
    /// Tasks of this runtime that have not ended.
    pub(super) tasks: usize,
    /// Open file descriptors of this process.
    pub(super) files: usize,
    /// Resident memory of this process, bytes.
    pub(super) memory: u64,
}

impl Held {
    pub(super) fn now() -> Held {
        let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
        let pages: u64 = statm.split(' ').nth(1).unwrap().parse().unwrap();
        Held {
            tasks: tokio::runtime::Handle::current().metrics().num_alive_tasks(),
            files: std::fs::read_dir("/proc/self/fd").unwrap().count(),
            memory: pages * PAGE,
        }
    }
}

/// Runs a test on a runtime of its own in a process of its own, where nobody else opens files.
/// `cargo nextest` gives it one; `cargo test` does not, so it is started there once more, alone.
pub(super) fn alone(name: &str, test: impl Future<Output = ()>) {
    const ALONE: &str = "PLIMSOLL_TEST_ALONE";
    if std::env::var_os("NEXTEST").is_none() && std::env::var_os(ALONE).is_none() {
        let mut command = Command::new(std::env::current_exe().unwrap());
        let name = format!("{}::{name}", module_path!().rsplit_once("::").unwrap().0);
        let name = name.split_once("::").unwrap().1;
        let status = command.args(["--exact", name, "--nocapture"]).env(ALONE, "1").status();
        assert!(status.unwrap().success(), "{name} failed in a process of its own");
        return;
    }
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(TEST_MAX, test).await.unwrap() });
}

/// Longer than any of these tests takes on a busy machine.
const TEST_MAX: Duration = Duration::from_secs(120);
