//! Public trades of one instrument, each exactly once, and the ones that were missed.
//!
//! Venues number trades without holes within an instrument. So what is repeated after a reconnect,
//! or told by two connections at once, is known by its number, and so is what was missed; that is
//! fetched, and passed on once, marked as late.

use model::market::PublicTrade;

/// Trades that are fetched for one hole; of a longer one only the newest are.
pub const MISSED_MAX: u64 = 5_000;

/// What to do with a trade that a stream told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TapeStep {
    /// News.
    New,
    /// Told before.
    Duplicate,
    /// News, and trades before it were missed.
    NewAfterGap {
        /// First number that is missing.
        first: u64,
        /// How many.
        count: u64,
    },
}

/// The trades of one instrument, as far as they were seen.
#[derive(Clone, Debug, Default)]
pub struct Tape {
    last: Option<u64>,
    /// Numbers that are being fetched, both inclusive. One hole at a time: a second one before the
    /// first is filled widens it, and what had been seen in between is told apart by `seen`.
    missing: Option<(u64, u64)>,
    /// Trades seen while a hole is open, which lie inside it since it was widened.
    seen: Option<(u64, u64)>,
}

impl Tape {
    /// A stream told this trade.
    pub fn told(&mut self, id: u64) -> TapeStep {
        let Some(last) = self.last else {
            self.last = Some(id);
            return TapeStep::New;
        };
        if id <= last {
            return TapeStep::Duplicate;
        }
        self.last = Some(id);
        if id == last + 1 {
            return TapeStep::New;
        }
        let (first, until) = ((last + 1).max(id.saturating_sub(MISSED_MAX)), id - 1);
        match self.missing {
            // Two holes with something seen between them.
            Some((earlier, end)) if self.seen.is_none() => {
                self.missing = Some((earlier, until));
                self.seen = Some((end + 1, last));
            }
            // A third one while two are open: the older ones are given up.
            Some(_) | None => {
                self.missing = Some((first, until));
                self.seen = None;
            }
        }
        let first = self.missing.map_or(first, |(first, _)| first);
        TapeStep::NewAfterGap { first, count: until - first + 1 }
    }

    /// Trades were fetched, oldest first: keeps those that had been missed. Returns where to go on
    /// fetching, if something is still missing.
    pub fn fetched(&mut self, trades: &mut Vec<PublicTrade>) -> Option<u64> {
        let Some((first, until)) = self.missing else {
            trades.clear();
            return None;
        };
        let newest = trades.last().map(|trade| trade.id);
        let seen = self.seen;
        trades.retain(|trade| {
            (first..=until).contains(&trade.id)
                && !seen.is_some_and(|(from, to)| (from..=to).contains(&trade.id))
        });
        match newest {
            Some(newest) if newest >= first && newest < until => {
                self.missing = Some((newest + 1, until));
                Some(newest + 1)
            }
            // All there, or the venue has no more of them.
            Some(_) | None => {
                self.missing = None;
                self.seen = None;
                None
            }
        }
    }

    /// Where to start fetching; `None` when nothing is missing.
    pub fn missing_from(&self) -> Option<u64> {
        self.missing.map(|(first, _)| first)
    }
}

#[cfg(test)]
mod tests {
    use model::market::{GridPrice, GridQty};
    use model::{Side, Timestamp};

    use super::*;

    fn trades(ids: impl IntoIterator<Item = u64>) -> Vec<PublicTrade> {
        let trade = |id| PublicTrade {
            id,
            price: GridPrice(1),
            qty: GridQty(1),
            taker_side: Side::Buy,
            time: Timestamp::EPOCH,
        };
        ids.into_iter().map(trade).collect()
    }

    fn fetch(tape: &mut Tape, ids: impl IntoIterator<Item = u64>) -> (Vec<u64>, Option<u64>) {
        let mut found = trades(ids);
        let next = tape.fetched(&mut found);
        (found.iter().map(|trade| trade.id).collect(), next)
    }

    #[test]
    fn each_trade_once_whichever_way_it_comes() {
        let mut tape = Tape::default();
        let steps: Vec<_> = [5, 6, 6, 5, 7].into_iter().map(|id| tape.told(id)).collect();
        use TapeStep::{Duplicate, New};
        assert_eq!(steps, [New, New, Duplicate, Duplicate, New]);
        assert_eq!(tape.told(10), TapeStep::NewAfterGap { first: 8, count: 2 });
        assert_eq!(fetch(&mut tape, 7..=12), (vec![8, 9], None));
        assert_eq!(fetch(&mut tape, 7..=12), (vec![], None), "once");
    }

    #[test]
    fn a_long_hole_is_fetched_page_by_page_and_a_very_long_one_is_cut() {
        let mut tape = Tape::default();
        tape.told(1);
        tape.told(2_002);
        assert_eq!(fetch(&mut tape, 2..=1_001), ((2..=1_001).collect(), Some(1_002)));
        assert_eq!(fetch(&mut tape, 1_002..=2_001), ((1_002..=2_001).collect(), None));
        tape.told(100_000);
        assert_eq!(tape.missing_from(), Some(100_000 - MISSED_MAX));
    }

    #[test]
    fn a_second_hole_before_the_first_is_filled_repeats_nothing() {
        let mut tape = Tape::default();
        tape.told(1);
        tape.told(4);
        tape.told(5);
        assert_eq!(tape.told(8), TapeStep::NewAfterGap { first: 2, count: 6 });
        assert_eq!(fetch(&mut tape, 1..=8), (vec![2, 3, 6, 7], None));
    }

    #[test]
    fn a_venue_that_has_no_more_ends_it() {
        let mut tape = Tape::default();
        tape.told(1);
        tape.told(9);
        assert_eq!(fetch(&mut tape, []), (vec![], None));
        assert_eq!(tape.missing_from(), None);
    }
}
