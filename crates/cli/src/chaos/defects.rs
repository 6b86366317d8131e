//! `plimsoll chaos --defects`: every deliberate bug has to be found, and after how many seeds. Only in the
//! build of `cargo xtask defects`.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::anyhow;
use sim::{Defect, Plan};

use crate::failure::Failure;

/// One deliberate bug, the seeds it took to find it, and the invariant that it broke.
type Found = (Defect, Option<(u64, &'static str)>);

pub(crate) fn run(seeds: u64, time: Duration) -> Result<(), Failure> {
    let next = AtomicUsize::new(0);
    let found: Mutex<Vec<Found>> = Mutex::new(Vec::new());
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(defect) = Defect::ALL.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let hit = (0..seeds).find_map(|seed| {
                        let report = sim::run_with(&Plan::of(seed, time), *defect);
                        report.violation.map(|violation| (seed + 1, violation.invariant))
                    });
                    eprintln!("{defect:?}: {hit:?}");
                    let mut found = found.lock().unwrap_or_else(|broken| broken.into_inner());
                    found.push((*defect, hit));
                }
            });
        }
    });
    let mut found = found.into_inner().unwrap_or_else(|broken| broken.into_inner());
    found.sort_by_key(|(defect, _)| *defect);
    println!("| defect | found by | after seeds |\n| --- | --- | ---: |");
    for (defect, hit) in &found {
        match hit {
            Some((seeds, invariant)) => println!("| {defect:?} | {invariant} | {seeds} |"),
            None => println!("| {defect:?} | not found | {seeds} |"),
        }
    }
    let missed = found.iter().filter(|(_, hit)| hit.is_none()).count();
    if missed == 0 { Ok(()) } else { Err(anyhow!("{missed} defects were not found").into()) }
}
