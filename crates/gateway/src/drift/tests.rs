//! Balances that do not fit: what each is taken for, on both kinds of venue, and that none of them is
//! ever answered by an order.

use std::time::Duration;

use model::venue::{AccountEvent, AccountRequest, Execution, Profile};
use model::{
    Amount, ClientOrderId, Command, Discrepancy, Fee, Input, Link, OrderSpec, Record, Side,
    Timestamp, TradingState,
};

use crate::books::LAG_MAX;
use crate::testing::{TELLS_ALL, TELLS_SUMS, World, id, number, spec};

pub(crate) const BOTH: [Profile; 2] = [TELLS_ALL, TELLS_SUMS];

/// A world that has bought 1 at 100, long enough ago that nothing about it can still be late.
pub(crate) fn bought(profile: Profile) -> (World, ClientOrderId) {
    let mut world = World::at(profile);
    let order = world.place(spec(Side::Buy, "1", "100")).unwrap();
    world.answer_all();
    executes(&mut world, &order, "1");
    world.pass_answering(LAG_MAX.as_secs() + 40);
    assert_eq!(world.gateway.state(), (TradingState::Active, ""));
    assert_eq!(net(&world), number("1"));
    (world, order)
}

/// The market takes some of an order, and the stream tells as this venue does.
pub(crate) fn executes(world: &mut World, order: &ClientOrderId, qty: &str) {
    world.now = world.now.after(Duration::from_millis(1));
    let event = world.venue.fill(world.now, order, qty).unwrap();
    let event = if world.venue.sums { world.venue.told(order, Execution::Standing) } else { event };
    world.report(event);
    world.answer_all();
}

pub(crate) fn net(world: &World) -> model::NetQty {
    world.gateway.books().position(id()).map_or(model::NetQty::ZERO, |p| p.net())
}

pub(crate) fn compare(world: &mut World) {
    world.apply(&Input::Operator(Command::Reconcile));
    world.pass_answering(4);
}

pub(crate) fn accept(world: &mut World) {
    world.apply(&Input::Operator(Command::AcceptDifferences));
    world.answer_all();
}

pub(crate) fn found(world: &World, kind: &str) -> usize {
    world.count(|r| matches!(r, Record::Discrepancy { found } if found.kind() == kind))
}

/// Differences that the last comparison left.
pub(crate) fn left(world: &World) -> Vec<Discrepancy> {
    let last = world.entries.iter().rev().find_map(|entry| match &entry.record {
        Record::Reconciled { remaining, left, .. } => {
            assert_eq!(remaining.len(), *left as usize);
            Some(remaining.clone())
        }
        _ => None,
    });
    last.unwrap()
}

pub(crate) fn orders(world: &World) -> usize {
    world.count(|r| matches!(r, Record::Prepared { .. } | Record::CancelPrepared { .. }))
}

/// Nothing that adds risk passes; what only shrinks the position does.
pub(crate) fn assert_reducing(world: &mut World) {
    assert_eq!(world.gateway.state().0, TradingState::Reducing, "{:?}", world.gateway.state());
    let passes = |world: &World, order: &OrderSpec| {
        world.gateway.approve(world.now, crate::testing::agent(), order).is_ok()
    };
    world.book();
    assert!(!passes(world, &spec(Side::Buy, "0.1", "100")));
    assert!(!passes(world, &spec(Side::Sell, "0.1", "100")), "unless it says that it reduces");
    let closing = OrderSpec { reduce_only: true, ..spec(Side::Sell, "0.1", "100") };
    assert_eq!(passes(world, &closing), net(world) >= number("0.1"));
}

#[test]
fn a_loss_that_nothing_explains_stops_risk_until_a_person_accepts_it() {
    for profile in BOTH {
        let (mut world, _) = bought(profile);
        let before = orders(&world);
        world.venue.transfer("USDT", "-50");
        compare(&mut world);
        assert_reducing(&mut world);
        let (ours, theirs) = (number("900"), number("850"));
        assert_eq!(left(&world), [Discrepancy::Balance { asset: number("USDT"), ours, theirs }]);
        // Compared again and again: said once.
        world.pass_answering(300);
        assert_eq!(found(&world, "balance"), 1);
        assert_reducing(&mut world);
        accept(&mut world);
        assert_eq!(world.gateway.state(), (TradingState::Active, ""));
        assert_eq!(left(&world), []);
        assert_eq!(world.gateway.books().counted(number("USDT")), Some(number("850")));
        assert_eq!(orders(&world), before, "no order answers it");
        let position = world.gateway.books().position(id()).unwrap();
        assert_eq!(position.realized(), Amount::ZERO, "it is no loss of trading");
    }
}

#[test]
fn a_withdrawal_that_is_told_explains_it() {
    for profile in BOTH {
        for told_first in [true, false] {
            let (mut world, _) = bought(profile);
            let (asset, amount) = (number("USDT"), number("-50"));
            world.venue.transfer("USDT", "-50");
            if !told_first {
                compare(&mut world);
                assert_reducing(&mut world);
            }
            let event = AccountEvent::Transfer { asset, amount, time: world.now };
            world.report(event);
            compare(&mut world);
            assert_eq!(world.gateway.state(), (TradingState::Active, ""));
            assert_eq!(found(&world, "balance"), usize::from(!told_first));
            assert_eq!(left(&world), []);
        }
    }
}

/// It is found again by the next session, whose books have not changed.
#[test]
fn drift_outlives_a_restart() {
    for profile in BOTH {
        let (mut world, _) = bought(profile);
        world.venue.transfer("BTC", "-0.5");
        for _ in 0..2 {
            world.restart();
            world.connect();
            world.pass_answering(4);
            assert_reducing(&mut world);
        }
    }
}

#[test]
fn a_deposit_that_only_the_balance_shows_is_taken_over_and_is_no_profit() {
    for profile in BOTH {
        let (mut world, _) = bought(profile);
        world.venue.transfer("USDT", "50");
        world.venue.transfer("BTC", "2");
        compare(&mut world);
        assert_eq!(world.gateway.state(), (TradingState::Active, ""));
        assert_eq!((found(&world, "deposit"), found(&world, "balance")), (2, 0));
        let position = world.gateway.books().position(id()).unwrap();
        assert_eq!((position.net(), position.realized()), (number("1"), Amount::ZERO));
        world.pass_answering(100);
        assert_eq!(found(&world, "deposit"), 2);
    }
}

/// A sale that is young is taken back, and what it cost the quote is what was counted a moment before: that
/// asset alone looks like an older picture. What comes back of the other one is no deposit.
#[test]
fn half_of_a_sale_that_is_taken_back_is_no_deposit() {
    for profile in BOTH {
        let (mut world, _) = bought(profile);
        let order = world.place(spec(Side::Sell, "0.5", "100")).unwrap();
        world.answer_all();
        executes(&mut world, &order, "0.5");
        // The base moves once more, so that its count of before the sale is none that ever was.
        world.venue.transfer("BTC", "0.25");
        let (asset, amount, time) = (number("BTC"), number("0.25"), world.now);
        world.report(AccountEvent::Transfer { asset, amount, time });
        let trade = world.venue.fills[1].trade_id;
        world.venue.bust(trade);
        compare(&mut world);
        assert_eq!((found(&world, "deposit"), net(&world)), (0, number("0.5")), "not yet known");
        world.pass_answering(2 * LAG_MAX.as_secs() + 60);
        assert_eq!((found(&world, "deposit"), found(&world, "busted")), (0, 1));
        assert_eq!(net(&world), world.venue.net());
        for (asset, total) in &world.venue.balances {
            assert_eq!(world.gateway.books().counted(*asset), Some(*total), "{asset}");
        }
    }
}

fn usdt(world: &World) -> Amount {
    world.gateway.books().counted(number("USDT")).unwrap()
}

/// The stream tells a deposit or withdrawal of this time.
fn told(world: &mut World, amount: &str, time: Timestamp) {
    let (asset, amount) = (number("USDT"), number(amount));
    world.report(AccountEvent::Transfer { asset, amount, time });
}

/// The balance was faster than the stream: what was taken over is told later, and is the same.
#[test]
fn a_deposit_that_is_told_late_counts_once() {
    for restarts in [false, true] {
        let (mut world, _) = bought(TELLS_ALL);
        let before = usdt(&world);
        let both = before.checked_add(number("50")).unwrap();
        let happened = world.now;
        world.venue.transfer("USDT", "50");
        compare(&mut world);
        assert_eq!((usdt(&world), found(&world, "deposit")), (both, 1));
        if restarts {
            world.restart();
            world.connect();
        }
        // It was two of them.
        for part in ["20", "30"] {
            told(&mut world, part, happened);
            assert_eq!(usdt(&world), both, "{part} is counted");
        }
        compare(&mut world);
        assert_eq!(world.gateway.state(), (TradingState::Active, ""));
        assert_eq!((found(&world, "deposit"), found(&world, "balance")), (1, 0));

        // As much once more is another one, whether it is told in time or of before.
        let more = both.checked_add(number("20")).unwrap();
        world.venue.transfer("USDT", "20");
        let at = if restarts { world.now } else { happened };
        told(&mut world, "20", at);
        assert_eq!(usdt(&world), more);
        compare(&mut world);
        assert_eq!(world.gateway.state(), (TradingState::Active, ""));
        assert_eq!((found(&world, "deposit"), found(&world, "balance")), (1, 0));
    }
}

/// What is told to have happened after the balance that was taken over cannot have been in it, nor can
/// what is larger, or went the other way.
#[test]
fn another_deposit_is_not_taken_for_the_one_that_was_taken_over() {
    for (amount, is_later) in [("50", true), ("50.01", false), ("-50", false)] {
        let (mut world, _) = bought(TELLS_ALL);
        let happened = world.now;
        world.venue.transfer("USDT", "50");
        compare(&mut world);
        let before = usdt(&world);
        world.venue.transfer("USDT", amount);
        let at = if is_later { world.now } else { happened };
        told(&mut world, amount, at);
        assert_eq!(usdt(&world), before.checked_add(number(amount)).unwrap(), "{amount}");
        compare(&mut world);
        assert_eq!(found(&world, "deposit") + found(&world, "balance"), 1);
    }
}

/// A person took it over before the venue told of it.
#[test]
fn a_withdrawal_that_is_told_after_it_was_accepted_counts_once() {
    let (mut world, _) = bought(TELLS_ALL);
    let happened = world.now;
    world.venue.transfer("USDT", "-50");
    compare(&mut world);
    assert_reducing(&mut world);
    accept(&mut world);
    let counted = usdt(&world);
    told(&mut world, "-50", happened);
    compare(&mut world);
    assert_eq!((usdt(&world), world.gateway.state()), (counted, (TradingState::Active, "")));
    assert_eq!(found(&world, "balance"), 1);
}

/// The stream tells of the asset that changed before the account as a whole was ever read: that is not
/// all there is.
#[test]
fn a_part_of_the_balances_does_not_pass_for_the_account() {
    let mut world = World::new();
    world.restart_without_a_journal(crate::testing::store());
    world.link(Link::Market, true);
    world.book();
    world.link(Link::Account, true);
    let (asset, time) = (number("USDT"), world.now);
    let held = world.venue.account().balances[&asset];
    world.report(AccountEvent::Balances { balances: vec![(asset, held)], time });
    assert_eq!(world.gateway.books().balances_since(), None);
    world.answer_all();
    world.pass_answering(3);
    assert_eq!(world.gateway.state(), (TradingState::Active, ""));
    assert_eq!(world.gateway.books().counted(number("BTC")), Some(number("10")));
    assert_eq!((found(&world, "deposit"), found(&world, "balance")), (0, 0));
    // So that what goes missing of the others is seen.
    world.venue.transfer("BTC", "-0.5");
    compare(&mut world);
    assert_reducing(&mut world);
}

/// What the first balances had in them is told late.
#[test]
fn a_deposit_of_before_the_first_balances_is_in_them() {
    let mut world = World::new();
    let first = world.gateway.books().balances_since().unwrap();
    let before = usdt(&world);
    told(&mut world, "50", first);
    assert_eq!(usdt(&world), before);
    compare(&mut world);
    assert_eq!(found(&world, "balance"), 0);
}

/// What comes for something that goes is a trade that we do not see.
#[test]
fn a_gain_with_a_loss_beside_it_is_no_deposit() {
    for profile in BOTH {
        let (mut world, _) = bought(profile);
        world.venue.transfer("USDT", "-50");
        world.venue.transfer("BTC", "0.5");
        compare(&mut world);
        assert_reducing(&mut world);
        assert_eq!(left(&world).len(), 2);
        assert_eq!(found(&world, "deposit"), 0);
    }
}

/// A lot is 0.001, a tick of a lot 0.00001: less than that is dust, said once, and does not hold trading
/// up; a hundred times that in all is a leak.
#[test]
fn dust_is_taken_over_once_and_a_leak_is_not() {
    for profile in BOTH {
        let (mut world, _) = bought(profile);
        world.venue.transfer("BTC", "-0.0009");
        world.venue.transfer("USDT", "-0.000009");
        compare(&mut world);
        assert_eq!(world.gateway.state(), (TradingState::Active, ""));
        world.pass_answering(100);
        assert_eq!((found(&world, "dust"), found(&world, "balance")), (2, 0));
        for _ in 0..110 {
            world.venue.transfer("BTC", "-0.0009");
            compare(&mut world);
        }
        assert_eq!(found(&world, "dust"), 2 + 110, "0.0999 of at most 0.1");
        world.venue.transfer("BTC", "-0.0009");
        compare(&mut world);
        assert_reducing(&mut world);

        let (mut world, _) = bought(profile);
        world.venue.transfer("BTC", "-0.001");
        compare(&mut world);
        assert_eq!(found(&world, "dust"), 0, "a whole lot is none");
        assert_reducing(&mut world);
    }
}

/// EXS-03: balances as they were a minute ago, executions as they are. What we have counted outranks
/// them: no difference, no alert, no order.
#[test]
fn balances_that_are_late_are_no_difference() {
    for profile in BOTH {
        let (mut world, _) = bought(profile);
        let (alerts, records) = (world.notices.len(), found(&world, "balance"));
        let late = world.venue.account();
        let order = world.place(spec(Side::Buy, "1", "100")).unwrap();
        world.answer_all();
        world.venue.lagging = Some(late);
        for _ in 0..4 {
            executes(&mut world, &order, "0.25");
        }
        for _ in 0..15 {
            compare(&mut world);
            assert_eq!(world.gateway.state(), (TradingState::Active, ""));
        }
        assert_eq!(net(&world), number("2"));
        assert_eq!(found(&world, "balance"), records);
        let said = world.notices[alerts..].iter();
        let said = said.filter(|notice| matches!(notice, model::Notice::Alert(_)));
        assert_eq!(said.count(), 0);
        world.venue.lagging = None;
        compare(&mut world);
        assert_eq!(left(&world), []);
        // A picture that stays old is one of something else.
        world.venue.lagging = Some(world.venue.account());
        world.venue.transfer("USDT", "-1");
        world.venue.lagging.as_mut().unwrap().balances = world.venue.account().balances;
        world.pass_answering(LAG_MAX.as_secs() + 60);
        assert_eq!(world.gateway.state().0, TradingState::Reducing);
    }
}

/// Every execution costs a little of a third asset, or of the one that is held: all three are counted,
/// and what can be sold is what the venue says is there.
#[test]
fn fees_of_any_asset_are_counted() {
    for profile in BOTH {
        for asset in ["BNB", "BTC"] {
            let mut world = World::at(profile);
            world.venue.balances.insert(number("BTC"), Amount::ZERO);
            world.venue.transfer("BNB", "1");
            world.restart_without_a_journal(crate::testing::store());
            world.connect();
            world.venue.fee = Some(Fee { asset: number(asset), amount: number("0.002") });
            let order = world.place(spec(Side::Buy, "1", "100")).unwrap();
            world.answer_all();
            world.link(Link::Account, false);
            for _ in 0..2 {
                world.now = world.now.after(Duration::from_millis(1));
                world.venue.fill(world.now, &order, "0.5").unwrap();
            }
            world.connect();
            world.pass_answering(4);
            assert_eq!(world.gateway.state(), (TradingState::Active, ""), "{asset}");
            assert_eq!(left(&world), []);
            let books = world.gateway.books();
            for (asset, total) in &world.venue.balances {
                assert_eq!(books.counted(*asset), Some(*total), "{asset}");
            }
            assert_eq!(books.position(id()).unwrap().fees()[&number(asset)], number("0.004"));
            // ACC-07: the exit of all that was bought is refused once, with what is there.
            let sell = |qty| OrderSpec { reduce_only: true, ..spec(Side::Sell, qty, "100") };
            world.book();
            let agent = crate::testing::agent();
            let whole = world.gateway.approve(world.now, agent, &sell("1"));
            assert_eq!(whole.is_ok(), asset == "BNB", "{whole:?}");
            assert!(world.gateway.approve(world.now, agent, &sell("0.996")).is_ok());
        }
    }
}

/// The look back asks for each execution that can still be undone, and for no more pages than it takes.
#[test]
fn the_past_is_looked_at_once_for_one_difference() {
    for profile in BOTH {
        let (mut world, _) = bought(profile);
        world.venue.transfer("USDT", "-50");
        compare(&mut world);
        assert_reducing(&mut world);
        world.apply(&Input::Operator(Command::Reconcile));
        let mut lists = 0;
        while let Some((_, request)) = world.requests.front() {
            lists += usize::from(matches!(request, AccountRequest::Fills { .. }));
            world.answer(crate::testing::Wire::Whole);
        }
        assert_eq!(lists, 1, "only what is new is read");
    }
}

/// What is known and waits for a person stays as it is while an order is being asked about: what reduces is
/// let through all the time.
#[test]
fn a_known_drift_stops_no_more_while_an_order_is_asked_about() {
    for profile in BOTH {
        let (mut world, _) = bought(profile);
        let usdt = world.venue.balances.get_mut(&number("USDT")).unwrap();
        *usdt = usdt.checked_sub(number("50")).unwrap();
        compare(&mut world);
        assert_eq!(world.gateway.state().0, TradingState::Reducing);
        let exit = OrderSpec { reduce_only: true, ..spec(Side::Sell, "0.5", "101") };
        let intent = world.intend(model::Action::Place(exit.clone()));
        world.answer_all();
        world.intend(model::Action::Cancel(intent));
        world.answer(crate::testing::Wire::LosesRequest);
        world.apply(&Input::Operator(Command::Reconcile));
        // The question about the order stays open while the rest is read.
        let is_question = |r: &AccountRequest| matches!(r, AccountRequest::Order { .. });
        while let Some(at) = world.requests.iter().position(|(_, r)| !is_question(r)) {
            world.requests.swap(0, at);
            world.answer(crate::testing::Wire::Whole);
        }
        assert_eq!(world.gateway.state().0, TradingState::Reducing);
        world.book();
        assert!(world.place(exit).is_some());
    }
}
