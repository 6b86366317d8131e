//! Coinbase's proven refusals: answers that guarantee that the request did nothing.
//!
//! An order is refused with status 200 and a reason on this list; a request that was not let in or not
//! understood with its status and the words that belong to it. Everything else is in doubt: server
//! errors, time-outs, reasons never seen, `success: false` without a reason, and a listed status with
//! words never seen.
//!
//! Source: create-order.md, preview-orders.md and cancel-order.md, and the bodies recorded by
//! JKorf/Coinbase.Net and coinbase-advanced-py, read 2026-08-08. The page does not print the whole list
//! of reasons.

use model::venue::{Filter, VenueError};

use crate::coinbase::wire::ErrorBody;

/// The refusal that a reason for not taking an order proves; `None` leaves the outcome open.
pub(super) fn reason(word: &str) -> Option<VenueError> {
    let filter = |filter| Some(VenueError::Filter { filter });
    match word {
        "INSUFFICIENT_FUND" | "PREVIEW_INSUFFICIENT_FUND" => Some(VenueError::InsufficientBalance),
        "INVALID_LIMIT_PRICE_POST_ONLY" | "PREVIEW_INVALID_LIMIT_PRICE_POST_ONLY" => {
            Some(VenueError::WouldTake)
        }
        "PREVIEW_INVALID_PRODUCT_ID" => Some(VenueError::UnknownInstrument),
        "PREVIEW_INVALID_SIZE_PRECISION"
        | "PREVIEW_INVALID_BASE_SIZE_TOO_LARGE"
        | "PREVIEW_INVALID_BASE_SIZE_TOO_SMALL" => filter(Filter::Lot),
        "PREVIEW_INVALID_QUOTE_SIZE_PRECISION"
        | "PREVIEW_INVALID_QUOTE_SIZE_TOO_LARGE"
        | "PREVIEW_INVALID_QUOTE_SIZE_TOO_SMALL" => filter(Filter::Notional),
        "PREVIEW_INVALID_PRICE_PRECISION"
        | "PREVIEW_INVALID_LIMIT_PRICE"
        | "PREVIEW_INVALID_PRICE_TOO_LARGE" => filter(Filter::Price),
        "PREVIEW_BREACHED_PRICE_LIMIT"
        | "PREVIEW_LIMIT_PRICE_TOO_FAR_FROM_MARKET"
        | "PREVIEW_LIMIT_ORDER_PRICE_EXCEEDS_PRICE_BAND_ON_BUY"
        | "PREVIEW_LIMIT_ORDER_PRICE_EXCEEDS_PRICE_BAND_ON_SELL" => filter(Filter::PriceBand),
        "PREVIEW_INVALID_NO_LIQUIDITY" => Some(VenueError::NoLiquidity),
        "PREVIEW_UNTRADABLE_PRODUCT" | "PREVIEW_NOT_ALLOWED_BY_MARKET_STATE" => {
            Some(VenueError::MarketClosed)
        }
        "PREVIEW_GEOFENCING_RESTRICTION" | "PREVIEW_CLOSE_ONLY_FAILURE" => {
            Some(VenueError::NotAllowed)
        }
        "PREVIEW_STOP_PRICE_ABOVE_LAST_TRADE_PRICE"
        | "PREVIEW_STOP_PRICE_BELOW_LAST_TRADE_PRICE" => Some(VenueError::WouldTrigger),
        "UNSUPPORTED_ORDER_CONFIGURATION"
        | "PREVIEW_FOK_DISABLED"
        | "PREVIEW_POST_ONLY_NOT_ALLOWED_WITH_FOK" => Some(VenueError::Unsupported),
        "PREVIEW_INVALID_SIDE"
        | "PREVIEW_INVALID_ORDER_CONFIG"
        | "PREVIEW_INVALID_STOP_PRICE"
        | "PREVIEW_INVALID_END_TIME"
        | "PREVIEW_END_TIME_IS_IN_THE_PAST"
        | "PREVIEW_GTD_ORDERS_MUST_HAVE_END_TIME"
        | "PREVIEW_STOP_PRICE_ABOVE_LIMIT_PRICE"
        | "PREVIEW_STOP_PRICE_BELOW_LIMIT_PRICE"
        | "PREVIEW_INVALID_BRACKET_PRICES"
        | "PREVIEW_INVALID_BRACKET_ORDER_SIDE"
        | "PREVIEW_NON_NUMERIC_ORDER_SIZE" => {
            Some(VenueError::Other { code: 200, message: word.to_owned() })
        }
        _ => None,
    }
}

/// What a cancel's failure proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum CancelFailure {
    /// It did nothing.
    Refused(VenueError),
    /// An earlier one is being processed.
    UnderWay,
}

/// The meaning of a cancel's `failure_reason`; `None` leaves the outcome open.
pub(super) fn cancel_failure(word: &str) -> Option<CancelFailure> {
    match word {
        // Filled, canceled or never there: a question, not an end.
        "UNKNOWN_CANCEL_ORDER" => Some(CancelFailure::Refused(VenueError::UnknownOrder)),
        "DUPLICATE_CANCEL_REQUEST" => Some(CancelFailure::UnderWay),
        "INVALID_CANCEL_REQUEST" | "COMMANDER_REJECTED_CANCEL_ORDER" => {
            Some(CancelFailure::Refused(VenueError::Other { code: 200, message: word.to_owned() }))
        }
        _ => None,
    }
}

/// The refusal that an error answer proves; `None` leaves the outcome open. `of_order` when one order
/// was asked about.
pub(super) fn proven(status: u16, body: &ErrorBody, of_order: bool) -> Option<VenueError> {
    let other = || VenueError::Other { code: i64::from(status), message: words(body).to_owned() };
    let platform = body.errors.first().map_or("", |error| error.id.as_str());
    match (status, body.error.as_str(), platform) {
        // Not understood.
        (400, "INVALID_ARGUMENT", _) => Some(other()),
        (400, "unknown", _) if body.error_details.starts_with("parsing field ") => Some(other()),
        // Not let in.
        (401, _, "authentication_error") => Some(other()),
        (403, "PERMISSION_DENIED", _) => Some(VenueError::NotAllowed),
        (404, "NOT_FOUND", _) if body.error_details == "valid product_id is required" => {
            Some(VenueError::UnknownInstrument)
        }
        (404, "NOT_FOUND", _) if of_order => Some(VenueError::UnknownOrder),
        // Asked too often.
        (429, "resource_exhausted" | "RESOURCE_EXHAUSTED", _) | (429, _, "rate_limit_exceeded") => {
            Some(other())
        }
        _ => None,
    }
}

/// The refusal that an answer without JSON proves: the front that checks tokens answers so (seen in
/// exceptions of the official client; the exact bytes are unverified).
pub(super) fn proven_text(status: u16, body: &[u8]) -> Option<VenueError> {
    match (status, body.trim_ascii()) {
        (401, b"Unauthorized") => {
            Some(VenueError::Other { code: 401, message: "Unauthorized".to_owned() })
        }
        _ => None,
    }
}

/// The words of an error, from whichever of its shapes.
pub(super) fn words(body: &ErrorBody) -> &str {
    let platform = body.errors.first();
    [
        body.message.as_str(),
        &body.error_details,
        platform.map_or("", |error| &error.message),
        platform.map_or("", |error| &error.id),
        &body.error,
    ]
    .into_iter()
    .find(|words| !words.is_empty())
    .unwrap_or("no reason")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(json: &str) -> ErrorBody {
        serde_json::from_str(json).unwrap()
    }

    const PARSING: &str = r#"{"error":"unknown","error_details":"parsing field \"product_type\": \"OPTIONS\" is not a valid value","message":"m"}"#;
    const SCOPES: &str = r#"{"error":"PERMISSION_DENIED","error_details":"Missing required scopes","message":"Missing required scopes"}"#;
    const LIMIT: &str =
        r#"{"errors":[{"id":"rate_limit_exceeded","message":"Too many requests"}]}"#;
    const EXPIRED: &str =
        r#"{"errors":[{"id":"authentication_error","message":"request timestamp expired"}]}"#;
    const PRODUCT: &str = r#"{"error":"NOT_FOUND","error_details":"valid product_id is required","message":"valid product_id is required"}"#;
    const ORDER: &str =
        r#"{"error":"NOT_FOUND","error_details":"order not found","message":"order not found"}"#;

    #[test]
    fn what_proves_a_refusal_and_what_does_not() {
        let other = |code, words: &str| Some(VenueError::Other { code, message: words.to_owned() });
        for (status, json, of_order, refusal) in [
            (400, PARSING, false, other(400, "m")),
            (401, EXPIRED, false, other(401, "request timestamp expired")),
            (403, SCOPES, false, Some(VenueError::NotAllowed)),
            (404, PRODUCT, false, Some(VenueError::UnknownInstrument)),
            (404, ORDER, true, Some(VenueError::UnknownOrder)),
            (404, ORDER, false, None),
            (429, LIMIT, false, other(429, "Too many requests")),
            (429, r#"{"error":"resource_exhausted"}"#, false, other(429, "resource_exhausted")),
            (400, r#"{"error":"unknown","error_details":"something else"}"#, false, None),
            (400, r#"{"error":"internal"}"#, false, None),
            (429, r#"{"error":"other"}"#, false, None),
            (400, "{}", true, None),
        ] {
            assert_eq!(proven(status, &body(json), of_order), refusal, "{status} {json}");
            // The same words with another status were never seen.
            for wrong in [200, 402, 409, 500, 502, 503, 504] {
                assert_eq!(proven(wrong, &body(json), of_order), None, "{wrong} {json}");
            }
        }
        assert!(proven_text(401, b"Unauthorized\n").is_some());
        for (status, text) in [(401, "Unauthorised"), (500, "Unauthorized"), (401, "")] {
            assert_eq!(proven_text(status, text.as_bytes()), None, "{status} {text}");
        }
    }

    /// One letter off is another word: it was never seen, so it proves nothing.
    #[test]
    fn a_reason_that_differs_by_a_letter_is_not_believed() {
        for word in ["INSUFFICIENT_FUND", "PREVIEW_INVALID_SIZE_PRECISION", "PREVIEW_INVALID_SIDE"]
        {
            assert!(reason(word).is_some());
            for at in 0..word.len() {
                let mut bytes = word.as_bytes().to_vec();
                bytes[at] ^= 1;
                let mutated = String::from_utf8(bytes).unwrap();
                assert_eq!(reason(&mutated), None, "{mutated}");
            }
        }
        for word in ["", "UNKNOWN_FAILURE_REASON", "PREVIEW_TOO_MANY_PENDING_REPLACES"] {
            assert_eq!(reason(word), None, "{word:?}");
        }
    }

    #[test]
    fn why_a_cancel_did_nothing() {
        let refused = CancelFailure::Refused(VenueError::UnknownOrder);
        assert_eq!(cancel_failure("UNKNOWN_CANCEL_ORDER"), Some(refused));
        assert_eq!(cancel_failure("DUPLICATE_CANCEL_REQUEST"), Some(CancelFailure::UnderWay));
        for word in ["UNKNOWN_CANCEL_FAILURE_REASON", "", "NEVER_SEEN"] {
            assert_eq!(cancel_failure(word), None, "{word:?}");
        }
    }
}
