//! What the exchange said last, and when it is asked again.
//!
//! One question of a kind is under way at a time; each ends in one answer, so none is lost. The kill path
//! asks for open orders by its own clock (`clearing.rs`).

use super::clearing::UnderWay;
use super::effect::Effect;
use super::ledger::Cursors;
use super::words::{Balance, Fill, Order, Pace, Top, Transfer};

/// While the kill path needs the budget, prices are asked for so much less often.
const KILL_SLOWER: u64 = 4;
/// After a failure it is asked again so much later, ms.
const AGAIN_MS: u64 = 500;
/// A list that is older may miss a stop that was placed since, ms.
const NEW_MS: u64 = 100;
/// What is older than this is not known, ms.
pub(super) const FRESH_MS: u64 = 10_000;

#[derive(Debug, Default)]
struct Lane {
    due_ms: u64,
    under_way: bool,
    /// When the question was put that has had no good answer yet.
    asked_ms: Option<u64>,
    /// When the last good answer came.
    good_ms: Option<u64>,
    problem: Option<String>,
    /// How often it is asked.
    every_ms: u64,
}

impl Lane {
    fn told<T>(&mut self, now_ms: u64, every_ms: u64, told: Result<T, String>) -> Option<T> {
        self.under_way = false;
        self.every_ms = every_ms;
        match told {
            Ok(value) => {
                (self.due_ms, self.asked_ms) = (now_ms + every_ms, None);
                (self.good_ms, self.problem) = (Some(now_ms), None);
                Some(value)
            }
            Err(problem) => {
                (self.due_ms, self.problem) = (now_ms + AGAIN_MS, Some(problem));
                None
            }
        }
    }

    fn asks(&mut self, now_ms: u64) -> bool {
        let asks = !self.under_way && now_ms >= self.due_ms;
        if asks {
            self.under_way = true;
            self.asked_ms.get_or_insert(now_ms);
        }
        asks
    }

    fn is_fresh(&self, now_ms: u64) -> bool {
        // Where it is asked seldom, one answer may be missing.
        let fresh_ms = FRESH_MS.max(2 * self.every_ms);
        self.good_ms.is_some_and(|at| now_ms.saturating_sub(at) < fresh_ms)
    }
}

/// What was said, and the questions.
#[derive(Debug)]
pub(super) struct Seen {
    orders: Lane,
    prices: Lane,
    balances: Lane,
    fills: Lane,
    transfers: Lane,
    /// Lists of open orders that are under way.
    pub(super) lists: UnderWay,
    listed: Option<Vec<Order>>,
    listed_ms: u64,
    has_balances: bool,
    tops: Vec<Top>,
    pace: Pace,
    all_due_ms: u64,
    slower: u64,
}

impl Seen {
    pub(super) fn new(pace: Pace) -> Seen {
        Seen {
            orders: Lane::default(),
            prices: Lane::default(),
            balances: Lane::default(),
            fills: Lane::default(),
            transfers: Lane::default(),
            lists: UnderWay::default(),
            listed: None,
            listed_ms: 0,
            has_balances: false,
            tops: Vec::new(),
            pace,
            all_due_ms: 0,
            slower: 1,
        }
    }

    /// The open orders of the last list; `None` before the first.
    pub(super) fn orders(&self) -> Option<&[Order]> {
        self.listed.as_deref()
    }

    /// Whether the last list has only just come: nothing was placed since, as far as anybody can know.
    pub(super) fn list_is_new(&self, now_ms: u64) -> bool {
        now_ms.saturating_sub(self.listed_ms) <= NEW_MS
    }

    /// Whether balances were ever told.
    pub(super) fn has_balances(&self) -> bool {
        self.has_balances
    }

    /// Best prices of an instrument as they were told last.
    pub(super) fn top(&self, symbol: &str) -> Option<&Top> {
        self.tops.iter().find(|top| top.symbol == symbol)
    }

    /// Prices are of the last seconds.
    pub(super) fn prices_are_fresh(&self, now_ms: u64) -> bool {
        self.prices
            .good_ms
            .is_some_and(|at| now_ms.saturating_sub(at) <= 2 * self.pace.prices_ms * KILL_SLOWER)
    }

    /// Whether all of the account can be read.
    pub(super) fn is_watching(&self, now_ms: u64) -> bool {
        [&self.orders, &self.prices, &self.balances].iter().all(|lane| lane.is_fresh(now_ms))
    }

    /// How old the newest list of open orders is.
    pub(super) fn list_age_ms(&self, now_ms: u64) -> Option<u64> {
        self.listed.as_ref().map(|_| now_ms.saturating_sub(self.listed_ms))
    }

    /// Since when one of them has been asked for without a good answer, and why; `now_ms` where all is well.
    pub(super) fn blind_since(&self, now_ms: u64) -> (u64, &str) {
        let lanes = [&self.orders, &self.prices, &self.balances];
        let oldest = lanes.into_iter().min_by_key(|lane| lane.asked_ms.unwrap_or(now_ms));
        oldest.map_or((now_ms, ""), |lane| {
            let problem = lane.problem.as_deref().unwrap_or("no answer yet");
            (lane.asked_ms.unwrap_or(now_ms), problem)
        })
    }

    pub(super) fn orders_told(
        &mut self,
        now_ms: u64,
        n: u64,
        told: Result<Vec<Order>, String>,
    ) -> bool {
        self.lists.end(n);
        match self.orders.told(now_ms, self.pace.orders_ms, told) {
            Some(orders) => {
                (self.listed, self.listed_ms) = (Some(orders), now_ms);
                true
            }
            None => false,
        }
    }

    pub(super) fn prices_told(&mut self, now_ms: u64, told: Result<Vec<Top>, String>) -> bool {
        let tops = self.prices.told(now_ms, self.pace.prices_ms * self.slower, told);
        let good = tops.is_some();
        self.tops = tops.unwrap_or_default();
        good
    }

    pub(super) fn balances_told(
        &mut self,
        now_ms: u64,
        told: Result<Vec<Balance>, String>,
    ) -> Option<Vec<Balance>> {
        let balances = self.balances.told(now_ms, self.pace.balances_ms, told)?;
        self.has_balances = true;
        Some(balances)
    }

    pub(super) fn fills_told(
        &mut self,
        now_ms: u64,
        told: Result<(Vec<Fill>, Cursors), String>,
    ) -> Option<(u64, Vec<Fill>, Cursors)> {
        // A reading that found no room for all of it goes on later, and is as old as its first part.
        let began_ms = self.fills.asked_ms.unwrap_or(now_ms);
        let (fills, cursors) = self.fills.told(now_ms, self.pace.fills_ms, told)?;
        Some((began_ms, fills, cursors))
    }

    pub(super) fn transfers_told(
        &mut self,
        now_ms: u64,
        told: Result<Vec<Transfer>, String>,
    ) -> Option<Vec<Transfer>> {
        let told = self.transfers.told(now_ms, self.pace.transfers_ms, told);
        // They are dear, and a failure is no reason to ask more often.
        self.transfers.due_ms = now_ms + self.pace.transfers_ms;
        told
    }

    /// Whether transfers are to be asked for now.
    pub(super) fn asks_transfers(&mut self, now_ms: u64) -> bool {
        self.transfers.asks(now_ms)
    }

    /// Whether executions are to be asked for now.
    pub(super) fn asks_fills(&mut self, now_ms: u64) -> bool {
        self.fills.asks(now_ms)
    }

    /// Whether open orders are to be asked for while nothing has tripped, and of all symbols.
    pub(super) fn asks_orders(&mut self, now_ms: u64) -> Option<bool> {
        if !self.orders.asks(now_ms) {
            return None;
        }
        Some(self.takes_all(now_ms))
    }

    /// Whether a list should be of all symbols by now.
    pub(super) fn takes_all(&mut self, now_ms: u64) -> bool {
        let all = now_ms >= self.all_due_ms;
        if all {
            self.all_due_ms = now_ms + self.pace.all_orders_ms;
        }
        all
    }

    /// Soon: what was sold has changed them.
    pub(super) fn hurry_balances(&mut self, now_ms: u64) {
        self.balances.due_ms = now_ms;
    }

    /// What is due of prices and balances.
    pub(super) fn ask(&mut self, now_ms: u64, kills: bool, effects: &mut Vec<Effect>) {
        self.slower = if kills { KILL_SLOWER } else { 1 };
        if self.prices.asks(now_ms) {
            effects.push(Effect::ReadPrices);
        }
        if self.balances.asks(now_ms) {
            effects.push(Effect::ReadBalances);
        }
    }
}
