//! Which open orders could add risk: what is taken back when an agent dies, the gateway stops or
//! halts, or the journal fails.
//!
//! One definition for all of them. An order is an entry unless it waits for a trigger and can only
//! shrink the position that is held: a stop that *opens* a position is no protection. Stops that are kept
//! are counted together, because two that each close the whole position would open the opposite one.

use std::collections::{BTreeMap, BTreeSet};

use model::{ClientOrderId, InstrumentId, OrderKind, Qty};

use super::{Books, TrackedOrder};

impl Books {
    /// Open orders that could make a position larger, by name.
    pub fn entries(&self) -> impl Iterator<Item = &TrackedOrder> {
        let kept = self.kept();
        self.open_orders().filter(move |order| !kept.contains(&order.order.client_order_id))
    }

    /// Protective orders that all may stay: those against the market's turn first, then the oldest.
    fn kept(&self) -> BTreeSet<ClientOrderId> {
        let mut waiting: Vec<&TrackedOrder> =
            self.open_orders().filter(|order| order.order.kind.trigger().is_some()).collect();
        waiting.sort_by_key(|order| {
            (is_take_profit(order.order.kind), order.prepared_at, order.order.client_order_id)
        });
        let mut left: BTreeMap<InstrumentId, Qty> = BTreeMap::new();
        let kept = waiting.into_iter().filter(|order| {
            let instrument = order.order.instrument;
            let position = self.exposure(instrument).position;
            let reduces = position.side() == Some(order.order.side.opposite());
            let left = left.entry(instrument).or_insert_with(|| position.size());
            let fits = reduces && order.leaves() <= *left;
            if fits {
                *left = left.saturating_sub(order.leaves());
            }
            fits
        });
        kept.map(|order| order.order.client_order_id).collect()
    }
}

fn is_take_profit(kind: OrderKind) -> bool {
    match kind {
        OrderKind::TakeProfit { .. } | OrderKind::TakeProfitLimit { .. } => true,
        OrderKind::Market
        | OrderKind::Limit { .. }
        | OrderKind::StopLoss { .. }
        | OrderKind::StopLimit { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    use model::{ClientOrderId, OrderKind, OrderSpec, Side};

    use crate::testing::{World, number, spec};

    fn stop(side: Side, qty: &str) -> OrderSpec {
        let kind = OrderKind::StopLoss { trigger: number("95") };
        OrderSpec { kind, ..spec(side, qty, "95") }
    }

    /// A world that holds so much, long above zero.
    fn holding(side: Side, qty: &str) -> World {
        let mut world = World::new();
        let order = world.place(spec(side, qty, "100")).unwrap();
        world.answer_all();
        let event = world.venue.fill(world.now, &order, qty).unwrap();
        world.report(event);
        world
    }

    fn entries(world: &World) -> Vec<ClientOrderId> {
        world.gateway.entries().map(|order| order.order.client_order_id).collect()
    }

    #[test]
    fn a_stop_that_opens_a_position_is_an_entry() {
        let mut world = World::new();
        let opening = world.place(stop(Side::Buy, "1")).unwrap();
        assert_eq!(entries(&world), [opening], "nothing is held that it could close");

        let mut world = holding(Side::Buy, "1");
        let adding = world.place(stop(Side::Buy, "1")).unwrap();
        assert_eq!(entries(&world), [adding], "it adds to what is held");
    }

    #[test]
    fn a_stop_that_only_closes_is_kept_on_both_sides() {
        for (side, closing) in [(Side::Buy, Side::Sell), (Side::Sell, Side::Buy)] {
            let mut world = holding(side, "1");
            world.place(stop(closing, "1")).unwrap();
            assert_eq!(entries(&world), [], "{side:?}");
            let larger = world.place(stop(closing, "1")).unwrap();
            assert_eq!(entries(&world), [larger], "together they would turn the position");
        }
    }

    #[test]
    fn protection_against_a_loss_goes_before_taking_a_profit() {
        let mut world = holding(Side::Buy, "1");
        let kind = OrderKind::TakeProfit { trigger: number("105") };
        let profit = world.place(OrderSpec { kind, ..spec(Side::Sell, "1", "105") }).unwrap();
        assert_eq!(entries(&world), []);
        world.place(stop(Side::Sell, "1")).unwrap();
        assert_eq!(entries(&world), [profit]);
    }

    /// What waits for no trigger is an entry even if it closes: it may be requoted at any time.
    #[test]
    fn an_order_on_the_book_is_an_entry() {
        let mut world = holding(Side::Buy, "1");
        let closing = world.place(spec(Side::Sell, "1", "101")).unwrap();
        assert_eq!(entries(&world), [closing]);
    }
}
