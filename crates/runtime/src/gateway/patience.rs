//! How long an answer is waited for.
//!
//! What changes something at the venue is waited for as long as the venue itself may take: what is given
//! up is in doubt, and settling that takes longer than any answer. A question that only reads can be asked
//! again, so a hung one is given up soon; each one that is given up doubles the time for the next, so that
//! a venue that is slow and not broken is still understood.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use model::venue::Request;

use super::rates;

/// For what changes something, and for a reader at the most. The venues give up after ten seconds.
pub(super) const ANSWER_MAX: Duration = Duration::from_secs(11);
/// For a question that only reads, while they are answered in time.
const READ_MAX: Duration = Duration::from_secs(3);

/// The patience with one venue.
#[derive(Debug, Default)]
pub(super) struct Patience {
    /// Readers that were given up since one was answered in the usual time.
    given_up: AtomicU32,
}

impl Patience {
    /// How long the answer to this may take.
    pub(super) fn with(&self, request: &Request) -> Duration {
        if !rates::only_asks(request) {
            return ANSWER_MAX;
        }
        let given_up = self.given_up.load(Ordering::Relaxed).min(4);
        (READ_MAX * (1 << given_up)).min(ANSWER_MAX)
    }

    /// It took so long, whether an answer came or not.
    pub(super) fn learn(&self, request: &Request, took: Duration, answered: bool) {
        if !rates::only_asks(request) {
            return;
        }
        if answered && took <= READ_MAX {
            self.given_up.store(0, Ordering::Relaxed);
        } else if !answered && took >= self.with(request) {
            // Some that ran at once may count as several: only ever more patient by it.
            self.given_up.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use model::venue::{AccountRequest, MarketRequest};

    use super::*;

    #[test]
    fn a_reader_is_given_up_soon_and_later_each_time() {
        let patience = Patience::default();
        let read = Request::Account(AccountRequest::Account);
        let instrument = "BTC-USDT".parse().unwrap();
        let cancel = Request::Account(AccountRequest::CancelAll(instrument));
        let seconds = |request: &Request| patience.with(request).as_secs();
        let mut waited = Vec::new();
        for _ in 0..4 {
            waited.push(seconds(&read));
            patience.learn(&read, patience.with(&read), false);
        }
        assert_eq!(waited, [3, 6, 11, 11]);
        assert_eq!(seconds(&cancel), 11);
        // An answer that was slow is a reason to go on being patient; a usual one is not.
        patience.learn(&read, Duration::from_secs(5), true);
        assert_eq!(seconds(&read), 11);
        patience.learn(&cancel, Duration::ZERO, true);
        assert_eq!(seconds(&read), 11, "of readers");
        patience.learn(&Request::Market(MarketRequest::Ping), Duration::from_secs(1), true);
        assert_eq!(seconds(&read), 3);
        // A connection that broke at once was not slow.
        patience.learn(&read, Duration::from_millis(5), false);
        assert_eq!(seconds(&read), 3);
    }
}
