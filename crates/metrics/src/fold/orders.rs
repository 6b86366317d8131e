//! The stages of orders: what an order's times are, until it is over and answered.

use std::collections::BTreeMap;

use model::{
    AgentId, Asked, ClientOrderId, Decimal, Ending, Fill, IntentId, NewOrder, OrderQty, Timestamp,
};

use crate::catalog::{ORDERS_ENDED, STAGE};
use crate::page::Page;

/// Orders that are followed at a time; the oldest goes for one more. Limits keep the open ones far below.
const FOLLOWED_MAX: usize = 16_384;

/// Names of the stages: those of `plimsoll report latency`, in its order.
pub(crate) const STAGE_NAMES: [&str; 7] = [
    "decided_to_durable",
    "durable_to_sent",
    "decided_to_sent",
    "sent_to_reply",
    "decided_to_accepted",
    "accepted_to_first_fill",
    "decided_to_end",
];

/// One order on its way.
#[derive(Debug)]
struct Order {
    /// In which order they came.
    number: u64,
    agent: AgentId,
    qty: OrderQty,
    filled: Decimal,
    decided: Option<Timestamp>,
    durable: Option<Timestamp>,
    left: Option<Timestamp>,
    replied: Option<Timestamp>,
    accepted: Option<Timestamp>,
    first_fill: Option<Timestamp>,
    ended: Option<Timestamp>,
    /// Stages that are measured.
    measured: [bool; STAGE_NAMES.len()],
}

/// All that are followed.
#[derive(Debug, Default)]
pub(super) struct Orders {
    /// The last decision of each agent: what comes of it is the next record about it.
    decided: BTreeMap<AgentId, (IntentId, Timestamp)>,
    known: BTreeMap<ClientOrderId, Order>,
    by_age: BTreeMap<u64, ClientOrderId>,
    next: u64,
}

impl Orders {
    pub(super) fn decided(&mut self, agent: AgentId, intent: IntentId, at: Timestamp) {
        self.decided.insert(agent, (intent, at));
    }

    pub(super) fn prepared(&mut self, agent: AgentId, intent: IntentId, order: &NewOrder) {
        // The gateway's own slices have no decision.
        let decided = self.decided.get(&agent).filter(|(of, _)| *of == intent).map(|(_, at)| *at);
        if self.known.len() >= FOLLOWED_MAX
            && let Some((_, oldest)) = self.by_age.pop_first()
        {
            self.known.remove(&oldest);
        }
        let number = self.next;
        self.next += 1;
        let new = Order {
            number,
            agent,
            qty: order.qty,
            filled: Decimal::ZERO,
            decided,
            durable: None,
            left: None,
            replied: None,
            accepted: None,
            first_fill: None,
            ended: None,
            measured: [false; STAGE_NAMES.len()],
        };
        self.by_age.insert(number, order.client_order_id);
        if let Some(before) = self.known.insert(order.client_order_id, new) {
            self.by_age.remove(&before.number);
        }
    }

    /// When it was durable, when it left and when the answer came.
    pub(super) fn answered(
        &mut self,
        page: &mut Page,
        id: &ClientOrderId,
        asked: Asked,
        (durable, left, came): (Option<Timestamp>, Option<Timestamp>, Timestamp),
    ) {
        if asked == Asked::Place {
            self.change(page, id, |order| {
                (order.durable, order.left, order.replied) = (durable, left, Some(came));
            });
        }
    }

    pub(super) fn accepted(&mut self, page: &mut Page, id: &ClientOrderId, at: Timestamp) {
        self.change(page, id, |order| {
            order.accepted.get_or_insert(at);
        });
    }

    /// One execution; whose order it was.
    pub(super) fn filled(
        &mut self,
        page: &mut Page,
        id: &ClientOrderId,
        fill: &Fill,
        at: Timestamp,
    ) -> Option<String> {
        let agent = self.known.get(id)?.agent;
        let mut is_whole = false;
        self.change(page, id, |order| {
            order.first_fill.get_or_insert(at);
            order.filled = order.filled.checked_add(fill.qty.get()).unwrap_or(order.filled);
            is_whole = matches!(order.qty, OrderQty::Base(qty) if order.filled >= qty.get());
        });
        if is_whole {
            // No other record says that it is over.
            self.ended(page, id, (Ending::Filled, at));
        }
        Some(agent.to_string())
    }

    /// It is over. A second word on that changes nothing.
    pub(super) fn ended(
        &mut self,
        page: &mut Page,
        id: &ClientOrderId,
        (ending, at): (Ending, Timestamp),
    ) {
        let Some(order) = self.known.get(id).filter(|order| order.ended.is_none()) else { return };
        page.add(&ORDERS_ENDED, &[order.agent.as_str(), ending.word()], 1.0);
        self.change(page, id, |order| order.ended = Some(at));
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        assert_eq!(self.known.len(), self.by_age.len());
        self.known.len()
    }

    fn change(&mut self, page: &mut Page, id: &ClientOrderId, change: impl FnOnce(&mut Order)) {
        // The journal may have been followed from behind its beginning.
        let Some(order) = self.known.get_mut(id) else { return };
        change(order);
        order.measure(page);
        // The answer may come behind the last execution.
        if order.ended.is_some() && order.replied.is_some() {
            self.by_age.remove(&order.number);
            self.known.remove(id);
        }
    }
}

impl Order {
    /// Counts each stage of which both ends are known, once.
    fn measure(&mut self, page: &mut Page) {
        let stages = [
            (self.decided, self.durable),
            (self.durable, self.left),
            (self.decided, self.left),
            (self.left, self.replied),
            (self.decided, self.accepted),
            (self.accepted, self.first_fill),
            (self.decided, self.ended),
        ];
        for ((name, measured), stage) in STAGE_NAMES.iter().zip(&mut self.measured).zip(stages) {
            if let (false, (Some(from), Some(to))) = (*measured, stage) {
                *measured = true;
                // What comes by two ways may come the other way round: then it took no time.
                page.observe(&STAGE, &[name], to.since(from).as_secs_f64());
            }
        }
    }
}
