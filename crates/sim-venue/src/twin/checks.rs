//! The twin's commands: what it refuses, and what an accepted one starts.

use model::venue::{AccountRequest, Filter, OrderKey};
use model::{ClientOrderId, PriceBand};

use super::*;

/// What a command that changes something comes to.
pub(crate) type Done = Result<Vec<VenueOrder>, VenueError>;

impl Twin {
    pub(crate) fn execute(
        &mut self,
        now: Timestamp,
        account: usize,
        request: &AccountRequest,
    ) -> Done {
        self.pass_time(now);
        match request {
            AccountRequest::Place(order) => self.place(now, account, order).map(|o| vec![o]),
            AccountRequest::Cancel { instrument, order, only, .. } => {
                assert!(only.is_none(), "restrictions are tested by tables");
                let market = self.market(*instrument);
                self.cancel(now, account, market, order).map(|o| vec![o])
            }
            AccountRequest::CancelAll(instrument) => {
                let market = self.market(*instrument);
                let mine = |index: &usize| {
                    let order = &self.orders[*index];
                    order.account == account
                        && order.market == market
                        && order.told.status.is_open()
                };
                let open: Vec<usize> = (0..self.orders.len()).filter(mine).collect();
                if open.is_empty() {
                    return Err(VenueError::UnknownOrder);
                }
                let cancel = |index: usize| {
                    let key = OrderKey::Venue(self.orders[index].told.id);
                    self.cancel(now, account, market, &key)
                };
                open.into_iter().map(cancel).collect()
            }
            AccountRequest::CancelReplace(replace) => {
                let market = self.market(replace.order.instrument);
                self.supported(now, &replace.order)?;
                let goes = self.find(account, market, &replace.cancel).ok();
                self.filters(now, account, market, &replace.order, goes)?;
                let cancel = self.cancel(now, account, market, &replace.cancel);
                let mut done = Vec::new();
                if cancel.is_ok() || !replace.stop_on_failure {
                    done.extend(self.place(now, account, &replace.order));
                }
                done.extend(cancel);
                Ok(done)
            }
            AccountRequest::Test(_)
            | AccountRequest::Order { .. }
            | AccountRequest::OpenOrders(_)
            | AccountRequest::Orders { .. }
            | AccountRequest::Fills { .. }
            | AccountRequest::Account
            | AccountRequest::AccountAfter(_)
            | AccountRequest::Rights
            | AccountRequest::Scopes
            | AccountRequest::Fees(_)
            | AccountRequest::Ticket => Ok(Vec::new()),
        }
    }

    pub(super) fn market(&self, instrument: model::InstrumentId) -> usize {
        self.instruments.iter().position(|i| i.id == instrument).unwrap()
    }

    fn find(&self, account: usize, market: usize, key: &OrderKey) -> Result<usize, VenueError> {
        let mine = |order: &TwinOrder| order.account == account && order.market == market;
        let named = |name: &ClientOrderId| {
            self.orders.iter().rposition(|o| mine(o) && o.told.client_order_id == *name)
        };
        let numbered =
            |id: &VenueOrderId| self.orders.iter().position(|o| mine(o) && o.told.id == *id);
        match key {
            OrderKey::Client(name) => named(name).ok_or(VenueError::UnknownOrder),
            OrderKey::Venue(id) => numbered(id).ok_or(VenueError::UnknownOrder),
            OrderKey::Both(id, name) => {
                let index = numbered(id).ok_or(VenueError::UnknownOrder)?;
                let same = self.orders[index].told.client_order_id == *name;
                if same { Ok(index) } else { Err(VenueError::OrderNamesDiffer) }
            }
        }
    }

    fn cancel(
        &mut self,
        now: Timestamp,
        account: usize,
        market: usize,
        key: &OrderKey,
    ) -> Result<VenueOrder, VenueError> {
        if self.instruments[market].mode == TradingMode::Halted {
            return Err(VenueError::MarketClosed);
        }
        let index = self.find(account, market, key)?;
        if !self.orders[index].told.status.is_open() {
            return Err(VenueError::UnknownOrder);
        }
        self.end(now, index, VenueOrderStatus::Canceled);
        Ok(self.orders[index].told.clone())
    }

    fn supported(&self, now: Timestamp, order: &NewOrder) -> Result<(), VenueError> {
        let by_quote = matches!(order.qty, OrderQty::Quote(_));
        let is_limit = matches!(order.kind, OrderKind::Limit { .. });
        let at_once = matches!(order.time_in_force, TimeInForce::Ioc | TimeInForce::Fok);
        let odd_post = order.post_only && (!is_limit || at_once);
        let odd_date = match order.time_in_force {
            TimeInForce::Gtd(end) => end <= now || order.kind.price().is_none(),
            TimeInForce::Gtc | TimeInForce::Ioc | TimeInForce::Fok => false,
        };
        if order.reduce_only
            || odd_date
            || odd_post
            || (by_quote && order.kind != OrderKind::Market)
        {
            return Err(VenueError::Unsupported);
        }
        Ok(())
    }

    /// The middle of the book, where nothing has traded yet.
    fn last(&self, market: usize) -> Option<Decimal> {
        let last = self.prints.iter().rev().find(|print| print.market == market);
        let middle = || {
            let bid = self.resting[self.first(market, Side::Sell, None)?].price;
            let ask = self.resting[self.first(market, Side::Buy, None)?].price;
            let step = Decimal::new(1, self.instruments[market].tick.decimals());
            times(plus(bid, ask), Decimal::new(5, 1)).down_to(step)
        };
        last.map(|print| print.price).or_else(middle)
    }

    fn average(&self, now: Timestamp, market: usize) -> Option<Decimal> {
        let from = now.nanos() - 300_000_000_000;
        let recent = |print: &&Print| {
            let second = print.time.nanos() - print.time.nanos().rem_euclid(1_000_000_000);
            print.market == market && second >= from
        };
        let (mut quote, mut base) = (Decimal::ZERO, Decimal::ZERO);
        for print in self.prints.iter().filter(recent) {
            quote = plus(quote, times(print.price, print.qty));
            base = plus(base, print.qty);
        }
        if base.is_zero() {
            return self.last(market);
        }
        let step = Decimal::new(1, self.instruments[market].tick.decimals());
        quote.checked_div(base, Rounding::Down)?.down_to(step)
    }

    fn filters(
        &self,
        now: Timestamp,
        account: usize,
        market: usize,
        order: &NewOrder,
        without: Option<usize>,
    ) -> Result<(), VenueError> {
        let Instrument { tick, lot, limits, .. } = &self.instruments[market];
        let fails = |filter: Filter| Err(VenueError::Filter { filter });
        for price in [order.kind.price(), order.kind.trigger()].into_iter().flatten() {
            let outside = limits.price_min.is_some_and(|min| price < min)
                || limits.price_max.is_some_and(|max| price > max);
            if outside || !tick.divides(price.get()) {
                return fails(Filter::Price);
            }
        }
        let average = self.average(now, market);
        if let (
            Some(price),
            Some(PriceBand { bid_min, bid_max, ask_min, ask_max }),
            Some(average),
        ) = (order.kind.price(), limits.band, average)
        {
            let (low, high) = match order.side {
                Side::Buy => (bid_min, bid_max),
                Side::Sell => (ask_min, ask_max),
            };
            if price.get() < times(average, low) || price.get() > times(average, high) {
                return fails(Filter::PriceBand);
            }
        }
        if let OrderQty::Base(qty) = order.qty {
            let outside = qty < limits.qty_min || limits.qty_max.is_some_and(|max| qty > max);
            if outside || qty.is_zero() || !lot.divides(qty.get()) {
                return fails(Filter::Lot);
            }
            let is_market = order.kind == OrderKind::Market;
            if is_market && limits.market_qty_max.is_some_and(|max| qty > max) {
                return fails(Filter::MarketLot);
            }
        }
        let price = order.kind.price().or(order.kind.trigger()).map(Price::get).or(average);
        let notional = match order.qty {
            OrderQty::Quote(notional) => Some(notional.get()),
            OrderQty::Base(qty) => price.map(|price| times(price, qty.get())),
        };
        if let Some(notional) = notional {
            let capped = order.kind != OrderKind::Market;
            let max = limits.notional_max.filter(|_| capped);
            let too_large = max.is_some_and(|max| notional > max.get());
            if notional < limits.notional_min.get() || too_large {
                return fails(Filter::Notional);
            }
        }
        let mine = self.orders.iter().enumerate().filter(|(index, open)| {
            open.account == account
                && open.market == market
                && open.told.status.is_open()
                && without != Some(*index)
        });
        let (mut open, mut stops) = (0, 0);
        for (_, order) in mine {
            open += 1;
            stops += u32::from(order.told.working_since.is_none());
        }
        if limits.open_orders_max.is_some_and(|max| open >= max) {
            return fails(Filter::OpenOrders);
        }
        let is_stop = order.kind.trigger().is_some();
        if is_stop && limits.stop_orders_max.is_some_and(|max| stops >= max) {
            return fails(Filter::StopOrders);
        }
        Ok(())
    }

    fn place(
        &mut self,
        now: Timestamp,
        account: usize,
        order: &NewOrder,
    ) -> Result<VenueOrder, VenueError> {
        let market = self.market(order.instrument);
        self.supported(now, order)?;
        self.filters(now, account, market, order, None)?;
        let told = VenueOrder {
            id: VenueOrderId::from_number(self.orders.len() as u64 + 1),
            client_order_id: order.client_order_id,
            instrument: order.instrument,
            side: order.side,
            kind: order.kind,
            ordered: order.qty,
            qty: match order.qty {
                OrderQty::Base(qty) => qty,
                OrderQty::Quote(_) => Qty::ZERO,
            },
            time_in_force: order.time_in_force,
            post_only: order.post_only,
            self_trade_prevention: order
                .self_trade_prevention
                .unwrap_or(SelfTradePrevention::ExpireMaker),
            status: VenueOrderStatus::New,
            filled: Qty::ZERO,
            filled_notional: Notional::ZERO,
            prevented: Qty::ZERO,
            created: now,
            updated: now,
            working_since: order.kind.trigger().is_none().then_some(now),
            expiry: None,
        };
        let index = self.orders.len();
        let duplicate = self.find(account, market, &OrderKey::Client(order.client_order_id));
        self.orders.push(TwinOrder { account, market, told, locked: Decimal::ZERO });
        let verdict = self.verdict(now, index, duplicate.ok());
        if let Err(refusal) = verdict {
            self.orders.pop();
            return Err(refusal);
        }
        let need = self.need(&self.orders[index]);
        self.orders[index].locked = need;
        let paying = self.paying(market, order.side);
        let funds = self.funds(account, paying);
        *funds = (minus(funds.0, need), plus(funds.1, need));
        let from = self.prints.len();
        if order.kind.trigger().is_none() {
            self.work(now, index);
        }
        self.wake(now, market, from, None);
        Ok(self.orders[index].told.clone())
    }

    /// All reasons to refuse an order that passed the filters, in the venue's order.
    fn verdict(
        &mut self,
        now: Timestamp,
        index: usize,
        namesake: Option<usize>,
    ) -> Result<(), VenueError> {
        let order = self.orders[index].clone();
        let (market, told) = (order.market, &order.told);
        let mut cost = self.need(&order);
        if told.kind == OrderKind::Market {
            cost = match (told.side, told.ordered) {
                (Side::Sell, OrderQty::Base(qty)) => qty.get(),
                (Side::Buy, OrderQty::Base(_)) => self.trial_cost(now, index),
                (Side::Buy, OrderQty::Quote(notional)) => notional.get(),
                (Side::Sell, OrderQty::Quote(notional)) => self.for_quote(now, index, notional).0,
            };
        }
        if let OrderQty::Quote(notional) = told.ordered {
            let (qty, ran_out) = self.for_quote(now, index, notional);
            let least = self.instruments[market].limits.qty_min.get();
            if !ran_out && (qty.is_zero() || qty < least) {
                return Err(VenueError::Filter { filter: Filter::Lot });
            }
        }
        if self.instruments[market].mode != TradingMode::Live {
            return Err(VenueError::MarketClosed);
        }
        if namesake.is_some_and(|index| self.orders[index].told.status.is_open()) {
            return Err(VenueError::DuplicateClientOrderId);
        }
        let trigger = told.kind.trigger().zip(told.kind.triggers_upward(told.side));
        if let (Some((trigger, upward)), Some(last)) = (trigger, self.last(market))
            && (if upward { last >= trigger.get() } else { last <= trigger.get() })
        {
            return Err(VenueError::WouldTrigger);
        }
        let paying = self.paying(market, told.side);
        if cost > self.funds(order.account, paying).0 {
            return Err(VenueError::InsufficientBalance);
        }
        if told.post_only && self.first(market, told.side, order.limit()).is_some() {
            return Err(VenueError::WouldTake);
        }
        Ok(())
    }
}
