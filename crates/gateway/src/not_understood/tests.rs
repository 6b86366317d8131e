//! What is not understood, on both kinds of venue: it hides nothing else, it is said once, and it ends.

use std::time::Duration;

use model::venue::{Execution, Profile, Unread, VenueOrderStatus};
use model::{
    AlertKey, Command, FeedNotice, Input, Link, Notice, OrderState, Qty, Record, Side, TradingState,
};

use crate::foreign_orders::ForeignOrders;
use crate::testing::{TELLS_ALL, TELLS_SUMS, Wire, World, id, number, spec};

const BOTH: [Profile; 2] = [TELLS_ALL, TELLS_SUMS];

fn compare(world: &mut World) {
    world.apply(&Input::Operator(Command::Reconcile));
    world.pass_answering(3);
}

fn said(world: &World) -> usize {
    world.count(|r| matches!(r, Record::Discrepancy { found } if found.kind() == "not_understood"))
}

fn alerts(world: &World) -> usize {
    let is =
        |n: &&Notice| matches!(n, Notice::Alert(alert) if alert.key == AlertKey::NotUnderstood);
    world.notices.iter().filter(is).count()
}

/// A row of the executions, as the venue's books have it.
fn row(order: Option<&str>, name: &str) -> Unread {
    Unread {
        instrument: Some(id()),
        order: order.map(number),
        client_order_id: None,
        trade: Some(number(name)),
        because: "unknown kind of execution \"REVERSAL\"".to_owned(),
    }
}

fn working_buys(world: &World) -> Qty {
    world.gateway.books().exposure(id()).working_buys
}

/// A reversal among the executions: the rest of the list counts, it is said once, and a person ends it.
#[test]
fn a_row_that_is_no_plain_execution_waits_for_a_person() {
    for profile in BOTH {
        let mut world = World::at(profile);
        let ours = world.place(spec(Side::Buy, "1", "99")).unwrap();
        world.answer_all();
        // Nobody hears of the execution but by the list that has the strange row, too.
        world.link(Link::Account, false);
        world.venue.fill(world.now, &ours, "0.5").unwrap();
        world.venue.strange.push(row(Some("1"), "e-9"));
        world.connect();
        compare(&mut world);
        assert_eq!(world.gateway.books().order(&ours).unwrap().filled, number("0.5"));
        let cause = "the venue said what is not understood; see plimsoll status, and accept it";
        assert_eq!(world.gateway.state(), (TradingState::Reducing, cause));
        assert!(world.place(spec(Side::Buy, "0.1", "99")).is_none());
        world.restart();
        world.connect();
        compare(&mut world);
        assert_eq!(world.gateway.state(), (TradingState::Reducing, cause));
        assert_eq!((said(&world), alerts(&world)), (1, 1));

        world.apply(&Input::Operator(Command::AcceptDifferences));
        compare(&mut world);
        assert_eq!(world.gateway.state(), (TradingState::Active, ""));
        assert_eq!((said(&world), alerts(&world)), (1, 1), "it is still in the list");
        assert!(world.place(spec(Side::Buy, "0.1", "99")).is_some());
    }
}

/// Not even its size can be read: it ends when it can.
#[test]
fn an_order_that_cannot_be_read_holds_until_it_can() {
    for profile in BOTH {
        let mut world = World::at(profile);
        let strange = Unread { order: Some(number("1")), trade: None, ..row(None, "-") };
        world.venue.strange.push(Unread { client_order_id: Some(number("by-hand")), ..strange });
        compare(&mut world);
        assert_eq!((world.gateway.state().0, said(&world)), (TradingState::Reducing, 1));

        world.venue.strange.clear();
        world.venue.foreign(world.now, "by-hand", &spec(Side::Buy, "2", "99"));
        compare(&mut world);
        assert_eq!(world.gateway.state(), (TradingState::Active, ""));
        assert_eq!((working_buys(&world), said(&world)), (number("2"), 1));
    }
}

/// What of such an order executes counts: its order is asked for in vain.
#[test]
fn executions_of_an_order_that_cannot_be_read_count() {
    for profile in BOTH {
        let mut world = World::at(profile);
        world.link(Link::Account, false);
        world.venue.foreign(world.now, "by-hand", &spec(Side::Buy, "2", "99"));
        world.now = world.now.after(Duration::from_millis(1));
        world.venue.fill(world.now, &number("by-hand"), "0.5").unwrap();
        let strange = Unread { order: Some(number("1")), trade: None, ..row(None, "-") };
        world.venue.strange.push(strange);
        world.venue.orders.clear();
        world.connect();
        compare(&mut world);
        assert_eq!(world.gateway.books().exposure(id()).position, number("0.5"));
        assert_eq!((world.gateway.state().0, said(&world)), (TradingState::Reducing, 1));
    }
}

/// The venue has a new word for the state of an order of ours, or its row has lost a field.
#[test]
fn an_order_of_ours_that_is_not_understood_stays_in_doubt() {
    for (profile, by_row) in BOTH.into_iter().flat_map(|p| [(p, false), (p, true)]) {
        let mut world = World::at(profile);
        let ours = world.place(spec(Side::Buy, "1", "99")).unwrap();
        world.answer_all();
        let event = world.venue.told(&ours, Execution::Standing);
        world.report(event);
        let at = world.venue.orders.iter().position(|o| o.client_order_id == ours).unwrap();
        let known = world.venue.orders[at].clone();
        if by_row {
            let strange = Unread { order: Some(known.id), trade: None, ..row(None, "-") };
            world.venue.strange.push(Unread { client_order_id: Some(ours), ..strange });
            world.venue.orders.remove(at);
        } else {
            world.venue.orders[at].status = VenueOrderStatus::Unknown;
        }
        compare(&mut world);
        let cause = "what the venue says of an order of this gateway is not understood";
        for _ in 0..8 {
            assert_eq!(world.gateway.state(), (TradingState::Reducing, cause), "{by_row}");
            assert_eq!(world.state_of(&ours), OrderState::InDoubt);
            assert_eq!(working_buys(&world), number("1"));
            world.pass_answering(30);
        }
        assert_eq!((said(&world), alerts(&world)), (0, 1));

        world.venue.strange.clear();
        world.venue.orders.truncate(at);
        world.venue.orders.push(known);
        world.pass_answering(5);
        compare(&mut world);
        assert_eq!(world.gateway.state(), (TradingState::Active, ""), "{by_row}");
        assert_eq!(world.state_of(&ours), OrderState::Working);
    }
}

/// While an order is not understood balances differ, too: a person can accept that they do, and what shrinks
/// a position goes all the while.
#[test]
fn a_difference_beside_what_is_not_understood_can_be_accepted() {
    let mut world = World::at(TELLS_ALL);
    let ours = world.place(spec(Side::Buy, "1", "99")).unwrap();
    world.answer_all();
    world.venue.orders[0].status = VenueOrderStatus::Unknown;
    compare(&mut world);
    world.venue.transfer("BTC", "-0.5");
    compare(&mut world);
    assert_eq!(world.gateway.state().0, TradingState::Reducing);
    let kinds = |world: &World| {
        world.count(|r| matches!(r, Record::Discrepancy { found } if found.kind() == "balance"))
    };
    assert_eq!(kinds(&world), 1, "said once");
    world.apply(&Input::Operator(Command::AcceptDifferences));
    world.pass_answering(5);
    assert_eq!((world.gateway.state().0, kinds(&world)), (TradingState::Reducing, 1));
    assert_eq!(world.gateway.books().counted(number("BTC")), Some(number("9.5")));
    world.venue.orders[0].status = VenueOrderStatus::New;
    world.pass_answering(5);
    compare(&mut world);
    assert_eq!(world.state_of(&ours), OrderState::Working);
    assert_eq!(world.gateway.state(), (TradingState::Active, ""));
}

/// Somebody's program is told in such words again and again: that is one thing to look at.
#[test]
fn what_was_said_is_not_looked_at_each_time_it_is_told() {
    let mut world = World::at(TELLS_ALL);
    let strange = row(None, "e-1");
    world.apply(&Input::Feed(FeedNotice::NotUnderstood(strange.clone())));
    world.pass_answering(5);
    let asked = world.asked.len();
    for _ in 0..50 {
        world.apply(&Input::Feed(FeedNotice::NotUnderstood(strange.clone())));
        world.answer_all();
    }
    assert_eq!((world.asked.len() - asked, said(&world)), (0, 1));
}

/// The stream is the first to say it.
#[test]
fn what_the_stream_tells_and_is_not_understood_is_asked_about() {
    for profile in BOTH {
        let mut world = World::at(profile);
        let ours = world.place(spec(Side::Buy, "1", "99")).unwrap();
        world.answer_all();
        let strange = Unread { order: Some(number("1")), trade: None, ..row(None, "-") };
        world.apply(&Input::Feed(FeedNotice::NotUnderstood(strange)));
        assert_eq!(world.state_of(&ours), OrderState::InDoubt);
        // The lists have words for it.
        world.pass_answering(5);
        assert_eq!(world.state_of(&ours), OrderState::Working);
        assert_eq!(world.gateway.state(), (TradingState::Active, ""));
    }
}

/// Side and size of somebody else's are known: it counts as open and can be taken back.
#[test]
fn an_order_of_others_in_a_state_that_is_not_known_counts_as_open() {
    for profile in BOTH {
        let mut world = World::with_policy(profile, ForeignOrders::Cancel);
        world.venue.foreign(world.now, "by-hand", &spec(Side::Buy, "2", "99"));
        world.venue.orders[0].status = VenueOrderStatus::Unknown;
        world.venue.frozen = true;
        compare(&mut world);
        assert_eq!(working_buys(&world), number("2"));
        assert_eq!(world.gateway.state(), (TradingState::Active, ""));
        world.venue.frozen = false;
        world.pass_answering(10);
        assert_eq!(world.venue.orders[0].status, VenueOrderStatus::Canceled);
        compare(&mut world);
        assert_eq!((working_buys(&world), said(&world)), (number("0"), 0));
    }
}

/// A list with a row that may be an execution of an order proves nothing about it.
#[test]
fn what_may_be_an_execution_of_an_order_keeps_it_in_doubt() {
    for profile in BOTH {
        let mut world = World::at(profile);
        let ours = world.place(spec(Side::Buy, "1", "99")).unwrap();
        world.answer(Wire::LosesRequest);
        world.venue.strange.push(row(Some("77"), "e-9"));
        let quiet = profile.order_validity.unwrap() + Duration::from_secs(30);
        world.pass_answering(quiet.as_secs());
        assert_eq!(world.state_of(&ours), OrderState::InDoubt);
        // Whose it is turns up: it is somebody else's.
        let theirs = world.venue.foreign(world.now, "by-hand", &spec(Side::Buy, "0.1", "90"));
        let at = world.venue.orders.iter().position(|order| order.id == theirs).unwrap();
        world.venue.orders[at].id = number("77");
        world.pass_answering(15);
        assert!(world.state_of(&ours).is_done(), "{:?}", world.state_of(&ours));
    }
}
