//! The gate of the paper record: each agent, as it is now, has earned on paper, by more than luck.

use std::collections::BTreeMap;

use model::{AgentId, AgentVersion, Asset, Decimal};

use super::bootstrap::lower_bound;
use super::record::{OfAgent, PaperRecord};
use super::shown::Expectancy;
use crate::agent;
use crate::config::{AgentSettings, GatesConfig};

/// Round trips that are looked at, the newest: more of them take longer and say the same.
const TRIPS_MAX: usize = 10_000;
const HOUR_S: f64 = 3_600.0;

/// Which version each agent is now, or why that cannot be told.
pub type Versions = BTreeMap<AgentId, Result<AgentVersion, String>>;

/// Reads the code of each agent.
pub fn versions(agents: &BTreeMap<AgentId, AgentSettings>) -> Versions {
    let of = |settings: &AgentSettings| {
        let found = agent::version(&settings.program, &settings.params, &settings.code);
        found.map_err(|error| error.to_string())
    };
    agents.iter().map(|(id, settings)| (*id, of(settings))).collect()
}

/// What was found of all agents, and whether it is enough.
#[derive(Debug)]
pub(super) struct Judged {
    pub(super) figures: Vec<Expectancy>,
    pub(super) good: Vec<String>,
    pub(super) bad: Vec<String>,
}

/// Judges each agent by the record.
pub(super) fn judge(
    asked: &GatesConfig,
    versions: &Versions,
    record: Result<&PaperRecord, &str>,
) -> Judged {
    let mut judged = Judged { figures: Vec::new(), good: Vec::new(), bad: Vec::new() };
    if versions.is_empty() {
        judged.good.push("no agent is configured, so nobody has to show anything".to_owned());
    }
    for (agent, version) in versions {
        let of = version
            .as_ref()
            .map_err(|error| format!("agent {agent}: which version it is cannot be told: {error}"));
        let of = of.and_then(|version| match record {
            Ok(record) => Ok((*version, record.agents.get(agent))),
            Err(problem) => Err(problem.to_owned()),
        });
        match of {
            Ok((version, found)) => judge_one(asked, (*agent, version), found, &mut judged),
            // Said once, and not for each agent.
            Err(problem) if judged.bad.contains(&problem) => {}
            Err(problem) => judged.bad.push(problem),
        }
    }
    judged
}

fn judge_one(
    asked: &GatesConfig,
    (agent, version): (AgentId, AgentVersion),
    found: Option<&OfAgent>,
    judged: &mut Judged,
) {
    let name = format!("agent {agent} {}", version.short());
    let none = OfAgent::default();
    let found = found.unwrap_or(&none);
    if found.up.is_zero() {
        let last = match found.last {
            Some(last) => format!("; the last that was is {}", last.short()),
            None => String::new(),
        };
        return judged.bad.push(format!("{name}: this version was never up on paper{last}"));
    }
    let hours = found.up.as_secs_f64() / HOUR_S;
    let trips: usize = found.trips.values().map(Vec::len).sum();
    let mut bad = Vec::new();
    if hours < f64::from(asked.hours_min) {
        bad.push(format!("{hours:.1} h on paper of {} h", asked.hours_min));
    }
    if trips < asked.trades_min as usize {
        bad.push(format!("{trips} round trips of {}", asked.trades_min));
    }
    let mut good = Vec::new();
    for (quote, earned) in &found.trips {
        let expectancy = expectancy(asked.confidence_percent, earned);
        let Some((mean, lower)) = expectancy else {
            bad.push(format!("one round trip in {quote} says nothing"));
            continue;
        };
        let words = format!(
            "{} round trips in {quote} earned {mean:.8} each, at least {lower:.8} with {} % confidence",
            earned.len(),
            asked.confidence_percent
        );
        if lower > 0.0 {
            good.push(words)
        } else {
            bad.push(words)
        }
        judged.figures.push(of_agent(
            (agent, version),
            hours,
            (*quote, earned.len()),
            (mean, lower),
            asked,
        ));
    }
    if bad.is_empty() {
        judged.good.push(format!("{name}: {hours:.1} h, {}", good.join("; ")));
    } else {
        judged.bad.push(format!("{name}: {}", bad.join("; ")));
    }
}

fn of_agent(
    (agent, version): (AgentId, AgentVersion),
    hours: f64,
    (quote, trips): (Asset, usize),
    (mean, lower): (f64, f64),
    asked: &GatesConfig,
) -> Expectancy {
    Expectancy {
        agent: agent.to_string(),
        version: version.to_string(),
        hours,
        quote: quote.to_string(),
        trips,
        mean,
        lower,
        confidence_percent: asked.confidence_percent,
    }
}

/// Exact until here; a mean and its spread are no ledger.
fn expectancy(confidence_percent: u32, earned: &[Decimal]) -> Option<(f64, f64)> {
    let newest = earned.iter().rev().take(TRIPS_MAX);
    let figures: Vec<f64> = newest.map(|earned| earned.to_f64()).collect();
    let bound = lower_bound(&figures, confidence_percent)?;
    Some((bound.mean, bound.lower))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn asked() -> GatesConfig {
        GatesConfig {
            paper_store: None,
            paper_store_password: None,
            trades_min: 5,
            hours_min: 1,
            confidence_percent: 95,
            alert_days_max: 30,
            overrides: BTreeMap::new(),
        }
    }

    fn record(seconds: u64, earned: &[&str]) -> PaperRecord {
        let earned = earned.iter().map(|text| text.parse().unwrap()).collect();
        let of = OfAgent {
            up: Duration::from_secs(seconds),
            trips: BTreeMap::from([("USDT".parse().unwrap(), earned)]),
            last: Some(AgentVersion::new([2; 32])),
        };
        PaperRecord { agents: BTreeMap::from([("trend".parse().unwrap(), of)]) }
    }

    #[test]
    fn each_agent_has_to_have_time_trades_and_a_bound_above_zero() {
        let version = Ok(AgentVersion::new([1; 32]));
        let versions = Versions::from([("trend".parse().unwrap(), version)]);
        let steady = ["1", "1.2", "0.9", "1.1", "0.8"];
        let lucky = ["-1", "-1", "-1", "-1", "30"];
        for (record, expected) in [
            (record(3_600, &steady), Ok("5 round trips in USDT earned 1.0000")),
            (record(3_599, &steady), Err("h on paper of 1 h")),
            (record(3_600, &steady[..4]), Err("4 round trips of 5")),
            (record(3_600, &lucky), Err("earned 5.2")),
            (record(3_600, &["0"; 5]), Err("at least 0.0000")),
            (record(0, &[]), Err("never up on paper; the last that was is 020202020202")),
            (PaperRecord::default(), Err("never up on paper")),
        ] {
            let judged = judge(&asked(), &versions, Ok(&record));
            let Judged { good, bad, .. } = &judged;
            match expected {
                Ok(words) => assert!(bad.is_empty() && good[0].contains(words), "{judged:?}"),
                Err(words) => assert!(good.is_empty() && bad[0].contains(words), "{judged:?}"),
            }
        }
        let both = Versions::from([
            ("trend".parse().unwrap(), Ok(AgentVersion::new([1; 32]))),
            ("other".parse().unwrap(), Ok(AgentVersion::new([3; 32]))),
            ("odd".parse().unwrap(), Err("its file is gone".to_owned())),
        ]);
        let judged = judge(&asked(), &both, Ok(&record(3_600, &steady)));
        assert_eq!((judged.good.len(), judged.bad.len(), judged.figures.len()), (1, 2, 1));
        let judged = judge(&asked(), &both, Err("no store is named"));
        assert_eq!(judged.bad.iter().filter(|bad| *bad == "no store is named").count(), 1);
    }
}
