//! Who asks: key, signature and clock.
//!
//! Source: rest-api.md "Request security", web-socket-api.md "Request security", read 2026-07-21.

use std::collections::BTreeMap;

use model::{AccountId, Decimal, Timestamp};

use super::errors::ApiError;
use super::params::{Params, time};
use crate::binance::sign::VerifyingKey;

/// Milliseconds that a request stays valid when it does not say.
const WINDOW_DEFAULT_MS: i64 = 5_000;
/// Longest validity, milliseconds.
const WINDOW_MAX_MS: i64 = 60_000;
/// How far ahead of our clock a request may be stamped, milliseconds.
const AHEAD_MAX_MS: i64 = 1_000;

/// One API key.
#[derive(Clone, Debug)]
pub(super) struct Key {
    pub(super) verifying: VerifyingKey,
    pub(super) account: AccountId,
}

/// All API keys.
#[derive(Clone, Debug, Default)]
pub(super) struct Keys {
    keys: BTreeMap<String, Key>,
}

impl Keys {
    pub(super) fn add(&mut self, api_key: &str, key: Key) {
        self.keys.insert(api_key.to_owned(), key);
    }

    /// The key of this name.
    pub(super) fn find(&self, api_key: Option<&str>) -> Result<&Key, ApiError> {
        let bad_format = || ApiError::new(401, -2014, "API-key format invalid.");
        let name = api_key.filter(|name| !name.is_empty()).ok_or_else(bad_format)?;
        self.keys.get(name).ok_or_else(unknown_key)
    }
}

pub(super) fn unknown_key() -> ApiError {
    ApiError::new(401, -2015, "Invalid API-key, IP, or permissions for action.")
}

/// Checks the signature of a REST request: over the query and then the body, as sent, without the
/// signature itself.
pub(super) fn check_rest(
    key: &Key,
    params: &Params,
    query: &str,
    body: &str,
    now: Timestamp,
) -> Result<(), ApiError> {
    check_time(params, now)?;
    let signature = params.required("signature")?;
    let payload = format!("{}{}", unsigned(query), unsigned(body));
    verify(key, &payload, signature)
}

/// Checks the signature of a WebSocket request: over all other parameters, by name.
pub(super) fn check_socket(key: &Key, params: &Params, now: Timestamp) -> Result<(), ApiError> {
    check_time(params, now)?;
    let signature = params.required("signature")?;
    let mut payload = String::new();
    for (name, value) in params.sorted().filter(|(name, _)| *name != "signature") {
        if !payload.is_empty() {
            payload.push('&');
        }
        payload.push_str(name);
        payload.push('=');
        payload.push_str(value);
    }
    verify(key, &payload, signature)
}

fn verify(key: &Key, payload: &str, signature: &str) -> Result<(), ApiError> {
    if key.verifying.verify(payload.as_bytes(), signature) {
        return Ok(());
    }
    Err(ApiError::bad(-1022, "Signature for this request is not valid."))
}

/// The parameters without the signature, in their order.
fn unsigned(text: &str) -> String {
    let kept: Vec<&str> = text.split('&').filter(|pair| !pair.starts_with("signature=")).collect();
    kept.join("&")
}

/// Is the request stamped in time?
pub(super) fn check_time(params: &Params, now: Timestamp) -> Result<(), ApiError> {
    let stamp = params.required("timestamp")?;
    let stamp = stamp.parse().ok().and_then(time);
    let stamp = stamp.ok_or_else(|| ApiError::illegal("timestamp", "^[0-9]{1,20}$"))?;
    let window = window_ms(params)?;
    if stamp.millis() >= now.millis() + AHEAD_MAX_MS {
        let text = "Timestamp for this request was 1000ms ahead of the server's time.";
        return Err(ApiError::bad(-1021, text));
    }
    if now.millis() - stamp.millis() > window {
        let text = "Timestamp for this request is outside of the recvWindow.";
        return Err(ApiError::bad(-1021, text));
    }
    Ok(())
}

/// Validity in whole milliseconds; fractions are cut off.
fn window_ms(params: &Params) -> Result<i64, ApiError> {
    let Some(text) = params.get("recvWindow") else { return Ok(WINDOW_DEFAULT_MS) };
    let range = "^[0-9]{1,5}(\\.[0-9]{1,3})?$";
    let window: Decimal = text.parse().map_err(|_| ApiError::illegal("recvWindow", range))?;
    if window.signum() < 0 || window.decimals() > 3 {
        return Err(ApiError::illegal("recvWindow", range));
    }
    if window > Decimal::new(WINDOW_MAX_MS, 0) {
        let text = format!(
            "'recvWindow' contains unexpected value. Cannot be greater than '{WINDOW_MAX_MS}'."
        );
        return Err(ApiError::bad(-1102, text));
    }
    let thousandths = window.mantissa_at(3).unwrap_or(0);
    Ok(thousandths / 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    const API_KEY: &str = "madeUpApiKeyForTests0123456789abcdefghijklmnopqrstuvwxyzABCDEFGH";
    const SECRET: &str = "madeUpSecretForTests0123456789abcdefghijklmnopqrstuvwxyzABCDEFGH";
    const QUERY: &str = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC";
    const BODY: &str = "quantity=0.00200000&price=61234.50&newClientOrderId=agent-7-000001\
                        &recvWindow=5000&timestamp=1767225600000";
    const SPLIT: &str = "3babbb0ab1a825aa9e987f0bd13df690ac7b0507c532fa0d592cf0515ef1b215";

    fn key() -> Key {
        let verifying = VerifyingKey::new(SECRET).unwrap();
        Key { verifying, account: AccountId::new("a").unwrap() }
    }

    fn now(offset_ms: i64) -> Timestamp {
        Timestamp::from_millis(1_767_225_600_000 + offset_ms).unwrap()
    }

    fn rest(query: &str, body: &str, offset_ms: i64) -> Result<(), i64> {
        let params = Params::from_form(query, body);
        check_rest(&key(), &params, query, body, now(offset_ms)).map_err(|error| error.code)
    }

    #[test]
    fn the_split_vector_is_taken_wherever_the_signature_stands() {
        assert_eq!(rest(QUERY, &format!("{BODY}&signature={SPLIT}"), 0), Ok(()));
        let upper = SPLIT.to_uppercase();
        assert_eq!(rest(QUERY, &format!("{BODY}&signature={upper}"), 0), Ok(()));
        assert_eq!(rest(&format!("{QUERY}&signature={SPLIT}"), BODY, 0), Ok(()));
        assert_eq!(rest(QUERY, BODY, 0), Err(-1102), "no signature");
        for at in [0, 31, 63] {
            let mut damaged = SPLIT.as_bytes().to_vec();
            damaged[at] ^= 1;
            let damaged = String::from_utf8(damaged).unwrap();
            assert_eq!(rest(QUERY, &format!("{BODY}&signature={damaged}"), 0), Err(-1022));
        }
    }

    #[test]
    fn both_sides_of_the_clock() {
        let body = format!("{BODY}&signature={SPLIT}");
        for (offset, expected) in
            [(-999, Ok(())), (-1_000, Err(-1021)), (5_000, Ok(())), (5_001, Err(-1021))]
        {
            assert_eq!(rest(QUERY, &body, offset), expected, "{offset} ms");
        }
        let long = format!("{BODY}&signature={SPLIT}").replace("=5000&", "=60001&");
        assert_eq!(rest(QUERY, &long, 0), Err(-1102));
    }

    #[test]
    fn the_socket_vector() {
        let sign = |signature: &str| {
            let query = format!("apiKey={API_KEY}&timestamp=1767225600000&signature={signature}");
            let params = Params::from_form(&query, "");
            check_socket(&key(), &params, now(0)).map_err(|error| error.code)
        };
        let good = "a0aa181c51dad6191314c8a89951c2b83f25763fba772efbcfd4dd7bffbf9f8e";
        assert_eq!(sign(good), Ok(()));
        assert_eq!(sign(&good.replace("a0", "a1")), Err(-1022));
    }

    #[test]
    fn keys_that_are_not_there() {
        let keys = Keys::default();
        assert_eq!(keys.find(None).unwrap_err().code, -2014);
        assert_eq!(keys.find(Some("x")).unwrap_err().code, -2015);
    }
}
