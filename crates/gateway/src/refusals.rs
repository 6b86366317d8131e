//! The venue refuses what is sent for an instrument, one order after the other.
//!
//! An agent that asks again at once, and another one after it, would spend the budget on nothing, and a
//! venue that refuses everything bans who goes on asking. So after a few refusals in a row, whoever's they
//! were, one order is let through every few seconds, until the venue takes one. A refusal that speaks of
//! the instrument's rules, or says that it does not trade, holds all others back at once: until the rules
//! have been read again (`instruments.rs`), what follows would be refused for the same reason. Cancels are
//! held back by none of this.
//!
//! Nothing of it is kept: after a restart the first refusals are counted anew.

use std::time::Duration;

use model::venue::VenueError;
use model::{ClientOrderId, Effects, InstrumentId, NetQty, Refusal, Timestamp};

use crate::gateway::Gateway;

/// Refusals in a row that are the agents' own business.
const IN_A_ROW_MAX: u32 = 3;
/// Time from one attempt to the next after that; also the longest time that the rules are waited for.
const PAUSE: Duration = Duration::from_secs(5);
/// How often the operator is told while it goes on.
const SAY_EVERY: Duration = Duration::from_secs(300);

/// What a venue has refused of one instrument since it last took an order.
#[derive(Clone, Copy, Debug, Default)]
pub struct Refusals {
    in_a_row: u32,
    /// The next order may go then.
    until: Option<Timestamp>,
    /// It is the rules that are waited for.
    of_rules: bool,
    said_at: Option<Timestamp>,
}

impl Refusals {
    /// Refuses an order that comes too soon after those that the venue refused.
    pub(crate) fn check(&self, now: Timestamp) -> Result<(), Refusal> {
        match self.until.filter(|until| now < *until) {
            None => Ok(()),
            Some(until) => Err(Refusal::VenueRefuses { in_a_row: self.in_a_row, until }),
        }
    }

    fn refused(&mut self, now: Timestamp, because: &VenueError) {
        self.in_a_row = self.in_a_row.saturating_add(1);
        let too_many = self.in_a_row >= IN_A_ROW_MAX;
        if too_many || because.is_of_rules() {
            self.until = Some(now.after(PAUSE));
            self.of_rules = !too_many;
        }
    }

    /// One attempt has been made; the next is due a pause later, whatever comes of it.
    fn sent(&mut self, now: Timestamp) {
        self.until = self.until.map(|_| now.after(PAUSE));
    }

    /// Is it time to tell a person? Then it is told.
    fn is_to_be_said(&mut self, now: Timestamp) -> bool {
        let lately = self.said_at.is_some_and(|at| now.since(at) < SAY_EVERY);
        let says = self.in_a_row >= IN_A_ROW_MAX && !lately;
        if says {
            self.said_at = Some(now);
        }
        says
    }
}

impl Gateway {
    /// The venue has proven that it did not take an order.
    pub(crate) fn venue_refused(
        &mut self,
        now: Timestamp,
        id: &ClientOrderId,
        because: &VenueError,
        effects: &mut Effects,
    ) {
        let Some(order) = self.books.order(id) else { return };
        let instrument = order.order.instrument;
        // By the time these are sent again the market is another one.
        if matches!(because, VenueError::WouldTake | VenueError::WouldTrigger) {
            return;
        }
        let refusals = self.refusals.entry(instrument).or_default();
        refusals.refused(now, because);
        let (in_a_row, says) = (refusals.in_a_row, refusals.is_to_be_said(now));
        if says {
            let text = format!(
                "{instrument}: the venue has refused {in_a_row} orders in a row, the last one with \"{because}\": \
                 one is tried every {} s; {}",
                PAUSE.as_secs(),
                self.at_stake(instrument),
            );
            self.alert(text, effects);
        }
    }

    /// The venue has taken an order.
    pub(crate) fn venue_took(&mut self, id: &ClientOrderId) {
        let instrument = self.books.order(id).map(|order| order.order.instrument);
        let refusals = instrument.and_then(|instrument| self.refusals.get_mut(&instrument));
        if let Some(refusals) = refusals {
            *refusals = Refusals { said_at: refusals.said_at, ..Refusals::default() };
        }
    }

    /// An order of this instrument goes out.
    pub(crate) fn venue_is_tried(&mut self, now: Timestamp, instrument: InstrumentId) {
        if let Some(refusals) = self.refusals.get_mut(&instrument) {
            refusals.sent(now);
        }
    }

    /// The rules of an instrument have been read: they are what was known, or are new.
    pub(crate) fn rules_are_known(&mut self, instrument: InstrumentId, new: bool) {
        match self.refusals.get_mut(&instrument) {
            Some(refusals) if new => {
                *refusals = Refusals { said_at: refusals.said_at, ..Refusals::default() };
            }
            Some(refusals) if refusals.of_rules => refusals.until = None,
            Some(_) | None => {}
        }
    }

    /// Position and open orders of an instrument, for people.
    pub(crate) fn at_stake(&self, instrument: InstrumentId) -> String {
        let position = self.books.position(instrument).map_or(NetQty::ZERO, |p| p.net());
        let open = self.books.open_orders().filter(|o| o.order.instrument == instrument).count();
        format!("the position is {position}, {open} orders are open")
    }
}

#[cfg(test)]
mod tests;
