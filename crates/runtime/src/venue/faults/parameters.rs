//! Reads the parameters of a fault from JSON or TOML, one by one and each into its own type.
//!
//! A kind takes what it knows; what is left over afterwards is a mistake and is named together with
//! what there could have been.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use serde_json::Value;

use super::error::FaultError;

/// What was written for one fault, less what has been read.
pub(super) struct Parameters {
    kind: String,
    given: BTreeMap<String, Value>,
    known: Vec<&'static str>,
}

impl Parameters {
    pub(super) fn new(kind: &str, given: BTreeMap<String, Value>) -> Parameters {
        Parameters { kind: kind.to_owned(), given, known: Vec::new() }
    }

    fn take(&mut self, name: &'static str) -> Option<Value> {
        self.known.push(name);
        self.given.remove(name)
    }

    fn wrong(&self, name: &'static str, value: &Value, wanted: impl Into<String>) -> FaultError {
        let (kind, value, wanted) = (self.kind.clone(), value.to_string(), wanted.into());
        FaultError::Value { kind, name, value, wanted }
    }

    /// A text that says nothing.
    pub(super) fn not(&self, text: &str, name: &'static str, wanted: &str) -> FaultError {
        self.wrong(name, &Value::from(text), wanted)
    }

    pub(super) fn missing(&self, name: &'static str, what: &'static str) -> FaultError {
        FaultError::Missing { kind: self.kind.clone(), name, what }
    }

    /// A whole number within a range; `what` names its unit.
    pub(super) fn whole(
        &mut self,
        name: &'static str,
        range: RangeInclusive<i64>,
        what: &str,
    ) -> Result<Option<i64>, FaultError> {
        let Some(value) = self.take(name) else { return Ok(None) };
        match value.as_i64() {
            Some(number) if range.contains(&number) => Ok(Some(number)),
            _ => {
                let (start, end) = range.into_inner();
                let wanted = format!("a whole number of {what} from {start} to {end}");
                Err(self.wrong(name, &value, wanted))
            }
        }
    }

    /// A number of milliseconds within a range.
    pub(super) fn millis(
        &mut self,
        name: &'static str,
        range: RangeInclusive<i64>,
    ) -> Result<Option<Duration>, FaultError> {
        let found = self.whole(name, range, "milliseconds")?;
        Ok(found.map(|ms| Duration::from_millis(ms.unsigned_abs())))
    }

    /// A part of one, in millionths.
    pub(super) fn part(&mut self, name: &'static str) -> Result<Option<u32>, FaultError> {
        let Some(value) = self.take(name) else { return Ok(None) };
        match value.as_f64() {
            Some(part) if (0.0..=1.0).contains(&part) => Ok(Some((part * 1e6).round() as u32)),
            _ => Err(self.wrong(name, &value, "a number between 0 and 1")),
        }
    }

    pub(super) fn text(&mut self, name: &'static str) -> Result<Option<String>, FaultError> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(value) => Err(self.wrong(name, &value, "a text")),
        }
    }

    /// Any value.
    pub(super) fn value(&mut self, name: &'static str) -> Option<Value> {
        self.take(name)
    }

    /// One of a few words.
    pub(super) fn choice<T: Copy>(
        &mut self,
        name: &'static str,
        choices: &[(&str, T)],
    ) -> Result<Option<T>, FaultError> {
        let Some(value) = self.take(name) else { return Ok(None) };
        let found = choices.iter().find(|(word, _)| value.as_str() == Some(word));
        found.map(|(_, choice)| Some(*choice)).ok_or_else(|| {
            let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
            self.wrong(name, &value, format!("one of {}", words.join(", ")))
        })
    }

    pub(super) fn address(&mut self, name: &'static str) -> Result<Option<IpAddr>, FaultError> {
        let Some(value) = self.take(name) else { return Ok(None) };
        let address = value.as_str().and_then(|text| text.parse().ok());
        address
            .map(Some)
            .ok_or_else(|| self.wrong(name, &value, "an address such as \"127.0.0.2\""))
    }

    /// Names with their texts.
    pub(super) fn texts(
        &mut self,
        name: &'static str,
    ) -> Result<BTreeMap<String, String>, FaultError> {
        let Some(value) = self.take(name) else { return Ok(BTreeMap::new()) };
        serde_json::from_value(value.clone())
            .map_err(|_| self.wrong(name, &value, "a table of names and texts"))
    }

    /// A time such as `"500ms"`, or a number of seconds.
    pub(super) fn time(&mut self, name: &'static str) -> Result<Option<Duration>, FaultError> {
        let Some(value) = self.take(name) else { return Ok(None) };
        let time = match &value {
            Value::String(text) => duration(text),
            other => other.as_f64().and_then(|s| Duration::try_from_secs_f64(s).ok()),
        };
        let wanted = "a time: a number and a unit, such as \"500ms\", \"10s\" or \"2m\"";
        time.map(Some).ok_or_else(|| self.wrong(name, &value, wanted))
    }

    /// Nothing may be left.
    pub(super) fn finish(self) -> Result<(), FaultError> {
        let Some(name) = self.given.into_keys().next() else { return Ok(()) };
        Err(FaultError::Unknown { kind: self.kind, name, known: self.known.join(", ") })
    }
}

fn duration(text: &str) -> Option<Duration> {
    let split = text.find(|c: char| c.is_ascii_alphabetic())?;
    let number: f64 = text[..split].trim().parse().ok()?;
    let factor = match &text[split..] {
        "ms" => 0.001,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3_600.0,
        _ => return None,
    };
    Duration::try_from_secs_f64(number * factor).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn times_have_units() {
        for (text, ms) in [
            ("500ms", Some(500)),
            ("1.5s", Some(1_500)),
            ("2m", Some(120_000)),
            ("1h", Some(3_600_000)),
            ("5", None),
            ("5 parsecs", None),
            ("-1s", None),
            ("s", None),
        ] {
            assert_eq!(duration(text), ms.map(Duration::from_millis), "{text}");
        }
    }

    #[test]
    fn both_ends_of_a_range_belong_to_it() {
        for (value, is_good) in
            [(json!(0), false), (json!(1), true), (json!(9), true), (json!(10), false)]
        {
            let given = BTreeMap::from([("rows".to_owned(), value.clone())]);
            let read = Parameters::new("page_cap", given).whole("rows", 1..=9, "rows");
            assert_eq!(read.is_ok(), is_good, "{value}");
        }
    }
}
