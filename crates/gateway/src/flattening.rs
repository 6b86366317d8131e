//! How far the closing of positions is. What is done with it is in `flatten.rs`.

use std::collections::BTreeMap;
use std::time::Duration;

use model::{Closing, InstrumentId, Timestamp};

use crate::slice::Steady;

/// How far the closing of each position is. Nothing of it is kept: after a restart it is looked at anew, and
/// what is open is in the books.
#[derive(Debug, Default)]
pub(crate) struct Flatten {
    pub(crate) of: BTreeMap<InstrumentId, Progress>,
    pub(crate) slices: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Progress {
    pub(crate) steady: Steady,
    /// Not looked at again before this.
    pub(crate) next: Timestamp,
    pub(crate) held_since: Option<Timestamp>,
    pub(crate) said: Option<Closing>,
}

impl Progress {
    /// Is it to be told? A pause only after it has lasted so long.
    pub(crate) fn lasts(
        &mut self,
        now: Timestamp,
        closing: &Closing,
        said_after: Duration,
    ) -> bool {
        if !matches!(closing, Closing::Held(_)) {
            self.held_since = None;
            return true;
        }
        now.since(*self.held_since.get_or_insert(now)) >= said_after
    }
}
