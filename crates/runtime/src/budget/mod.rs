//! One rate budget for all processes of this host that talk to one venue.
//!
//! Each question locks a small file, reads it, decides, writes it and lets go: a few microseconds, so
//! it is done where it is asked and not on a thread of its own (`cargo xtask bench budget`). Only a
//! stop of the venue is forced to the disk, on a thread that may wait. When the file cannot be had,
//! what protects goes ahead by what this process knows, and everything else waits a moment.
//!
//! How much may be asked is decided in `plimsoll-budget`, which is pure.

mod directory;
mod error;
mod file;
mod frame;
mod look;
mod notices;
mod pauses;
mod stops;

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ::budget::key;
use ::budget::{
    Answer, Budget, Cause, Charge, Counted, Grant, Keys, Limit, Priority, Shape, Shares, Usage,
};
use arrayvec::ArrayVec;
use model::{Input, Timestamp};
use tokio::sync::mpsc;
use tokio::time::Instant;

pub use directory::{DirectoryError, STATE_DIR, directory};
pub use error::{BudgetError, TooLong};
use file::StateFile;
pub use look::{BudgetUse, LimitUse, look};
use notices::Notices;
use pauses::Pauses;

use crate::clock;
use crate::config::VenueKind;

/// How long another process may hold the file before a decision is taken without it.
const LOCK_MAX: Duration = Duration::from_millis(20);
/// Pause before the file is tried again.
const LOCK_PAUSE: Duration = Duration::from_micros(200);
/// Charges that were taken without the file and are written down later. What is beyond is told by
/// the venue's own count.
const UNWRITTEN_MAX: usize = 256;
/// Longest wait for permission to open a connection; longer than any venue's window.
const CONNECT_WAIT_MAX: Duration = Duration::from_secs(900);

/// A share of the host's budget for one venue; cheap to clone.
#[derive(Clone)]
pub struct HostBudget {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    keys: Keys,
    notices: Notices,
}

struct State {
    file: StateFile,
    /// As it was when the file was last read or written.
    budget: Budget,
    /// Taken without the file.
    unwritten: ArrayVec<Charge, UNWRITTEN_MAX>,
}

/// Whose budget it is.
#[derive(Clone, Copy, Debug)]
pub struct Of<'a> {
    /// What is counted, and how.
    pub venue: VenueKind,
    /// The REST address, by which the processes of a host find each other.
    pub address: &'a str,
    /// What the account is known by: its API key.
    pub account: &'a str,
    /// How much is reserved. Who starts last decides for all.
    pub shares: Shares,
}

impl Of<'_> {
    /// What is known of the venue before it says better.
    fn preset(&self) -> Budget {
        Budget::new(self.venue.rules, self.shares)
    }
}

impl HostBudget {
    /// The budget that is kept in `directory`. Waits are told to `notices`.
    pub fn open(
        directory: &Path,
        of: &Of<'_>,
        notices: Option<mpsc::Sender<Input>>,
    ) -> Result<HostBudget, BudgetError> {
        HostBudget::starting_with(of.preset(), directory, of, notices)
    }

    /// The same where nothing is known yet but this.
    pub(crate) fn starting_with(
        first: Budget,
        directory: &Path,
        of: &Of<'_>,
        notices: Option<mpsc::Sender<Input>>,
    ) -> Result<HostBudget, BudgetError> {
        let (file, budget) = StateFile::open(directory, of.venue, of.address, first)?;
        let state = State { file, budget, unwritten: ArrayVec::new() };
        let keys = Keys { account: key(of.account), ..Keys::default() };
        let notices = Notices::new(notices);
        Ok(HostBudget { shared: Arc::new(Shared { state: Mutex::new(state), keys, notices }) })
    }

    /// For whom this process's requests are counted.
    pub fn keys(&self) -> Keys {
        self.shared.keys
    }

    /// What the venue is known to allow.
    pub(crate) fn limits(&self) -> Vec<Limit> {
        let limit = |rule: &::budget::Rule| match rule.shape {
            Shape::Aligned { window_ms, limit } | Shape::Sliding { window_ms, limit } => {
                Some(Limit { counts: rule.counts, window_ms, limit })
            }
            Shape::Leaky { .. } => None,
        };
        self.state().budget.rules().filter_map(limit).collect()
    }

    /// May this go now? Nothing is waited for but the file.
    pub async fn ask(&self, priority: Priority, charge: &Charge) -> Answer {
        let asked = self
            .with_file(|now, budget| {
                let answer = budget.ask(now, priority, charge);
                // A no changes nothing that others must know.
                let changed = matches!(answer, Answer::Granted(_));
                (answer, changed)
            })
            .await;
        match asked {
            Some(answer) => answer,
            None => self.without_file(priority, charge),
        }
    }

    /// The file is not to be had: what protects goes by what we know, everything else waits.
    fn without_file(&self, priority: Priority, charge: &Charge) -> Answer {
        let mut state = self.state();
        state.file.forget();
        match state.budget.ask(clock::now(), priority, charge) {
            Answer::Granted(grant) if priority.is_safety() => {
                // Full: the venue's count will tell the others.
                let _ = state.unwritten.try_push(charge.clone());
                Answer::Granted(grant)
            }
            Answer::Granted(grant) => {
                state.budget.give_back(clock::now(), &grant);
                Answer::Wait { wait: LOCK_MAX, cause: Cause::Shared }
            }
            wait @ Answer::Wait { .. } => wait,
        }
    }

    /// Waits for permission, if it comes in time; a request that would come too late does not wait
    /// at all.
    pub async fn wait(
        &self,
        priority: Priority,
        charge: &Charge,
        wait_max: Duration,
    ) -> Result<Grant, TooLong> {
        let start = Instant::now();
        let mut told = None;
        let mut pauses = Pauses::default();
        loop {
            match self.ask(priority, charge).await {
                Answer::Granted(grant) => return Ok(grant),
                Answer::Wait { wait, cause } => {
                    // However often it asks, it is one request that waits for this.
                    if told.replace(cause) != Some(cause) {
                        self.shared.notices.waits(cause, wait);
                    }
                    let waited = start.elapsed();
                    let in_all = waited.saturating_add(wait);
                    if in_all > wait_max {
                        return Err(TooLong { wait: in_all, cause });
                    }
                    // What protects asks as often as it may.
                    let is_patient = !priority.is_safety();
                    let pause = pauses.next(wait, wait_max.saturating_sub(waited));
                    tokio::time::sleep(if is_patient { pause } else { wait }).await;
                }
            }
        }
    }

    /// Waits until a connection that costs this may be attempted. Without streams we are blind, so it
    /// is paid from the reserve.
    pub async fn connection(&self, charge: &Charge) -> Result<(), TooLong> {
        // An attempt counts whatever becomes of it: there is nothing to settle.
        self.wait(Priority::Doubt, charge, CONNECT_WAIT_MAX).await.map(|_| ())
    }

    /// The venue answered: what turned out to be free, and what it says it has counted.
    pub async fn settle(&self, grant: &Grant, free: &[(Counted, u32)], used: &[Usage]) {
        self.change(|now, budget| budget.settle(now, grant, free, used)).await;
    }

    /// It never left.
    pub async fn give_back(&self, grant: &Grant) {
        self.change(|now, budget| budget.give_back(now, grant)).await;
    }

    /// The venue's metadata.
    pub async fn learn(&self, limits: &[Limit]) {
        self.change(|_, budget| budget.learn(limits)).await;
    }

    /// The venue's clock minus ours, milliseconds.
    pub async fn learn_clock(&self, offset_ms: i64) {
        self.change(|now, budget| budget.learn_clock(now, offset_ms)).await;
    }

    /// The venue said stop, for this long: everything, or what counts as `counts`. Returns when it
    /// is on the disk, so that neither a restart nor a power cut forgets it.
    pub async fn stop(&self, counts: Option<Counted>, wait: Duration, detail: String) {
        let stops = self.state().file.remember(counts, wait);
        self.change(|now, budget| budget.stop(now, counts, wait)).await;
        let written = tokio::task::spawn_blocking(move || stops.write()).await;
        if !matches!(written, Ok(Ok(()))) {
            tracing::error!(?written, "a stop of the venue could not be written down");
        }
        self.shared.notices.stopped(wait, detail);
    }

    /// A change of this process's own copy, and of the file as soon as it can be had.
    async fn change(&self, mut change: impl FnMut(Timestamp, &mut Budget)) {
        let written = self.with_file(|now, budget| (change(now, budget), true)).await;
        if written.is_none() {
            let mut state = self.state();
            state.file.forget();
            change(clock::now(), &mut state.budget);
        }
    }

    /// Does something to the budget while no other process does; `None` when another one does not
    /// let go. The change is written down if there is one.
    async fn with_file<T>(
        &self,
        mut work: impl FnMut(Timestamp, &mut Budget) -> (T, bool),
    ) -> Option<T> {
        let end = Instant::now() + LOCK_MAX;
        loop {
            if let Some(done) = self.state().with_file(&mut work) {
                return Some(done);
            }
            if Instant::now() > end {
                return None;
            }
            tokio::time::sleep(LOCK_PAUSE).await;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // What a panic left behind is a count, and the file is read before it is used again.
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn with_file<T>(
        &mut self,
        work: &mut impl FnMut(Timestamp, &mut Budget) -> (T, bool),
    ) -> Option<T> {
        let State { file, budget, unwritten } = self;
        file.locked(budget, |budget| {
            let now = clock::now();
            let has_unwritten = !unwritten.is_empty();
            unwritten.drain(..).for_each(|charge| budget.book(now, &charge));
            let (done, changed) = work(now, budget);
            if changed {
                budget.tidy(now);
            }
            (done, changed || has_unwritten)
        })
    }
}

#[cfg(test)]
mod tests;
