//! A stream that lives and says nothing (NET-04), and one that is merely slower than an answer.

use std::time::Duration;

use model::{Discrepancy, Input, Link, Record, Side, TradingState};

use crate::testing::{Wire, World, number, spec};

/// An order that rests, reported as the venue does.
fn resting(world: &mut World) -> model::ClientOrderId {
    let order = world.place(spec(Side::Buy, "1", "99")).unwrap();
    world.answer(Wire::Whole);
    let accepted = world.venue.told(&order, model::venue::Execution::New);
    world.report(accepted);
    order
}

/// Executions happen and nobody tells: found by looking, nothing is sent from then on, and within
/// five seconds the stream is known to be deaf.
#[test]
fn a_mute_stream_is_found_out_by_what_the_venue_shows() {
    let mut world = World::new();
    let order = resting(&mut world);
    world.venue.fill(world.now, &order, "0.4").unwrap();
    let begin = world.now;
    while world.distrusted.is_empty() {
        world.pass_answering(1);
        assert!(world.now.since(begin) <= Duration::from_secs(5), "not found out");
        let found = world.count(|record| {
            matches!(record, Record::Discrepancy { found: Discrepancy::MissedFill { .. } })
        });
        if found > 0 {
            assert_eq!(world.gateway.state().0, TradingState::Starting, "deaf, and trading");
            assert_eq!(world.place(spec(Side::Buy, "1", "99")), None);
        }
    }
    assert_eq!(world.distrusted, [Link::Account]);
    assert_eq!(world.gateway.books().order(&order).unwrap().filled, number("0.4"));
    // The driver starts it again.
    world.link(Link::Account, false);
    world.link(Link::Account, true);
    world.pass_answering(1);
    assert_eq!(world.gateway.state(), (TradingState::Active, ""));
    world.pass_answering(20);
    assert_eq!(world.distrusted.len(), 1, "what is past is past");
}

/// The answer to an order is faster than the stream, again and again: no suspicion stays.
#[test]
fn a_stream_that_is_slower_than_the_answer_is_trusted() {
    let mut world = World::new();
    for _ in 0..5 {
        let order = world.place(spec(Side::Buy, "1", "99")).unwrap();
        world.answer(Wire::Whole);
        assert_eq!(world.gateway.state(), (TradingState::Active, ""));
        world.now = world.now.after(Duration::from_millis(800));
        let accepted = world.venue.told(&order, model::venue::Execution::New);
        world.report(accepted);
        let event = world.venue.fill(world.now, &order, "1").unwrap();
        world.report(event);
        world.pass_answering(3);
    }
    assert!(world.distrusted.is_empty());
}

/// An order is accepted by its answer, and the stream never says so.
#[test]
fn an_order_that_the_stream_never_tells_is_evidence() {
    let mut world = World::new();
    world.place(spec(Side::Buy, "1", "99")).unwrap();
    world.answer(Wire::Whole);
    world.pass_answering(2);
    assert_eq!(world.distrusted, [Link::Account]);
}

/// What executed while the connection was down is found by the reading after it, and is no evidence
/// against the new one.
#[test]
fn what_was_missed_while_down_is_no_evidence() {
    let mut world = World::new();
    let order = resting(&mut world);
    world.link(Link::Account, false);
    world.venue.fill(world.now, &order, "1").unwrap();
    world.link(Link::Account, true);
    world.pass_answering(10);
    assert_eq!(world.gateway.books().order(&order).unwrap().filled, number("1"));
    assert!(world.distrusted.is_empty());
    assert_eq!(world.gateway.state(), (TradingState::Active, ""));
}

/// NET-05: the stream is down for long and the venue answers: the books are kept up by reading.
#[test]
fn without_a_stream_the_books_are_read_all_the_same() {
    let mut world = World::new();
    let order = resting(&mut world);
    world.link(Link::Account, false);
    world.pass_answering(4);
    world.venue.fill(world.now, &order, "0.5").unwrap();
    world.pass_answering(8);
    assert_eq!(world.gateway.books().order(&order).unwrap().filled, number("0.5"));
    assert_eq!(world.gateway.state().0, TradingState::Starting);
    assert_eq!(world.place(spec(Side::Buy, "1", "99")), None, "no blind order");
}

/// NET-05, the other way: the stream lives and nothing can be asked.
#[test]
fn without_answers_nothing_that_adds_risk_is_sent() {
    let mut world = World::new();
    world.apply(&Input::Operator(model::Command::Reconcile));
    for _ in 0..20 {
        world.now = world.now.after(Duration::from_millis(200));
        world.apply(&Input::Wake);
        while !world.requests.is_empty() {
            world.answer(Wire::LosesAnswer);
        }
    }
    world.book();
    assert_eq!(world.gateway.state().0, TradingState::Starting);
    assert_eq!(world.place(spec(Side::Buy, "1", "99")), None);
    world.pass_answering(10);
    assert_eq!(world.gateway.state(), (TradingState::Active, ""), "and it recovers by itself");
}
