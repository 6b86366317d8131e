//! Which prices the account's own orders stand at: what a new one must not meet.
//!
//! Ours and those of others that are known, by everything that may still be on the book. An order that waits
//! for its trigger is not there yet, and one that expires at once never will be.

use std::collections::BTreeMap;

use model::venue::VenueOrder;
use model::{Price, Side, TimeInForce};
use serde::{Deserialize, Serialize};

use super::order::TrackedOrder;

/// The open orders of one instrument, as many as are open.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Standing {
    bids: BTreeMap<Price, u32>,
    asks: BTreeMap<Price, u32>,
    stops: u32,
}

/// What of an order counts here.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stands {
    side: Side,
    /// Where it stands, unless it cannot.
    price: Option<Price>,
    /// Does it have a trigger?
    stop: bool,
}

impl Stands {
    pub(super) fn of(order: &TrackedOrder) -> Stands {
        let kind = order.order.kind;
        let waits = kind.trigger().is_some() && !order.triggered;
        let stays = rests(order.order.time_in_force) && !waits;
        Stands {
            side: order.order.side,
            price: kind.price().filter(|_| stays),
            stop: kind.trigger().is_some(),
        }
    }

    pub(super) fn of_foreign(order: &VenueOrder) -> Stands {
        let waits = order.kind.trigger().is_some() && order.working_since.is_none();
        let stays = rests(order.time_in_force) && !waits;
        Stands {
            side: order.side,
            price: order.kind.price().filter(|_| stays),
            stop: order.kind.trigger().is_some(),
        }
    }
}

const fn rests(time_in_force: TimeInForce) -> bool {
    match time_in_force {
        TimeInForce::Gtc | TimeInForce::Gtd(_) => true,
        TimeInForce::Ioc | TimeInForce::Fok => false,
    }
}

impl Standing {
    /// The best price on one side.
    pub(crate) fn best(&self, side: Side) -> Option<Price> {
        match side {
            Side::Buy => self.bids.last_key_value().map(|(price, _)| *price),
            Side::Sell => self.asks.first_key_value().map(|(price, _)| *price),
        }
    }

    /// Stop orders, triggered or not.
    pub(crate) const fn stops(&self) -> u32 {
        self.stops
    }

    /// Adds an order, or takes it out again.
    pub(super) fn count(&mut self, order: Stands, add: bool) {
        if order.stop {
            self.stops =
                if add { self.stops.saturating_add(1) } else { self.stops.saturating_sub(1) };
        }
        let Some(price) = order.price else { return };
        let side = match order.side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        };
        let there = side.entry(price).or_insert(0);
        *there = if add { there.saturating_add(1) } else { there.saturating_sub(1) };
        if *there == 0 {
            side.remove(&price);
        }
    }
}
