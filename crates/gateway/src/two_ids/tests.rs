//! ACC-02: one execution under two ids, whichever of them comes first, and two executions that look the same.

use model::venue::{AccountEvent, AccountRequest, Execution};
use model::{
    AgentEvent, ClientOrderId, Command, Discrepancy, Input, Notice, Qty, Record, Side, TradeId,
    TradingState,
};

use crate::testing::{TELLS_ALL, Wire, World, id, number, spec};

fn placed() -> (World, ClientOrderId) {
    let mut world = World::at(TELLS_ALL);
    let order = world.place(spec(Side::Buy, "1", "100")).unwrap();
    world.answer_all();
    (world, order)
}

/// The venue executes some of it, and its stream has an id of its own for that.
fn executes(world: &mut World, order: &ClientOrderId, qty: &str) -> AccountEvent {
    world.now = world.now.after(std::time::Duration::from_millis(1));
    let mut event = world.venue.fill(world.now, order, qty).unwrap();
    if let AccountEvent::Order { execution: Execution::Trade(fill), .. } = &mut event {
        let number: u64 = fill.trade_id.as_str().parse().unwrap();
        fill.trade_id = TradeId::from_number(7_000 + number);
    }
    event
}

/// Compares with nothing counted beyond what has executed, after any answer.
fn compares(world: &mut World, order: &ClientOrderId) {
    world.apply(&Input::Operator(Command::Reconcile));
    for _ in 0..160 {
        world.answer(Wire::Whole);
        if world.requests.is_empty() {
            world.pass_alarms(std::time::Duration::from_millis(250));
        }
        let executed = world.venue.order(order).unwrap().filled;
        assert!(filled(world, order) <= executed, "more is counted than has executed");
    }
}

fn filled(world: &World, order: &ClientOrderId) -> Qty {
    world.gateway.books().order(order).unwrap().filled
}

fn two_ids(world: &World) -> usize {
    world.count(|r| matches!(r, Record::Discrepancy { found: Discrepancy::TwoIds { .. } }))
}

#[test]
fn an_execution_under_two_ids_is_counted_once_at_all_times() {
    for told_first in [true, false] {
        let (mut world, order) = placed();
        for qty in ["0.4", "0.6"] {
            let event = executes(&mut world, &order, qty);
            if told_first {
                world.report(event);
                compares(&mut world, &order);
            } else {
                compares(&mut world, &order);
                world.report(event);
                compares(&mut world, &order);
            }
            assert_eq!(filled(&world, &order), world.venue.order(&order).unwrap().filled);
        }
        assert_eq!(two_ids(&world), 2, "told first: {told_first}");
        world.pass_answering(5);
        assert_eq!(world.gateway.state().0, TradingState::Reducing, "a person looks at it");
        let books = world.gateway.books();
        assert_eq!(books.position(id()).unwrap().net(), world.venue.net());
        for (asset, total) in &world.venue.balances {
            assert_eq!(books.counted(*asset), Some(*total), "{asset}");
        }
        let told = |notice: &&Notice| matches!(notice, Notice::Agent(_, AgentEvent::Fill { .. }));
        assert_eq!(world.notices.iter().filter(told).count(), 2, "the agent hears each once");
        // Known by both names from now on, also after a restart.
        world.restart();
        world.connect();
        compares(&mut world, &order);
        assert_eq!(two_ids(&world), 2);
        world.apply(&Input::Operator(Command::AcceptDifferences));
        world.pass_answering(3);
        assert_eq!(world.gateway.state(), (TradingState::Active, ""));
    }
}

/// Of two that look the same, at the same price in the same instant, one is told and one is read.
#[test]
fn two_executions_that_look_the_same_are_two() {
    let (mut world, order) = placed();
    let first = world.venue.fill(world.now, &order, "0.3").unwrap();
    world.venue.fill(world.now, &order, "0.3").unwrap();
    world.report(first);
    compares(&mut world, &order);
    assert_eq!((filled(&world, &order), two_ids(&world)), (number("0.6"), 0));
}

/// A look-up that says that less has executed than is counted proves nothing of either.
#[test]
fn a_look_up_that_lies_does_not_take_an_execution_away() {
    let (mut world, order) = placed();
    let first = world.venue.fill(world.now, &order, "0.3").unwrap();
    world.venue.fill(world.now, &order, "0.3").unwrap();
    world.report(first);
    world.apply(&Input::Operator(Command::Reconcile));
    while let Some((_, request)) = world.requests.front() {
        let lies = matches!(request, AccountRequest::Order { .. });
        let told = world.venue.orders[0].filled;
        if lies {
            world.venue.orders[0].filled = Qty::ZERO;
        }
        world.answer(Wire::Whole);
        world.venue.orders[0].filled = told;
    }
    compares(&mut world, &order);
    assert_eq!((filled(&world, &order), two_ids(&world)), (number("0.6"), 0));
}

/// One look-up comes from a copy of the venue that has the first of two alike and not yet the second: that
/// one is not lost by it.
#[test]
fn one_answer_that_is_behind_takes_no_execution_away() {
    let (mut world, order) = placed();
    let first = world.venue.fill(world.now, &order, "0.3").unwrap();
    let behind = world.venue.orders[0].clone();
    let second = world.venue.fill(world.now, &order, "0.3").unwrap();
    world.report(first);
    world.apply(&Input::Operator(Command::Reconcile));
    let mut is_behind = true;
    while is_behind {
        let asks = |(_, r): &(_, AccountRequest)| matches!(r, AccountRequest::Order { .. });
        let now = world.venue.orders[0].clone();
        if world.requests.front().is_some_and(asks) {
            world.venue.orders[0] = behind.clone();
            is_behind = false;
        }
        world.answer(Wire::Whole);
        world.venue.orders[0] = now;
    }
    assert_eq!((filled(&world, &order), two_ids(&world)), (number("0.3"), 0), "not decided yet");
    compares(&mut world, &order);
    world.report(second);
    compares(&mut world, &order);
    assert_eq!((filled(&world, &order), two_ids(&world)), (number("0.6"), 0));
    assert_eq!(world.gateway.state(), (TradingState::Active, ""));
}

/// The history knows the execution by its other id: a deposit that comes later is one, and nothing is missing.
#[test]
fn what_has_two_ids_is_not_missing_from_the_history() {
    let (mut world, order) = placed();
    let event = executes(&mut world, &order, "0.4");
    world.report(event);
    compares(&mut world, &order);
    world.apply(&Input::Operator(Command::AcceptDifferences));
    world.pass_answering(200);
    assert_eq!(two_ids(&world), 1);
    world.venue.transfer("BTC", "3");
    world.apply(&Input::Operator(Command::Reconcile));
    world.pass_answering(10);
    let found = |kind: &str| {
        world.count(|r| matches!(r, Record::Discrepancy { found } if found.kind() == kind))
    };
    assert_eq!((found("deposit"), found("balance")), (1, 0));
    assert_eq!(world.gateway.state(), (TradingState::Active, ""));
}

/// While the order is asked for and no answer comes the comparison is not complete.
#[test]
fn what_is_not_settled_is_read_again() {
    let (mut world, order) = placed();
    let event = executes(&mut world, &order, "0.4");
    world.report(event);
    world.apply(&Input::Operator(Command::Reconcile));
    for _ in 0..60 {
        let is_asked = |(_, r): &(_, AccountRequest)| matches!(r, AccountRequest::Order { .. });
        let wire = if world.requests.front().is_some_and(is_asked) {
            Wire::LosesRequest
        } else {
            Wire::Whole
        };
        world.answer(wire);
        if world.requests.is_empty() {
            world.pass_alarms(std::time::Duration::from_secs(3));
        }
        assert_eq!(filled(&world, &order), number("0.4"));
    }
    assert_eq!((world.gateway.state().0, two_ids(&world)), (TradingState::Starting, 0));
    compares(&mut world, &order);
    assert_eq!(two_ids(&world), 1);
}
