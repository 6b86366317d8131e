//! How much of what is over the exchange of a backtest remembers.

use std::time::Duration;

/// How much of what is over is remembered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    /// It is looked at once in so many requests.
    pub(crate) every: u64,
    /// What was over for less than this is remembered.
    pub(crate) kept: Duration,
    /// The same where something may fail, or requests wait for their turn.
    pub(crate) kept_in_trouble: Duration,
    pub(crate) requests: u64,
}

impl Default for Memory {
    fn default() -> Memory {
        let (kept, kept_in_trouble) = (Duration::from_secs(600), Duration::from_secs(3_600));
        Memory { every: 4_096, kept, kept_in_trouble, requests: 0 }
    }
}

impl Memory {
    /// One more request. How much is to be kept, where it is time to look.
    pub(crate) fn is_asked(&mut self, in_trouble: bool) -> Option<Duration> {
        self.requests += 1;
        let kept = if in_trouble { self.kept_in_trouble } else { self.kept };
        self.requests.is_multiple_of(self.every).then_some(kept)
    }
}
