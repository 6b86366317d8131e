//! Times in microseconds, for those who ask for them: all that is written has milliseconds, and
//! this multiplies what is a time.
//!
//! Which field is a time depends on the message: `T` is one in a trade, and `C` is one in a ticker
//! and a name in an order's report.
//!
//! Source: rest-api.md "General API Information", web-socket-streams.md, web-socket-api.md,
//! errors.md -1194, read 2026-07-21.

use serde_json::Value;

use super::errors::ApiError;

/// In what times are told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum TimeUnit {
    #[default]
    Millis,
    Micros,
}

impl TimeUnit {
    /// From the header or parameter, whose words may be in either case.
    pub(super) fn parse(word: Option<&str>) -> Result<TimeUnit, ApiError> {
        match word.map(str::to_ascii_uppercase).as_deref() {
            None | Some("MILLISECOND") => Ok(TimeUnit::Millis),
            Some("MICROSECOND") => Ok(TimeUnit::Micros),
            Some(_) => {
                let text =
                    "Invalid value for time unit; expected either MICROSECOND or MILLISECOND.";
                Err(ApiError::bad(-1194, text))
            }
        }
    }

    /// A body that was written in milliseconds, in this unit.
    pub(super) fn convert(self, body: String) -> String {
        match self {
            TimeUnit::Millis => body,
            TimeUnit::Micros => match serde_json::from_str(&body) {
                Ok(mut value) => {
                    scale(&mut value);
                    Value::to_string(&value)
                }
                Err(_) => body,
            },
        }
    }
}

/// Times of answers.
const ANSWER: &[&str] = &[
    "serverTime",
    "time",
    "updateTime",
    "transactTime",
    "workingTime",
    "openTime",
    "closeTime",
    "authorizedSince",
    "connectedSince",
    "T",
];

/// Times of an event, by its kind.
fn of_event(kind: &str) -> &'static [&'static str] {
    match kind {
        "trade" | "aggTrade" | "avgPrice" | "balanceUpdate" => &["E", "T"],
        "executionReport" => &["E", "T", "O", "W"],
        "outboundAccountPosition" => &["E", "u"],
        "24hrTicker" | "1hTicker" | "4hTicker" | "1dTicker" => &["E", "O", "C"],
        // Diffs, candles, small tickers and notices.
        _ => &["E"],
    }
}

fn scale(value: &mut Value) {
    match value {
        Value::Array(items) if is_candle(items) => {
            micros(&mut items[0]);
            last_micro(&mut items[6]);
        }
        Value::Array(items) => items.iter_mut().for_each(scale),
        Value::Object(fields) => {
            let kind = fields.get("e").and_then(Value::as_str);
            let times = kind.map_or(ANSWER, of_event);
            for (name, field) in fields.iter_mut() {
                match field {
                    Value::Number(_) if times.contains(&name.as_str()) => micros(field),
                    Value::Object(candle) if name == "k" => {
                        candle.get_mut("t").into_iter().for_each(micros);
                        candle.get_mut("T").into_iter().for_each(last_micro);
                    }
                    Value::Array(_) | Value::Object(_) => scale(field),
                    _ => {}
                }
            }
        }
        _ => {}
    }
}

/// A candle is the only list that starts with a number and has twelve items.
fn is_candle(items: &[Value]) -> bool {
    items.len() == 12 && items[0].is_i64() && items[6].is_i64()
}

/// A time that is not there is -1.
fn micros(time: &mut Value) {
    if let Some(millis) = time.as_i64().filter(|millis| *millis > 0) {
        *time = Value::from(millis.saturating_mul(1_000));
    }
}

/// The end of a candle is the last moment before the next one.
fn last_micro(time: &mut Value) {
    if let Some(millis) = time.as_i64().filter(|millis| *millis > 0) {
        *time = Value::from(millis.saturating_add(1).saturating_mul(1_000) - 1);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_times_are_multiplied() {
        for (body, expected) in [
            (json!({"serverTime": 5}), json!({"serverTime": 5_000})),
            (json!([{"time": 5, "id": 7}]), json!([{"time": 5_000, "id": 7}])),
            (json!({"workingTime": -1, "orderId": 5}), json!({"workingTime": -1, "orderId": 5})),
            (
                json!({"e": "trade", "E": 1, "t": 2, "T": 3}),
                json!({"e": "trade", "E": 1_000, "t": 2, "T": 3_000}),
            ),
            (
                json!({"e": "executionReport", "C": "x", "O": 1, "I": 9}),
                json!({"e": "executionReport", "C": "x", "O": 1_000, "I": 9}),
            ),
            (
                json!({"e": "24hrTicker", "O": 1, "C": 2, "F": 3}),
                json!({"e": "24hrTicker", "O": 1_000, "C": 2_000, "F": 3}),
            ),
            (
                json!({"e": "depthUpdate", "E": 1, "U": 2, "u": 3}),
                json!({"e": "depthUpdate", "E": 1_000, "U": 2, "u": 3}),
            ),
            (
                json!({"e": "kline", "E": 1, "k": {"t": 60_000, "T": 119_999, "f": 1}}),
                json!({"e": "kline", "E": 1_000, "k": {"t": 60_000_000, "T": 119_999_999, "f": 1}}),
            ),
            (
                json!([[60_000, "", "", "", "", "", 119_999, "", 3, "", "", "0"]]),
                json!([[60_000_000, "", "", "", "", "", 119_999_999, "", 3, "", "", "0"]]),
            ),
        ] {
            let converted = TimeUnit::Micros.convert(body.to_string());
            assert_eq!(converted, expected.to_string());
            assert_eq!(TimeUnit::Millis.convert(body.to_string()), body.to_string());
        }
        assert_eq!(TimeUnit::Micros.convert("not JSON".to_owned()), "not JSON");
    }

    #[test]
    fn words_for_units() {
        assert_eq!(TimeUnit::parse(None), Ok(TimeUnit::Millis));
        assert_eq!(TimeUnit::parse(Some("microsecond")), Ok(TimeUnit::Micros));
        assert_eq!(TimeUnit::parse(Some("NANOSECOND")).unwrap_err().code, -1194);
    }
}
