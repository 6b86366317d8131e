//! Errors in Coinbase's own words. A request that cannot be read or may not be made is an HTTP
//! error; an order that is refused is HTTP 200, with the reason in the body.
//!
//! Source: create-order.md, preview-orders.md and cancel-orders.md for the reasons; recordings of
//! the clients named in `coinbase/mod.rs` for the bodies of HTTP errors; read 2026-08-08.

use model::venue::{Filter, VenueError};

use crate::coinbase::wire::{ErrorBody, OrderError, PlatformError};

/// A request that is not answered, by HTTP's own means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ApiError {
    pub(super) status: u16,
    pub(super) body: Body,
}

/// In which of its shapes an error comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Body {
    /// No JSON at all.
    Text(&'static str),
    /// `error`, `error_details` and `message`.
    Word { error: &'static str, details: String },
    /// A list of `errors`, as the whole platform has it.
    Platform { id: &'static str, message: &'static str },
}

impl ApiError {
    fn word(status: u16, error: &'static str, details: impl Into<String>) -> ApiError {
        ApiError { status, body: Body::Word { error, details: details.into() } }
    }

    /// A request that makes no sense.
    pub(super) fn invalid(details: impl Into<String>) -> ApiError {
        ApiError::word(400, "INVALID_ARGUMENT", details)
    }

    /// A word that is not in the list of a field.
    pub(super) fn no_value(field: &str, value: &str) -> ApiError {
        let details = format!("parsing field \"{field}\": \"{value}\" is not a valid value");
        ApiError::word(400, "unknown", details)
    }

    pub(super) fn product() -> ApiError {
        ApiError::word(404, "NOT_FOUND", "valid product_id is required")
    }

    pub(super) fn not_found(details: &str) -> ApiError {
        ApiError::word(404, "NOT_FOUND", details)
    }

    /// The order of `GET /orders/historical/{id}`; the words are those that CCXT looks for.
    pub(super) fn order() -> ApiError {
        ApiError::word(404, "NOT_FOUND", "order with this orderID was not found")
    }

    /// No token, or one that is not believed.
    pub(super) fn unauthorized() -> ApiError {
        ApiError { status: 401, body: Body::Text("Unauthorized\n") }
    }

    /// A token that was good once, or will be.
    pub(super) fn expired() -> ApiError {
        let (id, message) = ("authentication_error", "request timestamp expired");
        ApiError { status: 401, body: Body::Platform { id, message } }
    }

    pub(super) fn scopes() -> ApiError {
        ApiError::word(403, "PERMISSION_DENIED", "Missing required scopes")
    }

    pub(super) fn too_many() -> ApiError {
        let (id, message) = ("rate_limit_exceeded", "Too many requests");
        ApiError { status: 429, body: Body::Platform { id, message } }
    }

    /// Ours, not the caller's.
    pub(super) fn internal() -> ApiError {
        ApiError::word(500, "INTERNAL", "internal error")
    }

    /// Content type and body of the answer.
    pub(super) fn print(&self) -> (&'static str, String) {
        let body = match &self.body {
            Body::Text(text) => return ("text/plain; charset=utf-8", (*text).to_owned()),
            Body::Word { error, details } => ErrorBody {
                error: (*error).to_owned(),
                error_details: details.clone(),
                message: details.clone(),
                ..ErrorBody::default()
            },
            Body::Platform { id, message } => {
                let errors =
                    [PlatformError { id: (*id).to_owned(), message: (*message).to_owned() }];
                return (JSON, serde_json::json!({ "errors": errors }).to_string());
            }
        };
        (JSON, serde_json::to_string(&body).unwrap_or_default())
    }
}

pub(super) const JSON: &str = "application/json; charset=utf-8";

/// Why an order is not taken: the reason of its own, where there is one, and the preview's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    /// `UNKNOWN_FAILURE_REASON` where only the preview's says what it is.
    pub(super) reason: &'static str,
    pub(super) preview: &'static str,
    pub(super) message: &'static str,
}

const UNKNOWN: &str = "UNKNOWN_FAILURE_REASON";
const UNKNOWN_PREVIEW: &str = "UNKNOWN_PREVIEW_FAILURE_REASON";

/// One that the preview would have found.
pub(super) const fn previewed(preview: &'static str) -> Refusal {
    Refusal { reason: UNKNOWN, preview, message: "" }
}

/// A kind of order that is not offered for this product.
pub(super) const UNSUPPORTED: Refusal = Refusal {
    reason: "UNSUPPORTED_ORDER_CONFIGURATION",
    preview: "PREVIEW_INVALID_ORDER_CONFIG",
    message: "Order configuration is not supported for this product",
};

impl Refusal {
    pub(super) fn to_wire(self) -> OrderError {
        OrderError {
            error: self.reason.to_owned(),
            message: self.message.to_owned(),
            error_details: String::new(),
            preview_failure_reason: self.preview.to_owned(),
            new_order_failure_reason: self.reason.to_owned(),
        }
    }
}

/// The exchange's refusal of an order in Coinbase's words. `upward` is the direction in which the
/// order's trigger is reached.
pub(super) fn refusal(error: &VenueError, upward: Option<bool>) -> Refusal {
    match error {
        VenueError::InsufficientBalance => Refusal {
            reason: "INSUFFICIENT_FUND",
            preview: "PREVIEW_INSUFFICIENT_FUND",
            message: "Insufficient balance in source account",
        },
        VenueError::WouldTake => Refusal {
            reason: "INVALID_LIMIT_PRICE_POST_ONLY",
            preview: "PREVIEW_INVALID_LIMIT_PRICE_POST_ONLY",
            message: "Post only order would be matched immediately",
        },
        // A trigger above the market must lie above it; it would fire because it does not.
        VenueError::WouldTrigger => previewed(if upward == Some(true) {
            "PREVIEW_STOP_PRICE_BELOW_LAST_TRADE_PRICE"
        } else {
            "PREVIEW_STOP_PRICE_ABOVE_LAST_TRADE_PRICE"
        }),
        VenueError::Filter { filter } => match filter {
            Filter::Price => previewed("PREVIEW_INVALID_PRICE_PRECISION"),
            Filter::PriceBand => previewed("PREVIEW_LIMIT_PRICE_TOO_FAR_FROM_MARKET"),
            Filter::Lot => previewed("PREVIEW_INVALID_SIZE_PRECISION"),
            Filter::MarketLot => previewed("PREVIEW_INVALID_BASE_SIZE_TOO_LARGE"),
            Filter::Notional => previewed("PREVIEW_INVALID_QUOTE_SIZE_TOO_SMALL"),
            // No source has a word for this.
            Filter::OpenOrders | Filter::StopOrders => Refusal {
                reason: UNKNOWN,
                preview: UNKNOWN_PREVIEW,
                message: "Too many open orders",
            },
        },
        VenueError::UnknownInstrument => previewed("PREVIEW_INVALID_PRODUCT_ID"),
        VenueError::MarketClosed => previewed("PREVIEW_NOT_ALLOWED_BY_MARKET_STATE"),
        VenueError::NoLiquidity => previewed("PREVIEW_INVALID_NO_LIQUIDITY"),
        VenueError::Unsupported => UNSUPPORTED,
        VenueError::NotAllowed => previewed("PREVIEW_UNTRADABLE_PRODUCT"),
        VenueError::UnknownOrder
        | VenueError::OrderNamesDiffer
        | VenueError::DuplicateClientOrderId
        | VenueError::CancelRestricted
        | VenueError::Other { .. } => {
            Refusal { reason: UNKNOWN, preview: UNKNOWN_PREVIEW, message: "" }
        }
    }
}

/// The exchange's refusal of a cancel.
pub(super) fn cancel_refusal(error: &VenueError) -> &'static str {
    match error {
        VenueError::UnknownOrder | VenueError::OrderNamesDiffer | VenueError::UnknownInstrument => {
            UNKNOWN_CANCEL
        }
        VenueError::InsufficientBalance
        | VenueError::DuplicateClientOrderId
        | VenueError::WouldTake
        | VenueError::WouldTrigger
        | VenueError::Filter { .. }
        | VenueError::MarketClosed
        | VenueError::CancelRestricted
        | VenueError::NoLiquidity
        | VenueError::Unsupported
        | VenueError::NotAllowed
        | VenueError::Other { .. } => "COMMANDER_REJECTED_CANCEL_ORDER",
    }
}

/// An order that is not there, or over.
pub(super) const UNKNOWN_CANCEL: &str = "UNKNOWN_CANCEL_ORDER";
/// What stands in the place of the reason when there is none.
pub(super) const NO_CANCEL_FAILURE: &str = "UNKNOWN_CANCEL_FAILURE_REASON";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_shape_as_it_is_seen() {
        let print = |error: ApiError| (error.status, error.print().1);
        assert_eq!(print(ApiError::unauthorized()), (401, "Unauthorized\n".to_owned()));
        assert_eq!(
            print(ApiError::expired()),
            (
                401,
                r#"{"errors":[{"id":"authentication_error","message":"request timestamp expired"}]}"#
                    .to_owned()
            )
        );
        let value: serde_json::Value =
            serde_json::from_str(&ApiError::product().print().1).unwrap();
        assert_eq!(
            value,
            serde_json::json!({"error": "NOT_FOUND", "error_details": "valid product_id is required",
                               "message": "valid product_id is required"})
        );
    }

    #[test]
    fn the_first_reason_that_is_known_is_the_one_that_is_read() {
        for (error, upward, reason) in [
            (VenueError::InsufficientBalance, None, "INSUFFICIENT_FUND"),
            (VenueError::WouldTake, None, "INVALID_LIMIT_PRICE_POST_ONLY"),
            (VenueError::WouldTrigger, Some(true), "PREVIEW_STOP_PRICE_BELOW_LAST_TRADE_PRICE"),
            (VenueError::WouldTrigger, Some(false), "PREVIEW_STOP_PRICE_ABOVE_LAST_TRADE_PRICE"),
            (VenueError::MarketClosed, None, "PREVIEW_NOT_ALLOWED_BY_MARKET_STATE"),
            (VenueError::Unsupported, None, "UNSUPPORTED_ORDER_CONFIGURATION"),
            (VenueError::Filter { filter: Filter::OpenOrders }, None, ""),
        ] {
            assert_eq!(refusal(&error, upward).to_wire().reason(), reason, "{error:?}");
        }
    }
}
