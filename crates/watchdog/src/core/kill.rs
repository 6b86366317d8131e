//! The kill path of the core: what is done at each turn while it is latched.

use super::Core;
use super::clearing::Step;
use super::effect::{Effect, Level};
use super::entries::plan;
use super::flatten::{Slice, slice};
use super::words::{Kind, Moment, Order};

/// A sale that has no answer for so long is not waited for, ms.
const SALE_MAX_MS: u64 = 10_000;
/// Between two sales, ms: the book has to fill up, and balances have to be told.
const SALE_EVERY_MS: u64 = 1_000;

impl Core {
    /// A list of open orders, or none.
    pub(super) fn orders_told(
        &mut self,
        now: Moment,
        n: u64,
        all: bool,
        told: Result<Vec<Order>, String>,
        effects: &mut Vec<Effect>,
    ) {
        let ms = now.steady_ms;
        if !self.seen.orders_told(ms, n, told) {
            if let Some(clearing) = &mut self.clearing {
                clearing.list_failed(ms);
                // What was known is canceled again: a list that fails proves nothing.
                if clearing.clear_ms.is_none() {
                    self.cancel_known(now, effects);
                }
            }
            return;
        }
        self.look_at_orders(now);
        let open = self.entry_orders().len();
        let Some(clearing) = &mut self.clearing else { return };
        let was_clear = clearing.clear_ms.is_some();
        match clearing.listed(ms, n, all, (open, self.setup.pace.orders_ms)) {
            Step::Wait => {}
            Step::Cancel => {
                if was_clear {
                    let text = format!("{open} entry orders are there again, and are canceled");
                    self.alert(ms, "again", Level::Critical, text, effects);
                }
                self.cancel_known(now, effects);
            }
            Step::Cleared => {
                let (took, canceled) = (ms.saturating_sub(clearing.since_ms), clearing.canceled);
                let stay = self.seen.orders().map_or(0, <[Order]>::len);
                let text = format!(
                    "the exchange shows no entry order, {took} ms after the latch; cancels taken: \
                     {canceled}; protective orders that stay: {stay}"
                );
                self.alerted.remove("cleared");
                self.alert(ms, "cleared", Level::Critical, text, effects);
            }
        }
    }

    /// Cancels what the last list showed.
    pub(super) fn cancel_known(&mut self, now: Moment, effects: &mut Vec<Effect>) {
        let ms = now.steady_ms;
        let Some(clearing) = &self.clearing else { return };
        let entries = self.entry_orders();
        if entries.is_empty() || !clearing.may_cancel(ms) {
            return;
        }
        let orders = self.seen.orders().unwrap_or_default();
        // One request for a symbol takes what is open *then*; a stop that the list does not have yet, too.
        let at_once = clearing.at_once() && self.seen.list_is_new(ms);
        let batches = plan(orders, &entries, at_once);
        let n = self.next_question();
        if let Some(clearing) = &mut self.clearing {
            clearing.canceling(n, ms, &batches);
        }
        effects.push(Effect::Cancel { n, batches });
    }

    /// Cancels have ended.
    pub(super) fn cancels_told(
        &mut self,
        now: Moment,
        n: u64,
        told: &Result<usize, String>,
        effects: &mut Vec<Effect>,
    ) {
        if let Some(clearing) = &mut self.clearing {
            clearing.canceled(now.steady_ms, n, told);
        }
        if let Err(problem) = told {
            let text = format!("cancels failed, and are tried again: {problem}");
            self.alert(now.steady_ms, "cancel_failed", Level::Critical, text, effects);
        }
    }

    /// While latched: the latch gets durable, the clearing goes on, then holdings are sold if wanted.
    pub(super) fn clear(&mut self, now: Moment, effects: &mut Vec<Effect>) {
        let ms = now.steady_ms;
        if self.write_due_ms.is_some_and(|due| ms >= due)
            && let Some(latch) = self.latch.clone()
        {
            self.write_due_ms = Some(ms + super::WRITE_AGAIN_MS);
            effects.push(Effect::Write(latch));
        }
        if let Some(clearing) = &self.clearing
            && clearing.read_is_due(ms)
            && self.seen.lists.has_room(ms)
        {
            let all = clearing.reads_all() || self.setup.pace.all_orders_ms == 0;
            let is_cleared = clearing.clear_ms.is_some();
            let n = self.next_question();
            self.seen.lists.begin(n, ms);
            if let Some(clearing) = &mut self.clearing {
                clearing.asked(ms);
            }
            // What is cleared is looked at as before: it must not use up what reading needs.
            effects.push(Effect::ReadOrders { n, all, urgent: !is_cleared });
        }
        self.sell(now, effects);
    }

    /// Lists while nothing has tripped.
    pub(super) fn ask_orders(&mut self, now: Moment, effects: &mut Vec<Effect>) {
        if self.clearing.is_some() {
            return;
        }
        if let Some(all) = self.seen.asks_orders(now.steady_ms) {
            let n = self.next_question();
            self.seen.lists.begin(n, now.steady_ms);
            effects.push(Effect::ReadOrders { n, all, urgent: false });
        }
    }

    /// Executions, where balances have moved.
    pub(super) fn ask_fills(&mut self, now: Moment, effects: &mut Vec<Effect>) {
        if self.ledger.wants_fills(now) && self.seen.asks_fills(now.steady_ms) {
            effects.push(Effect::ReadFills(self.ledger.marks().cursors.clone()));
        }
    }

    /// Transfers, where something has gone.
    pub(super) fn ask_transfers(&mut self, now: Moment, effects: &mut Vec<Effect>) {
        if let Some(since_ms) = self.ledger.wants_transfers()
            && self.seen.asks_transfers(now.steady_ms)
        {
            effects.push(Effect::ReadTransfers(since_ms));
        }
    }

    /// One slice of what is held, once nothing else is left to be done.
    fn sell(&mut self, now: Moment, effects: &mut Vec<Effect>) {
        let ms = now.steady_ms;
        let Some(limit) = self.setup.limits.flatten.clone().filter(|_| self.setup.flatten) else {
            return;
        };
        let is_clear = self.clearing.as_ref().is_some_and(|clearing| clearing.clear_ms.is_some());
        let waits = self.selling.is_some_and(|until| ms < until);
        if !is_clear || waits || !self.may_sell() || !self.seen.prices_are_fresh(ms) {
            return;
        }
        let all = self.setup.instruments.clone();
        for turn in 0..all.len() {
            // Each has its turn: one that cannot be sold keeps no other from it.
            let index = (self.sale_turn + turn) % all.len();
            let instrument = &all[index];
            let top = self.seen.top(&instrument.symbol);
            match slice(&limit, instrument, self.ledger.balances(), top) {
                Slice::Nothing => {}
                Slice::Hold(why) => {
                    let text = format!("held, not sold: {why}");
                    self.alert(ms, "held", Level::Critical, text, effects);
                }
                Slice::Sell(sale) => {
                    self.selling = Some(ms + SALE_MAX_MS);
                    self.sale_turn = index + 1;
                    effects.push(Effect::Sell(sale));
                    return;
                }
            }
        }
        self.selling = Some(ms + SALE_EVERY_MS);
    }

    /// Nothing is sold on one opinion of two that differ, or on figures that nobody has.
    fn may_sell(&self) -> bool {
        match self.latch.as_ref().map(|latch| latch.kind) {
            None | Some(Kind::HeartbeatLies | Kind::Unreadable | Kind::LatchUnreadable) => false,
            Some(
                Kind::Drawdown
                | Kind::DayLoss
                | Kind::Unexplained
                | Kind::Exposure
                | Kind::OpenNotional
                | Kind::ForeignOrder
                | Kind::HeartbeatLost
                | Kind::Person,
            ) => true,
        }
    }

    /// A sale has ended.
    pub(super) fn sold(
        &mut self,
        now: Moment,
        told: Result<String, String>,
        effects: &mut Vec<Effect>,
    ) {
        self.selling = Some(now.steady_ms + SALE_EVERY_MS);
        self.seen.hurry_balances(now.steady_ms);
        let (level, text) = match told {
            Ok(text) => (Level::Warning, text),
            Err(problem) => (Level::Critical, format!("a sale failed: {problem}")),
        };
        self.alert(now.steady_ms, "sale", level, text, effects);
    }
}
