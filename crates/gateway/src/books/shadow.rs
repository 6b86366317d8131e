//! Shadows: what stays reserved of orders whose absence was proven.
//!
//! Proof of absence rests on what a venue does and says within its own bounds. Should one order in a
//! million turn up after all, the position limit has to hold all the same, so for some minutes more its
//! size counts in what the position could become, and in nothing else: its funds are free, its place among
//! the open orders is free, and what is left of a position to close is not lessened by it.

use std::collections::VecDeque;
use std::time::Duration;

use model::{AgentId, ClientOrderId, InstrumentId, Qty, Side, Timestamp};
use serde::{Deserialize, Serialize};

use super::exposure::largest;

/// How long a shadow stays, by our clock (`faults.md`, I5).
pub(crate) const SHADOW: Duration = Duration::from_secs(600);

/// What stays reserved, oldest first. As many as can be proven absent in that time; each of them was among
/// the open orders, whose number is limited, for the whole quiet time before.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Shadows {
    cast: VecDeque<Shadow>,
    /// Time of the last entry.
    seen: Timestamp,
}

/// What one order could still do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Shadow {
    order: ClientOrderId,
    agent: AgentId,
    instrument: InstrumentId,
    side: Side,
    qty: Qty,
    until: Timestamp,
}

impl Shadows {
    /// The absence of an order is proven now, which could have executed this much.
    pub(super) fn add(
        &mut self,
        now: Timestamp,
        (order, agent): (ClientOrderId, AgentId),
        (instrument, side, qty): (InstrumentId, Side, Qty),
    ) {
        let until = now.after(SHADOW);
        self.cast.push_back(Shadow { order, agent, instrument, side, qty, until });
    }

    /// A session begins, by whatever clock: nobody knows how long there was none, so all stay for as long
    /// as they had left at the last entry. When that was.
    pub(super) fn is_read_at(&mut self, now: Timestamp) -> Timestamp {
        let seen = std::mem::replace(&mut self.seen, now);
        for shadow in &mut self.cast {
            shadow.until = now.after(shadow.until.since(seen));
        }
        seen
    }

    /// The order is there: it counts by itself.
    pub(super) fn remove(&mut self, order: &ClientOrderId) {
        self.cast.retain(|shadow| shadow.order != *order);
    }

    /// Those that are over are forgotten.
    pub(super) fn expire(&mut self, now: Timestamp) {
        self.seen = now;
        self.cast.retain(|shadow| shadow.until > now);
    }

    /// What could still execute on one side, of one agent or of all, base units. A sum that cannot be
    /// represented is the largest.
    pub(super) fn of(
        &self,
        now: Timestamp,
        agent: Option<AgentId>,
        instrument: InstrumentId,
        side: Side,
    ) -> Qty {
        let on_it = |shadow: &&Shadow| {
            shadow.until > now
                && (shadow.instrument, shadow.side) == (instrument, side)
                && agent.is_none_or(|agent| agent == shadow.agent)
        };
        let sizes = self.cast.iter().filter(on_it).map(|shadow| shadow.qty);
        sizes.fold(Qty::ZERO, |sum, qty| sum.checked_add(qty).unwrap_or_else(largest))
    }
}
