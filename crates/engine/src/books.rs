//! What an agent knows of itself: positions, open orders, what it may do. A fold over the events
//! that the gateway sends it, plus its own intents, which are known before any answer to them.
//!
//! The gateway's books are the truth; these are a copy for deciding by. A restarted agent gets them
//! from the gateway whole.

use std::collections::{BTreeMap, VecDeque};

use model::{
    Action, AgentEvent, ClientOrderId, FeedHealth, InstrumentId, Intent, IntentId, NetQty,
    OrderSpec, OrderState, Position, Qty, Side, Timestamp, TradingState,
};
use serde::{Deserialize, Serialize};

/// Orders that are over and still remembered.
const DONE_KEPT: usize = 64;

/// An order of this agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentOrder {
    /// The intent it came from; its name.
    pub intent: IntentId,
    /// What was wanted.
    pub spec: OrderSpec,
    /// Its name at the gateway; `None` until the guardrails have let it through.
    pub client_order_id: Option<ClientOrderId>,
    /// Where it is in its life. Pending new also while the gateway has not looked at it yet.
    pub state: OrderState,
    /// Base units filled so far.
    pub filled: Qty,
    /// The intent that wants it back, unless that was refused.
    #[serde(default)]
    pub cancel: Option<IntentId>,
}

impl AgentOrder {
    /// Base units that may still fill.
    pub fn leaves(&self) -> Qty {
        if self.state.is_done() { Qty::ZERO } else { self.spec.qty.saturating_sub(self.filled) }
    }
}

/// Positions, open orders and the state of trading, as one agent knows them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentBooks {
    positions: BTreeMap<InstrumentId, Position>,
    open: BTreeMap<IntentId, AgentOrder>,
    done: VecDeque<AgentOrder>,
    trading: TradingState,
    feeds: BTreeMap<InstrumentId, (FeedHealth, Timestamp)>,
    changes: u64,
}

impl Default for AgentBooks {
    fn default() -> AgentBooks {
        AgentBooks::restored(BTreeMap::new(), [], TradingState::Starting)
    }
}

impl AgentBooks {
    /// The books of an agent that may have lived before.
    pub fn restored(
        positions: BTreeMap<InstrumentId, Position>,
        open: impl IntoIterator<Item = AgentOrder>,
        trading: TradingState,
    ) -> AgentBooks {
        let open = open.into_iter().map(|order| (order.intent, order)).collect();
        AgentBooks {
            positions,
            open,
            done: VecDeque::new(),
            trading,
            feeds: BTreeMap::new(),
            changes: 0,
        }
    }

    /// Takes news into account. News of an order that is not known changes nothing but positions.
    pub fn apply(&mut self, event: &AgentEvent) {
        self.changes += 1;
        match event {
            AgentEvent::Order { intent, client_order_id, state, filled } => {
                self.order_changed(*intent, *client_order_id, *state, *filled);
            }
            AgentEvent::Fill { fill, .. } => {
                // A fill too large to be counted leaves the position: the gateway, which cannot
                // count it either, is the one to act on that.
                let _ = self.positions.entry(fill.instrument).or_default().apply(fill);
            }
            AgentEvent::Refused { intent, .. } => {
                self.open.remove(intent);
                for order in self.open.values_mut() {
                    order.cancel = order.cancel.filter(|cancel| cancel != intent);
                }
            }
            AgentEvent::Trading { state, .. } => self.trading = *state,
            // What is traded is not the agent's own.
            AgentEvent::Instrument(_) => {}
            AgentEvent::Feed { instrument, health, since } => {
                self.feeds.insert(*instrument, (*health, *since));
            }
        }
    }

    /// Takes an intent into account that is on its way to the gateway.
    pub fn placed(&mut self, intent: &Intent) {
        self.changes += 1;
        match &intent.action {
            Action::Place(spec) => {
                let order = AgentOrder {
                    intent: intent.id,
                    spec: spec.clone(),
                    client_order_id: None,
                    state: OrderState::PendingNew,
                    filled: Qty::ZERO,
                    cancel: None,
                };
                self.open.insert(intent.id, order);
            }
            Action::Cancel(of) => {
                if let Some(order) = self.open.get_mut(of) {
                    order.cancel = Some(intent.id);
                }
            }
            Action::CancelAll(instrument) => {
                let orders = self.open.values_mut();
                for order in orders.filter(|order| order.spec.instrument == *instrument) {
                    order.cancel = Some(intent.id);
                }
            }
            Action::Halt => {}
        }
    }

    /// Goes up with everything that may change something here: as long as it is the same, all of it is.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// What is held of an instrument, above zero long, below zero short.
    pub fn position(&self, instrument: InstrumentId) -> NetQty {
        self.positions.get(&instrument).map_or(NetQty::ZERO, Position::net)
    }

    /// All positions ever held, by instrument, with their costs and profits.
    pub fn positions(&self) -> &BTreeMap<InstrumentId, Position> {
        &self.positions
    }

    /// Orders that may still fill, oldest first.
    pub fn open_orders(&self) -> impl DoubleEndedIterator<Item = &AgentOrder> {
        self.open.values()
    }

    /// Orders of one instrument that may still fill, oldest first.
    pub fn open_in(&self, instrument: InstrumentId) -> impl Iterator<Item = &AgentOrder> {
        self.open.values().filter(move |order| order.spec.instrument == instrument)
    }

    /// An order that may still fill.
    pub fn open_order(&self, intent: IntentId) -> Option<&AgentOrder> {
        self.open.get(&intent)
    }

    /// One of the last orders that ended. A refused one never was an order.
    pub fn ended(&self, intent: IntentId) -> Option<&AgentOrder> {
        self.done.iter().rev().find(|order| order.intent == intent)
    }

    /// What open orders of one side could still add, base units. `None` when the sum cannot be
    /// represented.
    pub fn working(&self, instrument: InstrumentId, side: Side) -> Option<Qty> {
        let mut orders = self.open_in(instrument).filter(|order| order.spec.side == side);
        orders.try_fold(Qty::ZERO, |sum, order| sum.checked_add(order.leaves()))
    }

    /// What the gateway lets through.
    pub fn trading(&self) -> TradingState {
        self.trading
    }

    /// How the gateway says that the market data of this instrument is, and since when. `None` before
    /// it has said anything; [`MarketView::is_live`](model::market::MarketView::is_live) tells about
    /// the book at hand.
    pub fn feed_health(&self, instrument: InstrumentId) -> Option<(FeedHealth, Timestamp)> {
        self.feeds.get(&instrument).copied()
    }

    fn order_changed(
        &mut self,
        intent: IntentId,
        client_order_id: ClientOrderId,
        state: OrderState,
        filled: Qty,
    ) {
        let known = self.open.remove(&intent).or_else(|| {
            let at = self.done.iter().position(|order| order.intent == intent)?;
            self.done.remove(at)
        });
        let Some(mut order) = known else { return };
        order.client_order_id = Some(client_order_id);
        order.state = state;
        order.filled = filled;
        // A ghost, reported over and yet alive, is open again.
        if state.is_open() {
            self.open.insert(intent, order);
            return;
        }
        if self.done.len() >= DONE_KEPT {
            self.done.pop_front();
        }
        self.done.push_back(order);
    }
}

#[cfg(test)]
mod tests;
