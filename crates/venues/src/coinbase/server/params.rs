//! The parameters of a question, and the body of an order.

use model::{Decimal, Timestamp};
use percent_encoding::percent_decode_str;
use serde::de::DeserializeOwned;

use super::errors::ApiError;

/// Names and decoded values, in order. A list is a name that comes several times.
#[derive(Clone, Debug, Default)]
pub(super) struct Params {
    values: Vec<(String, String)>,
}

impl Params {
    pub(super) fn new(query: &str) -> Params {
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        let values = pairs.map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(value))
        });
        Params { values: values.collect() }
    }

    /// The first value of this name that is not empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.values
            .iter()
            .find(|(n, value)| n == name && !value.is_empty())
            .map(|(_, v)| v.as_str())
    }

    /// Every value of these names that is not empty. Old clients say `product_id` where the page
    /// has `product_ids`.
    pub(super) fn all<'a>(&'a self, names: &'a [&'a str]) -> impl Iterator<Item = &'a str> {
        self.values.iter().filter_map(|(name, value)| {
            (names.contains(&name.as_str()) && !value.is_empty()).then_some(value.as_str())
        })
    }

    pub(super) fn required(&self, name: &str) -> Result<&str, ApiError> {
        self.get(name).ok_or_else(|| ApiError::invalid(format!("{name} is required")))
    }

    /// A whole number.
    pub(super) fn number(&self, name: &str) -> Result<Option<u32>, ApiError> {
        let Some(text) = self.get(name) else { return Ok(None) };
        text.parse().map(Some).map_err(|_| {
            ApiError::invalid(format!("parsing field \"{name}\": \"{text}\" is not a number"))
        })
    }

    /// How many rows: at most `max`, and that many where nothing or zero is said.
    pub(super) fn limit(&self, max: u32) -> Result<usize, ApiError> {
        let limit = self.number("limit")?.filter(|limit| *limit > 0).unwrap_or(max);
        Ok(limit.min(max) as usize)
    }

    /// A decimal number above zero.
    pub(super) fn step(&self, name: &str) -> Result<Option<Decimal>, ApiError> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let step = text.parse().ok().filter(|step: &Decimal| step.signum() > 0);
        step.map(Some).ok_or_else(|| ApiError::invalid(format!("{name} is not a positive number")))
    }

    /// A time in RFC 3339.
    pub(super) fn time(&self, name: &str) -> Result<Option<Timestamp>, ApiError> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let time = Timestamp::parse_rfc3339(text.as_bytes());
        time.map(Some).ok_or_else(|| {
            ApiError::invalid(format!("parsing field \"{name}\": \"{text}\" is not a time"))
        })
    }

    /// A time in seconds since the epoch.
    pub(super) fn seconds(&self, name: &str) -> Result<Option<Timestamp>, ApiError> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let seconds = text.parse::<i64>().ok().and_then(|seconds| seconds.checked_mul(1_000));
        let time = seconds.and_then(Timestamp::from_millis);
        time.map(Some).ok_or_else(|| {
            ApiError::invalid(format!("parsing field \"{name}\": \"{text}\" is not a UNIX time"))
        })
    }
}

/// A percent-encoded text; a plus sign is a space, as forms write it.
fn decode(text: &str) -> String {
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
}

/// A body, or what is wrong with it.
pub(super) fn body<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    serde_json::from_slice(body)
        .map_err(|error| ApiError::invalid(format!("proto: syntax error: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_repeated_and_limits_are_capped() {
        let params = Params::new("product_ids=BTC-USD&product_ids=ETH%2DUSD&limit=1000&x=");
        let names = ["product_id", "product_ids"];
        assert_eq!(params.all(&names).collect::<Vec<_>>(), ["BTC-USD", "ETH-USD"]);
        assert_eq!((params.limit(250), params.get("x")), (Ok(250), None));
        assert_eq!(Params::new("limit=0").limit(49), Ok(49));
        assert_eq!(Params::new("limit=-1").limit(49).unwrap_err().status, 400);
    }

    #[test]
    fn times_come_in_two_forms() {
        let params = Params::new("a=2026-01-01T00%3A00%3A00Z&b=1767225600&c=now");
        let at = Timestamp::from_millis(1_767_225_600_000);
        assert_eq!((params.time("a"), params.seconds("b")), (Ok(at), Ok(at)));
        assert!(params.time("c").is_err() && params.seconds("c").is_err());
        assert_eq!(params.time("d"), Ok(None));
    }
}
