//! Requests of an account: placing, taking back, asking.

use std::collections::BTreeSet;

use model::market::{GridPrice, GridQty};
use model::venue::{
    AccountRequest, AccountSnapshot, CancelReplace, CancelRestriction, Execution, OrderKey,
    Replaced, Response, TradesFrom, VenueError, VenueEvent, VenueOrder, VenueOrderStatus,
};
use model::{
    AccountId, Asset, ClientOrderId, Decimal, Fill, InstrumentId, NewOrder, OrderKind, OrderQty,
    SelfTradePrevention, Side, TimeInForce, Timestamp, TradingMode, VenueOrderId,
};

use crate::filters::{self, OnGrid, OpenCounts};
use crate::matching::Step;
use crate::order::{SimOrder, product, value};
use crate::venue::SimVenue;

impl SimVenue {
    /// Carries out one request of an account. Events are appended in the order in which they
    /// happen; a refusal changes nothing.
    pub fn execute(
        &mut self,
        now: Timestamp,
        account: AccountId,
        request: &AccountRequest,
        events: &mut Vec<VenueEvent>,
    ) -> Result<Response, VenueError> {
        let account = self.accounts.index(&account).ok_or(VenueError::NotAllowed)?;
        match request {
            AccountRequest::Place(order) => {
                let (order, fills) = self.place(now, account, order, events)?;
                Ok(Response::Placed { order, fills })
            }
            AccountRequest::Test(order) => {
                self.admit(now, account, order).map(|_| Response::Tested)
            }
            AccountRequest::Cancel { instrument, order, cancel_id, only } => {
                let market = self.market(*instrument)?;
                let (order, cancel_id) =
                    self.cancel(now, account, market, order, *cancel_id, *only, events)?;
                Ok(Response::Canceled { order, cancel_id })
            }
            AccountRequest::CancelAll(instrument) => {
                self.cancel_all(now, account, *instrument, events)
            }
            AccountRequest::CancelReplace(replace) => {
                self.cancel_replace(now, account, replace, events)
            }
            AccountRequest::Order { .. }
            | AccountRequest::OpenOrders(_)
            | AccountRequest::Orders { .. }
            | AccountRequest::Fills { .. }
            | AccountRequest::Account
            | AccountRequest::Fees(_) => self.ask(account, request),
        }
    }

    pub(crate) fn market(&self, instrument: InstrumentId) -> Result<usize, VenueError> {
        self.by_id.get(&instrument).copied().ok_or(VenueError::UnknownInstrument)
    }

    fn place(
        &mut self,
        now: Timestamp,
        account: usize,
        order: &NewOrder,
        events: &mut Vec<VenueEvent>,
    ) -> Result<(VenueOrder, Vec<Fill>), VenueError> {
        let mut admitted = self.admit(now, account, order)?;
        let market = admitted.market;
        let lock = self.needed(&admitted);
        let asset = self.paying_asset(&admitted);
        if !self.accounts.funds_mut(account).lock(asset, lock) {
            return Err(VenueError::InsufficientBalance);
        }
        admitted.locked = lock;
        let index = self.orders.len();
        admitted.id = index as u64 + 1;
        let is_stop = admitted.kind.trigger().is_some();
        admitted.working_since = (!is_stop).then_some(now);
        self.by_client.insert((account, market, admitted.client_order_id), index);
        self.open.insert(index);
        self.orders.push(admitted);
        self.updated = now;
        let mut step = Step::new(now, events);
        step.balances.insert((account, asset));
        self.tell_order(now, index, Execution::New, step.events);
        let first_fill = self.fills.get(&(account, market)).map_or(0, Vec::len);
        if is_stop {
            self.markets[market].stops.push(index);
        } else {
            self.work(index, &mut step);
        }
        self.trigger_stops(market, &mut step);
        let Step { balances, .. } = step;
        self.close_step(now, market, &balances, events);
        let number = VenueOrderId::from_number(self.orders[index].id);
        let fills =
            self.fills.get(&(account, market)).map_or(&[][..], |fills| &fills[first_fill..]);
        let fills = fills.iter().filter(|fill| fill.venue_order_id == number).copied().collect();
        Ok((self.tell(index), fills))
    }

    /// Everything that can refuse an order, except its funds; nothing is changed.
    fn admit(
        &self,
        now: Timestamp,
        account: usize,
        order: &NewOrder,
    ) -> Result<SimOrder, VenueError> {
        let market_index = self.market(order.instrument)?;
        let market = &self.markets[market_index];
        let on_grid = filters::check(market, now, order, self.open_counts(account, market_index))?;
        if market.instrument.mode != TradingMode::Live {
            return Err(VenueError::MarketClosed);
        }
        if order.reduce_only || matches!(order.time_in_force, TimeInForce::Gtd(_)) {
            return Err(VenueError::Unsupported);
        }
        if matches!(order.qty, OrderQty::Quote(_)) && order.kind != OrderKind::Market {
            return Err(VenueError::Unsupported);
        }
        let named = self.by_client.get(&(account, market_index, order.client_order_id));
        if named.is_some_and(|index| self.orders[*index].status.is_open()) {
            return Err(VenueError::DuplicateClientOrderId);
        }
        self.not_triggered_yet(market_index, order, on_grid.trigger)?;
        let admitted = admitted(now, account, market_index, order, on_grid);
        let funds = self.accounts.funds(account).free(self.paying_asset(&admitted));
        if self.cost(&admitted) > funds {
            return Err(VenueError::InsufficientBalance);
        }
        let takes =
            on_grid.price.is_some_and(|price| self.would_take(market_index, order.side, price));
        if order.post_only && takes {
            return Err(VenueError::WouldTake);
        }
        Ok(admitted)
    }

    fn open_counts(&self, account: usize, market: usize) -> OpenCounts {
        let mut open = OpenCounts { orders: 0, stops: 0 };
        let mine = self.open.iter().map(|index| &self.orders[*index]);
        for order in mine.filter(|order| order.account == account && order.market == market) {
            open.orders += 1;
            open.stops += u32::from(order.working_since.is_none());
        }
        open
    }

    /// A trigger on the wrong side of the market would fire at once.
    fn not_triggered_yet(
        &self,
        market: usize,
        order: &NewOrder,
        trigger: Option<GridPrice>,
    ) -> Result<(), VenueError> {
        let upward = order.kind.triggers_upward(order.side);
        let (Some(trigger), Some(upward), Some(last)) =
            (trigger, upward, self.markets[market].last_price())
        else {
            return Ok(());
        };
        let fires = if upward { last >= trigger } else { last <= trigger };
        if fires { Err(VenueError::WouldTrigger) } else { Ok(()) }
    }

    pub(crate) fn would_take(&self, market: usize, side: Side, price: GridPrice) -> bool {
        let best = self.markets[market].book.best(side.opposite());
        best.is_some_and(|best| match side {
            Side::Buy => price >= best,
            Side::Sell => price <= best,
        })
    }

    pub(crate) fn paying_asset(&self, order: &SimOrder) -> Asset {
        let instrument = &self.markets[order.market].instrument;
        match order.side {
            Side::Buy => instrument.quote,
            Side::Sell => instrument.base,
        }
    }

    /// What is set aside when the order is accepted. A market order pays as it goes.
    fn needed(&self, order: &SimOrder) -> Decimal {
        if order.kind == OrderKind::Market { Decimal::ZERO } else { self.cost(order) }
    }

    /// What the order costs at most, in the asset that pays.
    pub(crate) fn cost(&self, order: &SimOrder) -> Decimal {
        let market = &self.markets[order.market];
        let trigger = order.kind.trigger().and_then(|price| market.grid.grid_price(price));
        match (order.side, order.ordered, order.price.or(trigger)) {
            (Side::Sell, OrderQty::Base(_), _) => {
                crate::order::qty(&market.grid, order.leaves()).get()
            }
            (Side::Buy, OrderQty::Base(_), Some(price)) => {
                value(&market.grid, product(price, order.leaves()))
            }
            (Side::Buy, OrderQty::Base(_), None) => {
                value(&market.grid, self.walk(order.market, order.side, order.leaves()))
            }
            (Side::Buy, OrderQty::Quote(notional), _) => notional.get(),
            // Selling for an amount of quote takes as many lots as that is worth now.
            (Side::Sell, OrderQty::Quote(notional), _) => {
                let best = market.book.best(Side::Buy).and_then(|price| market.grid.price(price));
                best.and_then(|p| notional.get().checked_div(p.get(), model::Rounding::Down))
                    .unwrap_or(Decimal::ZERO)
            }
        }
    }

    /// What taking `qty` from the book comes to, in grid counts.
    fn walk(&self, market: usize, side: Side, qty: GridQty) -> i128 {
        let (mut left, mut cost) = (qty.0, 0i128);
        for (price, queue) in self.markets[market].book.levels(side.opposite()) {
            let taken = left.min(queue.total);
            cost += product(price, GridQty(taken));
            left -= taken;
            if left == 0 {
                break;
            }
        }
        cost
    }

    #[expect(clippy::too_many_arguments, reason = "the fields of one request, named by it")]
    fn cancel(
        &mut self,
        now: Timestamp,
        account: usize,
        market: usize,
        key: &OrderKey,
        cancel_id: Option<ClientOrderId>,
        only: Option<CancelRestriction>,
        events: &mut Vec<VenueEvent>,
    ) -> Result<(VenueOrder, ClientOrderId), VenueError> {
        if self.markets[market].instrument.mode == TradingMode::Halted {
            return Err(VenueError::MarketClosed);
        }
        let index = self.find(account, market, key)?;
        let order = &self.orders[index];
        if !order.status.is_open() {
            return Err(VenueError::UnknownOrder);
        }
        let allowed = match only {
            None => true,
            Some(CancelRestriction::OnlyNew) => order.status == VenueOrderStatus::New,
            Some(CancelRestriction::OnlyPartlyFilled) => {
                order.status == VenueOrderStatus::PartiallyFilled
            }
        };
        if !allowed {
            return Err(VenueError::CancelRestricted);
        }
        let balances = BTreeSet::from([(account, self.paying_asset(order))]);
        let own_id = order.client_order_id;
        let cancel_id = cancel_id.or_else(|| self.make_cancel_id()).unwrap_or(own_id);
        self.close(now, index, VenueOrderStatus::Canceled);
        self.tell_order(now, index, Execution::Canceled(cancel_id), events);
        self.close_step(now, market, &balances, events);
        Ok((self.tell(index), cancel_id))
    }

    fn make_cancel_id(&mut self) -> Option<ClientOrderId> {
        self.next_cancel += 1;
        ClientOrderId::new(&format!("cancel-{}", self.next_cancel)).ok()
    }

    fn cancel_all(
        &mut self,
        now: Timestamp,
        account: usize,
        instrument: InstrumentId,
        events: &mut Vec<VenueEvent>,
    ) -> Result<Response, VenueError> {
        let market = self.market(instrument)?;
        let mine = |order: &SimOrder| order.account == account && order.market == market;
        let open: Vec<VenueOrderId> = self
            .open
            .iter()
            .map(|index| &self.orders[*index])
            .filter(|order| mine(order))
            .map(|order| VenueOrderId::from_number(order.id))
            .collect();
        if open.is_empty() {
            return Err(VenueError::UnknownOrder);
        }
        let mut canceled = Vec::with_capacity(open.len());
        for id in open {
            let key = OrderKey::Venue(id);
            canceled.push(self.cancel(now, account, market, &key, None, None, events)?);
        }
        Ok(Response::CanceledAll(canceled))
    }

    fn cancel_replace(
        &mut self,
        now: Timestamp,
        account: usize,
        replace: &CancelReplace,
        events: &mut Vec<VenueEvent>,
    ) -> Result<Response, VenueError> {
        let market = self.market(replace.order.instrument)?;
        // Filters come before anything happens.
        let open = self.open_counts(account, market);
        let open = OpenCounts { orders: open.orders.saturating_sub(1), ..open };
        filters::check(&self.markets[market], now, &replace.order, open)?;
        let (id, only) = (replace.cancel_id, replace.only);
        let cancel = self.cancel(now, account, market, &replace.cancel, id, only, events);
        let new = if cancel.is_err() && replace.stop_on_failure {
            None
        } else {
            Some(self.place(now, account, &replace.order, events))
        };
        Ok(Response::Replaced(Box::new(Replaced { cancel, new })))
    }

    /// An order is over: off the book, out of the waiting list, its funds free again.
    pub(crate) fn close(&mut self, now: Timestamp, index: usize, status: VenueOrderStatus) {
        let asset = self.paying_asset(&self.orders[index]);
        let order = &mut self.orders[index];
        let was_resting = order.working_since.is_some();
        order.status = status;
        order.updated = now;
        let locked = std::mem::take(&mut order.locked);
        let (account, market, side, price) = (order.account, order.market, order.side, order.price);
        self.updated = now;
        self.accounts.funds_mut(account).unlock(asset, locked);
        self.open.remove(&index);
        let market = &mut self.markets[market];
        if !was_resting {
            market.stops.retain(|stop| *stop != index);
        } else if let Some(price) = price
            && market.book.side(side).contains_key(&price)
        {
            market.book.remove(side, price, index);
            market.touch(side, price);
        }
    }

    fn find(&self, account: usize, market: usize, key: &OrderKey) -> Result<usize, VenueError> {
        let by_venue = |id: &VenueOrderId| {
            let number: usize = id.as_str().parse().ok()?;
            let index = number.checked_sub(1)?;
            let order = self.orders.get(index)?;
            (order.account == account && order.market == market).then_some(index)
        };
        let by_client = |id: &ClientOrderId| self.by_client.get(&(account, market, *id)).copied();
        match key {
            OrderKey::Venue(id) => by_venue(id).ok_or(VenueError::UnknownOrder),
            OrderKey::Client(id) => by_client(id).ok_or(VenueError::UnknownOrder),
            OrderKey::Both(venue, client) => {
                let index = by_venue(venue).ok_or(VenueError::UnknownOrder)?;
                if self.orders[index].client_order_id == *client {
                    Ok(index)
                } else {
                    Err(VenueError::OrderNamesDiffer)
                }
            }
        }
    }

    pub(crate) fn tell(&self, index: usize) -> VenueOrder {
        let order = &self.orders[index];
        let market = &self.markets[order.market];
        order.tell(market.instrument.id, &market.grid)
    }

    /// Questions: nothing changes.
    fn ask(&self, account: usize, request: &AccountRequest) -> Result<Response, VenueError> {
        match request {
            AccountRequest::Order { instrument, order } => {
                let market = self.market(*instrument)?;
                Ok(Response::Order(self.tell(self.find(account, market, order)?)))
            }
            AccountRequest::OpenOrders(instrument) => {
                let market = instrument.map(|id| self.market(id)).transpose()?;
                let mine = self.open.iter().filter(|index| {
                    let order = &self.orders[**index];
                    order.account == account && market.is_none_or(|market| order.market == market)
                });
                Ok(Response::Orders(mine.map(|index| self.tell(*index)).collect()))
            }
            AccountRequest::Orders { instrument, from, start, end, limit } => {
                let market = self.market(*instrument)?;
                let first: u64 = from.and_then(|id| id.as_str().parse().ok()).unwrap_or(0);
                let mine = self.orders.iter().filter(|order| {
                    order.account == account
                        && order.market == market
                        && order.id >= first
                        && start.is_none_or(|start| order.created >= start)
                        && end.is_none_or(|end| order.created <= end)
                });
                let all: Vec<VenueOrder> =
                    mine.map(|order| self.tell(order.id as usize - 1)).collect();
                let newest = from.is_none() && start.is_none();
                Ok(Response::Orders(cut(all, *limit as usize, newest)))
            }
            AccountRequest::Fills { instrument, order, from, limit } => {
                let market = self.market(*instrument)?;
                Ok(Response::Fills(self.fills_of(account, market, *order, *from, *limit)))
            }
            AccountRequest::Fees(instrument) => {
                self.market(*instrument).map(|_| Response::Fees(self.fees))
            }
            AccountRequest::Account => Ok(Response::Account(AccountSnapshot {
                can_trade: true,
                can_withdraw: false,
                updated: self.updated,
                balances: self.accounts.funds(account).all().collect(),
            })),
            AccountRequest::Place(_)
            | AccountRequest::Test(_)
            | AccountRequest::Cancel { .. }
            | AccountRequest::CancelAll(_)
            | AccountRequest::CancelReplace(_) => Err(VenueError::Unsupported),
        }
    }

    fn fills_of(
        &self,
        account: usize,
        market: usize,
        order: Option<VenueOrderId>,
        from: TradesFrom,
        limit: u32,
    ) -> Vec<Fill> {
        let number = |fill: &Fill| fill.trade_id.as_str().parse::<u64>().unwrap_or(0);
        let fills = self.fills.get(&(account, market)).map_or(&[][..], Vec::as_slice);
        let mine = fills.iter().filter(|fill| order.is_none_or(|id| fill.venue_order_id == id));
        let mine = mine.filter(|fill| match from {
            TradesFrom::Newest => true,
            TradesFrom::Id(first) => number(fill) >= first,
            TradesFrom::Time { start, end } => {
                start.is_none_or(|start| fill.venue_time >= start)
                    && end.is_none_or(|end| fill.venue_time <= end)
            }
        });
        let newest = matches!(from, TradesFrom::Newest | TradesFrom::Time { start: None, .. });
        cut(mine.copied().collect(), limit as usize, newest)
    }
}

/// At most `limit` of a list: the newest, or the oldest.
fn cut<T>(mut list: Vec<T>, limit: usize, newest: bool) -> Vec<T> {
    if newest && list.len() > limit {
        list.drain(..list.len() - limit);
    }
    list.truncate(limit);
    list
}

fn admitted(
    now: Timestamp,
    account: usize,
    market: usize,
    order: &NewOrder,
    on_grid: OnGrid,
) -> SimOrder {
    SimOrder {
        id: 0,
        account,
        market,
        client_order_id: order.client_order_id,
        side: order.side,
        kind: order.kind,
        ordered: order.qty,
        price: on_grid.price,
        qty: on_grid.qty,
        filled: GridQty(0),
        filled_notional: 0,
        prevented: GridQty(0),
        time_in_force: order.time_in_force,
        post_only: order.post_only,
        stp: order.self_trade_prevention.unwrap_or(SelfTradePrevention::ExpireMaker),
        status: VenueOrderStatus::New,
        created: now,
        updated: now,
        working_since: None,
        expiry: None,
        locked: Decimal::ZERO,
    }
}
