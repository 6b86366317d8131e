//! How much the kill switch may ask of the exchange: a fifth of its limit, and its stops are obeyed.
//!
//! Gateway and kill switch may sit on one address, and the exchange counts them together. A fifth of each
//! limit is the kill switch's; four fifths of that are for watching, so that the rest is there when it has
//! to cancel. Cancels are never refused here, only by a stop of the exchange (429, 418), which holds for
//! everything until it is over.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// The kill switch's part of the exchange's limit, percent.
const SHARE_PERCENT: u32 = 20;
/// The part of that for watching, percent.
const WATCH_PERCENT: u32 = 80;
/// The part of it that may go into what is not urgent, percent, and what of it there is however small it is. The
/// rest of what is for watching is kept for what is to be seen.
const EXPLAIN_PERCENT: u32 = 20;
const EXPLAIN_MIN: u32 = 4;
/// The longest stop that is believed: an exchange bans for three days at most.
const STOP_MAX: Duration = Duration::from_secs(3 * 86_400);
/// Room is kept for a dear request for so long after it was refused.
const WAITS_MAX: Duration = Duration::from_secs(5);
/// Requests of one window that are remembered at most.
const REMEMBERED_MAX: usize = 10_000;

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Looking: open orders, prices, balances.
    Watch,
    /// Asking what explains a balance that moved. It waits for room, and nothing waits for it.
    Explain,
    /// Looking for what is left to be canceled.
    Kill,
    /// Canceling, or selling what is held.
    Cancel,
}

/// What was spent within the last window.
#[derive(Debug)]
pub(crate) struct Budget {
    window: Duration,
    share: u32,
    spent: VecDeque<(Instant, u32, Purpose)>,
    sum: u32,
    /// What of that went into explaining.
    explained: u32,
    stopped_until: Option<Instant>,
    /// The dearest request that found no room, and when: cheaper ones leave room for it.
    waits: Option<(Instant, u32)>,
}

impl Budget {
    /// Of an exchange that allows `limit` in each `window`.
    pub(crate) fn new(limit: u32, window: Duration) -> Budget {
        let mut budget = Budget {
            window,
            share: 0,
            spent: VecDeque::new(),
            sum: 0,
            explained: 0,
            stopped_until: None,
            waits: None,
        };
        budget.learn(limit);
        budget
    }

    /// The exchange says what its limit is.
    pub(crate) fn learn(&mut self, limit: u32) {
        self.share = (limit / 100).saturating_mul(SHARE_PERCENT).max(1) + limit % 100 / 5;
    }

    /// Pays for a request, or says after which time it can be paid.
    pub(crate) fn spend(
        &mut self,
        now: Instant,
        cost: u32,
        purpose: Purpose,
    ) -> Result<(), Duration> {
        if let Some(until) = self.stopped_until {
            if now < until {
                return Err(until - now);
            }
            self.stopped_until = None;
        }
        while let Some((at, old, what)) = self.spent.front()
            && (now.duration_since(*at) >= self.window || self.spent.len() >= REMEMBERED_MAX)
        {
            self.sum -= old;
            self.explained -= if *what == Purpose::Explain { *old } else { 0 };
            self.spent.pop_front();
        }
        if cost == 0 {
            return Ok(());
        }
        let part = |percent: u32| self.share.saturating_mul(percent) / 100;
        let room = match purpose {
            Purpose::Watch => part(WATCH_PERCENT),
            Purpose::Explain => {
                let own = part(EXPLAIN_PERCENT).max(EXPLAIN_MIN).saturating_sub(self.explained);
                part(WATCH_PERCENT).min(self.sum.saturating_add(own))
            }
            Purpose::Kill => self.share,
            Purpose::Cancel => u32::MAX,
        };
        // Without this the cheap and frequent would take all that gets free, and the dear would never come.
        self.waits = self.waits.filter(|(since, _)| now.duration_since(*since) < WAITS_MAX);
        let kept = self.waits.map_or(0, |(_, dear)| if dear > cost { dear } else { 0 });
        let kept = match purpose {
            Purpose::Watch | Purpose::Explain => kept,
            Purpose::Kill | Purpose::Cancel => 0,
        };
        // One request always fits an empty window, however small the limit.
        if self.sum > 0 && self.sum.saturating_add(cost).saturating_add(kept) > room {
            if kept == 0 && purpose != Purpose::Explain {
                self.waits = Some((now, cost));
            }
            let oldest = self.spent.front().map_or(now, |(at, ..)| *at);
            return Err(self.window.saturating_sub(now.duration_since(oldest)));
        }
        self.waits = self.waits.filter(|(_, dear)| *dear > cost);
        self.sum = self.sum.saturating_add(cost);
        self.explained += if purpose == Purpose::Explain { cost } else { 0 };
        self.spent.push_back((now, cost, purpose));
        Ok(())
    }

    /// The exchange says stop.
    pub(crate) fn stop(&mut self, now: Instant, wait: Duration) {
        let until = now + wait.min(STOP_MAX);
        self.stopped_until = Some(self.stopped_until.map_or(until, |old| old.max(until)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fifth_is_ours_and_a_rest_of_it_is_for_the_kill() {
        let (start, minute) = (Instant::now(), Duration::from_secs(60));
        let mut budget = Budget::new(6_000, minute);
        for _ in 0..48 {
            assert_eq!(budget.spend(start, 20, Purpose::Watch), Ok(()));
        }
        assert_eq!(budget.spend(start, 1, Purpose::Watch), Err(minute), "960 are spent");
        assert_eq!(budget.spend(start, 240, Purpose::Kill), Ok(()));
        assert_eq!(budget.spend(start, 1, Purpose::Kill), Err(minute), "1200 are spent");
        assert_eq!(budget.spend(start, 1, Purpose::Cancel), Ok(()));
        assert_eq!(budget.spend(start + minute, 20, Purpose::Watch), Ok(()));
    }

    /// What explains has a part of its own, and keeps no room from what is to be seen.
    #[test]
    fn what_explains_comes_last() {
        let (start, minute) = (Instant::now(), Duration::from_secs(60));
        let mut budget = Budget::new(6_000, minute);
        for _ in 0..12 {
            assert_eq!(budget.spend(start, 20, Purpose::Explain), Ok(()));
        }
        assert!(budget.spend(start, 20, Purpose::Explain).is_err(), "240 are spent on that");
        for _ in 0..9 {
            assert_eq!(budget.spend(start, 80, Purpose::Watch), Ok(()), "nothing is kept for it");
        }
        assert_eq!(budget.spend(start, 0, Purpose::Watch), Ok(()), "that was paid for before");
        assert!(budget.spend(start, 1, Purpose::Watch).is_err(), "960 are spent");
        let later = start + minute;
        assert_eq!(budget.spend(later, 860, Purpose::Watch), Ok(()));
        for fits in [true, true, true, true, true, false] {
            assert_eq!(budget.spend(later, 20, Purpose::Explain).is_ok(), fits);
        }
        let mut small = Budget::new(30, Duration::from_secs(1));
        let asked = (0..9).filter(|_| small.spend(start, 1, Purpose::Explain).is_ok()).count();
        assert_eq!(asked, 4);
    }

    #[test]
    fn a_stop_holds_for_everything() {
        let start = Instant::now();
        let mut budget = Budget::new(30, Duration::from_secs(1));
        budget.stop(start, Duration::from_secs(30));
        budget.stop(start, Duration::from_secs(5));
        for purpose in [Purpose::Watch, Purpose::Kill, Purpose::Cancel] {
            let wait = budget.spend(start + Duration::from_secs(10), 1, purpose);
            assert_eq!(wait, Err(Duration::from_secs(20)));
        }
        let later = start + Duration::from_secs(30);
        assert_eq!(budget.spend(later, 1, Purpose::Watch), Ok(()));
    }

    #[test]
    fn the_cheap_leave_room_for_the_dear() {
        let start = Instant::now();
        let at = |second| start + Duration::from_secs(second);
        let mut budget = Budget::new(6_000, Duration::from_secs(60));
        for second in 0..30 {
            assert_eq!(budget.spend(at(second), 32, Purpose::Watch), Ok(()));
        }
        assert!(budget.spend(at(59), 80, Purpose::Watch).is_err(), "all is spent");
        for second in 60..62 {
            assert!(budget.spend(at(second), 4, Purpose::Watch).is_err(), "{second}: it is kept");
        }
        assert_eq!(budget.spend(at(62), 80, Purpose::Watch), Ok(()), "three times 32 got free");
        assert_eq!(budget.spend(at(62), 4, Purpose::Watch), Ok(()));
    }

    #[test]
    fn one_request_fits_however_small_the_limit() {
        let start = Instant::now();
        let mut budget = Budget::new(100, Duration::from_secs(60));
        assert_eq!(budget.spend(start, 80, Purpose::Watch), Ok(()));
        assert!(budget.spend(start, 1, Purpose::Watch).is_err());
    }
}
