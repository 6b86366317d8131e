//! Tables of the pure difference.

use std::collections::BTreeSet;

use super::{Difference, VenueSnapshot, differences};
use crate::testing::{World, number, spec};
use model::Side;
use model::venue::VenueOrderStatus;

fn found(world: &World, in_flight: bool) -> Vec<Difference> {
    let venue = VenueSnapshot {
        started: world.now.after(std::time::Duration::from_millis(1)),
        read: world.now,
        dated: Some(world.venue.changed),
        open: world.venue.orders.iter().filter(|o| o.status.is_open()).cloned().collect(),
        account: world.venue.account(),
    };
    let books = world.gateway.books();
    let all: BTreeSet<_> = books.open_orders().map(|o| o.order.client_order_id).collect();
    differences(books, &venue, &if in_flight { all } else { BTreeSet::new() })
}

#[test]
fn nothing_differs() {
    let mut world = World::new();
    world.place(spec(Side::Buy, "1", "99"));
    world.answer_all();
    assert_eq!(found(&world, false), []);
}

#[test]
fn each_kind_of_difference() {
    let mut world = World::new();
    let order = world.place(spec(Side::Buy, "1", "99")).unwrap();
    world.answer_all();
    world.venue.fill(world.now, &order, "0.5");
    let kinds = found(&world, false);
    assert!(matches!(&kinds[0], Difference::AtVenue(o) if o.filled == number("0.5")));
    assert_eq!(kinds.len(), 3, "the order and both balances: {kinds:?}");

    world.venue.orders[0].status = VenueOrderStatus::Canceled;
    assert!(matches!(&found(&world, false)[0], Difference::NotAtVenue(id) if *id == order));
    let waiting = found(&world, true);
    assert!(!waiting.iter().any(|d| matches!(d, Difference::NotAtVenue(_))), "its answer comes");
}
