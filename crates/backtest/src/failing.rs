//! What of the exchange fails now, and what did: the state that `trouble.rs` works on.

use std::collections::BTreeMap;

use budget::{Budget, Counted, Rule, Scope, Shape, Shares};
use model::{RequestId, Timestamp};
use serde::Serialize;

use crate::outages::{Fails, Trouble, Window, Windows};

/// What went wrong, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Troubles {
    /// Times at which something failed.
    pub outages: u64,
    /// Messages of the market that were not told.
    pub market_missed: u64,
    /// Reports of the account that were not told.
    pub reports_missed: u64,
    /// Requests that were under way when the connection was cut: nobody knew what became of them.
    pub requests_lost: u64,
    /// Requests that were not sent: no connection could be made, or the rate limit would not have let them go in time.
    pub requests_not_sent: u64,
    /// Requests that the exchange refused for being too many.
    pub requests_throttled: u64,
    /// Requests that waited for the rate limit.
    pub requests_held_back: u64,
}

/// What is wrong now.
#[derive(Debug)]
pub(crate) struct State {
    /// Can anything go wrong at all?
    pub(crate) is_on: bool,
    /// The market's streams are cut.
    pub(crate) hides_market: bool,
    /// The account's stream is cut.
    pub(crate) hides_account: bool,
    /// No request gets through.
    pub(crate) unreachable: bool,
    /// Until then every request is one too many.
    pub(crate) throttled_until: i64,
    /// When something begins or ends.
    pub(crate) next: i64,
    windows: Windows,
    under_way: Vec<Window>,
    /// Since when nothing fails, nanoseconds; `None` while something does.
    pub(crate) calm_since: Option<i64>,
    /// Requests without an answer yet, and whether they have left.
    pub(crate) flying: BTreeMap<RequestId, bool>,
    pub(crate) budget: Option<Budget>,
    pub(crate) counts: Troubles,
}

impl State {
    pub(crate) fn new(trouble: &Trouble, first: Timestamp, seed: u64) -> State {
        let windows = Windows::new(&trouble.outages, first, seed);
        let rule = trouble.rate_limit.map(|limit| Rule {
            counts: Counted::Request,
            scope: Scope::Account,
            shape: Shape::Sliding {
                window_ms: u32::try_from(limit.window.as_millis()).unwrap_or(u32::MAX),
                limit: limit.requests,
            },
            told: false,
        });
        let is_on = *trouble != Trouble::default();
        State {
            is_on,
            hides_market: false,
            hides_account: false,
            unreachable: false,
            throttled_until: i64::MIN,
            next: windows.next_begin(),
            windows,
            under_way: Vec::new(),
            calm_since: Some(i64::MIN),
            flying: BTreeMap::new(),
            budget: is_on.then(|| Budget::new(rule.as_slice(), Shares::default())),
            counts: Troubles::default(),
        }
    }

    /// A request waits for its answer from now on.
    pub(crate) fn is_asked(&mut self, id: RequestId) {
        if self.is_on {
            self.flying.insert(id, false);
        }
    }

    /// Windows begin and end.
    pub(crate) fn turns(&mut self, now: i64) {
        while let Some(window) = self.windows.begun(now) {
            // One that was over before the data begins never was.
            if window.end > now {
                self.counts.outages += 1;
                self.under_way.push(window);
            }
        }
        self.under_way.retain(|window| window.end > now);
        self.calm_since = self.under_way.is_empty().then_some(now);
        let fails = |what: &[Fails]| self.under_way.iter().any(|w| what.contains(&w.fails));
        self.hides_market = fails(&[Fails::All, Fails::Market]);
        self.hides_account = fails(&[Fails::All]);
        self.unreachable = fails(&[Fails::All, Fails::Orders]);
        let throttled = self.under_way.iter().filter(|window| window.fails == Fails::Throttled);
        self.throttled_until = throttled.map(|window| window.end).max().unwrap_or(i64::MIN);
        let ends = self.under_way.iter().map(|window| window.end).min().unwrap_or(i64::MAX);
        self.next = self.windows.next_begin().min(ends);
    }
}
