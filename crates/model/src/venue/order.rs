//! An order as the venue sees it.

use serde::{Deserialize, Serialize};

use crate::ids::{ClientOrderId, InstrumentId, VenueOrderId};
use crate::money::{Notional, Qty};
use crate::order::{OrderKind, OrderQty, SelfTradePrevention, TimeInForce};
use crate::side::Side;
use crate::time::Timestamp;

/// The venue's word on an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VenueOrderStatus {
    /// Accepted, nothing filled. A stop order that waits for its trigger is new, too.
    New,
    /// Something filled, still open.
    PartiallyFilled,
    /// All filled.
    Filled,
    /// Taken back.
    Canceled,
    /// Never accepted.
    Rejected,
    /// Ended by its time in force, by a lack of liquidity or by the venue.
    Expired,
    /// Ended to prevent a trade of the account with itself.
    ExpiredInMatch,
    /// In the venue's words, and nobody here knows them: it may be open.
    Unknown,
}

impl VenueOrderStatus {
    /// May it still execute?
    pub const fn is_open(self) -> bool {
        match self {
            VenueOrderStatus::New
            | VenueOrderStatus::PartiallyFilled
            | VenueOrderStatus::Unknown => true,
            VenueOrderStatus::Filled
            | VenueOrderStatus::Canceled
            | VenueOrderStatus::Rejected
            | VenueOrderStatus::Expired
            | VenueOrderStatus::ExpiredInMatch => false,
        }
    }
}

/// Why an order expired.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExpiryReason {
    /// The rest of an immediate-or-cancel order.
    IocRemainder,
    /// A fill-or-kill order that could not be filled at once.
    FokUnfilled,
    /// A market order that emptied the book.
    InsufficientLiquidity,
    /// An order until a date, when that had come.
    EndTime,
    /// The venue ended it.
    Venue,
}

/// An order with all that the venue says about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VenueOrder {
    /// The venue's name.
    pub id: VenueOrderId,
    /// The name its owner gave it, or one the venue made up.
    pub client_order_id: ClientOrderId,
    /// What is traded.
    pub instrument: InstrumentId,
    /// Buy or sell.
    pub side: Side,
    /// Market, limit, stop, …
    pub kind: OrderKind,
    /// How much was asked for.
    pub ordered: OrderQty,
    /// Base units asked for. For an order given in quote units what it came to; zero before that.
    pub qty: Qty,
    /// How long.
    pub time_in_force: TimeInForce,
    /// Refuses to take.
    pub post_only: bool,
    /// What prevents trades with itself.
    pub self_trade_prevention: SelfTradePrevention,
    /// Where it is in its life.
    pub status: VenueOrderStatus,
    /// Base units filled so far.
    pub filled: Qty,
    /// Quote units paid or received so far.
    pub filled_notional: Notional,
    /// Base units taken off to prevent trades with itself.
    pub prevented: Qty,
    /// Accepted at.
    pub created: Timestamp,
    /// Last change.
    pub updated: Timestamp,
    /// On the book since; `None` while it waits for its trigger.
    pub working_since: Option<Timestamp>,
    /// Why it expired, if it did.
    pub expiry: Option<ExpiryReason>,
}

impl VenueOrder {
    /// Base units that may still execute; zero when it is over.
    pub fn leaves(&self) -> Qty {
        if self.status.is_open() {
            self.qty.saturating_sub(self.filled).saturating_sub(self.prevented)
        } else {
            Qty::ZERO
        }
    }
}
