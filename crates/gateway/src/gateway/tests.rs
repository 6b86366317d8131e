//! Stories about orders, answers, losses and restarts. What holds at every step (journal before
//! wire, books a fold over the journal, worst case within the limit) is checked by the world itself.

use std::time::Duration;

use model::venue::{
    AccountEvent, AccountRequest, Execution, Profile, Response, TradesFrom, VenueError,
};
use model::{
    Action, Amount, Asset, Command, Discrepancy, Ending, HaltedBy, Input, Link, OrderKind,
    OrderState, Outcome, Qty, Record, RequestId, Side, StoreTag, TimeInForce, TradingState,
};
use proptest::prelude::*;

use crate::testing::{START, TELLS_ALL, Wire, World, agent, id, number, spec};

fn buy() -> model::OrderSpec {
    spec(Side::Buy, "1", "99")
}

#[test]
fn an_order_is_written_down_sent_accepted_filled() {
    let mut world = World::new();
    let order = world.place(buy()).unwrap();
    assert_eq!(world.state_of(&order), OrderState::PendingNew);
    world.answer(Wire::Whole);
    assert_eq!(world.state_of(&order), OrderState::Working);
    for (qty, state) in [("0.4", OrderState::Working), ("0.6", OrderState::Done(Ending::Filled))] {
        let event = world.venue.fill(world.now, &order, qty).unwrap();
        world.report(event);
        assert_eq!(world.state_of(&order), state);
    }
    let position = world.gateway.books().position(id()).unwrap();
    assert_eq!(position.net(), number("1"));
    assert_eq!(position.entry_price(), Some(number("99")));
}

/// Reports and answers of one order, in every order: the same books in the end.
#[test]
fn the_order_in_which_things_are_heard_does_not_matter() {
    let mut ends = Vec::new();
    for order in permutations(6) {
        let mut world = World::new();
        let name = world.place(buy()).unwrap();
        let (request, asked) = world.requests.pop_front().unwrap();
        let AccountEvent::Order { .. } = placed(&mut world, &asked) else { unreachable!() };
        let reply = Response::Placed {
            order: world.venue.order(&name).unwrap().clone(),
            fills: Vec::new(),
        };
        let accepted = world.venue.told(&name, Execution::New);
        let first = world.venue.fill(world.now, &name, "0.3").unwrap();
        let second = world.venue.fill(world.now, &name, "0.3").unwrap();
        let third = world.venue.fill(world.now, &name, "0.2").unwrap();
        let ended = {
            let mut gone = world.venue.told(&name, Execution::Canceled(number("c")));
            if let AccountEvent::Order { order, .. } = &mut gone {
                order.status = model::venue::VenueOrderStatus::Canceled;
            }
            world.venue.orders.last_mut().unwrap().status =
                model::venue::VenueOrderStatus::Canceled;
            gone
        };
        let heard = [
            Input::Reply(model::Reply {
                request,
                outcome: Outcome::Done(reply),
                sent: model::Sent::default(),
            }),
            Input::Account(accepted),
            Input::Account(first),
            Input::Account(second),
            Input::Account(third),
            Input::Account(ended),
        ];
        for index in &order {
            world.apply(&heard[*index]);
            // Heard twice is heard once.
            world.apply(&heard[*index]);
        }
        world.pass_answering(3);
        let tracked = world.gateway.books().order(&name).unwrap();
        let position = world.gateway.books().position(id()).unwrap();
        ends.push((order, tracked.state, tracked.filled, position.net(), position.realized()));
    }
    for end in &ends {
        let expected = (OrderState::Done(Ending::Canceled), number::<Qty>("0.8"));
        assert_eq!((end.1, end.2), expected, "heard in the order {:?}", end.0);
        assert_eq!(end.3, number("0.8"), "{:?}", end.0);
    }
}

/// Carries a place out at the venue without an answer.
fn placed(world: &mut World, asked: &model::venue::AccountRequest) -> AccountEvent {
    world.requests.push_front((RequestId(u64::MAX), asked.clone()));
    world.answer(Wire::LosesAnswer);
    let name = world.venue.orders.last().unwrap().client_order_id;
    world.venue.told(&name, Execution::New)
}

fn permutations(count: usize) -> Vec<Vec<usize>> {
    if count == 0 {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for shorter in permutations(count - 1) {
        for at in 0..=shorter.len() {
            let mut longer = shorter.clone();
            longer.insert(at, count - 1);
            all.push(longer);
        }
    }
    all
}

#[test]
fn a_lost_answer_is_asked_for_and_the_order_never_sent_again() {
    let mut world = World::new();
    let order = world.place(buy()).unwrap();
    world.answer(Wire::LosesAnswer);
    assert_eq!(world.state_of(&order), OrderState::InDoubt);
    assert_eq!(world.gateway.books().exposure(id()).worst(Side::Buy, Qty::ZERO), Some(number("1")));
    world.pass_answering(1);
    assert_eq!(world.state_of(&order), OrderState::Working, "found by asking");
    world.pass_answering(60);
    assert_eq!(world.venue.places[&order], 1);
}

/// Both sides of the quiet time: 17 seconds from the doubt.
#[test]
fn a_lost_request_is_absent_only_after_the_quiet_time() {
    let mut world = World::new();
    let order = world.place(buy()).unwrap();
    world.answer(Wire::LosesRequest);
    world.pass_answering(16);
    assert_eq!(world.state_of(&order), OrderState::InDoubt, "absence proves nothing yet");
    assert_eq!(world.gateway.books().exposure(id()).worst(Side::Buy, Qty::ZERO), Some(number("1")));
    world.pass_answering(4);
    let freed = "its size is free at most three seconds after that";
    assert_eq!(world.state_of(&order), OrderState::Done(Ending::NotPlaced), "{freed}");
    assert_eq!(world.gateway.books().exposure(id()).worst(Side::Buy, Qty::ZERO), Some(number("0")));
    assert!(!world.venue.places.contains_key(&order));
}

/// Quiet is only time in which the venue is heard: an order may wait on its way through any other.
#[test]
fn the_quiet_time_stands_still_while_nothing_is_heard() {
    let mut world = World::new();
    let order = world.place(buy()).unwrap();
    world.answer(Wire::LosesRequest);
    world.pass_answering(5);
    world.pass(60, Wire::LosesRequest);
    world.pass_answering(8);
    assert_eq!(world.state_of(&order), OrderState::InDoubt, "heard for thirteen seconds in all");
    world.pass_answering(20);
    assert_eq!(world.state_of(&order), OrderState::Done(Ending::NotPlaced));
}

/// EXS-10: an exchange that stands still goes on answering questions, and its market, which has moved all
/// the time, does not move. An order may stand in its line: absence proves nothing until the market moves
/// again, and then only after the quiet time. In a market that is often silent, silence tells nothing.
#[test]
fn the_quiet_time_stands_still_with_the_exchange() {
    for (busy, ending) in [(true, None), (false, Some(Ending::NotPlaced))] {
        let mut world = World::new();
        for _ in 0..if busy { 16 } else { 4 } {
            world.pass_answering(if busy { 4 } else { 16 });
        }
        let order = world.place(buy()).unwrap();
        world.answer(Wire::LosesRequest);
        world.pass(60, Wire::Whole);
        let known = |world: &World| world.gateway.books().order(&order).unwrap().ending();
        assert_eq!(known(&world), ending, "busy: {busy}");
        if busy {
            for _ in 0..4 {
                world.pass_answering(3);
            }
            assert_eq!(known(&world), None, "it has moved for twelve seconds");
            for _ in 0..4 {
                world.pass_answering(3);
            }
            assert_eq!(known(&world), Some(Ending::NotPlaced));
        }
    }
}

/// A process that was stopped has heard nothing either, and a restart begins anew.
#[test]
fn the_quiet_time_outlives_no_gap_and_no_restart() {
    for restart in [false, true] {
        let mut world = World::new();
        let order = world.place(buy()).unwrap();
        world.answer(Wire::LosesRequest);
        world.pass_answering(5);
        world.now = world.now.after(Duration::from_secs(3_600));
        if restart {
            world.restart();
        }
        world.connect();
        world.pass_answering(8);
        assert_eq!(world.state_of(&order), OrderState::InDoubt, "restart {restart}");
        world.pass_answering(25);
        assert_eq!(world.state_of(&order), OrderState::Done(Ending::NotPlaced));
    }
}

/// A busy account executes more than a page holds: the proof reads on instead of starting again.
#[test]
fn absence_is_proven_through_many_executions() {
    let mut world = World::new();
    let busy = world.place(spec(Side::Buy, "2", "99")).unwrap();
    world.answer_all();
    let lost = world.place(buy()).unwrap();
    world.answer(Wire::LosesRequest);
    for _ in 0..1_100 {
        let event = world.venue.fill(world.now, &busy, "0.001").unwrap();
        world.report(event);
    }
    world.pass_answering(40);
    assert_eq!(world.state_of(&lost), OrderState::Done(Ending::NotPlaced));
}

/// An order with more executions than a page holds, of which nothing was heard: the newest page is read,
/// then all from the first one on, and each counts once.
#[test]
fn an_order_with_many_executions_is_read_to_the_end() {
    let mut world = World::at(Profile { fills_page: 3, ..TELLS_ALL });
    let order = world.place(spec(Side::Buy, "1", "99")).unwrap();
    world.answer_all();
    (0..10).for_each(|_| drop(world.venue.fill(world.now, &order, "0.1").unwrap()));
    world.report(world.venue.told(&order, Execution::Standing));
    let mut starts = Vec::new();
    for _ in 0..5 {
        world.pass_alarms(Duration::from_secs(1));
        while let Some((_, request)) = world.requests.front() {
            if let AccountRequest::Fills { order: Some(_), from, .. } = request {
                starts.push(*from);
            }
            world.answer(Wire::Whole);
        }
    }
    let read = [TradesFrom::Newest, TradesFrom::Id(0), TradesFrom::Id(4), TradesFrom::Id(7)];
    assert_eq!(starts, read);
    assert_eq!(world.count(|r| matches!(r, Record::Filled { .. })), 10);
    assert_eq!(world.state_of(&order), OrderState::Done(Ending::Filled));
}

/// A venue that was reset does not know an order that it had accepted: proven, said, and halted.
#[test]
fn an_order_that_the_venue_has_lost_ends() {
    let mut world = World::new();
    let order = world.place(buy()).unwrap();
    world.answer_all();
    world.venue.orders.clear();
    world.apply(&Input::Operator(Command::Reconcile));
    world.pass_answering(14);
    assert!(world.state_of(&order).is_open(), "absence proves nothing yet");
    assert_ne!(world.gateway.state().0, TradingState::Halted);
    world.pass_answering(30);
    assert_eq!(world.state_of(&order), OrderState::Done(Ending::Canceled));
    assert_eq!(world.gateway.state().0, TradingState::Halted);
    let said = world.notices.iter().filter(
        |notice| matches!(notice, model::Notice::Alert(alert) if alert.text.contains("has lost order")),
    );
    assert_eq!(said.count(), 1);
    let ended =
        |r: &Record| matches!(r, Record::Discrepancy { found: Discrepancy::MissedEnd { .. } });
    assert_eq!(world.count(ended), 1);
    assert_eq!(world.gateway.books().open_count(), 0);
}

/// The request arrives after the venue was asked for it: found before the quiet time is over.
#[test]
fn a_request_that_arrives_late_is_found() {
    let mut world = World::new();
    let order = world.place(buy()).unwrap();
    let (_, asked) = world.requests.pop_front().unwrap();
    world.requests.push_front((RequestId(1_000), asked.clone()));
    world.apply(&Input::Reply(model::Reply {
        request: last_request(&world),
        outcome: Outcome::InDoubt("timed out".to_owned()),
        sent: model::Sent::default(),
    }));
    world.requests.clear();
    world.pass_answering(10);
    assert_eq!(world.state_of(&order), OrderState::InDoubt);
    placed(&mut world, &asked);
    world.pass_answering(5);
    assert_eq!(world.state_of(&order), OrderState::Working);
}

/// Requests are numbered; the order's is the newest that was made.
fn last_request(world: &World) -> RequestId {
    let outstanding = world.gateway.outstanding.keys().next_back();
    *outstanding.unwrap()
}

#[test]
fn an_id_that_is_taken_is_our_own_order() {
    let mut world = World::new();
    let order = world.place(buy()).unwrap();
    let (request, asked) = world.requests.pop_front().unwrap();
    placed(&mut world, &asked);
    let outcome = Outcome::Refused(VenueError::DuplicateClientOrderId);
    world.apply(&Input::Reply(model::Reply { request, outcome, sent: model::Sent::default() }));
    world.pass_answering(2);
    assert_eq!(world.state_of(&order), OrderState::Working);
}

#[test]
fn a_proven_refusal_ends_the_order_and_frees_its_size() {
    let mut world = World::new();
    let order = world.place(buy()).unwrap();
    let (request, _) = world.requests.pop_front().unwrap();
    let outcome = Outcome::Refused(VenueError::InsufficientBalance);
    world.apply(&Input::Reply(model::Reply { request, outcome, sent: model::Sent::default() }));
    assert_eq!(world.state_of(&order), OrderState::Done(Ending::Rejected));
    assert_eq!(world.gateway.books().exposure(id()).worst(Side::Buy, Qty::ZERO), Some(number("0")));
}

/// "Rejected" of an order that was alive is a contradiction, by whichever way it comes: it is asked for
/// and keeps its size. Of one that was never seen it is an end.
#[test]
fn a_rejection_ends_only_what_was_never_alive() {
    let because = || VenueError::InsufficientBalance;
    for by_stream in [false, true] {
        for alive in [false, true] {
            let mut world = World::new();
            let order = world.place(buy()).unwrap();
            let (request, asked) = world.requests.pop_front().unwrap();
            let accepted = placed(&mut world, &asked);
            if alive {
                world.report(accepted);
            }
            if by_stream {
                let mut told = world.venue.told(&order, Execution::Rejected(because()));
                if let AccountEvent::Order { order, .. } = &mut told {
                    order.status = model::venue::VenueOrderStatus::Rejected;
                }
                world.report(told);
            } else {
                let outcome = Outcome::Refused(because());
                world.apply(&Input::Reply(model::Reply {
                    request,
                    outcome,
                    sent: model::Sent::default(),
                }));
            }
            let ended = world.state_of(&order) == OrderState::Done(Ending::Rejected);
            assert_eq!(ended, !alive, "by stream {by_stream}");
            if alive {
                world.pass_answering(2);
                assert_eq!(world.state_of(&order), OrderState::Working, "found by asking");
            }
        }
    }
}

#[test]
fn a_refused_cancel_is_a_question_and_its_execution_counts() {
    let mut world = World::new();
    let intent = world.intend(Action::Place(buy()));
    world.answer_all();
    let order = world.gateway.books().order_of(agent(), intent).unwrap().order.client_order_id;
    // Filled, and the report is lost.
    world.venue.fill(world.now, &order, "1").unwrap();
    world.intend(Action::Cancel(intent));
    world.answer_all();
    assert!(world.state_of(&order).is_open(), "unknown order may mean filled");
    world.pass_answering(3);
    assert_eq!(world.state_of(&order), OrderState::Done(Ending::Filled));
    assert_eq!(world.gateway.books().position(id()).unwrap().net(), number("1"));
}

/// A look-up says "canceled, nothing filled" of an order whose execution shows up in the history.
#[test]
fn an_end_that_is_looked_up_waits_for_the_executions() {
    let mut world = World::new();
    let order = world.place(buy()).unwrap();
    world.answer_all();
    world.venue.fill(world.now, &order, "0.4").unwrap();
    world.venue.orders[0].status = model::venue::VenueOrderStatus::Canceled;
    world.link(Link::Account, false);
    world.connect();
    world.pass_answering(5);
    assert_eq!(world.state_of(&order), OrderState::Done(Ending::Canceled));
    assert_eq!(world.gateway.books().position(id()).unwrap().net(), number("0.4"));
}

#[test]
fn what_happened_while_away_is_read_with_its_true_price() {
    let mut world = World::new();
    let order = world.place(buy()).unwrap();
    world.answer_all();
    world.link(Link::Account, false);
    assert_eq!(world.gateway.state().0, TradingState::Starting);
    world.venue.fill(world.now, &order, "1").unwrap();
    assert!(world.place(spec(Side::Buy, "0.1", "99")).is_none(), "nothing that adds risk is sent");
    world.connect();
    world.pass_answering(2);
    assert_eq!(world.gateway.state(), (TradingState::Active, ""));
    let position = world.gateway.books().position(id()).unwrap();
    assert_eq!((position.net(), position.entry_price()), (number("1"), Some(number("99"))));
    assert_eq!(
        world.count(|r| matches!(r, Record::Discrepancy { found: Discrepancy::MissedFill { .. } })),
        1
    );
}

/// Executions of somebody else until a moment before the first start, at a venue whose clock is ahead by
/// more than that, and others after it: only those are counted, in this session and in every later one.
#[test]
fn what_executed_before_the_first_start_is_never_counted() {
    let balances = [(number("USDT"), number("1000")), (number("BTC"), number("10"))].into();
    let mut venue = crate::testing::Venue { balances, ..Default::default() };
    let order = |name: &str, qty: &str| model::NewOrder {
        client_order_id: number(name),
        instrument: id(),
        side: Side::Buy,
        kind: OrderKind::Limit { price: number("99") },
        qty: model::OrderQty::Base(number(qty)),
        time_in_force: TimeInForce::Gtc,
        post_only: false,
        reduce_only: false,
        self_trade_prevention: None,
    };
    let (over, open) = (order("over", "1.4"), order("open", "1"));
    venue.place(START, &over).unwrap();
    venue.place(START, &open).unwrap();
    let venue_now = START.after(Duration::from_secs(3));
    for ms in (0..14_000).rev().step_by(1_000) {
        venue.fill(venue_now.before(Duration::from_millis(ms)), &over.client_order_id, "0.1");
    }
    let mut world = World::with_history(venue);
    let fills = |world: &World| world.count(|r| matches!(r, Record::Filled { .. }));
    assert_eq!(fills(&world), 0);
    let order = world.place(buy()).unwrap();
    world.answer(Wire::LosesRequest);
    world.pass_answering(40);
    assert_eq!(world.state_of(&order), OrderState::Done(Ending::NotPlaced), "history is no doubt");
    assert_eq!(fills(&world), 0, "although this proof has read it");
    for session in 1..4 {
        world.venue.fill(world.now, &open.client_order_id, "0.1").unwrap();
        world.restart();
        world.connect();
        world.pass_answering(3);
        assert_eq!(fills(&world), session);
        assert_eq!(world.gateway.state(), (TradingState::Active, ""));
    }
}

#[test]
fn a_balance_must_differ_twice_before_it_is_taken_over() {
    let mut world = World::new();
    let asset: Asset = number("USDT");
    let grown = world.venue.balances[&asset].checked_add(number("50")).unwrap();
    world.venue.balances.insert(asset, grown);
    world.apply(&Input::Operator(Command::Reconcile));
    world.answer_all();
    let transfers = |world: &World| world.count(|r| matches!(r, Record::Transferred { .. }));
    assert_eq!(transfers(&world), 0, "once may be a race");
    assert_eq!(world.gateway.state().0, TradingState::Starting, "not clean meanwhile");
    world.pass_answering(3);
    assert_eq!(transfers(&world), 1);
    assert_eq!(world.gateway.books().counted(asset), Some(grown));
    assert_eq!(world.gateway.state().0, TradingState::Active);
}

#[test]
fn an_order_of_somebody_else_is_said_once() {
    let mut world = World::new();
    let order = world.place(buy()).unwrap();
    world.answer_all();
    let mut foreign = world.venue.order(&order).unwrap().clone();
    foreign.id = model::VenueOrderId::from_number(99);
    foreign.client_order_id = number("somebody-else");
    world.venue.orders.push(foreign);
    for _ in 0..3 {
        world.apply(&Input::Operator(Command::Reconcile));
        world.pass_answering(2);
    }
    assert_eq!(world.count(|r| matches!(r, Record::Foreign { .. })), 1);
}

/// Two stores of one account give no name twice, although both count from one.
#[test]
fn another_store_makes_other_names() {
    let mut world = World::new();
    let first = world.place(buy()).unwrap();
    world.answer_all();
    world.restart_without_a_journal(StoreTag::new(2));
    world.connect();
    let second = world.place(buy()).unwrap();
    world.answer_all();
    assert_ne!(first, second);
    assert_eq!(world.state_of(&second), OrderState::Working);
    assert_eq!(world.count(|r| matches!(r, Record::Foreign { .. })), 1, "the first is known of");
}

/// An order of somebody else that has our name (here: of a lost journal whose copy came back) is not
/// taken for ours when it is not what was ordered. Its executions are not our order's.
#[test]
fn an_impostor_halts_and_is_not_adopted() {
    let others =
        [spec(Side::Sell, "1", "101"), spec(Side::Buy, "1", "98"), spec(Side::Buy, "2", "99")];
    for (other, by_stream) in others.iter().flat_map(|o| [(o, false), (o, true)]) {
        let mut world = World::new();
        let theirs = world.place(other.clone()).unwrap();
        let (_, asked) = world.requests.pop_front().unwrap();
        // It arrives only after the new gateway has compared its books.
        world.restart_without_a_journal(crate::testing::store());
        world.connect();
        placed(&mut world, &asked);
        let ours = world.place(buy()).unwrap();
        assert_eq!(ours, theirs);
        world.answer_all();
        assert_eq!(world.state_of(&ours), OrderState::InDoubt, "the name is taken");
        if by_stream {
            let event = world.venue.fill(world.now, &theirs, "0.5").unwrap();
            world.report(event);
        } else {
            world.pass_answering(2);
        }
        assert_eq!(world.gateway.state().0, TradingState::Halted, "{other:?}");
        let said =
            |r: &Record| matches!(r, Record::Discrepancy { found: Discrepancy::Foreign { .. } });
        assert_eq!(world.count(said), 1);
        world.pass_answering(40);
        let order = world.gateway.books().order(&ours).unwrap();
        assert_eq!(order.state, OrderState::Done(Ending::NotPlaced));
        assert_eq!(order.filled, Qty::ZERO);
        let net = world.gateway.books().position(id()).map_or(number("0"), |p| p.net());
        assert_eq!(net, world.venue.net());
    }
}

/// Yesterday's copy of the journal: what was sent since is at the venue, by names that would be given
/// out again.
#[test]
fn a_journal_that_was_put_back_halts_before_anything_is_sent() {
    for executed in [None, Some("0.5"), Some("1")] {
        for session in [1, 2] {
            let mut world = World::new();
            let earlier = world.place(buy()).unwrap();
            world.answer_all();
            let event = world.venue.fill(world.now, &earlier, "1").unwrap();
            world.report(event);
            world.pass_answering(5);
            let copy = world.entries.len();
            let order = world.place(buy()).unwrap();
            world.answer_all();
            if let Some(qty) = executed {
                let event = world.venue.fill(world.now, &order, qty).unwrap();
                world.report(event);
            }
            world.restart_on_a_copy(copy, session);
            world.connect();
            world.pass_answering(5);
            let (state, cause) = world.gateway.state();
            // Of one that is over, a session of its own tells nothing: it is as good as somebody else's.
            let seen = session == 1 || executed != Some("1");
            let wanted = if seen { TradingState::Halted } else { TradingState::Active };
            assert_eq!(state, wanted, "{executed:?} in session {session}: {cause}");
            assert_eq!(cause.contains("older copy"), seen, "{cause}");
            assert_eq!(world.place(buy()).is_none(), seen);
            let net = world.gateway.books().position(id()).map_or(model::NetQty::ZERO, |p| p.net());
            assert_eq!(net, world.venue.net(), "its executions are counted all the same");
        }
    }
}

#[test]
fn a_halt_survives_a_restart_and_cancels_pass() {
    let mut world = World::new();
    let intent = world.intend(Action::Place(buy()));
    world.answer_all();
    world.apply(&Input::Operator(Command::halt(HaltedBy::Person, "enough")));
    assert_eq!(world.gateway.state(), (TradingState::Halted, "enough"));
    world.answer_all();
    let order = world.gateway.books().order_of(agent(), intent).unwrap();
    assert_eq!(order.state, OrderState::Done(Ending::Canceled), "entry orders are taken back");
    assert!(world.place(buy()).is_none());
    world.restart();
    world.connect();
    world.pass_answering(2);
    assert_eq!(world.gateway.state(), (TradingState::Halted, "enough"));
    assert!(world.place(buy()).is_none());
}

/// The cancels of a halt are lost and the process ends: the next one sends them, from its books alone.
#[test]
fn a_halted_gateway_takes_back_what_an_earlier_life_left() {
    let mut world = World::new();
    let order = world.place(buy()).unwrap();
    world.answer_all();
    world.apply(&Input::Operator(Command::halt(HaltedBy::Person, "enough")));
    world.restart();
    assert_eq!(world.gateway.state().0, TradingState::Halted);
    assert!(world.state_of(&order).is_open());
    // Not connected, nothing compared: a cancel needs none of it.
    world.answer_all();
    assert_eq!(world.state_of(&order), OrderState::Done(Ending::Canceled));
}

/// An order that turns up in a halt, here one that had left just before, is taken back, too, although no
/// cancel of it was ever written down.
#[test]
fn a_halt_finds_what_arrives_late() {
    let mut world = World::new();
    let order = world.place(buy()).unwrap();
    let (_, asked) = world.requests.pop_front().unwrap();
    world.apply(&Input::Operator(Command::halt(HaltedBy::Person, "enough")));
    assert_eq!(world.count(|r| matches!(r, Record::CancelPrepared { .. })), 0);
    world.restart();
    world.pass_answering(2);
    placed(&mut world, &asked);
    world.pass_answering(6);
    assert_eq!(world.state_of(&order), OrderState::Done(Ending::Canceled));
}

/// A cancel that was sent is wanted until its order is over, also after a restart.
#[test]
fn a_lost_cancel_is_sent_again() {
    for restart in [false, true] {
        let mut world = World::new();
        let intent = world.intend(Action::Place(buy()));
        world.answer_all();
        world.intend(Action::Cancel(intent));
        if restart {
            world.restart();
        } else {
            world.answer(Wire::LosesRequest);
        }
        world.pass_answering(2);
        let order = world.gateway.books().order_of(agent(), intent).unwrap();
        assert_eq!(order.state, OrderState::Done(Ending::Canceled), "restart {restart}");
    }
}

/// A venue that shows an order and does not let go of it for ten seconds: the pauses double from 0.2 to
/// 5 seconds, whatever it says in between.
#[test]
fn cancels_of_one_order_slow_down() {
    let mut world = World::new();
    let order = world.place(buy()).unwrap();
    world.answer_all();
    world.venue.frozen = true;
    world.apply(&Input::Operator(Command::halt(HaltedBy::Person, "enough")));
    let before = world.requests_made();
    world.pass_answering(10);
    let cancels = world.count(|r| matches!(r, Record::CancelPrepared { .. }));
    assert!((5..=7).contains(&cancels), "{cancels} cancels in ten seconds");
    let others = world.requests_made() - before - u64::try_from(cancels).unwrap();
    assert!(others <= 20, "{others} other questions in ten seconds");
    world.venue.frozen = false;
    world.pass_answering(6);
    assert_eq!(world.state_of(&order), OrderState::Done(Ending::Canceled));
}

#[test]
fn a_cancel_before_the_answer_waits_for_it() {
    let mut world = World::new();
    let intent = world.intend(Action::Place(buy()));
    world.intend(Action::Cancel(intent));
    assert_eq!(world.requests.len(), 1, "a cancel could overtake the order");
    world.answer_all();
    let order = world.gateway.books().order_of(agent(), intent).unwrap();
    assert_eq!(order.state, OrderState::Done(Ending::Canceled));
}

#[test]
fn an_agent_that_is_gone_leaves_no_entry_order() {
    let mut world = World::new();
    let order = world.place(buy()).unwrap();
    world.answer_all();
    let cause = "panicked".to_owned();
    world.apply(&Input::Operator(Command::AgentGone { agent: agent(), cause }));
    world.answer_all();
    assert_eq!(world.state_of(&order), OrderState::Done(Ending::Canceled));
}

/// A stop that would open a position is no protection: it goes with the agent, and with a halt.
#[test]
fn a_stop_that_opens_a_position_is_taken_back() {
    for halt in [false, true] {
        let mut world = World::new();
        let kind = OrderKind::StopLoss { trigger: number("105") };
        let opening = model::OrderSpec { kind, ..spec(Side::Buy, "1", "105") };
        let order = world.place(opening).unwrap();
        world.answer_all();
        let cause = "enough".to_owned();
        let gone = Command::AgentGone { agent: agent(), cause: cause.clone() };
        let halted = Command::halt(HaltedBy::Person, cause);
        world.apply(&Input::Operator(if halt { halted } else { gone }));
        world.answer_all();
        assert_eq!(world.state_of(&order), OrderState::Done(Ending::Canceled));
    }
}

/// An intent that waited too long is not carried out.
#[test]
fn an_expired_intent_is_refused() {
    let mut world = World::new();
    let intent = model::Intent {
        id: model::IntentId(77),
        agent: agent(),
        action: Action::Place(buy()),
        reason: String::new(),
        expires: world.now.before(Duration::from_nanos(1)),
    };
    world.apply(&Input::Intent(intent));
    assert!(world.requests.is_empty());
    assert_eq!(world.count(|r| matches!(r, Record::Refused { .. })), 1);
}

/// What takes risk on may not leave late; what only shrinks a position, and every cancel, may.
#[test]
fn an_order_that_adds_risk_has_a_deadline() {
    let mut world = World::new();
    let order = world.place(buy()).unwrap();
    let approved = world.now;
    let (request, _) = world.requests[0];
    assert_eq!(world.deadlines[&request], Some(approved.after(Duration::from_secs(2))));
    world.answer_all();
    let event = world.venue.fill(world.now, &order, "1").unwrap();
    world.report(event);

    let intent = world.intend(Action::Place(spec(Side::Sell, "1", "101")));
    let (closing, _) = world.requests[0];
    assert_eq!(world.deadlines[&closing], None);
    world.answer_all();
    world.place(spec(Side::Sell, "0.1", "101")).unwrap();
    let (more, _) = world.requests[0];
    assert!(world.deadlines[&more].is_some(), "the first sell closes it all already");
    world.answer_all();
    world.intend(Action::Cancel(intent));
    let (cancel, _) = world.requests[0];
    assert_eq!(world.deadlines[&cancel], None);
}

/// The agent's words are in its decision, what is sent in the order's record: a market order may trade
/// no further than the collar reaches, and that is what its funds and its notional are counted by.
#[test]
fn a_market_order_is_sent_with_the_collar_for_its_limit() {
    let mut world = World::new();
    let market = model::OrderSpec { kind: OrderKind::Market, ..spec(Side::Buy, "1", "99") };
    let order = world.place(market.clone()).unwrap();
    let [.., decided, prepared] = world.entries.as_slice() else { panic!("two records") };
    let Record::Decided { intent, .. } = &decided.record else { panic!("{decided:?}") };
    assert_eq!(intent.action, Action::Place(market));
    let Record::Prepared { order: sent, worst_price, .. } = &prepared.record else {
        panic!("{prepared:?}")
    };
    // The middle is 100, the collar a tenth.
    assert_eq!(sent.kind, OrderKind::Limit { price: number("110") });
    assert_eq!((sent.time_in_force, *worst_price), (TimeInForce::Ioc, number("110")));
    assert_eq!(world.gateway.books().available(number("USDT")), Some(number("890")));
    world.answer_all();
    assert_eq!(world.venue.order(&order).unwrap().kind, sent_kind(&world, &order));
}

fn sent_kind(world: &World, order: &model::ClientOrderId) -> OrderKind {
    world.gateway.books().order(order).unwrap().order.kind
}

/// One step of a random life.
#[derive(Clone, Debug)]
enum Step {
    Place(bool, u8),
    Cancel(u8),
    Answer(u8),
    Fill(u8, bool),
    Away(bool),
    Restart,
    Pass(u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (any::<bool>(), 1u8..20).prop_map(|(buy, qty)| Step::Place(buy, qty)),
        2 => any::<u8>().prop_map(Step::Cancel),
        8 => any::<u8>().prop_map(Step::Answer),
        3 => (any::<u8>(), any::<bool>()).prop_map(|(which, told)| Step::Fill(which, told)),
        1 => any::<bool>().prop_map(Step::Away),
        1 => Just(Step::Restart),
        2 => (1u8..30).prop_map(Step::Pass),
    ]
}

fn walk(world: &mut World, step: &Step) {
    match step {
        Step::Place(buy, tenths) => {
            let side = if *buy { Side::Buy } else { Side::Sell };
            let price = if *buy { "99" } else { "101" };
            let qty = format!("{}.{}", tenths / 10, tenths % 10);
            world.place(spec(side, &qty, price));
        }
        Step::Cancel(which) => {
            let open: Vec<_> = world.gateway.books().open_orders().map(|o| o.intent).collect();
            if let Some(intent) = open.get(usize::from(*which) % open.len().max(1)) {
                world.intend(Action::Cancel(*intent));
            }
        }
        Step::Answer(wire) => world.answer(match wire % 5 {
            0 => Wire::LosesRequest,
            1 => Wire::LosesAnswer,
            _ => Wire::Whole,
        }),
        Step::Fill(which, told) => {
            let open: Vec<_> = world
                .venue
                .orders
                .iter()
                .filter(|order| order.status.is_open())
                .map(|order| order.client_order_id)
                .collect();
            let Some(id) = open.get(usize::from(*which) % open.len().max(1)) else { return };
            if let Some(event) = world.venue.fill(world.now, id, "0.3")
                && *told
            {
                world.report(event);
            }
        }
        Step::Away(down) => {
            world.link(Link::Account, !down);
        }
        Step::Restart => {
            world.restart();
            world.link(Link::Market, true);
            world.book();
            world.link(Link::Account, true);
        }
        Step::Pass(tenths) => {
            world.now = world.now.after(Duration::from_millis(100 * u64::from(*tenths)));
            world.apply(&Input::Wake);
            world.book();
        }
    }
}

/// `PROPTEST_CASES` makes it longer.
fn cases() -> u32 {
    ProptestConfig::default().cases.min(10_000)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases()))]

    /// Whatever happens, in the end the books are the venue's: no order lost, none doubled.
    #[test]
    fn a_random_life_ends_with_the_venues_books(
        steps in prop::collection::vec(step(), 1..120),
        snapshot in any::<prop::sample::Index>(),
    ) {
        let mut world = World::new();
        for step in &steps {
            walk(&mut world, step);
        }
        // All faults end; the quiet time and the longest pauses pass.
        world.link(Link::Account, false);
        world.link(Link::Market, true);
        world.book();
        world.link(Link::Account, true);
        world.pass_answering(60);
        let (gateway, venue) = (&world.gateway, &world.venue);
        prop_assert!(venue.places.values().all(|times| *times == 1), "an order was sent again");
        let net = gateway.books().position(id()).map_or(model::NetQty::ZERO, |p| p.net());
        prop_assert_eq!(net, venue.net());
        for order in gateway.books().open_orders() {
            let theirs = venue.order(&order.order.client_order_id);
            prop_assert!(theirs.is_some_and(|o| o.status.is_open()), "{:?}", order);
        }
        for order in venue.orders.iter().filter(|order| order.status.is_open()) {
            let ours = gateway.books().order(&order.client_order_id).unwrap();
            prop_assert!(ours.state.is_open() && ours.filled == order.filled, "{:?}", ours);
        }
        for (asset, total) in &venue.balances {
            let counted = gateway.books().counted(*asset).unwrap_or(Amount::ZERO);
            prop_assert_eq!(counted, *total);
        }
        prop_assert_eq!(gateway.state().0, TradingState::Active);
        prop_assert!(gateway.outstanding() == 0);
        // A start from a snapshot, made at whichever entry, has the same books.
        let of = snapshot.index(world.entries.len() + 1);
        prop_assert_eq!(&world.through_a_snapshot(of), gateway.books());
    }
}
