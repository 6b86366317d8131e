//! Why a venue said no: each of these proves that the request did nothing.
//!
//! What is *not* here matters as much. A time-out, a broken connection, a server error and every
//! answer that a venue's list of proven refusals does not name leave the outcome open; they are
//! `Outcome::InDoubt` and never a `VenueError`.

use serde::{Deserialize, Serialize};

/// A proven refusal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case", tag = "refusal")]
pub enum VenueError {
    /// Not enough free balance.
    #[error("insufficient balance")]
    InsufficientBalance,
    /// No such instrument.
    #[error("unknown instrument")]
    UnknownInstrument,
    /// A cancel or a query of an order that is not there, or no longer open.
    #[error("unknown order")]
    UnknownOrder,
    /// Both names were given and name different orders.
    #[error("the two names belong to different orders")]
    OrderNamesDiffer,
    /// An open order has this client order id.
    #[error("an open order has this client order id")]
    DuplicateClientOrderId,
    /// A post-only order would have taken.
    #[error("post-only order would take")]
    WouldTake,
    /// The trigger lies on the wrong side of the market.
    #[error("order would trigger at once")]
    WouldTrigger,
    /// A rule of the instrument.
    #[error("filter {filter:?}")]
    Filter {
        /// Which one.
        filter: Filter,
    },
    /// The instrument does not trade now.
    #[error("market is closed")]
    MarketClosed,
    /// The order is not in the state the cancel asked for.
    #[error("cancel restriction does not hold")]
    CancelRestricted,
    /// There is no price to measure a market order by.
    #[error("book is empty")]
    NoLiquidity,
    /// The venue or this instrument has no such order.
    #[error("order kind is not supported")]
    Unsupported,
    /// The account may not trade.
    #[error("account may not trade")]
    NotAllowed,
    /// Any other refusal on the venue's proven list.
    #[error("venue code {code}: {message}")]
    Other {
        /// The venue's code.
        code: i64,
        /// Its words.
        message: String,
    },
}

impl VenueError {
    /// Does it say that the instrument's rules, or what the venue lets one do, may not be what they were
    /// thought to be?
    pub const fn is_of_rules(&self) -> bool {
        match self {
            VenueError::UnknownInstrument | VenueError::MarketClosed | VenueError::Unsupported => {
                true
            }
            VenueError::Filter { filter } => match filter {
                Filter::Price | Filter::Lot | Filter::MarketLot | Filter::Notional => true,
                Filter::PriceBand | Filter::OpenOrders | Filter::StopOrders => false,
            },
            VenueError::InsufficientBalance
            | VenueError::UnknownOrder
            | VenueError::OrderNamesDiffer
            | VenueError::DuplicateClientOrderId
            | VenueError::WouldTake
            | VenueError::WouldTrigger
            | VenueError::CancelRestricted
            | VenueError::NoLiquidity
            | VenueError::NotAllowed
            | VenueError::Other { .. } => false,
        }
    }
}

/// Which rule of the instrument an order broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Filter {
    /// Price off its grid or outside its range.
    Price,
    /// Price too far from the reference price.
    PriceBand,
    /// Quantity off its grid or outside its range.
    Lot,
    /// Quantity of a market order outside its range.
    MarketLot,
    /// Price × quantity outside its range.
    Notional,
    /// Too many open orders.
    OpenOrders,
    /// Too many orders that wait for a trigger.
    StopOrders,
}
