//! Orders on their way: what a trace has to know of an order when its next record comes.
//!
//! A part of what is kept with the cursor, so that a sink which was killed goes on with the orders that were open. Only
//! sinks of traces have it.

use std::collections::BTreeMap;

use model::{
    AgentId, Asked, ClientOrderId, Decimal, Entry, InstrumentId, IntentId, NewOrder, OrderQty,
    Record, Side, Timestamp,
};
use serde::{Deserialize, Serialize};

/// Orders that are followed at a time; the oldest goes for one more. Limits keep the open ones far below.
const FOLLOWED_MAX: usize = 4_096;
/// What of an agent's reason is kept, characters.
const REASON_MAX: usize = 300;

/// An agent's last decision: what comes of it is the next record about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Decision {
    intent: IntentId,
    at: Timestamp,
    reason: String,
}

/// One order, up to a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Journey {
    pub(crate) client_order_id: ClientOrderId,
    pub(crate) agent: AgentId,
    pub(crate) instrument: InstrumentId,
    pub(crate) side: Side,
    /// When the agent's word was taken; the gateway's own orders have none.
    pub(crate) decided: Option<Timestamp>,
    pub(crate) reason: String,
    pub(crate) prepared: Timestamp,
    pub(crate) qty: OrderQty,
    pub(crate) filled: Decimal,
    pub(crate) fills: u32,
    pub(crate) accepted: bool,
    pub(crate) replied: bool,
    pub(crate) ended: bool,
    /// Since when its outcome is not known.
    pub(crate) doubt: Option<Timestamp>,
}

impl Journey {
    fn new(
        order: &NewOrder,
        agent: AgentId,
        at: Timestamp,
        decision: Option<&Decision>,
    ) -> Journey {
        Journey {
            client_order_id: order.client_order_id,
            agent,
            instrument: order.instrument,
            side: order.side,
            decided: decision.map(|decision| decision.at),
            reason: decision.map(|decision| decision.reason.clone()).unwrap_or_default(),
            prepared: at,
            qty: order.qty,
            filled: Decimal::ZERO,
            fills: 0,
            accepted: false,
            replied: false,
            ended: false,
            doubt: None,
        }
    }

    /// When it began.
    pub(crate) fn began(&self) -> Timestamp {
        self.decided.unwrap_or(self.prepared)
    }

    /// Is this record the end of it?
    pub(crate) fn ends_with(&self, record: &Record) -> bool {
        let is_over = match record {
            Record::Ended { .. } | Record::Rejected { .. } => true,
            // No other record says so of one that has executed as a whole.
            Record::Filled { fill, .. } => {
                let filled = self.filled.checked_add(fill.qty.get());
                matches!((self.qty, filled), (OrderQty::Base(qty), Some(filled)) if filled >= qty.get())
            }
            _ => false,
        };
        is_over && !self.ended
    }

    /// Does this record say what became of an order in doubt?
    pub(crate) const fn settles(record: &Record) -> bool {
        matches!(
            record,
            Record::Accepted { .. }
                | Record::Rejected { .. }
                | Record::Ended { .. }
                | Record::Filled { .. }
        )
    }

    fn add(&mut self, at: Timestamp, record: &Record) {
        self.ended |= self.ends_with(record);
        if Journey::settles(record) {
            self.doubt = None;
        }
        match record {
            Record::Accepted { .. } => self.accepted = true,
            Record::Answered { asked: Asked::Place, .. } => self.replied = true,
            Record::InDoubt { .. } => self.doubt = self.doubt.or(Some(at)),
            Record::Filled { fill, .. } => {
                self.fills += 1;
                self.filled = self.filled.checked_add(fill.qty.get()).unwrap_or(self.filled);
            }
            _ => {}
        }
    }
}

/// All that are followed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Journeys {
    decided: BTreeMap<AgentId, Decision>,
    orders: BTreeMap<ClientOrderId, Journey>,
}

impl Journeys {
    /// The order that a record is about, as it was before it.
    pub(crate) fn before(&self, entry: &Entry) -> Option<Journey> {
        if let Record::Prepared { agent, intent, order, .. } = &entry.record {
            let decision = self.decided.get(agent).filter(|decision| decision.intent == *intent);
            return Some(Journey::new(order, *agent, entry.at, decision));
        }
        self.orders.get(&of_ours(&entry.record)?).cloned()
    }

    /// Takes an entry into account.
    pub(crate) fn add(&mut self, entry: &Entry) {
        match &entry.record {
            Record::Decided { intent, .. } => {
                let reason = intent.reason.chars().take(REASON_MAX).collect();
                let decision = Decision { intent: intent.id, at: entry.at, reason };
                self.decided.insert(intent.agent, decision);
            }
            Record::Prepared { order, .. } => {
                self.make_room();
                if let Some(new) = self.before(entry) {
                    self.orders.insert(order.client_order_id, new);
                }
            }
            record => {
                let Some(id) = of_ours(record) else { return };
                let Some(order) = self.orders.get_mut(&id) else { return };
                order.add(entry.at, record);
                // The answer may come behind the last execution.
                if order.ended && order.replied {
                    self.orders.remove(&id);
                }
            }
        }
    }

    fn make_room(&mut self) {
        if self.orders.len() < FOLLOWED_MAX {
            return;
        }
        let oldest = self.orders.values().min_by_key(|order| order.prepared);
        if let Some(id) = oldest.map(|order| order.client_order_id) {
            self.orders.remove(&id);
        }
    }
}

/// The order of ours that a record is about, where something happens to it.
const fn of_ours(record: &Record) -> Option<ClientOrderId> {
    match record {
        Record::Answered { client_order_id, .. }
        | Record::Accepted { client_order_id, .. }
        | Record::Rejected { client_order_id, .. }
        | Record::InDoubt { client_order_id, .. }
        | Record::Triggered { client_order_id }
        | Record::Ended { client_order_id, .. } => Some(*client_order_id),
        Record::Filled { client_order_id, .. } => *client_order_id,
        _ => None,
    }
}
