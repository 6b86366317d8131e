//! The twin: the same exchange written a second time, as simply as possible, to be compared with.
//!
//! One flat list of everything that rests, in the order of arrival; every question is a scan of it;
//! every number an exact decimal and none on a grid. What an order would cost is found by letting
//! it happen in a copy of the world. It answers no questions and reports no events: its state says
//! it all, and after each command must be that of the engine.

mod checks;
mod tests;
mod world;

use std::collections::BTreeMap;

use model::venue::{ExpiryReason, FeeRates, VenueError, VenueOrder, VenueOrderStatus};
use model::{
    AccountId, Asset, Decimal, Fee, Fill, Instrument, Liquidity, NewOrder, Notional, OrderKind,
    OrderQty, Price, Qty, Rounding, SelfTradePrevention, Side, TimeInForce, Timestamp, TradeId,
    TradingMode, VenueOrderId,
};

use crate::FeesIn;

type Funds = BTreeMap<Asset, (Decimal, Decimal)>;

/// Something that rests, in order of arrival.
#[derive(Clone, Copy)]
struct Resting {
    market: usize,
    side: Side,
    price: Decimal,
    qty: Decimal,
    /// `None` for background.
    order: Option<usize>,
}

/// A recorded level.
#[derive(Clone, Copy)]
struct Recorded {
    market: usize,
    side: Side,
    price: Decimal,
    qty: Decimal,
    consumed: Decimal,
}

#[derive(Clone, Copy)]
struct Print {
    market: usize,
    price: Decimal,
    qty: Decimal,
    time: Timestamp,
}

#[derive(Clone)]
struct TwinOrder {
    account: usize,
    market: usize,
    told: VenueOrder,
    locked: Decimal,
}

#[derive(Clone)]
pub(crate) struct Twin {
    fees: FeeRates,
    fees_in: FeesIn,
    instruments: Vec<Instrument>,
    behind: Vec<bool>,
    /// Free and locked by asset.
    accounts: Vec<(AccountId, Funds)>,
    orders: Vec<TwinOrder>,
    resting: Vec<Resting>,
    recorded: Vec<Recorded>,
    prints: Vec<Print>,
    fills: Vec<(usize, usize, Fill)>,
    market_ledger: BTreeMap<Asset, Decimal>,
    fee_ledger: BTreeMap<Asset, Decimal>,
}

fn plus(a: Decimal, b: Decimal) -> Decimal {
    a.checked_add(b).unwrap()
}

fn minus(a: Decimal, b: Decimal) -> Decimal {
    a.checked_sub(b).unwrap()
}

fn times(a: Decimal, b: Decimal) -> Decimal {
    a.checked_mul(b, Rounding::Down).unwrap()
}

/// Up to the eighth digit, by taking steps until it is enough.
fn upwards(exact: Decimal) -> Decimal {
    let mut fee = exact.down_to(Decimal::new(1, 8)).unwrap();
    while fee < exact {
        fee = plus(fee, Decimal::new(1, 8));
    }
    fee
}

/// Is `price` of the other side as good as `limit` for a taker?
fn acceptable(side: Side, limit: Option<Decimal>, price: Decimal) -> bool {
    limit.is_none_or(|limit| if side == Side::Buy { price <= limit } else { price >= limit })
}

impl TwinOrder {
    fn leaves(&self) -> Decimal {
        self.told.leaves().get()
    }

    fn limit(&self) -> Option<Decimal> {
        self.told.kind.price().map(Price::get)
    }
}

impl Twin {
    fn assets(&self, market: usize) -> (Asset, Asset) {
        (self.instruments[market].base, self.instruments[market].quote)
    }

    fn paying(&self, market: usize, side: Side) -> Asset {
        let (base, quote) = self.assets(market);
        if side == Side::Buy { quote } else { base }
    }

    /// What must be set aside for an order.
    fn need(&self, order: &TwinOrder) -> Decimal {
        let price = order.told.kind.price().or(order.told.kind.trigger());
        match (order.told.side, price) {
            _ if order.told.kind == OrderKind::Market => Decimal::ZERO,
            (Side::Sell, _) => order.leaves(),
            (Side::Buy, price) => self.on_top(times(price.unwrap().get(), order.leaves())),
        }
    }

    /// An amount of quote with the fee that a buy of it pays at most, where it pays in quote.
    fn on_top(&self, notional: Decimal) -> Decimal {
        if self.fees_in != FeesIn::Quote {
            return notional;
        }
        let exact = notional.checked_mul(self.fees.maker.max(self.fees.taker), Rounding::Up);
        plus(notional, upwards(exact.unwrap()))
    }

    fn funds(&mut self, account: usize, asset: Asset) -> &mut (Decimal, Decimal) {
        self.accounts[account].1.entry(asset).or_default()
    }

    /// Frees what is set aside beyond the need.
    fn relock(&mut self, index: usize) {
        let need = self.need(&self.orders[index]);
        let order = &mut self.orders[index];
        let keep = order.locked.min(need);
        let freed = minus(order.locked, keep);
        order.locked = keep;
        let (account, asset) = (order.account, (order.market, order.told.side));
        let asset = self.paying(asset.0, asset.1);
        let funds = self.funds(account, asset);
        *funds = (plus(funds.0, freed), minus(funds.1, freed));
    }

    fn end(&mut self, now: Timestamp, index: usize, status: VenueOrderStatus) {
        let told = &mut self.orders[index].told;
        told.status = status;
        told.updated = now;
        if matches!(told.ordered, OrderQty::Quote(_)) {
            told.qty = told.filled.checked_add(told.prevented).unwrap();
        }
        self.resting.retain(|resting| resting.order != Some(index));
        self.relock(index);
    }

    fn expire(&mut self, now: Timestamp, index: usize, reason: ExpiryReason) {
        self.orders[index].told.expiry = Some(reason);
        self.end(now, index, VenueOrderStatus::Expired);
    }

    /// The position in the list of what a taker would meet first.
    fn first(&self, market: usize, side: Side, limit: Option<Decimal>) -> Option<usize> {
        let mut first: Option<usize> = None;
        for (at, resting) in self.resting.iter().enumerate() {
            if resting.market != market || resting.side == side {
                continue;
            }
            let is_better = first.is_none_or(|first| {
                let best = self.resting[first].price;
                if side == Side::Buy { resting.price < best } else { resting.price > best }
            });
            if acceptable(side, limit, resting.price) && is_better {
                first = Some(at);
            }
        }
        first
    }

    fn take(&mut self, at: usize, qty: Decimal) {
        let Resting { market, side, price, order, .. } = self.resting[at];
        self.resting[at].qty = minus(self.resting[at].qty, qty);
        if order.is_none() {
            self.consume(market, side, price, qty);
        }
        self.resting.retain(|resting| !resting.qty.is_zero());
    }

    fn consume(&mut self, market: usize, side: Side, price: Decimal, qty: Decimal) {
        for recorded in &mut self.recorded {
            if (recorded.market, recorded.side, recorded.price) == (market, side, price) {
                recorded.consumed = plus(recorded.consumed, qty).min(recorded.qty);
            }
        }
    }

    /// Background is one crowd: chunks of a level with no order between them are one.
    fn join(&mut self) {
        let mut at = 0;
        while at < self.resting.len() {
            let Resting { market, side, price, order, .. } = self.resting[at];
            let same = |r: &Resting| (r.market, r.side, r.price) == (market, side, price);
            let next = self.resting.iter().skip(at + 1).position(same).map(|next| at + 1 + next);
            match next.filter(|next| order.is_none() && self.resting[*next].order.is_none()) {
                Some(next) => {
                    let more = self.resting.remove(next).qty;
                    self.resting[at].qty = plus(self.resting[at].qty, more);
                }
                None => at += 1,
            }
        }
    }

    /// Lets an order take what it may. A trial ends where an own order is in the way.
    fn matching(&mut self, now: Timestamp, index: usize, trial: bool) {
        loop {
            self.join();
            let order = self.orders[index].clone();
            let first = self.first(order.market, order.told.side, order.limit());
            let (Some(at), false) = (first, order.leaves().is_zero()) else { return };
            let Resting { price, qty: there, order: maker, .. } = self.resting[at];
            let qty = there.min(order.leaves());
            let own = maker.filter(|maker| self.orders[*maker].account == order.account);
            match (own, order.told.self_trade_prevention) {
                (None, _) | (_, SelfTradePrevention::None) => {
                    self.take(at, qty);
                    self.trade(now, order.market, (price, qty), Some(index), maker, None);
                }
                (Some(own), SelfTradePrevention::ExpireMaker) => {
                    self.end(now, own, VenueOrderStatus::ExpiredInMatch);
                }
                _ if trial => return,
                (Some(_), SelfTradePrevention::ExpireTaker) => {
                    self.end(now, index, VenueOrderStatus::ExpiredInMatch);
                }
                (Some(own), SelfTradePrevention::ExpireBoth) => {
                    self.end(now, own, VenueOrderStatus::ExpiredInMatch);
                    self.end(now, index, VenueOrderStatus::ExpiredInMatch);
                }
                (Some(own), SelfTradePrevention::Decrement) => {
                    self.take(at, qty);
                    for index in [own, index] {
                        let told = &mut self.orders[index].told;
                        told.prevented =
                            told.prevented.checked_add(Qty::try_from(qty).unwrap()).unwrap();
                        told.updated = now;
                        if told.leaves().is_zero() {
                            self.end(now, index, VenueOrderStatus::ExpiredInMatch);
                        }
                        self.relock(index);
                    }
                }
            }
        }
    }

    /// Takes effect on both sides; a missing side is the market.
    fn trade(
        &mut self,
        now: Timestamp,
        market: usize,
        (price, qty): (Decimal, Decimal),
        taker: Option<usize>,
        maker: Option<usize>,
        taker_side: Option<Side>,
    ) {
        self.prints.push(Print { market, price, qty, time: now });
        let id = self.prints.iter().filter(|print| print.market == market).count();
        let side = taker.map(|index| self.orders[index].told.side).or(taker_side).unwrap();
        for (index, side, liquidity) in
            [(taker, side, Liquidity::Taker), (maker, side.opposite(), Liquidity::Maker)]
        {
            match index {
                Some(index) => self.settle(now, index, (price, qty), liquidity, id),
                None => {
                    let (base, quote) = self.assets(market);
                    let notional = times(price, qty);
                    let (gets, got, pays, paid) = match side {
                        Side::Buy => (base, qty, quote, notional),
                        Side::Sell => (quote, notional, base, qty),
                    };
                    let sum = self.market_ledger.entry(gets).or_default();
                    *sum = plus(*sum, got);
                    let sum = self.market_ledger.entry(pays).or_default();
                    *sum = minus(*sum, paid);
                }
            }
        }
    }

    fn settle(
        &mut self,
        now: Timestamp,
        index: usize,
        (price, qty): (Decimal, Decimal),
        liquidity: Liquidity,
        id: usize,
    ) {
        let (account, market) = (self.orders[index].account, self.orders[index].market);
        let told = &mut self.orders[index].told;
        let notional = times(price, qty);
        told.filled = told.filled.checked_add(Qty::try_from(qty).unwrap()).unwrap();
        let sum = plus(told.filled_notional.get(), notional);
        told.filled_notional = Notional::try_from(sum).unwrap();
        told.status = VenueOrderStatus::PartiallyFilled;
        told.updated = now;
        let (side, is_done) = (told.side, told.leaves().is_zero());
        self.relock(index);
        let (base, quote) = self.assets(market);
        let (gets, got, pays, paid) = match side {
            Side::Buy => (base, qty, quote, notional),
            Side::Sell => (quote, notional, base, qty),
        };
        let rate = match liquidity {
            Liquidity::Maker => self.fees.maker,
            Liquidity::Taker => self.fees.taker,
        };
        let received = (gets, upwards(got.checked_mul(rate, Rounding::Up).unwrap()));
        let (fee_asset, fee) = match self.fees_in {
            FeesIn::Received => received,
            FeesIn::Quote => (quote, times(notional, rate).down_to(Decimal::new(1, 8)).unwrap()),
            FeesIn::Third(asset, price) => {
                let worth = notional.checked_div(price.get(), Rounding::Down).unwrap();
                let fee = worth.checked_mul(rate, Rounding::Down).unwrap();
                let fee = fee.down_to(Decimal::new(1, 8)).unwrap();
                if fee <= self.funds(account, asset).0 { (asset, fee) } else { received }
            }
        };
        let funds = self.funds(account, pays);
        funds.0 = minus(funds.0, paid);
        let funds = self.funds(account, gets);
        funds.0 = plus(funds.0, got);
        let funds = self.funds(account, fee_asset);
        funds.0 = minus(funds.0, fee);
        let fees = self.fee_ledger.entry(fee_asset).or_default();
        *fees = plus(*fees, fee);
        let told = &self.orders[index].told;
        let fill = Fill {
            trade_id: TradeId::from_number(id as u64),
            venue_order_id: told.id,
            client_order_id: Some(told.client_order_id),
            instrument: told.instrument,
            side,
            price: Price::try_from(price).unwrap(),
            qty: Qty::try_from(qty).unwrap(),
            fee: Some(Fee { asset: fee_asset, amount: fee.try_into().unwrap() }),
            liquidity,
            venue_time: now,
        };
        self.fills.push((account, market, fill));
        if is_done {
            self.end(now, index, VenueOrderStatus::Filled);
        }
    }

    /// What would happen to an order with all the money in the world: filled base, paid quote.
    fn trial(&self, now: Timestamp, index: usize, qty: Decimal) -> Vec<(Decimal, Decimal)> {
        let mut copy = self.clone();
        copy.orders[index].told.qty = Qty::try_from(qty).unwrap();
        let order = copy.orders[index].clone();
        let (base, quote) = copy.assets(order.market);
        for asset in [base, quote] {
            copy.funds(order.account, asset).0 = Decimal::new(1_000_000_000, 0);
        }
        let before = copy.fills.len();
        copy.matching(now, index, true);
        let taken = copy.fills[before..].iter().filter(|(account, _, fill)| {
            (*account, fill.venue_order_id) == (order.account, order.told.id)
        });
        taken.map(|(_, _, fill)| (fill.price.get(), fill.qty.get())).collect()
    }

    /// The whole lots that an amount of quote comes to, and whether the book ran out first.
    fn for_quote(&self, now: Timestamp, index: usize, notional: Notional) -> (Decimal, bool) {
        let instrument = &self.instruments[self.orders[index].market];
        let unit = Decimal::new(1, instrument.lot.decimals());
        let (mut budget, mut bought) = (notional.get(), Decimal::ZERO);
        if self.fees_in == FeesIn::Quote && self.orders[index].told.side == Side::Buy {
            let whole = plus(Decimal::ONE, self.fees.maker.max(self.fees.taker));
            budget = budget.checked_div(whole, Rounding::Down).unwrap();
        }
        let lots = |qty: Decimal| qty.down_to(instrument.lot.get()).unwrap();
        for (price, there) in self.trial(now, index, Decimal::new(1_000_000, 0)) {
            let can_buy = budget.checked_div(price, Rounding::Down).unwrap().down_to(unit).unwrap();
            let taken = can_buy.min(there);
            bought = plus(bought, taken);
            budget = minus(budget, times(price, taken));
            if can_buy <= there {
                return (lots(bought), false);
            }
        }
        (bought, true)
    }

    /// An order goes to the book.
    fn work(&mut self, now: Timestamp, index: usize) {
        let told = self.orders[index].told.clone();
        if let OrderQty::Quote(notional) = told.ordered {
            let (qty, ran_out) = self.for_quote(now, index, notional);
            let lot = self.instruments[self.orders[index].market].lot.get();
            let more = if ran_out { lot } else { Decimal::ZERO };
            self.orders[index].told.qty = Qty::try_from(plus(qty, more)).unwrap();
        }
        if told.time_in_force == TimeInForce::Fok {
            let want = self.orders[index].leaves();
            let got = self.trial(now, index, self.orders[index].told.qty.get());
            let got = got.iter().fold(Decimal::ZERO, |sum, (_, qty)| plus(sum, *qty));
            if got != want {
                self.expire(now, index, ExpiryReason::FokUnfilled);
                return;
            }
        }
        self.matching(now, index, false);
        let order = &self.orders[index];
        if !order.told.status.is_open() {
            return;
        }
        let (market, side, qty) = (order.market, order.told.side, order.leaves());
        match (order.limit(), told.time_in_force) {
            (None, _) => self.expire(now, index, ExpiryReason::InsufficientLiquidity),
            (Some(_), TimeInForce::Ioc | TimeInForce::Fok) => {
                self.expire(now, index, ExpiryReason::IocRemainder);
            }
            (Some(price), TimeInForce::Gtc | TimeInForce::Gtd(_)) => {
                self.resting.push(Resting { market, side, price, qty, order: Some(index) });
            }
        }
    }

    /// Wakes the stops that the prints from number `from` on have reached, or a recorded print at `traded_at`, all
    /// of which may have gone to orders at better prices.
    fn wake(&mut self, now: Timestamp, market: usize, from: usize, traded_at: Option<Decimal>) {
        loop {
            let reached = |trigger: Decimal, upward: bool| {
                let printed = self.prints[from..].iter().filter(|print| print.market == market);
                printed
                    .map(|print| print.price)
                    .chain(traded_at)
                    .any(|price| if upward { price >= trigger } else { price <= trigger })
            };
            let waits = |order: &TwinOrder| {
                let told = &order.told;
                let trigger = told.kind.trigger().zip(told.kind.triggers_upward(told.side));
                order.market == market
                    && told.status.is_open()
                    && told.working_since.is_none()
                    && trigger.is_some_and(|(trigger, upward)| reached(trigger.get(), upward))
            };
            let Some(index) = self.orders.iter().position(waits) else { return };
            self.orders[index].told.working_since = Some(now);
            self.orders[index].told.updated = now;
            let order = self.orders[index].clone();
            if order.told.side == Side::Buy && order.limit().is_none() {
                let quote = self.assets(market).1;
                let funds = self.funds(order.account, quote);
                *funds = (plus(funds.0, order.locked), minus(funds.1, order.locked));
                let free = funds.0;
                self.orders[index].locked = Decimal::ZERO;
                let paid = self.trial_cost(now, index);
                if paid > free {
                    self.expire(now, index, ExpiryReason::Venue);
                    continue;
                }
            }
            self.work(now, index);
        }
    }

    /// What an order without a limit would pay in quote, own orders that shrink it included.
    fn trial_cost(&self, now: Timestamp, index: usize) -> Decimal {
        let mut copy = self.clone();
        let order = copy.orders[index].clone();
        let (_, quote) = copy.assets(order.market);
        copy.funds(order.account, quote).0 = Decimal::new(1_000_000_000, 0);
        copy.matching(now, index, false);
        self.on_top(copy.orders[index].told.filled_notional.get())
    }

    /// Orders until a date that has come end, the earliest and oldest first.
    pub(crate) fn pass_time(&mut self, now: Timestamp) {
        let ends = |twin: &Twin, index: &usize| match twin.orders[*index].told.time_in_force {
            TimeInForce::Gtd(end) if twin.orders[*index].told.status.is_open() => Some(end),
            _ => None,
        };
        let mut due: Vec<(Timestamp, usize)> = (0..self.orders.len())
            .filter_map(|index| {
                ends(self, &index).filter(|end| *end <= now).map(|end| (end, index))
            })
            .collect();
        due.sort();
        for (_, index) in due {
            self.expire(now, index, ExpiryReason::EndTime);
        }
    }
}
