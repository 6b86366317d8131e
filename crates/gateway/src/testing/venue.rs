//! A venue with books of its own, which executes, forgets and misreports on command.

use std::collections::BTreeMap;

use model::venue::{
    AccountEvent, AccountRequest, AccountSnapshot, Execution, IdClass, OrderKey, PageCursor,
    Response, TradesFrom, Unread, VenueError, VenueOrder, VenueOrderStatus,
};
use model::{
    Amount, Asset, Balance, ClientOrderId, Fee, Fill, InstrumentId, Liquidity, NewOrder, Notional,
    OrderQty, OrderSpec, Outcome, Price, Qty, Rounding, SelfTradePrevention, Side, Timestamp,
    TradeId, VenueOrderId,
};

use super::number;

/// The venue's own books, kept without any of the gateway's code.
#[derive(Default)]
pub(crate) struct Venue {
    pub(crate) orders: Vec<VenueOrder>,
    pub(crate) fills: Vec<Fill>,
    pub(crate) balances: BTreeMap<Asset, Amount>,
    /// How often each id was placed.
    pub(crate) places: BTreeMap<ClientOrderId, u32>,
    /// Shows its orders and lets go of none, as an exchange does that is halted.
    pub(crate) frozen: bool,
    pub(crate) changed: Timestamp,
    /// Takes cancels for processing and lists executions newest first, in pages.
    pub(crate) sums: bool,
    /// What it does with an id that was used before.
    pub(crate) id_class: Option<IdClass>,
    /// What each execution costs.
    pub(crate) fee: Option<Fee>,
    /// Tells this of the account, which is older than what it executes.
    pub(crate) lagging: Option<AccountSnapshot>,
    /// Executions in a list, whatever is asked for.
    pub(crate) page_cap: Option<usize>,
    /// Denies every order that it is asked for.
    pub(crate) denies: bool,
    /// Refuses lists of orders in any state.
    pub(crate) no_lists: bool,
    /// Rows of its lists that nobody understands: orders, and among the executions.
    pub(crate) strange: Vec<Unread>,
}

impl Venue {
    pub(crate) fn order(&self, id: &ClientOrderId) -> Option<&VenueOrder> {
        self.orders.iter().rev().find(|order| order.client_order_id == *id)
    }

    pub(super) fn order_mut(&mut self, id: &ClientOrderId) -> Option<&mut VenueOrder> {
        self.orders.iter_mut().rev().find(|order| order.client_order_id == *id)
    }

    pub(crate) fn execute(
        &mut self,
        now: Timestamp,
        asked: &AccountRequest,
    ) -> Result<Response, VenueError> {
        match asked {
            AccountRequest::Order { .. } if self.denies => Err(VenueError::UnknownOrder),
            AccountRequest::OpenOrders(_) if self.denies => Ok(Response::Orders(Vec::new())),
            AccountRequest::Place(new) => self.place(now, new),
            AccountRequest::Cancel { order: OrderKey::Client(id), .. } => self.cancel(now, id),
            AccountRequest::Order { order: OrderKey::Client(id), .. } => {
                self.order(id).cloned().map(Response::Order).ok_or(VenueError::UnknownOrder)
            }
            AccountRequest::Cancel { instrument, order: OrderKey::Venue(id), .. } => {
                let id = self.named(*instrument, *id)?.client_order_id;
                let done = self.cancel(now, &id)?;
                let Response::Canceled { order, .. } = done else { panic!("{done:?}") };
                Ok(Response::CancelTaken(order.id))
            }
            AccountRequest::Order { instrument, order: OrderKey::Both(id, name), .. } => {
                let found = self.named(*instrument, *id)?;
                assert_eq!(found.client_order_id, *name);
                Ok(Response::Order(found.clone()))
            }
            AccountRequest::Order { instrument, order: OrderKey::Venue(id), .. } => {
                self.named(*instrument, *id).cloned().map(Response::Order)
            }
            AccountRequest::OpenOrders(of) => {
                let open = self.orders.iter().filter(|order| {
                    order.status.is_open() && of.is_none_or(|of| of == order.instrument)
                });
                Ok(Response::Orders(open.cloned().collect()))
            }
            AccountRequest::Orders { .. } if self.no_lists => Err(VenueError::Unsupported),
            AccountRequest::Orders { from, start, end, limit, .. } => {
                let number = |id: VenueOrderId| id.as_str().parse::<u64>().unwrap();
                let wanted = |order: &&VenueOrder| {
                    from.is_none_or(|from| number(order.id) >= number(from))
                        && start.is_none_or(|start| order.created >= start)
                        && end.is_none_or(|end| order.created <= end)
                };
                let shown = self.orders.iter().filter(wanted).take(*limit as usize);
                Ok(Response::Orders(shown.cloned().collect()))
            }
            AccountRequest::Fills { instrument, order, from, limit, page } if self.sums => {
                let limit = self.page_cap.unwrap_or(*limit as usize);
                Ok(self.page_of_fills(*instrument, *order, *from, limit, page.as_ref()))
            }
            AccountRequest::Fills { instrument, order, from, limit, .. } => {
                let (first, start) = match from {
                    TradesFrom::Id(first) => (*first, None),
                    TradesFrom::Time { start, .. } => (0, *start),
                    TradesFrom::Newest => (0, None),
                };
                let wanted = |fill: &&Fill| {
                    fill.instrument == *instrument
                        && order.is_none_or(|order| order == fill.venue_order_id)
                        && fill.trade_id.as_str().parse::<u64>().unwrap() >= first
                        && start.is_none_or(|start| fill.venue_time >= start)
                };
                // History names an execution by the venue's order alone.
                let told = |fill: &Fill| Fill { client_order_id: None, ..*fill };
                let mut page: Vec<Fill> = self.fills.iter().filter(wanted).map(told).collect();
                let limit = self.page_cap.unwrap_or(usize::MAX).min(*limit as usize);
                if *from == TradesFrom::Newest {
                    page.drain(..page.len().saturating_sub(limit));
                }
                page.truncate(limit);
                Ok(Response::Fills(page))
            }
            AccountRequest::Account => {
                let lagging = self.lagging.clone();
                Ok(Response::Account(lagging.unwrap_or_else(|| self.account())))
            }
            other => panic!("the gateway should not ask {other:?}"),
        }
    }

    fn named(&self, instrument: InstrumentId, id: VenueOrderId) -> Result<&VenueOrder, VenueError> {
        let wanted = (instrument, id);
        let order = self.orders.iter().find(|order| (order.instrument, order.id) == wanted);
        order.ok_or(VenueError::UnknownOrder)
    }

    /// An answer with the rows that nobody understands.
    pub(super) fn with_strange(&self, asked: &AccountRequest, response: Response) -> Response {
        let is_in = |row: &&Unread| match asked {
            AccountRequest::OpenOrders(_) => row.trade.is_none(),
            AccountRequest::Fills { order: None, .. } => row.trade.is_some(),
            AccountRequest::Fills { order, .. } => row.trade.is_some() && row.order == *order,
            _ => false,
        };
        response.and_unread(self.strange.iter().filter(is_in).cloned().collect())
    }

    /// The answer about an order that is not in the books: nobody may understand it.
    pub(super) fn strange_order(&self, asked: &AccountRequest, refusal: VenueError) -> Outcome {
        let is = |row: &&Unread| match asked {
            AccountRequest::Order { order: OrderKey::Client(id), .. } => {
                row.client_order_id == Some(*id)
            }
            AccountRequest::Order {
                order: OrderKey::Venue(id) | OrderKey::Both(id, _), ..
            } => row.order == Some(*id),
            _ => false,
        };
        let row = self.strange.iter().filter(|row| row.trade.is_none()).find(is);
        match row {
            Some(row) => Outcome::Done(Response::Orders(Vec::new()).and_unread(vec![row.clone()])),
            None => Outcome::Refused(refusal),
        }
    }

    /// Newest first, in pages: the cursor is how many came before.
    fn page_of_fills(
        &self,
        instrument: InstrumentId,
        order: Option<VenueOrderId>,
        from: TradesFrom,
        limit: usize,
        page: Option<&PageCursor>,
    ) -> Response {
        let start = match from {
            TradesFrom::Newest => Timestamp::EPOCH,
            TradesFrom::Time { start, end: None } => start.unwrap_or_default(),
            TradesFrom::Time { .. } | TradesFrom::Id(_) => panic!("{from:?}"),
        };
        let told = self.fills.iter().rev().filter(|fill| {
            fill.instrument == instrument
                && fill.venue_time >= start
                && order.is_none_or(|order| order == fill.venue_order_id)
        });
        let skip = page.map_or(0, |page| page.0.parse().unwrap());
        let mut fills: Vec<Fill> =
            told.skip(skip).map(|fill| Fill { client_order_id: None, ..*fill }).collect();
        let more = fills.len() > limit;
        fills.truncate(limit);
        fills.reverse();
        if more {
            let next = PageCursor((skip + limit).to_string());
            return Response::FillsPage { fills, next };
        }
        Response::Fills(fills)
    }

    pub(crate) fn account(&self) -> AccountSnapshot {
        let held = |(asset, total): (&Asset, &Amount)| {
            let locked = self.locked(*asset);
            (*asset, Balance { free: total.checked_sub(locked).unwrap(), locked })
        };
        AccountSnapshot {
            rights: None,
            updated: self.changed,
            balances: self.balances.iter().map(held).collect(),
        }
    }

    pub(super) fn locked(&self, asset: Asset) -> Amount {
        let open = self.orders.iter().filter(|order| order.status.is_open());
        open.fold(Amount::ZERO, |sum, order| {
            let price = order.kind.price().unwrap();
            let (base, quote) = order.instrument.assets().unwrap();
            let lock = match order.side {
                Side::Buy if asset == quote => {
                    Amount::from(price.notional(order.leaves(), Rounding::Up).unwrap())
                }
                Side::Sell if asset == base => Amount::from(order.leaves()),
                Side::Buy | Side::Sell => Amount::ZERO,
            };
            sum.checked_add(lock).unwrap()
        })
    }

    pub(crate) fn place(&mut self, now: Timestamp, new: &NewOrder) -> Result<Response, VenueError> {
        *self.places.entry(new.client_order_id).or_default() += 1;
        let OrderQty::Base(qty) = new.qty else { panic!("base quantities only") };
        let before = self.order(&new.client_order_id);
        match (before, self.id_class.unwrap_or(IdClass::UniqueWhileOpen)) {
            (None, _) | (Some(_), IdClass::Unchecked) => {}
            (Some(first), IdClass::FirstOrder) => {
                return Ok(Response::Placed { order: first.clone(), fills: Vec::new() });
            }
            (Some(first), IdClass::UniqueWhileOpen) if !first.status.is_open() => {}
            (Some(_), IdClass::UniqueWhileOpen | IdClass::UniqueForUnknownTime) => {
                return Err(VenueError::DuplicateClientOrderId);
            }
        }
        let others = self.orders.iter().filter(|order| order.instrument == new.instrument).count();
        let order = VenueOrder {
            id: VenueOrderId::from_number(others as u64 + 1),
            client_order_id: new.client_order_id,
            instrument: new.instrument,
            side: new.side,
            kind: new.kind,
            ordered: new.qty,
            qty,
            time_in_force: new.time_in_force,
            post_only: new.post_only,
            self_trade_prevention: SelfTradePrevention::None,
            status: VenueOrderStatus::New,
            filled: Qty::ZERO,
            filled_notional: Notional::ZERO,
            prevented: Qty::ZERO,
            created: now,
            updated: now,
            working_since: new.kind.trigger().is_none().then_some(now),
            expiry: None,
        };
        self.changed = now;
        self.orders.push(order.clone());
        Ok(Response::Placed { order, fills: Vec::new() })
    }

    fn cancel(&mut self, now: Timestamp, id: &ClientOrderId) -> Result<Response, VenueError> {
        self.changed = now;
        let cancel_id = number("a-cancel");
        if self.frozen {
            return Err(VenueError::MarketClosed);
        }
        let order = self.order_mut(id).filter(|order| order.status.is_open());
        let order = order.ok_or(VenueError::UnknownOrder)?;
        order.status = VenueOrderStatus::Canceled;
        order.updated = now;
        Ok(Response::Canceled { order: order.clone(), cancel_id })
    }

    /// The market takes some of an order; returns what the stream would tell.
    pub(crate) fn fill(
        &mut self,
        now: Timestamp,
        id: &ClientOrderId,
        qty: &str,
    ) -> Option<AccountEvent> {
        let last = self.fills.last().map_or(0, |fill| fill.trade_id.as_str().parse().unwrap());
        let trade_id = TradeId::from_number(last + 1);
        let fee = self.fee;
        let order = self.order_mut(id).filter(|order| order.status.is_open())?;
        let qty = order.leaves().min(number(qty));
        let price: Price = order.kind.price().unwrap();
        let notional = price.notional(qty, Rounding::Down).unwrap();
        order.filled = order.filled.checked_add(qty).unwrap();
        order.filled_notional = order.filled_notional.checked_add(notional).unwrap();
        order.updated = now;
        order.status = if order.filled == order.qty {
            VenueOrderStatus::Filled
        } else {
            VenueOrderStatus::PartiallyFilled
        };
        let fill = Fill {
            trade_id,
            venue_order_id: order.id,
            client_order_id: Some(order.client_order_id),
            instrument: order.instrument,
            side: order.side,
            price,
            qty,
            fee,
            liquidity: Liquidity::Maker,
            venue_time: now,
        };
        let order = order.clone();
        self.settle(&fill, notional);
        self.changed = now;
        self.fills.push(fill);
        let execution = Execution::Trade(fill);
        Some(AccountEvent::Order { order, execution, execution_id: 0, time: now })
    }

    fn settle(&mut self, fill: &Fill, notional: Notional) {
        let (base, quote) = fill.instrument.assets().unwrap();
        let (got, gave) = match fill.side {
            Side::Buy => ((base, Amount::from(fill.qty)), (quote, Amount::from(notional))),
            Side::Sell => ((quote, Amount::from(notional)), (base, Amount::from(fill.qty))),
        };
        let got_now = self.balances.entry(got.0).or_insert(Amount::ZERO);
        *got_now = got_now.checked_add(got.1).unwrap();
        let gave_now = self.balances.entry(gave.0).or_insert(Amount::ZERO);
        *gave_now = gave_now.checked_sub(gave.1).unwrap();
        if let Some(fee) = fill.fee {
            let paid = self.balances.entry(fee.asset).or_insert(Amount::ZERO);
            *paid = paid.checked_sub(fee.amount).unwrap();
        }
    }

    /// Takes an execution back: it is in no list any more, and the funds are as before it.
    pub(crate) fn bust(&mut self, trade: TradeId) {
        let at = self.fills.iter().position(|fill| fill.trade_id == trade).unwrap();
        let fill = self.fills.remove(at);
        let notional = fill.price.notional(fill.qty, Rounding::Down).unwrap();
        let fee = fill
            .fee
            .map(|fee| Fee { amount: Amount::ZERO.checked_sub(fee.amount).unwrap(), ..fee });
        self.settle(&Fill { side: fill.side.opposite(), fee, ..fill }, notional);
    }

    /// Funds come, or go.
    pub(crate) fn transfer(&mut self, asset: &str, amount: &str) {
        let held = self.balances.entry(number(asset)).or_insert(Amount::ZERO);
        *held = held.checked_add(number(amount)).unwrap();
    }

    /// Somebody else places an order on the account.
    pub(crate) fn foreign(&mut self, now: Timestamp, name: &str, spec: &OrderSpec) -> VenueOrderId {
        let new = NewOrder {
            client_order_id: number(name),
            instrument: spec.instrument,
            side: spec.side,
            kind: spec.kind,
            qty: OrderQty::Base(spec.qty),
            time_in_force: spec.time_in_force,
            post_only: false,
            reduce_only: false,
            self_trade_prevention: None,
        };
        let Ok(Response::Placed { order, .. }) = self.place(now, &new) else { panic!("{new:?}") };
        order.id
    }

    /// Net quantity of all executions.
    pub(crate) fn net(&self) -> model::NetQty {
        let nets = self.fills.iter().map(|fill| model::NetQty::of(fill.side, fill.qty));
        nets.fold(model::NetQty::ZERO, |sum, net| sum.checked_add(net).unwrap())
    }

    /// What the stream would tell of an order as it is.
    pub(crate) fn told(&self, id: &ClientOrderId, execution: Execution) -> AccountEvent {
        let order = self.order(id).unwrap().clone();
        let time = order.updated;
        AccountEvent::Order { order, execution, execution_id: 0, time }
    }
}
