//! What happened while nobody listened, found by reading, on both kinds of venue: each case with its
//! record, its correction, and nothing that adds risk before it is done.

use std::time::Duration;

use model::venue::{AccountRequest, Profile, VenueOrderStatus};
use model::{
    Amount, ClientOrderId, Command, Discrepancy, Ending, Fee, Input, Link, OrderKind, OrderSpec,
    OrderState, Record, Side, TradingState,
};

use crate::testing::{TELLS_ALL, TELLS_SUMS, Wire, World, id, number, spec};

const BOTH: [Profile; 2] = [TELLS_ALL, TELLS_SUMS];

/// An order rests, and the account's stream is lost.
fn away(profile: Profile, order: OrderSpec) -> (World, ClientOrderId) {
    let mut world = World::at(profile);
    let order = world.place(order).unwrap();
    world.answer_all();
    world.link(Link::Account, false);
    world.now = world.now.after(Duration::from_millis(10));
    (world, order)
}

fn back(world: &mut World) {
    world.connect();
    world.pass_answering(4);
    assert_eq!(world.gateway.state(), (TradingState::Active, ""));
}

fn found(world: &World) -> Vec<Discrepancy> {
    let found = world.entries.iter().filter_map(|entry| match &entry.record {
        Record::Discrepancy { found } => Some(found.clone()),
        _ => None,
    });
    found.collect()
}

fn ends(world: &mut World, status: VenueOrderStatus) {
    let now = world.now;
    let order = world.venue.orders.last_mut().unwrap();
    (order.status, order.updated) = (status, now);
}

#[test]
fn executions_are_counted_with_their_own_prices_and_fees() {
    for profile in BOTH {
        let mut world = World::at(profile);
        world.venue.transfer("BNB", "1");
        world.venue.fee = Some(Fee { asset: number("BNB"), amount: number("0.01") });
        world.apply(&Input::Operator(Command::Reconcile));
        world.pass_answering(4);
        let orders = ["99", "97"].map(|price| world.place(spec(Side::Buy, "1", price)).unwrap());
        world.answer_all();
        world.link(Link::Account, false);
        world.now = world.now.after(Duration::from_millis(10));
        world.venue.fill(world.now, &orders[0], "1").unwrap();
        world.venue.fill(world.now, &orders[1], "0.5").unwrap();
        back(&mut world);
        let books = world.gateway.books();
        let position = books.position(id()).unwrap();
        assert_eq!(position.net(), number("1.5"));
        // 99 and half of 97, for one and a half.
        assert_eq!(position.entry_price().unwrap().to_string(), "98.333333333333333333");
        assert_eq!(position.fees()[&number("BNB")], number("0.02"));
        assert_eq!(books.order(&orders[0]).unwrap().state, OrderState::Done(Ending::Filled));
        assert_eq!(books.order(&orders[1]).unwrap().filled, number("0.5"));
        let missed = found(&world).into_iter().filter(|found| found.kind() == "missed_fill");
        assert_eq!(missed.count(), 2);
        let late = |r: &Record| matches!(r, Record::Filled { late: true, .. });
        assert_eq!(world.count(late), 2);
    }
}

#[test]
fn an_order_that_ended_is_ended_with_how() {
    for profile in BOTH {
        for (status, ending) in [
            (VenueOrderStatus::Canceled, Ending::Canceled),
            (VenueOrderStatus::Expired, Ending::Expired),
        ] {
            for filled in [None, Some("0.4")] {
                let (mut world, order) = away(profile, spec(Side::Buy, "1", "99"));
                if let Some(qty) = filled {
                    world.venue.fill(world.now, &order, qty).unwrap();
                }
                ends(&mut world, status);
                back(&mut world);
                assert_eq!(world.state_of(&order), OrderState::Done(ending));
                let end = Discrepancy::MissedEnd { client_order_id: order, ending };
                let ends = found(&world).into_iter().filter(|found| *found == end);
                assert_eq!(ends.count(), 1, "{:?}", found(&world));
                let books = world.gateway.books();
                assert_eq!(books.order(&order).unwrap().filled, number(filled.unwrap_or("0")));
                assert_eq!(
                    books.exposure(id()).working_buys,
                    number("0"),
                    "its size is free again"
                );
            }
        }
    }
}

/// The venue lists its open orders, takes the order, and answers both: the order is not missing from the list.
#[test]
fn an_order_that_was_under_way_when_a_reading_began_is_not_missing() {
    for profile in BOTH {
        let mut world = World::at(profile);
        let order = world.place(spec(Side::Buy, "1", "99")).unwrap();
        world.apply(&Input::Operator(Command::Reconcile));
        world.requests.rotate_left(1);
        world.answer_all();
        assert_eq!(world.state_of(&order), OrderState::Working);
        assert_eq!(found(&world), []);
        world.venue.orders.clear();
        world.apply(&Input::Operator(Command::Reconcile));
        world.answer_all();
        assert_eq!(found(&world), [Discrepancy::UnknownToVenue { client_order_id: order }]);
    }
}

/// An end that the stream tells is none that was missed.
#[test]
fn what_we_took_back_ourselves_is_no_difference() {
    for profile in BOTH {
        let mut world = World::at(profile);
        let order = world.place(spec(Side::Buy, "1", "99")).unwrap();
        world.answer_all();
        world.intend(model::Action::CancelAll(id()));
        world.answer_all();
        world.pass_answering(3);
        assert_eq!(world.state_of(&order), OrderState::Done(Ending::Canceled));
        assert_eq!(found(&world), []);
    }
}

#[test]
fn a_stop_that_was_triggered_is_noted_and_then_filled() {
    for profile in BOTH {
        let kind = OrderKind::StopLimit { trigger: number("99"), price: number("98") };
        let (mut world, order) = away(profile, OrderSpec { kind, ..spec(Side::Sell, "1", "98") });
        let now = world.now;
        world.venue.orders[0].working_since = Some(now);
        back(&mut world);
        assert!(world.gateway.books().order(&order).unwrap().triggered);
        assert_eq!(found(&world), [Discrepancy::MissedTrigger { client_order_id: order }]);
        world.apply(&Input::Operator(Command::Reconcile));
        world.pass_answering(2);
        assert_eq!(found(&world).len(), 1, "said once");
        world.link(Link::Account, false);
        world.now = world.now.after(Duration::from_millis(10));
        world.venue.fill(world.now, &order, "1").unwrap();
        back(&mut world);
        assert_eq!(world.state_of(&order), OrderState::Done(Ending::Filled));
        assert_eq!(world.gateway.books().position(id()).unwrap().net(), number("-1"));
    }
}

#[test]
fn an_order_thought_unsent_that_is_there_is_found() {
    for profile in BOTH {
        let mut world = World::at(profile);
        let order = world.place(spec(Side::Buy, "1", "99")).unwrap();
        world.answer(Wire::LosesAnswer);
        world.link(Link::Account, false);
        back(&mut world);
        assert_eq!(world.state_of(&order), OrderState::Working);
        assert_eq!(found(&world), [Discrepancy::MissedAccept { client_order_id: order }]);
    }
}

#[test]
fn more_than_was_ordered_is_counted_in_full_and_stops_risk_until_it_is_accepted() {
    for profile in BOTH {
        let (mut world, order) = away(profile, spec(Side::Buy, "1", "99"));
        world.venue.fill(world.now, &order, "0.7").unwrap();
        // The venue's own mistake: its order has room for more than was wanted.
        world.venue.orders[0].qty = number("1.5");
        world.venue.fill(world.now, &order, "0.5").unwrap();
        world.connect();
        world.pass_answering(4);
        assert_eq!(world.gateway.books().position(id()).unwrap().net(), number("1.2"));
        assert_eq!(world.gateway.state().0, TradingState::Reducing);
        let (ordered, filled) = (number("1"), number("1.2"));
        let over = Discrepancy::Overfill { client_order_id: order, ordered, filled };
        assert_eq!(world.gateway.books().unaccepted(), [over]);
        world.apply(&Input::Operator(Command::AcceptDifferences));
        world.pass_answering(4);
        assert_eq!(world.gateway.state(), (TradingState::Active, ""));
    }
}

/// ACC-05: ten thousand executions while away, in lists that the venue cuts wherever it likes.
#[test]
fn ten_thousand_missed_executions_are_recovered_exactly() {
    let pages = Profile { fills_page: 100, ..TELLS_SUMS };
    for (profile, cap) in [(TELLS_ALL, None), (TELLS_ALL, Some(500)), (pages, None)] {
        let (mut world, order) = away(profile, spec(Side::Buy, "2", "99"));
        world.venue.page_cap = cap;
        world.venue.fee = Some(Fee { asset: number("USDT"), amount: number("0.0001") });
        for _ in 0..10_000 {
            world.now = world.now.after(Duration::from_millis(1));
            world.venue.fill(world.now, &order, "0.0002").unwrap();
        }
        back(&mut world);
        let fills = world.count(|r| matches!(r, Record::Filled { .. }));
        assert_eq!(fills, 10_000, "{cap:?}");
        assert_eq!(world.state_of(&order), OrderState::Done(Ending::Filled));
        let books = world.gateway.books();
        assert_eq!(books.position(id()).unwrap().net(), world.venue.net());
        for (asset, total) in &world.venue.balances {
            assert_eq!(books.counted(*asset).unwrap_or(Amount::ZERO), *total, "{asset}");
        }
    }
}

/// ACC-05: the list is longer than what can be asked at a time, so that no reading of it all is ever done.
/// Each goes on where the one before broke off.
#[test]
fn a_reading_that_breaks_off_goes_on_where_it_was() {
    let (mut world, order) = away(TELLS_ALL, spec(Side::Buy, "1", "99"));
    world.venue.page_cap = Some(10);
    for _ in 0..1_000 {
        world.now = world.now.after(Duration::from_millis(1));
        world.venue.fill(world.now, &order, "0.001").unwrap();
    }
    world.link(Link::Account, true);
    let mut asked = 0;
    while world.gateway.state().0 != TradingState::Active {
        asked += 1;
        assert!(asked < 1_000, "it never ends");
        world.book();
        if world.requests.is_empty() {
            world.pass_alarms(Duration::from_secs(3));
        }
        // A hundred pages, of which some twenty are let through.
        world.answer(if asked % 23 == 0 { Wire::LosesRequest } else { Wire::Whole });
    }
    assert_eq!(world.count(|r| matches!(r, Record::Filled { .. })), 1_000);
    assert_eq!(world.state_of(&order), OrderState::Done(Ending::Filled));
}

/// EXS-04: for fifteen seconds the venue denies an order that it has. It is not taken for lost.
#[test]
fn an_order_that_is_denied_for_a_while_is_not_over() {
    for profile in BOTH {
        let mut world = World::at(profile);
        let order = world.place(spec(Side::Buy, "1", "99")).unwrap();
        world.answer_all();
        world.venue.denies = true;
        world.apply(&Input::Operator(Command::Reconcile));
        world.pass_answering(15);
        assert_eq!(world.gateway.state().0, TradingState::Starting, "nothing is sent meanwhile");
        world.venue.denies = false;
        world.pass_answering(6);
        assert_eq!(world.state_of(&order), OrderState::Working);
        assert_eq!(world.gateway.state(), (TradingState::Active, ""));
    }
}

/// What is wrong, and what the state is while it is not corrected.
#[test]
fn nothing_adds_risk_while_any_difference_is_not_corrected() {
    type Make = fn(&mut World, &ClientOrderId);
    let cases: [(&str, Make); 6] = [
        ("an execution that was missed", |world, order| {
            world.venue.fill(world.now, order, "0.5").unwrap();
        }),
        ("an order that ended", |world, _| ends(world, VenueOrderStatus::Canceled)),
        ("an order of somebody else that executed", |world, _| {
            world.venue.foreign(world.now, "other", &spec(Side::Sell, "1", "101"));
            world.venue.fill(world.now, &number("other"), "1").unwrap();
        }),
        ("an order that the venue denies", |world, _| world.venue.denies = true),
        ("a balance that fell", |world, _| world.venue.transfer("USDT", "-10")),
        ("a balance that rose", |world, _| world.venue.transfer("BTC", "1")),
    ];
    for profile in BOTH {
        for (what, make) in cases {
            let (mut world, order) = away(profile, spec(Side::Buy, "1", "99"));
            make(&mut world, &order);
            world.link(Link::Account, true);
            let mut steps = 0;
            // Question by question: until the books say that they are compared, nothing passes.
            while world.gateway.state().0 != TradingState::Active && steps < 60 {
                world.book();
                assert!(world.place(spec(Side::Buy, "0.1", "99")).is_none(), "{profile:?}: {what}");
                if world.requests.is_empty() {
                    world.pass_alarms(Duration::from_millis(500));
                } else {
                    world.answer(Wire::Whole);
                }
                steps += 1;
            }
            assert!(steps > 2, "{what}: it was let through at once");
            if world.gateway.state().0 == TradingState::Active {
                let (books, venue) = (world.gateway.books(), &world.venue);
                assert_eq!(books.exposure(id()).position, venue.net(), "{what}");
                for (asset, total) in &venue.balances {
                    assert_eq!(books.counted(*asset), Some(*total), "{what}: {asset}");
                }
            }
        }
    }
}

/// A comparison that is only due leaves the reserve of the venue's limits to what is in doubt; one that
/// something asks for, or that failed before, does not wait behind it.
#[test]
fn only_what_is_due_and_nothing_more_is_routine() {
    let mut world = World::new();
    let mut seen = world.routine.len();
    assert!(world.routine.iter().all(|routine| !routine), "the first one is needed");
    world.pass_answering(31);
    assert!(world.routine.len() > seen && world.routine[seen..].iter().all(|routine| *routine));

    seen = world.routine.len();
    world.apply(&Input::Operator(Command::Reconcile));
    world.answer_all();
    assert!(world.routine.len() > seen && world.routine[seen..].iter().all(|routine| !routine));

    seen = world.routine.len();
    world.pass(33, Wire::LosesRequest);
    let (first, rest) = world.routine[seen..].split_first().unwrap();
    assert!(*first && !rest.is_empty() && rest.iter().all(|routine| !routine));

    // A question about an order is none, whatever is read beside it.
    world.pass_answering(5);
    world.place(spec(Side::Buy, "1", "99")).unwrap();
    world.answer(Wire::LosesRequest);
    world.pass_answering(40);
    let asked = world.asked.iter().zip(&world.routine);
    let of_orders = asked.filter(|(asked, _)| matches!(asked, AccountRequest::Order { .. }));
    assert!(of_orders.clone().count() > 0 && of_orders.clone().all(|(_, routine)| !routine));
}
