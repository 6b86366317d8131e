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
    /// When the venue made the last change that has arrived, by the world's time.
    pub(super) book_as_of: Option<Timestamp>,
    bids: BTreeMap<i64, i64>,
    asks: BTreeMap<i64, i64>,
    last_trade: Option<i64>,
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
                self.book_as_of = Some(as_of);
            }
            MarketKind::Trade(trade) => self.last_trade = Some(trade.price.0),
            MarketKind::BookLost => {
                self.book_live = false;
                self.bids.clear();
                self.asks.clear();
            }
            MarketKind::LateTrade(_) | MarketKind::Quote(_) | MarketKind::Candle(_) => {}
        }
    }

    /// The middle of the book, rounded down; the last trade where a side is empty.
    pub(super) fn reference(&self) -> Option<i64> {
        let best = self.bids.keys().next_back().zip(self.asks.keys().next());
        best.map(|(bid, ask)| (bid + ask).div_euclid(2)).or(self.last_trade)
    }

    pub(super) fn is_crossed(&self) -> bool {
        let best = self.bids.keys().next_back().zip(self.asks.keys().next());
        best.is_some_and(|(bid, ask)| bid >= ask)
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
