//! What a gateway begins with: the core's configuration, and its agents.

use std::collections::BTreeMap;
use std::time::Duration;

use gateway::Gateway;
use model::{AgentId, AgentVersion, Command, Effects, GateOverride, Input, Instrument};
use tokio::sync::mpsc;

use super::error::RunError;
use super::rest::Rest;
use crate::agent::{AgentConfig, AgentHandle, FromAgent, Hello};
use crate::clock;
use crate::config::Config;

/// What a gateway is started with.
pub(super) fn start_config(
    config: &Config,
    rest: &Rest,
    overridden: Vec<GateOverride>,
) -> gateway::Config {
    gateway::Config {
        limits: config.limits.clone(),
        profile: rest.profile(),
        foreign_orders: config.venue.1.foreign_orders,
        late_stops: config.venue.1.late_stops,
        watched: config.watchdog.is_some(),
        paper: config.paper.is_some(),
        ramp: config.ramp.clone(),
        overridden,
        reconcile_every: Duration::from_secs(config.reconcile_every_s),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        text: config.text.clone(),
    }
}

/// Agents that were removed or renamed left orders that nobody would look after.
pub(super) fn disown(gateway: &mut Gateway, config: &Config, effects: &mut Effects) {
    let mut orphans: BTreeMap<AgentId, u32> = BTreeMap::new();
    for order in gateway.books().open_orders() {
        let is_own = order.agent.as_str() == gateway::OWN_AGENT;
        if !is_own && !config.agents.contains_key(&order.agent) {
            *orphans.entry(order.agent).or_default() += 1;
        }
    }
    for (agent, orders) in orphans {
        tracing::warn!(
            %agent,
            orders,
            "open orders of an agent that is not configured any more: those that could add risk are \
             taken back, stops that protect a position stay"
        );
        let cause = "it is not configured any more".to_owned();
        let gone = Input::Operator(Command::AgentGone { agent, cause });
        gateway.apply(clock::now(), &gone, effects);
    }
}

pub(super) fn start_agents(
    config: &Config,
    gateway: &Gateway,
    (session, instruments): (u64, &[Instrument]),
    pins: &BTreeMap<AgentId, AgentVersion>,
    inputs: &mpsc::Sender<(AgentId, FromAgent)>,
) -> Result<BTreeMap<AgentId, AgentHandle>, RunError> {
    let mut agents = BTreeMap::new();
    for (agent, settings) in &config.agents {
        let hello = Hello::new(*agent, settings, session, instruments, gateway.books());
        let pinned = pins.get(agent).copied();
        let agent_config = AgentConfig { pinned, ..AgentConfig::new(*agent, settings) };
        let started = AgentHandle::spawn(agent_config, hello, inputs.clone());
        let handle = started.map_err(|source| RunError::Agent { agent: *agent, source })?;
        agents.insert(*agent, handle);
    }
    Ok(agents)
}
