//! The apply loop: gateway and strategy in one process, as a backtest runs them.
//!
//! In paper and live trading the strategy sits behind two pipes instead ([`Runner`](crate::Runner));
//! the order of events is the same: the gateway first, then the strategy on what happened, then on
//! what the gateway has to say about it.

use std::time::Duration;

use gateway::Gateway;
use model::{
    AgentEvent, AgentId, Command, Effect, Effects, Input, InstrumentId, IntentId, Notice, Timestamp,
};

use crate::books::AgentBooks;
use crate::intents::Intents;
use crate::pace::{Pace, UnderWay};
use crate::strategy::{Event, Rest, Strategy, View};

/// Rounds of news and intents that one input may set off. A strategy that answers each refusal with
/// the next order would go on for ever; what it still wants then waits for the next input.
const ROUNDS_MAX: usize = 16;

/// Gateway and one strategy.
#[derive(Debug)]
pub struct Engine<S> {
    gateway: Gateway,
    agent: AgentId,
    strategy: S,
    books: AgentBooks,
    intents: Intents,
    timer: Option<Timer>,
    /// Intents that take a time to reach the gateway.
    under_way: UnderWay,
}

impl<S: Strategy> Engine<S> {
    /// Starts a strategy behind a gateway. With `timer_every` the strategy gets a timer event about
    /// that often, by wake-ups that the driver is asked for.
    pub fn start(
        gateway: Gateway,
        agent: AgentId,
        strategy: S,
        timer_every: Option<Duration>,
        now: Timestamp,
        effects: &mut Effects,
    ) -> Engine<S> {
        let positions = gateway.books().agent_positions(agent);
        let positions = positions.map(|(id, position)| (id, position.clone())).collect();
        let books = AgentBooks::restored(positions, [], gateway.state().0);
        let intents = Intents::new(agent, IntentId(1));
        let timer = timer_every.map(|every| Timer { every, due: now.after(every), asked: false });
        let under_way = UnderWay::default();
        let mut engine = Engine { gateway, agent, strategy, books, intents, timer, under_way };
        let from = effects.len();
        let up = Command::AgentUp { agent, version: None };
        engine.gateway.apply(now, &Input::Operator(up), effects);
        engine.show(now, &Event::Started);
        engine.settle(now, from, effects);
        engine.ask_for_timer(effects);
        engine
    }

    /// Takes one input into account. Total: never fails, never waits. What cannot be done becomes
    /// an effect that says so.
    pub fn apply(&mut self, now: Timestamp, input: &Input, effects: &mut Effects) {
        let from = effects.len();
        self.gateway.apply(now, input, effects);
        if let Input::Market(event) = input {
            self.show(now, &Event::Market(event));
        }
        if matches!(input, Input::Wake)
            && let Some(timer) = &mut self.timer
        {
            timer.asked = false;
        }
        if let Some(timer) = &mut self.timer
            && now >= timer.due
        {
            timer.due = now.after(timer.every);
            timer.asked = false;
            self.show(now, &Event::Timer);
        }
        self.settle(now, from, effects);
        self.ask_for_timer(effects);
    }

    /// From now on what the strategy wants reaches the gateway when this says.
    pub fn paced_by(&mut self, pace: Pace) {
        self.under_way.paced_by(pace);
    }

    /// When an intent reaches the gateway next: [`Engine::deliver`] is to be called then.
    pub fn next_intent_at(&self) -> Option<Timestamp> {
        self.under_way.next_at()
    }

    /// Takes the intents into account that have reached the gateway by now.
    pub fn deliver(&mut self, now: Timestamp, effects: &mut Effects) {
        let from = effects.len();
        while let Some(intent) = self.under_way.arrives(now) {
            self.gateway.apply(now, &Input::Intent(intent), effects);
        }
        self.settle(now, from, effects);
        self.ask_for_timer(effects);
    }

    /// For how long changes of this book that are as they should be may be put together: neither the gateway nor the
    /// strategy would do anything because of one of them, or come to know anything that the last of them does not tell.
    pub fn book_rests(&self, now: Timestamp, instrument: InstrumentId) -> Rest {
        let until = self.gateway.book_rests_until(instrument);
        if until <= now {
            return Rest::NONE;
        }
        let view = View { now, markets: self.gateway.markets(), books: &self.books };
        let rest = self.strategy.rest(&view);
        let timer = self.timer.as_ref().map_or(Timestamp::MAX, |timer| timer.due);
        Rest { until: rest.until.min(until).min(timer), ..rest }
    }

    /// The gateway.
    pub fn gateway(&self) -> &Gateway {
        &self.gateway
    }

    /// The strategy's own books.
    pub fn books(&self) -> &AgentBooks {
        &self.books
    }

    /// The strategy.
    pub fn strategy(&self) -> &S {
        &self.strategy
    }

    fn show(&mut self, now: Timestamp, event: &Event<'_>) {
        self.intents.set_now(now);
        let view = View { now, markets: self.gateway.markets(), books: &self.books };
        self.strategy.on_event(&view, event, &mut self.intents);
    }

    /// Passes intents to the gateway and its news to the strategy until both are silent. Effects
    /// before `from` are not this input's.
    fn settle(&mut self, now: Timestamp, from: usize, effects: &mut Effects) {
        let mut heard = from;
        for round in 0..=ROUNDS_MAX {
            while let Some(effect) = effects.get(heard) {
                heard += 1;
                let Some(event) = news(effect, self.agent) else { continue };
                let event = event.clone();
                self.books.apply(&event);
                self.show(now, &Event::Agent(&event));
            }
            // The last round only listens: all news is heard, whatever it makes the strategy want.
            if round == ROUNDS_MAX || self.intents.is_empty() {
                break;
            }
            while let Some(intent) = self.intents.pop() {
                self.books.placed(&intent);
                if let Some(intent) = self.under_way.leaves(now, intent) {
                    self.gateway.apply(now, &Input::Intent(intent), effects);
                }
            }
        }
    }

    /// Only the earliest wake-up counts and it comes once, so it is asked for again after each.
    fn ask_for_timer(&mut self, effects: &mut Effects) {
        if let Some(timer) = &mut self.timer
            && !timer.asked
        {
            timer.asked = true;
            effects.push(Effect::WakeAt(timer.due));
        }
    }
}

#[derive(Debug)]
struct Timer {
    every: Duration,
    due: Timestamp,
    /// Has the driver been asked to wake us then?
    asked: bool,
}

/// What an effect tells this agent.
fn news(effect: &Effect, agent: AgentId) -> Option<&AgentEvent> {
    match effect {
        Effect::Notify(Notice::Agent(to, event)) if *to == agent => Some(event),
        Effect::Notify(Notice::AllAgents(event)) => Some(event),
        Effect::Notify(Notice::Agent(..) | Notice::Alert(_))
        | Effect::Persist(_)
        | Effect::Send { .. }
        | Effect::Distrust { .. }
        | Effect::WakeAt(_) => None,
    }
}

#[cfg(test)]
mod tests;
