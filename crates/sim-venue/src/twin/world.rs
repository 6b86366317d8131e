//! The twin's background, its opening, and its state as text.

use std::fmt::Write as _;

use model::market::{GridPrice, GridQty, Level, LevelUpdate};
use model::{Amount, Balance};

use super::*;
use crate::{Background, SimConfig};

impl Twin {
    pub(crate) fn new(config: SimConfig) -> Twin {
        Twin {
            fees: config.fees,
            fees_in: config.fees_in,
            behind: vec![false; config.instruments.len()],
            instruments: config.instruments,
            accounts: Vec::new(),
            orders: Vec::new(),
            resting: Vec::new(),
            recorded: Vec::new(),
            prints: Vec::new(),
            fills: Vec::new(),
            market_ledger: BTreeMap::new(),
            fee_ledger: BTreeMap::new(),
        }
    }

    pub(crate) fn add_account(&mut self, id: AccountId, balances: &BTreeMap<Asset, Amount>) {
        let funds = balances.iter().map(|(asset, sum)| (*asset, (sum.get(), Decimal::ZERO)));
        self.accounts.push((id, funds.collect()));
    }

    pub(crate) fn transfer(&mut self, account: usize, asset: Asset, amount: Decimal) {
        let funds = self.funds(account, asset);
        funds.0 = plus(funds.0, amount).max(Decimal::ZERO);
    }

    pub(crate) fn set_mode(&mut self, market: usize, mode: TradingMode) {
        self.instruments[market].mode = mode;
    }

    fn exact(&self, market: usize, price: GridPrice, qty: GridQty) -> (Decimal, Decimal) {
        let Instrument { tick, lot, .. } = &self.instruments[market];
        (Decimal::new(price.0, tick.decimals()), Decimal::new(qty.0, lot.decimals()))
    }

    pub(crate) fn background(&mut self, now: Timestamp, market: usize, event: &Background) {
        self.pass_time(now);
        let from = self.prints.len();
        let live = self.instruments[market].mode == TradingMode::Live;
        let mut traded_at = None;
        if live && std::mem::take(&mut self.behind[market]) {
            for side in [Side::Buy, Side::Sell] {
                for price in self.known(market, side) {
                    let recorded =
                        self.recorded_at(market, side, price).map_or(Decimal::ZERO, |r| r.qty);
                    self.set_level(now, market, side, (price, recorded), true);
                }
            }
        }
        self.behind[market] |= !live;
        match event {
            Background::Snapshot { bids, asks } => {
                self.whole_side(now, market, Side::Buy, bids, live);
                self.whole_side(now, market, Side::Sell, asks, live);
            }
            Background::Level(LevelUpdate { side, price, qty }) => {
                let level = self.exact(market, *price, *qty);
                self.set_level(now, market, *side, level, live);
            }
            Background::Trade { price, qty, taker_side } => {
                let (price, qty) = self.exact(market, *price, *qty);
                if live {
                    self.printed(now, market, price, qty, *taker_side);
                    traded_at = Some(price);
                }
                for recorded in &mut self.recorded {
                    let key = (recorded.market, recorded.side, recorded.price);
                    if key == (market, taker_side.opposite(), price) {
                        recorded.qty = minus(recorded.qty, qty).max(Decimal::ZERO);
                        recorded.consumed = recorded.consumed.min(recorded.qty);
                    }
                }
            }
        }
        self.wake(now, market, from, traded_at);
    }

    fn recorded_at(&mut self, market: usize, side: Side, price: Decimal) -> Option<&mut Recorded> {
        self.recorded.iter_mut().find(|r| (r.market, r.side, r.price) == (market, side, price))
    }

    /// Prices of a side with background, shown or recorded, best first.
    fn known(&self, market: usize, side: Side) -> Vec<Decimal> {
        let recorded = self.recorded.iter().filter(|r| (r.market, r.side) == (market, side));
        let shown = self.resting.iter().filter(|r| (r.market, r.side) == (market, side));
        let shown = shown.filter(|r| r.order.is_none()).map(|r| r.price);
        let mut prices: Vec<Decimal> = recorded.map(|r| r.price).chain(shown).collect();
        prices.sort();
        prices.dedup();
        if side == Side::Buy {
            prices.reverse();
        }
        prices
    }

    fn whole_side(
        &mut self,
        now: Timestamp,
        market: usize,
        side: Side,
        levels: &[Level],
        live: bool,
    ) {
        let mut new: BTreeMap<Decimal, Decimal> = BTreeMap::new();
        for level in levels {
            let (price, qty) = self.exact(market, level.price, level.qty);
            new.insert(price, qty);
        }
        for price in self.known(market, side) {
            if !new.contains_key(&price) {
                self.set_level(now, market, side, (price, Decimal::ZERO), live);
            }
        }
        let mut new: Vec<(Decimal, Decimal)> = new.into_iter().collect();
        if side == Side::Buy {
            new.reverse();
        }
        for level in new {
            self.set_level(now, market, side, level, live);
        }
    }

    fn set_level(
        &mut self,
        now: Timestamp,
        market: usize,
        side: Side,
        (price, qty): (Decimal, Decimal),
        live: bool,
    ) {
        let old = self.recorded_at(market, side, price).map_or(Decimal::ZERO, |r| r.consumed);
        let consumed = old.min(qty);
        self.recorded.retain(|r| (r.market, r.side, r.price) != (market, side, price));
        if !qty.is_zero() {
            self.recorded.push(Recorded { market, side, price, qty, consumed });
        }
        if !live {
            return;
        }
        let mut available = minus(qty, consumed);
        if !available.is_zero() {
            let stale = |its: usize, at: Side, other: Decimal| {
                its == market && at != side && acceptable(side, Some(price), other)
            };
            self.recorded.retain(|r| !stale(r.market, r.side, r.price));
            self.resting.retain(|r| r.order.is_some() || !stale(r.market, r.side, r.price));
        }
        while !available.is_zero() {
            let Some(at) = self.first(market, side, Some(price)) else { break };
            let Resting { price: its, qty: there, order, .. } = self.resting[at];
            let qty = there.min(available);
            self.take(at, qty);
            self.trade(now, market, (its, qty), None, order, Some(side));
            self.consume(market, side, price, qty);
            available = minus(available, qty);
        }
        self.show(market, side, price, available);
    }

    fn show(&mut self, market: usize, side: Side, price: Decimal, total: Decimal) {
        let is_here =
            |r: &Resting| (r.market, r.side, r.price, r.order) == (market, side, price, None);
        let shown = self.resting.iter().filter(|r| is_here(r));
        let shown = shown.fold(Decimal::ZERO, |sum, r| plus(sum, r.qty));
        if total > shown {
            let qty = minus(total, shown);
            self.resting.push(Resting { market, side, price, qty, order: None });
            return;
        }
        let mut less = minus(shown, total);
        for resting in self.resting.iter_mut().rev().filter(|r| is_here(r)) {
            let taken = less.min(resting.qty);
            resting.qty = minus(resting.qty, taken);
            less = minus(less, taken);
        }
        self.resting.retain(|r| !r.qty.is_zero());
    }

    fn printed(&mut self, now: Timestamp, market: usize, price: Decimal, qty: Decimal, side: Side) {
        let (mut left, mut nobodys) = (qty, Decimal::ZERO);
        // Account orders at better prices.
        while !left.is_zero() {
            let mut best: Option<usize> = None;
            for (at, r) in self.resting.iter().enumerate() {
                let wanted = r.market == market && r.side != side && r.order.is_some();
                let better = |than: Decimal| {
                    if side == Side::Buy { r.price < than } else { r.price > than }
                };
                if wanted && better(price) && best.is_none_or(|b| better(self.resting[b].price)) {
                    best = Some(at);
                }
            }
            let Some(at) = best else { break };
            let Resting { price: its, qty: there, order, .. } = self.resting[at];
            let fill = there.min(left);
            self.take(at, fill);
            self.trade(now, market, (its, fill), None, order, Some(side));
            left = minus(left, fill);
        }
        // Then the queue.
        while !left.is_zero() {
            let at = |r: &Resting| r.market == market && r.side != side && r.price == price;
            let Some(at) = self.resting.iter().position(at) else { break };
            let Resting { qty: there, order, .. } = self.resting[at];
            let fill = there.min(left);
            left = minus(left, fill);
            self.resting[at].qty = minus(there, fill);
            self.resting.retain(|r| !r.qty.is_zero());
            match order {
                Some(_) => self.trade(now, market, (price, fill), None, order, Some(side)),
                None => nobodys = plus(nobodys, fill),
            }
        }
        let rest = plus(left, nobodys);
        if !rest.is_zero() {
            self.prints.push(Print { market, price, qty: rest, time: now });
        }
    }

    /// The same text as the engine's.
    pub(crate) fn describe(&self) -> String {
        let mut text = String::new();
        for (market, instrument) in self.instruments.iter().enumerate() {
            let count =
                |number: Decimal, step: model::Step| number.mantissa_at(step.decimals()).unwrap();
            let prints: Vec<&Print> = self.prints.iter().filter(|p| p.market == market).collect();
            let last = prints.last().map(|print| {
                let price = GridPrice(count(print.price, instrument.tick));
                (prints.len() as u64, price, GridQty(count(print.qty, instrument.lot)))
            });
            writeln!(text, "{} {last:?}", instrument.id).unwrap();
            for side in [Side::Buy, Side::Sell] {
                let mut levels: BTreeMap<Decimal, Decimal> = BTreeMap::new();
                for r in self.resting.iter().filter(|r| (r.market, r.side) == (market, side)) {
                    let sum = levels.entry(r.price).or_default();
                    *sum = plus(*sum, r.qty);
                }
                let mut levels: Vec<_> = levels.into_iter().collect();
                if side == Side::Buy {
                    levels.reverse();
                }
                for (price, qty) in levels {
                    let price = GridPrice(count(price, instrument.tick));
                    writeln!(text, "{side:?} {price:?} {}", count(qty, instrument.lot)).unwrap();
                }
            }
        }
        for order in &self.orders {
            writeln!(text, "{} {:?}", order.account, order.told).unwrap();
        }
        for account in 0..self.accounts.len() {
            for market in 0..self.instruments.len() {
                let mine = self.fills.iter().filter(|(a, m, _)| (*a, *m) == (account, market));
                mine.for_each(|(_, _, fill)| writeln!(text, "{fill:?}").unwrap());
            }
        }
        for (id, funds) in &self.accounts {
            for (asset, (free, locked)) in funds {
                let amount = |number: Decimal| Amount::try_from(number).unwrap();
                let balance = Balance { free: amount(*free), locked: amount(*locked) };
                if balance != Balance::ZERO {
                    writeln!(text, "{id} {asset} {balance:?}").unwrap();
                }
            }
        }
        for (name, ledger) in [("market", &self.market_ledger), ("fees", &self.fee_ledger)] {
            for (asset, sum) in ledger.iter().filter(|(_, sum)| !sum.is_zero()) {
                writeln!(text, "{name} {asset} {sum}").unwrap();
            }
        }
        text
    }
}
