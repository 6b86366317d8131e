//! How far the venue's clock is from ours, as last measured. When it is measured is in
//! `clock_watch.rs`, what the core makes of it in `gateway::CLOCK_STEP_MAX_MS`.

use std::sync::atomic::{AtomicI64, Ordering};

use gateway::CLOCK_STEP_MAX_MS;
use model::Timestamp;
use tokio::sync::Notify;

/// What is known of the venue's clock.
#[derive(Debug, Default)]
pub(super) struct VenueClock {
    /// The venue's minus ours, milliseconds.
    ahead_ms: AtomicI64,
    /// Something was refused for its time.
    doubted: Notify,
}

impl VenueClock {
    /// The venue's time at a time of ours.
    pub(super) fn at(&self, ours: Timestamp) -> Timestamp {
        ours.shifted_ms(self.ahead_ms.load(Ordering::Relaxed))
    }

    /// It may not be where we think: measured as soon as possible.
    pub(super) fn doubt(&self) {
        self.doubted.notify_one();
    }

    /// Waits until it is doubted; a doubt from before counts.
    pub(super) async fn doubted(&self) {
        self.doubted.notified().await;
    }

    /// Takes a measurement over: our time before and after, and theirs in between. Returns the difference
    /// to go by from now on and how far that is from the one before, both in milliseconds.
    pub(super) fn take(
        &self,
        sent: Timestamp,
        theirs: Timestamp,
        received: Timestamp,
    ) -> (i64, u64) {
        let before = self.ahead_ms.load(Ordering::Relaxed);
        // Half of the way there and back: an error of at most the other half.
        let ours = sent.millis().midpoint(received.millis());
        let measured = theirs.millis().saturating_sub(ours);
        let error_ms = received.millis().abs_diff(sent.millis()) / 2;
        let step_ms = measured.abs_diff(before);
        // What an answer that took long says within its error is nothing new.
        if error_ms > CLOCK_STEP_MAX_MS && step_ms <= error_ms {
            return (before, 0);
        }
        self.ahead_ms.store(measured, Ordering::Relaxed);
        (measured, step_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis).unwrap()
    }

    #[test]
    fn a_measurement_is_judged_by_the_one_before_and_by_its_own_error() {
        let clock = VenueClock::default();
        // Sent, theirs, received; the difference to go by, and the step.
        for (sent, theirs, received, ahead_ms, step_ms) in [
            (1_000, 1_130, 1_200, 30, 30),
            (1_000, 11_100, 1_200, 10_000, 9_970),
            (1_000, 11_100, 1_200, 10_000, 0),
            // Four seconds on its way: within two of what is known it says nothing.
            (1_000, 14_500, 5_000, 10_000, 0),
            (1_000, 15_001, 5_000, 12_001, 2_001),
            (1_000, 1_100, 1_200, 0, 12_001),
        ] {
            assert_eq!(clock.take(at(sent), at(theirs), at(received)), (ahead_ms, step_ms));
            assert_eq!(clock.at(at(50_000)), at(50_000 + ahead_ms));
        }
    }
}
