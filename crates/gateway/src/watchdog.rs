//! What the watchdog says, and what follows from it (`docs/watchdog.md`).
//!
//! No lease: nothing that adds risk is sent until there is one again, by itself; what is open stays, for the
//! watchdog looks after it. A halt of the watchdog's is a halt here. Two views of what the account is worth
//! that differ for long are a bug on one side, and nobody knows on which: everything halts and both are shown.
//! Nothing here is done on the watchdog's word but less.

use model::{Alert, AlertKey, Effects, HaltedBy, Timestamp, WatchdogNotice};

use crate::gateway::Gateway;
use crate::lease::LeaseState;
use crate::watched::{APART_FOR, no_lease};

impl Gateway {
    /// Takes what the watchdog says.
    pub(crate) fn watchdog_says(
        &mut self,
        now: Timestamp,
        notice: &WatchdogNotice,
        effects: &mut Effects,
    ) {
        match notice {
            WatchdogNotice::Lease { until, equity } => {
                self.watchdog.lease.renew(now, *until);
                self.watchdog.tripped = None;
                self.watchdog.cause = no_lease("it ran out");
                let ours = self.equity_to_compare();
                if self.watchdog.is_first_to_differ(ours, *equity) {
                    // Funds may have come that only a reading shows.
                    self.read_soon(now);
                }
                let differ = self.watchdog.compare(now, ours, *equity);
                // What is halted already is not halted again each time, which would void a resume.
                if let Some((ours, theirs)) = differ.filter(|_| self.books.latch().is_none()) {
                    let cause = format!(
                        "the account is worth {ours} by our books and {theirs} by what the watchdog sees at \
                         the venue, for {} s",
                        APART_FOR.as_secs()
                    );
                    self.halt_by(now, HaltedBy::Watchdog, &cause, effects);
                }
            }
            WatchdogNotice::Withheld { cause } | WatchdogNotice::Silent { cause } => {
                self.watchdog.tripped = None;
                self.watchdog.cause = no_lease(cause);
            }
            WatchdogNotice::Halted { cause } => {
                self.watchdog.tripped = Some(cause.clone());
                self.halt_by(
                    now,
                    HaltedBy::Watchdog,
                    &format!("the watchdog halts: {cause}"),
                    effects,
                );
            }
            WatchdogNotice::Forged { what } => {
                let text = format!(
                    "somebody speaks in the watchdog's name: {what}; nothing of it is believed. Look who can \
                     reach this address, and change the token"
                );
                self.raise(Alert::critical(AlertKey::Watchdog, "forged", text), effects);
                self.watchdog.cause = no_lease("what answers in its place is not believed");
            }
        }
    }

    /// Lets less through where the lease has run out.
    pub(crate) fn lease_runs_out(&mut self, now: Timestamp) -> bool {
        self.watchdog.lease.runs_out(now)
    }

    /// The watchdog's lease.
    pub fn lease(&self) -> LeaseState {
        self.watchdog.lease
    }
}

#[cfg(test)]
mod tests;
