//! Price-time matching, and what an execution does to the two sides of it.

use std::collections::BTreeSet;

use model::market::{GridPrice, GridQty};
use model::venue::{Execution, ExpiryReason, VenueEvent, VenueOrderStatus};
use model::{
    Asset, Decimal, Fee, Fill, Liquidity, OrderKind, OrderQty, Rounding, SelfTradePrevention, Side,
    TimeInForce, Timestamp, TradeId, VenueOrderId,
};

use crate::accounts::{amount, more};
use crate::book::Entry;
use crate::order::{product, qty, value};
use crate::venue::{SimVenue, to_lot};

/// Fees are cut to this many digits behind the point.
const FEE_DECIMALS: u32 = 8;

/// One step of the exchange: its time, its events, and the balances it touches.
pub(crate) struct Step<'a> {
    pub(crate) now: Timestamp,
    pub(crate) events: &'a mut Vec<VenueEvent>,
    pub(crate) balances: BTreeSet<(usize, Asset)>,
}

impl<'a> Step<'a> {
    pub(crate) fn new(now: Timestamp, events: &'a mut Vec<VenueEvent>) -> Step<'a> {
        Step { now, events, balances: BTreeSet::new() }
    }
}

/// One match, before it is booked.
#[derive(Clone, Copy)]
struct Match {
    price: GridPrice,
    qty: GridQty,
    trade: TradeId,
}

impl SimVenue {
    /// An order goes to the book: it takes what it may, and rests or expires.
    pub(crate) fn work(&mut self, index: usize, step: &mut Step<'_>) {
        self.next_taker += 1;
        self.quote_to_base(index);
        let order = &self.orders[index];
        if order.time_in_force == TimeInForce::Fok && !self.fills_whole(index) {
            self.expire(index, ExpiryReason::FokUnfilled, step);
            return;
        }
        self.take(index, step);
        let order = &self.orders[index];
        if !order.status.is_open() {
            return;
        }
        match (order.kind, order.time_in_force) {
            (OrderKind::Market | OrderKind::StopLoss { .. } | OrderKind::TakeProfit { .. }, _) => {
                self.end_market_order(index, step);
            }
            (_, TimeInForce::Ioc | TimeInForce::Fok) => {
                self.expire(index, ExpiryReason::IocRemainder, step);
            }
            (_, TimeInForce::Gtc | TimeInForce::Gtd(_)) => self.rest(index),
        }
    }

    fn rest(&mut self, index: usize) {
        let order = &self.orders[index];
        let (side, market, leaves) = (order.side, order.market, order.leaves());
        let Some(price) = order.price else { return };
        let market = &mut self.markets[market];
        market.book.rest(side, price, index, leaves);
        market.touch(side, price);
    }

    /// What a market order could not get, it does not get.
    fn end_market_order(&mut self, index: usize, step: &mut Step<'_>) {
        let order = &mut self.orders[index];
        if matches!(order.ordered, OrderQty::Quote(_)) {
            order.qty = order.filled;
        }
        self.expire(index, ExpiryReason::InsufficientLiquidity, step);
    }

    /// An order given in quote units gets the quantity which that buys from the book as it stands:
    /// whole lots, and one more than there is where the book runs out first.
    fn quote_to_base(&mut self, index: usize) {
        let order = &self.orders[index];
        let OrderQty::Quote(notional) = order.ordered else { return };
        let market = &self.markets[order.market];
        let decimals = u32::from(market.grid.price_decimals) + u32::from(market.grid.qty_decimals);
        let budget = notional.get().down_to(Decimal::new(1, decimals.min(model::SCALE)));
        let mut budget = budget.and_then(|b| b.mantissa_at(decimals)).map_or(0, i128::from);
        let mut qty = 0;
        let mut ran_out = true;
        for (price, queue) in market.book.levels(order.side.opposite()) {
            let affordable = to_lot(budget / i128::from(price.0.max(1)), market.lot);
            let taken = affordable.0.min(queue.total);
            qty += taken;
            budget -= product(price, GridQty(taken));
            if taken < queue.total || affordable.0 == queue.total {
                ran_out = false;
                break;
            }
        }
        self.orders[index].qty = GridQty(qty + if ran_out { market.lot } else { 0 });
    }

    fn expire(&mut self, index: usize, reason: ExpiryReason, step: &mut Step<'_>) {
        self.orders[index].expiry = Some(reason);
        step.balances.insert((self.orders[index].account, self.paying_asset(&self.orders[index])));
        self.close(step.now, index, VenueOrderStatus::Expired);
        self.tell_order(step.now, index, Execution::Expired, step.events);
    }

    /// Is all of it there within its limit, without meeting orders of the same account?
    fn fills_whole(&self, index: usize) -> bool {
        let order = &self.orders[index];
        let mut left = order.leaves().0;
        for (price, queue) in self.markets[order.market].book.levels(order.side.opposite()) {
            if !within(order.side, order.price, price) {
                break;
            }
            let own = |entry: &Entry| match entry {
                Entry::Order(at, leaves) if self.orders[*at].account == order.account => leaves.0,
                Entry::Order(..) | Entry::Market(_) => 0,
            };
            let mine = match order.stp {
                SelfTradePrevention::None => 0,
                _ => queue.entries.iter().map(own).sum(),
            };
            left -= (queue.total - mine).min(left);
            if left == 0 {
                return true;
            }
        }
        left == 0
    }

    fn take(&mut self, index: usize, step: &mut Step<'_>) {
        loop {
            let order = &self.orders[index];
            let (side, market) = (order.side, order.market);
            if !order.status.is_open() {
                return;
            }
            let best = self.markets[market].book.best(side.opposite());
            let Some(price) = best.filter(|price| within(side, order.price, *price)) else {
                return;
            };
            let want = order.leaves();
            if want.0 <= 0 {
                return;
            }
            let queue = self.markets[market].book.side(side.opposite()).get(&price);
            match queue.and_then(|queue| queue.entries.front().copied()) {
                Some(Entry::Market(there)) => {
                    let qty = GridQty(want.0.min(there.0));
                    self.take_from_queue(market, side.opposite(), price, qty);
                    self.markets[market].recorded.consume(side.opposite(), price, qty);
                    self.execution(index, None, price, qty, step);
                }
                Some(Entry::Order(maker, there)) => {
                    let qty = GridQty(want.0.min(there.0));
                    let same = self.orders[maker].account == self.orders[index].account;
                    if same && self.orders[index].stp != SelfTradePrevention::None {
                        self.prevent(index, maker, qty, step);
                    } else {
                        self.take_from_queue(market, side.opposite(), price, qty);
                        self.execution(index, Some(maker), price, qty, step);
                    }
                }
                None => return,
            }
        }
    }

    /// Takes a quantity from the front of a level; what it belongs to is the caller's business.
    pub(crate) fn take_from_queue(
        &mut self,
        market: usize,
        side: Side,
        price: GridPrice,
        taken: GridQty,
    ) {
        let market = &mut self.markets[market];
        let levels = market.book.side_mut(side);
        let Some(queue) = levels.get_mut(&price) else { return };
        queue.total -= taken.0;
        if let Some(Entry::Market(left) | Entry::Order(_, left)) = queue.entries.front_mut() {
            left.0 -= taken.0;
            if left.0 == 0 {
                queue.entries.pop_front();
            }
        }
        if queue.entries.is_empty() {
            levels.remove(&price);
        }
        market.touch(side, price);
    }

    /// One match: printed, booked on both sides, reported to both.
    fn execution(
        &mut self,
        taker: usize,
        maker: Option<usize>,
        price: GridPrice,
        qty: GridQty,
        step: &mut Step<'_>,
    ) {
        let (market, taker_side) = (self.orders[taker].market, self.orders[taker].side);
        let trade = self.print(market, price, qty, taker_side, step);
        let done = Match { price, qty, trade };
        self.book(taker, done, Liquidity::Taker, step);
        match maker {
            Some(maker) => self.book(maker, done, Liquidity::Maker, step),
            None => self.book_market(market, taker_side.opposite(), done),
        }
    }

    /// Prints a trade on the public tape.
    pub(crate) fn print(
        &mut self,
        market: usize,
        price: GridPrice,
        qty: GridQty,
        taker_side: Side,
        step: &mut Step<'_>,
    ) -> TradeId {
        let taker = self.next_taker;
        let market = &mut self.markets[market];
        let trade = market.tape.print(price, qty, taker_side, step.now, taker);
        step.events.push(VenueEvent::Trade { instrument: market.instrument.id, trade });
        TradeId::from_number(trade.id)
    }

    /// A resting order of an account is executed by the background.
    pub(crate) fn filled_by_market(
        &mut self,
        maker: usize,
        price: GridPrice,
        qty: GridQty,
        step: &mut Step<'_>,
    ) {
        let (market, side) = (self.orders[maker].market, self.orders[maker].side);
        let trade = self.print(market, price, qty, side.opposite(), step);
        let done = Match { price, qty, trade };
        self.book(maker, done, Liquidity::Maker, step);
        self.book_market(market, side.opposite(), done);
    }

    fn book(&mut self, index: usize, done: Match, liquidity: Liquidity, step: &mut Step<'_>) {
        let now = step.now;
        let order = &mut self.orders[index];
        order.filled.0 += done.qty.0;
        order.filled_notional += product(done.price, done.qty);
        order.updated = now;
        let complete = order.filled.0 + order.prevented.0 >= order.qty.0;
        order.status =
            if complete { VenueOrderStatus::Filled } else { VenueOrderStatus::PartiallyFilled };
        let fee = self.settle(index, done, liquidity);
        let order = &self.orders[index];
        let market = &self.markets[order.market];
        let (base, quote) = (market.instrument.base, market.instrument.quote);
        let account = order.account;
        step.balances.extend([(account, base), (account, quote)]);
        let fill = Fill {
            trade_id: done.trade,
            venue_order_id: VenueOrderId::from_number(order.id),
            client_order_id: Some(order.client_order_id),
            instrument: market.instrument.id,
            side: order.side,
            // A price on the book is above zero.
            price: match market.grid.price(done.price) {
                Some(price) => price,
                None => return,
            },
            qty: qty(&market.grid, done.qty),
            fee: Some(fee),
            liquidity,
            venue_time: now,
        };
        self.fills.entry((account, order.market)).or_default().push(fill);
        self.updated = now;
        if complete {
            self.close(now, index, VenueOrderStatus::Filled);
        }
        self.tell_order(now, index, Execution::Trade(fill), step.events);
    }

    /// Moves the money of one side, and returns the fee it paid.
    fn settle(&mut self, index: usize, done: Match, liquidity: Liquidity) -> Fee {
        let order = &self.orders[index];
        let market = &self.markets[order.market];
        let (base, quote) = (market.instrument.base, market.instrument.quote);
        let base_qty = qty(&market.grid, done.qty).get();
        let paid_quote = value(&market.grid, product(done.price, done.qty));
        let (pays, paid, gets, got) = match order.side {
            Side::Buy => (quote, paid_quote, base, base_qty),
            Side::Sell => (base, base_qty, quote, paid_quote),
        };
        // A limit buy has set aside its own price, and may have got a better one.
        let reserved = match (order.side, order.price) {
            (Side::Buy, Some(limit)) => value(&market.grid, product(limit, done.qty)),
            _ => paid,
        };
        let locked = reserved.min(order.locked);
        let rate = match liquidity {
            Liquidity::Maker => self.fees.maker,
            Liquidity::Taker => self.fees.taker,
        };
        let fee = got
            .checked_mul(rate, Rounding::Down)
            .and_then(|fee| fee.round_to(FEE_DECIMALS, Rounding::Down))
            .unwrap_or(Decimal::ZERO);
        let account = order.account;
        self.orders[index].locked = crate::accounts::less(self.orders[index].locked, locked);
        let funds = self.accounts.funds_mut(account);
        funds.unlock(pays, locked);
        funds.credit(pays, paid.checked_neg().unwrap_or(Decimal::ZERO));
        funds.credit(gets, crate::accounts::less(got, fee));
        let collected = self.fee_ledger.entry(gets).or_default();
        *collected = more(*collected, fee);
        Fee { asset: gets, amount: amount(fee) }
    }

    /// The background's side of a match.
    fn book_market(&mut self, market: usize, side: Side, done: Match) {
        let market = &self.markets[market];
        let (base, quote) = (market.instrument.base, market.instrument.quote);
        let base_qty = qty(&market.grid, done.qty).get();
        let notional = value(&market.grid, product(done.price, done.qty));
        let minus = |number: Decimal| number.checked_neg().unwrap_or(Decimal::ZERO);
        let (base_change, quote_change) = match side {
            Side::Buy => (base_qty, minus(notional)),
            Side::Sell => (minus(base_qty), notional),
        };
        for (asset, change) in [(base, base_change), (quote, quote_change)] {
            let entry = self.market_ledger.entry(asset).or_default();
            *entry = more(*entry, change);
        }
    }

    /// Two orders of one account meet. The taker's mode decides.
    fn prevent(&mut self, taker: usize, maker: usize, qty: GridQty, step: &mut Step<'_>) {
        let end = |venue: &mut SimVenue, index: usize, step: &mut Step<'_>| {
            let order = &venue.orders[index];
            step.balances.insert((order.account, venue.paying_asset(order)));
            venue.close(step.now, index, VenueOrderStatus::ExpiredInMatch);
            venue.tell_order(step.now, index, Execution::Expired, step.events);
        };
        match self.orders[taker].stp {
            SelfTradePrevention::ExpireMaker | SelfTradePrevention::None => end(self, maker, step),
            SelfTradePrevention::ExpireTaker => end(self, taker, step),
            SelfTradePrevention::ExpireBoth => {
                end(self, maker, step);
                end(self, taker, step);
            }
            SelfTradePrevention::Decrement => {
                let order = &self.orders[maker];
                let (market, side, price) = (order.market, order.side, order.price);
                if let Some(price) = price {
                    self.take_from_queue(market, side, price, qty);
                }
                for index in [maker, taker] {
                    self.orders[index].prevented.0 += qty.0;
                    if self.orders[index].leaves().0 == 0 {
                        end(self, index, step);
                    } else {
                        self.tell_order(step.now, index, Execution::Prevented, step.events);
                    }
                }
            }
        }
    }
}

/// Is a price of the other side acceptable?
pub(crate) fn within(side: Side, limit: Option<GridPrice>, price: GridPrice) -> bool {
    match (side, limit) {
        (_, None) => true,
        (Side::Buy, Some(limit)) => price <= limit,
        (Side::Sell, Some(limit)) => price >= limit,
    }
}
