//! How far a sink is: the number of the last entry that its target has acknowledged, with what was held then.

use model::Timestamp;
use serde::{Deserialize, Serialize};

use crate::fold::Fold;

/// Written after the acknowledgement, so what it says is at most too little.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// The journal's tag; a cursor of another journal says nothing.
    pub journal: String,
    /// Where the rows went; a cursor of another place says nothing.
    pub place: String,
    /// Number of the last entry that is there.
    pub had: u64,
    /// The time of that entry, by which it is known again.
    pub had_at: Timestamp,
    /// What the entries up to it come to.
    pub(crate) fold: Fold,
}
