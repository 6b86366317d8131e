//! Requests and answers over the WebSocket API: the same calls as REST, by other names.
//!
//! Source: web-socket-api.md, read 2026-07-21.

use std::collections::BTreeMap;

use model::venue::Request;
use model::{Outcome, Timestamp};
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::DecodeError;
use super::decode::decode_reply;
use super::encode::{Credentials, EncodeError, draft};
use crate::binance::QUERY_WINDOW_MS;
use crate::binance::symbols::Symbols;

/// REST calls and the methods that do the same.
const METHODS: [(&str, &str, &str); 22] = [
    ("GET", "/api/v3/ping", "ping"),
    ("GET", "/api/v3/time", "time"),
    ("GET", "/api/v3/exchangeInfo", "exchangeInfo"),
    ("GET", "/api/v3/depth", "depth"),
    ("GET", "/api/v3/trades", "trades.recent"),
    ("GET", "/api/v3/historicalTrades", "trades.historical"),
    ("GET", "/api/v3/aggTrades", "trades.aggregate"),
    ("GET", "/api/v3/klines", "klines"),
    ("GET", "/api/v3/avgPrice", "avgPrice"),
    ("GET", "/api/v3/ticker/24hr", "ticker.24hr"),
    ("POST", "/api/v3/order", "order.place"),
    ("POST", "/api/v3/order/test", "order.test"),
    ("DELETE", "/api/v3/order", "order.cancel"),
    ("GET", "/api/v3/order", "order.status"),
    ("POST", "/api/v3/order/cancelReplace", "order.cancelReplace"),
    ("GET", "/api/v3/openOrders", "openOrders.status"),
    ("DELETE", "/api/v3/openOrders", "openOrders.cancelAll"),
    ("GET", "/api/v3/allOrders", "allOrders"),
    ("GET", "/api/v3/myTrades", "myTrades"),
    ("GET", "/api/v3/account", "account.status"),
    ("GET", "/api/v3/account/commission", "account.commission"),
    ("GET", "/api/v3/rateLimit/order", "account.rateLimits.orders"),
];

/// Parameters that are written as JSON numbers.
const NUMBERS: [&str; 8] = [
    "limit",
    "orderId",
    "cancelOrderId",
    "fromId",
    "startTime",
    "endTime",
    "recvWindow",
    "timestamp",
];

/// A request as a text message. The answer carries `id`.
pub fn encode_socket(
    request: &Request,
    symbols: &Symbols,
    credentials: Option<&Credentials>,
    now: Timestamp,
    id: u64,
) -> Result<String, EncodeError> {
    let (draft, query) = draft(request, symbols)?;
    let known = METHODS.iter().find(|(verb, path, _)| *verb == draft.method && *path == draft.path);
    let (_, _, method) =
        known.ok_or(EncodeError::Unsupported("such a call over the WebSocket API"))?;
    let mut params: BTreeMap<String, String> = query
        .text
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| {
            (name.to_owned(), percent_decode_str(value).decode_utf8_lossy().into_owned())
        })
        .collect();
    if draft.signed {
        let credentials =
            credentials.ok_or(EncodeError::Unsupported("signed call without a key"))?;
        sign(&mut params, credentials, now, draft.window_ms);
    }
    let params: serde_json::Map<String, Value> =
        params.into_iter().map(|(name, value)| (name.clone(), typed(&name, value))).collect();
    Ok(json!({"id": id.to_string(), "method": method, "params": params}).to_string())
}

/// Logs a session on, after which requests need no signature. Takes Ed25519 keys only.
pub fn log_on(credentials: &Credentials, now: Timestamp, id: u64) -> Result<String, EncodeError> {
    if !credentials.key.can_log_on() {
        return Err(EncodeError::Unsupported("log-on with an HMAC key"));
    }
    let mut params = BTreeMap::new();
    sign(&mut params, credentials, now, QUERY_WINDOW_MS);
    let params: serde_json::Map<String, Value> =
        params.into_iter().map(|(name, value)| (name.clone(), typed(&name, value))).collect();
    Ok(json!({"id": id.to_string(), "method": "session.logon", "params": params}).to_string())
}

/// Signed is every parameter but the signature, by name, with values as they are.
fn sign(
    params: &mut BTreeMap<String, String>,
    credentials: &Credentials,
    now: Timestamp,
    window_ms: u32,
) {
    params.insert("apiKey".to_owned(), credentials.api_key.clone());
    params.insert("recvWindow".to_owned(), window_ms.to_string());
    params.insert("timestamp".to_owned(), now.millis().to_string());
    let pairs: Vec<String> = params.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let signature = credentials.key.sign(pairs.join("&").as_bytes());
    params.insert("signature".to_owned(), signature);
}

fn typed(name: &str, value: String) -> Value {
    if name == "symbols" {
        return serde_json::from_str(&value).unwrap_or(Value::String(value));
    }
    match value.parse::<u64>() {
        Ok(number) if NUMBERS.contains(&name) => Value::from(number),
        _ => Value::String(value),
    }
}

/// An answer's id and, given the request it belongs to, what it means.
pub struct SocketReply<'a> {
    /// The request's number; `None` for an answer to no request of ours.
    pub id: Option<u64>,
    status: u16,
    body: &'a str,
}

/// Reads the envelope of an answer. `None` for messages that are no answers.
pub fn decode_socket(text: &str) -> Result<Option<SocketReply<'_>>, DecodeError> {
    #[derive(Deserialize)]
    struct Envelope<'a> {
        #[serde(default)]
        id: Option<Value>,
        #[serde(default)]
        status: Option<u16>,
        #[serde(default, borrow)]
        result: Option<&'a RawValue>,
        #[serde(default, borrow)]
        error: Option<&'a RawValue>,
    }
    let envelope: Envelope<'_> =
        serde_json::from_str(text).map_err(|error| DecodeError::Shape(error.to_string()))?;
    let Some(status) = envelope.status else { return Ok(None) };
    let body = envelope.result.or(envelope.error).map_or("", RawValue::get);
    let id = envelope.id.and_then(|id| match id {
        Value::String(text) => text.parse().ok(),
        other => other.as_u64(),
    });
    Ok(Some(SocketReply { id, status, body }))
}

impl SocketReply<'_> {
    /// What the answer to this request means; by the same rules as over REST.
    pub fn outcome(&self, request: &Request, symbols: &Symbols) -> Outcome {
        decode_reply(request, self.status, self.body.as_bytes(), symbols)
    }
}

#[cfg(test)]
mod tests {
    use model::venue::{AccountRequest, MarketRequest, Response, VenueError};

    use super::*;
    use crate::binance::client::testing::symbols;
    use crate::binance::sign::SigningKey;

    const API_KEY: &str = "madeUpApiKeyForTests0123456789abcdefghijklmnopqrstuvwxyzABCDEFGH";
    const PEM: &str = "-----BEGIN PRIVATE KEY-----\n\
        MC4CAQAwBQYDK2VwBCIEIAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g\n\
        -----END PRIVATE KEY-----";

    fn credentials(secret: &str) -> Credentials {
        Credentials { api_key: API_KEY.to_owned(), key: SigningKey::new(secret).unwrap() }
    }

    #[test]
    fn a_signed_request_signs_what_it_sends_by_name() {
        let (now, credentials) =
            (Timestamp::from_nanos(1_767_225_600_000_000_000), credentials("s"));
        let request = Request::Account(AccountRequest::OpenOrders(None));
        let text = encode_socket(&request, &symbols(), Some(&credentials), now, 7).unwrap();
        let sent: Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&sent["id"], &sent["method"]), (&json!("7"), &json!("openOrders.status")));
        let payload = format!("apiKey={API_KEY}&recvWindow=5000&timestamp=1767225600000");
        assert_eq!(sent["params"]["signature"], credentials.key.sign(payload.as_bytes()));
        assert_eq!(sent["params"]["timestamp"], 1_767_225_600_000_u64);
        assert!(encode_socket(&request, &symbols(), None, now, 7).is_err());
    }

    #[test]
    fn public_requests_carry_no_key() {
        let id = symbols().iter().next().unwrap().instrument.id;
        let request = Request::Market(MarketRequest::Book { instrument: id, depth: 5 });
        let text = encode_socket(&request, &symbols(), None, Timestamp::EPOCH, 1).unwrap();
        let sent: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(sent["params"], json!({"symbol": "BTCUSDT", "limit": 5}));
    }

    #[test]
    fn only_ed25519_keys_log_on() {
        assert!(log_on(&credentials("hmac"), Timestamp::EPOCH, 1).is_err());
        let text = log_on(&credentials(PEM), Timestamp::EPOCH, 1).unwrap();
        assert!(text.contains("session.logon") && text.contains("signature"));
    }

    #[test]
    fn answers_mean_what_they_mean_over_rest() {
        let request = Request::Market(MarketRequest::Time);
        let text = r#"{"id":"7","status":200,"result":{"serverTime":5},"rateLimits":[]}"#;
        let reply = decode_socket(text).unwrap().unwrap();
        assert_eq!(reply.id, Some(7));
        let time = Response::Time(Timestamp::from_nanos(5_000_000));
        assert_eq!(reply.outcome(&request, &symbols()), Outcome::Done(time));
        let text = r#"{"id":8,"status":400,"error":{"code":-2013,"msg":"Order does not exist."}}"#;
        let reply = decode_socket(text).unwrap().unwrap();
        let refused = Outcome::Refused(VenueError::UnknownOrder);
        assert_eq!((reply.id, reply.outcome(&request, &symbols())), (Some(8), refused));
        let text = r#"{"id":9,"status":500,"error":{"code":-1007,"msg":"Timeout"}}"#;
        let reply = decode_socket(text).unwrap().unwrap();
        assert!(matches!(reply.outcome(&request, &symbols()), Outcome::InDoubt(_)));
        assert!(decode_socket(r#"{"subscriptionId":0,"event":{}}"#).unwrap().is_none());
    }
}
