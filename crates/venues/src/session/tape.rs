//! Public trades of one instrument, each exactly once, and the ones that were missed.
//!
//! Venues number trades without holes within an instrument. So what is repeated after a reconnect,
//! or told by two connections at once, is known by its number, and so is what was missed; that is
//! fetched, and passed on once, marked as late.

use model::market::PublicTrade;

/// Trades that may be missing at once; of more only the newest are fetched.
pub const MISSED_MAX: u64 = 5_000;
/// Answers in a row without a missing trade in them, refusals among them, after which nothing more is
/// expected: a venue's archive may be behind its stream for a moment.
pub const FRUITLESS_MAX: u32 = 10;

/// What to do with a trade that a stream told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TapeStep {
    /// News.
    New,
    /// Told before.
    Duplicate,
    /// News, and trades just before it were missed.
    NewAfterGap {
        /// First number that was missed.
        first: u64,
        /// How many.
        count: u64,
    },
}

/// The trades of one instrument, as far as they were seen.
#[derive(Clone, Debug, Default)]
pub struct Tape {
    last: Option<u64>,
    /// Numbers that were missed and not fetched yet, both inclusive, oldest first; together at most
    /// [`MISSED_MAX`]. Several holes: a connection may break again and again before one is filled.
    missing: Vec<(u64, u64)>,
    fruitless: u32,
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
        self.missing.push((last + 1, id - 1));
        self.forget_oldest();
        TapeStep::NewAfterGap { first: last + 1, count: id - 1 - last }
    }

    /// Keeps no more than may be fetched.
    fn forget_oldest(&mut self) {
        let length = |(first, until): &(u64, u64)| until - first + 1;
        let mut excess = self.missing.iter().map(length).sum::<u64>().saturating_sub(MISSED_MAX);
        while excess > 0
            && let Some(oldest) = self.missing.first_mut()
        {
            let gone = length(oldest).min(excess);
            oldest.0 += gone;
            excess -= gone;
            self.missing.retain(|(first, until)| first <= until);
        }
    }

    /// Trades were fetched, oldest first and without holes of their own: keeps those that had been
    /// missed. Whatever is older than the newest of them is settled: the venue has no more to tell of
    /// it. Returns where to go on fetching, if something newer is still missing.
    pub fn fetched(&mut self, trades: &mut Vec<PublicTrade>) -> Option<u64> {
        let newest = trades.last().map(|trade| trade.id);
        let missing = &mut self.missing;
        let missed = |id| missing.iter().any(|(first, until)| (*first..=*until).contains(&id));
        trades.retain(|trade| missed(trade.id));
        if let Some(newest) = newest {
            missing.iter_mut().for_each(|(first, _)| *first = (*first).max(newest + 1));
            missing.retain(|(first, until)| first <= until);
        }
        self.fruitless = if trades.is_empty() { self.fruitless + 1 } else { 0 };
        if self.fruitless >= FRUITLESS_MAX {
            self.give_up();
        }
        self.missing_from()
    }

    /// The venue does not tell what is missing: it stays so.
    fn give_up(&mut self) {
        self.missing.clear();
        self.fruitless = 0;
    }

    /// Where to start fetching; `None` when nothing is missing.
    pub fn missing_from(&self) -> Option<u64> {
        self.missing.first().map(|(first, _)| *first)
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
    fn holes_before_the_first_is_filled_repeat_nothing_and_lose_nothing() {
        let mut tape = Tape::default();
        tape.told(1);
        tape.told(4);
        tape.told(5);
        assert_eq!(tape.told(8), TapeStep::NewAfterGap { first: 6, count: 2 });
        assert_eq!(tape.told(10), TapeStep::NewAfterGap { first: 9, count: 1 });
        assert_eq!(fetch(&mut tape, 2..=7), (vec![2, 3, 6, 7], Some(9)));
        assert_eq!(fetch(&mut tape, 2..=7), (vec![], Some(9)), "an answer to an older question");
        assert_eq!(fetch(&mut tape, 9..=12), (vec![9], None));
    }

    #[test]
    fn a_venue_that_has_no_more_ends_it() {
        let mut tape = Tape::default();
        tape.told(1);
        tape.told(9);
        for _ in 1..FRUITLESS_MAX {
            assert_eq!(fetch(&mut tape, []), (vec![], Some(2)), "it may be behind its stream");
        }
        assert_eq!(fetch(&mut tape, []), (vec![], None));
    }

    #[test]
    fn of_many_holes_the_oldest_are_given_up() {
        let mut tape = Tape::default();
        (0..=MISSED_MAX + 10).for_each(|step| {
            tape.told(1 + 2 * step);
        });
        assert_eq!(tape.missing_from(), Some(22));
        tape.told(2 * MISSED_MAX + 24);
        assert_eq!(tape.missing_from(), Some(26), "two more, at the end");
    }

    /// Numbers that the venue jumps over, and a page that begins too late.
    #[test]
    fn what_is_older_than_an_answer_is_settled() {
        let mut tape = Tape::default();
        tape.told(1);
        tape.told(9);
        assert_eq!(fetch(&mut tape, [4, 6]), (vec![4, 6], Some(7)));
        tape.give_up();
        assert_eq!(tape.missing_from(), None);
        assert_eq!(tape.told(9), TapeStep::Duplicate);
    }
}
