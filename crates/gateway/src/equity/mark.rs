//! The price that a holding is valued by: slower than the market by a second, so that nothing which lasts
//! less moves it.
//!
//! It is the middle of a complete book whose two sides are near each other. A print alone is never one. Of the
//! last second the highest and the lowest are kept: a loss is measured at the highest and a gain at the
//! lowest, so that either counts when two looks that are a second apart, and all between them, agree. One
//! that is far from the last one needs more: trades near it, or ten seconds.
//!
//! The middle of a wide book says little: half of it may be one order far away. What such a book does
//! prove is that the price is not above what somebody asks and not below what somebody bids. So the last price
//! stays as long as it is between the two and moves to the side that has passed it, at once where somebody has just
//! traded there: where one side is gone, the other may be one order of our own that nobody meets. Where the book stays
//! wide its middle counts every ten seconds. The middle of a very wide one never does.

use std::collections::VecDeque;
use std::time::Duration;

use model::{Decimal, Price, Timestamp};

/// What lasts less does not count.
pub(crate) const PERSISTENCE: Duration = Duration::from_secs(1);
/// Looks are not closer to each other.
pub(crate) const LOOK_EVERY: Duration = Duration::from_millis(100);
/// A middle so far from the last one, hundredths of a percent, needs trades near it.
const FAR_BPS: i64 = 500;
/// A price halved so often is less of it than that.
const NEAR_HALVES: u32 = 5;
/// The side of a wide book that has passed the last one needs trades as near as this.
const PASSED_BPS: i64 = 100;
/// As old trades may be, and as long what has none, or a wide book, has to stay.
const FAR_FOR: Duration = Duration::from_secs(10);
/// So many trades are looked at: whatever was traded before the last of them changes nothing any more.
pub const TRADES_LOOKED_AT: usize = 2;

/// What a complete book shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// The middle of sides that are close together.
    Tight(Price),
    /// They are not.
    Wide {
        bid: Price,
        ask: Price,
        /// Where they are not too far from each other for it to mean something.
        middle: Option<Price>,
    },
}

/// Of one instrument.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mark {
    /// Oldest first; the first one was so a second before the last.
    prices: VecDeque<(Timestamp, Price)>,
    /// Lowest and highest of them.
    range: Option<(Price, Price)>,
    trades: VecDeque<(Timestamp, Price)>,
    /// Since when the price is far away.
    far: Option<Timestamp>,
    /// Since when the book is wide, or its middle has last counted while it was.
    wide: Option<Timestamp>,
    /// Prices of a whole second were seen once.
    settled: bool,
}

impl Mark {
    /// Is the next look due?
    pub(crate) fn is_due(&self, now: Timestamp) -> bool {
        now >= self.next_look()
    }

    /// When the next look is due.
    pub(crate) fn next_look(&self) -> Timestamp {
        self.prices.back().map_or(Timestamp::EPOCH, |(at, _)| at.after(LOOK_EVERY))
    }

    /// Somebody traded.
    pub(crate) fn traded(&mut self, now: Timestamp, price: Price) {
        if self.trades.len() >= TRADES_LOOKED_AT {
            self.trades.pop_front();
        }
        self.trades.push_back((now, price));
    }

    /// The book, at a look that is due. Says whether it counts.
    pub(crate) fn looked(&mut self, now: Timestamp, look: Look) -> bool {
        let Some(price) = self.shown(now, look) else { return false };
        let is_far = self.prices.back().is_some_and(|(_, last)| !is_near(price, *last));
        if is_far && !self.is_traded_near(now, price) {
            let since = *self.far.get_or_insert(now);
            if now.since(since) < FAR_FOR {
                return false;
            }
        }
        self.far = None;
        self.prices.push_back((now, price));
        let second = now.before(PERSISTENCE);
        let mut range = self.range;
        while self.prices.get(1).is_some_and(|(at, _)| *at <= second) {
            let gone = self.prices.pop_front().map(|(_, price)| price);
            // What was neither the lowest nor the highest goes unnoticed.
            range =
                range.filter(|(low, high)| gone.is_some_and(|gone| *low < gone && gone < *high));
        }
        self.range = Some(match range {
            Some((low, high)) => (low.min(price), high.max(price)),
            None => self.range_of_all(price),
        });
        self.settled |= self.prices.front().is_some_and(|(at, _)| *at <= second);
        true
    }

    fn range_of_all(&self, last: Price) -> (Price, Price) {
        let (mut low, mut high) = (last, last);
        for (_, price) in &self.prices {
            (low, high) = (low.min(*price), high.max(*price));
        }
        (low, high)
    }

    /// The price that a book shows, going by the last one; `None` when it shows none.
    fn shown(&mut self, now: Timestamp, look: Look) -> Option<Price> {
        let (bid, ask, middle) = match look {
            Look::Tight(middle) => {
                self.wide = None;
                return Some(middle);
            }
            Look::Wide { bid, ask, middle } => (bid, ask, middle),
        };
        // The very first one is better than none, and nothing is measured by it yet.
        let Some((_, last)) = self.prices.back() else { return middle };
        let since = *self.wide.get_or_insert(now);
        match middle.filter(|_| now.since(since) >= FAR_FOR) {
            Some(middle) => {
                self.wide = Some(now);
                Some(middle)
            }
            None => {
                let passed = (*last).max(bid).min(ask);
                let is_met = passed == *last || self.is_traded_at(now, passed);
                is_met.then_some(passed)
            }
        }
    }

    /// May gains and losses be measured by it?
    pub(crate) const fn is_settled(&self) -> bool {
        self.settled
    }

    /// Highest of the last second.
    pub(crate) fn high(&self) -> Option<Price> {
        self.range.map(|(_, high)| high)
    }

    /// Lowest of the last second.
    pub(crate) fn low(&self) -> Option<Price> {
        self.range.map(|(low, _)| low)
    }

    fn is_traded_near(&self, now: Timestamp, price: Price) -> bool {
        let near = |(at, traded): &(Timestamp, Price)| {
            now.since(*at) <= FAR_FOR && is_near(price, *traded)
        };
        self.trades.len() == TRADES_LOOKED_AT && self.trades.iter().all(near)
    }

    /// Have the last trades met this side of a wide book? One alone may be the end of what stood there.
    fn is_traded_at(&self, now: Timestamp, price: Price) -> bool {
        let met = |(at, traded): &(Timestamp, Price)| {
            now.since(*at) <= FAR_FOR && is_within(PASSED_BPS, price, *traded)
        };
        self.trades.len() == TRADES_LOOKED_AT && self.trades.iter().all(met)
    }
}

/// Are they within [`FAR_BPS`] of the larger one?
fn is_near(one: Price, other: Price) -> bool {
    // Nearly always: within a 32nd, which is told without multiplying.
    let (less, more) = (one.min(other).get(), one.max(other).get());
    more.checked_sub(less).is_some_and(|gap| gap <= more.halved(NEAR_HALVES))
        || is_within(FAR_BPS, one, other)
}

fn is_within(bps: i64, one: Price, other: Price) -> bool {
    let (less, more) = (one.min(other).get(), one.max(other).get());
    let gap = more.checked_sub(less).and_then(|gap| gap.checked_times(10_000));
    let most = more.checked_times(bps);
    gap.zip(most).is_some_and(|(gap, most): (Decimal, Decimal)| gap <= most)
}

#[cfg(test)]
mod tests {
    use model::Rounding;
    use proptest::prelude::*;

    use super::*;
    use crate::testing::number;

    fn at(ms: u64) -> Timestamp {
        Timestamp::EPOCH.after(Duration::from_millis(ms))
    }

    enum Seen {
        Middle(&'static str),
        /// Bid and ask.
        Wide(&'static str, &'static str),
        /// So wide that there is no middle.
        Torn(&'static str, &'static str),
        Trade(&'static str),
    }
    use Seen::{Middle, Torn, Trade, Wide};

    type Case = (&'static [(u64, Seen)], &'static str, &'static str);

    /// Milliseconds and what was seen, then the lowest and the highest of the last second.
    const CASES: &[Case] = &[
        (&[(0, Middle("100"))], "100", "100"),
        (&[(0, Middle("100")), (500, Middle("98"))], "98", "100"),
        // A fall counts when it was so a second ago and is so now.
        (&[(0, Middle("100")), (100, Middle("98")), (1_000, Middle("98"))], "98", "100"),
        (&[(0, Middle("100")), (100, Middle("98")), (1_100, Middle("98"))], "98", "98"),
        // Silence is no second look.
        (&[(0, Middle("100")), (5_000, Middle("98"))], "98", "100"),
        // Back within the second.
        (&[(0, Middle("100")), (100, Middle("98")), (900, Middle("100"))], "98", "100"),
        (
            &[
                (0, Middle("100")),
                (100, Middle("98")),
                (900, Middle("100")),
                (1_900, Middle("100")),
            ],
            "100",
            "100",
        ),
        // Prints move nothing.
        (&[(0, Middle("100")), (1, Trade("0.1")), (2, Trade("0.1"))], "100", "100"),
        // Far away: not without trades there, not with one, and with two.
        (&[(0, Middle("100")), (100, Middle("0.1")), (1_200, Middle("0.1"))], "100", "100"),
        (
            &[(0, Middle("100")), (1, Trade("100")), (2, Trade("50")), (100, Middle("50"))],
            "100",
            "100",
        ),
        (
            &[(0, Middle("100")), (1, Trade("50")), (2, Trade("50")), (100, Middle("50"))],
            "50",
            "100",
        ),
        // Or when it stays.
        (&[(0, Middle("100")), (100, Middle("50")), (10_099, Middle("50"))], "100", "100"),
        (&[(0, Middle("100")), (100, Middle("50")), (10_100, Middle("50"))], "50", "100"),
        // One side is gone and an order far behind it stands for it: trades do not help, time does.
        (
            &[(0, Middle("100")), (1, Trade("98")), (2, Trade("98")), (100, Wide("95.9", "100.1"))],
            "100",
            "100",
        ),
        (
            &[
                (0, Middle("100")),
                (100, Wide("95.9", "100.1")),
                (9_000, Wide("95.9", "100.1")),
                (10_100, Wide("95.9", "100.1")),
            ],
            "98",
            "100",
        ),
        // A wide book that has passed the last price moves it, either way, as far as it must, where that was met.
        (
            &[(0, Middle("100")), (1, Trade("98")), (2, Trade("98.5")), (100, Wide("95", "98"))],
            "98",
            "100",
        ),
        (
            &[(0, Middle("100")), (1, Trade("102")), (2, Trade("102")), (100, Wide("102", "105"))],
            "100",
            "102",
        ),
        // Nobody has traded there: it may be one order, and our own.
        (&[(0, Middle("100")), (100, Wide("95", "98")), (9_000, Wide("95", "98"))], "100", "100"),
        (
            &[(0, Middle("100")), (1, Trade("100")), (2, Trade("100")), (100, Wide("104", "108"))],
            "100",
            "100",
        ),
        // Also one that has no middle; it never has one.
        (
            &[(0, Middle("100")), (1, Trade("97")), (2, Trade("97")), (100, Torn("50", "97"))],
            "97",
            "100",
        ),
        (&[(0, Middle("100")), (100, Torn("50", "70"))], "100", "100"),
        (
            &[(0, Middle("100")), (1, Trade("70")), (2, Trade("70")), (100, Torn("50", "70"))],
            "70",
            "100",
        ),
        (&[(0, Middle("100")), (100, Torn("1", "101")), (20_000, Torn("1", "101"))], "100", "100"),
        // Back meanwhile: it did not stay.
        (
            &[
                (0, Middle("100")),
                (100, Middle("50")),
                (5_000, Middle("100")),
                (10_100, Middle("50")),
            ],
            "100",
            "100",
        ),
    ];

    fn wide(bid: &str, ask: &str, has_middle: bool) -> Look {
        let (bid, ask) = (number::<Price>(bid), number::<Price>(ask));
        let sum = bid.get().checked_add(ask.get()).unwrap();
        let middle = sum.checked_mul(Decimal::new(5, 1), Rounding::Down).unwrap();
        let middle = has_middle.then(|| Price::try_from(middle).unwrap());
        Look::Wide { bid, ask, middle }
    }

    /// A book that is always two percent wide and falls by a tenth in five seconds: the price is never more
    /// than its half behind the middle. And one that has never been anything else has a price.
    #[test]
    fn a_wide_book_is_followed() {
        let mut mark = Mark::default();
        assert!(!mark.looked(at(0), wide("50", "150", false)), "the first needs a middle");
        for look in 0..50 {
            let middle = Decimal::new(10_000 - look * 20, 2);
            let side = |cents| Price::try_from(middle.checked_add(Decimal::new(cents, 2)).unwrap());
            let (bid, ask) = (side(-100).unwrap(), side(100).unwrap());
            let middle = Price::try_from(middle).ok();
            let now = at(u64::try_from(look).unwrap() * 100);
            // Buyers meet what is asked.
            for _ in 0..TRADES_LOOKED_AT {
                mark.traded(now, ask);
            }
            assert!(mark.looked(now, Look::Wide { bid, ask, middle }), "{look}");
            let shown = mark.low().unwrap();
            assert!(bid <= shown && shown <= ask, "{look}: {shown}");
        }
    }

    #[test]
    fn what_lasts_less_than_a_second_does_not_count() {
        for (index, (seen, low, high)) in CASES.iter().enumerate() {
            let mut mark = Mark::default();
            for (ms, what) in *seen {
                match what {
                    Middle(price) => drop(mark.looked(at(*ms), Look::Tight(number(price)))),
                    Wide(bid, ask) => drop(mark.looked(at(*ms), wide(bid, ask, true))),
                    Torn(bid, ask) => drop(mark.looked(at(*ms), wide(bid, ask, false))),
                    Trade(price) => mark.traded(at(*ms), number(price)),
                }
            }
            let shown = (mark.low().unwrap(), mark.high().unwrap());
            assert_eq!(shown, (number(low), number(high)), "case {index}");
        }
    }

    proptest! {
        /// The twin: all prices of the last second looked through.
        #[test]
        fn lowest_and_highest_are_those_of_the_second(looks in prop::collection::vec((0u64..700, 90i64..110), 1..100)) {
            let (mut mark, mut now) = (Mark::default(), 0);
            for (pause, price) in looks {
                now += pause;
                mark.looked(at(now), Look::Tight(number(&price.to_string())));
                let prices = || mark.prices.iter().map(|(_, price)| *price);
                prop_assert_eq!((mark.low(), mark.high()), (prices().min(), prices().max()));
            }
        }
    }

    #[test]
    fn it_is_settled_after_a_second_and_keeps_a_second() {
        let mut mark = Mark::default();
        for look in 0..1_000 {
            assert_eq!(mark.is_settled(), look > 10, "look {look}");
            assert!(mark.is_due(at(look * 100)));
            mark.looked(at(look * 100), Look::Tight(number("100")));
            assert!(!mark.is_due(at(look * 100 + 99)));
            assert!(mark.prices.len() <= 12, "{}", mark.prices.len());
        }
    }
}
