//! Breaker: an agent that does not take no for an answer. What the guardrails refuse one intent after the
//! other is a program that has lost its way, and nobody knows what else it has wrong.
//!
//! Only what the agent could have known counts. That the gateway does not trade now, that a price is stale
//! or the venue is left alone for a moment is not the agent's doing, and one that is disabled is stopped already.

use std::collections::BTreeMap;
use std::time::Duration;

use model::{AgentId, Refusal, Timestamp};

use super::rejections::InARow;
use super::verdict::{Reading, Verdict};

/// Is the agent to blame?
pub(crate) const fn counts(because: &Refusal) -> bool {
    !matches!(
        because,
        Refusal::NotTrading { .. }
            | Refusal::Expired { .. }
            | Refusal::StalePrice { .. }
            | Refusal::WideSpread { .. }
            | Refusal::VenueRefuses { .. }
            | Refusal::HeadroomUnknown
            | Refusal::NoValue { .. }
            | Refusal::AgentDisabled { .. }
            | Refusal::Lease { .. }
            | Refusal::NothingToCancel
    )
}

/// Refusals in a row, agent by agent; as many as the configuration names.
#[derive(Debug)]
pub(crate) struct OfAgents {
    limit: u32,
    dwell: Duration,
    rows: BTreeMap<AgentId, InARow>,
}

impl OfAgents {
    pub(crate) const fn new(limit: u32, dwell: Duration) -> OfAgents {
        OfAgents { limit, dwell, rows: BTreeMap::new() }
    }

    /// An intent was refused, or an order let through.
    pub(crate) fn answered(&mut self, now: Timestamp, agent: AgentId, refused: bool) {
        let row = self.rows.entry(agent).or_insert(InARow::new(self.limit, self.dwell));
        row.answered(now, refused);
    }

    pub(crate) fn tick(&mut self, now: Timestamp) {
        self.rows.values_mut().for_each(|row| row.tick(now));
    }

    /// The agent that is nearest to the limit.
    pub(crate) fn worst(&self) -> Option<AgentId> {
        let worst = self
            .rows
            .iter()
            .max_by_key(|(_, row)| (row.verdict() == Verdict::Halt, row.reading().value));
        worst.map(|(agent, _)| *agent)
    }

    pub(crate) fn reading(&self) -> Reading {
        let row = self.worst().and_then(|agent| self.rows.get(&agent));
        row.map_or(Reading::of(0, self.limit.into()), InARow::reading)
    }

    pub(crate) fn verdict(&self) -> Verdict {
        let halts = self.rows.values().any(|row| row.verdict() == Verdict::Halt);
        if halts { Verdict::Halt } else { Verdict::Clear }
    }

    pub(crate) fn due(&self) -> Option<Timestamp> {
        self.rows.values().filter_map(InARow::due).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::number;

    #[test]
    fn each_agent_has_a_row_of_its_own() {
        let (one, other) = (number("one"), number("other"));
        let mut rows = OfAgents::new(3, Duration::from_secs(60));
        for (agent, refused) in
            [(one, true), (other, true), (one, true), (other, true), (other, false), (other, true)]
        {
            rows.answered(Timestamp::EPOCH, agent, refused);
            assert_eq!(rows.verdict(), Verdict::Clear);
        }
        rows.answered(Timestamp::EPOCH, one, true);
        assert_eq!((rows.verdict(), rows.worst()), (Verdict::Halt, Some(one)));
    }
}
