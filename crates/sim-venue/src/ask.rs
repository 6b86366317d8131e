//! Questions of an account: nothing changes.

use std::time::Duration;

use model::Fill;
use model::venue::{
    AccountRequest, AccountSnapshot, KeyRights, OrderKey, Response, TradesFrom, VenueError,
    VenueOrder,
};
use model::{Timestamp, VenueOrderId};

use crate::venue::SimVenue;

/// Every account trades, and none sends funds away.
const RIGHTS: KeyRights = KeyRights { can_trade: true, can_withdraw: false };

impl SimVenue {
    /// The index of an order of this account by either of its names, open or not.
    pub(crate) fn find(
        &self,
        account: usize,
        market: usize,
        key: &OrderKey,
    ) -> Result<usize, VenueError> {
        let by_venue = |id: &VenueOrderId| {
            let index = position(id)?;
            let order = self.orders.get(index)?;
            (order.account == account && order.market == market).then_some(index)
        };
        match key {
            OrderKey::Venue(id) => by_venue(id).ok_or(VenueError::UnknownOrder),
            OrderKey::Client(id) => {
                let index = self.desk(account, market).by_client.get(id);
                index.copied().ok_or(VenueError::UnknownOrder)
            }
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

    pub(crate) fn ask(
        &self,
        account: usize,
        request: &AccountRequest,
    ) -> Result<Response, VenueError> {
        match request {
            AccountRequest::Order { instrument, order, since: _ } => {
                let market = self.market(*instrument)?;
                Ok(Response::Order(self.tell(self.find(account, market, order)?)))
            }
            AccountRequest::OpenOrders(instrument) => {
                let market = instrument.map(|id| self.market(id)).transpose()?;
                let desks = self.desks[account].iter().enumerate();
                let desks = desks.filter(|(at, _)| market.is_none_or(|market| *at == market));
                let mut open: Vec<usize> =
                    desks.flat_map(|(_, desk)| &desk.open).copied().collect();
                open.sort_unstable();
                Ok(Response::Orders(open.into_iter().map(|index| self.tell(index)).collect()))
            }
            AccountRequest::Orders { instrument, from, start, end, limit } => {
                let market = self.market(*instrument)?;
                let limit = *limit as usize;
                Ok(Response::Orders(self.orders_of(
                    account,
                    market,
                    *from,
                    (*start, *end),
                    limit,
                )?))
            }
            // Every list is whole here, so none goes on.
            AccountRequest::Fills { instrument, order, from, limit, page: _ } => {
                let market = self.market(*instrument)?;
                Ok(Response::Fills(self.fills_of(account, market, *order, *from, *limit)))
            }
            AccountRequest::Fees(instrument) => {
                self.market(*instrument).map(|_| Response::Fees(self.rates(account)))
            }
            AccountRequest::Account => Ok(Response::Account(AccountSnapshot {
                rights: Some(RIGHTS),
                updated: self.updated,
                balances: self.accounts.funds(account).all().collect(),
            })),
            AccountRequest::Rights => Ok(Response::Rights(RIGHTS)),
            // Every list is whole here, and keys are the business of whoever stands in front.
            AccountRequest::AccountAfter(_)
            | AccountRequest::Scopes
            | AccountRequest::Ticket
            | AccountRequest::Place(_)
            | AccountRequest::Test(_)
            | AccountRequest::Cancel { .. }
            | AccountRequest::CancelAll(_)
            | AccountRequest::CancelReplace(_) => Err(VenueError::Unsupported),
        }
    }

    fn orders_of(
        &self,
        account: usize,
        market: usize,
        from: Option<VenueOrderId>,
        (start, end): (Option<Timestamp>, Option<Timestamp>),
        limit: usize,
    ) -> Result<Vec<VenueOrder>, VenueError> {
        let first = match &from {
            Some(id) => number(id).ok_or(VenueError::UnknownOrder)?,
            None => 0,
        };
        // What is older is not looked at: an account may have placed a million orders.
        let orders = &self.desk(account, market).orders;
        let old = orders.partition_point(|index| {
            let order = &self.orders[*index];
            order.id < first || is_long_before(order.created, start)
        });
        let mine = orders[old..].iter().copied().filter(|index| {
            let order = &self.orders[*index];
            start.is_none_or(|start| order.created >= start)
                && end.is_none_or(|end| order.created <= end)
        });
        let newest = from.is_none() && start.is_none();
        Ok(cut(mine, limit, newest).into_iter().map(|index| self.tell(index)).collect())
    }

    fn fills_of(
        &self,
        account: usize,
        market: usize,
        order: Option<VenueOrderId>,
        from: TradesFrom,
        limit: u32,
    ) -> Vec<Fill> {
        let id = |fill: &Fill| fill.trade_id.as_str().parse::<u64>().unwrap_or(0);
        let fills = &self.desk(account, market).fills;
        // No execution of an order is older than the order.
        let placed = order.and_then(|id| self.orders.get(position(&id)?)).map(|o| o.created);
        let old = match from {
            TradesFrom::Newest => 0,
            TradesFrom::Id(first) => fills.partition_point(|fill| id(fill) < first),
            TradesFrom::Time { start, .. } => {
                fills.partition_point(|fill| is_long_before(fill.venue_time, start))
            }
        };
        let older = fills.partition_point(|fill| is_long_before(fill.venue_time, placed));
        let mine = fills[old.max(older)..].iter();
        let mine = mine.filter(|fill| order.is_none_or(|id| fill.venue_order_id == id));
        let mine = mine.filter(|fill| match from {
            TradesFrom::Newest | TradesFrom::Id(_) => true,
            TradesFrom::Time { start, end } => {
                start.is_none_or(|start| fill.venue_time >= start)
                    && end.is_none_or(|end| fill.venue_time <= end)
            }
        });
        let newest = matches!(from, TradesFrom::Newest | TradesFrom::Time { start: None, .. });
        cut(mine.copied(), limit as usize, newest)
    }
}

/// So far may a clock of an exchange be set back: what is later in a list may be as much older.
const SET_BACK_MAX: Duration = Duration::from_secs(60);

/// Is this so old that nothing before it in a list can be from then or later?
fn is_long_before(at: Timestamp, then: Option<Timestamp>) -> bool {
    then.is_some_and(|then| at < then.before(SET_BACK_MAX))
}

/// Which order it is, by the number that this venue made into its id.
pub(crate) fn position(id: &VenueOrderId) -> Option<usize> {
    usize::try_from(number(id)?).ok()?.checked_sub(1)
}

/// The number that this venue made into an id, if it did.
fn number(id: &VenueOrderId) -> Option<u64> {
    let number: u64 = id.as_str().parse().ok()?;
    (VenueOrderId::from_number(number) == *id).then_some(number)
}

/// At most `limit` of a list, in its order: the newest, or the oldest.
fn cut<T>(list: impl DoubleEndedIterator<Item = T>, limit: usize, newest: bool) -> Vec<T> {
    if !newest {
        return list.take(limit).collect();
    }
    let mut list: Vec<T> = list.rev().take(limit).collect();
    list.reverse();
    list
}
