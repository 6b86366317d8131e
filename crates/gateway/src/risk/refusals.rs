//! Guardrail: what the venue refuses one after the other is not sent again at once. What is counted, and
//! when, is in `gateway/src/refusals.rs`.

use std::time::Duration;

use model::venue::VenueError;
use model::{Refusal, Timestamp};

/// Refusals in a row that are the agents' own business.
const IN_A_ROW_MAX: u32 = 3;
/// Time from one attempt to the next after that; also the longest time that the rules are waited for.
pub(crate) const PAUSE: Duration = Duration::from_secs(5);
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
    /// None.
    pub(crate) const NONE: Refusals =
        Refusals { in_a_row: 0, until: None, of_rules: false, said_at: None };

    /// Refuses an order that comes too soon after those that the venue refused.
    pub(super) fn check(&self, now: Timestamp) -> Result<(), Refusal> {
        match self.until.filter(|until| now < *until) {
            None => Ok(()),
            Some(until) => Err(Refusal::VenueRefuses { in_a_row: self.in_a_row, until }),
        }
    }

    /// An order was refused.
    pub(crate) fn refused(&mut self, now: Timestamp, because: &VenueError) {
        self.in_a_row = self.in_a_row.saturating_add(1);
        let too_many = self.in_a_row >= IN_A_ROW_MAX;
        if too_many || because.is_of_rules() {
            self.until = Some(now.after(PAUSE));
            self.of_rules = !too_many;
        }
    }

    /// One attempt has been made; the next is due a pause later, whatever comes of it.
    pub(crate) fn sent(&mut self, now: Timestamp) {
        self.until = self.until.map(|_| now.after(PAUSE));
    }

    /// Is it time to tell a person? Then it is told.
    pub(crate) fn is_to_be_said(&mut self, now: Timestamp) -> bool {
        let lately = self.said_at.is_some_and(|at| now.since(at) < SAY_EVERY);
        let says = self.in_a_row >= IN_A_ROW_MAX && !lately;
        if says {
            self.said_at = Some(now);
        }
        says
    }

    /// The venue has taken one, or its rules are new.
    pub(crate) fn over(&mut self) {
        *self = Refusals { said_at: self.said_at, ..Refusals::default() };
    }

    /// The rules have been read. Where they are as they were, the order itself was wrong.
    pub(crate) fn rules_are_known(&mut self, new: bool) {
        if new {
            self.over();
        } else if self.of_rules {
            self.until = None;
        }
    }

    /// Orders refused since the last that was taken.
    pub(crate) const fn in_a_row(&self) -> u32 {
        self.in_a_row
    }
}
