//! What is counted, and what happens to those who use too much: counters that fall.
//!
//! Whether a call that would go beyond the maximum is refused, or only the next one, no page says: here it is
//! refused (unverified). One that is refused costs nothing.
//!
//! Source: guides on rate limits, read 2026-08-21.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

use model::{AccountId, InstrumentId, Timestamp};

/// Addresses remembered; beyond that the counting starts anew for all.
const CALLERS_MAX: usize = 10_000;
const TEN_MINUTES: Duration = Duration::from_secs(600);

/// A counter that falls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Falls {
    /// It may not go beyond this.
    pub max: u32,
    /// By so much in a thousand seconds.
    pub per_1000_s: u32,
}

impl Falls {
    pub(super) const fn times(self, times: u32) -> Falls {
        Falls {
            max: self.max.saturating_mul(times),
            per_1000_s: self.per_1000_s.saturating_mul(times),
        }
    }

    /// A part of it, in thousandths, and never nothing.
    pub(super) fn share(self, permille: u32) -> Falls {
        let part = |all: u32| {
            let part = u64::from(all) * u64::from(permille) / 1_000;
            u32::try_from(part).unwrap_or(all).max(1)
        };
        Falls { max: part(self.max), per_1000_s: part(self.per_1000_s) }
    }
}

/// Who is counted, and what.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Caller {
    /// Private calls of a key.
    Key(String),
    /// Public calls of an address.
    Address(IpAddr),
    /// The matching engine's work.
    Pair(AccountId, InstrumentId),
}

/// All counts.
#[derive(Debug, Default)]
pub(super) struct Limits {
    /// In thousandths, and when.
    counters: BTreeMap<Caller, (u64, Timestamp)>,
    connections: BTreeMap<IpAddr, VecDeque<Timestamp>>,
}

impl Limits {
    /// Counts a call; `false` when it is too much.
    pub(super) fn charge(
        &mut self,
        now: Timestamp,
        caller: Caller,
        cost: u32,
        falls: Falls,
    ) -> bool {
        if self.counters.len() >= CALLERS_MAX && !self.counters.contains_key(&caller) {
            self.counters.clear();
        }
        let (used, at) = self.counters.entry(caller).or_insert((0, now));
        // A clock that was set back lets nothing fall.
        let ms = u64::try_from(now.since(*at).as_millis()).unwrap_or(u64::MAX);
        *used = used.saturating_sub(ms.saturating_mul(falls.per_1000_s.into()) / 1_000);
        *at = now;
        let after = *used + u64::from(cost) * 1_000;
        let fits = cost == 0 || after <= u64::from(falls.max) * 1_000;
        if fits {
            *used = after;
        }
        fits
    }

    /// Counts a new connection; `false` when it is one too many.
    pub(super) fn connects(&mut self, now: Timestamp, peer: IpAddr, max: u32) -> bool {
        if self.connections.len() >= CALLERS_MAX && !self.connections.contains_key(&peer) {
            self.connections.clear();
        }
        let times = self.connections.entry(peer).or_default();
        while times.front().is_some_and(|first| now.since(*first) >= TEN_MINUTES) {
            times.pop_front();
        }
        let fits = times.len() < max as usize;
        if fits {
            times.push_back(now);
        }
        fits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The guide's own example: thirty orders, two seconds, then cancels of young orders at eight each.
    #[test]
    fn cancels_of_young_orders_fill_the_counter() {
        let falls = Falls { max: 125, per_1000_s: 2_340 };
        let (account, pair) = (AccountId::new("a").unwrap(), "BTC-USD".parse().unwrap());
        let caller = || Caller::Pair(account, pair);
        let at = |s: i64| Timestamp::from_millis(s * 1_000).unwrap();
        let mut limits = Limits::default();
        assert!((0..30).all(|_| limits.charge(at(0), caller(), 1, falls)));
        let canceled = (0..30).filter(|_| limits.charge(at(2), caller(), 8, falls)).count();
        assert_eq!(canceled, 12);
        assert!(limits.charge(at(2), caller(), 0, falls), "an old order is free to cancel");
        assert!(!limits.charge(at(3), caller(), 8, falls));
        assert!(limits.charge(at(5), caller(), 8, falls));
    }

    #[test]
    fn connections_are_counted_for_ten_minutes() {
        let (mut limits, peer) = (Limits::default(), IpAddr::from([127, 0, 0, 1]));
        let at = |s: i64| Timestamp::from_millis(s * 1_000).unwrap();
        assert!(limits.connects(at(0), peer, 2) && limits.connects(at(1), peer, 2));
        assert!(!limits.connects(at(599), peer, 2));
        assert!(limits.connects(at(600), peer, 2));
    }
}
