//! Thousands of orders whose request, answer or report is lost, at venues that do four different things
//! with an id that was used before: NET-01, PRO-04 and PRO-05 of the catalogue.
//!
//! None is ever sent twice, none that was taken is called refused, and each is settled in the time that
//! is allowed. A second copy that somebody else sends is seen at the venues where it executes: the check
//! can fail.

use std::time::Duration;

use model::venue::{IdClass, Profile, VenueError};
use model::{
    Command, Ending, Input, NetQty, OrderState, Outcome, Qty, Record, Reply, Side, TradingState,
};
use proptest::prelude::*;

use crate::testing::{TELLS_ALL, Wire, World, id, number, spec};

/// After the quiet time of 17 seconds, by when everything is settled.
const SETTLED_S: u64 = 20;
/// By when it is where the stream has told.
const TOLD_S: u64 = 1;

/// What becomes of an order on its way, and of what is said about it.
#[derive(Clone, Copy, Debug)]
struct Trial {
    fate: Fate,
    /// It is filled as soon as it is there.
    filled: bool,
    /// The account's stream tells.
    told: bool,
    /// The gateway is killed at once.
    killed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    LosesRequest,
    LosesAnswer,
    /// The order is taken, and the answer is that its id was used before.
    AnswersTaken,
}

fn world(class: IdClass) -> World {
    let mut world = World::at(Profile { id_class: class, ..TELLS_ALL });
    world.venue.id_class = Some(class);
    world
}

fn run(class: IdClass, trial: Trial) {
    let mut world = world(class);
    let order = world.place(spec(Side::Buy, "1", "99")).unwrap();
    match trial.fate {
        Fate::LosesRequest => world.answer(Wire::LosesRequest),
        Fate::LosesAnswer => world.answer(Wire::LosesAnswer),
        Fate::AnswersTaken => {
            let (request, asked) = world.requests.pop_front().unwrap();
            world.venue.execute(world.now, &asked).unwrap();
            let outcome = Outcome::Refused(VenueError::DuplicateClientOrderId);
            world.apply(&Input::Reply(Reply { request, outcome, sent: model::Sent::default() }));
        }
    }
    assert_eq!(world.state_of(&order), OrderState::InDoubt, "{trial:?}");
    let reserved = world.gateway.books().exposure(id()).worst(Side::Buy, Qty::ZERO);
    assert_eq!(reserved, Some(number("1")), "its whole size stays reserved");
    let filled = trial.filled.then(|| world.venue.fill(world.now, &order, "1")).flatten();
    if trial.killed {
        world.restart();
        world.connect();
    } else if let Some(event) = filled.filter(|_| trial.told) {
        world.report(event);
    }
    let lost = trial.fate == Fate::LosesRequest;
    let quick = trial.told && !lost && !trial.killed;
    world.pass_answering(if quick { TOLD_S } else { SETTLED_S });
    let expected = match (lost, trial.filled) {
        (true, _) => OrderState::Done(Ending::NotPlaced),
        (false, true) => OrderState::Done(Ending::Filled),
        (false, false) => OrderState::Working,
    };
    assert_eq!(world.state_of(&order), expected, "{trial:?}");
    assert_eq!(world.count(|record| matches!(record, Record::Rejected { .. })), 0, "{trial:?}");
    assert_eq!(world.venue.places.get(&order).copied(), (!lost).then_some(1), "{trial:?}");
    assert_eq!(world.venue.orders.len(), usize::from(!lost), "{trial:?}");
    let net = world.gateway.books().position(id()).map_or(NetQty::ZERO, |p| p.net());
    assert_eq!(net, world.venue.net(), "{trial:?}");
    assert_eq!(world.gateway.state(), (TradingState::Active, ""), "{trial:?}");
}

const CLASSES: [IdClass; 4] = [
    IdClass::FirstOrder,
    IdClass::UniqueWhileOpen,
    IdClass::UniqueForUnknownTime,
    IdClass::Unchecked,
];

/// Every trial there is, at every class: the many seeds below vary what this cannot.
#[test]
fn whatever_is_lost_no_order_is_sent_twice() {
    for class in CLASSES {
        for fate in [Fate::LosesRequest, Fate::LosesAnswer, Fate::AnswersTaken] {
            for bits in 0..8 {
                let [filled, told, killed] = [1, 2, 4].map(|bit| bits & bit != 0);
                run(class, Trial { fate, filled, told, killed });
            }
        }
    }
}

/// The check can fail: the same id once more is a second order where the first one is over, or where
/// nobody looks.
#[test]
fn the_same_id_sent_again_is_a_second_order_where_the_class_says_so() {
    for (class, filled, orders) in [
        (IdClass::FirstOrder, true, 1),
        (IdClass::UniqueWhileOpen, false, 1),
        (IdClass::UniqueWhileOpen, true, 2),
        (IdClass::UniqueForUnknownTime, true, 1),
        (IdClass::Unchecked, false, 2),
    ] {
        let mut world = world(class);
        let order = world.place(spec(Side::Buy, "1", "99")).unwrap();
        let (_, asked) = world.requests.front().unwrap().clone();
        world.answer(Wire::LosesAnswer);
        if filled {
            world.venue.fill(world.now, &order, "1").unwrap();
        }
        // Here it is the test that sends it again.
        let _ = world.venue.execute(world.now, &asked);
        assert_eq!(world.venue.places[&order], 2);
        assert_eq!(world.venue.orders.len(), orders, "{class:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    /// Several orders at once, with every kind of loss, of questions and answers alike, and a kill in
    /// between: in the end each is settled, and each was sent once.
    #[test]
    fn many_orders_and_losses_end_in_agreement(
        class in prop::sample::select(CLASSES.to_vec()),
        steps in prop::collection::vec((0..10u8, 0..4u64), 1..24),
    ) {
        let mut world = world(class);
        let mut placed = Vec::new();
        for (what, seconds) in steps {
            match what {
                0..=3 => placed.extend(world.place(spec(Side::Buy, "0.5", "99"))),
                4 => world.answer(Wire::LosesRequest),
                5 => world.answer(Wire::LosesAnswer),
                6 => world.answer(Wire::Whole),
                7 => {
                    if let Some(order) = placed.last() {
                        let event = world.venue.fill(world.now, order, "0.2");
                        // The stream tells every second time.
                        if let Some(event) = event.filter(|_| seconds % 2 == 0) {
                            world.report(event);
                        }
                    }
                }
                8 => {
                    world.restart();
                    world.connect();
                }
                _ => world.pass_alarms(Duration::from_secs(seconds)),
            }
        }
        world.pass_answering(2 * SETTLED_S);
        world.apply(&Input::Operator(Command::Reconcile));
        world.pass_answering(SETTLED_S);
        for order in &placed {
            let sent = world.venue.places.get(order).copied().unwrap_or(0);
            prop_assert!(sent <= 1, "{order} was sent {sent} times");
            let state = world.state_of(order);
            prop_assert_eq!(state == OrderState::Done(Ending::NotPlaced), sent == 0, "{}", order);
            prop_assert_ne!(state, OrderState::Done(Ending::Rejected));
            prop_assert_ne!(state, OrderState::InDoubt);
        }
        let net = world.gateway.books().position(id()).map_or(NetQty::ZERO, |p| p.net());
        prop_assert_eq!(net, world.venue.net());
    }
}
