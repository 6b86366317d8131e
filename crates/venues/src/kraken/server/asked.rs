//! A request on a connection, and the message that answers it.

use model::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::sockets::Channel;
use crate::kraken::vocabulary;

/// Depths of a book that can be subscribed to.
const DEPTHS: [u32; 5] = [10, 25, 100, 500, 1_000];

/// A request.
#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    pub(super) method: String,
    #[serde(default)]
    pub(super) params: Map<String, Value>,
    #[serde(default)]
    pub(super) req_id: Option<u64>,
}

/// What a message asks for; empty where it cannot be read.
pub(super) fn method(text: &str) -> String {
    let Ok(asked) = serde_json::from_str::<Asked>(text) else { return String::new() };
    match asked.params.get("channel").and_then(Value::as_str) {
        Some(channel) => format!("{} {channel}", asked.method),
        None => asked.method,
    }
}

impl Asked {
    /// A message about this request.
    pub(super) fn answer(&self, now: Timestamp, result: Result<Value, String>) -> String {
        let mut told = Map::new();
        told.insert("method".to_owned(), self.method.clone().into());
        if let Some(id) = self.req_id {
            told.insert("req_id".to_owned(), id.into());
        }
        told.insert("success".to_owned(), result.is_ok().into());
        match result {
            Ok(result) => told.insert("result".to_owned(), result),
            Err(error) => told.insert("error".to_owned(), error.into()),
        };
        for name in ["time_in", "time_out"] {
            told.insert(name.to_owned(), now.to_string().into());
        }
        Value::Object(told).to_string()
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.params.get(name).and_then(Value::as_str)
    }

    pub(super) fn number(&self, name: &str) -> Option<u64> {
        self.params.get(name).and_then(Value::as_u64)
    }

    /// The names of a list.
    pub(super) fn names(&self, name: &str) -> Vec<String> {
        match self.params.get(name) {
            Some(Value::Array(items)) => {
                items.iter().filter_map(Value::as_str).map(str::to_owned).collect()
            }
            Some(Value::String(one)) => vec![one.clone()],
            _ => Vec::new(),
        }
    }
}

/// What a subscription is to; `None` for one that there is not.
pub(super) fn kind_of(channel: &str, asked: &Asked) -> Option<Channel> {
    let number = |name: &str, usual: u32| match asked.number(name) {
        Some(number) => u32::try_from(number).ok(),
        None => Some(usual),
    };
    match channel {
        "book" => number("depth", 10).filter(|depth| DEPTHS.contains(depth)).map(Channel::Book),
        "trade" => Some(Channel::Trade),
        "ticker" => Some(Channel::Ticker),
        "ohlc" => number("interval", 1)
            .filter(|minutes| vocabulary::CANDLE_MINUTES.contains(minutes))
            .map(Channel::Ohlc),
        _ => None,
    }
}
