//! What happened to a market and waits to be told together; when it does is in `waiting.rs`.

use std::collections::VecDeque;

use engine::Rest;
use model::market::{GridPrice, LevelUpdate, PublicTrade};

/// What waits, and for how long it may.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    /// `None` when it has to be asked for.
    pub(crate) rest: Option<Resting>,
    /// Of which market.
    pub(crate) of: Option<usize>,
    /// When its book last changed, where it did.
    pub(crate) book_at: Option<i64>,
    /// All that changed in it.
    pub(crate) levels: Vec<LevelUpdate>,
    /// The last trades with their times, oldest first; all before them are forgotten.
    pub(crate) trades: VecDeque<(i64, PublicTrade)>,
    /// So many of these came before the last change of the book.
    pub(crate) before_book: usize,
}

impl Waiting {
    /// One more trade, of which so many are kept.
    pub(crate) fn traded(&mut self, at: i64, trade: PublicTrade, kept: usize) {
        if self.trades.len() >= kept {
            self.trades.pop_front();
            self.before_book = self.before_book.saturating_sub(1);
        }
        self.trades.push_back((at, trade));
    }

    /// The book has changed so.
    pub(crate) fn changed(&mut self, at: i64, levels: &[LevelUpdate]) {
        self.book_at = Some(at);
        self.before_book = self.trades.len();
        match levels {
            // Most messages.
            [level] => self.levels.push(*level),
            _ => self.levels.extend_from_slice(levels),
        }
    }
}

/// For how long what happens to one market may wait.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Resting {
    pub(crate) market: usize,
    pub(crate) rest: Rest,
    /// As gateway and strategy know them.
    pub(crate) best: Option<(GridPrice, GridPrice)>,
}
