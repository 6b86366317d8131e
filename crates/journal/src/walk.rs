//! Follows the chain of a journal's hashes from entry to entry, whichever store they are read from.

use crate::chain::{self, Hash};
use crate::place::Place;
use crate::storage::StoreError;

/// How far the chain has been followed.
pub(crate) struct Walk<'p> {
    place: &'p Place,
    /// Number of the last entry that was followed, and its hash.
    after: u64,
    hash: Hash,
    /// The entry that the chain is taken up at is still to come.
    start: bool,
    #[cfg(feature = "defects")]
    trusting: bool,
}

impl<'p> Walk<'p> {
    /// Behind this number, and behind what was removed.
    pub(crate) fn behind(place: &'p Place, after: u64, (removed, hash): (u64, Hash)) -> Walk<'p> {
        let after = after.max(removed);
        Walk {
            place,
            after,
            hash,
            start: after > removed,
            #[cfg(feature = "defects")]
            trusting: false,
        }
    }

    /// A deliberate bug: what the hashes say is not looked at.
    #[cfg(feature = "defects")]
    pub(crate) const fn trust(&mut self, trusting: bool) {
        self.trusting = trusting;
    }

    #[cfg(feature = "defects")]
    const fn trusts(&self) -> bool {
        self.trusting
    }

    #[cfg(not(feature = "defects"))]
    const fn trusts(&self) -> bool {
        false
    }

    /// The number of the entry that has to come now: the first one of all may be the one that the chain is
    /// taken up at.
    pub(crate) const fn next(&self) -> u64 {
        if self.start { self.after } else { self.after.saturating_add(1) }
    }

    /// How many entries come first that are only what the chain is taken up at: one or none.
    pub(crate) const fn taken_up_at(&self) -> u64 {
        self.start as u64
    }

    /// The number of the last entry that was followed.
    pub(crate) const fn last(&self) -> u64 {
        self.after
    }

    /// That the entry which has come is the one that had to: none is missing.
    pub(crate) fn is_next(&self, seq: Option<u64>) -> Result<u64, StoreError> {
        let next = self.next();
        if seq == Some(next) {
            return Ok(next);
        }
        Err(StoreError::damaged(self.place, next, "it is missing"))
    }

    /// Takes its text and its hash. `false` for the one that the chain is only taken up at.
    pub(crate) fn follow(&mut self, body: &[u8], kept: Hash) -> Result<bool, StoreError> {
        if self.start {
            (self.hash, self.start) = (kept, false);
            return Ok(false);
        }
        let seq = self.next();
        self.hash = chain::next(&self.hash, body);
        if self.hash != kept && !self.trusts() {
            return Err(StoreError::damaged(self.place, seq, "its hash does not fit its text"));
        }
        self.after = seq;
        Ok(true)
    }
}
