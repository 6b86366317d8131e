//! Binance's proven refusals: answers that guarantee that the request did nothing.
//!
//! A refusal is believed by status, code *and*, where one code has many meanings, by its exact
//! words. Everything that is not on this list is in doubt: server errors, time-outs, codes never
//! seen, and a listed code with words never seen.
//!
//! Source: errors.md, read 2026-07-21.

use model::venue::{Filter, VenueError};

use crate::binance::wire::ErrorBody;

/// The refusal that an error answer proves; `None` leaves the outcome open.
pub(super) fn proven(status: u16, body: &ErrorBody) -> Option<VenueError> {
    // 409 is half of a cancel-replace and is read from its data; 5xx proves nothing.
    if !(400..500).contains(&status) || status == 409 {
        return None;
    }
    let other = || VenueError::Other { code: body.code, message: body.msg.clone() };
    match body.code {
        -1013 => Some(filter(&body.msg).map_or_else(other, |filter| VenueError::Filter { filter })),
        -1121 => Some(VenueError::UnknownInstrument),
        -2010 | -2011 => by_words(&body.msg),
        -2013 => Some(VenueError::UnknownOrder),
        -2039 => Some(VenueError::OrderNamesDiffer),
        // Not let in, asked too often, or not understood: never got as far as the engine.
        -1002 | -1003 | -1014 | -1015 | -1020 | -1021 | -1022 | -1034 | -1145 | -1151 | -2014
        | -2015 | -2026 => Some(other()),
        // A parameter that is wrong, missing, too much, too precise: each of them by name.
        -1106..=-1100 | -1108 | -1111 | -1120..=-1114 | -1127 | -1128 | -1130 => Some(other()),
        _ => None,
    }
}

/// The engine's refusals share one code; only their words tell them apart.
fn by_words(words: &str) -> Option<VenueError> {
    Some(match words {
        "Account has insufficient balance for requested action." => VenueError::InsufficientBalance,
        "Unknown order sent." => VenueError::UnknownOrder,
        "Duplicate order sent." => VenueError::DuplicateClientOrderId,
        "Market is closed." => VenueError::MarketClosed,
        "Order would immediately match and take." => VenueError::WouldTake,
        "Order would trigger immediately." | "Stop price would trigger immediately." => {
            VenueError::WouldTrigger
        }
        "Order was not canceled due to cancel restrictions." => VenueError::CancelRestricted,
        "Market orders are not supported for this symbol."
        | "Iceberg orders are not supported for this symbol."
        | "Stop loss orders are not supported for this symbol."
        | "Unsupported order combination" => VenueError::Unsupported,
        "This action is disabled on this account."
        | "This account may not place or cancel orders."
        | "This symbol is not permitted for this account."
        | "This symbol is restricted for this account."
        | "Rest API trading is not enabled." => VenueError::NotAllowed,
        "Order book liquidity is less than symbol minimum quantity." => VenueError::NoLiquidity,
        _ => return None,
    })
}

fn filter(words: &str) -> Option<Filter> {
    Some(match words.strip_prefix("Filter failure: ")? {
        "PRICE_FILTER" => Filter::Price,
        "PERCENT_PRICE" | "PERCENT_PRICE_BY_SIDE" => Filter::PriceBand,
        "LOT_SIZE" => Filter::Lot,
        "MARKET_LOT_SIZE" => Filter::MarketLot,
        "MIN_NOTIONAL" | "NOTIONAL" => Filter::Notional,
        "MAX_NUM_ORDERS" => Filter::OpenOrders,
        "MAX_NUM_ALGO_ORDERS" => Filter::StopOrders,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, code: i64, msg: &str) -> Option<VenueError> {
        proven(status, &ErrorBody { code, msg: msg.to_owned() })
    }

    #[test]
    fn what_proves_a_refusal_and_what_does_not() {
        let insufficient = "Account has insufficient balance for requested action.";
        assert_eq!(answer(400, -2010, insufficient), Some(VenueError::InsufficientBalance));
        let lot = VenueError::Filter { filter: Filter::Lot };
        assert_eq!(answer(400, -1013, "Filter failure: LOT_SIZE"), Some(lot));
        assert_eq!(answer(400, -2013, "Order does not exist."), Some(VenueError::UnknownOrder));
        for code in [-1002, -1003, -1015, -1021, -1022, -1100, -1102, -1111, -1130, -2014, -2015] {
            assert!(answer(400, code, "x").is_some(), "{code}");
        }
        // Between the listed ones lie codes that nobody has explained.
        let unlisted =
            [-1107, -1109, -1110, -1112, -1113, -1122, -1123, -1124, -1125, -1126, -1129];
        for code in unlisted {
            assert_eq!(answer(400, code, "x"), None, "{code} proves nothing");
        }
        for code in [-1000, -1001, -1006, -1007, -1008, -1016, -9999, 0, 200] {
            assert_eq!(answer(400, code, "x"), None, "{code} proves nothing");
        }
        for status in [200, 409, 500, 502, 503, 504] {
            assert_eq!(answer(status, -2010, insufficient), None, "status {status}");
        }
    }

    /// One letter off is another text: it was never seen, so it proves nothing.
    #[test]
    fn a_text_that_differs_by_a_letter_is_not_believed() {
        let text = "Account has insufficient balance for requested action.";
        for at in 0..text.len() {
            let mut bytes = text.as_bytes().to_vec();
            bytes[at] ^= 1;
            let mutated = String::from_utf8(bytes).unwrap();
            assert_eq!(answer(400, -2010, &mutated), None, "{mutated}");
        }
    }
}
