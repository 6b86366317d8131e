//! What is counted, and what happens to those who use too much.
//!
//! Windows slide: of each caller the times of its last requests are kept, as many as it may make.
//! A refused request does not count, and nobody is banned: no source knows of a ladder.
//!
//! Source: pages "Rate limits" and "websocket-rate-limits", read 2026-08-08; that windows slide is
//! how Coinbase.Net counts them (unverified).

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

use model::Timestamp;

/// Callers remembered; beyond that the counting starts anew for all.
const CALLERS_MAX: usize = 10_000;

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3_600);

/// Who is counted, and what.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Caller {
    /// Private requests of a key.
    Key(String),
    /// Public requests of an address.
    Address(IpAddr),
    /// Requests of a key below `/v2`.
    AppKey(String),
    /// Public requests of an address below `/v2`.
    AppAddress(IpAddr),
    /// New connections of an address.
    Connections(IpAddr),
    /// Messages of an address without a token.
    Messages(IpAddr),
}

impl Caller {
    /// Does everybody on one address make these requests together?
    const fn is_address(&self) -> bool {
        match self {
            Caller::Address(_) | Caller::AppAddress(_) | Caller::Messages(_) => true,
            // New connections have a fault of their own.
            Caller::Connections(_) | Caller::Key(_) | Caller::AppKey(_) => false,
        }
    }

    const fn window(&self) -> Duration {
        match self {
            Caller::Key(_) | Caller::Address(_) | Caller::Connections(_) | Caller::Messages(_) => {
                SECOND
            }
            Caller::AppKey(_) | Caller::AppAddress(_) => HOUR,
        }
    }
}

/// How much of a limit is used, for the headers of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Usage {
    pub(super) limit: u32,
    pub(super) remaining: u32,
    /// Whole seconds, rounded up, until a request that is refused now is let in.
    pub(super) reset_s: u64,
}

/// All counts.
#[derive(Debug, Default)]
pub(super) struct Limits {
    callers: BTreeMap<Caller, VecDeque<Timestamp>>,
    /// What somebody else on every address uses of its limits, in thousandths.
    neighbour_permille: u32,
}

impl Limits {
    /// From now on somebody else on every address uses this share of its limits, in thousandths.
    pub(super) fn set_neighbour(&mut self, permille: u32) {
        self.neighbour_permille = permille;
    }

    /// Counts one request; an error when it is one too many.
    pub(super) fn charge(
        &mut self,
        now: Timestamp,
        caller: Caller,
        limit: u32,
    ) -> Result<Usage, Usage> {
        let window = caller.window();
        if self.callers.len() >= CALLERS_MAX && !self.callers.contains_key(&caller) {
            self.callers.clear();
        }
        let others = if caller.is_address() {
            u64::from(limit) * u64::from(self.neighbour_permille) / 1_000
        } else {
            0
        };
        let times = self.callers.entry(caller).or_default();
        // The clock may have been set back.
        while times.back().is_some_and(|last| *last > now) {
            times.pop_back();
        }
        while times.front().is_some_and(|first| now.since(*first) >= window) {
            times.pop_front();
        }
        let used = u32::try_from(times.len() as u64 + others).unwrap_or(u32::MAX);
        let admitted = used < limit;
        if admitted {
            times.push_back(now);
        }
        let first = times.front().copied().unwrap_or(now);
        let reset = first.after(window).since(now);
        let usage = Usage {
            limit,
            remaining: limit.saturating_sub(used + u32::from(admitted)),
            reset_s: reset.as_secs() + u64::from(reset.subsec_nanos() > 0),
        };
        if admitted { Ok(usage) } else { Err(usage) }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(ms).unwrap()
    }

    #[test]
    fn a_window_slides_and_a_refusal_costs_nothing() {
        let mut limits = Limits::default();
        let caller = || Caller::Key("k".to_owned());
        let usage = |remaining, reset_s| Usage { limit: 2, remaining, reset_s };
        assert_eq!(limits.charge(at(0), caller(), 2), Ok(usage(1, 1)));
        assert_eq!(limits.charge(at(600), caller(), 2), Ok(usage(0, 1)));
        assert_eq!(limits.charge(at(999), caller(), 2), Err(usage(0, 1)));
        assert_eq!(limits.charge(at(1_000), caller(), 2), Ok(usage(0, 1)));
        assert_eq!(limits.charge(at(1_599), caller(), 2), Err(usage(0, 1)));
        assert_eq!(limits.charge(at(1_600), caller(), 2), Ok(usage(0, 1)));
        let other = Caller::Address(IpAddr::V4(Ipv4Addr::LOCALHOST));
        assert!(limits.charge(at(1_600), other, 2).is_ok());
    }

    #[test]
    fn a_clock_that_goes_back_shuts_nobody_out() {
        let mut limits = Limits::default();
        let caller = || Caller::Key("k".to_owned());
        assert!(limits.charge(at(90_000), caller(), 1).is_ok());
        assert!(limits.charge(at(90_001), caller(), 1).is_err());
        assert!(limits.charge(at(0), caller(), 1).is_ok());
    }

    #[test]
    fn a_neighbour_uses_what_counts_by_address() {
        let mut limits = Limits::default();
        limits.set_neighbour(500);
        let address = || Caller::Address(IpAddr::V4(Ipv4Addr::LOCALHOST));
        assert_eq!(limits.charge(at(0), address(), 4).unwrap().remaining, 1);
        assert_eq!(limits.charge(at(0), address(), 4).unwrap().remaining, 0);
        assert!(limits.charge(at(0), address(), 4).is_err());
        let key = Caller::Key("k".to_owned());
        assert_eq!(limits.charge(at(0), key, 4).unwrap().remaining, 3);
    }

    #[test]
    fn the_older_api_counts_by_the_hour() {
        let mut limits = Limits::default();
        let caller = || Caller::AppKey("k".to_owned());
        assert!(limits.charge(at(0), caller(), 1).is_ok());
        let refused = limits.charge(at(3_599_000), caller(), 1).unwrap_err();
        assert_eq!((refused.remaining, refused.reset_s), (0, 1));
        assert!(limits.charge(at(3_600_000), caller(), 1).is_ok());
    }
}
