//! Faults on command: what the network and the venue's front do wrong, when, and how often.
//!
//! A fault is a row: kind, start, length, probability, route. Rows come from a scenario file
//! (`--scenario`) or at run time (`POST /_sim/faults`). The exchange behind never knows of them: in
//! an outage orders go on being filled. Chance comes from a seed.

use std::time::Duration;

use model::{Timestamp, TradingMode};
use serde::Deserialize;
use serde_json::{Value, json};
use sim_venue::synthetic::SplitMix;

/// Faults kept, ended ones among them.
const FAULTS_MAX: usize = 1_000;

/// Faults with their times counted from the start of the venue.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// The rows.
    #[serde(default)]
    pub fault: Vec<Fault>,
}

/// One fault.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// What goes wrong.
    pub kind: FaultKind,
    /// Of `delay`: how long, milliseconds.
    #[serde(default)]
    pub delay_ms: u64,
    /// Of `status` and `error_but_accept`: the HTTP status.
    #[serde(default = "unavailable")]
    pub status: u16,
    /// Of `status` and `error_but_accept`: the body.
    #[serde(default)]
    pub body: String,
    /// When it starts, from the start of the venue or from now: `"10s"`, `"500ms"`, `"2m"`.
    #[serde(default)]
    pub at: Option<String>,
    /// How long it lasts: the same, or a number of seconds under `seconds`. For ever when absent.
    #[serde(default, rename = "for")]
    pub lasts: Option<String>,
    /// How long it lasts, seconds.
    #[serde(default)]
    pub seconds: Option<f64>,
    /// How often it strikes, 0 to 1.
    #[serde(default = "always")]
    pub probability: f64,
    /// Only requests that start with this: `"POST /api/v3/order"`. All when absent.
    #[serde(default)]
    pub route: Option<String>,
}

/// What can go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// Every connection is cut and none is taken; the exchange itself goes on.
    Outage,
    /// The request is read, and the connection cut before it does anything.
    DropRequest,
    /// The request does its work, and the connection is cut instead of an answer.
    DropResponse,
    /// The request waits before it does anything.
    Delay,
    /// An error is answered and nothing done.
    Status,
    /// The request does its work, and an error is answered.
    ErrorButAccept,
    /// Streams say nothing, while their sockets answer pings.
    Silent,
    /// The exchange itself: nothing trades, and orders are refused.
    Halted,
    /// The exchange itself: orders can only be taken back.
    CancelOnly,
}

const fn unavailable() -> u16 {
    503
}

const fn always() -> f64 {
    1.0
}

/// A fault that cannot be.
#[derive(Debug, thiserror::Error)]
pub enum FaultError {
    /// Not a fault at all.
    #[error(
        "not a fault: {0}; a fault is like {{\"kind\": \"outage\", \"seconds\": 5}}, its kind one \
         of outage, drop_request, drop_response, delay (delay_ms), status (status, body), \
         error_but_accept (status, body), silent, halted, cancel_only; at, for, probability and route may follow"
    )]
    Syntax(String),
    /// A time that is none.
    #[error("{0:?} is not a time; write a number and a unit, such as 500ms, 10s or 2m")]
    Time(String),
    /// Not a probability.
    #[error("probability {0} is not between 0 and 1")]
    Probability(f64),
    /// Too many.
    #[error("there are {FAULTS_MAX} faults already; heal first")]
    TooMany,
}

/// What is done to one request.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Verdict {
    pub(super) delay: Option<Duration>,
    pub(super) drop_before: bool,
    pub(super) drop_after: bool,
    pub(super) instead: Option<(u16, String)>,
    pub(super) instead_after: Option<(u16, String)>,
}

struct Row {
    fault: Fault,
    from: Timestamp,
    to: Timestamp,
    fired: u64,
    healed: bool,
}

/// The table of faults.
pub(super) struct Faults {
    rows: Vec<Row>,
    random: SplitMix,
}

impl Faults {
    pub(super) fn new(scenario: Scenario, seed: u64) -> Faults {
        let mut faults = Faults { rows: Vec::new(), random: SplitMix(seed) };
        let now = crate::clock::now();
        for fault in scenario.fault {
            // Times were checked when the scenario was read.
            let _ = faults.push(now, fault);
        }
        faults
    }

    /// Adds a fault given as JSON; its times count from now.
    pub(super) fn add(&mut self, now: Timestamp, body: &[u8]) -> Result<(), FaultError> {
        let fault: Fault =
            serde_json::from_slice(body).map_err(|e| FaultError::Syntax(e.to_string()))?;
        self.push(now, fault)
    }

    fn push(&mut self, now: Timestamp, fault: Fault) -> Result<(), FaultError> {
        if self.rows.len() >= FAULTS_MAX {
            return Err(FaultError::TooMany);
        }
        let (at, lasts) = fault.times()?;
        let from = now.after(at);
        let to = lasts.map_or(Timestamp::MAX, |lasts| from.after(lasts));
        self.rows.push(Row { fault, from, to, fired: 0, healed: false });
        Ok(())
    }

    /// Ends every fault.
    pub(super) fn heal(&mut self) {
        self.rows.iter_mut().for_each(|row| row.healed = true);
    }

    /// Is an outage to begin? Then every connection is to be cut, once.
    pub(super) fn due(&mut self, now: Timestamp) -> bool {
        let mut begins = false;
        for row in self.rows.iter_mut().filter(|row| row.active(now)) {
            if row.fault.kind == FaultKind::Outage && row.fired == 0 {
                row.fired = 1;
                begins = true;
            }
        }
        begins
    }

    /// Is there an outage now?
    pub(super) fn is_outage(&self, now: Timestamp) -> bool {
        self.is(now, FaultKind::Outage)
    }

    /// Do streams say nothing now?
    pub(super) fn is_silent(&mut self, now: Timestamp) -> bool {
        let silent = self.is(now, FaultKind::Silent);
        if silent {
            for row in self.rows.iter_mut().filter(|row| row.fault.kind == FaultKind::Silent) {
                row.fired += 1;
            }
        }
        silent
    }

    fn is(&self, now: Timestamp, kind: FaultKind) -> bool {
        self.rows.iter().any(|row| row.active(now) && row.fault.kind == kind)
    }

    /// What the exchange lets accounts do now; the strictest fault counts.
    pub(super) fn mode(&mut self, now: Timestamp) -> TradingMode {
        let mut mode = TradingMode::Live;
        for row in self.rows.iter_mut().filter(|row| row.active(now)) {
            match row.fault.kind {
                FaultKind::Halted => mode = TradingMode::Halted,
                FaultKind::CancelOnly if mode == TradingMode::Live => {
                    mode = TradingMode::CancelOnly
                }
                FaultKind::CancelOnly => {}
                FaultKind::Outage
                | FaultKind::DropRequest
                | FaultKind::DropResponse
                | FaultKind::Delay
                | FaultKind::Status
                | FaultKind::ErrorButAccept
                | FaultKind::Silent => continue,
            }
            row.fired = 1;
        }
        mode
    }

    /// Is this upgrade to be cut?
    pub(super) fn socket(&mut self, now: Timestamp) -> bool {
        self.is_outage(now)
    }

    /// What is done to this request.
    pub(super) fn request(&mut self, now: Timestamp, route: &str) -> Verdict {
        let mut verdict = Verdict::default();
        for row in &mut self.rows {
            let strikes = row.active(now)
                && row.fault.route.as_ref().is_none_or(|wanted| route.starts_with(wanted.as_str()))
                && (self.random.below(1 << 20) as f64) < row.fault.probability * f64::from(1 << 20);
            if !strikes {
                continue;
            }
            let answer = || Some((row.fault.status, row.fault.body.clone()));
            match row.fault.kind {
                FaultKind::Outage | FaultKind::DropRequest => verdict.drop_before = true,
                FaultKind::DropResponse => verdict.drop_after = true,
                FaultKind::Delay => {
                    verdict.delay = Some(Duration::from_millis(row.fault.delay_ms));
                }
                FaultKind::Status => verdict.instead = answer(),
                FaultKind::ErrorButAccept => verdict.instead_after = answer(),
                FaultKind::Silent | FaultKind::Halted | FaultKind::CancelOnly => continue,
            }
            row.fired += 1;
        }
        verdict
    }

    /// What there is, and how often it struck.
    pub(super) fn report(&self, now: Timestamp) -> Vec<Value> {
        let row = |row: &Row| {
            json!({
                "kind": row.fault.kind.name(),
                "from": row.from.millis(),
                "to": if row.to == Timestamp::MAX { Value::Null } else { json!(row.to.millis()) },
                "route": row.fault.route,
                "probability": row.fault.probability,
                "fired": row.fired,
                "active": row.active(now),
            })
        };
        self.rows.iter().map(row).collect()
    }
}

impl Row {
    fn active(&self, now: Timestamp) -> bool {
        !self.healed && self.from <= now && now < self.to
    }
}

impl FaultKind {
    const fn name(self) -> &'static str {
        match self {
            FaultKind::Outage => "outage",
            FaultKind::DropRequest => "drop_request",
            FaultKind::DropResponse => "drop_response",
            FaultKind::Delay => "delay",
            FaultKind::Status => "status",
            FaultKind::ErrorButAccept => "error_but_accept",
            FaultKind::Silent => "silent",
            FaultKind::Halted => "halted",
            FaultKind::CancelOnly => "cancel_only",
        }
    }
}

impl Fault {
    /// Start and length.
    fn times(&self) -> Result<(Duration, Option<Duration>), FaultError> {
        if !(0.0..=1.0).contains(&self.probability) {
            return Err(FaultError::Probability(self.probability));
        }
        let at = self.at.as_deref().map_or(Ok(Duration::ZERO), duration)?;
        let lasts = match (self.lasts.as_deref(), self.seconds) {
            (Some(text), _) => Some(duration(text)?),
            (None, Some(seconds)) => Some(
                Duration::try_from_secs_f64(seconds)
                    .map_err(|_| FaultError::Time(seconds.to_string()))?,
            ),
            (None, None) => None,
        };
        Ok((at, lasts))
    }
}

impl Scenario {
    /// Checks every row, so that a mistake is found before anything starts.
    pub fn check(&self) -> Result<(), FaultError> {
        self.fault.iter().try_for_each(|fault| fault.times().map(|_| ()))
    }
}

fn duration(text: &str) -> Result<Duration, FaultError> {
    let bad = || FaultError::Time(text.to_owned());
    let split = text.find(|c: char| c.is_ascii_alphabetic()).ok_or_else(bad)?;
    let number: f64 = text[..split].trim().parse().map_err(|_| bad())?;
    let factor = match &text[split..] {
        "ms" => 0.001,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return Err(bad()),
    };
    Duration::try_from_secs_f64(number * factor).map_err(|_| bad())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_nanos(seconds * 1_000_000_000)
    }

    #[test]
    fn an_outage_begins_once_and_ends_by_itself() {
        let mut faults = Faults::new(Scenario::default(), 1);
        let json = br#"{"kind": "outage", "at": "2s", "for": "5s"}"#;
        faults.add(at(100), json).unwrap();
        assert!(!faults.due(at(101)));
        assert!(faults.due(at(102)), "begins");
        assert!(!faults.due(at(103)), "is cut once");
        assert!(faults.is_outage(at(106)));
        assert!(!faults.is_outage(at(107)), "ends");
        faults.add(at(110), br#"{"kind": "outage", "seconds": 5}"#).unwrap();
        assert!(faults.due(at(111)));
        faults.heal();
        assert!(!faults.is_outage(at(112)), "heals");
    }

    #[test]
    fn a_route_and_a_probability_choose_the_requests() {
        let mut faults = Faults::new(Scenario::default(), 1);
        let json =
            br#"{"kind": "drop_response", "route": "POST /api/v3/order", "probability": 0.5}"#;
        faults.add(at(0), json).unwrap();
        assert_eq!(faults.request(at(1), "GET /api/v3/time"), Verdict::default());
        let struck =
            (0..1_000).filter(|_| faults.request(at(1), "POST /api/v3/order").drop_after).count();
        assert!((400..600).contains(&struck), "{struck} of 1000");
        assert_eq!(faults.report(at(1))[0]["fired"], struck);
    }

    #[test]
    fn the_strictest_mode_counts() {
        let mut faults = Faults::new(Scenario::default(), 1);
        faults.add(at(0), br#"{"kind": "cancel_only", "for": "10s"}"#).unwrap();
        faults.add(at(0), br#"{"kind": "halted", "at": "2s", "for": "3s"}"#).unwrap();
        let modes = [1, 2, 5, 10].map(|second| faults.mode(at(second)));
        assert_eq!(
            modes,
            [
                TradingMode::CancelOnly,
                TradingMode::Halted,
                TradingMode::CancelOnly,
                TradingMode::Live
            ]
        );
    }

    #[test]
    fn mistakes_say_what_is_wrong() {
        let mut faults = Faults::new(Scenario::default(), 1);
        for (json, expected) in [
            (r#"{"kind": "earthquake"}"#, "kind one of outage"),
            (r#"{"kind": "outage", "secnods": 5}"#, "unknown field `secnods`"),
            (r#"{"kind": "outage", "for": "5 parsecs"}"#, "is not a time"),
            (r#"{"kind": "outage", "probability": 2}"#, "between 0 and 1"),
            ("nonsense", "not a fault"),
        ] {
            let error = faults.add(at(0), json.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
