//! What an order is: side, kind, quantity, time in force. What becomes of it is in `life.rs`.

use serde::{Deserialize, Serialize};

use crate::ids::{ClientOrderId, InstrumentId};
use crate::money::{Notional, Price, Qty};
use crate::side::Side;
use crate::time::Timestamp;

/// How an order finds its price, with the prices that only that kind has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type")]
pub enum OrderKind {
    /// Takes what the book offers, now.
    Market,
    /// At this price or better.
    Limit {
        /// The worst acceptable price.
        price: Price,
    },
    /// Becomes a market order when the market trades at or beyond the trigger, against us.
    StopLoss {
        /// The price that wakes it.
        trigger: Price,
    },
    /// Becomes a limit order when the market trades at or beyond the trigger, against us.
    StopLimit {
        /// The price that wakes it.
        trigger: Price,
        /// The worst acceptable price then.
        price: Price,
    },
    /// Becomes a market order when the market trades at or beyond the trigger, in our favour.
    TakeProfit {
        /// The price that wakes it.
        trigger: Price,
    },
    /// Becomes a limit order when the market trades at or beyond the trigger, in our favour.
    TakeProfitLimit {
        /// The price that wakes it.
        trigger: Price,
        /// The worst acceptable price then.
        price: Price,
    },
}

impl OrderKind {
    /// The limit price, where the kind has one.
    pub const fn price(self) -> Option<Price> {
        match self {
            OrderKind::Limit { price }
            | OrderKind::StopLimit { price, .. }
            | OrderKind::TakeProfitLimit { price, .. } => Some(price),
            OrderKind::Market | OrderKind::StopLoss { .. } | OrderKind::TakeProfit { .. } => None,
        }
    }

    /// The trigger price, where the kind has one.
    pub const fn trigger(self) -> Option<Price> {
        match self {
            OrderKind::StopLoss { trigger }
            | OrderKind::StopLimit { trigger, .. }
            | OrderKind::TakeProfit { trigger }
            | OrderKind::TakeProfitLimit { trigger, .. } => Some(trigger),
            OrderKind::Market | OrderKind::Limit { .. } => None,
        }
    }

    /// Does it wake when the market rises to the trigger (and not when it falls to it)?
    /// `None` for kinds without a trigger.
    pub const fn triggers_upward(self, side: Side) -> Option<bool> {
        match (self, side) {
            (OrderKind::Market | OrderKind::Limit { .. }, _) => None,
            (OrderKind::StopLoss { .. } | OrderKind::StopLimit { .. }, Side::Buy)
            | (OrderKind::TakeProfit { .. } | OrderKind::TakeProfitLimit { .. }, Side::Sell) => {
                Some(true)
            }
            (OrderKind::StopLoss { .. } | OrderKind::StopLimit { .. }, Side::Sell)
            | (OrderKind::TakeProfit { .. } | OrderKind::TakeProfitLimit { .. }, Side::Buy) => {
                Some(false)
            }
        }
    }
}

/// How long an order may rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeInForce {
    /// Until canceled.
    Gtc,
    /// What fills at once fills, the rest expires.
    Ioc,
    /// All at once or nothing.
    Fok,
    /// Until a date.
    Gtd(Timestamp),
}

/// How much is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderQty {
    /// So many base units.
    Base(Qty),
    /// As many base units as this much quote buys or brings. Market orders only.
    Quote(Notional),
}

/// What a venue does when two orders of one account would meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SelfTradePrevention {
    /// They trade.
    None,
    /// The resting order's remainder expires.
    ExpireMaker,
    /// The incoming order's remainder expires.
    ExpireTaker,
    /// Both expire.
    ExpireBoth,
    /// Both shrink by what would have traded.
    Decrement,
}

/// An order as it goes to a venue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewOrder {
    /// Our name for it.
    pub client_order_id: ClientOrderId,
    /// What is traded.
    pub instrument: InstrumentId,
    /// Buy or sell.
    pub side: Side,
    /// Market, limit, stop, …
    pub kind: OrderKind,
    /// How much.
    pub qty: OrderQty,
    /// How long.
    pub time_in_force: TimeInForce,
    /// Refuse rather than take.
    pub post_only: bool,
    /// Only ever shrink a position.
    pub reduce_only: bool,
    /// `None` leaves the choice to the venue.
    pub self_trade_prevention: Option<SelfTradePrevention>,
}
