//! Measures how far the venue's clock is from ours: at the start, on a timer, and at once when the venue
//! refuses something for its time.

use std::time::Duration;

use gateway::CLOCK_STEP_MAX_MS;
use model::venue::{MarketRequest, Request, Response};
use model::{Input, Outcome};
use tokio::time::timeout;

use super::rest::Rest;
use crate::clock;

/// How often the clocks are compared while they agree with what is known.
const MEASURE_EVERY: Duration = Duration::from_secs(30);
/// How often while they do not, or cannot be compared.
const MEASURE_SOON: Duration = Duration::from_secs(1);
/// Shortest time between two measurements, however much is refused.
const MEASURE_GAP: Duration = Duration::from_millis(200);

impl Rest {
    /// Learns how far the venue's clock is from ours. `true` when it is where it was thought to be.
    pub(super) async fn measure_clock(&self) -> bool {
        let request = Request::Market(MarketRequest::Time);
        let Outcome::Done(Response::Time(theirs)) = self.ask_once(&request).await else {
            return false;
        };
        // Before that it may have waited for its turn, which is no part of its way.
        let (ahead_ms, step_ms) = self.clock().take(self.time_asked(), theirs, clock::now());
        self.learn_clock(ahead_ms).await;
        // The receiver is gone only when the gateway ends.
        let _ = self.inputs().send(Input::Clock { ahead_ms }).await;
        step_ms <= CLOCK_STEP_MAX_MS
    }

    /// Measures again and again; `known` is what the first measurement said.
    pub(super) async fn watch_venue_clock(self, mut known: bool) {
        loop {
            let due = if known { MEASURE_EVERY } else { MEASURE_SOON };
            // Whichever comes first.
            let _ = timeout(due, self.clock().doubted()).await;
            known = self.measure_clock().await;
            tokio::time::sleep(MEASURE_GAP).await;
        }
    }
}
