//! The limits file: read, and checked in full against what is configured, at a start and whenever a person
//! has the running gateway read it again.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use gateway::{AgentLimits, COUNT_MAX, InstrumentLimits, Limits, WINDOW_MAX};
use model::{AgentId, Asset, InstrumentId, Notional};
use serde::Deserialize;

use super::reading::{ConfigError, read};

/// A limits file, and what it has to have limits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitsFile {
    /// Where it is.
    pub path: PathBuf,
    /// What may be traded.
    pub instruments: Vec<InstrumentId>,
    /// Who trades.
    pub agents: BTreeSet<AgentId>,
}

/// What a limits file says in its own words of the most that may be lost. The breakers have defaults, and a default is
/// nothing that anybody has stated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct LossStated {
    /// Loss since the high-water mark that halts, hundredths of a percent.
    pub drawdown_bps: Option<u32>,
    /// Loss since the day began that halts, hundredths of a percent.
    pub day_loss_bps: Option<u32>,
}

impl LossStated {
    /// By the text of the file, which has been read as limits before.
    pub(super) fn of(text: &str) -> LossStated {
        #[derive(Default, Deserialize)]
        struct File {
            #[serde(default)]
            breakers: LossStated,
        }
        let file: File = toml::from_str(text).unwrap_or_default();
        file.breakers
    }
}

impl LimitsFile {
    /// Reads and checks it.
    pub fn read(&self) -> Result<Limits, ConfigError> {
        let (_, limits): (String, Limits) = read(&self.path)?;
        check(&self.path, &limits)?;
        self.check(&limits)?;
        Ok(limits)
    }

    /// Has it limits for everything that is configured, and for nothing else?
    pub(super) fn check(&self, limits: &Limits) -> Result<(), ConfigError> {
        let bad = |key: String, problem: String| {
            Err(ConfigError::Value { path: self.path.clone(), key, problem })
        };
        if let Err(problem) = check_valuation(&self.instruments, limits, &self.path) {
            return bad("breakers.valuation".to_owned(), problem);
        }
        for instrument in &self.instruments {
            if !limits.instrument.contains_key(instrument) {
                let problem = format!("is missing; write the limits of {instrument} there");
                return bad(format!("[instrument.{instrument}]"), problem);
            }
            let Some((_, quote)) = instrument.assets() else { continue };
            let of_agents = limits.agent.iter().flat_map(|(agent, limits)| {
                let AgentLimits { exposure_max, turnover_max, .. } = limits;
                let key = |key: &str| format!("agent.{agent}.{key}");
                [(key("exposure_max"), exposure_max), (key("turnover_max"), turnover_max)]
            });
            let account = ("account.exposure_max".to_owned(), &limits.account.exposure_max);
            for (key, sums) in std::iter::once(account).chain(of_agents) {
                if !sums.contains_key(&quote) {
                    let problem = format!(
                        "has nothing for {quote}, in which {instrument} is paid; write {{ {quote} = \"…\" }}"
                    );
                    return bad(key, problem);
                }
            }
        }
        match limits.agent.keys().find(|agent| !self.agents.contains(agent)) {
            None => Ok(()),
            Some(agent) => {
                let agents: Vec<&str> = self.agents.iter().map(AgentId::as_str).collect();
                let problem = format!("is no agent of this gateway; there is {}", list(&agents));
                bad(format!("[agent.{agent}]"), problem)
            }
        }
    }
}

fn list(names: &[&str]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

/// A limit of zero refuses everything, which is nobody's intention; one that is larger than what is
/// remembered would not hold.
pub(super) fn check(path: &Path, limits: &Limits) -> Result<(), ConfigError> {
    let bad = |key: &str, problem: String| {
        Err(ConfigError::Value { path: path.to_owned(), key: key.to_owned(), problem })
    };
    let zero = |key: &str| {
        let problem = "is zero, which would refuse every order; write the limit you mean";
        bad(key, problem.to_owned())
    };
    if let Some((key, problem)) = limits.breakers.problem() {
        return bad(&format!("breakers.{key}"), problem);
    }
    let flow = &limits.orders;
    for (key, number) in [
        ("reference_age_max_ms", limits.reference_age_max_ms),
        ("orders.open_max", flow.open_max.into()),
        ("orders.stops_max", flow.stops_max.into()),
    ] {
        if number == 0 {
            return zero(key);
        }
    }
    for (key, number, most) in [
        ("account.messages_max", limits.account.messages_max, COUNT_MAX),
        ("orders.rate_max", flow.rate_max, COUNT_MAX),
        ("orders.messages_max", flow.messages_max, COUNT_MAX),
        ("orders.alike_max", flow.alike_max, COUNT_MAX),
        ("orders.executed_max", flow.executed_max, COUNT_MAX - 1),
    ] {
        if number == 0 {
            return zero(key);
        }
        if number > most {
            let problem = format!("is more than is remembered; write {most} at the most");
            return bad(key, problem);
        }
    }
    let most = u64::try_from(WINDOW_MAX.as_millis()).unwrap_or(u64::MAX);
    let window = |key: &str, ms: u64| match ms {
        0 => zero(key),
        ms if ms > most => {
            bad(key, format!("is longer than is remembered; write {most} at the most, an hour"))
        }
        _ => Ok(()),
    };
    window("orders.rate_window_ms", flow.rate_window_ms)?;
    window("orders.messages_window_ms", flow.messages_window_ms)?;
    window("orders.alike_window_ms", flow.alike_window_ms)?;
    window("orders.executed_window_ms", flow.executed_window_ms)?;
    let sums = |key: &str, sums: &std::collections::BTreeMap<Asset, Notional>| match sums
        .iter()
        .find(|(_, limit)| limit.get().is_zero())
    {
        Some((asset, _)) => zero(&format!("{key}.{asset}")),
        None => Ok(()),
    };
    sums("account.exposure_max", &limits.account.exposure_max)?;
    for (id, limit) in &limits.instrument {
        let key = |key: &str| format!("instrument.{id}.{key}");
        let InstrumentLimits { qty_max, notional_max, position_max, exposure_max, .. } = limit;
        for (name, is_zero) in [
            ("qty_max", qty_max.is_zero()),
            ("notional_max", notional_max.get().is_zero()),
            ("position_max", position_max.is_zero()),
            ("exposure_max", exposure_max.get().is_zero()),
            ("turnover_max", limit.turnover_max.get().is_zero()),
            ("collar_bps", limit.collar_bps == 0),
            ("walk_bps", limit.walk_bps == 0),
        ] {
            if is_zero {
                return zero(&key(name));
            }
        }
        window(&key("turnover_window_ms"), limit.turnover_window_ms)?;
        window(&key("walk_window_ms"), limit.walk_window_ms)?;
    }
    for (id, limit) in &limits.agent {
        let key = |key: &str| format!("agent.{id}.{key}");
        sums(&key("exposure_max"), &limit.exposure_max)?;
        sums(&key("turnover_max"), &limit.turnover_max)?;
        window(&key("turnover_window_ms"), limit.turnover_window_ms)?;
    }
    Ok(())
}

/// Where instruments are paid in different assets, nobody but a person knows in which one a loss counts.
pub(super) fn check_valuation(
    instruments: &[InstrumentId],
    limits: &Limits,
    limits_path: &Path,
) -> Result<(), String> {
    let pairs = || instruments.iter().filter_map(InstrumentId::assets);
    let Some(valuation) = limits.breakers.valuation else {
        let quotes: BTreeSet<Asset> = pairs().map(|(_, quote)| quote).collect();
        return if quotes.len() <= 1 {
            Ok(())
        } else {
            let quotes: Vec<&str> = quotes.iter().map(Asset::as_str).collect();
            Err(format!(
                "are paid in {}; write [breakers] valuation = \"{}\" (or another of them) to {}",
                quotes.join(" and "),
                quotes[0],
                limits_path.display()
            ))
        };
    };
    if pairs().any(|(base, quote)| base == valuation || quote == valuation) {
        return Ok(());
    }
    Err(format!(
        "have no price in {valuation}, which is the valuation in [breakers] of {}; name an asset that one of \
         them has",
        limits_path.display()
    ))
}
