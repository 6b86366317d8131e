//! Changes of a book that wait to be told together; when they do is in `waiting.rs`.

use engine::Rest;
use model::market::{GridPrice, LevelUpdate};

/// What waits, and for how long it may.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    /// `None` when it has to be asked for.
    pub(crate) rest: Option<Resting>,
    /// Of which market, and when the last of it was.
    pub(crate) of: Option<(usize, i64)>,
    pub(crate) levels: Vec<LevelUpdate>,
}

/// For how long what happens to one market may wait.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Resting {
    pub(crate) market: usize,
    pub(crate) rest: Rest,
    /// As gateway and strategy know them.
    pub(crate) best: Option<(GridPrice, GridPrice)>,
}
