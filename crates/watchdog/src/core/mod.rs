//! The kill switch as a function from what happened to what to do: no clock, socket, file or chance.
//!
//! `apply` is total: it never fails and never waits. The state is small: the latch, what the exchange said
//! last, the gateway's heartbeat, the marks, and how far the clearing is. In doubt it trips; once it has
//! tripped nothing here lifts the latch but a person in two steps (`reset.rs`).

pub mod clearing;
pub mod effect;
pub mod entries;
pub mod flatten;
pub mod heart;
mod judge;
mod kill;
pub mod ledger;
pub mod marks;
pub mod offer;
pub mod reset;
mod seen;
pub mod status;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
pub mod window;
pub mod words;

use std::collections::BTreeMap;

use clearing::Clearing;
use effect::{Alert, Effect, Input, Level};
use heart::Heart;
use ledger::{Ledger, Marks};
use offer::{Losses, Offer};
use seen::Seen;
use window::Window;
use words::{Instrument, Kind, Latch, Moment, Pace};

use crate::amount::Amount;
use crate::limits::Limits;

/// Alerts of one cause are told once in so many milliseconds.
const ALERT_EVERY_MS: u64 = 60_000;
/// A latch that could not be made durable is tried again after this, ms.
const WRITE_AGAIN_MS: u64 = 1_000;
/// Marks are kept at most so often, ms.
const KEEP_EVERY_MS: u64 = 5_000;

/// What the kill switch is told when it starts.
#[derive(Clone, Debug)]
pub struct Setup {
    /// What is traded.
    pub instruments: Vec<Instrument>,
    /// Its own limits.
    pub limits: Limits,
    /// What the names of the gateway's orders begin with; empty: no order is foreign.
    pub own_prefix: Vec<String>,
    /// Whether the gateway's process is ended, too.
    pub kill_gateway: bool,
    /// Whether holdings are sold once no entry order is left.
    pub flatten: bool,
    /// How often the exchange is asked.
    pub pace: Pace,
    /// The exchange lists the executions of every instrument, not of those alone that are followed.
    pub all_executions: bool,
    /// The account is one on paper, in the gateway's own process: without the gateway there is none.
    pub paper: bool,
}

/// All that it knows.
#[derive(Debug)]
pub struct Core {
    setup: Setup,
    latch: Option<Latch>,
    /// Not durable yet: when it is to be written again.
    write_due_ms: Option<u64>,
    clearing: Option<Clearing>,
    heart: Heart,
    seen: Seen,
    ledger: Ledger,
    kept: Marks,
    kept_ms: u64,
    values: BTreeMap<String, Window>,
    open_notional: Window,
    offer: Option<Offer>,
    lifting: Option<Losses>,
    halt_file: bool,
    /// Things that were forged, replayed or had the wrong token.
    refused: u64,
    alerted: BTreeMap<&'static str, u64>,
    asked: u64,
    selling: Option<u64>,
    sale_turn: usize,
}

impl Core {
    /// Starts with what is on the disk. A latched one begins with canceling.
    pub fn start(
        setup: Setup,
        latch: Option<Latch>,
        marks: Marks,
        effects: &mut Vec<Effect>,
    ) -> Core {
        let (quote, instruments) = (setup.limits.quote.clone(), setup.instruments.clone());
        let (pace, all) = (setup.pace, setup.all_executions);
        let mut core = Core {
            setup,
            clearing: latch.is_some().then(|| Clearing::new(0, 0)),
            write_due_ms: None,
            heart: Heart::default(),
            seen: Seen::new(pace),
            ledger: Ledger::new(quote, instruments, pace.fills_ms, all, marks.clone()),
            kept: marks,
            kept_ms: 0,
            values: BTreeMap::new(),
            open_notional: Window::default(),
            offer: None,
            lifting: None,
            halt_file: false,
            refused: 0,
            alerted: BTreeMap::new(),
            asked: 0,
            selling: None,
            sale_turn: 0,
            latch,
        };
        if let Some(Latch { kind, cause, .. }) = core.latch.clone() {
            let text = format!("starts latched, and cancels again: {}: {cause}", kind.key());
            core.alert(0, "latched", Level::Critical, text, effects);
            if kind == Kind::LatchUnreadable {
                core.write_due_ms = Some(0);
            }
        }
        core
    }

    /// Why it has tripped; `None` while it has not.
    pub fn latch(&self) -> Option<&Latch> {
        self.latch.as_ref()
    }

    /// Something happened, or time has passed: what is to be done, in this order.
    pub fn apply(&mut self, now: Moment, input: Input, effects: &mut Vec<Effect>) {
        let ms = now.steady_ms;
        match input {
            Input::Tick => {}
            Input::Orders { n, all, told } => self.orders_told(now, n, all, told, effects),
            Input::Prices(told) => {
                if let Ok(tops) = &told {
                    self.ledger.prices(now, tops);
                }
                // What is held and has no price cannot be valued: that is as blind as no answer.
                let blind = self.seen.has_balances() && self.ledger.equity().is_none();
                let told = told.and_then(|tops| match blind {
                    true => {
                        Err("something that is held has no price any more: an empty side of a book"
                            .into())
                    }
                    false => Ok(tops),
                });
                if self.seen.prices_told(ms, told) {
                    self.look(now);
                }
            }
            Input::Balances(told) => {
                if let Some(balances) = self.seen.balances_told(ms, told) {
                    self.ledger.balances_told(now, balances);
                    self.look(now);
                }
            }
            Input::Fills(told) => {
                if let Some((began_ms, fills, cursors)) = self.seen.fills_told(ms, told) {
                    self.ledger.fills(now, began_ms, &fills, cursors);
                }
            }
            Input::Transfers(told) => {
                if let Some(transfers) = self.seen.transfers_told(ms, told) {
                    self.ledger.transfers(now, transfers);
                }
            }
            Input::Beat(beat) => {
                let session = beat.session;
                if !self.heart.beat(ms, beat) {
                    let text = format!(
                        "a gateway of the older session {session} beats beside a newer one"
                    );
                    self.alert(ms, "older_gateway", Level::Warning, text, effects);
                }
            }
            Input::Refused(what) => {
                self.refused = self.refused.saturating_add(1);
                let text = format!("refused, number {} of its kind: {what}", self.refused);
                self.alert(ms, "forged", Level::Warning, text, effects);
            }
            Input::Halt { by, cause } => {
                self.trip(now, Kind::Person, format!("{by}: {cause}"), effects);
            }
            Input::HaltFile(there) => {
                if there && !self.halt_file {
                    let cause = "file: the file that halts is there".to_owned();
                    self.trip(now, Kind::Person, cause, effects);
                }
                self.halt_file = there;
            }
            Input::Canceled { n, told } => self.cancels_told(now, n, &told, effects),
            Input::Written(told) => self.written(now, told, effects),
            Input::Lifted(told) => self.lifted(now, told, effects),
            Input::Killed(told) => {
                let text = told.unwrap_or_else(|problem| format!("not ended: {problem}"));
                self.alert(ms, "kill_gateway", Level::Warning, format!("gateway: {text}"), effects);
            }
            Input::Sold(told) => self.sold(now, told, effects),
        }
        for text in self.ledger.news() {
            // Each of these moves a mark or is a loss: nobody is to miss one for another.
            self.alerted.remove("balance");
            self.alert(ms, "balance", Level::Warning, text, effects);
        }
        if self.latch.is_none() {
            self.judge(now, effects);
        }
        if self.latch.is_some() {
            self.clear(now, effects);
        }
        self.seen.ask(ms, self.clearing.is_some(), effects);
        self.ask_orders(now, effects);
        self.ask_fills(now, effects);
        self.ask_transfers(now, effects);
        self.keep(ms, effects);
    }

    /// A person says that so much of an asset is about to leave: that much is no loss then. `false` where too
    /// much is waited for already.
    pub fn announce(
        &mut self,
        now: Moment,
        asset: String,
        amount: Amount,
        effects: &mut Vec<Effect>,
    ) -> bool {
        let text = format!("a person says that {amount} {asset} are about to leave the account");
        let fits = self.ledger.announce(now, asset, amount);
        if fits {
            self.alerted.remove("announced");
            self.alert(now.steady_ms, "announced", Level::Warning, text, effects);
        }
        fits
    }

    /// Trips: latch, lease, cancels, alert, and what else was asked for, in this order. A latch that is
    /// there already stays as it is: the first cause is the one that matters.
    fn trip(&mut self, now: Moment, kind: Kind, cause: String, effects: &mut Vec<Effect>) {
        // While a person lifts it something new happens: then it stays, for the new cause.
        if self.latch.is_some() && self.lifting.is_none() {
            if kind == Kind::Person {
                // Who is about to lift it has not heard of this one.
                self.offer = None;
            }
            return;
        }
        let latch = Latch { v: 1, kind, cause: cause.clone(), at_ms: now.utc_ms };
        effects.push(Effect::Write(latch.clone()));
        // From here on `answer` gives no lease.
        (self.latch, self.offer, self.lifting) = (Some(latch), None, None);
        self.write_due_ms = Some(now.steady_ms + WRITE_AGAIN_MS);
        self.clearing = Some(Clearing::new(now.steady_ms, self.asked + 1));
        self.cancel_known(now, effects);
        let text = format!("tripped: {}: {cause}", kind.key());
        self.alerted.remove("tripped");
        self.alert(now.steady_ms, "tripped", Level::Critical, text, effects);
        if self.setup.kill_gateway {
            effects.push(Effect::KillGateway);
        }
    }

    fn written(&mut self, now: Moment, told: Result<(), String>, effects: &mut Vec<Effect>) {
        match told {
            Ok(()) => self.write_due_ms = None,
            Err(problem) => {
                self.write_due_ms = Some(now.steady_ms + WRITE_AGAIN_MS);
                let text = format!("the latch is not durable, and is tried again: {problem}");
                self.alert(now.steady_ms, "latch_not_durable", Level::Critical, text, effects);
            }
        }
    }

    /// Once a minute for each cause, except what changes the level.
    fn alert(
        &mut self,
        now_ms: u64,
        cause: &'static str,
        level: Level,
        text: String,
        effects: &mut Vec<Effect>,
    ) {
        let told = self.alerted.get(cause);
        if told.is_some_and(|told| now_ms.saturating_sub(*told) < ALERT_EVERY_MS) {
            return;
        }
        self.alerted.insert(cause, now_ms);
        effects.push(Effect::Alert(Alert { cause, level, text }));
    }

    fn keep(&mut self, now_ms: u64, effects: &mut Vec<Effect>) {
        let marks = self.ledger.marks();
        if now_ms.saturating_sub(self.kept_ms) >= KEEP_EVERY_MS && *marks != self.kept {
            self.kept = marks.clone();
            self.kept_ms = now_ms;
            effects.push(Effect::Keep(marks.clone()));
        }
    }

    fn next_question(&mut self) -> u64 {
        self.asked += 1;
        self.asked
    }
}
