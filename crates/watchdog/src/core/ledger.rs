//! What the account is worth, and against which marks: its high-water mark and the day's beginning.
//!
//! Only assets of instruments that are followed are valued. What has gone into anything else counts as gone:
//! the price of a coin that nobody here follows may be made by whoever stole.
//!
//! Money that comes or goes by somebody's will is no profit and no loss; how that is told from a loss is in
//! `explain.rs`.

mod explain;
mod pending;

use std::collections::{BTreeMap, BTreeSet};

pub use super::marks::{Cursors, Marks};
use super::window::Window;
use super::words::{Balance, Fill, Instrument, Moment, Top, Transfer};
use crate::amount::Amount;
use pending::{Pending, pending_max_ms};

const DAY_MS: i64 = 86_400_000;
/// The last price of an instrument with an empty side stands for the next so long, ms; then there is none.
const PRICE_MAX_MS: u64 = 10_000;

/// Worth, marks and what explains them.
#[derive(Clone, Debug)]
pub struct Ledger {
    quote: String,
    instruments: Vec<Instrument>,
    /// What is valued.
    followed: BTreeSet<String>,
    /// The exchange lists the executions of every instrument, followed or not.
    all_executions: bool,
    pending_max_ms: u64,
    marks: Marks,
    balances: Option<Vec<Balance>>,
    /// Prices, and when each was read.
    prices: BTreeMap<String, (Amount, u64)>,
    prices_told: bool,
    pending: Option<Pending>,
    window: Window,
    equity: Option<Amount>,
    totals: BTreeMap<String, Amount>,
    /// When balances moved last, ms.
    moved_ms: u64,
    /// When the last reading of executions began, ms; `None` before the first.
    read_ms: Option<u64>,
    /// What people are to be told.
    news: Vec<String>,
    /// The last of what nothing explained, in figures.
    last_unexplained: String,
}

/// How the account stands against a mark for at least a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fall {
    /// The mark.
    pub from: Amount,
    /// The best that it was worth in the last second.
    pub to: Amount,
    /// The least that it may be worth.
    pub floor: Amount,
}

impl Ledger {
    /// With the marks that are on the disk; executions are read each `fills_ms` while balances move, and are
    /// those of every instrument or of the followed ones alone.
    pub fn new(
        quote: String,
        instruments: Vec<Instrument>,
        fills_ms: u64,
        all_executions: bool,
        marks: Marks,
    ) -> Ledger {
        let assets = instruments.iter().flat_map(|i| [i.base.clone(), i.quote.clone()]);
        Ledger {
            followed: assets.chain([quote.clone()]).collect(),
            quote,
            instruments,
            all_executions,
            pending_max_ms: pending_max_ms(fills_ms),
            marks: marks.upgraded(),
            balances: None,
            prices: BTreeMap::new(),
            prices_told: false,
            pending: None,
            window: Window::default(),
            equity: None,
            totals: BTreeMap::new(),
            moved_ms: 0,
            read_ms: None,
            news: Vec::new(),
            last_unexplained: String::new(),
        }
    }

    /// What is to be kept.
    pub fn marks(&self) -> &Marks {
        &self.marks
    }

    /// What the account is worth now; `None` until all of it is known.
    pub fn equity(&self) -> Option<Amount> {
        self.equity
    }

    /// What is had of each asset that is followed.
    pub fn balances(&self) -> &[Balance] {
        self.balances.as_deref().unwrap_or_default()
    }

    /// What people are to be told since they were told last.
    pub fn news(&mut self) -> Vec<String> {
        std::mem::take(&mut self.news)
    }

    /// What one of this is worth in the quote of the limits; `None` where there is no price.
    pub fn price(&self, asset: &str) -> Option<Amount> {
        if asset == self.quote {
            return Some(Amount::whole(1));
        }
        let direct = |base: &str, quote: &str| {
            let is = |i: &&Instrument| i.base == base && i.quote == quote;
            let instrument = self.instruments.iter().find(is)?;
            self.prices.get(&instrument.symbol).map(|(price, _)| *price)
        };
        direct(asset, &self.quote).or_else(|| {
            // By way of one other asset: ETH-BTC and BTC-USDT.
            let by_way = self.instruments.iter().filter(|i| i.base == asset);
            by_way
                .filter_map(|i| {
                    direct(asset, &i.quote)?.checked_mul(direct(&i.quote, &self.quote)?)
                })
                .next()
        })
    }

    /// What so much is worth. What never had a price is worth nothing: it cannot make up for a loss. What
    /// had one, and has none any more, is not known.
    fn worth(&self, asset: &str, amount: Amount) -> Option<Amount> {
        match self.price(asset) {
            _ if amount.is_zero() => Some(Amount::ZERO),
            Some(price) => price.checked_mul(amount),
            None if self.prices_told && !self.marks.priced.contains(asset) => Some(Amount::ZERO),
            None => None,
        }
    }

    /// Prices as they are now. An instrument with an empty side keeps its last price for a while.
    pub fn prices(&mut self, now: Moment, tops: &[Top]) {
        let steady_ms = now.steady_ms;
        let fresh = tops.iter().filter_map(|top| Some((top.symbol.clone(), top.mid()?)));
        self.prices.extend(fresh.map(|(symbol, mid)| (symbol, (mid, steady_ms))));
        self.prices.retain(|_, (_, at)| steady_ms.saturating_sub(*at) < PRICE_MAX_MS);
        self.prices_told = true;
        self.first_prices();
        self.look(now);
    }

    /// What has its first price was worth nothing until now, and that it is worth something is no profit.
    fn first_prices(&mut self) {
        let new = |asset: &&String| !self.marks.priced.contains(*asset);
        let priced: Vec<(String, Amount)> = self
            .followed
            .iter()
            .filter(new)
            .filter_map(|asset| Some((asset.clone(), self.price(asset)?)))
            .collect();
        for (asset, price) in priced {
            let known = self.marks.known(&asset).and_then(|known| price.checked_mul(known));
            if let Some(worth) = known.filter(|worth| !worth.is_zero()) {
                self.move_marks(worth);
            }
            self.marks.priced.insert(asset);
        }
    }

    /// Balances as they are now; those of assets that are not followed do not matter.
    pub fn balances_told(&mut self, now: Moment, balances: Vec<Balance>) {
        let balances: Vec<Balance> = balances
            .into_iter()
            .filter(|balance| self.followed.contains(balance.asset.as_str()))
            .collect();
        let totals: BTreeMap<String, Amount> =
            balances.iter().map(|balance| (balance.asset.clone(), balance.total)).collect();
        if self.marks.anchor.is_empty() {
            self.marks.anchor = totals.clone();
            self.marks.settled(now.utc_ms);
        }
        if totals != self.totals {
            (self.totals, self.moved_ms) = (totals, now.steady_ms);
        }
        self.balances = Some(balances);
        self.explain(now);
        self.look(now);
    }

    /// Executions since the cursors, by a reading that began then; `cursors` are where the next one begins.
    pub fn fills(&mut self, now: Moment, began_ms: u64, fills: &[Fill], cursors: Cursors) {
        for (asset, by) in fills.iter().flat_map(|fill| &fill.moved) {
            let sum = self.marks.traded.entry(asset.clone()).or_default();
            // A sum that leaves the range of numbers explains nothing, and so trips in the end.
            *sum = sum.checked_add(*by).unwrap_or(*sum);
        }
        self.marks.cursors = cursors;
        self.read_ms = Some(began_ms);
        self.executions_read(now.steady_ms, began_ms);
        self.explain(now);
        self.look(now);
    }

    /// What the exchange's history shows of transfers.
    pub fn transfers(&mut self, now: Moment, told: Vec<Transfer>) {
        self.marks.shown(now.utc_ms, told);
        self.explain(now);
        self.look(now);
    }

    /// A person says that so much is about to leave. `false` where too much is waited for already.
    pub fn announce(&mut self, now: Moment, asset: String, amount: Amount) -> bool {
        self.marks.announced(now.utc_ms, asset, amount)
    }

    /// Money came or went: what it was worth is no profit and no loss.
    fn move_marks(&mut self, by: Amount) {
        let moved = |mark: Option<Amount>| mark.and_then(|mark| mark.checked_add(by));
        self.marks.high_water = moved(self.marks.high_water);
        self.marks.day_open = moved(self.marks.day_open);
        // What was seen before is not to be compared with what is there now.
        self.window.clear();
    }

    /// One look at the whole account. Without a price for something that had one there is none.
    fn look(&mut self, now: Moment) {
        let worth = |balance: &Balance| self.worth(&balance.asset, balance.total);
        let all = self.balances.as_ref().filter(|_| self.prices_told);
        self.equity = all.and_then(|balances| {
            balances.iter().try_fold(Amount::ZERO, |sum, balance| sum.checked_add(worth(balance)?))
        });
        let compared = self.equity.and_then(|equity| equity.checked_sub(self.pending_worth(now)?));
        let Some(compared) = compared else { return };
        self.window.look(now.steady_ms, compared);
        let Some((low, _)) = self.window.bounds() else { return };
        // A mark rises only to what has held for a second: a wick upwards is no profit.
        if self.marks.high_water.is_none_or(|mark| low > mark) {
            self.marks.high_water = Some(low);
        }
        self.marks.day_open.get_or_insert(low);
        // A host's clock that was set forward must not allow the day's loss once more.
        let day = now.utc_ms.div_euclid(DAY_MS);
        if now.utc_told && day > self.marks.day {
            (self.marks.day, self.marks.day_open) = (day, Some(low));
            self.marks.unexplained = Amount::ZERO;
        }
    }

    /// By how much it has fallen from its high-water mark, if by more than so many ten-thousandths.
    pub fn drawdown(&self, bps: u32) -> Option<Fall> {
        self.fall(self.marks.high_water?, bps)
    }

    /// By how much it has fallen today, if by more than so many ten-thousandths.
    pub fn day_loss(&self, bps: u32) -> Option<Fall> {
        self.fall(self.marks.day_open?, bps)
    }

    fn fall(&self, from: Amount, bps: u32) -> Option<Fall> {
        let (_, to) = self.window.bounds()?;
        let floor = from.checked_sub(from.bps(bps)?)?;
        (from.is_positive() && to < floor).then_some(Fall { from, to, floor })
    }

    /// A person accepts the loss: the high-water mark is what there is now.
    pub fn accept_drawdown(&mut self) {
        self.marks.high_water = self.window.bounds().map(|(low, _)| low).or(self.equity);
    }

    /// A person accepts the day's loss.
    pub fn accept_day_loss(&mut self) {
        self.marks.day_open = self.window.bounds().map(|(low, _)| low).or(self.equity);
    }
}

#[cfg(test)]
mod tests;
