//! Agents in their own processes: each has its own books, is told what happens, and says what it wants a
//! moment later, as over the two pipes of the runtime.

use std::collections::{BTreeMap, VecDeque};

use engine::{AgentBooks, AgentOrder, Event, Intents, Strategy, View};
use gateway::Gateway;
use model::{
    AgentEvent, AgentId, InstrumentId, Intent, IntentId, OrderQty, OrderSpec, Qty, Timestamp,
    TradingState,
};

use crate::dice::Dice;
use crate::hostile;

/// Numbers that one session of the gateway leaves to each agent for its intents.
const INTENTS_PER_SESSION: u64 = 1 << 32;

/// One agent.
pub(crate) struct Host {
    pub(crate) id: AgentId,
    strategy: Box<dyn Strategy>,
    books: AgentBooks,
    intents: Intents,
    /// Said and not heard yet.
    pub(crate) words: VecDeque<Intent>,
    pub(crate) up: bool,
    /// Lives of its process, so that numbers are never used again.
    lives: u64,
}

impl Host {
    /// An agent whose process is being started.
    pub(crate) fn new(
        id: AgentId,
        strategy: Box<dyn Strategy>,
        gateway: &Gateway,
        session: u64,
    ) -> Host {
        let first = IntentId(session * INTENTS_PER_SESSION + 1);
        let mut host = Host {
            id,
            strategy,
            books: AgentBooks::default(),
            intents: Intents::new(id, first),
            words: VecDeque::new(),
            up: false,
            lives: 0,
        };
        host.restore(gateway);
        host
    }

    /// Its process is gone, and with it what it has said and nobody heard; another one takes its place.
    pub(crate) fn dies(&mut self, strategy: Box<dyn Strategy>, session: u64) {
        self.lives += 1;
        self.strategy = strategy;
        let first = session * INTENTS_PER_SESSION + self.lives * (INTENTS_PER_SESSION >> 12);
        self.intents = Intents::new(self.id, IntentId(first));
        self.words.clear();
        self.up = false;
    }

    /// What the first line of the protocol tells it.
    pub(crate) fn restore(&mut self, gateway: &Gateway) {
        let books = gateway.books();
        let positions: BTreeMap<_, _> =
            books.agent_positions(self.id).map(|(id, position)| (id, position.clone())).collect();
        let open = books.open_orders().filter(|order| order.agent == self.id);
        let open = open.map(|order| AgentOrder {
            intent: order.intent,
            spec: OrderSpec {
                instrument: order.order.instrument,
                side: order.order.side,
                kind: order.order.kind,
                qty: match order.order.qty {
                    OrderQty::Base(qty) => qty,
                    OrderQty::Quote(_) => Qty::ZERO,
                },
                time_in_force: order.order.time_in_force,
                post_only: order.order.post_only,
                reduce_only: order.order.reduce_only,
                effect: None,
            },
            client_order_id: Some(order.order.client_order_id),
            state: order.state,
            filled: order.filled,
            cancel: None,
        });
        self.books = AgentBooks::restored(positions, open, TradingState::Starting);
    }

    /// Tells it something; `true` when it has something to say that it had not before.
    pub(crate) fn show(&mut self, now: Timestamp, gateway: &Gateway, event: &Event<'_>) -> bool {
        if !self.up {
            return false;
        }
        self.intents.set_now(now);
        let view = View { now, markets: gateway.markets(), books: &self.books };
        self.strategy.on_event(&view, event, &mut self.intents);
        if self.intents.is_empty() {
            return false;
        }
        let silent = self.words.is_empty();
        while let Some(intent) = self.intents.pop() {
            self.books.placed(&intent);
            self.words.push_back(intent);
        }
        silent
    }

    /// It wants many things at once.
    pub(crate) fn burst(
        &mut self,
        now: Timestamp,
        gateway: &Gateway,
        instrument: InstrumentId,
        dice: &mut Dice,
    ) {
        self.intents.set_now(now);
        let view = View { now, markets: gateway.markets(), books: &self.books };
        for spec in hostile::burst(dice, instrument, &view) {
            self.intents.place(spec, "many at once");
        }
        while let Some(intent) = self.intents.pop() {
            self.books.placed(&intent);
            self.words.push_back(intent);
        }
    }

    /// The same, and it holds still.
    pub(crate) fn hear_only(&mut self, event: &AgentEvent) {
        if self.up {
            self.books.apply(event);
        }
    }

    /// The gateway tells it something about itself.
    pub(crate) fn news(&mut self, now: Timestamp, gateway: &Gateway, event: &AgentEvent) -> bool {
        if !self.up {
            return false;
        }
        self.books.apply(event);
        self.show(now, gateway, &Event::Agent(event))
    }
}
