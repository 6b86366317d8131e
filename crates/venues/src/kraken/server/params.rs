//! The parameters of a call: a query, a form, or a JSON object.

use std::borrow::Cow;

use model::{Decimal, Timestamp};
use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::render::invalid;

/// Names and decoded values, in order.
#[derive(Clone, Debug, Default)]
pub(super) struct Params {
    values: Vec<(String, String)>,
}

impl Params {
    /// Of a query or a form.
    pub(super) fn form(text: &str) -> Params {
        let decode = |text: &str| {
            let spaced = text.replace('+', " ");
            percent_decode_str(&spaced).decode_utf8().map(Cow::into_owned).unwrap_or_default()
        };
        let pairs = text.split('&').filter(|pair| !pair.is_empty());
        let values = pairs.map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(value))
        });
        Params { values: values.collect() }
    }

    /// Of a body: JSON where it begins like that, else a form.
    pub(super) fn body(body: &[u8]) -> Params {
        let text = std::str::from_utf8(body).unwrap_or_default();
        if !text.trim_start().starts_with('{') {
            return Params::form(text);
        }
        let fields = serde_json::from_str::<serde_json::Map<String, Value>>(text);
        Params { values: fields.unwrap_or_default().into_iter().flat_map(flat).collect() }
    }

    /// The same with another value.
    pub(super) fn with(mut self, name: &str, value: Option<String>) -> Params {
        self.values.extend(value.map(|value| (name.to_owned(), value)));
        self
    }

    /// The first value of this name that is not empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let mut all =
            self.values.iter().filter(|(known, value)| known == name && !value.is_empty());
        all.next().map(|(_, value)| value.as_str())
    }

    /// All values of this name; commas part some of them.
    pub(super) fn all(&self, name: &str) -> Vec<&str> {
        let all = self.values.iter().filter(|(known, _)| known == name);
        all.flat_map(|(_, value)| value.split(',')).filter(|value| !value.is_empty()).collect()
    }

    pub(super) fn required(&self, name: &str) -> Result<&str, String> {
        self.get(name).ok_or_else(|| invalid(name))
    }

    /// `true` and its like.
    pub(super) fn flag(&self, name: &str) -> bool {
        matches!(self.get(name), Some("true" | "True" | "1"))
    }

    pub(super) fn number(&self, name: &str) -> Result<Option<u64>, String> {
        self.get(name).map(|text| text.parse().map_err(|_| invalid(name))).transpose()
    }

    pub(super) fn decimal(&self, name: &str) -> Result<Option<Decimal>, String> {
        let Some(text) = self.get(name) else { return Ok(None) };
        Decimal::parse(text.as_bytes()).map(Some).map_err(|_| invalid(name))
    }

    /// Seconds since the epoch, perhaps with a part of one. Zero is none.
    pub(super) fn seconds(&self, name: &str) -> Result<Option<Timestamp>, String> {
        let Some(seconds) = self.decimal(name)? else { return Ok(None) };
        Ok(crate::kraken::wire::Num(seconds).seconds())
    }
}

/// A field as its values: those of a list each by itself.
fn flat((name, value): (String, Value)) -> Vec<(String, String)> {
    match value {
        Value::Array(items) => {
            items.into_iter().filter_map(|item| Some((name.clone(), scalar(&item)?))).collect()
        }
        other => scalar(&other).map(|text| (name, text)).into_iter().collect(),
    }
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_and_objects_say_the_same() {
        let form = Params::body(b"nonce=5&txid=A%2CB&validate=true&x=");
        let json = Params::body(br#"{"nonce":5,"txid":["A","B"],"validate":true,"x":null}"#);
        for params in [form, json] {
            assert_eq!(params.number("nonce"), Ok(Some(5)));
            assert_eq!((params.all("txid"), params.get("x")), (vec!["A", "B"], None));
            assert!(params.flag("validate") && !params.flag("nothing"));
        }
        assert!(Params::body(b"{broken").get("nonce").is_none());
        assert!(Params::form("n=x").number("n").is_err());
    }
}
