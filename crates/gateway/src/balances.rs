//! Balances of a venue that does not tell them: asked for after every execution and every end of an
//! order, one question at a time.
//!
//! What happens while a question is under way makes another one due: the answer may be older. How
//! funds are promised meanwhile is the books' affair; a balance that comes late only refuses more.

use std::time::Duration;

use model::venue::{AccountRequest, Response};
use model::{Effects, Outcome, Record, Timestamp};

use crate::gateway::Gateway;
use crate::purpose::Purpose;
use crate::readings::BalancesDue;

/// Pause after a question that was not answered.
const PAUSE: Duration = Duration::from_secs(1);

impl Gateway {
    /// Something happened that changes balances.
    pub(crate) fn balances_are_due(&mut self, now: Timestamp) {
        if !self.config.profile.pushes_balances {
            self.balances.due.get_or_insert(now);
        }
    }

    pub(crate) fn ask_for_balances_when_due(&mut self, now: Timestamp, effects: &mut Effects) {
        if self.balances.next_due().is_some_and(|due| due <= now) {
            self.balances = BalancesDue { due: None, asking: true };
            self.send(Purpose::Balances, AccountRequest::Account, effects);
        }
    }

    pub(crate) fn asked_balances(
        &mut self,
        now: Timestamp,
        outcome: &Outcome,
        effects: &mut Effects,
    ) {
        self.balances.asking = false;
        if let Outcome::Done(Response::Account(account)) = outcome {
            let (balances, venue_time) = (account.balances.clone(), account.updated);
            self.record(now, Record::Balances { balances, venue_time, partial: false }, effects);
        } else {
            // Whatever became due meanwhile waits, too: the venue does not answer.
            self.balances.due = Some(now.after(PAUSE));
        }
    }
}
