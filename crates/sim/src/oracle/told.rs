//! What a life of the gateway has been told, and what the venue says of the account when it is asked.

use std::collections::BTreeMap;

use model::market::{MarketEvent, MarketKind};
use model::venue::{AccountRequest, Response};
use model::{Side, Timestamp};

/// What one life of the gateway has been told.
#[derive(Debug, Default)]
pub(crate) struct Guards {
    pub(super) account_up: bool,
    pub(super) market_up: bool,
    /// Reconciled since the account's stream came up.
    pub(super) clean: bool,
    /// A person has to accept what the last comparison left.
    pub(super) held: bool,
    pub(super) book_live: bool,
    bids: BTreeMap<i64, i64>,
    asks: BTreeMap<i64, i64>,
    /// The middle of the book when it last had two sides, rounded down, and when the venue made the change, by
    /// the world's time.
    middle: Option<(i64, Timestamp)>,
    /// A halt was announced in this life, or was durable before it.
    pub(super) halted_in_life: bool,
}

impl Guards {
    /// Another life knows nothing but what is durable.
    pub(super) fn new_life(&mut self, halted: bool) {
        *self = Guards { halted_in_life: halted, ..Guards::default() };
    }

    pub(super) const fn account_is_up(&self) -> bool {
        self.account_up
    }

    pub(super) fn market(&mut self, event: &MarketEvent, as_of: Timestamp) {
        match &event.kind {
            MarketKind::Book(update) => {
                if update.snapshot {
                    self.bids.clear();
                    self.asks.clear();
                    self.book_live = true;
                }
                for level in &update.levels {
                    let side =
                        if level.side == Side::Buy { &mut self.bids } else { &mut self.asks };
                    if level.qty.0 == 0 {
                        side.remove(&level.price.0);
                    } else {
                        side.insert(level.price.0, level.qty.0);
                    }
                }
                if let Some((bid, ask)) = self.best() {
                    self.middle = Some(((bid + ask).div_euclid(2), as_of));
                }
            }
            MarketKind::BookLost => {
                self.book_live = false;
                self.bids.clear();
                self.asks.clear();
            }
            MarketKind::Trade(_)
            | MarketKind::LateTrade(_)
            | MarketKind::Quote(_)
            | MarketKind::Candle(_) => {}
        }
    }

    fn best(&self) -> Option<(i64, i64)> {
        self.bids.keys().next_back().copied().zip(self.asks.keys().next().copied())
    }

    /// What orders are measured by: the middle of the book as it last was, and when.
    pub(super) fn reference(&self) -> Option<(i64, Timestamp)> {
        self.middle.filter(|_| self.book_live)
    }

    pub(super) fn is_crossed(&self) -> bool {
        self.best().is_some_and(|(bid, ask)| bid >= ask)
    }
}

/// The venue's own answer about the account.
pub(crate) struct VenueBooks {
    pub(crate) open: Response,
    pub(crate) account: Response,
}

impl VenueBooks {
    pub(crate) const QUESTIONS: [AccountRequest; 2] =
        [AccountRequest::OpenOrders(None), AccountRequest::Account];
}
