//! Which books of a connection are known.
//!
//! There is nothing to join: the REST book carries no number. A book begins with the snapshot that the
//! channel sends after every subscription and goes on with its updates as long as no message of the
//! connection is missing ([`Sequence`](super::Sequence)).

use std::collections::BTreeSet;

use model::InstrumentId;

use super::market::BookChange;

/// Which books of one connection are known. A new connection takes a new one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Books {
    known: BTreeSet<InstrumentId>,
}

/// What to do with a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BookStep {
    /// The whole book: replace it.
    Replace,
    /// Continues the book: set its levels. A book that is crossed after the last level of the change is
    /// corrupt: say [`Books::lost`] and subscribe again.
    Apply,
    /// No snapshot has come yet.
    Wait,
}

impl Books {
    /// A change came.
    pub fn take(&mut self, change: &BookChange) -> BookStep {
        if change.snapshot {
            self.known.insert(change.instrument);
            return BookStep::Replace;
        }
        if self.known.contains(&change.instrument) { BookStep::Apply } else { BookStep::Wait }
    }

    /// This book cannot be relied on any more; until the next snapshot it is not known.
    pub fn lost(&mut self, instrument: InstrumentId) {
        self.known.remove(&instrument);
    }

    /// Messages are missing: no book is known, whichever they were about.
    pub fn lost_all(&mut self) {
        self.known.clear();
    }

    /// Is this book known?
    pub fn is_known(&self, instrument: InstrumentId) -> bool {
        self.known.contains(&instrument)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_book_begins_with_its_snapshot_and_ends_with_a_loss() {
        let change = |name: &str, snapshot| BookChange {
            instrument: InstrumentId::new(name).unwrap(),
            snapshot,
            levels: 0..0,
        };
        let mut books = Books::default();
        assert_eq!(books.take(&change("BTC-USD", false)), BookStep::Wait);
        assert_eq!(books.take(&change("BTC-USD", true)), BookStep::Replace);
        assert_eq!(books.take(&change("BTC-USD", false)), BookStep::Apply);
        assert_eq!(books.take(&change("ETH-USD", false)), BookStep::Wait, "another book");
        books.take(&change("ETH-USD", true));
        books.lost(InstrumentId::new("BTC-USD").unwrap());
        assert_eq!(books.take(&change("BTC-USD", false)), BookStep::Wait);
        assert_eq!(books.take(&change("ETH-USD", false)), BookStep::Apply);
        books.lost_all();
        assert_eq!(books.take(&change("ETH-USD", false)), BookStep::Wait);
        assert_eq!(books.take(&change("ETH-USD", true)), BookStep::Replace);
        assert!(books.is_known(InstrumentId::new("ETH-USD").unwrap()));
    }
}
