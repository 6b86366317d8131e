//! The way back: a person, in two steps, at least thirty seconds and at most two minutes apart.
//!
//! Step one shows why it is latched and what is open, and gives a code; step two brings the code back. The
//! pause is for reading: a script that answers both steps at once is refused. A code is good once, for the
//! latch and the cause it was given for. A reset is refused while entry orders are open, while the exchange
//! cannot be read, and while the cause holds; a loss is accepted by the reset itself, which sets the mark
//! that was broken to what the account is worth.

use serde::Serialize;

use super::Core;
use super::effect::{Effect, Level};
use super::offer::{Losses, Offer, same};
use super::status::{Holding, OpenOrder};
use super::words::{Kind, Moment};
use crate::amount::Amount;

/// A code cannot be used earlier, ms.
pub const EARLIEST_MS: u64 = 30_000;
/// Or later, ms.
pub const LATEST_MS: u64 = 120_000;

/// What a person reads before they decide.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Shown {
    /// What step two brings back.
    pub code: String,
    /// Not before so many seconds from now.
    pub earliest_s: u64,
    /// Not after so many.
    pub latest_s: u64,
    /// Why it is latched, as a word.
    pub kind: Kind,
    /// And in figures.
    pub cause: String,
    /// Orders that are open.
    pub open_orders: Vec<OpenOrder>,
    /// What is held.
    pub positions: Vec<Holding>,
    /// What the account is worth.
    pub equity: Option<Amount>,
    /// What a reset does beyond lifting the latch.
    pub also: String,
}

/// Why there is no reset.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResetError {
    /// Nothing has tripped.
    #[error("nothing has tripped; there is nothing to reset")]
    NotLatched,
    /// The exchange does not show that all is well.
    #[error("not yet: {0}")]
    NotYet(String),
    /// No such code.
    #[error("this is not the code that was given for this latch; ask for one with POST /reset")]
    WrongCode,
    /// A script, or a person who did not read.
    #[error("too early: this code is good in {0} s; read what it is for")]
    TooEarly(u64),
    /// Nobody knows what was read two minutes ago.
    #[error("too late: the code is older than {} s; ask for another one", LATEST_MS / 1_000)]
    TooLate,
}

impl Core {
    /// Step one. `code` is drawn by the caller, and has to be one that nobody can guess.
    pub fn offer_reset(&mut self, now: Moment, code: String) -> Result<Shown, ResetError> {
        let latch = self.latch.clone().ok_or(ResetError::NotLatched)?;
        self.may_reset(now)?;
        let given_ms = now.steady_ms;
        let losses = self.broken();
        let latched_at_ms = latch.at_ms;
        self.offer = Some(Offer { code: code.clone(), given_ms, latched_at_ms, losses });
        let equity = self.ledger.equity();
        let mark = |what: &str| {
            let worth = equity.map_or("what the account is worth".to_owned(), |e| e.to_string());
            format!("{what} will be {worth}: the loss is accepted")
        };
        let marks = match (losses.drawdown, losses.day) {
            (true, true) => {
                Some(mark("the high-water mark and the worth at the beginning of the day"))
            }
            (true, false) => Some(mark("the high-water mark")),
            (false, true) => Some(mark("the worth at the beginning of the day")),
            (false, false) => None,
        };
        let gone = self.ledger.marks().unexplained;
        let accepted = format!("{gone} that left and nothing explains: the loss is accepted");
        let also = marks.into_iter().chain(losses.unexplained.then_some(accepted));
        let also = match also.collect::<Vec<_>>().join("; ") {
            none if none.is_empty() => "nothing else changes".to_owned(),
            also => also,
        };
        let (open_orders, positions) = (self.open_orders(), self.holdings());
        Ok(Shown {
            code,
            earliest_s: EARLIEST_MS / 1_000,
            latest_s: LATEST_MS / 1_000,
            kind: latch.kind,
            cause: latch.cause,
            open_orders,
            positions,
            equity,
            also,
        })
    }

    /// Step two. A good code takes the latch off the disk; it is lifted once that is durable.
    pub fn reset(
        &mut self,
        now: Moment,
        code: &str,
        effects: &mut Vec<Effect>,
    ) -> Result<(), ResetError> {
        let latch = self.latch.clone().ok_or(ResetError::NotLatched)?;
        // Whatever comes of it, a code is good for one attempt, except one that is too early.
        let offer = self.offer.take().ok_or(ResetError::WrongCode)?;
        if !same(&offer.code, code) || offer.latched_at_ms != latch.at_ms {
            return Err(ResetError::WrongCode);
        }
        let age = now.steady_ms.saturating_sub(offer.given_ms);
        if age < EARLIEST_MS {
            let left = (EARLIEST_MS - age).div_ceil(1_000);
            self.offer = Some(offer);
            return Err(ResetError::TooEarly(left));
        }
        if age > LATEST_MS {
            return Err(ResetError::TooLate);
        }
        self.may_reset(now)?;
        self.lifting = Some(offer.losses);
        effects.push(Effect::Lift(latch));
        Ok(())
    }

    /// Losses that would trip.
    fn broken(&self) -> Losses {
        let limits = &self.setup.limits;
        Losses {
            drawdown: self.ledger.drawdown(limits.drawdown_max_bps).is_some(),
            day: self.ledger.day_loss(limits.day_loss_max_bps).is_some(),
            unexplained: self.ledger.unexplained(limits.unexplained_max_bps).is_some(),
        }
    }

    fn may_reset(&self, now: Moment) -> Result<(), ResetError> {
        let not_yet = |why: &str| Err(ResetError::NotYet(why.to_owned()));
        if self.halt_file {
            return not_yet("the file that halts is there; remove it");
        }
        if self.clearing.as_ref().is_none_or(|clearing| clearing.clear_ms.is_none()) {
            return not_yet("the exchange does not show yet that no entry order is open");
        }
        if !self.seen.is_watching(now.steady_ms) {
            let (_, problem) = self.seen.blind_since(now.steady_ms);
            return not_yet(&format!("the exchange cannot be read: {problem}"));
        }
        match self.holds() {
            Some((kind, cause)) => not_yet(&format!("{} holds: {cause}", kind.key())),
            None => Ok(()),
        }
    }

    /// Whether the latch is off the disk.
    pub(super) fn lifted(
        &mut self,
        now: Moment,
        told: Result<(), String>,
        effects: &mut Vec<Effect>,
    ) {
        let Some(losses) = self.lifting.take() else {
            // Something tripped meanwhile, and the lifting may have taken the newer latch off the disk.
            self.write_due_ms = self.latch.as_ref().map(|_| now.steady_ms);
            return;
        };
        let Some(latch) = self.latch.clone() else { return };
        match told {
            Ok(()) => {
                // What the person was shown, and no more: what was lost since trips again.
                if losses.drawdown {
                    self.ledger.accept_drawdown();
                }
                if losses.day {
                    self.ledger.accept_day_loss();
                }
                if losses.unexplained {
                    self.ledger.accept_unexplained();
                }
                (self.latch, self.clearing, self.write_due_ms) = (None, None, None);
                let text = format!("a person has lifted the latch: {}", latch.cause);
                self.alerted.remove("reset");
                self.alert(now.steady_ms, "reset", Level::Critical, text, effects);
            }
            Err(problem) => {
                // It may be off the disk all the same.
                self.write_due_ms = Some(now.steady_ms);
                let text = format!("the latch stays, it is not off the disk: {problem}");
                self.alert(now.steady_ms, "reset_failed", Level::Critical, text, effects);
            }
        }
    }
}
