//! Envelopes of the WebSocket API and of live subscriptions.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::market::RateLimit;

/// A request on a market stream or on the WebSocket API.
#[derive(Debug, Deserialize)]
pub struct SocketRequest<'a> {
    /// Echoed as it is: a number, a text or null.
    #[serde(borrow, default)]
    pub id: Option<&'a RawValue>,
    /// What is wanted.
    pub method: std::borrow::Cow<'a, str>,
    /// A list on streams, an object on the API.
    #[serde(borrow, default)]
    pub params: Option<&'a RawValue>,
}

/// An answer of the WebSocket API.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SocketResponse<Id, T> {
    /// The request's.
    pub id: Id,
    /// As HTTP's.
    pub status: u16,
    /// When it worked.
    #[serde(default = "none", skip_serializing_if = "Option::is_none")]
    pub result: Option<T>,
    /// When it did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<SocketError>,
    /// Usage after this request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_limits: Option<Vec<RateLimit>>,
}

fn none<T>() -> Option<T> {
    None
}

/// An error of the WebSocket API.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SocketError {
    /// Below zero.
    pub code: i64,
    /// The venue's words.
    pub msg: String,
    /// More, for some codes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<serde_json::Value>,
}

/// A user data event on the WebSocket API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Subscribed<T> {
    /// Which subscription.
    pub subscription_id: u32,
    /// The event.
    pub event: T,
}
