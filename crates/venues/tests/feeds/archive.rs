//! What happened at the venue, instrument by instrument: every change of the book by number, the book
//! as it is now, and the book as it was when a client last heard of it.

use std::collections::BTreeMap;

use crate::fold::{Fold, Set};

/// One instrument.
#[derive(Default)]
pub(crate) struct Archive {
    changes: BTreeMap<u64, Vec<Set>>,
    /// Number of the next change.
    next: u64,
    /// The book now; `None` until it is known.
    head: Option<Fold>,
    /// The book before the change of this number.
    seen: Option<(Fold, u64)>,
    /// All public trades by number, as an answer prints them.
    pub(crate) trades: BTreeMap<u64, String>,
}

impl Archive {
    /// The book was this before the change of this number.
    pub(crate) fn begin(&mut self, book: Fold, number: u64) {
        let mut head = book.clone();
        self.changes.range(number..).for_each(|(_, change)| head.apply(change));
        self.head = Some(head);
        self.seen = Some((book, number));
    }

    /// The next change happens; its number.
    pub(crate) fn change(&mut self, change: Vec<Set>) -> u64 {
        let number = self.next;
        self.next += 1;
        if let Some(head) = &mut self.head {
            head.apply(&change);
        }
        self.changes.insert(number, change);
        number
    }

    /// A change that the recording does not have.
    pub(crate) fn skip(&mut self) {
        self.next += 1;
    }

    /// Number of the next change.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    /// The book now.
    pub(crate) fn head(&self) -> Option<&Fold> {
        self.head.as_ref()
    }

    /// The book before the change of this number, which must not go back.
    pub(crate) fn before(&mut self, number: u64) -> &Fold {
        let (book, at) = self.seen.as_mut().unwrap();
        assert!(*at <= number, "the client went back from {at} to {number}");
        self.changes.range(*at..number).for_each(|(_, change)| book.apply(change));
        *at = number;
        book
    }
}
