//! The venue does not know an order: when that proves that it is not there.
//!
//! Absence counts only after the quiet time, by several negative answers, and then only if the account's
//! executions since the order was written down show nothing unknown either. For an order that was never
//! known to be there that proves that it was not placed. For one that the venue had accepted it proves
//! that the venue has lost it (a test network that was reset, a restored database): a list of open orders
//! without it is asked for, too, and what is found is said and halts, because a venue that has lost one
//! thing may have lost others. What is there after all is in `ghost.rs`.

use std::time::Duration;

use model::venue::{AccountRequest, PageCursor, Response, TradesFrom};
use model::{
    Alert, AlertKey, ClientOrderId, Effects, Ending, Fill, HaltedBy, OrderState, Outcome, Timestamp,
};

use crate::books::TrackedOrder;
use crate::defects::Defect;
use crate::doubt::fills_in;
use crate::doubts::ENGINE_QUIET;
use crate::gateway::Gateway;
use crate::merge::Source;
use crate::purpose::Purpose;
use crate::reading::number;

/// Negative answers after the quiet time that together prove absence.
const NEGATIVE_READS: u32 = 2;
/// The same for an order that the venue had accepted.
const LOST_READS: u32 = 3;
/// Time between two of them: what was never placed is over soon after the quiet time.
const NEGATIVE_PAUSE: Duration = Duration::from_secs(1);

impl Gateway {
    /// How long absence proves nothing. `None` where the venue sets no bound to a request's validity:
    /// there it never does.
    fn quiet(&self) -> Option<Duration> {
        let quiet = self.config.profile.order_validity.map(|validity| validity + ENGINE_QUIET);
        quiet.map(|quiet| if self.is(Defect::AbsentTooEarly) { NEGATIVE_PAUSE } else { quiet })
    }

    /// By the venue's clock, a time before which this order was not made. By the venue's own word where
    /// there was one: an earlier session's clock may have been ahead by hours, and what is looked for from
    /// then on is not found. Otherwise by ours, which may have been set right since: the earlier of both
    /// times, and a margin as long as a request may be on its way.
    pub(crate) fn made_after(&self, order: &TrackedOrder) -> Option<Timestamp> {
        if self.is(Defect::ClockBelieved) {
            return Some(order.prepared_at);
        }
        let theirs = order.prepared_at.shifted_ms(self.venue_ahead_ms);
        let ours = order.prepared_at.min(theirs).before(self.quiet()?);
        let told = order.not_before;
        Some(if told == Timestamp::EPOCH { ours } else { ours.min(told) })
    }

    /// The venue does not know the order. Before the quiet time that proves nothing.
    pub(crate) fn absent(&mut self, now: Timestamp, id: ClientOrderId, effects: &mut Effects) {
        if !self.is_missed_enough(now, id) {
            return;
        }
        let Some(order) = self.books.order(&id) else { return };
        let instrument = order.order.instrument;
        if order.accepted_at.is_some() {
            let Some(ask) = self.doubts.asks.get_mut(&id) else { return };
            ask.asking = true;
            let request = AccountRequest::OpenOrders(Some(instrument));
            self.send(Purpose::AskOpen(id), request, effects);
        } else {
            self.ask_for_tape(id, effects);
        }
    }

    /// The same by lists: of orders in any state, of open ones and of all executions, each to its end and
    /// in this order. Before the quiet time was over they prove nothing, and neither do they with an
    /// execution that may be of any order.
    pub(crate) fn absent_from_lists(
        &mut self,
        now: Timestamp,
        id: ClientOrderId,
        (was_quiet, has_unknown): (bool, bool),
        effects: &mut Effects,
    ) {
        if !was_quiet {
            let left = self.quiet().and_then(|quiet| self.doubts.quiet_left(&id, quiet));
            return self.doubts.ask_by(&id, now.after(left.unwrap_or(NEGATIVE_PAUSE)));
        }
        if self.is_missed_enough(now, id) && !has_unknown {
            self.proven_absent(now, id, effects);
        }
    }

    /// Is the quiet time of this order over?
    pub(crate) fn is_quiet(&self, id: &ClientOrderId) -> bool {
        let left = self.quiet().and_then(|quiet| self.doubts.quiet_left(id, quiet));
        left.is_some_and(|left| left.is_zero())
    }

    /// Takes one more negative answer into account. Are there as many as absence needs?
    fn is_missed_enough(&mut self, now: Timestamp, id: ClientOrderId) -> bool {
        let Some(order) = self.books.order(&id).filter(|o| o.state.is_open()) else { return false };
        let needed = negatives_needed(order);
        let left = self.quiet().and_then(|quiet| self.doubts.quiet_left(&id, quiet));
        let Some(left) = left else { return false };
        if !left.is_zero() {
            self.doubts.ask_by(&id, now.after(left));
            return false;
        }
        let Some(ask) = self.doubts.asks.get_mut(&id) else { return false };
        ask.negative += 1;
        let is_enough = ask.negative >= needed;
        if !is_enough {
            self.doubts.ask_by(&id, now.after(NEGATIVE_PAUSE));
        }
        is_enough
    }

    /// Are there still as many negative answers as absence needs?
    fn is_proof_due(&self, id: &ClientOrderId) -> bool {
        let needed = self.books.order(id).map(negatives_needed);
        let had = self.doubts.asks.get(id).map(|ask| ask.negative);
        needed.zip(had).is_some_and(|(needed, had)| had >= needed)
    }

    pub(crate) fn asked_open(
        &mut self,
        now: Timestamp,
        id: ClientOrderId,
        outcome: &Outcome,
        effects: &mut Effects,
    ) {
        self.doubts.again(&id, now);
        let Outcome::Done(Response::Orders(shown)) = outcome else { return };
        let Some(order) = self.books.order(&id).filter(|o| o.state.is_open()) else { return };
        match shown.iter().find(|theirs| order.is(theirs)) {
            Some(theirs) => self.heard(now, theirs, &[], Source::Query, effects),
            None => self.ask_for_tape(id, effects),
        }
    }

    /// Asks for the account's executions from before the order on, page by page.
    fn ask_for_tape(&mut self, id: ClientOrderId, effects: &mut Effects) {
        let (Some(order), Some(from)) = (self.books.order(&id), self.tape_from(&id)) else {
            return;
        };
        let instrument = order.order.instrument;
        let Some(ask) = self.doubts.asks.get_mut(&id) else { return };
        ask.asking = true;
        let limit = self.config.profile.fills_page;
        let request = AccountRequest::Fills { instrument, order: None, from, limit, page: None };
        self.send(Purpose::AskTape(id), request, effects);
    }

    fn tape_from(&self, id: &ClientOrderId) -> Option<TradesFrom> {
        let start = Some(self.made_after(self.books.order(id)?)?);
        Some(TradesFrom::Time { start, end: None })
    }

    pub(crate) fn asked_tape(
        &mut self,
        now: Timestamp,
        id: ClientOrderId,
        outcome: &Outcome,
        effects: &mut Effects,
    ) {
        let Some((fills, next)) = fills_in(outcome) else { return self.doubts.again(&id, now) };
        let unknown = self.has_unknown(fills);
        for fill in fills {
            self.executed(now, fill, Source::Query, effects);
        }
        if unknown {
            // Whose it is gets asked; then this begins again.
            return self.doubts.again(&id, now);
        }
        let Some(from) = self.tape_from(&id) else { return self.doubts.again(&id, now) };
        match self.rest_of_tape(from, fills, next) {
            Some((from, page)) => self.ask_next_page(now, id, None, from, page, effects),
            // It may have been heard of since the question was asked, and be asked about anew.
            None if !self.is_proof_due(&id) => self.doubts.again(&id, now),
            None => {
                self.doubts.again(&id, now);
                self.proven_absent(now, id, effects);
            }
        }
    }

    /// Is one of these of an order that nobody knows? What is counted is known, even if its order was
    /// somebody's that is forgotten by now.
    pub(crate) fn has_unknown(&self, fills: &[Fill]) -> bool {
        fills.iter().any(|f| {
            !self.books.knows_trade(f.instrument, f.trade_id)
                && self.books.order_at_venue((f.instrument, f.venue_order_id)).is_none()
                && !self.books.knows_foreign((f.instrument, f.venue_order_id))
                && !self.is_history(f)
        })
    }

    /// Where a list of executions goes on that was asked for from there on; `None` at its end. The one that
    /// is looked for would be at the end, which may be cut off.
    pub(crate) fn rest_of_tape(
        &self,
        from: TradesFrom,
        fills: &[Fill],
        next: Option<&PageCursor>,
    ) -> Option<(TradesFrom, Option<PageCursor>)> {
        if let Some(next) = next {
            return Some((from, Some(next.clone())));
        }
        let last = fills.last().filter(|_| self.may_go_on(fills.len()))?;
        // One without a number would be read again and again, until there are too many pages.
        let behind = number(last.trade_id).map(|number| TradesFrom::Id(number.saturating_add(1)));
        Some((behind.unwrap_or(from), None))
    }

    fn proven_absent(&mut self, now: Timestamp, id: ClientOrderId, effects: &mut Effects) {
        let Some(order) = self.books.order(&id).filter(|o| o.state.is_open()) else { return };
        if order.accepted_at.is_none() {
            if order.state == OrderState::InDoubt {
                let cause = "the venue shows neither the order nor an execution".to_owned();
                self.end_because(now, id, Ending::NotPlaced, cause, effects);
            }
            return;
        }
        self.doubts.is_missing(id, now);
        let cause = "the venue does not show it any more".to_owned();
        self.lose(now, id, cause, effects);
        let cause = format!(
            "the venue has lost order {id}, which it had accepted: neither the order nor an execution \
             of it is known there any more"
        );
        if self.books.halted().is_some() {
            self.raise(Alert::critical(AlertKey::Order, id, cause), effects);
        } else {
            self.halt_by(now, HaltedBy::Ghost, &cause, effects);
        }
    }
}

/// Negative answers that absence takes: more of an order that the venue has accepted.
fn negatives_needed(order: &TrackedOrder) -> u32 {
    if order.accepted_at.is_some() { LOST_READS } else { NEGATIVE_READS }
}
