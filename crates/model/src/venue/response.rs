//! What a venue answers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::error::VenueError;
use super::order::VenueOrder;
use super::request::PageCursor;
use super::scopes::KeyScopes;
use super::ticket::Ticket;
use super::unread::Unread;
use crate::balance::Balance;
use crate::decimal::Decimal;
use crate::fill::Fill;
use crate::ids::{Asset, ClientOrderId, InstrumentId, VenueOrderId};
use crate::instrument::Instrument;
use crate::market::{Candle, GridPrice, GridQty, Level, PublicTrade, Ticker};
use crate::money::Price;
use crate::side::Side;
use crate::time::Timestamp;

/// The answer to a [`Request`](super::Request), one kind for each kind of question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Response {
    /// Yes, somebody is there.
    Pong,
    /// The venue's clock.
    Time(Timestamp),
    /// Instruments.
    Instruments(Vec<Instrument>),
    /// The book.
    Book(BookSnapshot),
    /// Public trades, oldest first.
    Trades(Vec<PublicTrade>),
    /// Public trades added up, oldest first.
    AggregateTrades(Vec<AggregateTrade>),
    /// Candles, oldest first.
    Candles(Vec<Candle>),
    /// Rolling windows.
    Tickers(Vec<InstrumentTicker>),
    /// Average price and the end of its window.
    AveragePrice {
        /// `None` before the first trade.
        price: Option<Price>,
        /// Minutes averaged over.
        minutes: u32,
        /// Time of the last trade in it.
        at: Timestamp,
    },
    /// The new order after its first match, with what it filled at once.
    Placed {
        /// The order.
        order: VenueOrder,
        /// Its executions so far.
        fills: Vec<Fill>,
    },
    /// The order would have been taken.
    Tested,
    /// The order taken back, and the name of the cancel.
    Canceled {
        /// The order.
        order: VenueOrder,
        /// The cancel's own name.
        cancel_id: ClientOrderId,
    },
    /// The cancel was taken for processing; how the order ends is reported later.
    CancelTaken(VenueOrderId),
    /// All orders taken back.
    CanceledAll(Vec<(VenueOrder, ClientOrderId)>),
    /// Both halves of a cancel and replace.
    Replaced(Box<Replaced>),
    /// One order.
    Order(VenueOrder),
    /// Orders, oldest first.
    Orders(Vec<VenueOrder>),
    /// Our executions, oldest first.
    Fills(Vec<Fill>),
    /// Some of our executions, and where the list goes on. Which ones come first is up to the venue.
    FillsPage {
        /// These.
        fills: Vec<Fill>,
        /// The rest.
        next: PageCursor,
    },
    /// Balances, and rights where they come with them.
    Account(AccountSnapshot),
    /// Some of the balances, and where the list goes on. Alone it is of no use.
    AccountPage {
        /// These.
        account: AccountSnapshot,
        /// The rest.
        next: PageCursor,
    },
    /// What the account may do with this key.
    Rights(KeyRights),
    /// What the key itself may do; `None` where the venue has no such question.
    Scopes(Option<KeyScopes>),
    /// Fee rates.
    Fees(FeeRates),
    /// What lets a connection into the account.
    Ticket(Ticket),
    /// An answer of which some rows are not understood. What is missing from it proves nothing.
    Partly {
        /// The rest; an empty list where one thing was asked for.
        read: Box<Response>,
        /// Those rows; at least one.
        unread: Vec<Unread>,
    },
}

impl Response {
    /// This answer, without the rows that are not understood.
    pub fn and_unread(self, unread: Vec<Unread>) -> Response {
        if unread.is_empty() { self } else { Response::Partly { read: Box::new(self), unread } }
    }

    /// What of it is understood, and the rows that are not.
    pub fn split(self) -> (Response, Vec<Unread>) {
        match self {
            Response::Partly { read, unread } => (*read, unread),
            whole => (whole, Vec::new()),
        }
    }
}

/// A book with the number of its last change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookSnapshot {
    /// Which instrument.
    pub instrument: InstrumentId,
    /// Number of the last change in it.
    pub update_id: u64,
    /// Best first.
    pub bids: Vec<Level>,
    /// Best first.
    pub asks: Vec<Level>,
}

/// The executions of one taker order at one price, as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AggregateTrade {
    /// Number of the aggregate.
    pub id: u64,
    /// At which price.
    pub price: GridPrice,
    /// How much in all.
    pub qty: GridQty,
    /// First trade in it.
    pub first: u64,
    /// Last trade in it.
    pub last: u64,
    /// Who was in a hurry.
    pub taker_side: Side,
    /// When.
    pub time: Timestamp,
}

/// A rolling window of one instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InstrumentTicker {
    /// Which instrument.
    pub instrument: InstrumentId,
    /// The window; `None` when nothing traded in it.
    pub ticker: Option<Ticker>,
    /// Best prices, whether something traded or not.
    pub quote: crate::market::Quote,
}

/// Both halves of a cancel and replace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replaced {
    /// The order taken back and the cancel's name.
    pub cancel: Result<(VenueOrder, ClientOrderId), VenueError>,
    /// The new order; `None` when it was not attempted.
    pub new: Option<Result<(VenueOrder, Vec<Fill>), VenueError>>,
}

/// An account as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountSnapshot {
    /// What its key may do; `None` where that is another question,
    /// [`AccountRequest::Rights`](super::AccountRequest::Rights).
    pub rights: Option<KeyRights>,
    /// Last change, or a time at which it was surely not read yet.
    pub updated: Timestamp,
    /// What it holds.
    pub balances: BTreeMap<Asset, Balance>,
}

impl AccountSnapshot {
    /// This page and another one of the same list: as old as the older of them. `None` on overflow.
    pub fn joined(mut self, other: AccountSnapshot) -> Option<AccountSnapshot> {
        for (asset, held) in other.balances {
            // A venue may keep several accounts of one asset, on different pages perhaps.
            let sum = self.balances.entry(asset).or_insert(Balance::ZERO);
            *sum = sum.checked_add(held)?;
        }
        let (rights, updated) = (self.rights.or(other.rights), self.updated.min(other.updated));
        Some(AccountSnapshot { rights, updated, balances: self.balances })
    }
}

/// What a key may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRights {
    /// Place and take back orders.
    pub can_trade: bool,
    /// Send funds away. A key with this right has no business here.
    pub can_withdraw: bool,
}

/// Fees as fractions: 0.001 is ten basis points.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeeRates {
    /// For a resting order.
    pub maker: Decimal,
    /// For a taking order.
    pub taker: Decimal,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_an_account_are_as_old_as_the_oldest_and_an_asset_may_be_on_two() {
        let page = |millis, held: &[(&str, &str)]| AccountSnapshot {
            rights: None,
            updated: Timestamp::from_millis(millis).unwrap(),
            balances: held
                .iter()
                .map(|(asset, free)| {
                    let free = free.parse().unwrap();
                    (Asset::new(asset).unwrap(), Balance { free, ..Balance::ZERO })
                })
                .collect(),
        };
        let joined = page(5, &[("BTC", "1"), ("USD", "2")]).joined(page(7, &[("USD", "3")]));
        assert_eq!(joined, Some(page(5, &[("BTC", "1"), ("USD", "5")])));
        let most = Decimal::MAX.to_string();
        assert_eq!(page(5, &[("USD", &most)]).joined(page(7, &[("USD", &most)])), None);
    }
}
