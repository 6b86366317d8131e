//! Executions that the venue takes back, whatever else differs, and while its lists are read.

use std::time::Duration;

use model::venue::AccountRequest;
use model::{
    Amount, Command, Discrepancy, Fee, Input, Notice, Record, RequestId, Side, TradingState,
};

use crate::books::LAG_MAX;
use crate::drift::tests::{
    BOTH, accept, assert_reducing, bought, compare, executes, found, left, net, orders,
};
use crate::testing::{TELLS_ALL, TELLS_SUMS, Wire, World, id, number, spec};

#[test]
fn an_execution_that_the_venue_takes_back_leaves_the_books_and_is_answered_by_no_order() {
    for profile in BOTH {
        let (mut world, order) = bought(profile);
        let before = orders(&world);
        let trade = world.venue.fills[0].trade_id;
        world.venue.bust(trade);
        compare(&mut world);
        let busted =
            Discrepancy::Busted { client_order_id: Some(order), instrument: id(), trade_id: trade };
        assert_eq!(left(&world), [busted]);
        assert_eq!((net(&world), world.venue.net()), (number("0"), number("0")));
        let books = world.gateway.books();
        assert_eq!(books.counted(number("USDT")), Some(number("1000")));
        assert_eq!(books.agent_position(crate::testing::agent(), id()).unwrap().net(), net(&world));
        assert_reducing(&mut world);
        world.restart();
        world.connect();
        world.pass_answering(4);
        assert_reducing(&mut world);
        accept(&mut world);
        world.book();
        assert_eq!(world.gateway.state(), (TradingState::Active, ""));
        assert_eq!(orders(&world), before);
        assert_eq!(world.count(|r| matches!(r, Record::Busted { .. })), 1);
        world.pass_answering(100);
        assert_eq!(net(&world), number("0"), "and it is not counted again");
    }
}

/// The one of several that is taken back, of an order that goes on: its fee comes back, and the order
/// does not look different for ever.
#[test]
fn one_execution_of_an_order_that_is_still_open_is_taken_back() {
    for profile in BOTH {
        for off_the_order in [false, true] {
            let mut world = World::at(profile);
            world.venue.transfer("BNB", "5");
            world.venue.fee = Some(Fee { asset: number("BNB"), amount: number("0.25") });
            compare(&mut world);
            let order = world.place(spec(Side::Buy, "1", "100")).unwrap();
            world.answer_all();
            for qty in ["0.2", "0.3", "0.1"] {
                executes(&mut world, &order, qty);
            }
            world.pass_answering(LAG_MAX.as_secs() + 40);
            let second = world.venue.fills[1].trade_id;
            world.venue.bust(second);
            if off_the_order {
                world.venue.orders[0].filled = number("0.3");
            }
            compare(&mut world);
            assert_eq!((net(&world), found(&world, "busted")), (number("0.3"), 1));
            accept(&mut world);
            world.book();
            let counted = |asset: &str| world.gateway.books().counted(number(asset)).unwrap();
            assert_eq!((counted("BNB"), counted("USDT")), (number("4.5"), number("970")));
            let made = world.requests_made();
            world.pass_answering(20);
            assert_eq!(world.gateway.state(), (TradingState::Active, ""), "{off_the_order}");
            assert!(world.requests_made() - made < 40, "no question without end");
        }
    }
}

/// What executes while the pages of the past are read is in none that was read before. It is not missing.
#[test]
fn an_execution_between_two_pages_of_the_past_hides_nothing() {
    let mut world = World::at(TELLS_SUMS);
    let order = world.place(spec(Side::Buy, "1", "100")).unwrap();
    world.answer_all();
    for qty in ["0.1", "0.2", "0.1", "0.1", "0.1"] {
        executes(&mut world, &order, qty);
    }
    world.pass_answering(LAG_MAX.as_secs() + 40);
    let second = world.venue.fills[1].trade_id;
    world.venue.bust(second);
    world.venue.orders[0].filled = number("0.4");
    world.apply(&Input::Operator(Command::Reconcile));
    let page = until_the_second_page(&mut world);
    executes(&mut world, &order, "0.3");
    assert_eq!(net(&world), number("0.9"));
    world.requests.push_back(page);
    world.answer_all();
    world.pass_answering(4);
    assert_eq!((found(&world, "busted"), net(&world)), (1, number("0.7")));
}

/// An execution that is young may be missing from a list that is late: nothing is undone.
#[test]
fn a_young_execution_is_not_taken_for_one_that_was_taken_back() {
    for profile in BOTH {
        let mut world = World::at(profile);
        let order = world.place(spec(Side::Buy, "1", "100")).unwrap();
        world.answer_all();
        executes(&mut world, &order, "1");
        world.pass_answering(5);
        let trade = world.venue.fills[0].trade_id;
        world.venue.bust(trade);
        compare(&mut world);
        assert_eq!((found(&world, "busted"), net(&world)), (0, number("1")));
        world.pass_answering(2 * LAG_MAX.as_secs() + 60);
        assert_eq!(
            (found(&world, "busted"), net(&world)),
            (1, number("0")),
            "but in the end it is"
        );
    }
}

/// Taken back is one execution of two that went forth and back: of one asset there is then what there was
/// minutes ago, and of the other more than ever. That is no deposit.
#[test]
fn what_passes_for_old_of_one_asset_makes_no_deposit_of_another() {
    let (mut world, _) = bought(TELLS_SUMS);
    let order = world.place(spec(Side::Buy, "1", "90")).unwrap();
    world.answer_all();
    executes(&mut world, &order, "1");
    world.pass_answering(5);
    let older = world.venue.fills[0].trade_id;
    world.venue.bust(older);
    compare(&mut world);
    assert_eq!((found(&world, "deposit"), found(&world, "balance")), (0, 0));
    world.pass_answering(LAG_MAX.as_secs() + 60);
    assert_eq!((found(&world, "deposit"), found(&world, "balance")), (0, 0));
    assert_eq!((found(&world, "busted"), net(&world)), (1, number("1")));
}

/// One that bought and one that sold as much are taken back together: of the base there is what we count, and
/// of the quote more. That is no deposit either.
#[test]
fn two_that_are_taken_back_together_are_no_deposit() {
    for profile in BOTH {
        let (mut world, _) = bought(profile);
        let order = world.place(spec(Side::Sell, "1", "99")).unwrap();
        world.answer_all();
        executes(&mut world, &order, "1");
        world.pass_answering(LAG_MAX.as_secs() + 40);
        let both: Vec<_> = world.venue.fills.iter().map(|fill| fill.trade_id).collect();
        both.into_iter().for_each(|trade| world.venue.bust(trade));
        compare(&mut world);
        assert_eq!((found(&world, "deposit"), found(&world, "busted")), (0, 2));
        assert_eq!(net(&world), number("0"));
        assert_eq!(world.gateway.books().counted(number("USDT")), Some(number("1000")));
    }
}

/// An execution that was counted by a clock an hour ahead grows old as well, once the clock is right.
#[test]
fn an_execution_of_a_session_whose_clock_was_ahead_grows_old() {
    let mut world = World::at(TELLS_SUMS);
    let right = world.now;
    world.now = world.now.after(Duration::from_secs(3_600));
    let order = world.place(spec(Side::Buy, "1", "100"));
    assert!(order.is_none(), "the book is old by this clock");
    world.book();
    let order = world.place(spec(Side::Buy, "1", "100")).unwrap();
    world.answer_all();
    executes(&mut world, &order, "1");
    world.pass_answering(5);
    world.now = right;
    world.restart();
    world.connect();
    world.pass_answering(LAG_MAX.as_secs() + 40);
    world.venue.bust(world.venue.fills[0].trade_id);
    compare(&mut world);
    assert_eq!((found(&world, "busted"), net(&world)), (1, number("0")));
}

/// Where the venue dates its balances, and they are of a later time, there is nothing to wait for.
#[test]
fn balances_of_a_later_time_prove_it_at_once() {
    let mut world = World::at(TELLS_ALL);
    let order = world.place(spec(Side::Buy, "1", "100")).unwrap();
    world.answer_all();
    executes(&mut world, &order, "1");
    world.pass_answering(2);
    let trade = world.venue.fills[0].trade_id;
    world.venue.bust(trade);
    world.venue.changed = world.now;
    compare(&mut world);
    assert_eq!((found(&world, "busted"), net(&world)), (1, number("0")));
}

/// Answers everything until the look back asks for its second page, and takes that question out.
fn until_the_second_page(world: &mut World) -> (RequestId, AccountRequest) {
    let is_second_page = |(_, request): &(_, AccountRequest)| {
        matches!(request, AccountRequest::Fills { page: Some(_), .. })
    };
    for _ in 0..100 {
        let looks_back = !world.gateway.reading.past.from.is_empty();
        let asked = world.requests.iter().position(is_second_page).filter(|_| looks_back);
        if let Some(at) = asked {
            return world.requests.remove(at).unwrap();
        }
        world.answer(Wire::Whole);
        if world.requests.is_empty() {
            world.pass_alarms(Duration::from_millis(500));
        }
    }
    panic!("no look back");
}

/// An execution is taken back while the look back at another one is under way: the list shifts, and hides
/// a third one between two pages. Nobody is offered a difference that nothing explains.
#[test]
fn one_taken_back_between_two_pages_of_the_past_makes_no_other_missing() {
    let mut world = World::at(TELLS_SUMS);
    world.venue.page_cap = Some(2);
    let order = world.place(spec(Side::Buy, "1", "100")).unwrap();
    world.answer_all();
    for qty in ["0.1", "0.2", "0.15", "0.25", "0.3"] {
        executes(&mut world, &order, qty);
    }
    world.pass_answering(LAG_MAX.as_secs() + 40);
    let (second, last) = (world.venue.fills[1].trade_id, world.venue.fills[4].trade_id);
    world.venue.bust(second);
    world.apply(&Input::Operator(Command::Reconcile));
    let page = until_the_second_page(&mut world);
    world.venue.bust(last);
    world.requests.push_back(page);
    world.pass_answering(20);
    assert_eq!((found(&world, "balance"), found(&world, "busted")), (0, 2));
    assert_eq!((net(&world), world.venue.net()), (number("0.5"), number("0.5")));
    accept(&mut world);
    assert_eq!(world.count(|r| matches!(r, Record::Transferred { .. })), 0);
    assert_eq!(world.gateway.books().counted(number("USDT")), Some(number("950")));
}

/// Funds went without a word, and later an execution is taken back: the one is drift, the other is not.
#[test]
fn an_execution_that_is_taken_back_is_told_from_a_difference_that_was_there() {
    for profile in BOTH {
        let (mut world, order) = bought(profile);
        world.venue.transfer("USDT", "-50");
        compare(&mut world);
        assert_reducing(&mut world);
        let trade = world.venue.fills[0].trade_id;
        world.venue.bust(trade);
        world.pass_answering(40);
        let (ours, theirs) = (number("1000"), number("950"));
        let funds = Discrepancy::Balance { asset: number("USDT"), ours, theirs };
        let busted =
            Discrepancy::Busted { client_order_id: Some(order), instrument: id(), trade_id: trade };
        assert_eq!(left(&world), [funds, busted]);
        assert_eq!(net(&world), number("0"));
        assert_reducing(&mut world);
        accept(&mut world);
        assert_eq!(world.gateway.state(), (TradingState::Active, ""));
        assert_eq!(world.gateway.books().counted(number("USDT")), Some(number("950")));
    }
}

/// A world that has bought 0.4 and then 0.6 at 100, when from one comparison to the next the second is taken
/// back and 50 is gone.
fn bust_and_withdrawal(profile: model::venue::Profile) -> World {
    let mut world = World::at(profile);
    let order = world.place(spec(Side::Buy, "1", "100")).unwrap();
    world.answer_all();
    for qty in ["0.4", "0.6"] {
        executes(&mut world, &order, qty);
    }
    world.pass_answering(LAG_MAX.as_secs() + 40);
    world.venue.bust(world.venue.fills[1].trade_id);
    world.venue.transfer("USDT", "-50");
    compare(&mut world);
    world
}

/// Nothing explains all of it. A person accepts it, and with it that the execution is gone: no balance is
/// taken over in its place, and the next one that is taken back is known for what it is.
#[test]
fn what_is_missing_for_good_leaves_the_books_when_the_rest_is_accepted() {
    for profile in BOTH {
        let mut world = bust_and_withdrawal(profile);
        assert_eq!((found(&world, "balance"), found(&world, "busted")), (2, 0));
        assert_eq!(net(&world), number("1"), "for who knows");
        assert_reducing(&mut world);
        accept(&mut world);
        world.pass_answering(4);
        assert_eq!(world.gateway.state(), (TradingState::Active, ""));
        assert_eq!((net(&world), found(&world, "busted")), (number("0.4"), 1));
        let moved = |r: &Record| match r {
            Record::Transferred { asset, amount, .. } => Some((*asset, *amount)),
            _ => None,
        };
        let moved: Vec<_> = world.entries.iter().filter_map(|e| moved(&e.record)).collect();
        assert_eq!(moved, [(number("USDT"), number("-50"))]);
        let position = world.gateway.books().position(id()).unwrap();
        assert_eq!(position.realized(), Amount::ZERO, "it is no loss of trading");
        world.venue.bust(world.venue.fills[0].trade_id);
        compare(&mut world);
        assert_eq!((net(&world), found(&world, "busted")), (number("0"), 2));
    }
}

/// Whoever accepts is told what goes with it.
#[test]
fn a_person_is_told_which_executions_are_missing() {
    let world = bust_and_withdrawal(TELLS_ALL);
    let is = |notice: &&Notice| matches!(notice, Notice::Alert(alert) if alert.text.contains("1 executions that are counted are not in"));
    assert_eq!(world.notices.iter().filter(is).count(), 2, "with each asset");
}

/// The venue's history does not reach back to the first ones: they are not taken back, and neither do they
/// hide one that is.
#[test]
fn what_is_older_than_the_history_is_not_missing() {
    for profile in BOTH {
        let mut world = World::at(profile);
        let order = world.place(spec(Side::Buy, "1", "100")).unwrap();
        world.answer_all();
        for qty in ["0.1", "0.2", "0.3", "0.4"] {
            executes(&mut world, &order, qty);
        }
        world.pass_answering(LAG_MAX.as_secs() + 40);
        world.venue.fills.remove(0);
        let third = world.venue.fills[1].trade_id;
        world.venue.bust(third);
        compare(&mut world);
        assert_eq!((net(&world), found(&world, "busted")), (number("0.7"), 1));
        assert_eq!(found(&world, "balance"), 0);
    }
}
