//! What simulated worlds have found (`crates/sim`), each as the shortest story that shows it.

use std::time::Duration;

use model::venue::{Execution, Response, VenueError, VenueOrderStatus};
use model::{
    Action, ClientOrderId, Command, Ending, Input, Intent, IntentId, Link, OrderState, Outcome,
    Record, Reply, Side, TradingState,
};

use crate::testing::{START, Wire, World, agent, number, spec};

/// What is read while the account's stream is down says nothing of what happens until it is back.
#[test]
fn nothing_is_traded_between_a_stream_that_is_back_and_the_next_comparison() {
    let mut world = World::new();
    world.link(Link::Account, false);
    world.pass_answering(5);
    world.link(Link::Account, true);
    assert_eq!(world.gateway.state().0, TradingState::Starting);
    assert_eq!(world.place(spec(Side::Buy, "1", "99")), None);
    world.answer_all();
    assert_eq!(world.gateway.state().0, TradingState::Active);
}

fn late(world: &World, id: u64, action: Action) -> Intent {
    let expires = world.now.before(Duration::from_secs(60));
    Intent { id: IntentId(id), agent: agent(), action, reason: "late".to_owned(), expires }
}

/// A gateway that was stopped for a minute still takes back what it was told to.
#[test]
fn cancels_and_halts_never_expire() {
    let mut world = World::new();
    let intent = world.intend(Action::Place(spec(Side::Buy, "1", "99")));
    world.answer_all();
    let cancel = late(&world, 70, Action::Cancel(intent));
    world.apply(&Input::Intent(cancel));
    assert_eq!(world.count(|record| matches!(record, Record::Refused { .. })), 0);
    assert_eq!(world.requests.len(), 1);
    let halt = late(&world, 71, Action::Halt);
    world.apply(&Input::Intent(halt));
    assert_eq!(world.gateway.state().0, TradingState::Halted);
}

/// The venue acknowledges an order and rejects it, and the two ways there are not equally long.
fn rejected_by_stream(world: &mut World) -> (ClientOrderId, Response, model::RequestId) {
    let order = world.place(spec(Side::Buy, "1", "99")).unwrap();
    let (request, asked) = world.requests.pop_front().unwrap();
    let answer = world.venue.execute(world.now, &asked).unwrap();
    world.venue.orders[0].status = VenueOrderStatus::Rejected;
    let told = world.venue.told(&order, Execution::Rejected(VenueError::NotAllowed));
    world.report(told);
    assert_eq!(world.state_of(&order), OrderState::Done(Ending::Rejected));
    (order, answer, request)
}

#[test]
fn a_rejection_that_overtakes_its_acknowledgement_is_no_ghost() {
    let mut world = World::new();
    let (order, answer, request) = rejected_by_stream(&mut world);
    world.apply(&Input::Reply(Reply {
        request,
        outcome: Outcome::Done(answer),
        sent: model::Sent::default(),
    }));
    assert_eq!(world.state_of(&order), OrderState::InDoubt, "what it came to is asked for");
    world.pass_answering(5);
    assert_eq!(world.state_of(&order), OrderState::Done(Ending::Rejected));
    assert_eq!(world.gateway.state().0, TradingState::Active);
}

#[test]
fn a_rejection_that_is_told_twice_is_no_ghost() {
    let mut world = World::new();
    let (order, ..) = rejected_by_stream(&mut world);
    let told = world.venue.told(&order, Execution::Rejected(VenueError::NotAllowed));
    world.report(told);
    assert_eq!(world.gateway.state().0, TradingState::Active);
}

/// Its answer and its report are lost: what is known of it is that it was rejected.
#[test]
fn an_order_that_is_found_rejected_is_over() {
    let mut world = World::new();
    let order = world.place(spec(Side::Buy, "1", "99")).unwrap();
    world.answer(Wire::LosesAnswer);
    world.venue.orders[0].status = VenueOrderStatus::Rejected;
    world.pass_answering(5);
    assert_eq!(world.state_of(&order), OrderState::Done(Ending::Rejected));
}

/// The machine's clock was an hour ahead when the order was written down, and is right since the restart.
#[test]
fn an_order_of_a_session_whose_clock_was_ahead_is_missed() {
    let mut world = World::new();
    let order = world.place(spec(Side::Buy, "1", "99")).unwrap();
    world.answer_all();
    world.venue.orders[0].status = VenueOrderStatus::Canceled;
    world.now = world.now.before(Duration::from_secs(3_600));
    world.restart();
    world.connect();
    world.pass_answering(5);
    assert_eq!(world.state_of(&order), OrderState::Done(Ending::Canceled));
}

/// The same order is in doubt when the gateway is killed. It is looked for from when the venue can have
/// had it, not from ten minutes later.
#[test]
fn an_order_in_doubt_of_a_session_whose_clock_was_ahead_is_found() {
    let mut world = World::at(crate::testing::TELLS_SUMS);
    let known = world.now.before(Duration::from_secs(600));
    let balances = world.venue.account().balances.into_iter().collect();
    world.report(model::venue::AccountEvent::Balances { balances, time: known });
    let order = world.place(spec(Side::Buy, "1", "99")).unwrap();
    world.answer(Wire::LosesAnswer);
    world.now = known.after(Duration::from_secs(1));
    world.restart();
    world.pass_alarms(Duration::from_secs(1));
    let asked = world.requests.iter().find_map(|(_, asked)| match asked {
        model::venue::AccountRequest::Order { since, .. } => *since,
        _ => None,
    });
    assert!(asked.unwrap() <= known, "{order} was made after {known}");
}

/// The machine's clock was ahead at the first start. What somebody executes after it has a time before it,
/// and is no history: the first balances do not have it in them.
#[test]
fn a_first_start_by_a_wrong_clock_hides_no_execution() {
    let mut world = World::new();
    let order = world.place(spec(Side::Buy, "1", "99")).unwrap();
    world.answer_all();
    let mut foreign = world.venue.order(&order).unwrap().clone();
    foreign.id = model::VenueOrderId::from_number(99);
    foreign.client_order_id = number("somebody");
    world.venue.orders.push(foreign);
    let right = START.before(Duration::from_secs(500));
    world.venue.fill(right, &number("somebody"), "0.5").unwrap();
    world.apply(&Input::Operator(Command::Reconcile));
    world.pass_answering(5);
    assert_eq!(world.count(|record| matches!(record, Record::Filled { .. })), 1);
}
