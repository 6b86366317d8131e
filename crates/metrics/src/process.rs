//! What the system says of a process: Linux's `/proc`. Elsewhere nothing is said.
//!
//! Source: proc(5), "/proc/pid/stat", "/proc/pid/status" and "/proc/stat", read 2026-12-01. Any user may read them,
//! whatever the process keeps to itself.

use crate::catalog::{PROCESS_CPU, PROCESS_MEMORY, PROCESS_START};
use crate::page::Page;

/// Parts of a second that the kernel counts processor time in: `USER_HZ`, which is 100 on every architecture.
const TICKS: f64 = 100.0;
/// Places behind the name, which may hold anything: time in user and in kernel mode, and start since boot.
const USER: usize = 11;
const KERNEL: usize = 12;
const START: usize = 19;

/// Memory, processor time and start of a process, under this label.
pub(crate) fn show(page: &mut Page, label: &str, process: u32) {
    let Ok(stat) = std::fs::read_to_string(format!("/proc/{process}/stat")) else { return };
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let boot = std::fs::read_to_string("/proc/stat").unwrap_or_default();
    if let Some((cpu, start)) = times(&stat) {
        page.set(&PROCESS_CPU, &[label], cpu);
        if let Some(boot) = booted(&boot) {
            page.set(&PROCESS_START, &[label], boot + start);
        }
    }
    if let Some(bytes) = resident(&status) {
        page.set(&PROCESS_MEMORY, &[label], bytes);
    }
}

/// Processor time, and start since boot, seconds.
fn times(stat: &str) -> Option<(f64, f64)> {
    let (_, behind) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = behind.split_whitespace().collect();
    let ticks = |place: usize| fields.get(place)?.parse::<f64>().ok();
    Some(((ticks(USER)? + ticks(KERNEL)?) / TICKS, ticks(START)? / TICKS))
}

fn booted(stat: &str) -> Option<f64> {
    stat.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()
}

fn resident(status: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1_024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_kernel_are_read() {
        let stat =
            "71 (plim (so) ll) S 1 71 71 0 -1 4194560 900 0 0 0 250 150 0 0 20 0 9 0 12345 9 9";
        assert_eq!(times(stat), Some((4.0, 123.45)));
        assert_eq!(times("71 (x"), None);
        assert_eq!(booted("cpu 1 2\nbtime 1700000000\n"), Some(1_700_000_000.0));
        assert_eq!(resident("Name:\tx\nVmRSS:\t    2048 kB\n"), Some(2_097_152.0));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_is_seen() {
        let mut page = Page::default();
        show(&mut page, "self", std::process::id());
        assert!(page.number(&PROCESS_MEMORY, &["self"]) > Some(100_000.0));
        assert!(page.number(&PROCESS_START, &["self"]) > Some(1_600_000_000.0));
    }
}
