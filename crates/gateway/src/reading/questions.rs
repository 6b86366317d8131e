//! When a comparison of the books leaves them clean while questions about orders are open.

use model::{Action, Command, Input, OrderState, Side, TradingState};

use crate::testing::{Wire, World, spec};

fn compare(world: &mut World) {
    world.apply(&Input::Operator(Command::Reconcile));
    let reading = |request: &model::venue::AccountRequest| {
        !matches!(request, model::venue::AccountRequest::Order { .. })
    };
    // The question about the order stays open meanwhile.
    while let Some(at) = world.requests.iter().position(|(_, request)| reading(request)) {
        world.requests.swap(0, at);
        world.answer(Wire::Whole);
    }
}

/// A cancel was lost, and its order is asked about when the timer has the books compared: what the
/// venue shows is what our books show, so trading goes on.
#[test]
fn a_question_without_a_difference_does_not_stop_trading() {
    let mut world = World::new();
    let intent = world.intend(Action::Place(spec(Side::Buy, "1", "99")));
    world.answer_all();
    world.intend(Action::Cancel(intent));
    world.answer(Wire::LosesRequest);
    let order = world.gateway.books().order_of(crate::testing::agent(), intent).unwrap();
    assert_eq!(order.state, OrderState::InDoubt);
    compare(&mut world);
    assert_eq!(world.gateway.state().0, TradingState::Active);
    assert!(world.place(spec(Side::Buy, "1", "99")).is_some());
}

/// An order that was there and is not shown any more is a difference, whatever else it is asked about
/// for, until that is answered.
#[test]
fn an_order_that_is_not_shown_stops_trading_until_it_is_known() {
    let mut world = World::new();
    let intent = world.intend(Action::Place(spec(Side::Buy, "1", "99")));
    world.answer_all();
    world.intend(Action::Cancel(intent));
    // It arrives, so the order is gone; that is not told.
    world.answer(Wire::LosesAnswer);
    compare(&mut world);
    assert_eq!(world.gateway.state().0, TradingState::Starting);
    assert!(world.place(spec(Side::Buy, "1", "99")).is_none());
    // Two questions, for the order and for its executions, and the next comparison.
    world.pass_answering(5);
    assert_eq!(world.gateway.state(), (TradingState::Active, ""));
}
