//! Orders of agents that are not configured any more.

use std::collections::BTreeMap;

use gateway::Gateway;
use model::{AgentId, Command, Effects, Input};

use crate::clock;
use crate::config::Config;

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
