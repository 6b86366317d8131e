//! The parameters of a call, wherever they came from: query, form body, or a JSON object.

use std::collections::BTreeMap;

use model::venue::TradesFrom;
use model::{ClientOrderId, Decimal, Timestamp};
use percent_encoding::percent_decode_str;
use serde_json::value::RawValue;

use super::errors::ApiError;

/// Legal letters of a client order id (fix-api.md states them).
const CLIENT_ID_LEN_MAX: usize = 36;
const CLIENT_ID_RANGE: &str = "^[a-zA-Z0-9-_]{1,36}$";
/// Legal letters of a decimal.
const DECIMAL_RANGE: &str = "^([0-9]{1,20})(\\.[0-9]{1,20})?$";
/// Most digits behind the point that are read.
const DECIMALS_MAX: u32 = 8;

/// Names and decoded values. The first of a name wins.
#[derive(Clone, Debug, Default)]
pub(super) struct Params {
    values: BTreeMap<String, String>,
}

impl Params {
    /// From a query and a form body; what is in the query wins.
    pub(super) fn from_form(query: &str, body: &str) -> Params {
        let mut params = Params::default();
        for pair in query.split('&').chain(body.split('&')).filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            params.values.entry(decode(name)).or_insert_with(|| decode(value));
        }
        params
    }

    /// From the `params` of a WebSocket request: numbers and booleans as they are written.
    pub(super) fn from_json(raw: Option<&RawValue>) -> Result<Params, ApiError> {
        let Some(raw) = raw else { return Ok(Params::default()) };
        let malformed = || ApiError::bad(-1100, "Illegal characters found in a parameter.");
        let object: Option<BTreeMap<String, &RawValue>> =
            serde_json::from_str(raw.get()).map_err(|_| malformed())?;
        let mut params = Params::default();
        for (name, value) in object.into_iter().flatten() {
            let text = match value.get().as_bytes().first() {
                Some(b'"') => serde_json::from_str(value.get()).map_err(|_| malformed())?,
                _ if value.get() == "null" => continue,
                _ => value.get().to_owned(),
            };
            params.values.insert(name, text);
        }
        Ok(params)
    }

    /// Names and values by name, as the WebSocket API signs them.
    pub(super) fn sorted(&self) -> impl Iterator<Item = (&str, &str)> {
        self.values.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// A value that is there and not empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    pub(super) fn required(&self, name: &str) -> Result<&str, ApiError> {
        self.get(name).ok_or_else(|| ApiError::missing(name))
    }

    pub(super) fn is_true(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// A whole number.
    pub(super) fn number(&self, name: &str) -> Result<Option<u64>, ApiError> {
        let Some(text) = self.get(name) else { return Ok(None) };
        text.parse().map(Some).map_err(|_| ApiError::illegal(name, "^[0-9]{1,20}$"))
    }

    /// How many rows: at least one, at most `max`.
    pub(super) fn limit(&self, default: u32, max: u32) -> Result<u32, ApiError> {
        let Some(limit) = self.number("limit")? else { return Ok(default) };
        if limit == 0 {
            return Err(ApiError::invalid("limit"));
        }
        Ok(u32::try_from(limit).unwrap_or(max).min(max))
    }

    /// A decimal number, at most eight digits behind the point.
    pub(super) fn decimal(&self, name: &str) -> Result<Option<Decimal>, ApiError> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let legal = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        let number: Option<Decimal> = text.parse().ok().filter(|_| legal);
        let number = number.ok_or_else(|| ApiError::illegal(name, DECIMAL_RANGE))?;
        if number.decimals() > DECIMALS_MAX {
            let text = format!("Parameter '{name}' has too much precision.");
            return Err(ApiError::bad(-1111, text));
        }
        Ok(Some(number))
    }

    /// A client order id.
    pub(super) fn client_id(&self, name: &str) -> Result<Option<ClientOrderId>, ApiError> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let legal = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        let legal = text.len() <= CLIENT_ID_LEN_MAX && text.chars().all(legal);
        let id = ClientOrderId::new(text).ok().filter(|_| legal);
        id.map(Some).ok_or_else(|| ApiError::illegal(name, CLIENT_ID_RANGE))
    }

    /// A time in milliseconds or microseconds since the epoch.
    pub(super) fn time(&self, name: &str) -> Result<Option<Timestamp>, ApiError> {
        let Some(number) = self.number(name)? else { return Ok(None) };
        time(number).map(Some).ok_or_else(|| ApiError::illegal(name, "^[0-9]{1,20}$"))
    }

    /// Parameters that exclude each other.
    pub(super) fn not_both(&self, name: &str, others: &[&str]) -> Result<(), ApiError> {
        let other = others.iter().any(|other| self.get(other).is_some());
        if self.get(name).is_some() && other { Err(ApiError::combination()) } else { Ok(()) }
    }

    /// `startTime` and `endTime`, which may lie this many hours apart.
    pub(super) fn span(
        &self,
        hours_max: u64,
    ) -> Result<(Option<Timestamp>, Option<Timestamp>), ApiError> {
        let (start, end) = (self.time("startTime")?, self.time("endTime")?);
        if let (Some(start), Some(end)) = (start, end)
            && end.since(start) > std::time::Duration::from_secs(hours_max * 3_600)
        {
            let text = format!("More than {hours_max} hours between startTime and endTime.");
            return Err(ApiError::bad(-1127, text));
        }
        Ok((start, end))
    }

    /// Where a list of trades starts.
    pub(super) fn trades_from(&self) -> Result<TradesFrom, ApiError> {
        if let Some(id) = self.number("fromId")? {
            return Ok(TradesFrom::Id(id));
        }
        Ok(match (self.time("startTime")?, self.time("endTime")?) {
            (None, None) => TradesFrom::Newest,
            (start, end) => TradesFrom::Time { start, end },
        })
    }

    /// A list written as JSON: `["BTCUSDT","ETHUSDT"]`.
    pub(super) fn list(&self, name: &str) -> Result<Option<Vec<String>>, ApiError> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let range = "^\\[(\"[A-Z0-9-_.]{1,20}\"(,\"[A-Z0-9-_.]{1,20}\"){0,}){0,1}\\]$";
        let list: Vec<String> =
            serde_json::from_str(text).map_err(|_| ApiError::illegal(name, range))?;
        if list.iter().enumerate().any(|(i, item)| list[..i].contains(item)) {
            return Err(ApiError::bad(-1151, "Symbol is present multiple times in the list."));
        }
        Ok(Some(list))
    }
}

/// Milliseconds, or microseconds where the number is too large for those (past the year 5138).
pub(super) fn time(number: u64) -> Option<Timestamp> {
    const MICROS_FROM: i64 = 100_000_000_000_000;
    let number = i64::try_from(number).ok()?;
    if number >= MICROS_FROM {
        Timestamp::from_micros(number)
    } else {
        Timestamp::from_millis(number)
    }
}

/// A percent-encoded text; a plus sign is a space, as forms write it.
pub(super) fn decode(text: &str) -> String {
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_query_wins_and_values_are_decoded() {
        let params = Params::from_form("a=1&list=%5B%22BTCUSDT%22%5D&empty=", "a=2&b=x+y");
        assert_eq!((params.get("a"), params.get("b")), (Some("1"), Some("x y")));
        assert_eq!(params.list("list").unwrap().unwrap(), ["BTCUSDT"]);
        assert_eq!(params.required("empty").unwrap_err().code, -1102);
    }

    #[test]
    fn json_values_are_taken_as_written() {
        let raw = r#"{"b":61234.50,"a":true,"c":"x","n":null}"#;
        let raw: Box<RawValue> = serde_json::from_str(raw).unwrap();
        let params = Params::from_json(Some(&raw)).unwrap();
        let sorted: Vec<_> = params.sorted().collect();
        assert_eq!(sorted, [("a", "true"), ("b", "61234.50"), ("c", "x")]);
    }

    #[test]
    fn bad_values_have_their_own_codes() {
        let params = Params::from_form("q=1e5&p=0.123456789&id=a%20b&n=-1&s=0&limit=0&long=1", "");
        let long = |len| Params::from_form(&format!("id={}", "x".repeat(len)), "");
        assert!(long(36).client_id("id").is_ok_and(|id| id.is_some()));
        assert_eq!(long(37).client_id("id").unwrap_err().code, -1100);
        assert_eq!(params.decimal("q").unwrap_err().code, -1100);
        assert_eq!(params.decimal("p").unwrap_err().code, -1111);
        assert_eq!(params.client_id("id").unwrap_err().code, -1100);
        assert_eq!(params.number("n").unwrap_err().code, -1100);
        assert_eq!(params.limit(5, 10).unwrap_err().code, -1130);
        let micros = Params::from_form("startTime=1767225600000123", "").time("startTime");
        assert_eq!(micros.unwrap().unwrap().micros(), 1_767_225_600_000_123);
    }
}
