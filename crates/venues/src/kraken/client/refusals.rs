//! Kraken's proven refusals: answers that guarantee that the request did nothing.
//!
//! HTTP says 200 whatever happened; a list of errors says what. One that is on this list, word for word,
//! proves a refusal. Everything else is in doubt: server errors, time-outs, words never seen, and those that
//! the venue itself says of requests of which it does not know what became of them (`EService:Unavailable`,
//! `EService:Busy`, `EService:Deadline elapsed`, `EGeneral:Internal error`, `EDatabase:Internal error`,
//! `EOrder:Cancel pending`).
//!
//! Source: support article "API error messages", krakenfx/kraken-cli `src/errors.rs`, read 2026-08-21.

use std::time::Duration;

use model::venue::{Filter, VenueError};

/// How long a temporary lockout lasts; no page prints it, users say a quarter of an hour (unverified).
const LOCKOUT: Duration = Duration::from_secs(900);
/// A counter that is full falls by itself: after this there is room for something.
const FULL: Duration = Duration::from_secs(5);

/// A nonce that was not larger than the last one.
pub(super) const NONCE: &str = "EAPI:Invalid nonce";

/// Errors that say no more than themselves.
const PLAIN: [&str; 20] = [
    "EAPI:Invalid key",
    NONCE,
    "EAPI:Invalid signature",
    "EAPI:Rate limit exceeded",
    "EAPI:Feature disabled",
    "EAuth:Account temporary disabled",
    "EAuth:Account unconfirmed",
    "EAuth:Rate limit exceeded",
    "EAuth:Too many requests",
    "EGeneral:Temporary lockout",
    "EGeneral:Too many requests",
    "EGeneral:Unknown method",
    "EOrder:Domain rate limit exceeded",
    "EOrder:Invalid order",
    "EOrder:Rate limit exceeded",
    "EOrder:Scheduled orders limit exceeded",
    "EOrder:Trading agreement required",
    "EQuery:Unknown asset",
    "ESession:Invalid session",
    "ETrade:Locked",
];

/// The refusal that an error proves; `None` leaves the outcome open.
pub(super) fn proven(error: &str) -> Option<VenueError> {
    let filter = |filter| Some(VenueError::Filter { filter });
    let other = || Some(VenueError::Other { code: 0, message: error.to_owned() });
    match error {
        "EOrder:Insufficient funds" => Some(VenueError::InsufficientBalance),
        "EQuery:Unknown asset pair" | "EQuery:Invalid asset pair" => {
            Some(VenueError::UnknownInstrument)
        }
        // Filled, canceled or never there: a question, not an end.
        "EOrder:Unknown order" | "EOrder:Invalid order id" => Some(VenueError::UnknownOrder),
        "EOrder:cl_ord_id already in use" => Some(VenueError::DuplicateClientOrderId),
        "EOrder:Post only order" => Some(VenueError::WouldTake),
        "EOrder:Tick size check failed" | "EOrder:Invalid price" => filter(Filter::Price),
        "EOrder:Order minimum not met" | "EOrder:Invalid volume" => filter(Filter::Lot),
        "EOrder:Cost minimum not met" => filter(Filter::Notional),
        "EOrder:Orders limit exceeded" => filter(Filter::OpenOrders),
        "EService:Market in cancel_only mode"
        | "EService:Market in post_only mode"
        | "EService:Market in limit_only mode" => Some(VenueError::MarketClosed),
        "EGeneral:Permission denied" => Some(VenueError::NotAllowed),
        _ if PLAIN.contains(&error) => other(),
        // With the name of the field.
        _ if error == "EGeneral:Invalid arguments"
            || error.starts_with("EGeneral:Invalid arguments:") =>
        {
            other()
        }
        _ if throttled(error).is_some() => other(),
        _ => None,
    }
}

/// The venue says stop: orders alone or everything, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stop {
    /// Only what the matching engine counts.
    pub trading_only: bool,
    /// For so long.
    pub wait: Duration,
}

/// What an error says of limits. `now_s` is the venue's time in seconds.
pub fn stop(error: &str, now_s: i64) -> Option<Stop> {
    let all = |wait| Some(Stop { trading_only: false, wait });
    match error {
        "EOrder:Rate limit exceeded" | "EOrder:Domain rate limit exceeded" => {
            Some(Stop { trading_only: true, wait: FULL })
        }
        "EAPI:Rate limit exceeded"
        | "EGeneral:Too many requests"
        | "EAuth:Rate limit exceeded"
        | "EAuth:Too many requests" => all(FULL),
        "EGeneral:Temporary lockout" => all(LOCKOUT),
        _ => {
            let until = throttled(error)?;
            let wait = u64::try_from(until.saturating_sub(now_s)).unwrap_or(0);
            all(Duration::from_secs(wait.clamp(1, LOCKOUT.as_secs())))
        }
    }
}

/// Until when, seconds: `EService: Throttled: 1767225600`, with spaces or without.
fn throttled(error: &str) -> Option<i64> {
    let rest = error.strip_prefix("EService:")?.trim_start().strip_prefix("Throttled:")?;
    rest.trim_start().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_proves_a_refusal_and_what_does_not() {
        let other = |words: &str| Some(VenueError::Other { code: 0, message: words.to_owned() });
        for (words, refusal) in [
            ("EOrder:Insufficient funds", Some(VenueError::InsufficientBalance)),
            ("EOrder:Unknown order", Some(VenueError::UnknownOrder)),
            ("EOrder:Post only order", Some(VenueError::WouldTake)),
            ("EAPI:Invalid nonce", other("EAPI:Invalid nonce")),
            ("EGeneral:Invalid arguments:volume", other("EGeneral:Invalid arguments:volume")),
            ("EService: Throttled: 1767225600", other("EService: Throttled: 1767225600")),
            ("EService:Throttled:1767225600", other("EService:Throttled:1767225600")),
            ("EService:Unavailable", None),
            ("EService:Busy", None),
            ("EService:Deadline elapsed", None),
            ("EGeneral:Internal error", None),
            ("EDatabase:Internal error", None),
            ("EOrder:Cancel pending", None),
            ("EOrder:Never seen", None),
            ("EGeneral:Invalid argumentsX", None),
            ("", None),
        ] {
            assert_eq!(proven(words), refusal, "{words}");
        }
    }

    /// One letter off is another word: it was never seen, so it proves nothing.
    #[test]
    fn words_that_differ_by_a_letter_are_not_believed() {
        for word in ["EOrder:Insufficient funds", "EAPI:Invalid key", "EOrder:Post only order"] {
            assert!(proven(word).is_some());
            for at in 0..word.len() {
                let mut bytes = word.as_bytes().to_vec();
                bytes[at] ^= 1;
                let mutated = String::from_utf8(bytes).unwrap();
                assert_eq!(proven(&mutated), None, "{mutated}");
            }
        }
    }

    #[test]
    fn what_stops_and_for_how_long() {
        let wait =
            |words: &str| stop(words, 1_767_225_600).map(|s| (s.trading_only, s.wait.as_secs()));
        assert_eq!(wait("EOrder:Rate limit exceeded"), Some((true, 5)));
        assert_eq!(wait("EAPI:Rate limit exceeded"), Some((false, 5)));
        assert_eq!(wait("EGeneral:Temporary lockout"), Some((false, 900)));
        assert_eq!(wait("EService: Throttled: 1767225607"), Some((false, 7)));
        assert_eq!(wait("EService: Throttled: 1"), Some((false, 1)));
        assert_eq!(wait("EOrder:Insufficient funds"), None);
    }
}
