//! What is known of the watchdog: its lease, and its view of what the account is worth. What is made of it is
//! in `watchdog.rs`.

use std::time::Duration;

use model::{Amount, Timestamp};

use crate::lease::LeaseState;

/// How far the two views of the account's worth may be apart: one part in so many of the larger.
const APART_MAX: i64 = 100;
/// For how long they may be farther apart than that: a deposit that is not told is found by a reading, and our
/// prices follow a book that leaps, or whose sides are far apart, only after ten seconds.
pub(crate) const APART_FOR: Duration = Duration::from_secs(30);

/// What is known of the watchdog.
#[derive(Debug)]
pub(crate) struct Watchdog {
    pub(crate) lease: LeaseState,
    /// Why there is no lease, in words.
    pub(crate) cause: String,
    /// Why it has tripped, as long as it says so.
    pub(crate) tripped: Option<String>,
    /// Since when the two views of the account's worth differ.
    apart_since: Option<Timestamp>,
}

impl Watchdog {
    /// At a start: the first lease has to come.
    pub(crate) fn new(is_configured: bool, now: Timestamp) -> Watchdog {
        let lease = match is_configured {
            true => LeaseState::Stale { since: now },
            false => LeaseState::NotConfigured,
        };
        Watchdog { lease, cause: no_lease("none has come yet"), tripped: None, apart_since: None }
    }

    /// Why nothing that adds risk may be sent; `None` when it may.
    pub(crate) fn withholds(&self) -> Option<&str> {
        match self.lease {
            LeaseState::NotConfigured | LeaseState::Fresh { .. } => None,
            LeaseState::Stale { .. } => Some(&self.cause),
        }
    }

    /// When something changes with nothing said.
    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        match self.lease {
            LeaseState::Fresh { until } => Some(until.after(Duration::from_nanos(1))),
            LeaseState::NotConfigured | LeaseState::Stale { .. } => None,
        }
    }

    /// Do the two views differ, and have not until now?
    pub(crate) fn is_first_to_differ(&self, ours: Option<Amount>, theirs: Option<Amount>) -> bool {
        let differ = ours.zip(theirs).is_some_and(|(ours, theirs)| are_apart(ours, theirs));
        differ && self.apart_since.is_none()
    }

    /// Compares two views of the account's worth, quote units. What they are when they have differed for too long.
    pub(crate) fn compare(
        &mut self,
        now: Timestamp,
        ours: Option<Amount>,
        theirs: Option<Amount>,
    ) -> Option<(Amount, Amount)> {
        let differ = ours.zip(theirs).filter(|(ours, theirs)| are_apart(*ours, *theirs));
        let Some(views) = differ else {
            self.apart_since = None;
            return None;
        };
        let since = *self.apart_since.get_or_insert(now);
        (now.since(since) >= APART_FOR).then_some(views)
    }
}

/// The cause of a state without a lease.
pub(crate) fn no_lease(why: &str) -> String {
    format!("no fresh lease from the watchdog: {why}")
}

/// Are they farther apart than they may be? What cannot be counted is.
fn are_apart(one: Amount, other: Amount) -> bool {
    let apart = || {
        let difference = one.checked_sub(other)?.get().abs();
        let larger = one.get().abs().max(other.get().abs());
        Some(difference.checked_times(APART_MAX)? > larger)
    };
    apart().unwrap_or(true)
}
