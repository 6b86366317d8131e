//! Lifting a halt: by a person, in two steps, and never by anything else.
//!
//! The first step shows what is and is answered with a code; the second one brings the code back, not at once
//! and not late. In between nothing may have changed that the person was shown: the halt, the positions. The
//! books must agree with the venue's in a comparison that began after the first step, no order may be in
//! doubt, and nothing that halted may still hold. A code is good for one try, right or wrong, and a restart
//! knows none. Each try is written down and said, whatever comes of it.
//!
//! What lifts the halt does not lift all of it: for a while a part of the limits holds (`parts.rs`).

use std::time::Duration;

use model::venue::KeyAudit;
use model::{
    Effects, NetQty, PROBATION, Position, RESUME_AFTER, RESUME_WITHIN, Record, ResumeCode,
    ResumeStep, Timestamp,
};

use crate::defects::Defect;
use crate::foreign_orders::ForeignOrders;
use crate::gateway::Gateway;
use crate::resuming::{Pending, Shown};

const NO_FIRST_STEP: &str = "no first step was taken since this gateway started";
const IS_SPENT: &str = "its code was tried already: each is good for one try";

impl Gateway {
    /// The first step. Nothing changes but that the second one may follow.
    pub(crate) fn resume_requested(
        &mut self,
        now: Timestamp,
        code: &ResumeCode,
        effects: &mut Effects,
    ) {
        self.resume.is_void("another first step was taken since");
        let because = self.in_the_way(now);
        let Some(shown) = self.shown().filter(|_| because.is_empty()) else {
            return self.refuse_resume(now, ResumeStep::First, because, effects);
        };
        let cause = shown.latch.cause.clone();
        self.resume.refused.clear();
        self.resume.pending = Some(Pending { code: code.clone(), at: now, shown });
        self.alert(format!("a person asks to resume; halted since: {cause}"), effects);
        self.record(now, Record::ResumeRequested { cause }, effects);
        // The second step wants books that were compared after this one.
        self.read_soon(now);
    }

    /// The second step.
    pub(crate) fn resume_confirmed(
        &mut self,
        now: Timestamp,
        code: &ResumeCode,
        effects: &mut Effects,
    ) {
        let because = self.against_resuming(now, code);
        let Some(latch) = self.books.latch().filter(|_| because.is_empty()) else {
            return self.refuse_resume(now, ResumeStep::Second, because, effects);
        };
        let (from, cause) = (latch.state, latch.cause.clone());
        self.resume.refused.clear();
        let probation_until = now.after(PROBATION);
        let text = format!(
            "resumed by a person, with a part of the limits until {probation_until}; it was {}: {cause}",
            from.name()
        );
        self.alert(text, effects);
        self.record(now, Record::Resumed { from, cause, probation_until }, effects);
    }

    /// Why the last try was refused; empty when it was not.
    pub fn resume_refused(&self) -> &[String] {
        &self.resume.refused
    }

    /// What stands in the way of lifting the halt, and what is to be done about each.
    pub fn in_the_way(&self, now: Timestamp) -> Vec<String> {
        let mut because = Vec::new();
        let Some(latch) = self.books.latch() else {
            because.push("nothing is halted: there is nothing to resume".to_owned());
            return because;
        };
        if let Some(cause) = self.unready() {
            because.push(format!("{cause}: wait until it is well, plimsoll status shows it"));
        }
        if let Some(cause) = self.held() {
            let what = "look at it, then plimsoll reconcile --accept";
            because.push(format!("the comparison of the books is not clean: {cause}: {what}"));
        }
        if let Some(cause) = self.audited.as_ref().and_then(KeyAudit::refusal) {
            let what = "make another key at the exchange (docs/keys.md)";
            because.push(format!("the key may not be used: {cause}: {what}"));
        }
        if let Some(cause) = &self.watchdog.tripped {
            let what = "reset it first, it has two steps of its own (docs/watchdog.md)";
            because.push(format!("the watchdog has tripped: {cause}: {what}"));
        }
        for breaker in self.breakers_holding(now) {
            let what = "its cause has to be over, or its limit wider (plimsoll limits --reload)";
            because.push(format!("the breaker {} still holds: {what}", breaker.as_str()));
        }
        let in_doubt = self.books.in_doubt().count();
        if in_doubt > 0 {
            let what = "the exchange is asked about each, wait for its answers";
            because.push(format!("{in_doubt} orders are in doubt: {what}"));
        }
        let entries = self.books.entries().count();
        if entries > 0 {
            let what = if latch.state.row().cancels {
                "they are being taken back, wait until they are gone"
            } else {
                "this gateway is dark and sends no cancel: cancel them at the exchange"
            };
            because.push(format!("{entries} orders that could add risk are open: {what}"));
        }
        if self.config.foreign_orders == ForeignOrders::Halt
            && let Some(order) = self.books.foreign_orders().next()
        {
            let what = "cancel it at the exchange, and find out who placed it";
            because.push(format!(
                "order {} on the account was not placed by this gateway: {what}",
                order.id
            ));
        }
        because
    }

    fn against_resuming(&mut self, now: Timestamp, code: &ResumeCode) -> Vec<String> {
        let begin = "begin anew with plimsoll resume";
        let void = std::mem::replace(&mut self.resume.void, IS_SPENT);
        let Some(pending) = self.resume.pending.take() else {
            let void = if void.is_empty() { NO_FIRST_STEP } else { void };
            return vec![format!("{void}; {begin}")];
        };
        let elapsed = now.since(pending.at);
        let one_step = self.is(Defect::ResumesAtOnce);
        let mut because = Vec::new();
        if !pending.code.is(code) {
            because.push(format!("this is not the code that the first step showed; {begin}"));
        }
        if elapsed < RESUME_AFTER && !one_step {
            because.push(format!(
                "it comes {} after the first step, and at least {} s have to be between them; {begin}",
                seconds(elapsed),
                RESUME_AFTER.as_secs()
            ));
        }
        if elapsed > RESUME_WITHIN {
            because.push(format!(
                "it comes {} after the first step, and a code is valid for {} s; {begin}",
                seconds(elapsed),
                RESUME_WITHIN.as_secs()
            ));
        }
        if self.shown().as_ref() != Some(&pending.shown) {
            because
                .push(format!("the halt or a position has changed since the first step; {begin}"));
        }
        if self.compared_from() < pending.at && !one_step {
            let what = "no comparison of the books was complete since the first step";
            because.push(format!("{what}: see whether the exchange answers; {begin}"));
        }
        because.extend(self.in_the_way(now));
        because
    }

    fn refuse_resume(
        &mut self,
        now: Timestamp,
        step: ResumeStep,
        because: Vec<String>,
        effects: &mut Effects,
    ) {
        self.alert(format!("resume refused: {}", because.join("; ")), effects);
        self.resume.refused.clone_from(&because);
        self.record(now, Record::ResumeRefused { step, because }, effects);
    }

    /// What the person is shown, as far as a code is bound to it; `None` when nothing is halted.
    fn shown(&self) -> Option<Shown> {
        let latch = self.books.latch()?.clone();
        let held = self.books.positions().map(|(id, position)| (id, Position::net(position)));
        Some(Shown { latch, positions: held.filter(|(_, net)| *net != NetQty::ZERO).collect() })
    }
}

/// Whole seconds, rounded down, for people.
fn seconds(time: Duration) -> String {
    format!("{} s", time.as_secs())
}

#[cfg(test)]
mod tests;
