//! `[gates]`: what a live run has to show before it starts, and what a person has opened all the same.
//!
//! Everything here has a default but the store of the paper run. An override is one gate and a reason in words; an
//! unknown gate, or none, is refused, so that nothing is opened by a slip.

use std::collections::BTreeMap;
use std::path::Path;

use journal::Address;
use model::GateName;
use serde::Deserialize;

use super::secret::SecretSource;

/// Fewest round trips of which anything can be said.
const TRADES_LEAST: u32 = 5;
/// Longest time that is asked for, hours: a year.
const HOURS_MOST: u32 = 8_760;
/// Confidence that may be asked for, percent.
const CONFIDENCE: std::ops::RangeInclusive<u32> = 80..=99;
/// Longest ago that a test of the alerts may be, days.
const DAYS_MOST: u32 = 365;
/// Longest reason, characters.
const REASON_MAX: usize = 500;

/// What the gates ask for.
#[derive(Debug)]
pub struct GatesConfig {
    /// The journal of the paper run; without its password.
    pub paper_store: Option<Address>,
    /// That password, where it is on a server.
    pub paper_store_password: Option<SecretSource>,
    /// Round trips of each agent that a paper record has at least.
    pub trades_min: u32,
    /// Hours that each agent ran on paper at least.
    pub hours_min: u32,
    /// With which confidence the lower bound of the expectancy is told, percent.
    pub confidence_percent: u32,
    /// How old a test of a sink of alerts may be, days.
    pub alert_days_max: u32,
    /// Gates that a person has opened, and why.
    pub overrides: BTreeMap<GateName, String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GatesFile {
    paper_store: Option<String>,
    paper_store_password: Option<SecretSource>,
    trades_min: Option<u32>,
    hours_min: Option<u32>,
    confidence_percent: Option<u32>,
    alert_days_max: Option<u32>,
    #[serde(default, rename = "override")]
    overrides: BTreeMap<GateName, String>,
}

/// Checks the table. Paths are relative to `here`.
pub(super) fn checked(file: GatesFile, here: &Path) -> Result<GatesConfig, (String, String)> {
    let bad = |key: &str, problem: String| Err((format!("gates.{key}"), problem));
    let paper_store = file.paper_store.map(|text| Address::parse(&text, here)).transpose();
    let paper_store = match paper_store {
        Ok(Some(store)) if store.has_password() => {
            let problem = "holds a password, and this text goes into the journal; say in \
                           paper_store_password where it is";
            return bad("paper_store", problem.to_owned());
        }
        Ok(store) => store,
        Err(problem) => return bad("paper_store", problem),
    };
    let trades_min = file.trades_min.unwrap_or(30);
    if trades_min < TRADES_LEAST {
        return bad("trades_min", format!("is less than {TRADES_LEAST}: that says nothing"));
    }
    let hours_min = file.hours_min.unwrap_or(24);
    if hours_min > HOURS_MOST {
        return bad("hours_min", format!("is not 0 to {HOURS_MOST}"));
    }
    let confidence_percent = file.confidence_percent.unwrap_or(95);
    if !CONFIDENCE.contains(&confidence_percent) {
        let (least, most) = (CONFIDENCE.start(), CONFIDENCE.end());
        return bad("confidence_percent", format!("is not {least} to {most}"));
    }
    let alert_days_max = file.alert_days_max.unwrap_or(30);
    if !(1..=DAYS_MOST).contains(&alert_days_max) {
        return bad("alert_days_max", format!("is not 1 to {DAYS_MOST}"));
    }
    for (gate, reason) in &file.overrides {
        let is_words = reason.trim().chars().any(char::is_alphanumeric);
        if !is_words || reason.chars().count() > REASON_MAX {
            let problem = format!("needs a reason in words, {REASON_MAX} characters at the most");
            return bad(&format!("override.{}", gate.as_str()), problem);
        }
    }
    Ok(GatesConfig {
        paper_store,
        paper_store_password: file.paper_store_password.map(|source| source.within(here)),
        trades_min,
        hours_min,
        confidence_percent,
        alert_days_max,
        overrides: file.overrides,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<GatesConfig, String> {
        let file: GatesFile = toml::from_str(text).map_err(|error| error.message().to_owned())?;
        checked(file, Path::new("/etc/p")).map_err(|(key, problem)| format!("{key}: {problem}"))
    }

    #[test]
    fn defaults_and_what_is_said() {
        let gates = read("").unwrap();
        let GatesConfig { trades_min, hours_min, confidence_percent, alert_days_max, .. } = gates;
        assert_eq!((trades_min, hours_min, confidence_percent, alert_days_max), (30, 24, 95, 30));
        assert!(gates.paper_store.is_none() && gates.overrides.is_empty());
        let gates = read("paper_store = \"sqlite:paper.db\"\n[override]\nwatchdog = \"a test\"");
        let gates = gates.unwrap();
        assert_eq!(gates.paper_store, Some(Address::Sqlite("/etc/p/paper.db".into())));
        assert_eq!(gates.overrides[&GateName::Watchdog], "a test");
    }

    #[test]
    fn what_opens_nothing_is_refused() {
        for (text, words) in [
            ("[override]\nwatchdgo = \"a test\"", "unknown variant"),
            ("[override]\nwatchdog = \"\"", "needs a reason"),
            ("[override]\nwatchdog = \" - \"", "needs a reason"),
            ("[override]\nwatchdog = true", "invalid type"),
            ("override = \"all\"", "invalid type"),
            ("trades_min = 4", "less than 5"),
            ("hours_min = 8761", "8760"),
            ("confidence_percent = 50", "80 to 99"),
            ("alert_days_max = 0", "1 to 365"),
            ("paper_store = \"redis://:hush@localhost/0\"", "holds a password"),
            ("papr_store = \"sqlite:x\"", "unknown field"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(words) && !error.contains("hush"), "{text}: {error}");
        }
    }
}
