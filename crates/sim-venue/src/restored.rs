//! Orders that stood at an exchange for which this one goes on: they stand here again, under the names that they
//! had.
//!
//! Nothing is told of it: whose they are has known of them all along. Where they stood in a queue nobody knows any
//! more, so each stands behind everything that the first book shows at its price, and so that a first book is one
//! that was found again its market counts as lost until then.

use model::market::GridQty;
use model::venue::VenueOrderStatus;
use model::{
    AccountId, Decimal, NewOrder, OrderQty, Qty, SelfTradePrevention, TimeInForce, Timestamp,
    VenueOrderId,
};

use crate::ask::position;
use crate::order::SimOrder;
use crate::venue::SimVenue;

/// An order as it stood.
#[derive(Clone, Debug)]
pub struct StoodOrder {
    /// Its number. It has to lie before those that this exchange gives out ([`SimVenue::number_behind`]).
    pub id: VenueOrderId,
    /// As it was sent.
    pub order: NewOrder,
    /// What has executed of it.
    pub filled: Qty,
    /// When the exchange took it.
    pub created: Timestamp,
    /// Its trigger was reached.
    pub triggered: bool,
}

impl SimVenue {
    /// Puts an order back. `false`, and nothing changes, where it cannot stand here: its instrument is not traded,
    /// it does not lie on the grid, it is no order that stays, its number or its name is taken, or the account has
    /// not what it sets aside. The rules of the instrument are not asked: it stood under earlier ones.
    pub fn put_back(&mut self, account: AccountId, stood: &StoodOrder) -> bool {
        let Some(account) = self.accounts.index(&account) else { return false };
        let Some(order) = self.as_it_stood(account, stood) else { return false };
        let (lock, asset) = (self.needed(&order), self.paying_asset(&order));
        let Some(index) = position(&stood.id).filter(|index| self.orders.has_room_at(*index))
        else {
            return false;
        };
        if !self.accounts.funds_mut(account).lock(asset, lock) {
            return false;
        }
        let (market, side, price, leaves) = (order.market, order.side, order.price, order.leaves());
        let (name, waits) = (order.client_order_id, order.working_since.is_none());
        let order = SimOrder { locked: lock, resting: !waits, ..order };
        if let TimeInForce::Gtd(end) = order.time_in_force {
            self.dated.insert((end, index));
        }
        self.orders.put_back(index, order);
        let desk = self.desk_mut(account, market);
        desk.by_client.insert(name, index);
        desk.open.insert(index);
        desk.orders.push(index);
        desk.orders.sort_unstable();
        let market = &mut self.markets[market];
        market.was_lost = true;
        match price {
            Some(price) if !waits => market.book.rest(side, price, index, leaves),
            _ => market.stops.push(index),
        }
        true
    }

    fn as_it_stood(&self, account: usize, stood: &StoodOrder) -> Option<SimOrder> {
        let order = &stood.order;
        let market = *self.by_id.get(&order.instrument)?;
        let grid = &self.markets[market].grid;
        let OrderQty::Base(ordered) = order.qty else { return None };
        let (qty, filled) = (grid.grid_qty(ordered)?, grid.grid_qty(stood.filled)?);
        let price = order.kind.price().map(|price| grid.grid_price(price));
        let trigger = order.kind.trigger().map(|price| grid.grid_price(price));
        let is_off_grid = price == Some(None) || trigger == Some(None);
        let price = price.flatten();
        let waits = trigger.is_some() && !stood.triggered;
        let stays = match order.time_in_force {
            TimeInForce::Gtc | TimeInForce::Gtd(_) => waits || price.is_some(),
            // Only until its trigger.
            TimeInForce::Ioc | TimeInForce::Fok => waits,
        };
        let is_named = self.desk(account, market).by_client.contains_key(&order.client_order_id);
        if is_off_grid || !stays || is_named || filled >= qty {
            return None;
        }
        let is_partly = filled.0 > 0;
        Some(SimOrder {
            id: position(&stood.id)? as u64 + 1,
            account,
            market,
            client_order_id: order.client_order_id,
            side: order.side,
            kind: order.kind,
            ordered: order.qty,
            price,
            qty,
            filled,
            // What it was executed for is with its owner.
            filled_notional: 0,
            prevented: GridQty(0),
            time_in_force: order.time_in_force,
            post_only: order.post_only,
            stp: order.self_trade_prevention.unwrap_or(SelfTradePrevention::ExpireMaker),
            status: match is_partly {
                true => VenueOrderStatus::PartiallyFilled,
                false => VenueOrderStatus::New,
            },
            created: stood.created,
            updated: stood.created,
            working_since: (!waits).then_some(stood.created),
            expiry: None,
            locked: Decimal::ZERO,
            resting: false,
        })
    }
}

#[cfg(test)]
mod tests;
