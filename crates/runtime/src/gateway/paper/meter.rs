//! What the exchange of a paper run counts of its account, and when it says stop: the limits are the venue's, and
//! the count is the exchange's own. A gateway whose budget is right never hears of it.
//!
//! Source of the limits: the presets of the budget, then the venue's metadata. Like the venue, it counts what arrives:
//! a request of which nothing is told costs all the same.

use std::collections::VecDeque;
use std::time::Duration;

use ::budget::{Charge, Counted, Limit, Rule, Shape, Usage};
use model::Timestamp;
use model::venue::VenueError;

use crate::config::VenueKind;

/// Binance's codes for too many requests and too many orders, which stand in the refusals.
const TOO_MANY_REQUESTS: i64 = -1003;
const TOO_MANY_ORDERS: i64 = -1015;
/// What a first execution gives back of the orders counted: Binance, faqs/order_count_decrement.md, read 2026-07-21.
const TAKEN_BACK: u32 = 1;
const MADE_BACK: u32 = 5;

/// The exchange said stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stop {
    /// Of what: all requests where it is `None`.
    pub(crate) counts: Option<Counted>,
    /// For how long.
    pub(crate) wait: Duration,
}

/// All counts of the account.
#[derive(Debug)]
pub(super) struct Meter {
    windows: Vec<Window>,
}

/// One limit, and what was used of it.
#[derive(Debug)]
struct Window {
    counts: Counted,
    length: Duration,
    length_ms: u32,
    limit: u32,
    /// It forgets all at once, at multiples of its length.
    is_aligned: bool,
    /// Answers tell what is used.
    is_told: bool,
    /// What was used, and when: in an aligned window all at its beginning.
    used: VecDeque<(Timestamp, u32)>,
}

impl Meter {
    /// Nothing is used yet.
    pub(super) fn new(venue: VenueKind) -> Meter {
        let windows = venue.rules.iter().filter_map(|rule| Window::of(*rule)).collect();
        Meter { windows }
    }

    /// The venue's metadata say what it allows.
    pub(super) fn learn(&mut self, limits: &[Limit]) {
        for Limit { counts, window_ms, limit } in limits {
            let of =
                |window: &&mut Window| (window.counts, window.length_ms) == (*counts, *window_ms);
            if let Some(window) = self.windows.iter_mut().find(of) {
                window.limit = *limit;
            }
        }
    }

    /// Counts a request that arrives now, or refuses it. One that is refused costs nothing.
    pub(super) fn charge(
        &mut self,
        now: Timestamp,
        charge: &Charge,
    ) -> Result<(), (VenueError, Stop)> {
        for window in &mut self.windows {
            let amount = charge.amount(window.counts);
            if amount > 0 && window.used_at(now).saturating_add(amount) > window.limit {
                return Err(window.refuses(now));
            }
        }
        for window in &mut self.windows {
            window.add(now, charge.amount(window.counts));
        }
        Ok(())
    }

    /// So much of what was counted turned out to be free.
    pub(super) fn give_back(&mut self, now: Timestamp, counts: Counted, amount: u32) {
        for window in self.windows.iter_mut().filter(|window| window.counts == counts) {
            window.take_back(now, amount);
        }
    }

    /// An order has executed for the first time, as the maker or not: it is not an unfilled one any more.
    pub(super) fn first_execution(&mut self, now: Timestamp, made: bool) {
        self.give_back(now, Counted::Order, if made { MADE_BACK } else { TAKEN_BACK });
    }

    /// What answers tell.
    pub(super) fn told(&mut self, now: Timestamp) -> Vec<Usage> {
        let told = self.windows.iter_mut().filter(|window| window.is_told);
        let usage = told.map(|window| Usage {
            counts: window.counts,
            window_ms: window.length_ms,
            used: window.used_at(now),
        });
        usage.collect()
    }
}

impl Window {
    /// `None` for what no request of an account costs, and for counters that fall: the budget counts those as the venue
    /// does, and holds the gateway to them.
    fn of(rule: Rule) -> Option<Window> {
        let (is_aligned, length_ms, limit) = match rule.shape {
            Shape::Aligned { window_ms, limit } => (true, window_ms, limit),
            Shape::Sliding { window_ms, limit } => (false, window_ms, limit),
            Shape::Leaky { .. } => return None,
        };
        let is_of_requests = !matches!(rule.counts, Counted::Connection | Counted::Message);
        is_of_requests.then(|| Window {
            counts: rule.counts,
            length: Duration::from_millis(length_ms.into()),
            length_ms,
            limit,
            is_aligned,
            is_told: rule.told,
            used: VecDeque::new(),
        })
    }

    fn used_at(&mut self, now: Timestamp) -> u32 {
        // A clock that goes back forgets nothing and adds nothing.
        while self.used.front().is_some_and(|(at, _)| at.after(self.length) <= now) {
            self.used.pop_front();
        }
        self.used.iter().fold(0, |sum: u32, (_, used)| sum.saturating_add(*used))
    }

    fn add(&mut self, now: Timestamp, amount: u32) {
        if amount == 0 {
            return;
        }
        let at = if self.is_aligned { now.floor_to(self.length) } else { now };
        match self.used.back_mut() {
            Some((last, used)) if *last >= at => *used = used.saturating_add(amount),
            _ => self.used.push_back((at, amount)),
        }
    }

    fn take_back(&mut self, now: Timestamp, amount: u32) {
        self.used_at(now);
        let mut left = amount;
        for (_, used) in self.used.iter_mut().rev() {
            let less = left.min(*used);
            (*used, left) = (*used - less, left - less);
        }
    }

    fn refuses(&self, now: Timestamp) -> (VenueError, Stop) {
        let begun = self.used.front().map_or(now, |(at, _)| *at);
        let wait = begun.after(self.length).since(now);
        let is_of_orders = self.counts == Counted::Order;
        let (limit, counts, ms) = (self.limit, self.counts, self.length_ms);
        let code = if is_of_orders { TOO_MANY_ORDERS } else { TOO_MANY_REQUESTS };
        let message = format!("429: the limit is {limit} {counts} in {ms} ms");
        // Whole seconds, rounded up, as in a Retry-After.
        let wait =
            Duration::from_secs(wait.as_millis().div_ceil(1_000).try_into().unwrap_or(u64::MAX));
        let stop = Stop { counts: is_of_orders.then_some(Counted::Order), wait };
        (VenueError::Other { code, message }, stop)
    }
}

#[cfg(test)]
mod tests {
    use ::budget::{Keys, binance};

    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(1_700_000_040_000 + ms).unwrap()
    }

    fn order() -> Charge {
        binance::charge(1, true, Keys::default())
    }

    fn used(meter: &mut Meter, ms: i64, counts: Counted) -> Vec<u32> {
        let told = meter.told(at(ms));
        told.iter().filter(|usage| usage.counts == counts).map(|usage| usage.used).collect()
    }

    #[test]
    fn the_limit_of_orders_holds_until_its_window_ends_and_stops_orders_alone() {
        let mut meter = Meter::new(VenueKind::of(&venues::binance::VENUE));
        for _ in 0..50 {
            assert!(meter.charge(at(1_500), &order()).is_ok());
        }
        let (refused, stop) = meter.charge(at(2_500), &order()).unwrap_err();
        let VenueError::Other { code, message } = refused else { panic!("{refused:?}") };
        assert_eq!(
            (code, message.as_str()),
            (-1015, "429: the limit is 50 new orders in 10000 ms")
        );
        assert_eq!(stop, Stop { counts: Some(Counted::Order), wait: Duration::from_secs(8) });
        let cancel = binance::charge(1, false, Keys::default());
        assert!(meter.charge(at(2_500), &cancel).is_ok());
        // The window of a day goes on.
        assert_eq!(used(&mut meter, 9_999, Counted::Order), [50, 50]);
        assert!(meter.charge(at(10_000), &order()).is_ok());
        assert_eq!(used(&mut meter, 10_000, Counted::Order), [1, 51]);
    }

    #[test]
    fn weight_stops_everything_and_what_is_free_comes_back() {
        let mut meter = Meter::new(VenueKind::of(&venues::binance::VENUE));
        let heavy = binance::charge(5_999, false, Keys::default());
        assert!(meter.charge(at(0), &heavy).is_ok());
        let small = binance::charge(2, false, Keys::default());
        let (_, stop) = meter.charge(at(100), &small).unwrap_err();
        assert_eq!(stop.counts, None);
        meter.give_back(at(100), Counted::Weight, 1);
        assert!(meter.charge(at(100), &small).is_ok());
        assert_eq!(used(&mut meter, 100, Counted::Weight), [6_000]);
    }

    #[test]
    fn an_execution_makes_room_and_a_limit_that_shrinks_holds_at_once() {
        let mut meter = Meter::new(VenueKind::of(&venues::binance::VENUE));
        for _ in 0..10 {
            assert!(meter.charge(at(0), &order()).is_ok());
        }
        meter.first_execution(at(1), true);
        meter.first_execution(at(1), false);
        assert_eq!(used(&mut meter, 1, Counted::Order), [4, 4]);
        let limit = Limit { counts: Counted::Order, window_ms: 10_000, limit: 5 };
        meter.learn(&[limit]);
        assert!(meter.charge(at(2), &order()).is_ok());
        assert!(meter.charge(at(2), &order()).is_err());
    }

    #[test]
    fn coinbase_counts_what_a_second_holds() {
        let mut meter = Meter::new(VenueKind::of(&venues::coinbase::VENUE));
        let one = Charge::new(Keys::default()).with(Counted::Private, 1);
        for ms in 0..30 {
            assert!(meter.charge(at(ms * 10), &one).is_ok());
        }
        let (_, stop) = meter.charge(at(999), &one).unwrap_err();
        assert_eq!((stop.counts, stop.wait), (None, Duration::from_secs(1)));
        assert!(meter.charge(at(1_000), &one).is_ok());
        assert!(meter.charge(at(1_001), &one).is_err());
    }
}
