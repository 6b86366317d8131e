//! A venue that tells how orders stand and nothing else: no executions, no balances, no look-up and no
//! cancel by our names, and lists that go on by cursor. The books end up the same.

use model::venue::{
    AccountEvent, AccountRequest, Execution, OrderKey, Response, TradesFrom, VenueOrderStatus,
};
use model::{
    ClientOrderId, Discrepancy, Ending, Input, Link, OrderKind, OrderSpec, OrderState, Outcome,
    Qty, Record, Reply, Side, Timestamp, TradingState,
};

use crate::testing::{TELLS_SUMS, Wire, World, id, number, spec};

fn placed() -> (World, ClientOrderId) {
    let mut world = World::at(TELLS_SUMS);
    let order = world.place(spec(Side::Buy, "1", "100")).unwrap();
    world.answer_all();
    assert_eq!(world.state_of(&order), OrderState::Working);
    (world, order)
}

/// The venue executes some of it and tells the sum alone.
fn executes(world: &mut World, order: &ClientOrderId, qty: &str) {
    world.now = world.now.after(std::time::Duration::from_millis(1));
    world.venue.fill(world.now, order, qty).unwrap();
}

fn stands(world: &mut World, order: &ClientOrderId) {
    let event = world.venue.told(order, Execution::Standing);
    world.report(event);
}

fn filled(world: &World, order: &ClientOrderId) -> Qty {
    world.gateway.books().order(order).unwrap().filled
}

fn asked(world: &World) -> Vec<&'static str> {
    let kind = |request: &AccountRequest| match request {
        AccountRequest::Fills { .. } => "fills",
        AccountRequest::Order { .. } => "order",
        AccountRequest::Account => "account",
        AccountRequest::Cancel { .. } => "cancel",
        other => panic!("{other:?}"),
    };
    world.requests.iter().map(|(_, request)| kind(request)).collect()
}

#[test]
fn a_sum_makes_the_executions_be_asked_for_at_once_and_counted_once() {
    let (mut world, order) = placed();
    executes(&mut world, &order, "0.3");
    stands(&mut world, &order);
    assert_eq!(asked(&world), ["fills"], "no waiting: nobody else will tell");
    // Told again, and more of it, while the question is under way: one question at a time.
    executes(&mut world, &order, "0.2");
    stands(&mut world, &order);
    assert_eq!(asked(&world), ["fills"]);
    world.answer(Wire::Whole);
    assert_eq!(filled(&world, &order), number("0.5"));
    assert_eq!(world.state_of(&order), OrderState::Working);
    assert_eq!(asked(&world), ["account"], "balances are not told, and nothing else is open");
    world.pass_answering(5);
    let missed =
        |r: &Record| matches!(r, Record::Discrepancy { found: Discrepancy::MissedFill { .. } });
    assert_eq!(world.count(missed), 0, "asked for in time is not missed");
    let free = world.gateway.books().balances()[&number("USDT")].free;
    assert_eq!(free, number("900"), "50 spent, 50 still set aside");
}

/// The stream may be faster than the answer, and says less: of an order that is over the quantity that
/// has filled, of a trigger not which kind it is. It is our order all the same.
#[test]
fn an_order_is_ours_by_what_the_stream_tells_of_it() {
    let trigger = number("105");
    let profit = OrderKind::TakeProfitLimit { trigger, price: number("104") };
    for (kind, told, filled) in [
        (OrderKind::Market, OrderKind::Limit { price: number("90") }, "0"),
        (OrderKind::Market, OrderKind::Limit { price: number("90") }, "0.4"),
        (profit, OrderKind::StopLimit { trigger, price: number("104") }, "0"),
    ] {
        let mut world = World::at(TELLS_SUMS);
        let order = world.place(OrderSpec { kind, ..spec(Side::Sell, "1", "105") }).unwrap();
        // Taken by the venue; its answer is still on its way.
        let (_, asked) = world.requests.pop_front().unwrap();
        let AccountRequest::Place(sent) = &asked else { panic!("{asked:?}") };
        world.venue.place(world.now, sent).unwrap();
        let is_over = kind == OrderKind::Market;
        if filled != "0" {
            executes(&mut world, &order, filled);
        }
        let mut event = world.venue.told(&order, Execution::Standing);
        let AccountEvent::Order { order: theirs, .. } = &mut event else { panic!("{event:?}") };
        theirs.kind = told;
        if is_over {
            theirs.status = VenueOrderStatus::Expired;
            theirs.qty = theirs.filled;
        }
        world.report(event);
        assert_eq!(world.gateway.state().0, TradingState::Active, "{kind:?} {filled}");
        assert_eq!(world.count(|r| matches!(r, Record::Foreign { .. })), 0);
        if is_over {
            world.pass_answering(3);
            let tracked = world.gateway.books().order(&order).unwrap();
            assert_eq!(tracked.state, OrderState::Done(Ending::Expired));
            assert_eq!(tracked.filled, number(filled));
        } else {
            assert_eq!(world.state_of(&order), OrderState::Working);
        }
    }
}

#[test]
fn an_order_with_more_executions_than_a_page_is_read_page_by_page() {
    let (mut world, order) = placed();
    (0..10).for_each(|_| executes(&mut world, &order, "0.1"));
    stands(&mut world, &order);
    for page in 1..=4 {
        assert_eq!(asked(&world).iter().filter(|kind| **kind == "fills").count(), 1, "{page}");
        let at = world.requests.iter().position(|(_, r)| matches!(r, AccountRequest::Fills { .. }));
        let request = world.requests.remove(at.unwrap()).unwrap();
        world.requests.push_front(request);
        world.answer(Wire::Whole);
    }
    assert_eq!(world.state_of(&order), OrderState::Done(Ending::Filled));
    let counted = |r: &Record| matches!(r, Record::Filled { .. });
    assert_eq!(world.count(counted), 10);
}

/// The list of executions starts a minute before the newest one known, and what is listed again is
/// not counted again.
#[test]
fn the_next_reading_starts_a_little_before_the_last_execution() {
    let (mut world, order) = placed();
    (0..4).for_each(|_| executes(&mut world, &order, "0.1"));
    world.apply(&Input::Operator(model::Command::Reconcile));
    world.answer_all();
    assert_eq!(filled(&world, &order), number("0.4"));
    let newest = world.venue.fills.last().unwrap().venue_time;
    assert_eq!(world.gateway.books().fills_until(id()), Some(newest));
    assert_eq!(world.gateway.books().fills_to(id()), None, "these ids do not count");
    world.pass_answering(300);
    world.apply(&Input::Operator(model::Command::Reconcile));
    let mut starts = Vec::new();
    while !world.requests.is_empty() {
        if let (_, AccountRequest::Fills { from, page, .. }) = &world.requests[0] {
            starts.push((*from, page.is_some()));
        }
        world.answer(Wire::Whole);
    }
    let start = Some(newest.before(std::time::Duration::from_secs(60)));
    let from = TradesFrom::Time { start, end: None };
    assert_eq!(starts, [(from, false), (from, true)], "every page of the same list");
    assert_eq!(world.count(|r| matches!(r, Record::Filled { .. })), 4);
}

#[test]
fn a_cancel_names_the_venues_order_and_its_taking_is_no_end() {
    let (mut world, order) = placed();
    world.intend(model::Action::CancelAll(id()));
    let (_, request) = world.requests.front().unwrap();
    let venue_name = world.venue.order(&order).unwrap().id;
    let AccountRequest::Cancel { order: key, .. } = request else { panic!("{request:?}") };
    assert_eq!(*key, OrderKey::Venue(venue_name));
    world.answer(Wire::Whole);
    assert_eq!(world.state_of(&order), OrderState::PendingCancel, "it may still execute");
    // The report of the end is lost: it is found by asking.
    world.pass_answering(2);
    assert_eq!(world.state_of(&order), OrderState::Done(Ending::Canceled));
}

/// The venue takes the cancel for processing and drops it: the order lives on, and is taken back
/// again.
#[test]
fn a_cancel_that_came_to_nothing_is_sent_again() {
    let (mut world, order) = placed();
    world.intend(model::Action::CancelAll(id()));
    let (request, _) = world.requests.pop_front().unwrap();
    let venue_name = world.venue.order(&order).unwrap().id;
    let outcome = Outcome::Done(Response::CancelTaken(venue_name));
    world.apply(&Input::Reply(Reply { request, outcome, sent: model::Sent::default() }));
    let cancels = |world: &World| world.count(|r| matches!(r, Record::CancelPrepared { .. }));
    world.pass_answering(4);
    assert_eq!((cancels(&world), world.state_of(&order)), (1, OrderState::PendingCancel));
    world.pass_answering(6);
    assert_eq!(cancels(&world), 2);
    assert_eq!(world.state_of(&order), OrderState::Done(Ending::Canceled));
}

/// A token is good for 120 seconds and the engine takes 15 more: both sides of 135.
#[test]
fn absence_proves_nothing_while_the_request_may_still_arrive() {
    let mut world = World::at(TELLS_SUMS);
    let order = world.place(spec(Side::Buy, "1", "100")).unwrap();
    world.answer(Wire::LosesRequest);
    world.pass_answering(134);
    assert_eq!(world.state_of(&order), OrderState::InDoubt);
    world.pass_answering(15);
    assert_eq!(world.state_of(&order), OrderState::Done(Ending::NotPlaced));
}

/// A look-up says since when it looks, and from then on by both names.
#[test]
fn an_order_is_looked_for_from_just_before_it_was_sent() {
    let mut world = World::at(TELLS_SUMS);
    let order = world.place(spec(Side::Buy, "1", "100")).unwrap();
    let prepared = world.gateway.books().order(&order).unwrap().prepared_at;
    world.answer(Wire::LosesAnswer);
    world.now = world.now.after(std::time::Duration::from_secs(1));
    world.apply(&Input::Wake);
    let (_, request) = world.requests.front().unwrap();
    let AccountRequest::Order { order: key, since, .. } = request else { panic!("{request:?}") };
    assert_eq!(*key, OrderKey::Client(order));
    assert!(since.is_some_and(|since| since < prepared && since > Timestamp::EPOCH));
    world.answer_all();
    assert_eq!(world.state_of(&order), OrderState::Working);
}

#[test]
fn balances_are_asked_for_one_question_at_a_time_and_again_when_it_fails() {
    let (mut world, order) = placed();
    executes(&mut world, &order, "0.5");
    stands(&mut world, &order);
    world.answer(Wire::Whole);
    assert_eq!(asked(&world), ["account"]);
    // Another execution while the question is under way: the answer may be older than it.
    executes(&mut world, &order, "0.5");
    stands(&mut world, &order);
    let (balances, fills) = (world.requests.pop_front().unwrap(), world.requests.pop_front());
    world.requests.push_front(fills.unwrap());
    world.answer(Wire::Whole);
    assert_eq!(world.state_of(&order), OrderState::Done(Ending::Filled));
    assert!(world.requests.is_empty(), "one at a time");
    world.requests.push_front(balances);
    world.answer(Wire::LosesRequest);
    assert!(world.requests.is_empty(), "not at once after a failure");
    world.pass_answering(2);
    let free = world.gateway.books().balances()[&number("USDT")].free;
    assert_eq!(free, number("900"));
}

/// An end that the stream tells is believed once its executions are counted.
#[test]
fn a_canceled_order_ends_with_all_that_it_executed() {
    let (mut world, order) = placed();
    executes(&mut world, &order, "0.4");
    let mut event = world.venue.told(&order, Execution::Standing);
    if let model::venue::AccountEvent::Order { order, .. } = &mut event {
        order.status = VenueOrderStatus::Canceled;
        // The open quantity is not told any more once the order is over.
        order.qty = order.filled;
    }
    world.report(event);
    assert_eq!(world.state_of(&order), OrderState::Working, "0.4 of it is not counted yet");
    world.answer_all();
    assert_eq!(world.state_of(&order), OrderState::Done(Ending::Canceled));
    assert_eq!(filled(&world, &order), number("0.4"));
}

/// While the stream was down everything is found by reading, and told as missed.
#[test]
fn what_happened_while_away_is_found_by_reading() {
    let (mut world, order) = placed();
    world.link(Link::Account, false);
    (0..5).for_each(|_| executes(&mut world, &order, "0.2"));
    world.link(Link::Account, true);
    world.answer_all();
    assert_eq!(world.state_of(&order), OrderState::Done(Ending::Filled));
    assert_eq!(world.gateway.books().position(id()).unwrap().net(), world.venue.net());
}

/// A venue that answers a used id with its first order: the answer names an order that we know, so
/// nothing was placed and nothing of that order is taken for the new one.
#[test]
fn an_answer_with_another_order_of_ours_is_a_doubt() {
    let (mut world, first) = placed();
    let second = world.place(spec(Side::Buy, "1", "100")).unwrap();
    let (request, _) = world.requests.pop_front().unwrap();
    let other = world.venue.order(&first).unwrap().clone();
    let venue_name = other.id;
    let order = model::venue::VenueOrder { client_order_id: second, ..other };
    let outcome = Outcome::Done(Response::Placed { order, fills: Vec::new() });
    world.apply(&Input::Reply(Reply { request, outcome, sent: model::Sent::default() }));
    assert_eq!(world.state_of(&second), OrderState::InDoubt);
    let books = world.gateway.books();
    assert_eq!(books.order_at_venue((id(), venue_name)).unwrap().order.client_order_id, first);
    assert_eq!(books.order(&second).unwrap().venue_order_id, None);
}

/// Lists are searched from a time on, and it is the venue's time that counts.
#[test]
fn an_order_in_doubt_is_looked_for_by_the_venues_clock() {
    for (ahead_ms, first_ms) in [(0, -135_000), (90_000, -135_000), (-600_000, -735_000)] {
        let mut world = World::at(TELLS_SUMS);
        // Twice: a difference that is measured once is not known yet.
        world.apply(&Input::Clock { ahead_ms });
        world.apply(&Input::Clock { ahead_ms });
        // The market is as fresh as ever by that clock.
        world.book_of(world.now.shifted_ms(ahead_ms));
        let order = world.place(spec(Side::Buy, "1", "100")).unwrap();
        let prepared = world.gateway.books().order(&order).unwrap().prepared_at;
        world.answer(Wire::LosesAnswer);
        world.pass_alarms(std::time::Duration::from_secs(2));
        let since = world.requests.iter().find_map(|(_, request)| match request {
            AccountRequest::Order { order: OrderKey::Client(_), since, .. } => Some(*since),
            _ => None,
        });
        assert_eq!(since, Some(Some(prepared.shifted_ms(first_ms))), "{ahead_ms}");
    }
}

/// The exchange takes a part off an order to prevent a trade of the account with itself, and calls it filled
/// when the rest has executed. That is its end, and nothing of it stays reserved.
#[test]
fn an_order_that_is_filled_with_less_is_over() {
    for profile in [TELLS_SUMS, crate::testing::TELLS_ALL] {
        let mut world = World::at(profile);
        let order = world.place(spec(Side::Buy, "1", "100")).unwrap();
        world.answer_all();
        executes(&mut world, &order, "0.6");
        let at = world.venue.orders.iter().position(|o| o.client_order_id == order).unwrap();
        world.venue.orders[at].status = VenueOrderStatus::Filled;
        world.venue.orders[at].prevented = number("0.4");
        stands(&mut world, &order);
        world.pass_answering(5);
        assert_eq!(world.state_of(&order), OrderState::Done(Ending::Canceled));
        assert_eq!(filled(&world, &order), number("0.6"));
        assert_eq!(world.gateway.books().exposure(id()).working_buys, Qty::ZERO);
        world.apply(&Input::Operator(model::Command::Reconcile));
        world.pass_answering(5);
        assert_eq!(world.gateway.state(), (TradingState::Active, ""));
    }
}
