//! Errors in Binance's own words. Clients compare the texts, so every one is exact.
//!
//! Source: errors.md and filters.md, read 2026-07-21.

use model::venue::{Filter, VenueError};
use serde_json::{Value, json};

/// An error answer.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ApiError {
    /// As HTTP's.
    pub(super) status: u16,
    /// Below zero.
    pub(super) code: i64,
    /// The words.
    pub(super) msg: String,
    /// Both halves of a cancel-replace.
    pub(super) data: Option<Value>,
    /// When to come back, milliseconds since the epoch.
    pub(super) retry_at_ms: Option<i64>,
}

impl ApiError {
    pub(super) fn new(status: u16, code: i64, msg: impl Into<String>) -> ApiError {
        ApiError { status, code, msg: msg.into(), data: None, retry_at_ms: None }
    }

    /// The caller's fault.
    pub(super) fn bad(code: i64, msg: impl Into<String>) -> ApiError {
        ApiError::new(400, code, msg)
    }

    /// A parameter that must be there.
    pub(super) fn missing(name: &str) -> ApiError {
        let text =
            format!("Mandatory parameter '{name}' was not sent, was empty/null, or malformed.");
        ApiError::bad(-1102, text)
    }

    /// A parameter with letters that it may not have.
    pub(super) fn illegal(name: &str, range: &str) -> ApiError {
        let text =
            format!("Illegal characters found in parameter '{name}'; legal range is '{range}'.");
        ApiError::bad(-1100, text)
    }

    pub(super) fn not_required(name: &str) -> ApiError {
        ApiError::bad(-1106, format!("Parameter '{name}' sent when not required."))
    }

    /// One of two parameters must be there.
    pub(super) fn either(one: &str, other: &str) -> ApiError {
        let text = format!("Param '{one}' or '{other}' must be sent, but both were empty/null!");
        ApiError::bad(-1102, text)
    }

    /// A parameter with a value that is not in its list.
    pub(super) fn invalid(name: &str) -> ApiError {
        ApiError::bad(-1130, format!("Data sent for parameter '{name}' is not valid."))
    }

    /// Parameters that exclude each other.
    pub(super) fn combination() -> ApiError {
        ApiError::bad(-1128, "Combination of optional parameters invalid.")
    }

    pub(super) fn symbol() -> ApiError {
        ApiError::bad(-1121, "Invalid symbol.")
    }

    /// No such path or method.
    pub(super) fn not_found() -> ApiError {
        ApiError::new(404, -1000, "Path not found; see the API documentation for what is served.")
    }

    /// Ours, not the caller's.
    pub(super) fn internal() -> ApiError {
        ApiError::new(500, -1000, "An unknown error occurred while processing the request.")
    }

    /// The body of a REST answer.
    pub(super) fn body(&self) -> Value {
        match &self.data {
            None => json!({"code": self.code, "msg": self.msg}),
            Some(data) => json!({"code": self.code, "msg": self.msg, "data": data}),
        }
    }
}

/// What was asked when the exchange refused: one refusal has different words for an order, a cancel
/// and a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Order,
    Cancel,
    Question,
}

/// The exchange's refusal in Binance's words.
pub(super) fn refusal(error: &VenueError, asked: Asked) -> ApiError {
    match error {
        VenueError::InsufficientBalance => {
            ApiError::bad(-2010, "Account has insufficient balance for requested action.")
        }
        VenueError::UnknownInstrument => ApiError::symbol(),
        VenueError::UnknownOrder => match asked {
            Asked::Question => ApiError::bad(-2013, "Order does not exist."),
            Asked::Order | Asked::Cancel => ApiError::bad(-2011, "Unknown order sent."),
        },
        VenueError::OrderNamesDiffer => match asked {
            Asked::Question => {
                ApiError::bad(-2039, "Client order ID is not correct for this order ID.")
            }
            Asked::Order | Asked::Cancel => ApiError::bad(-2011, "Unknown order sent."),
        },
        VenueError::DuplicateClientOrderId => ApiError::bad(-2010, "Duplicate order sent."),
        VenueError::WouldTake => ApiError::bad(-2010, "Order would immediately match and take."),
        VenueError::WouldTrigger => ApiError::bad(-2010, "Order would trigger immediately."),
        VenueError::Filter { filter } => {
            ApiError::bad(-1013, format!("Filter failure: {}", filter_name(*filter)))
        }
        VenueError::MarketClosed => ApiError::bad(-2010, "Market is closed."),
        VenueError::CancelRestricted => {
            ApiError::bad(-2011, "Order was not canceled due to cancel restrictions.")
        }
        VenueError::NoLiquidity => {
            ApiError::bad(-2010, "Order book liquidity is less than symbol minimum quantity.")
        }
        VenueError::Unsupported => ApiError::bad(-2010, "Unsupported order combination"),
        VenueError::NotAllowed => ApiError::bad(-2010, "This action is disabled on this account."),
        VenueError::Other { code, message } => ApiError::bad(*code, message.clone()),
    }
}

fn filter_name(filter: Filter) -> &'static str {
    match filter {
        Filter::Price => "PRICE_FILTER",
        Filter::PriceBand => "PERCENT_PRICE_BY_SIDE",
        Filter::Lot => "LOT_SIZE",
        Filter::MarketLot => "MARKET_LOT_SIZE",
        Filter::Notional => "NOTIONAL",
        Filter::OpenOrders => "MAX_NUM_ORDERS",
        Filter::StopOrders => "MAX_NUM_ALGO_ORDERS",
    }
}
