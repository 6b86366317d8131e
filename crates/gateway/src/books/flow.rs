//! What was sent and what executed lately: what limits over a time are counted from.
//!
//! A fold over the journal like everything in the books, so a restart empties no window.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use model::{
    Action, AgentId, Asset, InstrumentId, Intent, IntentId, NewOrder, OrderKind, OrderQty,
    OrderSpec, Price, Qty, Rounding, Side, Timestamp,
};
use serde::{Deserialize, Serialize};

use super::pairs;
use crate::limits::{COUNT_MAX, WINDOW_MAX};
use crate::window::{Sums, Times, moved};

/// What is remembered of what was sent. As many agents and instruments as are configured.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Flow {
    /// Time of the last entry.
    seen: Timestamp,
    /// The last decision, until its order is written down.
    wanted: Option<Wanted>,
    pub(super) agents: BTreeMap<AgentId, AgentFlow>,
    pub(super) messages: Times,
    pub(super) turnover: BTreeMap<InstrumentId, Sums>,
    #[serde(with = "pairs")]
    pub(super) agent_turnover: BTreeMap<(AgentId, Asset), Sums>,
    #[serde(with = "pairs")]
    pub(super) executed: BTreeMap<(AgentId, InstrumentId, Side), Times>,
}

/// What one agent has done lately.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgentFlow {
    pub(crate) orders: Times,
    pub(crate) messages: Times,
    pub(crate) alike: Alike,
}

/// What makes two orders the same. What differs most comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fingerprint {
    price: Option<Price>,
    qty: Qty,
    trigger: Option<Price>,
    kind: u8,
    side: Side,
    instrument: InstrumentId,
}

impl Fingerprint {
    pub(crate) fn of(spec: &OrderSpec) -> Fingerprint {
        let OrderSpec { qty, kind, side, instrument, .. } = *spec;
        let (price, trigger) = (kind.price(), kind.trigger());
        let kind = match kind {
            OrderKind::Market => 0,
            OrderKind::Limit { .. } => 1,
            OrderKind::StopLoss { .. } => 2,
            OrderKind::StopLimit { .. } => 3,
            OrderKind::TakeProfit { .. } => 4,
            OrderKind::TakeProfitLimit { .. } => 5,
        };
        Fingerprint { price, qty, trigger, kind, side, instrument }
    }
}

/// Orders of one agent, to find the same one again. In a snapshot they are a list, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<(Timestamp, Fingerprint)>", into = "Vec<(Timestamp, Fingerprint)>")]
pub(crate) struct Alike {
    sent: VecDeque<(Timestamp, Fingerprint)>,
    of: BTreeMap<Fingerprint, Times>,
}

impl From<Vec<(Timestamp, Fingerprint)>> for Alike {
    fn from(sent: Vec<(Timestamp, Fingerprint)>) -> Alike {
        let mut alike = Alike::default();
        sent.into_iter().for_each(|(at, order)| alike.note(at, order));
        alike
    }
}

impl From<Alike> for Vec<(Timestamp, Fingerprint)> {
    fn from(alike: Alike) -> Vec<(Timestamp, Fingerprint)> {
        alike.sent.into()
    }
}

impl Alike {
    /// How many of these were sent in this time until now.
    pub(crate) fn within(&self, now: Timestamp, window: Duration, like: &Fingerprint) -> u32 {
        self.of.get(like).map_or(0, |times| times.within(now, window))
    }

    fn note(&mut self, now: Timestamp, order: Fingerprint) {
        let now = self.sent.back().map_or(now, |(last, _)| now.max(*last));
        let from = now.before(WINDOW_MAX);
        while self.sent.len() >= COUNT_MAX as usize
            || self.sent.front().is_some_and(|(at, _)| *at <= from)
        {
            let Some((_, old)) = self.sent.pop_front() else { break };
            if let Some(times) = self.of.get_mut(&old) {
                times.forget_oldest();
                if times.is_empty() {
                    self.of.remove(&old);
                }
            }
        }
        self.sent.push_back((now, order));
        self.of.entry(order).or_default().push(now);
    }

    fn is_read_at(&mut self, seen: Timestamp, now: Timestamp) {
        self.sent.iter_mut().for_each(|(at, _)| *at = moved(*at, seen, now));
        self.of.values_mut().for_each(|times| times.is_read_at(seen, now));
    }
}

/// An agent's decision, as far as its order's record does not have it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    agent: AgentId,
    intent: IntentId,
    order: Fingerprint,
    /// Where a slip of its price is measured from.
    from: Option<Price>,
}

impl Flow {
    /// A session begins, by whatever clock: nobody knows how long there was none.
    pub(super) fn is_read_at(&mut self, now: Timestamp) {
        let seen = std::mem::replace(&mut self.seen, now);
        for agent in self.agents.values_mut() {
            agent.orders.is_read_at(seen, now);
            agent.messages.is_read_at(seen, now);
            agent.alike.is_read_at(seen, now);
        }
        let times = std::iter::once(&mut self.messages).chain(self.executed.values_mut());
        times.for_each(|times| times.is_read_at(seen, now));
        let sums = self.turnover.values_mut().chain(self.agent_turnover.values_mut());
        sums.for_each(|sums| sums.is_read_at(seen, now));
    }

    /// Time goes on.
    pub(super) fn seen(&mut self, now: Timestamp) {
        self.seen = now;
    }

    /// An agent decided something; its order's record comes next, if there is one.
    pub(super) fn decided(&mut self, intent: &Intent, reference: Option<Price>) {
        self.wanted = match &intent.action {
            Action::Place(spec) => Some(Wanted {
                agent: intent.agent,
                intent: intent.id,
                order: Fingerprint::of(spec),
                from: match spec.kind {
                    OrderKind::Market => reference,
                    kind => kind.price().or(kind.trigger()),
                },
            }),
            Action::Cancel(_) | Action::CancelAll(_) | Action::Halt => None,
        };
    }

    /// An order goes out.
    pub(super) fn ordered(
        &mut self,
        now: Timestamp,
        (agent, intent): (AgentId, IntentId),
        order: &NewOrder,
        worst_price: Price,
    ) {
        let wanted = self.wanted.take().filter(|w| (w.agent, w.intent) == (agent, intent));
        let qty = match order.qty {
            OrderQty::Base(qty) => qty,
            OrderQty::Quote(_) => Qty::ZERO,
        };
        // What it can come to, as its own limit counts it: a sell may bring more than at its worst price.
        let from = wanted.as_ref().and_then(|wanted| wanted.from);
        let price = from.map_or(worst_price, |from| from.max(worst_price));
        let notional = price.notional(qty, Rounding::Up);
        let flow = self.agents.entry(agent).or_default();
        flow.orders.note(now);
        flow.messages.note(now);
        if let Some(wanted) = wanted {
            flow.alike.note(now, wanted.order);
        }
        self.messages.note(now);
        self.turnover.entry(order.instrument).or_default().note(now, notional);
        if let Some((_, quote)) = order.instrument.assets() {
            self.agent_turnover.entry((agent, quote)).or_default().note(now, notional);
        }
    }

    /// A cancel goes out, of an order of this agent or of nobody's.
    pub(super) fn canceled(&mut self, now: Timestamp, agent: Option<AgentId>) {
        self.messages.note(now);
        if let Some(agent) = agent {
            self.agents.entry(agent).or_default().messages.note(now);
        }
    }

    /// An order has its first execution.
    pub(super) fn executed(
        &mut self,
        now: Timestamp,
        agent: AgentId,
        (instrument, side): (InstrumentId, Side),
    ) {
        self.executed.entry((agent, instrument, side)).or_default().note(now);
    }

    /// A person lets the agent trade again: what it did before is no longer held against it.
    pub(super) fn enabled(&mut self, agent: AgentId) {
        self.executed.retain(|(of, _, _), _| *of != agent);
    }
}
