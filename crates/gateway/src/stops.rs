//! Protective stops that should be done by now and are not.
//!
//! A stop rests at the exchange, which is the right place for it and not a certain one: a trigger may not go
//! off, and the limit of a triggered one may be jumped over. The position is then held without the protection
//! that its owner counts on. It is said, once for each. Whoever hears it decides (`plimsoll flatten` closes in
//! slices), unless the configuration has decided before (`cover.rs`).

use std::time::Duration;

use model::{ClientOrderId, Effects, FeedHealth, OrderKind, Price, Side, Timestamp};

use crate::books::TrackedOrder;
use crate::gateway::Gateway;
use crate::late_stops::{Late, LateStops};

/// How long the price may be beyond a stop that is not done.
const GRACE: Duration = Duration::from_secs(3);
/// How often it is looked.
const LOOK_EVERY: Duration = Duration::from_millis(500);

impl Gateway {
    /// Looks at all of them. Without news of the market there is nothing to be seen, so no alarm is set.
    pub(crate) fn look_at_stops(&mut self, now: Timestamp, effects: &mut Effects) {
        if now < self.stops.next || self.books.open_count() == 0 {
            return;
        }
        self.stops.next = now.after(LOOK_EVERY);
        let open = self.books.open_orders().filter(|order| self.is_passed(order));
        let passed: Vec<ClientOrderId> = open.map(|order| order.order.client_order_id).collect();
        self.stops.late.retain(|id, _| passed.contains(id));
        let mut texts = Vec::new();
        for id in passed {
            let late = self.stops.late.entry(id).or_insert(Late { since: now, said: false });
            if late.said || now.since(late.since) < GRACE {
                continue;
            }
            late.said = true;
            if let Some(order) = self.books.order(&id) {
                let what = match self.config.late_stops {
                    LateStops::Say => "plimsoll flatten closes the position",
                    LateStops::Close => {
                        "it is taken back and sold in slices when the market takes one"
                    }
                };
                texts.push(format!(
                    "stop {id} of {} should be done and is not, {} s after the price has passed it: {} {} are \
                     without it; look at the exchange, {what}",
                    order.agent,
                    GRACE.as_secs(),
                    order.leaves(),
                    order.order.instrument
                ));
            }
        }
        texts.into_iter().for_each(|text| self.alert(text, effects));
    }

    /// Before that they are not looked at.
    pub(crate) fn next_look_at_stops(&self) -> Option<Timestamp> {
        (self.books.open_count() > 0).then_some(self.stops.next)
    }

    /// Is the price beyond where this order should have sold, or bought?
    fn is_passed(&self, order: &TrackedOrder) -> bool {
        let instrument = order.order.instrument;
        let is_live = matches!(self.feeds.get(instrument), Some((FeedHealth::Live, _)));
        let market = self.markets.get(instrument).filter(|_| is_live);
        let Some(reference) = market.and_then(|market| market.reference_price()) else {
            return false;
        };
        match order.order.kind {
            OrderKind::StopLoss { trigger } => is_beyond(order.order.side, reference, trigger),
            OrderKind::StopLimit { trigger, price } => {
                // Once triggered it is its limit that counts.
                let at = if order.triggered { price } else { trigger };
                is_beyond(order.order.side, reference, at)
            }
            OrderKind::Market
            | OrderKind::Limit { .. }
            | OrderKind::TakeProfit { .. }
            | OrderKind::TakeProfitLimit { .. } => false,
        }
    }
}

fn is_beyond(side: Side, reference: Price, at: Price) -> bool {
    match side {
        Side::Sell => reference < at,
        Side::Buy => reference > at,
    }
}

#[cfg(test)]
mod tests {
    use model::market::{BookUpdate, GridPrice, GridQty, LevelUpdate, MarketEvent, MarketKind};
    use model::{Input, Notice, OrderSpec};

    use super::*;
    use crate::testing::{World, id, number, spec};

    /// Time passes in tenths, with this middle in cents.
    fn pass(world: &mut World, tenths: u64, middle: i64) {
        for _ in 0..tenths {
            let level =
                |side, price| LevelUpdate { side, price: GridPrice(price), qty: GridQty(9_000) };
            let levels = vec![level(Side::Buy, middle - 1), level(Side::Sell, middle + 1)];
            let kind = MarketKind::Book(BookUpdate { snapshot: true, levels });
            let venue_time = world.now;
            world.apply(&Input::Market(MarketEvent { instrument: id(), venue_time, kind }));
            world.pass_alarms(Duration::from_millis(100));
            world.answer_all();
        }
    }

    fn said(world: &World) -> usize {
        let of_stops = |notice: &&Notice| {
            matches!(notice, Notice::Alert(..)) && format!("{notice:?}").contains("should be done")
        };
        world.notices.iter().filter(of_stops).count()
    }

    #[test]
    fn a_stop_that_the_price_has_passed_is_said_once() {
        for (side, beyond, before) in [(Side::Sell, 9_400, 9_600), (Side::Buy, 10_600, 10_400)] {
            let mut world = World::new();
            let trigger = number(if side == Side::Sell { "95" } else { "105" });
            let kind = OrderKind::StopLoss { trigger };
            world.place(OrderSpec { kind, ..spec(side, "1", "100") }).unwrap();
            world.answer_all();
            pass(&mut world, 100, before);
            assert_eq!(said(&world), 0, "{side:?}");
            pass(&mut world, 25, beyond);
            pass(&mut world, 25, before);
            assert_eq!(said(&world), 0, "{side:?}: a moment is not late");
            pass(&mut world, 100, beyond);
            assert_eq!(said(&world), 1, "{side:?}");
        }
    }
}
