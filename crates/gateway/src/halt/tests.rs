//! How far trading is halted, and what leaves meanwhile.

use model::venue::AccountRequest;
use model::{
    Action, Command, Ending, HaltCause, HaltLevel, HaltedBy, Input, OrderKind, OrderSpec,
    OrderState, Record, Refusal, Side, TradingState,
};

use crate::testing::{World, agent, number, spec};

fn halt(world: &mut World, level: HaltLevel, why: &str) {
    let cause = HaltCause::new(HaltedBy::Person, why);
    world.apply(&Input::Operator(Command::Halt { level, cause }));
}

fn changes(world: &World) -> usize {
    let is_change = |asked: &&AccountRequest| {
        matches!(asked, AccountRequest::Place(_) | AccountRequest::Cancel { .. })
    };
    world.asked.iter().filter(is_change).count()
}

#[test]
fn who_halted_is_in_the_journal_and_stays() {
    let mut world = World::new();
    world.intend(Action::Halt);
    let latch = world.gateway.latch().unwrap().clone();
    assert_eq!((latch.by, latch.state), (Some(HaltedBy::Agent), TradingState::Halted));
    assert_eq!(latch.cause, "agent trend: test");
    halt(&mut world, HaltLevel::Halted, "me, too");
    assert_eq!(world.gateway.latch(), Some(&latch), "the first cause stays");
    world.restart();
    world.connect();
    assert_eq!(world.gateway.latch(), Some(&latch), "and survives a restart");
    let by = |by| world.count(|r| matches!(r, Record::Trading { by: Some(b), .. } if *b == by));
    assert_eq!((by(HaltedBy::Agent), by(HaltedBy::Person)), (2, 0));
}

#[test]
fn a_halt_gets_higher_with_what_was_before_in_its_cause() {
    let mut world = World::new();
    halt(&mut world, HaltLevel::Halted, "first");
    halt(&mut world, HaltLevel::Dark, "second");
    assert_eq!(world.gateway.state(), (TradingState::Dark, "second; before that: first"));
    halt(&mut world, HaltLevel::Flattening, "third");
    assert_eq!(world.gateway.state().0, TradingState::Dark, "and never lower");
    world.restart();
    world.connect();
    assert_eq!(world.gateway.state(), (TradingState::Dark, "second; before that: first"));
}

/// An order stands, a cancel of it is wanted, and the gateway goes dark: only questions leave, in this life
/// and in the next.
#[test]
fn in_the_dark_no_order_and_no_cancel_leaves() {
    let mut world = World::new();
    let intent = world.intend(Action::Place(spec(Side::Buy, "1", "99")));
    world.answer_all();
    let order = world.gateway.books().order_of(agent(), intent).unwrap();
    let order = order.order.client_order_id;
    let before = changes(&world);
    halt(&mut world, HaltLevel::Dark, "the key is stolen");
    for action in [Action::Cancel(intent), Action::CancelAll(number("BTC-USDT"))] {
        world.intend(action);
        let refused = world.entries.last().map(|entry| &entry.record);
        let is_dark = matches!(
            refused,
            Some(Record::Refused {
                because: Refusal::NotTrading { state: TradingState::Dark, .. },
                ..
            })
        );
        assert!(is_dark, "{refused:?}");
    }
    let gone = Command::AgentGone { agent: agent(), cause: "died".to_owned() };
    world.apply(&Input::Operator(gone));
    assert!(world.place(spec(Side::Sell, "1", "101")).is_none());
    world.pass_answering(60);
    world.restart();
    world.connect();
    world.pass_answering(60);
    assert_eq!(changes(&world), before);
    assert!(world.state_of(&order).is_open());
}

/// What a halt does to orders at each level: entries go, protection stays, in the dark all stay.
#[test]
fn what_is_taken_back_at_each_level() {
    for level in [HaltLevel::Halted, HaltLevel::Flattening, HaltLevel::Dark] {
        let mut world = World::new();
        let entry = world.place(spec(Side::Buy, "1", "99")).unwrap();
        world.answer_all();
        halt(&mut world, level, "enough");
        world.answer_all();
        let is_gone = world.state_of(&entry) == OrderState::Done(Ending::Canceled);
        assert_eq!(is_gone, level != HaltLevel::Dark, "{level:?}");
        let reducing = OrderSpec { reduce_only: true, ..spec(Side::Sell, "1", "101") };
        for order in [spec(Side::Buy, "1", "99"), reducing] {
            let refused = world.gateway.approve(world.now, agent(), &order).unwrap_err();
            assert!(matches!(refused, Refusal::NotTrading { .. }), "{level:?} {refused:?}");
        }
    }
}

/// The trading state that an order is held to, for each row of the table that is no halt.
#[test]
fn throttled_is_a_quarter_and_reducing_only_reduces() {
    let mut world = World::new();
    let bought = world.place(spec(Side::Buy, "1", "100")).unwrap();
    world.answer_all();
    let event = world.venue.fill(world.now, &bought, "1").unwrap();
    world.report(event);
    let market = OrderKind::Market;
    let reducing =
        |qty: &str| OrderSpec { reduce_only: true, kind: market, ..spec(Side::Sell, qty, "100") };
    // The limit on one order is 2.
    let orders =
        [spec(Side::Buy, "2", "99"), spec(Side::Buy, "0.2", "99"), reducing("1"), reducing("0.2")];
    for (state, passes) in [
        (TradingState::Starting, [false; 4]),
        (TradingState::Active, [true; 4]),
        (TradingState::Throttled, [false, true, false, true]),
        (TradingState::Reducing, [false, false, true, true]),
        (TradingState::Halted, [false; 4]),
        (TradingState::Flattening, [false; 4]),
        (TradingState::Dark, [false; 4]),
    ] {
        world.book();
        world.gateway.state = state;
        let found = orders.clone().map(|o| world.gateway.approve(world.now, agent(), &o).is_ok());
        assert_eq!(found, passes, "{state:?}");
    }
}
