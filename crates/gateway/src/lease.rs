//! The watchdog's lease: the right to send what adds risk, for a second at a time.
//!
//! It is asked for by a heartbeat and counts from the moment when that was sent, by our own clock: an answer
//! that was long on its way is worth less, and one that was held back is worth nothing. Where a watchdog is
//! configured there is no trading without it; the first lease of a start has to come as every other.

use std::time::Duration;

use model::{Refusal, Timestamp};

/// How long one is good, as the watchdog gives them.
const GOOD_FOR: Duration = Duration::from_secs(1);

/// Whether the watchdog lets this gateway add risk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaseState {
    /// No watchdog is configured.
    NotConfigured,
    /// It does.
    Fresh {
        /// Until and including when.
        until: Timestamp,
    },
    /// It does not.
    Stale {
        /// Since when: the end of the last lease, or the start.
        since: Timestamp,
    },
}

impl LeaseState {
    /// Guardrail: an order that adds risk needs a lease that is good now.
    pub fn check(&self, now: Timestamp) -> Result<(), Refusal> {
        match *self {
            LeaseState::NotConfigured => Ok(()),
            LeaseState::Fresh { until } if now <= until => Ok(()),
            LeaseState::Fresh { until: since } | LeaseState::Stale { since } => {
                Err(Refusal::Lease { since, limit: GOOD_FOR })
            }
        }
    }

    /// A new one. It never shortens one that is good: the watchdog takes nothing back but by its halt. One
    /// that is over already changes nothing.
    pub(crate) fn renew(&mut self, now: Timestamp, until: Timestamp) {
        match self {
            LeaseState::NotConfigured => {}
            LeaseState::Fresh { until: known } => *known = until.max(*known),
            LeaseState::Stale { .. } if now <= until => *self = LeaseState::Fresh { until },
            LeaseState::Stale { .. } => {}
        }
    }

    /// Whether it has run out since the last look.
    pub(crate) fn runs_out(&mut self, now: Timestamp) -> bool {
        match *self {
            LeaseState::Fresh { until } if until < now => {
                *self = LeaseState::Stale { since: until };
                true
            }
            LeaseState::Fresh { .. } | LeaseState::NotConfigured | LeaseState::Stale { .. } => {
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis).unwrap()
    }

    #[test]
    fn a_lease_is_good_until_its_end_and_not_after() {
        let fresh = LeaseState::Fresh { until: at(1_000) };
        let over = Err(Refusal::Lease { since: at(1_000), limit: GOOD_FOR });
        for (lease, now, passes) in [
            (LeaseState::NotConfigured, at(5_000), Ok(())),
            (fresh, at(1_000), Ok(())),
            (fresh, at(1_001), over.clone()),
            (LeaseState::Stale { since: at(1_000) }, at(1_001), over.clone()),
            // Not even where the clock could go back.
            (LeaseState::Stale { since: at(1_000) }, at(0), over),
        ] {
            assert_eq!(lease.check(now), passes, "{lease:?} at {now}");
        }
    }

    #[test]
    fn it_is_renewed_and_runs_out() {
        let mut lease = LeaseState::Stale { since: at(0) };
        lease.renew(at(2_000), at(1_000));
        assert_eq!(lease, LeaseState::Stale { since: at(0) }, "over when it came");
        lease.renew(at(2_000), at(3_000));
        lease.renew(at(2_100), at(2_900));
        assert_eq!(lease, LeaseState::Fresh { until: at(3_000) });
        assert!(!lease.runs_out(at(3_000)));
        assert!(lease.runs_out(at(3_001)));
        assert!(!lease.runs_out(at(3_002)), "once");
        assert_eq!(lease, LeaseState::Stale { since: at(3_000) });
        let mut none = LeaseState::NotConfigured;
        none.renew(at(0), at(1_000));
        assert!(!none.runs_out(at(9_000)));
        assert_eq!(none, LeaseState::NotConfigured);
    }
}
