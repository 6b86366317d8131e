//! The agent's side of the protocol: a strategy, its markets and its books, driven by lines.
//!
//! A machine without streams: `child.rs` of the runtime reads and writes for it.

use model::market::Markets;
use model::{AgentEvent, Timestamp};

use crate::books::AgentBooks;
use crate::intents::Intents;
use crate::protocol::{FromAgent, Hello, ToAgent};
use crate::strategy::{Event, Strategy, View};

/// Runs one strategy on lines of the protocol.
pub struct Runner<S> {
    strategy: S,
    markets: Markets,
    books: AgentBooks,
    intents: Intents,
    dropped: u64,
}

impl<S: Strategy> Runner<S> {
    /// Takes over what `hello` tells.
    pub fn new(hello: &Hello, strategy: S) -> Runner<S> {
        let mut markets = Markets::default();
        hello.instruments.iter().for_each(|instrument| markets.follow(instrument.clone()));
        let intents = Intents::new(hello.agent, hello.next_intent);
        Runner { strategy, markets, books: hello.books(), intents, dropped: 0 }
    }

    /// Deals with one line and appends what is to be said. A second hello is ignored. The caller
    /// says `handled` itself, so that it may do so once for several lines.
    pub fn handle(&mut self, line: &ToAgent, out: &mut Vec<FromAgent>) {
        let (now, event) = match line {
            ToAgent::Hello(_) | ToAgent::Stop {} => return,
            ToAgent::Market { now, event, .. } => {
                self.markets.apply(*now, event);
                (*now, Event::Market(event))
            }
            ToAgent::Agent { now, event, .. } => {
                self.books.apply(event);
                if let AgentEvent::Instrument(instrument) = event {
                    self.markets.follow((**instrument).clone());
                }
                (*now, Event::Agent(event))
            }
            ToAgent::Timer { now, .. } => (*now, Event::Timer),
        };
        self.show(now, &event, out);
    }

    /// Tells the strategy that it was started, at the time of the hello.
    pub fn start(&mut self, now: Timestamp, out: &mut Vec<FromAgent>) {
        self.show(now, &Event::Started, out);
    }

    fn show(&mut self, now: Timestamp, event: &Event<'_>, out: &mut Vec<FromAgent>) {
        self.intents.set_now(now);
        let view = View { now, markets: &self.markets, books: &self.books };
        self.strategy.on_event(&view, event, &mut self.intents);
        for intent in self.intents.drain() {
            self.books.placed(&intent);
            out.push(FromAgent::Intent(intent.into()));
        }
        if self.intents.dropped() > self.dropped {
            let more = self.intents.dropped() - self.dropped;
            self.dropped = self.intents.dropped();
            out.push(FromAgent::Log { text: format!("{more} intents too many at once: dropped") });
        }
    }
}

impl ToAgent {
    /// Number of the line, where it has one.
    pub fn seq(&self) -> Option<u64> {
        match self {
            ToAgent::Market { seq, .. }
            | ToAgent::Agent { seq, .. }
            | ToAgent::Timer { seq, .. } => Some(*seq),
            ToAgent::Hello(_) | ToAgent::Stop {} => None,
        }
    }
}
