//! What is let through, and halting: durable at once, with its cause, and never lower than it was. What lifts a halt is in
//! `resume.rs`, and nothing else does.
//!
//! A higher level replaces a lower one, by a person's word: halted, flattening, dark. The cause that was there
//! first stays in the text, for it may still hold when the person comes to lift it.

use std::borrow::Cow;

use model::{
    AgentEvent, Effect, Effects, HaltCause, HaltLevel, HaltedBy, Notice, Record, Timestamp,
    TradingState,
};

use crate::books::Latch;
use crate::defects::Defect;
use crate::gateway::Gateway;

impl Gateway {
    /// Latched: no more orders, entry orders are taken back, protective stops stay.
    pub(crate) fn halt_by(
        &mut self,
        now: Timestamp,
        by: HaltedBy,
        cause: &str,
        effects: &mut Effects,
    ) {
        self.halt_to(now, HaltLevel::Halted, HaltCause::new(by, cause), effects);
    }

    /// The same, as far as is said.
    pub(crate) fn halt_to(
        &mut self,
        now: Timestamp,
        level: HaltLevel,
        cause: HaltCause,
        effects: &mut Effects,
    ) {
        // What the first step of a resume has shown is not all there is any more.
        self.resume.is_void("another halt was asked for since");
        let state = TradingState::from(level);
        let text = match self.books.latch() {
            Some(latch) if latch.state >= state => return,
            Some(latch) => format!("{}; before that: {}", cause.text, latch.cause),
            None => cause.text,
        };
        self.state = state;
        self.cause = text;
        self.announce(now, Some(cause.by), effects);
        if state.row().clears && !self.is(Defect::HaltKeepsOrders) {
            self.cancel_entries(now, None, effects);
        }
    }

    /// Lets more or less through, by what is known now.
    pub(crate) fn reconsider(&mut self, now: Timestamp, effects: &mut Effects) {
        let latch = self.books.latch().filter(|_| !self.is(Defect::HaltIgnored));
        let by = latch.and_then(|latch| latch.by);
        let (state, cause) = if let Some(latch) = latch {
            (latch.state, Cow::from(&latch.cause))
        } else if let Some(cause) = self.unready() {
            (TradingState::Starting, Cow::from(cause))
        } else if let Some(cause) = self.watchdog.withholds() {
            (TradingState::Reducing, Cow::from(cause))
        } else if let Some(cause) = self.held() {
            (TradingState::Reducing, Cow::from(cause))
        } else if self.clock_unsure {
            let cause = "the venue's clock moved against ours and is measured again";
            (TradingState::Reducing, Cow::from(cause))
        } else if let Some((state, cause)) = self.breakers.lowers() {
            (state, Cow::from(cause))
        } else if let Some(until) = self.probation(now) {
            let cause = format!("probation until {until}, after a halt was lifted");
            (TradingState::Throttled, Cow::from(cause))
        } else {
            (TradingState::Active, Cow::from(""))
        };
        if state != self.state {
            self.state = state;
            self.cause = cause.into_owned();
            self.announce(now, by, effects);
        } else if cause != self.cause {
            self.cause = cause.into_owned();
        }
        self.step_ramp(now, effects);
    }

    /// Writes the trading state down and tells everybody.
    pub(crate) fn announce(&mut self, now: Timestamp, by: Option<HaltedBy>, effects: &mut Effects) {
        let (state, cause) = (self.state, self.cause.clone());
        self.record(now, Record::Trading { state, cause: cause.clone(), by }, effects);
        self.raise_level(effects);
        effects.push(Effect::Notify(Notice::AllAgents(AgentEvent::Trading { state, cause })));
    }

    /// Why it is not yet known well enough how things stand; `None` when it is.
    pub(crate) fn unready(&self) -> Option<&'static str> {
        let uncompared = !self.reading.is_clean() && !self.is(Defect::TradesUncompared);
        let deaf = !self.account_up && self.is(Defect::TradesDeaf);
        if !self.account_up && !self.is(Defect::TradesDeaf) {
            Some("the account's stream is down")
        } else if !self.market_up {
            Some("the market streams are down")
        } else if self.hearing.is_suspected() {
            Some("the account's stream has missed something")
        } else if uncompared && !deaf {
            Some("not yet reconciled with the venue")
        } else {
            None
        }
    }

    /// Until when a part of the limits holds.
    pub(crate) fn probation(&self, now: Timestamp) -> Option<Timestamp> {
        self.books.probation_until().filter(|until| now < *until)
    }

    /// When the state changes by time alone.
    pub(crate) fn next_state(&self) -> Option<Timestamp> {
        let is_on = self.state == TradingState::Throttled && self.breakers.lowers().is_none();
        self.books.probation_until().filter(|_| is_on)
    }

    /// The halt; `None` when there is none.
    pub fn latch(&self) -> Option<&Latch> {
        self.books.latch()
    }

    /// Are orders that could add risk taken back, whoever wanted them?
    pub(crate) fn clears(&self) -> bool {
        self.books.latch().is_some_and(|latch| latch.state.row().clears)
    }
}

#[cfg(test)]
mod tests;
