//! Answers about an account that are not the truth: old ones, ones with something missing, lies.
//! Pure: what is true comes in, what is told goes out.

use std::cell::Cell;

use model::venue::{
    AccountRequest, MarketRequest, PublicMarket, Response, VenueError, VenueOrder, VenueOrderStatus,
};
use model::{AccountId, Notional, Qty, Timestamp};

use super::faults::{FaultId, Reading};
use super::history::History;

/// Is this only a question?
pub(super) fn is_read(request: &AccountRequest) -> bool {
    match request {
        AccountRequest::Order { .. }
        | AccountRequest::OpenOrders(_)
        | AccountRequest::Orders { .. }
        | AccountRequest::Fills { .. }
        | AccountRequest::Account
        | AccountRequest::AccountAfter(_)
        | AccountRequest::Rights
        | AccountRequest::Scopes
        | AccountRequest::Fees(_)
        | AccountRequest::Ticket => true,
        AccountRequest::Place(_)
        | AccountRequest::Test(_)
        | AccountRequest::Cancel { .. }
        | AccountRequest::CancelAll(_)
        | AccountRequest::CancelReplace(_) => false,
    }
}

/// The question as it is put to the exchange: a list is cut there, where its paging stays right.
pub(super) fn capped(request: &AccountRequest, reading: &Reading) -> AccountRequest {
    let mut request = request.clone();
    if let (
        Some((_, rows)),
        AccountRequest::Orders { limit, .. } | AccountRequest::Fills { limit, .. },
    ) = (reading.rows, &mut request)
    {
        *limit = (*limit).min(rows);
    }
    request
}

/// One question about an account, and who tells it how.
pub(super) struct Question<'a> {
    pub(super) now: Timestamp,
    pub(super) account: AccountId,
    pub(super) request: &'a AccountRequest,
    pub(super) reading: &'a Reading,
    pub(super) history: &'a History,
}

type Told = Result<Response, VenueError>;

impl Question<'_> {
    /// What is told instead of the truth, and the faults that changed something.
    pub(super) fn told(&self, truth: Told) -> (Told, Vec<FaultId>) {
        let mut fired = Vec::new();
        let mut told = truth;
        let Reading { lag, missing, rows, hide_stops, lies } = *self.reading;
        let mut apply = |id: FaultId, change: &dyn Fn(&Told) -> Told| {
            let changed = change(&told);
            if changed != told {
                fired.push(id);
                told = changed;
            }
        };
        if let Some((id, lag)) = lag {
            apply(id, &|told| self.as_it_was(self.now.before(lag), told));
        }
        if let Some((id, age)) = missing {
            let is_old = |order: &VenueOrder| self.now.since(order.created) >= age;
            apply(id, &|told| without(told, is_old));
        }
        if let Some(id) = lies {
            apply(id, &lie);
        }
        if let Some(id) = hide_stops {
            let is_open_list = matches!(self.request, AccountRequest::OpenOrders(_));
            let is_shown = |o: &VenueOrder| !is_open_list || o.kind.trigger().is_none();
            apply(id, &|told| without_rows(told, is_shown));
        }
        if let Some((id, rows)) = rows {
            apply(id, &|told| cut(told, rows as usize));
            if self.is_full(&told, rows) && !fired.contains(&id) {
                fired.push(id);
            }
        }
        (told, fired)
    }

    /// Did the list end only because it was cut?
    fn is_full(&self, told: &Told, rows: u32) -> bool {
        let (AccountRequest::Orders { limit, .. } | AccountRequest::Fills { limit, .. }) =
            self.request
        else {
            return false;
        };
        let length = match told {
            Ok(Response::Orders(orders)) => orders.len(),
            Ok(Response::Fills(fills)) => fills.len(),
            _ => 0,
        };
        *limit > rows && length >= rows as usize
    }

    fn as_it_was(&self, at: Timestamp, truth: &Told) -> Told {
        let history = self.history;
        match truth.clone()? {
            Response::Order(order) => {
                history.order_at(at, &order).map(Response::Order).ok_or(VenueError::UnknownOrder)
            }
            Response::Orders(now) => match self.request {
                AccountRequest::OpenOrders(instrument) => {
                    Ok(Response::Orders(history.open_at(at, self.account, *instrument)))
                }
                _ => {
                    let was = now.iter().filter_map(|order| history.order_at(at, order));
                    Ok(Response::Orders(was.collect()))
                }
            },
            Response::Fills(mut fills) => {
                fills.retain(|fill| fill.venue_time <= at);
                Ok(Response::Fills(fills))
            }
            Response::Account(mut held) => {
                held.updated = held.updated.min(at);
                for (asset, balance) in &mut held.balances {
                    let was = history.balance_at(at, self.account, *asset);
                    *balance = was.unwrap_or_default();
                }
                Ok(Response::Account(held))
            }
            other => Ok(other),
        }
    }
}

/// Orders that are not so are not there.
fn without(told: &Told, is_there: impl Fn(&VenueOrder) -> bool) -> Told {
    match told {
        Ok(Response::Order(order)) if !is_there(order) => Err(VenueError::UnknownOrder),
        _ => without_rows(told, is_there),
    }
}

fn without_rows(told: &Told, is_there: impl Fn(&VenueOrder) -> bool) -> Told {
    match told {
        Ok(Response::Orders(orders)) => {
            Ok(Response::Orders(orders.iter().filter(|order| is_there(order)).cloned().collect()))
        }
        other => other.clone(),
    }
}

fn cut(told: &Told, rows: usize) -> Told {
    let mut told = told.clone();
    match &mut told {
        Ok(Response::Orders(orders)) => orders.truncate(rows),
        Ok(Response::Fills(fills)) => fills.truncate(rows),
        _ => {}
    }
    told
}

/// An order that is over is told as canceled with nothing filled.
fn lie(told: &Told) -> Told {
    let one = |order: &VenueOrder| {
        let mut order = order.clone();
        if !order.status.is_open() && !order.filled.is_zero() {
            order.status = VenueOrderStatus::Canceled;
            (order.filled, order.filled_notional) = (Qty::ZERO, Notional::ZERO);
        }
        order
    };
    match told {
        Ok(Response::Order(order)) => Ok(Response::Order(one(order))),
        Ok(Response::Orders(orders)) => Ok(Response::Orders(orders.iter().map(one).collect())),
        other => other.clone(),
    }
}

/// A public market whose lists are cut.
pub(super) struct Capped<'a> {
    pub(super) market: &'a dyn PublicMarket,
    pub(super) rows: u32,
    /// A list ended only because it was cut.
    pub(super) has_cut: Cell<bool>,
}

impl PublicMarket for Capped<'_> {
    fn read(&self, now: Timestamp, request: &MarketRequest) -> Told {
        let mut request = request.clone();
        let wanted = match &mut request {
            MarketRequest::Trades { limit, .. }
            | MarketRequest::AggregateTrades { limit, .. }
            | MarketRequest::Candles { limit, .. }
            | MarketRequest::Book { depth: limit, .. } => {
                std::mem::replace(limit, self.rows.min(*limit))
            }
            MarketRequest::Ping
            | MarketRequest::Time
            | MarketRequest::Instruments(_)
            | MarketRequest::Tickers { .. }
            | MarketRequest::AveragePrice(_) => 0,
        };
        let told = self.market.read(now, &request);
        let length = match &told {
            Ok(Response::Trades(list)) => list.len(),
            Ok(Response::AggregateTrades(list)) => list.len(),
            Ok(Response::Candles(list)) => list.len(),
            Ok(Response::Book(book)) => book.bids.len().max(book.asks.len()),
            _ => 0,
        };
        if wanted > self.rows && length >= self.rows as usize {
            self.has_cut.set(true);
        }
        told
    }
}
