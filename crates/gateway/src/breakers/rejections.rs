//! Breakers: orders that the venue rejects, as a part of the last ones and one after the other.
//!
//! What is rejected is wrong in our books, in our rules or in the agent. What is no sign of that does not
//! count: a post-only order that would have taken, a trigger that the market has passed, a venue that is
//! closed or has nothing on the other side.

use std::collections::VecDeque;
use std::time::Duration;

use model::venue::VenueError;
use model::{Decimal, Timestamp};

use super::trip::Trip;
use super::verdict::{Reading, Verdict};

/// Does it say that something is wrong with us?
pub(crate) const fn counts(because: &VenueError) -> bool {
    !matches!(
        because,
        VenueError::WouldTake
            | VenueError::WouldTrigger
            | VenueError::MarketClosed
            | VenueError::NoLiquidity
    )
}

/// Of the last orders: which were rejected.
#[derive(Debug)]
pub(crate) struct Share {
    percent: u32,
    of: usize,
    min: usize,
    dwell: Duration,
    last: VecDeque<bool>,
    rejected: usize,
    trip: Trip,
}

impl Share {
    pub(crate) fn new((percent, of, min): (u32, u32, u32), dwell: Duration) -> Share {
        let size = |count: u32| usize::try_from(count).unwrap_or(usize::MAX);
        let last = VecDeque::new();
        Share { percent, of: size(of), min: size(min), dwell, last, rejected: 0, trip: Trip::NONE }
    }

    pub(crate) fn resume(&mut self, now: Timestamp) {
        self.trip = Trip::resumed(now);
    }

    /// The venue has taken an order, or rejected it.
    pub(crate) fn answered(&mut self, now: Timestamp, rejected: bool) {
        self.last.push_back(rejected);
        self.rejected += usize::from(rejected);
        if self.last.len() > self.of {
            self.rejected -= usize::from(self.last.pop_front().unwrap_or(false));
        }
        let over = self.last.len() >= self.min && self.reading().is_over();
        self.trip.observe(now, over, !rejected, self.dwell);
    }

    /// Time has passed: what has tripped begins anew after its dwell, for nothing is sent meanwhile.
    pub(crate) fn tick(&mut self, now: Timestamp) {
        let tripped = self.trip.is_tripped();
        self.trip.observe(now, false, true, self.dwell);
        if tripped && !self.trip.is_tripped() {
            (self.last, self.rejected) = (VecDeque::new(), 0);
        }
    }

    /// In percent.
    pub(crate) fn reading(&self) -> Reading {
        let limit = Decimal::from(i64::from(self.percent));
        let count = i64::try_from(self.last.len()).unwrap_or(i64::MAX);
        let rejected = i64::try_from(self.rejected).unwrap_or(i64::MAX);
        let hundredfold = Decimal::from(rejected.saturating_mul(100));
        let value = hundredfold.checked_div(Decimal::from(count), model::Rounding::Down);
        Reading { value: value.unwrap_or(Decimal::ZERO), limit }
    }

    pub(crate) const fn verdict(&self) -> Verdict {
        if self.trip.is_tripped() { Verdict::Halt } else { Verdict::Clear }
    }

    pub(crate) fn due(&self) -> Option<Timestamp> {
        self.trip.due(self.dwell)
    }
}

/// One after the other.
#[derive(Debug)]
pub(crate) struct InARow {
    limit: u32,
    dwell: Duration,
    count: u32,
    trip: Trip,
}

impl InARow {
    pub(crate) const fn new(limit: u32, dwell: Duration) -> InARow {
        InARow { limit, dwell, count: 0, trip: Trip::NONE }
    }

    pub(crate) fn resume(&mut self, now: Timestamp) {
        self.trip = Trip::resumed(now);
    }

    /// One more, or one that ends the row.
    pub(crate) fn answered(&mut self, now: Timestamp, rejected: bool) {
        self.count = if rejected { self.count.saturating_add(1) } else { 0 };
        self.trip.observe(now, self.count >= self.limit, !rejected, self.dwell);
    }

    /// As for [`Share::tick`].
    pub(crate) fn tick(&mut self, now: Timestamp) {
        let tripped = self.trip.is_tripped();
        self.trip.observe(now, false, true, self.dwell);
        if tripped && !self.trip.is_tripped() {
            self.count = 0;
        }
    }

    pub(crate) fn reading(&self) -> Reading {
        Reading::of(self.count.into(), self.limit.into())
    }

    pub(crate) const fn verdict(&self) -> Verdict {
        if self.trip.is_tripped() { Verdict::Halt } else { Verdict::Clear }
    }

    pub(crate) fn due(&self) -> Option<Timestamp> {
        self.trip.due(self.dwell)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DWELL: Duration = Duration::from_secs(60);

    /// Orders taken (`.`) and rejected (`x`), percent then, and whether it has tripped: 20 % of the last 10,
    /// of 5 at least.
    const SHARES: &[(&str, &str, bool)] = &[
        ("", "0", false),
        ("x", "100", false), // too few to say
        ("xxxx", "100", false),
        ("xxxxx", "100", true),
        ("....x", "20", true),
        ("....", "0", false),
        (".........x", "10", false),
        ("........xx", "20", true),
        ("x.........", "10", true), // when it was one of five
        ("x....", "20", true),
        (".....x..........x.", "10", false), // the first is forgotten
    ];

    #[test]
    fn a_part_of_the_last_orders() {
        for (orders, percent, trips) in SHARES {
            let mut share = Share::new((20, 10, 5), DWELL);
            let mut tripped = false;
            for order in orders.chars() {
                share.answered(Timestamp::EPOCH, order == 'x');
                tripped |= share.verdict() == Verdict::Halt;
            }
            assert_eq!(share.reading().value.to_string(), *percent, "{orders}");
            assert_eq!(tripped, *trips, "{orders}");
        }
    }

    #[test]
    fn a_row_ends_with_one_that_is_taken() {
        for (orders, trips) in [("xx", false), ("xxx", true), ("xx.xx", false), ("xx.xxx", true)] {
            let mut row = InARow::new(3, DWELL);
            orders.chars().for_each(|order| row.answered(Timestamp::EPOCH, order == 'x'));
            assert_eq!(row.verdict() == Verdict::Halt, trips, "{orders}");
        }
    }

    #[test]
    fn after_the_dwell_it_begins_anew() {
        let mut row = InARow::new(2, DWELL);
        (0..2).for_each(|_| row.answered(Timestamp::EPOCH, true));
        row.tick(Timestamp::EPOCH.after(Duration::from_secs(1)));
        let due = row.due().unwrap();
        row.tick(due);
        assert_eq!((row.verdict(), row.reading().value), (Verdict::Clear, Decimal::ZERO));
    }

    #[test]
    fn what_is_nobody_s_fault_does_not_count() {
        for (because, wrong) in [
            (VenueError::WouldTake, false),
            (VenueError::WouldTrigger, false),
            (VenueError::MarketClosed, false),
            (VenueError::InsufficientBalance, true),
            (VenueError::NotAllowed, true),
        ] {
            assert_eq!(counts(&because), wrong, "{because}");
        }
    }
}
