//! An agent's orders execute again and again: it is disabled until a person has looked.
//!
//! The repeated-execution throttle of market access rules. Counted are orders and not executions: one that
//! eats through twenty levels is one decision, twenty orders that execute within seconds on one side are a
//! program that does not see what it has done. What executes while it is being taken back counts as well.
//! Disabled is a record; it survives a restart, and no agent can lift it.

use model::{AgentId, Effects, Fill, Record, Timestamp};

use crate::gateway::Gateway;

impl Gateway {
    /// An order of this agent has executed.
    pub(crate) fn count_executed(
        &mut self,
        now: Timestamp,
        agent: AgentId,
        fill: &Fill,
        effects: &mut Effects,
    ) {
        // The slices by which the gateway closes a position execute one after the other, as they should.
        if self.own == Some(agent) {
            return;
        }
        let limits = &self.limits().orders;
        let (limit, window) = (limits.executed_max, limits.executed_window());
        let executed = self.books.executed(now, window, (agent, fill.instrument, fill.side));
        if executed > limit && self.books.disabled(agent).is_none() {
            let cause = format!(
                "{executed} of its orders on one side of {} have executed in {window:?}, the limit is {limit}",
                fill.instrument
            );
            self.disable_agent(now, agent, cause, effects);
        }
    }

    /// From now on an agent can only take orders back. Its entry orders are, its protective stops stay.
    pub(crate) fn disable_agent(
        &mut self,
        now: Timestamp,
        agent: AgentId,
        cause: String,
        effects: &mut Effects,
    ) {
        self.alert(format!("agent {agent} is disabled: {cause}"), effects);
        self.record(now, Record::AgentDisabled { agent, cause }, effects);
        self.cancel_entries(now, Some(agent), effects);
    }

    /// A person has looked.
    pub(crate) fn enable_agent(&mut self, now: Timestamp, agent: AgentId, effects: &mut Effects) {
        if self.books.disabled(agent).is_some() {
            self.record(now, Record::AgentEnabled { agent }, effects);
        }
    }
}
