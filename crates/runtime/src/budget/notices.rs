//! What the journal is told about waits: a budget that is spent holds many requests, and a record
//! for each would flood it. The first is told at once, the rest as a sum, at most every so often.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ::budget::Cause;
use model::{FeedNotice, Input};
use tokio::sync::mpsc::{self, error::TrySendError};
use tokio::time::Instant;

/// Shortest time between two notices about one limit.
pub(super) const NOTICE_EVERY: Duration = Duration::from_secs(10);

pub(super) struct Notices {
    sender: Option<mpsc::Sender<Input>>,
    /// By limit, of which there are few.
    waits: Mutex<BTreeMap<Cause, Waits>>,
}

#[derive(Default)]
struct Waits {
    told: Option<Instant>,
    requests: u64,
    longest: Duration,
}

impl Notices {
    pub(super) fn new(sender: Option<mpsc::Sender<Input>>) -> Notices {
        Notices { sender, waits: Mutex::default() }
    }

    /// A request waits for this. A wait without end is told as none: the request does not go.
    pub(super) fn waits(&self, cause: Cause, wait: Duration) {
        if let Some(notice) = self.add(cause, wait) {
            self.tell(notice);
        }
    }

    fn add(&self, cause: Cause, wait: Duration) -> Option<FeedNotice> {
        let mut all = self.waits.lock().unwrap_or_else(PoisonError::into_inner);
        let waits = all.entry(cause).or_default();
        waits.requests += 1;
        if wait < Duration::MAX {
            waits.longest = waits.longest.max(wait);
        }
        if waits.told.is_some_and(|told| told.elapsed() < NOTICE_EVERY) {
            return None;
        }
        let Waits { requests, longest, .. } =
            std::mem::replace(waits, Waits { told: Some(Instant::now()), ..Waits::default() });
        Some(FeedNotice::BudgetWait { limiter: cause.to_string(), wait: longest, requests })
    }

    /// The venue said stop.
    pub(super) fn stopped(&self, wait: Duration, detail: String) {
        self.tell(FeedNotice::RateLimited { wait, detail });
    }

    /// Never waits for the loop: who asks may be the loop itself, taking orders back without a journal,
    /// and would wait for ever for room that only it makes. Where that is full, one notice less in the
    /// journal is the smaller harm; where it is gone the gateway ends.
    fn tell(&self, notice: FeedNotice) {
        if let Some(sender) = &self.sender
            && let Err(TrySendError::Full(Input::Feed(notice))) =
                sender.try_send(Input::Feed(notice))
        {
            tracing::warn!(?notice, "not in the journal: too many inputs wait");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn many_waits_are_few_notices() {
        let (sender, mut notices) = mpsc::channel(100);
        let all = Notices::new(Some(sender));
        let cause = Cause::Stop(None);
        for millis in 0..1_000 {
            all.waits(cause, Duration::from_millis(millis));
        }
        tokio::time::advance(NOTICE_EVERY).await;
        all.waits(cause, Duration::from_millis(1));
        all.waits(Cause::Stop(Some(::budget::Counted::Order)), Duration::MAX);
        drop(all);
        let mut told = Vec::new();
        while let Some(Input::Feed(FeedNotice::BudgetWait { wait, requests, .. })) =
            notices.recv().await
        {
            told.push((wait.as_millis(), requests));
        }
        assert_eq!(told, [(0, 1), (999, 1_000), (0, 1)]);
    }

    /// Nobody takes inputs out any more, and who has to ask the venue is not held up by that.
    #[tokio::test(start_paused = true)]
    async fn a_queue_that_is_full_holds_nobody_up() {
        let (sender, mut queue) = mpsc::channel(1);
        let all = Notices::new(Some(sender));
        all.stopped(Duration::from_secs(1), "first".to_owned());
        all.stopped(Duration::from_secs(1), "second".to_owned());
        all.waits(Cause::Stop(None), Duration::from_secs(1));
        drop(all);
        let told = queue.recv().await;
        assert!(
            matches!(told, Some(Input::Feed(FeedNotice::RateLimited { detail, .. })) if detail == "first")
        );
        assert!(queue.recv().await.is_none());
    }
}
