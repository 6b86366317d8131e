//! Requests of an account that change something: placing and taking back.

use model::market::{GridPrice, GridQty};
use model::venue::{
    AccountRequest, CancelReplace, CancelRestriction, Execution, Filter, OrderKey, Replaced,
    Response, VenueError, VenueEvent, VenueOrder, VenueOrderStatus,
};
use model::{
    AccountId, ClientOrderId, Decimal, Fill, Instrument, InstrumentId, InstrumentKind, NewOrder,
    OrderKind, OrderQty, SelfTradePrevention, Side, TimeInForce, Timestamp, TradingMode,
    VenueOrderId,
};

use crate::filters::{self, OnGrid, OpenCounts};
use crate::matching::Step;
use crate::order::{SimOrder, qty};
use crate::venue::SimVenue;

impl SimVenue {
    /// Carries out one request of an account. Events are appended in the order in which they
    /// happen; a refusal changes nothing, besides what the time itself does.
    pub fn execute(
        &mut self,
        now: Timestamp,
        account: AccountId,
        request: &AccountRequest,
        events: &mut Vec<VenueEvent>,
    ) -> Result<Response, VenueError> {
        self.pass_time(now, events);
        let account = self.accounts.index(&account).ok_or(VenueError::NotAllowed)?;
        self.volume_passes(now, account);
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
            | AccountRequest::AccountAfter(_)
            | AccountRequest::Rights
            | AccountRequest::Scopes
            | AccountRequest::Fees(_)
            | AccountRequest::Ticket => self.ask(account, request),
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
        let desk = self.desk_mut(account, market);
        desk.by_client.insert(admitted.client_order_id, index);
        desk.open.insert(index);
        desk.orders.push(index);
        let first_fill = desk.fills.len();
        if let TimeInForce::Gtd(end) = order.time_in_force {
            self.dated.insert((end, index));
        }
        self.orders.push(admitted);
        self.updated = now;
        let mut step = Step::new(now, events);
        step.balances.push((account, asset));
        self.tell_order(now, index, Execution::New, step.events);
        if is_stop {
            self.markets[market].stops.push(index);
        } else {
            self.work(index, &mut step);
        }
        self.trigger_stops(market, &mut step);
        let Step { balances, .. } = step;
        self.close_step(now, market, balances, events);
        let number = VenueOrderId::from_number(self.orders[index].id);
        let fills = self.desk(account, market).fills[first_fill..].iter();
        let fills = fills.filter(|fill| fill.venue_order_id == number).copied().collect();
        Ok((self.tell(index), fills))
    }

    /// Everything that can refuse an order; nothing is changed.
    pub(crate) fn admit(
        &self,
        now: Timestamp,
        account: usize,
        order: &NewOrder,
    ) -> Result<SimOrder, VenueError> {
        let market_index = self.market(order.instrument)?;
        supported(&self.markets[market_index].instrument, now, order)?;
        let open = self.open_counts(account, market_index, None);
        let on_grid = filters::check(&self.markets[market_index], now, order, open)?;
        let admitted = admitted(now, account, market_index, order, on_grid);
        self.buys_a_lot(&admitted)?;
        if self.markets[market_index].instrument.mode != TradingMode::Live {
            return Err(VenueError::MarketClosed);
        }
        let named = self.desk(account, market_index).by_client.get(&order.client_order_id);
        if named.is_some_and(|index| self.orders[*index].status.is_open()) {
            return Err(VenueError::DuplicateClientOrderId);
        }
        self.not_triggered_yet(market_index, order, on_grid.trigger)?;
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

    /// An amount of quote that does not pay for the smallest quantity breaks the lot filter. Where
    /// the book ran out nobody knows what it would have paid for.
    fn buys_a_lot(&self, order: &SimOrder) -> Result<(), VenueError> {
        let OrderQty::Quote(notional) = order.ordered else { return Ok(()) };
        let market = &self.markets[order.market];
        let bought = self.quote_to_base(order, notional.get());
        let least = market.instrument.limits.qty_min;
        let too_little = bought.qty.0 == 0 || qty(&market.grid, bought.qty) < least;
        if too_little && !bought.ran_out {
            return Err(VenueError::Filter { filter: Filter::Lot });
        }
        Ok(())
    }

    /// Open orders of an account, less one that is about to go.
    fn open_counts(&self, account: usize, market: usize, without: Option<usize>) -> OpenCounts {
        let limits = &self.markets[market].instrument.limits;
        let desk = self.desk(account, market);
        let goes = without.filter(|index| desk.open.contains(index));
        let is_stop = |index: &usize| self.orders[*index].working_since.is_none();
        let orders = desk.open.len() - usize::from(goes.is_some());
        let stops = match limits.stop_orders_max {
            Some(_) => desk.open.iter().filter(|i| is_stop(i) && goes != Some(**i)).count(),
            None => 0,
        };
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        OpenCounts { orders: count(orders), stops: count(stops) }
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
        let market = &self.markets[market];
        let last = market.last_for_takers().map(|(price, _)| price);
        let best = last.or_else(|| market.book.best(side.opposite()));
        best.is_some_and(|best| match side {
            Side::Buy => price >= best,
            Side::Sell => price <= best,
        })
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
        let balances = vec![(account, self.paying_asset(order))];
        let own_id = order.client_order_id;
        let cancel_id = cancel_id.or_else(|| self.make_cancel_id()).unwrap_or(own_id);
        self.close(now, index, VenueOrderStatus::Canceled);
        self.tell_order(now, index, Execution::Canceled(cancel_id), events);
        self.close_step(now, market, balances, events);
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
        let open = self.desk(account, market).open.iter();
        let open: Vec<VenueOrderId> =
            open.map(|index| VenueOrderId::from_number(self.orders[*index].id)).collect();
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
        // Filters come before anything happens, as if the first order were gone already.
        supported(&self.markets[market].instrument, now, &replace.order)?;
        let goes = self.find(account, market, &replace.cancel).ok();
        let open = self.open_counts(account, market, goes);
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
        if matches!(order.ordered, OrderQty::Quote(_)) {
            // What it could not get, it did not want.
            order.qty = GridQty(order.filled.0 + order.prevented.0);
        }
        let leaves_book = std::mem::take(&mut order.resting);
        let is_waiting = order.working_since.is_none();
        order.status = status;
        order.updated = now;
        if let TimeInForce::Gtd(end) = order.time_in_force {
            self.dated.remove(&(end, index));
        }
        let locked = std::mem::take(&mut order.locked);
        let (account, market, side, price) = (order.account, order.market, order.side, order.price);
        self.updated = now;
        self.accounts.funds_mut(account).unlock(asset, locked);
        self.desk_mut(account, market).open.remove(&index);
        let market = &mut self.markets[market];
        if is_waiting {
            market.stops.retain(|stop| *stop != index);
        }
        if let Some(price) = price
            && leaves_book
            && market.book.take_order(side, price, index, None)
        {
            market.touch(side, price);
        }
    }
}

/// Combinations that no spot venue knows, and what this one lacks: reduce-only orders, derivatives.
/// An order until a date that has come, or that would not rest until then, is none either.
fn supported(instrument: &Instrument, now: Timestamp, order: &NewOrder) -> Result<(), VenueError> {
    let is_limit = matches!(order.kind, OrderKind::Limit { .. });
    let (rests, is_odd) = match order.time_in_force {
        TimeInForce::Gtc => (true, false),
        TimeInForce::Gtd(end) => (true, end <= now || order.kind.price().is_none()),
        TimeInForce::Ioc | TimeInForce::Fok => (false, false),
    };
    let by_quote = matches!(order.qty, OrderQty::Quote(_));
    let lacking = order.reduce_only
        || is_odd
        || instrument.kind != InstrumentKind::Spot
        || (by_quote && order.kind != OrderKind::Market)
        || (order.post_only && !(is_limit && rests));
    if lacking { Err(VenueError::Unsupported) } else { Ok(()) }
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
        resting: false,
    }
}
