//! The gates before real money: what a live run has to show before it starts. One list, for `plimsoll doctor`, which
//! shows it, and for `plimsoll run`, which refuses by it.
//!
//! What is looked at is gathered first ([`Evidence`]); to judge is to compute. A gate that is not met can be opened by
//! a person, one by one, with a reason that goes into the journal; there is no word for all of them.

mod bootstrap;
mod paper;
mod record;
mod shown;
mod trips;
mod watchdog;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use model::venue::KeyAudit;
use model::{AgentId, AgentVersion, GateName, GateOverride, Timestamp};

pub use self::paper::{Versions, versions};
pub use self::record::{OfAgent, PaperRecord};
pub use self::shown::{Expectancy, Gate, Standing};
pub use self::watchdog::Watchdog;
use crate::config::Config;

/// Loss of everything, hundredths of a percent: who states that has stated nothing.
const WHOLE_BPS: u32 = 10_000;
const DAY: Duration = Duration::from_secs(86_400);
/// How long a start waits for a kill switch that may be starting, too.
const WATCHDOG_WAIT: Duration = Duration::from_secs(5);
const WATCHDOG_PAUSE: Duration = Duration::from_millis(250);

/// What is known of the key.
#[derive(Clone, Debug)]
pub enum KeySeen {
    /// What the venue says it may do.
    Audited(KeyAudit),
    /// Why that is not known.
    Unknown(String),
}

/// What is looked at, besides the configuration.
#[derive(Debug)]
pub struct Evidence {
    /// Which version each agent is now.
    pub versions: Versions,
    /// What the paper journal says of these; the error is for people.
    pub record: Result<PaperRecord, String>,
    /// The kill switch.
    pub watchdog: Watchdog,
    /// The fingerprint of the gateway's key, where it can be made.
    pub own_key: Option<String>,
    /// When each sink of alerts last took a test; or why they cannot be read.
    pub alerts: Result<Vec<(String, Option<Timestamp>)>, String>,
    /// The key.
    pub key: KeySeen,
    /// Now.
    pub now: Timestamp,
}

impl Evidence {
    /// What can be read on this host; of the kill switch and the key the caller knows. It reads files and a journal,
    /// so not for async code.
    pub fn gather(
        config: &Config,
        state_dir: Option<&Path>,
        watchdog: Watchdog,
        key: KeySeen,
        now: Timestamp,
    ) -> Evidence {
        let versions = versions(&config.agents);
        let record = paper_record(config, &versions);
        let alerts = alerts(config, state_dir);
        let own_key = watchdog::own_fingerprint(config);
        Evidence { versions, record, watchdog, own_key, alerts, key, now }
    }
}

/// The journal that a paper record is looked for in: in a paper run that is its own.
fn paper_record(config: &Config, versions: &Versions) -> Result<PaperRecord, String> {
    let known =
        versions.iter().filter_map(|(agent, version)| Some((*agent, *version.as_ref().ok()?)));
    let wanted: BTreeMap<AgentId, AgentVersion> = known.collect();
    let gates = &config.gates;
    let address = match (&gates.paper_store, &config.paper) {
        (None, None) => return Err("no paper store is named".to_owned()),
        (None, Some(_)) => config.journal().map_err(|error| error.to_string())?,
        (Some(store), _) => match &gates.paper_store_password {
            Some(source) => {
                let password = source
                    .read_words()
                    .map_err(|error| format!("gates.paper_store_password: {error}"))?;
                store.clone().with_password(password.reveal())
            }
            None => store.clone(),
        },
    };
    record::read(&address, &wanted)
}

type Tested = Vec<(String, Option<Timestamp>)>;

fn alerts(config: &Config, state_dir: Option<&Path>) -> Result<Tested, String> {
    let state_dir = state_dir.ok_or("there is no state directory to remember a test in")?;
    let mut tested = Vec::new();
    for alert in &config.alerts {
        let settings = alert.settings().map_err(|error| format!("{:?}: {error}", alert.name))?;
        let last = ::alerts::last_good(state_dir, &settings);
        tested.push((settings.name, last));
    }
    Ok(tested)
}

/// Waits a little for a kill switch that is just starting.
pub async fn watchdog_at_start(config: &Config) -> Watchdog {
    let begun = std::time::Instant::now();
    let opened = config.gates.overrides.contains_key(&GateName::Watchdog);
    loop {
        let told = Watchdog::ask(config).await;
        let nobody = matches!(told, Watchdog::None | Watchdog::Unasked);
        let is_final = opened || nobody || told.lives().is_ok();
        if is_final || begun.elapsed() >= WATCHDOG_WAIT {
            return told;
        }
        tokio::time::sleep(WATCHDOG_PAUSE).await;
    }
}

/// All gates, in the order in which they are told.
pub fn judge(config: &Config, evidence: &Evidence) -> Vec<Gate> {
    GateName::ALL.into_iter().map(|gate| one(gate, config, evidence)).collect()
}

/// Those that keep a live run from starting.
pub fn unmet(gates: &[Gate]) -> impl Iterator<Item = &Gate> {
    gates.iter().filter(|gate| gate.standing == Standing::Unmet)
}

/// Those that a person has opened, for the journal.
pub fn overridden(gates: &[Gate]) -> Vec<GateOverride> {
    let opened = gates.iter().filter(|gate| gate.standing == Standing::Overridden);
    let opened = opened.map(|gate| GateOverride {
        gate: gate.gate,
        reason: gate.reason.clone().unwrap_or_default(),
        unmet: gate.found.clone(),
    });
    opened.collect()
}

/// The list, for people.
pub fn list(gates: &[Gate]) -> String {
    let mut text = String::new();
    for gate in gates {
        let mark = match gate.standing {
            Standing::Met => "met       ",
            Standing::Overridden => "overridden",
            Standing::Unmet => "NOT MET   ",
        };
        let name = gate.gate.as_str();
        text.push_str(&format!("\n  {mark} {name:<13} {}", gate.found));
        if let Some(reason) = &gate.reason {
            text.push_str(&format!("\n             override:     {reason}"));
        }
        if gate.standing == Standing::Unmet {
            text.push_str(&format!("\n             do:           {}", gate.how));
        }
    }
    text
}

/// What a gate asks for.
const fn asks(gate: GateName) -> &'static str {
    match gate {
        GateName::PaperRecord => {
            "each agent, with this code and these parameters, has earned on paper, by more than luck"
        }
        GateName::Watchdog => {
            "a watchdog lives, sees the account, and has another key than the gateway"
        }
        GateName::Limits => "limits are written down for all that is traded",
        GateName::KeyScopes => {
            "the exchange says that the key trades, cannot withdraw or transfer, and is bound to addresses"
        }
        GateName::Alerts => "each sink of alerts took a test lately, at its present address",
        GateName::LossMax => "a person has stated how much may be lost: in all, and in a day",
    }
}

fn one(gate: GateName, config: &Config, evidence: &Evidence) -> Gate {
    let mut figures = Vec::new();
    let found = match gate {
        GateName::PaperRecord => {
            let record = evidence.record.as_ref().map_err(String::as_str);
            let judged = paper::judge(&config.gates, &evidence.versions, record);
            figures = judged.figures;
            if judged.bad.is_empty() {
                Ok(judged.good.join("; "))
            } else {
                Err(judged.bad.join("; "))
            }
        }
        GateName::Watchdog => watchdog_gate(evidence),
        GateName::Limits => Ok(limits_gate(config)),
        GateName::KeyScopes => key_gate(&evidence.key),
        GateName::Alerts => alerts_gate(config.gates.alert_days_max, evidence),
        GateName::LossMax => loss_gate(config),
    };
    let asks = asks(gate);
    let reason = config.gates.overrides.get(&gate).cloned();
    let (standing, found) = match found {
        Ok(found) => (Standing::Met, found),
        Err(found) if reason.is_some() => (Standing::Overridden, found),
        Err(found) => (Standing::Unmet, found),
    };
    if standing == Standing::Met {
        return Gate { gate, standing, asks, found, how: String::new(), reason: None, figures };
    }
    Gate { gate, standing, asks, found, how: how(gate, config), reason, figures }
}

/// How a gate is met.
fn how(gate: GateName, config: &Config) -> String {
    let way = match gate {
        GateName::PaperRecord => {
            let gates = &config.gates;
            format!(
                "run the same agents with mode = \"paper\" and a store of its own for {} h and {} round trips at \
                 least, and name that store: [gates] paper_store = \"sqlite:paper.db\" (docs/paper.md)",
                gates.hours_min, gates.trades_min
            )
        }
        GateName::Watchdog => {
            "add [watchdog] with control and a key of its own, and start plimsoll watchdog (docs/watchdog.md)"
                .to_owned()
        }
        GateName::Limits => "write limits (docs/guardrails.md)".to_owned(),
        GateName::KeyScopes => "make a key that only trades and is bound to this address (docs/keys.md)".to_owned(),
        GateName::Alerts => {
            "add an [[alert]] and run plimsoll alerts --config FILE --test (docs/alerts.md)".to_owned()
        }
        GateName::LossMax => format!(
            "write drawdown_bps and day_loss_bps into [breakers] of {} (docs/breakers.md)",
            config.limits_file.path.display()
        ),
    };
    let name = gate.as_str();
    format!("{way}; or, if it has to be so, {name} = \"why\" in [gates.override]")
}

fn watchdog_gate(evidence: &Evidence) -> Result<String, String> {
    let told = evidence.watchdog.lives()?;
    let Some(theirs) = told["key_fingerprint"].as_str() else {
        return Err(
            "it lives, and does not say which key it has: it is of an older version".to_owned()
        );
    };
    match &evidence.own_key {
        None => {
            Err("it lives, and the gateway's own key cannot be read to compare it with".to_owned())
        }
        Some(own) if own == theirs => {
            Err("it lives, with the gateway's own key: whoever takes that key away stops both"
                .to_owned())
        }
        Some(_) if told["halted"] == true => {
            Ok("it lives, with a key of its own, and has TRIPPED: nothing is sent".to_owned())
        }
        Some(_) => Ok("it lives and watches, with a key of its own".to_owned()),
    }
}

/// A limits file that does not have them all is refused before anybody comes here.
fn limits_gate(config: &Config) -> String {
    let limits = &config.limits;
    let most = |(asset, most): (&model::Asset, &model::Notional)| format!("{most} {asset}");
    let sums: Vec<String> = limits.account.exposure_max.iter().map(most).collect();
    format!("limits {}: at most {} at stake in all", limits.version(), sums.join(", "))
}

fn key_gate(key: &KeySeen) -> Result<String, String> {
    let audit = match key {
        KeySeen::Audited(audit) => audit,
        KeySeen::Unknown(cause) => return Err(format!("it could not be audited: {cause}")),
    };
    let found = audit.refused.iter().chain(&audit.accepted).chain(&audit.warned);
    let found: Vec<&str> = found.map(|finding| finding.words()).collect();
    if !found.is_empty() {
        return Err(found.join("; "));
    }
    let bound = audit.scopes.and_then(|scopes| scopes.ip_bound);
    Ok(match bound {
        Some(_) => "it trades, cannot withdraw or transfer, and is bound to addresses".to_owned(),
        None => {
            "it trades, cannot withdraw or transfer; whether it is bound to addresses this exchange does not tell"
                .to_owned()
        }
    })
}

fn alerts_gate(days_max: u32, evidence: &Evidence) -> Result<String, String> {
    let tested = evidence.alerts.as_ref().map_err(Clone::clone)?;
    if tested.is_empty() {
        return Err("no sink is configured: nobody would be told".to_owned());
    }
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    for (name, last) in tested {
        match last.map(|at| evidence.now.since(at)) {
            None => bad.push(format!("{name}: never tested at its present address")),
            Some(age) if age > DAY * days_max => {
                let days = age.as_secs() / DAY.as_secs();
                bad.push(format!("{name}: tested {days} days ago, {days_max} are the most"));
            }
            Some(age) => good.push(format!("{name}: took a test {} h ago", age.as_secs() / 3_600)),
        }
    }
    if bad.is_empty() { Ok(good.join("; ")) } else { Err(bad.join("; ")) }
}

fn loss_gate(config: &Config) -> Result<String, String> {
    let stated = config.loss_stated;
    let parts = [("drawdown_bps", stated.drawdown_bps), ("day_loss_bps", stated.day_loss_bps)];
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    for (key, bps) in parts {
        match bps {
            None => bad.push(format!("{key} is not in [breakers] of the limits file")),
            Some(bps) if bps >= WHOLE_BPS => {
                bad.push(format!("{key} = {bps} lets all of it be lost"))
            }
            Some(bps) => good.push(format!("{key} = {bps} ({}.{:02} %)", bps / 100, bps % 100)),
        }
    }
    if bad.is_empty() { Ok(good.join(", ")) } else { Err(bad.join("; ")) }
}

#[cfg(test)]
mod tests;
