//! Where the two steps that lift a halt stand. What is done with it is in `resume.rs`.

use model::{InstrumentId, NetQty, ResumeCode, Timestamp};

use crate::books::Latch;

/// Where a resume stands.
#[derive(Debug, Default)]
pub(crate) struct Resume {
    pub(crate) pending: Option<Pending>,
    /// Why there is no first step any more that a second one could follow.
    pub(crate) void: &'static str,
    /// Why the last try was refused; empty when it was not.
    pub(crate) refused: Vec<String>,
}

/// A first step that was taken.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) code: ResumeCode,
    pub(crate) at: Timestamp,
    pub(crate) shown: Shown,
}

/// What a code is bound to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) latch: Latch,
    pub(crate) positions: Vec<(InstrumentId, NetQty)>,
}

impl Resume {
    /// What was shown is not so any more.
    pub(crate) fn is_void(&mut self, why: &'static str) {
        if self.pending.take().is_some() {
            self.void = why;
        }
    }
}
