//! One fault as it is written, and a scenario: a list of them.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::error::FaultError;
use super::kinds::{self, Aim, FaultKind, Scope};
use super::parameters::Parameters;

/// One fault, checked.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fault {
    pub(super) name: &'static str,
    pub(super) scope: Scope,
    pub(super) kind: FaultKind,
    pub(super) aim: Aim,
    /// From the start of the venue, or from when it was asked for.
    pub(super) at: Duration,
    /// For ever when absent.
    pub(super) lasts: Option<Duration>,
    /// How often it strikes, in millionths.
    pub(super) probability: u32,
    /// It is over when it has struck so often.
    pub(super) count: Option<u64>,
}

/// Always, in millionths.
pub(super) const ALWAYS: u32 = 1_000_000;

/// Faults with their times counted from the start of the venue.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scenario {
    pub(super) faults: Vec<Fault>,
}

impl Scenario {
    /// Reads `[[fault]]` tables. Every row is checked, so that a mistake is found before anything
    /// starts; the error says which row.
    pub fn from_toml(text: &str) -> Result<Scenario, FaultError> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct File {
            #[serde(default)]
            fault: Vec<BTreeMap<String, Value>>,
        }
        let file: File =
            toml::from_str(text).map_err(|error| FaultError::Scenario(error.to_string()))?;
        let rows = file.fault.into_iter().enumerate().map(|(index, row)| {
            Fault::read(row).map_err(|error| {
                let error = Box::new(error);
                FaultError::Row { number: index + 1, error }
            })
        });
        Ok(Scenario { faults: rows.collect::<Result<_, _>>()? })
    }
}

impl Fault {
    /// Reads a fault from a JSON object.
    pub(super) fn from_json(body: &[u8]) -> Result<Fault, FaultError> {
        let given = serde_json::from_slice(body);
        Fault::read(given.map_err(|error| FaultError::Syntax(error.to_string()))?)
    }

    fn read(mut given: BTreeMap<String, Value>) -> Result<Fault, FaultError> {
        let kind = match given.remove("kind") {
            Some(Value::String(kind)) => kind,
            Some(other) => return Err(FaultError::Syntax(format!("its kind is {other}"))),
            None => return Err(FaultError::Syntax("it has no kind".to_owned())),
        };
        let (name, scope) = kinds::find(&kind)?;
        let mut p = Parameters::new(name, given);
        let at = p.time("at")?.unwrap_or_default();
        let lasts = p.time("for")?;
        let lasts = p.time("seconds")?.or(lasts);
        let probability = p.part("probability")?.unwrap_or(ALWAYS);
        // What lasts from its start to its end does not strike again and again.
        let count = if matches!(scope, Scope::Venue | Scope::Address) {
            None
        } else {
            p.whole("count", 1..=i64::MAX, "times")?.map(i64::unsigned_abs)
        };
        let kind = kinds::read(name, &mut p)?;
        let aim = kinds::aim(scope, &mut p)?;
        if kind == FaultKind::Ban && lasts.is_none() {
            return Err(p.missing("for", "a time such as \"3m\""));
        }
        if matches!(kind, FaultKind::EndpointMoved(_)) && aim.route.is_none() {
            return Err(p.missing("route", "such as \"GET /api/v3/openOrders\""));
        }
        p.finish()?;
        Ok(Fault { name, scope, kind, aim, at, lasts, probability, count })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(json: &str) -> String {
        Fault::from_json(json.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn mistakes_say_what_is_wrong_and_what_to_write() {
        for (json, expected) in [
            ("nonsense", "not a fault: expected"),
            ("{}", "it has no kind"),
            (r#"{"kind": 7}"#, "its kind is 7"),
            (r#"{"kind": "earthquake"}"#, "no fault of kind \"earthquake\"; there is outage, "),
            (
                r#"{"kind": "outage", "secnods": 5}"#,
                "outage has no parameter \"secnods\"; it has at, for, seconds, probability",
            ),
            (
                r#"{"kind": "outage", "route": "GET /"}"#,
                "outage has no parameter \"route\"; it has",
            ),
            (
                r#"{"kind": "outage", "for": "5 parsecs"}"#,
                "for of outage is \"5 parsecs\"; it must",
            ),
            (r#"{"kind": "outage", "seconds": -1}"#, "seconds of outage is -1; it must be a time"),
            (
                r#"{"kind": "outage", "probability": 2}"#,
                "is 2; it must be a number between 0 and 1",
            ),
            (r#"{"kind": "outage", "count": 1}"#, "outage has no parameter \"count\""),
            (r#"{"kind": "gap", "count": 0}"#, "count of gap is 0"),
            (r#"{"kind": "delay"}"#, "delay needs delay_ms, milliseconds"),
            (r#"{"kind": "delay", "delay_ms": "1s"}"#, "a whole number of milliseconds from 0 to"),
            (r#"{"kind": "read_lag", "lag_ms": 120001}"#, "from 0 to 120000"),
            (r#"{"kind": "page_cap"}"#, "page_cap needs rows"),
            (r#"{"kind": "schema_drop"}"#, "schema_drop needs field"),
            (r#"{"kind": "ban"}"#, "ban needs for"),
            (r#"{"kind": "ban", "for": "1s", "peer": "home"}"#, "peer of ban is \"home\""),
            (r#"{"kind": "endpoint_moved"}"#, "endpoint_moved needs route"),
            (r#"{"kind": "drop_request", "route": "/api"}"#, "a method and the start of a path"),
            (r#"{"kind": "status", "status": 99}"#, "from 200 to 599"),
            (r#"{"kind": "status", "headers": {"a": 1}}"#, "a table of names and texts"),
            (r#"{"kind": "gap", "stream": "news"}"#, "one of market, user, replies, all"),
            (r#"{"kind": "close_after", "stream": "replies"}"#, "one of market, user"),
            (r#"{"kind": "partition", "route": "GET /"}"#, "one of rest, streams, user"),
            (r#"{"kind": "book_empty", "side": "left"}"#, "one of bids, asks, both"),
            (r#"{"kind": "venue_skew"}"#, "venue_skew needs skew_ms"),
            (r#"{"kind": "connect_cap"}"#, "connect_cap needs connects_max"),
        ] {
            let message = message(json);
            assert!(message.contains(expected), "{json}: {message}");
        }
    }

    #[test]
    fn a_scenario_says_which_row_is_wrong() {
        let good = "[[fault]]\nkind = \"halted\"\nat = \"2s\"\nfor = \"1s\"\n";
        let scenario = Scenario::from_toml(good).unwrap();
        assert_eq!(scenario.faults[0].at, Duration::from_secs(2));
        let bad = format!("{good}[[fault]]\nkind = \"gap\"\nrows = 1\n");
        let message = Scenario::from_toml(&bad).unwrap_err().to_string();
        assert!(message.starts_with("fault 2: gap has no parameter \"rows\""), "{message}");
        let message = Scenario::from_toml("[[falut]]").unwrap_err().to_string();
        assert!(message.contains("unknown field `falut`"), "{message}");
    }

    #[test]
    fn every_kind_reads_with_what_it_needs() {
        let needs = |name: &str| match name {
            "delay" => r#", "delay_ms": 5"#,
            "page_cap" => r#", "rows": 2"#,
            "schema_add" | "schema_drop" | "schema_type" => r#", "field": "price""#,
            "endpoint_moved" => r#", "route": "GET /""#,
            "ban" => r#", "for": "1s""#,
            "connect_cap" => r#", "connects_max": 3"#,
            "venue_skew" => r#", "skew_ms": -500"#,
            _ => "",
        };
        for (name, scope) in kinds::KINDS {
            let json = format!(r#"{{"kind": "{name}"{}}}"#, needs(name));
            let fault = Fault::from_json(json.as_bytes()).unwrap();
            assert_eq!((fault.name, fault.scope), (name, scope));
        }
    }

    /// The page that explains them names every kind once as a row of its table.
    #[test]
    fn every_kind_is_documented() {
        let page = include_str!("../../../../../docs/faults.md");
        for (name, _) in kinds::KINDS {
            let row = format!("| `{name}` |");
            assert_eq!(page.matches(&row).count(), 1, "{row}");
        }
    }
}
