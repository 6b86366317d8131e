//! Price-time matching, and what an execution does to the two sides of it.

use model::market::{GridPrice, GridQty};
use model::venue::{Execution, ExpiryReason, VenueEvent, VenueOrderStatus};
use model::{
    Asset, Decimal, Fee, Fill, Liquidity, OrderKind, OrderQty, SelfTradePrevention, Side,
    TimeInForce, Timestamp, TradeId, VenueOrderId,
};

use crate::accounts::{amount, less, more};
use crate::order::{product, qty, value};
use crate::queue::Entry;
use crate::venue::{SimVenue, to_lot};

/// One step of the exchange: its time, its events, and the balances it touches.
pub(crate) struct Step<'a> {
    pub(crate) now: Timestamp,
    pub(crate) events: &'a mut Vec<VenueEvent>,
    /// By account; may hold one twice.
    pub(crate) balances: Vec<(usize, Asset)>,
}

impl<'a> Step<'a> {
    pub(crate) fn new(now: Timestamp, events: &'a mut Vec<VenueEvent>) -> Step<'a> {
        Step { now, events, balances: Vec::new() }
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
        self.size_by_quote(index);
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
                self.expire(index, ExpiryReason::InsufficientLiquidity, step);
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
        self.orders[index].resting = true;
    }

    /// An order given in quote units gets the quantity which that buys from the book as it stands,
    /// and one lot more where the book runs out first, so that it ends as one that wanted more.
    fn size_by_quote(&mut self, index: usize) {
        let order = &self.orders[index];
        let OrderQty::Quote(notional) = order.ordered else { return };
        let bought = self.quote_to_base(order, notional.get());
        let more = if bought.ran_out { self.markets[order.market].lot } else { 0 };
        self.orders[index].qty = GridQty(bought.qty.0.saturating_add(more));
    }

    pub(crate) fn expire(&mut self, index: usize, reason: ExpiryReason, step: &mut Step<'_>) {
        self.orders[index].expiry = Some(reason);
        step.balances.push((self.orders[index].account, self.paying_asset(&self.orders[index])));
        self.close(step.now, index, VenueOrderStatus::Expired);
        self.tell_order(step.now, index, Execution::Expired, step.events);
    }

    fn take(&mut self, index: usize, step: &mut Step<'_>) {
        loop {
            let order = &self.orders[index];
            let (side, market, want) = (order.side, order.market, order.leaves());
            if want.0 <= 0 {
                return;
            }
            if self.markets[market].prints_only.is_some() {
                return self.take_last_price(index, step);
            }
            let first = self.markets[market].book.first(side.opposite());
            let Some((price, entry)) = first.filter(|(at, _)| within(side, order.price, *at))
            else {
                return;
            };
            let (maker, there) = match entry {
                Entry::Market(there) => (None, there),
                Entry::Order(maker, there) => (Some(maker), there),
            };
            let qty = want.min(there);
            let own = maker.filter(|maker| self.orders[*maker].account == order.account);
            match own {
                Some(own) if order.stp != SelfTradePrevention::None => {
                    self.prevent(index, own, qty, step);
                }
                Some(_) | None => {
                    let limit = order.price;
                    let book = &mut self.markets[market];
                    book.book.take_front(side.opposite(), price, qty);
                    book.touch(side.opposite(), price);
                    let paid = match maker {
                        Some(_) => price,
                        None => self.taken_at(&self.markets[market], side, price, limit),
                    };
                    self.execution(index, maker, paid, qty, step);
                }
            }
        }
    }

    /// Takes at the last price where no book was recorded. Accounts do not meet each other there.
    fn take_last_price(&mut self, index: usize, step: &mut Step<'_>) {
        let order = &self.orders[index];
        let (side, at, limit) = (order.side, order.market, order.price);
        let market = &self.markets[at];
        let Some((price, there)) = market.last_for_takers() else { return };
        let qty = GridQty(to_lot(order.leaves().0.min(there), market.lot).0);
        if qty.0 <= 0 || !within(side, limit, price) {
            return;
        }
        let paid = self.taken_at(market, side, price, limit);
        if let Some(prints) = &mut self.markets[at].prints_only {
            prints.left = prints.left.map(|left| left - qty.0);
        }
        let (lowest, highest) = self.markets[at].printed.unwrap_or((price, price));
        let trade = self.markets[at].tape.number();
        self.markets[at].printed = Some((lowest.min(price), highest.max(price)));
        self.book_one_side(index, paid, qty, TradeId::from_number(trade), Liquidity::Taker, step);
    }

    /// A match of an account's order with the recorded market that nobody sees.
    pub(crate) fn book_one_side(
        &mut self,
        index: usize,
        price: GridPrice,
        qty: GridQty,
        trade: TradeId,
        liquidity: Liquidity,
        step: &mut Step<'_>,
    ) {
        let (market, side) = (self.orders[index].market, self.orders[index].side);
        let done = Match { price, qty, trade };
        self.book(index, done, liquidity, step);
        self.book_market(market, side.opposite(), done);
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
        let (lowest, highest) = market.printed.unwrap_or((price, price));
        market.printed = Some((lowest.min(price), highest.max(price)));
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
        // What is all filled has left its queue already.
        order.resting &= !complete;
        order.status =
            if complete { VenueOrderStatus::Filled } else { VenueOrderStatus::PartiallyFilled };
        let account = order.account;
        self.volume_passes(now, account);
        let fee = self.settle(index, done, liquidity);
        let order = &self.orders[index];
        let market = &self.markets[order.market];
        let (base, quote) = (market.instrument.base, market.instrument.quote);
        let notional = value(&market.grid, product(done.price, done.qty));
        step.balances.extend([base, quote, fee.asset].map(|asset| (account, asset)));
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
        let market = order.market;
        self.desk_mut(account, market).fills.push(fill);
        self.volume_grows(now, account, notional);
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
        let keep = self.needed(order).min(order.locked);
        let freed = less(order.locked, keep);
        let account = order.account;
        let (fee_asset, fee) =
            self.fee(account, liquidity, order.side, (base, base_qty), (quote, paid_quote));
        self.orders[index].locked = keep;
        let minus = |number: Decimal| number.checked_neg().unwrap_or(Decimal::ZERO);
        let funds = self.accounts.funds_mut(account);
        funds.unlock(pays, freed);
        funds.credit(pays, minus(paid));
        funds.credit(gets, got);
        funds.credit(fee_asset, minus(fee));
        let collected = self.fee_ledger.entry(fee_asset).or_default();
        *collected = more(*collected, fee);
        Fee { asset: fee_asset, amount: amount(fee) }
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
        match self.orders[taker].stp {
            SelfTradePrevention::ExpireMaker | SelfTradePrevention::None => {
                self.end_in_match(maker, step);
            }
            SelfTradePrevention::ExpireTaker => self.end_in_match(taker, step),
            SelfTradePrevention::ExpireBoth => {
                self.end_in_match(maker, step);
                self.end_in_match(taker, step);
            }
            SelfTradePrevention::Decrement => self.decrement(taker, maker, qty, step),
        }
    }

    fn end_in_match(&mut self, index: usize, step: &mut Step<'_>) {
        let order = &self.orders[index];
        step.balances.push((order.account, self.paying_asset(order)));
        self.close(step.now, index, VenueOrderStatus::ExpiredInMatch);
        self.tell_order(step.now, index, Execution::Expired, step.events);
    }

    /// Both shrink by what would have traded, and free what was set aside for it.
    fn decrement(&mut self, taker: usize, maker: usize, qty: GridQty, step: &mut Step<'_>) {
        let order = &self.orders[maker];
        let (market, side) = (order.market, order.side);
        if let Some(price) = order.price {
            let market = &mut self.markets[market];
            market.book.take_order(side, price, maker, Some(qty));
            market.touch(side, price);
        }
        for index in [maker, taker] {
            self.orders[index].prevented.0 += qty.0;
            self.orders[index].updated = step.now;
            if self.orders[index].leaves().0 == 0 {
                self.orders[index].resting = false;
                self.end_in_match(index, step);
                continue;
            }
            let order = &self.orders[index];
            let (account, asset, keep) = (order.account, self.paying_asset(order), order.locked);
            let keep = keep.min(self.needed(order));
            let freed = less(self.orders[index].locked, keep);
            self.orders[index].locked = keep;
            self.accounts.funds_mut(account).unlock(asset, freed);
            step.balances.push((account, asset));
            self.tell_order(step.now, index, Execution::Prevented, step.events);
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
