//! Joins a snapshot with the stream of changes, by sequence number.
//!
//! Changes are kept while the snapshot is on its way; then those that it already holds are dropped
//! and the rest is applied to it. From there on every change must follow the last one without a
//! hole. A hole means that the book is not known any more, and it starts again.
//!
//! Source: web-socket-streams.md "How to manage a local order book correctly", read 2026-07-21.

use model::Side;
use model::market::{BookUpdate, LevelUpdate};
use model::venue::BookSnapshot;

/// Changes that are kept while a snapshot is on its way: at ten a second more than three minutes.
/// Beyond that the oldest goes, and the snapshot will have to be newer.
pub const CHANGES_MAX: usize = 2_048;

/// The book of one instrument on its way to being known.
#[derive(Debug, Default)]
pub struct BookSync {
    state: State,
}

#[derive(Debug)]
enum State {
    /// Not known; changes since the connection came up.
    Waiting { changes: Vec<Change>, asked: bool },
    /// Known up to this change.
    Synced { last: u64 },
}

impl Default for State {
    fn default() -> State {
        State::Waiting { changes: Vec::new(), asked: false }
    }
}

#[derive(Debug)]
struct Change {
    first: u64,
    last: u64,
    levels: Vec<LevelUpdate>,
}

/// What to do next.
#[derive(Debug, PartialEq, Eq)]
pub enum SyncStep {
    /// Nothing: a snapshot is on its way.
    Wait,
    /// Ask for a snapshot. Said once; again only after [`BookSync::failed`] or an answer that was
    /// too old.
    Ask,
    /// The change just given continues the book: apply it.
    Apply,
    /// This is the whole book.
    Book(BookUpdate),
    /// The change just given was seen before.
    Duplicate,
    /// Changes are missing: the book is no longer known. Ask for a snapshot.
    Gap {
        /// First number that is missing.
        expected: u64,
        /// What came instead.
        got: u64,
    },
}

impl BookSync {
    /// A change came, numbers `first` to `last`.
    pub fn change(&mut self, first: u64, last: u64, levels: &[LevelUpdate]) -> SyncStep {
        match &mut self.state {
            State::Waiting { changes, asked } => {
                if changes.len() == CHANGES_MAX {
                    changes.remove(0);
                }
                changes.push(Change { first, last, levels: levels.to_vec() });
                if std::mem::replace(asked, true) { SyncStep::Wait } else { SyncStep::Ask }
            }
            State::Synced { last: known } if last <= *known => SyncStep::Duplicate,
            State::Synced { last: known } if first > *known + 1 => {
                let expected = *known + 1;
                let change = Change { first, last, levels: levels.to_vec() };
                self.state = State::Waiting { changes: vec![change], asked: true };
                SyncStep::Gap { expected, got: first }
            }
            State::Synced { last: known } => {
                *known = last;
                SyncStep::Apply
            }
        }
    }

    /// The snapshot came.
    pub fn snapshot(&mut self, snapshot: &BookSnapshot) -> SyncStep {
        let State::Waiting { changes, .. } = &mut self.state else { return SyncStep::Wait };
        let mut known = snapshot.update_id;
        changes.retain(|change| change.last > known);
        let mut levels = Vec::with_capacity(snapshot.bids.len() + snapshot.asks.len());
        for (side, side_levels) in [(Side::Buy, &snapshot.bids), (Side::Sell, &snapshot.asks)] {
            levels.extend(side_levels.iter().map(|level| LevelUpdate {
                side,
                price: level.price,
                qty: level.qty,
            }));
        }
        for change in changes.iter() {
            if change.first > known + 1 {
                // Older than the first change we have, or our changes have a hole: ask again.
                return SyncStep::Ask;
            }
            levels.extend_from_slice(&change.levels);
            known = change.last;
        }
        self.state = State::Synced { last: known };
        SyncStep::Book(BookUpdate { snapshot: true, levels })
    }

    /// The snapshot is to be asked for now, unless that is done or the book is known.
    pub fn ask(&mut self) -> bool {
        match &mut self.state {
            State::Waiting { asked, .. } => !std::mem::replace(asked, true),
            State::Synced { .. } => false,
        }
    }

    /// The question for a snapshot came to nothing; the next change asks again.
    pub fn failed(&mut self) {
        if let State::Waiting { asked, .. } = &mut self.state {
            *asked = false;
        }
    }

    /// The connection is gone: there is no replay, so everything starts again.
    pub fn lost(&mut self) {
        self.state = State::default();
    }

    /// Is the book known?
    pub const fn is_synced(&self) -> bool {
        matches!(self.state, State::Synced { .. })
    }
}

#[cfg(test)]
mod tests {
    use model::InstrumentId;
    use model::market::{GridPrice, GridQty, Level};

    use super::*;

    fn snapshot(update_id: u64) -> BookSnapshot {
        let level = |price| Level { price: GridPrice(price), qty: GridQty(1) };
        let instrument = InstrumentId::new("BTC-USDT").unwrap();
        BookSnapshot { instrument, update_id, bids: vec![level(99)], asks: vec![level(101)] }
    }

    fn bid(price: i64, qty: i64) -> [LevelUpdate; 1] {
        [LevelUpdate { side: Side::Buy, price: GridPrice(price), qty: GridQty(qty) }]
    }

    #[test]
    fn changes_in_the_snapshot_are_dropped_and_the_rest_is_applied() {
        let mut sync = BookSync::default();
        assert_eq!(sync.change(5, 7, &bid(97, 9)), SyncStep::Ask);
        assert_eq!(sync.change(8, 10, &bid(98, 2)), SyncStep::Wait);
        assert_eq!(sync.change(11, 12, &bid(98, 3)), SyncStep::Wait);
        let SyncStep::Book(book) = sync.snapshot(&snapshot(9)) else { panic!("no book") };
        let bids: Vec<_> = book.levels.iter().filter(|l| l.side == Side::Buy).collect();
        let found: Vec<_> = bids.iter().map(|l| (l.price.0, l.qty.0)).collect();
        assert_eq!(found, [(99, 1), (98, 2), (98, 3)], "the change up to 7 is in the snapshot");
        assert_eq!(sync.change(13, 13, &bid(1, 1)), SyncStep::Apply);
    }

    /// Snapshot at 9: what the first change must look like.
    #[test]
    fn both_sides_of_the_joint() {
        for (first, last, step) in [
            (9, 9, SyncStep::Duplicate),
            (9, 10, SyncStep::Apply),
            (10, 10, SyncStep::Apply),
            (11, 12, SyncStep::Gap { expected: 10, got: 11 }),
        ] {
            let mut sync = BookSync::default();
            assert!(matches!(sync.snapshot(&snapshot(9)), SyncStep::Book(_)));
            assert_eq!(sync.change(first, last, &bid(1, 1)), step, "{first}..{last}");
        }
    }

    #[test]
    fn a_snapshot_older_than_the_changes_is_asked_for_again() {
        let mut sync = BookSync::default();
        assert_eq!(sync.change(20, 21, &bid(1, 1)), SyncStep::Ask);
        assert_eq!(sync.snapshot(&snapshot(18)), SyncStep::Ask);
        assert!(matches!(sync.snapshot(&snapshot(19)), SyncStep::Book(_)));
        assert!(sync.is_synced());
    }

    #[test]
    fn after_a_gap_the_change_behind_it_is_kept() {
        let mut sync = BookSync::default();
        sync.snapshot(&snapshot(9));
        assert_eq!(sync.change(12, 13, &bid(98, 4)), SyncStep::Gap { expected: 10, got: 12 });
        assert_eq!(sync.change(14, 14, &bid(98, 5)), SyncStep::Wait);
        let SyncStep::Book(book) = sync.snapshot(&snapshot(12)) else { panic!("no book") };
        assert_eq!(book.levels.len(), 4);
        sync.lost();
        assert!(!sync.is_synced());
    }

    #[test]
    fn what_waits_is_bounded_and_a_lost_question_is_asked_again() {
        let mut sync = BookSync::default();
        for number in 1..=CHANGES_MAX as u64 + 5 {
            sync.change(number, number, &bid(1, 1));
        }
        assert_eq!(sync.snapshot(&snapshot(1)), SyncStep::Ask, "the first changes are gone");
        sync.failed();
        assert_eq!(sync.change(9_999, 9_999, &bid(1, 1)), SyncStep::Ask);
    }
}
