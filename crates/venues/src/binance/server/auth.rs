//! Who asks: key, signature and clock.
//!
//! Source: rest-api.md "Request security", web-socket-api.md "Request security", read 2026-07-21.

use std::collections::BTreeMap;

use model::{AccountId, Decimal, Timestamp};

use super::calls::Call;
use super::errors::ApiError;
use super::params::{Params, time};
use crate::binance::sign::VerifyingKey;
use crate::server::Scopes;

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
    pub(super) scopes: Scopes,
}

impl Key {
    /// May it make this call? Binance has the same words for a key that it does not know.
    pub(super) fn may(&self, now: Timestamp, call: Call) -> Result<(), ApiError> {
        let allowed = if call.trades() { self.scopes.may_trade(now) } else { self.scopes.view };
        if allowed { Ok(()) } else { Err(unknown_key()) }
    }
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
        let account = AccountId::new("a").unwrap();
        Key { verifying, account, scopes: Scopes::default() }
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

    const V1: &str = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.00200000\
                      &price=61234.50&newClientOrderId=agent-7-000001&recvWindow=5000\
                      &timestamp=1767225600000";
    const V3: &str = "symbol=%E6%B5%8B%E8%AF%95USDT&side=SELL&type=MARKET&quantity=1\
                      &timestamp=1767225600000";
    const ED_PUBLIC: &str = "-----BEGIN PUBLIC KEY-----\n\
                             MCowBQYDK2VwAyEAebVWLo/mVPlAeLES6KmLp5AfhTrmlb7X4OORC60ElmQ=\n\
                             -----END PUBLIC KEY-----\n";

    /// Each vector of the protocol notes, and each with one letter of it changed.
    #[test]
    fn all_vectors_and_none_of_their_neighbours() {
        let hmac = key();
        let verifying = VerifyingKey::new(ED_PUBLIC).unwrap();
        let ed = Key { verifying, ..hmac.clone() };
        let v4 = format!("{V1}&apiKey={API_KEY}");
        let v5 = format!("apiKey={API_KEY}&timestamp=1767225600000");
        let rest = |key: &Key, query: &str, signature: &str| {
            let query = format!("{query}&signature={signature}");
            let params = Params::from_form(&query, "");
            check_rest(key, &params, &query, "", now(0)).map_err(|error| error.code)
        };
        let socket = |key: &Key, query: &str, signature: &str| {
            let params = Params::from_form(&format!("{query}&signature={signature}"), "");
            check_socket(key, &params, now(0)).map_err(|error| error.code)
        };
        type Check<'a> = &'a dyn Fn(&Key, &str, &str) -> Result<(), i64>;
        let cases: [(Check<'_>, &Key, &str, &str); 7] = [
            (&rest, &hmac, V1, "2af5ef0967e472bf3fec34b3aad4913f747b4919fc9624c6f96854653f4d3160"),
            (&rest, &hmac, V3, "0085eb8ccfaa8578873f9418ea003ac99c660ed4651158a400e9c7fe6ba4825c"),
            (
                &rest,
                &ed,
                V1,
                "La6%2BrCU51KW0%2FivYecqvudL6lrgaL4zWzh6JBvWXFoerxRaZGyv5X77ba%2F%2BVNnwMz3xCpQl\
                 %2BE7y8HDpVSMz%2FCg%3D%3D",
            ),
            (
                &socket,
                &hmac,
                &v4,
                "77a538c1efcb83056da31188366d9f5b3016223d18ff8a2b2ef454569cadc27d",
            ),
            (
                &socket,
                &hmac,
                &v5,
                "a0aa181c51dad6191314c8a89951c2b83f25763fba772efbcfd4dd7bffbf9f8e",
            ),
            (
                &socket,
                &ed,
                &v4,
                "ZqsFJEZyQkHwyA61oYySzFTCPTWnw7T4P81AvX%2FkJzekxyY%2Bsz\
                 J%2B2y%2B9X7Z1v8gbvh98aSNcyGMEIXFp1WCODw%3D%3D",
            ),
            (
                &socket,
                &ed,
                &v5,
                "sPQ9PltpI%2FDppX9Q%2Fw7MZL8kDy4e4MQmcVDUHPlA5M5MYNoN8fZIOt7i2o9fGhc9isFTw\
                 %2F%2FEzpqdGtAOuDf3Aw%3D%3D",
            ),
        ];
        for (check, key, query, signature) in cases {
            assert_eq!(check(key, query, signature), Ok(()), "{query}");
            let (start, rest) = signature.split_at(1);
            let other = if start == "0" { "1" } else { "0" };
            assert_eq!(check(key, query, &format!("{other}{rest}")), Err(-1022), "{query}");
            // Times are left alone: they have an error of their own.
            let forged = query.replacen("BUY", "BUX", 1).replacen("SELL", "SELK", 1);
            let forged = if forged == query { query.replacen("made", "mads", 1) } else { forged };
            assert_eq!(check(key, &forged, signature), Err(-1022), "{forged}");
        }
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
