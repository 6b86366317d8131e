//! What was sent and what executed lately, as the guardrails ask for it.

use std::time::Duration;

use model::{AgentId, Asset, InstrumentId, Side, Timestamp};

use super::{AgentFlow, Books};
use crate::window::{Sums, Times};

impl Books {
    /// What one agent has done lately; `None` while it has done nothing.
    pub(crate) fn flow(&self, agent: AgentId) -> Option<&AgentFlow> {
        self.flow.agents.get(&agent)
    }

    /// Orders and cancels of the whole account.
    pub(crate) fn messages(&self) -> &Times {
        &self.flow.messages
    }

    /// What was ordered of an instrument, by everybody.
    pub(crate) fn turnover(&self, instrument: InstrumentId) -> Option<&Sums> {
        self.flow.turnover.get(&instrument)
    }

    /// What an agent ordered that is paid in this asset.
    pub(crate) fn agent_turnover(&self, agent: AgentId, quote: Asset) -> Option<&Sums> {
        self.flow.agent_turnover.get(&(agent, quote))
    }

    /// Orders of an agent that had their first execution in this time until now.
    pub(crate) fn executed(
        &self,
        now: Timestamp,
        window: Duration,
        key: (AgentId, InstrumentId, Side),
    ) -> u32 {
        self.flow.executed.get(&key).map_or(0, |times| times.within(now, window))
    }

    /// Why an agent is disabled; `None` when it is not. It survives a restart.
    pub fn disabled(&self, agent: AgentId) -> Option<&str> {
        self.disabled.get(&agent).map(String::as_str)
    }

    /// Agents that are disabled, and why.
    pub fn disabled_agents(&self) -> impl Iterator<Item = (AgentId, &str)> {
        self.disabled.iter().map(|(agent, cause)| (*agent, cause.as_str()))
    }
}
