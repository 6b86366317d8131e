//! What the journal is told about waits: a budget that is spent holds many requests, and a record
//! for each would flood it. The first is told at once, the rest as a sum, at most every so often.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ::budget::Cause;
use model::{FeedNotice, Input};
use tokio::sync::mpsc;
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
    pub(super) async fn waits(&self, cause: Cause, wait: Duration) {
        if let Some(notice) = self.add(cause, wait) {
            self.tell(notice).await;
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
    pub(super) async fn stopped(&self, wait: Duration, detail: String) {
        self.tell(FeedNotice::RateLimited { wait, detail }).await;
    }

    async fn tell(&self, notice: FeedNotice) {
        if let Some(sender) = &self.sender {
            // The receiver is gone only when the gateway ends.
            let _ = sender.send(Input::Feed(notice)).await;
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
            all.waits(cause, Duration::from_millis(millis)).await;
        }
        tokio::time::advance(NOTICE_EVERY).await;
        all.waits(cause, Duration::from_millis(1)).await;
        all.waits(Cause::Stop(Some(::budget::Counted::Order)), Duration::MAX).await;
        drop(all);
        let mut told = Vec::new();
        while let Some(Input::Feed(FeedNotice::BudgetWait { wait, requests, .. })) =
            notices.recv().await
        {
            told.push((wait.as_millis(), requests));
        }
        assert_eq!(told, [(0, 1), (999, 1_000), (0, 1)]);
    }
}
