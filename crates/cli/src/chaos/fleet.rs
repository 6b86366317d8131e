//! Many worlds on all cores. Each takes the next number that nobody has taken; what they say is added up,
//! and sums do not depend on who came first.

use std::io::IsTerminal as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use sim::Plan;

use super::report::Summary;

/// Failing worlds after which no new one is begun: they say the same thing again.
const FAILURES_MAX: u64 = 200;

/// The threads.
pub(crate) struct Fleet {
    threads: usize,
}

impl Fleet {
    pub(crate) fn new(threads: Option<usize>) -> Fleet {
        let all = std::thread::available_parallelism().map_or(1, usize::from);
        Fleet { threads: threads.unwrap_or(all).max(1) }
    }

    /// Lives through the plans of the numbers below `count`.
    pub(crate) fn run(
        &self,
        count: u64,
        plan: impl Fn(u64) -> anyhow::Result<Plan> + Sync,
    ) -> anyhow::Result<Summary> {
        let next = AtomicU64::new(0);
        let summary = Mutex::new(Ok(Summary::new(self.threads)));
        let bar = bar(count);
        let begun = Instant::now();
        std::thread::scope(|scope| {
            for _ in 0..self.threads {
                scope.spawn(|| self.work(count, &next, &plan, &summary, &bar));
            }
        });
        bar.finish_and_clear();
        let whole = summary.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        whole.map(|mut summary: Summary| {
            summary.took = begun.elapsed();
            summary
        })
    }

    fn work(
        &self,
        count: u64,
        next: &AtomicU64,
        plan: &(impl Fn(u64) -> anyhow::Result<Plan> + Sync),
        summary: &Mutex<anyhow::Result<Summary>>,
        bar: &ProgressBar,
    ) {
        let mut mine = Summary::new(self.threads);
        let mut failed = None;
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= count {
                break;
            }
            match plan(number) {
                Ok(plan) => mine.add(number, &plan, &sim::run(&plan)),
                Err(error) => {
                    failed = Some(error);
                    break;
                }
            }
            bar.inc(1);
            if mine.violations >= FAILURES_MAX {
                // Every number below one that was lived through was, too, by somebody.
                next.fetch_max(count, Ordering::Relaxed);
            }
        }
        let mut whole = summary.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match (failed, whole.as_mut()) {
            (Some(error), _) => *whole = Err(error),
            (None, Ok(whole)) => whole.merge(mine),
            (None, Err(_)) => {}
        }
    }
}

fn bar(count: u64) -> ProgressBar {
    let target = if std::io::stderr().is_terminal() {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    let bar = ProgressBar::with_draw_target(Some(count), target);
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} worlds, {eta} left") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_result_does_not_depend_on_the_threads() {
        let plan = |number| Ok(Plan::of(number, Duration::from_secs(60)));
        let one = Fleet::new(Some(1)).run(6, plan).unwrap();
        let four = Fleet::new(Some(4)).run(6, plan).unwrap();
        assert_eq!((one.hash, &one.fired, one.seen), (four.hash, &four.fired, four.seen));
        assert_eq!((one.worlds, one.violations), (6, 0));
    }
}
