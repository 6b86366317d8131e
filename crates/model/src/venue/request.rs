//! What can be asked of a venue.

use serde::{Deserialize, Serialize};

use crate::ids::{ClientOrderId, InstrumentId, VenueOrderId};
use crate::market::Interval;
use crate::order::NewOrder;
use crate::time::Timestamp;

/// A question or an order to a venue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// Public: needs no key.
    Market(MarketRequest),
    /// About one account: signed.
    Account(AccountRequest),
}

/// Public questions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MarketRequest {
    /// Is anybody there?
    Ping,
    /// The venue's clock.
    Time,
    /// Instruments with their grids, limits and modes; empty asks for all.
    Instruments(Vec<InstrumentId>),
    /// The book, `depth` levels a side.
    Book {
        /// Which instrument.
        instrument: InstrumentId,
        /// Levels a side.
        depth: u32,
    },
    /// Public trades, oldest first.
    Trades {
        /// Which instrument.
        instrument: InstrumentId,
        /// Where to start.
        from: TradesFrom,
        /// At most this many.
        limit: u32,
    },
    /// Trades of one taker order at one price, added up.
    AggregateTrades {
        /// Which instrument.
        instrument: InstrumentId,
        /// Where to start; ids are those of aggregates.
        from: TradesFrom,
        /// At most this many.
        limit: u32,
    },
    /// Candles, oldest first.
    Candles {
        /// Which instrument.
        instrument: InstrumentId,
        /// How long each.
        interval: Interval,
        /// Not before.
        start: Option<Timestamp>,
        /// Not after.
        end: Option<Timestamp>,
        /// At most this many.
        limit: u32,
    },
    /// Rolling windows; empty asks for all instruments.
    Tickers {
        /// Which instruments.
        instruments: Vec<InstrumentId>,
        /// Length of the window in seconds.
        window_s: u32,
    },
    /// Average price over the last minutes, as price filters use it.
    AveragePrice(InstrumentId),
}

/// Where a list of trades starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TradesFrom {
    /// The newest `limit` trades.
    Newest,
    /// From this id on, inclusive.
    Id(u64),
    /// Within these times, inclusive; a start takes the oldest from there, an end alone the newest
    /// up to there.
    Time {
        /// Not before.
        start: Option<Timestamp>,
        /// Not after.
        end: Option<Timestamp>,
    },
}

/// Questions and orders of one account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountRequest {
    /// A new order.
    Place(NewOrder),
    /// Everything but placing it.
    Test(NewOrder),
    /// Take an order back.
    Cancel {
        /// Which instrument.
        instrument: InstrumentId,
        /// Which order.
        order: OrderKey,
        /// A name for the cancel itself.
        cancel_id: Option<ClientOrderId>,
        /// Only in this state.
        only: Option<CancelRestriction>,
    },
    /// Take all orders of an instrument back.
    CancelAll(InstrumentId),
    /// Take one back and place another.
    CancelReplace(CancelReplace),
    /// One order.
    Order {
        /// Which instrument.
        instrument: InstrumentId,
        /// Which order.
        order: OrderKey,
        /// It was not made before. A venue that finds no order by our name for it reads its list
        /// from here on; `None` reads as far back as one page goes.
        since: Option<Timestamp>,
    },
    /// Orders that are open; `None` asks for all instruments.
    OpenOrders(Option<InstrumentId>),
    /// Orders in any state, oldest first.
    Orders {
        /// Which instrument.
        instrument: InstrumentId,
        /// From this order on, inclusive.
        from: Option<VenueOrderId>,
        /// Not before.
        start: Option<Timestamp>,
        /// Not after.
        end: Option<Timestamp>,
        /// At most this many.
        limit: u32,
    },
    /// Our executions, oldest first.
    Fills {
        /// Which instrument.
        instrument: InstrumentId,
        /// Only of this order.
        order: Option<VenueOrderId>,
        /// Where to start.
        from: TradesFrom,
        /// At most this many.
        limit: u32,
        /// Go on here: what [`Response::FillsPage`](super::Response::FillsPage) named, with everything
        /// else as it was asked then.
        page: Option<PageCursor>,
    },
    /// Balances, and rights where they come with them.
    Account,
    /// The rest of the balances: what [`Response::AccountPage`](super::Response::AccountPage) named.
    AccountAfter(PageCursor),
    /// What the account may do with this key.
    Rights,
    /// What the key itself may do, as far as the venue tells.
    Scopes,
    /// Fee rates.
    Fees(InstrumentId),
    /// What lets a connection into the account, where the venue has such a thing.
    Ticket,
}

/// Where a cut list goes on, in the venue's own words. Nobody else reads them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PageCursor(pub String);

/// By which name an order is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderKey {
    /// The venue's name.
    Venue(VenueOrderId),
    /// Ours. Where an id was used again the newest order is meant.
    Client(ClientOrderId),
    /// Both must name the same order.
    Both(VenueOrderId, ClientOrderId),
}

/// Cancel only an order in this state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CancelRestriction {
    /// Nothing filled yet.
    OnlyNew,
    /// Something filled.
    OnlyPartlyFilled,
}

/// Cancel one order and place another. Not atomic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CancelReplace {
    /// The order to take back.
    pub cancel: OrderKey,
    /// A name for the cancel itself.
    pub cancel_id: Option<ClientOrderId>,
    /// Only in this state.
    pub only: Option<CancelRestriction>,
    /// Place the new order only if the cancel worked.
    pub stop_on_failure: bool,
    /// The order to place; its instrument is that of the cancel too.
    pub order: NewOrder,
}
