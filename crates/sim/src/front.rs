//! The venue's front: what is asked in the words of `model::venue` becomes a command of the exchange, and
//! what the exchange says becomes the answer that this kind of venue gives.
//!
//! Written for the simulation alone, beside the servers of `venues`, which do the same with bytes. It
//! knows nothing of the gateway.

use std::collections::BTreeMap;
use std::time::Duration;

use model::market::{BookUpdate, LevelUpdate};
use model::venue::{
    AccountEvent, AccountRequest, Execution, IdClass, MarketRequest, OrderKey, PageCursor, Profile,
    PublicMarket as _, Response, TradesFrom, VenueError, VenueEvent, VenueOrder, VenueOrderStatus,
};
use model::{
    ClientOrderId, Fill, NewOrder, OrderQty, SelfTradePrevention, Side, Timestamp, TradeId,
    VenueOrderId,
};
use sim_venue::SimVenue;

use crate::plan::{Kind, VenueClass};
use crate::setup::Names;

/// How far ahead of the venue's clock a request may be stamped (Binance: rest-api.md "Timing security",
/// read 2026-07-21).
const AHEAD_MAX: Duration = Duration::from_secs(1);
/// For how long a venue of the unknown kind remembers an id.
const REMEMBERS: Duration = Duration::from_secs(600);
/// Levels a side in a snapshot of the book.
const DEPTH: u32 = 50;

/// What came of a request.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Done(Response),
    Refused(VenueError),
    /// A cancel is taken for processing: it is carried out a moment later.
    Taken(VenueOrderId),
}

/// How the front is told to misbehave.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Manners {
    /// Orders younger than this are not shown.
    pub(crate) hides_younger: Option<Duration>,
}

/// The venue.
pub(crate) struct Front {
    pub(crate) engine: SimVenue,
    class: VenueClass,
    profile: Profile,
    names: Names,
    /// First order of each name, and when it came.
    first: BTreeMap<ClientOrderId, (VenueOrderId, Timestamp)>,
    /// A copy that lags, for balances.
    replica: Option<(Timestamp, SimVenue)>,
    /// Pages that were full.
    pub(crate) full_pages: u64,
    /// Orders that were hidden.
    pub(crate) hidden: u64,
}

impl Front {
    pub(crate) fn new(
        engine: SimVenue,
        class: VenueClass,
        profile: Profile,
        names: Names,
    ) -> Front {
        let first = BTreeMap::new();
        Front { engine, class, profile, names, first, replica: None, full_pages: 0, hidden: 0 }
    }

    /// Is a request stamped like this still taken?
    pub(crate) fn in_time(&self, venue_now: Timestamp, stamp: Timestamp) -> bool {
        let Some(validity) = self.profile.order_validity else { return true };
        venue_now <= stamp.after(validity) && stamp <= venue_now.after(AHEAD_MAX)
    }

    /// Until when a request stamped like this is taken; `None` for ever.
    pub(crate) fn last_moment(&self, stamp: Timestamp) -> Option<Timestamp> {
        Some(stamp.after(self.profile.order_validity?))
    }

    /// Has an order of this name come?
    pub(crate) fn knows(&self, id: &ClientOrderId) -> bool {
        self.first.contains_key(id)
    }

    /// Carries out one request; times are the venue's.
    pub(crate) fn execute(
        &mut self,
        now: Timestamp,
        request: &AccountRequest,
        stamp: Timestamp,
        manners: Manners,
        events: &mut Vec<VenueEvent>,
    ) -> Answer {
        let done = match request {
            AccountRequest::Place(order) => self.place(now, order, stamp, events),
            AccountRequest::Cancel { order, .. } if self.class.kind == Kind::Coinbase => {
                return self.cancel_later(now, order, request);
            }
            AccountRequest::Order { order, since, .. } => {
                self.order(now, request, order, *since, manners)
            }
            AccountRequest::OpenOrders(_) | AccountRequest::Orders { .. } => {
                self.ask(now, request).map(|response| {
                    let Response::Orders(mut orders) = response else { return response };
                    let before = orders.len();
                    orders.retain(|order| !is_hidden(now, order, manners));
                    self.hidden += (before - orders.len()) as u64;
                    Response::Orders(orders)
                })
            }
            AccountRequest::Fills { .. } => self.fills(now, request),
            AccountRequest::Account => self.account(now, stamp),
            other => self.engine.execute(now, self.names.account, other, events),
        };
        match done {
            Ok(response) => Answer::Done(response),
            Err(error) => Answer::Refused(error),
        }
    }

    /// A cancel that was taken for processing is carried out.
    pub(crate) fn cancel_now(
        &mut self,
        now: Timestamp,
        id: VenueOrderId,
        events: &mut Vec<VenueEvent>,
    ) {
        let instrument = self.names.id();
        let order = OrderKey::Venue(id);
        let cancel = AccountRequest::Cancel { instrument, order, cancel_id: None, only: None };
        // It may be over by now: then there is nothing to do.
        let _ = self.engine.execute(now, self.names.account, &cancel, events);
    }

    /// Acknowledges an order that comes to nothing; its name at the venue, to reject it by later.
    pub(crate) fn pretend(
        &mut self,
        now: Timestamp,
        order: &NewOrder,
        stamp: Timestamp,
    ) -> Option<(VenueOrderId, Answer)> {
        if !self.in_time(now, stamp) || self.first.contains_key(&order.client_order_id) {
            return None;
        }
        let response = self.engine.pretend(now, self.names.account, order).ok()?;
        let Response::Placed { order: placed, .. } = &response else { return None };
        self.first.insert(order.client_order_id, (placed.id, now));
        Some((placed.id, Answer::Done(response)))
    }

    /// The copy that balances are read from is made, or thrown away.
    pub(crate) fn lag(&mut self, now: Timestamp, age_max: Option<Duration>) {
        let too_old = |made: &Timestamp| age_max.is_none_or(|age| now.since(*made) > age);
        if self.replica.as_ref().is_none_or(|(made, _)| too_old(made)) {
            self.replica = age_max.map(|_| (now, self.engine.clone()));
        }
    }

    /// Are balances read from an older copy?
    pub(crate) fn lags(&self) -> bool {
        self.replica.is_some()
    }

    /// The whole book, as a message of the market's stream.
    pub(crate) fn snapshot(&self, now: Timestamp) -> BookUpdate {
        let request = MarketRequest::Book { instrument: self.names.id(), depth: DEPTH };
        let Ok(Response::Book(book)) = self.engine.read(now, &request) else {
            return BookUpdate { snapshot: true, levels: Vec::new() };
        };
        let level = |side| {
            move |level: model::market::Level| LevelUpdate {
                side,
                price: level.price,
                qty: level.qty,
            }
        };
        let bids = book.bids.into_iter().map(level(Side::Buy));
        let levels = bids.chain(book.asks.into_iter().map(level(Side::Sell))).collect();
        BookUpdate { snapshot: true, levels }
    }

    /// What the account's stream says of something that happened; `None` where this venue does not
    /// tell it.
    pub(crate) fn told(&self, event: &AccountEvent) -> Option<AccountEvent> {
        if self.class.kind == Kind::Binance {
            return Some(event.clone());
        }
        let AccountEvent::Order { order, execution, execution_id, time } = event else {
            return None;
        };
        let execution = match execution {
            Execution::Rejected(because) => Execution::Rejected(because.clone()),
            Execution::New
            | Execution::Trade(_)
            | Execution::Canceled(_)
            | Execution::Expired
            | Execution::Triggered
            | Execution::Prevented
            | Execution::Standing => Execution::Standing,
        };
        let (execution_id, time) = (*execution_id, *time);
        Some(AccountEvent::Order { order: order.clone(), execution, execution_id, time })
    }

    /// What a new connection of the account's stream begins with.
    pub(crate) fn standing(&mut self, now: Timestamp) -> Vec<AccountEvent> {
        if self.class.kind == Kind::Binance {
            return Vec::new();
        }
        let Ok(Response::Orders(open)) = self.ask(now, &AccountRequest::OpenOrders(None)) else {
            return Vec::new();
        };
        let standing = |order| AccountEvent::Order {
            order,
            execution: Execution::Standing,
            execution_id: 0,
            time: now,
        };
        open.into_iter().map(standing).collect()
    }

    fn ask(&mut self, now: Timestamp, request: &AccountRequest) -> Result<Response, VenueError> {
        // Questions change nothing, but what time itself does.
        self.engine.execute(now, self.names.account, request, &mut Vec::new())
    }

    fn place(
        &mut self,
        now: Timestamp,
        order: &NewOrder,
        stamp: Timestamp,
        events: &mut Vec<VenueEvent>,
    ) -> Result<Response, VenueError> {
        if !self.in_time(now, stamp) {
            return Err(VenueError::Other { code: -1021, message: "outside the window".into() });
        }
        let id = order.client_order_id;
        if let Some((first, came)) = self.first.get(&id).copied() {
            match self.class.ids {
                IdClass::FirstOrder => {
                    let first = OrderKey::Venue(first);
                    let instrument = order.instrument;
                    let ask = AccountRequest::Order { instrument, order: first, since: None };
                    let response = self.ask(now, &ask)?;
                    let Response::Order(order) = response else { return Ok(response) };
                    return Ok(Response::Placed { order, fills: Vec::new() });
                }
                IdClass::UniqueForUnknownTime if now.since(came) < REMEMBERS => {
                    return Err(VenueError::DuplicateClientOrderId);
                }
                IdClass::UniqueForUnknownTime | IdClass::UniqueWhileOpen | IdClass::Unchecked => {}
            }
        }
        let request = AccountRequest::Place(order.clone());
        let response = self.engine.execute(now, self.names.account, &request, events)?;
        let Response::Placed { order: placed, .. } = &response else { return Ok(response) };
        self.first.entry(id).or_insert((placed.id, now));
        match self.class.kind {
            Kind::Binance => Ok(response),
            Kind::Coinbase => {
                Ok(Response::Placed { order: standing(order, placed), fills: Vec::new() })
            }
        }
    }

    fn cancel_later(&mut self, now: Timestamp, key: &OrderKey, request: &AccountRequest) -> Answer {
        let AccountRequest::Cancel { instrument, .. } = request else {
            return Answer::Refused(VenueError::Unsupported);
        };
        let ask = AccountRequest::Order { instrument: *instrument, order: *key, since: None };
        match self.ask(now, &ask) {
            Ok(Response::Order(order)) if order.status.is_open() => Answer::Taken(order.id),
            Ok(_) | Err(_) => Answer::Refused(VenueError::UnknownOrder),
        }
    }

    fn order(
        &mut self,
        now: Timestamp,
        request: &AccountRequest,
        key: &OrderKey,
        since: Option<Timestamp>,
        manners: Manners,
    ) -> Result<Response, VenueError> {
        let response = self.ask(now, request)?;
        let Response::Order(order) = &response else { return Ok(response) };
        // A list is read from there on, and searched.
        let searched = !self.profile.finds_by_client_id && matches!(key, OrderKey::Client(_));
        if searched && since.is_some_and(|since| order.created < since) {
            return Err(VenueError::UnknownOrder);
        }
        if is_hidden(now, order, manners) {
            self.hidden += 1;
            return Err(VenueError::UnknownOrder);
        }
        Ok(response)
    }

    fn account(&mut self, now: Timestamp, asked: Timestamp) -> Result<Response, VenueError> {
        let account = self.names.account;
        let source = self.replica.as_mut().map_or(&mut self.engine, |(_, replica)| replica);
        let response = source.execute(now, account, &AccountRequest::Account, &mut Vec::new())?;
        let Response::Account(mut snapshot) = response else { return Ok(response) };
        if self.class.kind == Kind::Coinbase {
            // It carries no time: when it was asked for it was surely not read yet.
            let made = self.replica.as_ref().map_or(asked, |(made, _)| asked.min(*made));
            snapshot.updated = made;
        }
        Ok(Response::Account(snapshot))
    }

    fn fills(&mut self, now: Timestamp, request: &AccountRequest) -> Result<Response, VenueError> {
        let AccountRequest::Fills { instrument, order, from, limit, page } = request else {
            return Err(VenueError::Unsupported);
        };
        let limit = (*limit).min(self.profile.fills_page);
        if self.class.kind == Kind::Binance {
            let (instrument, order, from) = (*instrument, *order, *from);
            let whole = AccountRequest::Fills { instrument, order, from, limit, page: None };
            let Response::Fills(mut fills) = self.ask(now, &whole)? else {
                return Err(VenueError::Unsupported);
            };
            fills.iter_mut().for_each(|fill| fill.client_order_id = None);
            self.full_pages += u64::from(fills.len() >= limit as usize);
            return Ok(Response::Fills(fills));
        }
        // Newest first, in pages; the cursor is how many came before.
        let start = match from {
            TradesFrom::Time { start, .. } => *start,
            TradesFrom::Newest | TradesFrom::Id(_) => None,
        };
        let from = TradesFrom::Time { start: Some(start.unwrap_or_default()), end: None };
        let (instrument, order) = (*instrument, *order);
        let whole = AccountRequest::Fills { instrument, order, from, limit: u32::MAX, page: None };
        let Response::Fills(fills) = self.ask(now, &whole)? else {
            return Err(VenueError::Unsupported);
        };
        let skip = page.as_ref().and_then(|page| page.0.parse().ok()).unwrap_or(0usize);
        let rest = fills.iter().rev().skip(skip);
        let mut shown: Vec<Fill> = rest.take(limit as usize).map(named).collect();
        shown.reverse();
        if skip + shown.len() < fills.len() {
            self.full_pages += 1;
            let next = PageCursor((skip + shown.len()).to_string());
            return Ok(Response::FillsPage { fills: shown, next });
        }
        Ok(Response::Fills(shown))
    }
}

/// An execution under the name that the venue's lists give it: theirs do not count.
fn named(fill: &Fill) -> Fill {
    Fill { trade_id: sums_name(fill.trade_id), client_order_id: None, ..*fill }
}

/// The name of an execution at a venue whose names do not count.
pub(crate) fn sums_name(trade: TradeId) -> TradeId {
    TradeId::new(&format!("x{trade}")).unwrap_or(trade)
}

fn is_hidden(now: Timestamp, order: &VenueOrder, manners: Manners) -> bool {
    manners.hides_younger.is_some_and(|young| now.since(order.created) < young)
}

/// The order as it was sent: an acknowledgement says no more.
fn standing(order: &NewOrder, placed: &VenueOrder) -> VenueOrder {
    let qty = match order.qty {
        OrderQty::Base(qty) => qty,
        OrderQty::Quote(_) => placed.qty,
    };
    VenueOrder {
        qty,
        status: VenueOrderStatus::New,
        filled: model::Qty::ZERO,
        filled_notional: model::Notional::ZERO,
        prevented: model::Qty::ZERO,
        self_trade_prevention: SelfTradePrevention::Decrement,
        expiry: None,
        ..placed.clone()
    }
}
