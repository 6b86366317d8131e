//! What Binance says about its limits: how large they are, how much is used, and when to stop.
//!
//! Not part of an answer's meaning: every answer may say it in its headers, and the metadata says it
//! beside the instruments.
//!
//! Source: rest-api.md "Limits", "Exchange information", read 2026-07-21.

use std::time::Duration;

use arrayvec::ArrayVec;
use serde::Deserialize;

use super::DecodeError;
use crate::binance::wire;

/// Counts that are read from one answer; an answer has three or four.
pub const USAGES_MAX: usize = 8;

/// What a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CountedBy {
    /// Weight, by address.
    Weight,
    /// Requests, by address.
    Requests,
    /// Unfilled orders, by account.
    Orders,
}

/// A figure for one window: how much is allowed, or how much is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// What is counted.
    pub counts: CountedBy,
    /// Length of the window, milliseconds.
    pub window_ms: u32,
    /// The figure.
    pub figure: u32,
}

/// What the headers of an answer say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RateNotice {
    /// How much is used.
    pub used: ArrayVec<RateLimit, USAGES_MAX>,
    /// Hold still for this long.
    pub retry_after: Option<Duration>,
}

/// Stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateStop {
    /// New orders only; cancels and questions may go on.
    pub orders_only: bool,
    /// For so long, if it was said.
    pub wait: Option<Duration>,
}

const WEIGHT: &str = "x-mbx-used-weight-";
const ORDERS: &str = "x-mbx-order-count-";
/// The account has placed too many orders; its address is fine.
const TOO_MANY_ORDERS: i64 = -1015;

/// Milliseconds of so many of these.
fn window_ms(number: u32, unit: &str) -> Option<u32> {
    let unit_ms = match unit {
        "s" | "SECOND" => 1_000,
        "m" | "MINUTE" => 60_000,
        "h" | "HOUR" => 3_600_000,
        "d" | "DAY" => 86_400_000,
        _ => return None,
    };
    number.checked_mul(unit_ms).filter(|window_ms| *window_ms > 0)
}

/// Reads the headers of an answer; names in lower case. What cannot be read is left out: it only
/// ever makes our own count better.
pub fn rate_notice<'a>(headers: impl Iterator<Item = (&'a str, &'a str)>) -> RateNotice {
    let mut notice = RateNotice::default();
    for (name, value) in headers {
        if name == "retry-after" {
            notice.retry_after = value.parse().ok().map(Duration::from_secs);
            continue;
        }
        let (counts, window) = match (name.strip_prefix(WEIGHT), name.strip_prefix(ORDERS)) {
            (Some(window), _) => (CountedBy::Weight, window),
            (_, Some(window)) => (CountedBy::Orders, window),
            (None, None) => continue,
        };
        // `1m`: a number and one letter.
        let Some((number, unit)) = window.split_at_checked(window.len().saturating_sub(1)) else {
            continue;
        };
        let window_ms = number.parse().ok().and_then(|number| window_ms(number, unit));
        if let (Some(window_ms), Ok(figure)) = (window_ms, value.parse()) {
            // More than there is room for is more than there are.
            let _ = notice.used.try_push(RateLimit { counts, window_ms, figure });
        }
    }
    notice
}

/// Does this answer mean stop? Status 429 does, and 418 and 403, which are bans.
pub fn rate_stop(status: u16, body: &[u8], notice: &RateNotice) -> Option<RateStop> {
    if !matches!(status, 403 | 418 | 429) {
        return None;
    }
    let error = serde_json::from_slice::<wire::ErrorBody>(body);
    let orders_only = status == 429 && error.is_ok_and(|error| error.code == TOO_MANY_ORDERS);
    Some(RateStop { orders_only, wait: notice.retry_after })
}

/// The limits that `exchangeInfo` lists. Kinds that are not known here are left out.
pub fn rate_limits(body: &[u8]) -> Result<Vec<RateLimit>, DecodeError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Limits {
        rate_limits: Vec<wire::RateLimit>,
    }
    let limits: Limits =
        serde_json::from_slice(body).map_err(|error| DecodeError::Shape(error.to_string()))?;
    let read = |limit: &wire::RateLimit| {
        let counts = match limit.rate_limit_type.as_str() {
            "REQUEST_WEIGHT" => CountedBy::Weight,
            "RAW_REQUESTS" => CountedBy::Requests,
            "ORDERS" => CountedBy::Orders,
            _ => return None,
        };
        let window_ms = window_ms(limit.interval_num, &limit.interval)?;
        Some(RateLimit { counts, window_ms, figure: limit.limit })
    };
    Ok(limits.rate_limits.iter().filter_map(read).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(counts: CountedBy, window_ms: u32, figure: u32) -> RateLimit {
        RateLimit { counts, window_ms, figure }
    }

    #[test]
    fn headers_name_their_windows() {
        let headers = [
            ("x-mbx-used-weight", "41"),
            ("x-mbx-used-weight-1m", "42"),
            ("x-mbx-order-count-10s", "3"),
            ("x-mbx-order-count-1d", "77"),
            ("x-mbx-order-count-", "1"),
            ("x-mbx-order-count-1ü", "1"),
            ("x-mbx-used-weight-1y", "1"),
            ("x-mbx-used-weight-0m", "1"),
            ("x-mbx-used-weight-1h", "many"),
            ("retry-after", "30"),
        ];
        let notice = rate_notice(headers.into_iter());
        let expected = [
            figure(CountedBy::Weight, 60_000, 42),
            figure(CountedBy::Orders, 10_000, 3),
            figure(CountedBy::Orders, 86_400_000, 77),
        ];
        assert_eq!(notice.used.as_slice(), expected);
        assert_eq!(notice.retry_after, Some(Duration::from_secs(30)));
    }

    #[test]
    fn a_stop_of_orders_is_not_a_stop_of_everything() {
        let stop = |status, body: &str| {
            rate_stop(status, body.as_bytes(), &RateNotice::default()).map(|stop| stop.orders_only)
        };
        assert_eq!(stop(200, "{}"), None);
        assert_eq!(stop(400, r#"{"code":-1015,"msg":""}"#), None);
        assert_eq!(stop(429, r#"{"code":-1015,"msg":""}"#), Some(true));
        assert_eq!(stop(429, r#"{"code":-1003,"msg":""}"#), Some(false));
        assert_eq!(stop(418, r#"{"code":-1015,"msg":""}"#), Some(false));
        assert_eq!(stop(403, "<html>"), Some(false));
    }

    /// The sample of rest-api.md, with a kind that is not counted here.
    #[test]
    fn limits_of_the_metadata() {
        let body = br#"{"timezone":"UTC","rateLimits":[
            {"rateLimitType":"REQUEST_WEIGHT","interval":"MINUTE","intervalNum":1,"limit":6000},
            {"rateLimitType":"ORDERS","interval":"SECOND","intervalNum":10,"limit":50},
            {"rateLimitType":"ORDERS","interval":"DAY","intervalNum":1,"limit":160000},
            {"rateLimitType":"RAW_REQUESTS","interval":"MINUTE","intervalNum":5,"limit":300000},
            {"rateLimitType":"CONNECTIONS","interval":"MINUTE","intervalNum":5,"limit":300}]}"#;
        let expected = [
            figure(CountedBy::Weight, 60_000, 6_000),
            figure(CountedBy::Orders, 10_000, 50),
            figure(CountedBy::Orders, 86_400_000, 160_000),
            figure(CountedBy::Requests, 300_000, 300_000),
        ];
        assert_eq!(rate_limits(body).unwrap(), expected);
        assert!(rate_limits(b"[]").is_err());
    }
}
