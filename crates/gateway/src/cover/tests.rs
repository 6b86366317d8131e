//! EXS-07: stops that are late, and what is sold instead of them, by a policy that names it.

use model::market::{BookUpdate, GridPrice, GridQty, LevelUpdate, MarketEvent, MarketKind};
use model::venue::AccountEvent;
use model::{
    Command, HaltedBy, Input, Link, Notice, OrderKind, OrderQty, OrderSpec, OrderState,
    TimeInForce, TradingState,
};

use super::*;
use crate::OWN_AGENT;
use crate::testing::{TELLS_ALL, TELLS_SUMS, Venue, Wire, World, id, number, spec};

/// A world that holds so much, with a stop at 95 whose limit is at 94.5, and this policy.
fn holding(qty: &str, policy: LateStops) -> (World, ClientOrderId) {
    holding_in(World::new(), qty, policy)
}

fn holding_in(world: World, qty: &str, policy: LateStops) -> (World, ClientOrderId) {
    let mut world = bought(world, qty, policy);
    let stop = protect(&mut world, qty);
    (world, stop)
}

/// So much is bought, and the balances show it.
fn bought(mut world: World, qty: &str, policy: LateStops) -> World {
    world.gateway.config.late_stops = policy;
    let order = world.place(spec(Side::Buy, qty, "100")).unwrap();
    world.answer_all();
    let event = world.venue.fill(world.now, &order, qty).unwrap();
    world.report(event);
    pass(&mut world, 20, 10_000, 9_000);
    world
}

/// The same where all that there is of the base was bought and the stop locks it.
fn holding_nothing_else(qty: &str) -> (World, ClientOrderId) {
    let balances = [(number("USDT"), number("1000"))].into();
    let venue = Venue { balances, ..Venue::default() };
    let mut world = bought(World::with_history(venue), qty, LateStops::Close);
    tell_balances(&mut world);
    let stop = protect(&mut world, qty);
    tell_balances(&mut world);
    (world, stop)
}

/// The exchange tells what is free, and what is locked.
fn tell_balances(world: &mut World) {
    let (account, time) = (world.venue.account(), world.now);
    let balances = account.balances.into_iter().collect();
    world.report(AccountEvent::Balances { balances, time });
}

fn protect(world: &mut World, qty: &str) -> ClientOrderId {
    let kind = OrderKind::StopLimit { trigger: number("95"), price: number("94.5") };
    let stop = world.place(OrderSpec { kind, ..spec(Side::Sell, qty, "100") });
    let stop = stop.unwrap_or_else(|| panic!("{:?}", world.entries.last()));
    world.answer_all();
    stop
}

/// The market is around this middle, in hundredths, with so much on each side.
fn show(world: &mut World, middle: i64, qty: i64) {
    let level = |side, price| LevelUpdate { side, price: GridPrice(price), qty: GridQty(qty) };
    let levels = vec![level(Side::Buy, middle - 1), level(Side::Sell, middle + 1)];
    let kind = MarketKind::Book(BookUpdate { snapshot: true, levels });
    let venue_time = world.now;
    world.apply(&Input::Market(MarketEvent { instrument: id(), venue_time, kind }));
}

/// Tenths of a second pass; slices are filled as they come.
fn pass(world: &mut World, tenths: u64, middle: i64, qty: i64) {
    for _ in 0..tenths {
        show(world, middle, qty);
        world.pass_alarms(std::time::Duration::from_millis(100));
        world.answer_all();
        let open = world.gateway.books().open_orders().find(|o| o.agent.as_str() == OWN_AGENT);
        if let Some((order, leaves)) = open.map(|o| (o.order.client_order_id, o.leaves())) {
            let event = world.venue.fill(world.now, &order, &leaves.to_string()).unwrap();
            world.report(event);
            world.answer_all();
        }
    }
}

/// When slices were sent, and how much.
fn slices(world: &World) -> Vec<(Timestamp, String)> {
    let slice = |entry: &model::Entry| match &entry.record {
        Record::Prepared { agent, order, .. } if agent.as_str() == OWN_AGENT => {
            assert_eq!((order.side, order.time_in_force), (Side::Sell, TimeInForce::Ioc));
            assert!(order.reduce_only);
            let OrderQty::Base(qty) = order.qty else { panic!("{order:?}") };
            Some((entry.at, qty.to_string()))
        }
        _ => None,
    };
    world.entries.iter().filter_map(slice).collect()
}

fn held(world: &World) -> NetQty {
    world.gateway.books().exposure(id()).position
}

fn said(world: &World, text: &str) -> usize {
    let is = |notice: &&Notice| matches!(notice, Notice::Alert(alert) if alert.text.contains(text));
    world.notices.iter().filter(is).count()
}

fn canceled(world: &World, stop: &ClientOrderId) -> bool {
    world.state_of(stop) == OrderState::Done(model::Ending::Canceled)
}

/// The price has passed it, until it is taken back.
fn until_canceled(world: &mut World, stop: &ClientOrderId, qty: i64) {
    for _ in 0..100 {
        show(world, 9_300, qty);
        world.pass_alarms(std::time::Duration::from_millis(100));
        world.answer_all();
        if canceled(world, stop) {
            return;
        }
    }
    panic!("it is not taken back");
}

/// The power may go at any moment: were the stop gone and the line not durable that says what is sold instead, nothing
/// would protect the position and nobody would know. Such a cancel waits for the disk, as an order does; no other
/// cancel waits.
#[test]
fn a_stop_is_not_taken_back_before_its_cover_is_durable() {
    let (mut world, stop) = holding("1", LateStops::Close);
    for _ in 0..100 {
        show(&mut world, 9_300, 9_000);
        world.pass_alarms(std::time::Duration::from_millis(100));
        let cancel = world.requests.iter().find(|(_, asked)| {
            matches!(asked, model::venue::AccountRequest::Cancel { order, .. } if *order == model::venue::OrderKey::Client(stop))
        });
        if let Some((request, _)) = cancel {
            assert!(
                world.deadlines[request].is_some_and(|at| at > world.now),
                "it waits for nothing"
            );
            return;
        }
        world.answer_all();
    }
    panic!("it is not taken back");
}

/// Taken back, and covered within five seconds after the price has passed it; and trading goes on.
#[test]
fn what_a_late_stop_should_have_sold_is_sold() {
    let (mut world, stop) = holding("1", LateStops::Close);
    pass(&mut world, 30, 9_600, 9_000);
    assert_eq!(slices(&world), vec![]);
    let passed = world.now;
    pass(&mut world, 80, 9_300, 9_000);
    assert!(canceled(&world, &stop));
    let sold = slices(&world);
    assert_eq!(sold.iter().map(|(_, qty)| qty.as_str()).collect::<Vec<_>>(), ["1"]);
    let took = sold[0].0.since(passed);
    assert!(took <= std::time::Duration::from_secs(5), "{took:?}");
    assert_eq!(held(&world), NetQty::ZERO);
    assert_eq!(world.gateway.books().covering().count(), 0);
    assert_eq!(world.gateway.state().0, TradingState::Active);
    assert_eq!(said(&world, "what it should have sold is sold"), 1);
}

/// I14: without a policy that names it nothing is sent.
#[test]
fn without_the_policy_it_is_only_said() {
    let (mut world, stop) = holding("1", LateStops::Say);
    pass(&mut world, 100, 9_300, 9_000);
    assert_eq!((slices(&world).len(), canceled(&world, &stop)), (0, false));
    assert_eq!(said(&world, "should be done and is not"), 1);
}

/// Slices of half the book; what is held besides the stop's size stays.
#[test]
fn only_what_the_stop_covers_is_sold_and_in_slices() {
    let (mut world, stop) = holding("1", LateStops::Close);
    let more = world.place(spec(Side::Buy, "0.7", "100")).unwrap();
    world.answer_all();
    let event = world.venue.fill(world.now, &more, "0.7").unwrap();
    world.report(event);
    pass(&mut world, 120, 9_300, 800);
    assert!(canceled(&world, &stop));
    let sold: Vec<_> = slices(&world).into_iter().map(|(_, qty)| qty).collect();
    assert_eq!(sold, ["0.4", "0.4", "0.2"]);
    assert_eq!(held(&world), number("0.7"));
}

/// I6: the stop executes while it is being taken back. What it sold is not sold again.
#[test]
fn a_stop_that_executes_after_all_closes_once() {
    let (mut world, stop) = holding("2", LateStops::Close);
    let half = protect(&mut world, "1");
    assert_ne!(half, stop);
    // Only one of them for the first of two that hold 2; the other was canceled by its agent.
    world.intend(model::Action::CancelAll(id()));
    world.answer_all();
    let stop = protect(&mut world, "1");
    // Until it is taken back, and nobody has answered yet.
    for _ in 0..100 {
        show(&mut world, 9_300, 9_000);
        world.pass_alarms(std::time::Duration::from_millis(100));
        if world.state_of(&stop) == OrderState::PendingCancel {
            break;
        }
        world.answer_all();
    }
    assert_eq!(world.state_of(&stop), OrderState::PendingCancel);
    let event = world.venue.fill(world.now, &stop, "0.6").unwrap();
    world.report(event);
    pass(&mut world, 60, 9_300, 9_000);
    let sold: Vec<_> = slices(&world).into_iter().map(|(_, qty)| qty).collect();
    assert_eq!(sold, ["0.4"], "0.6 of 1 were sold by the stop");
    assert_eq!(held(&world), number("1"));
}

/// A market that is not fit: the stop stays, for it is protection when the price comes back.
#[test]
fn a_stop_stays_while_nothing_can_be_sold() {
    let (mut world, stop) = holding("1", LateStops::Close);
    // Less than the venue takes is what half of the book comes to.
    pass(&mut world, 80, 9_300, 50);
    assert_eq!((slices(&world).len(), canceled(&world, &stop)), (0, false));
    assert_eq!(said(&world, "nothing is sold: too little stands"), 1);
    // It moves all the time.
    for step in 0..40 {
        pass(&mut world, 2, 9_150 + step % 2 * 150, 9_000);
    }
    assert_eq!((slices(&world).len(), canceled(&world, &stop)), (0, false));
    // Back above it.
    pass(&mut world, 100, 9_600, 9_000);
    assert_eq!((slices(&world).len(), canceled(&world, &stop)), (0, false));
}

/// The power goes when the stop is gone and nothing is sold yet.
#[test]
fn a_restart_goes_on() {
    let (mut world, stop) = holding("1", LateStops::Close);
    until_canceled(&mut world, &stop, 9_000);
    world.restart();
    assert_eq!(world.gateway.books().left_to_cover(id()), Some(number("1")));
    world.connect();
    pass(&mut world, 60, 9_300, 9_000);
    let sold: Vec<_> = slices(&world).into_iter().map(|(_, qty)| qty).collect();
    assert_eq!((sold, held(&world)), (vec!["1".to_owned()], NetQty::ZERO));
}

/// A halt keeps it back and says so; who lifts the halt has taken it over. So has who flattens.
#[test]
fn a_halt_keeps_it_back() {
    let (mut world, stop) = holding("1", LateStops::Close);
    world.apply(&Input::Operator(Command::halt(HaltedBy::Person, "enough")));
    pass(&mut world, 80, 9_300, 9_000);
    assert_eq!((slices(&world).len(), canceled(&world, &stop)), (0, false), "the stop stays");

    let (mut world, stop) = holding("2", LateStops::Close);
    until_canceled(&mut world, &stop, 800);
    pass(&mut world, 3, 9_300, 800);
    let sold = slices(&world).len();
    assert_eq!(sold, 1, "of five");
    world.apply(&Input::Operator(Command::halt(HaltedBy::Person, "enough")));
    pass(&mut world, 50, 9_300, 800);
    assert_eq!(slices(&world).len(), sold);
    assert_eq!(said(&world, "nothing is sold: trading is halted"), 1);
    let cause = model::HaltCause::new(HaltedBy::Person, "flat");
    let level = model::HaltLevel::Flattening;
    world.apply(&Input::Operator(Command::Halt { level, cause }));
    assert_eq!(world.gateway.books().covering().count(), 0, "it is all closed by a person's word");
    pass(&mut world, 100, 9_300, 800);
    assert_eq!(held(&world), NetQty::ZERO);
}

/// Deaf it sells nothing.
#[test]
fn nothing_is_sold_while_a_stream_is_down() {
    let (mut world, stop) = holding("1", LateStops::Close);
    world.link(Link::Account, false);
    pass(&mut world, 80, 9_300, 9_000);
    assert_eq!((slices(&world).len(), canceled(&world, &stop)), (0, false));
}

/// Time passes until this is so; what is asked in that very moment is not answered.
fn until(world: &mut World, middle: i64, is_so: impl Fn(&World) -> bool) {
    for _ in 0..100 {
        show(world, middle, 9_000);
        world.pass_alarms(std::time::Duration::from_millis(100));
        if is_so(world) {
            return;
        }
        world.answer_all();
    }
    panic!("it does not become so");
}

fn sold(world: &World) -> Vec<String> {
    slices(world).into_iter().map(|(_, qty)| qty).collect()
}

/// A late stop whose cancel cannot leave yet (the exchange has not answered, or has not said its own name for it) is
/// not replaced, and once it can be it is replaced once.
#[test]
fn a_stop_that_cannot_be_taken_back_yet_is_not_replaced() {
    for profile in [TELLS_ALL, TELLS_SUMS] {
        let mut world = bought(World::at(profile), "2", LateStops::Close);
        let kind = OrderKind::StopLimit { trigger: number("95"), price: number("94.5") };
        let stop = world.place(OrderSpec { kind, ..spec(Side::Sell, "1", "100") });
        let stop = stop.unwrap_or_else(|| panic!("{:#?}", &world.entries));
        if profile == TELLS_SUMS {
            world.answer(Wire::LosesAnswer);
        }
        for _ in 0..80 {
            show(&mut world, 9_300, 9_000);
            world.pass_alarms(std::time::Duration::from_millis(100));
            assert_eq!(world.gateway.books().left_to_cover(id()), None);
        }
        assert!(!world.gateway.books().order(&stop).unwrap().cancel_wanted);
        assert_eq!(said(&world, "are sold in slices"), 0);
        pass(&mut world, 100, 9_300, 9_000);
        assert!(canceled(&world, &stop));
        assert_eq!((sold(&world), held(&world)), (vec!["1".to_owned()], number("1")));
        assert_eq!(said(&world, "are sold in slices"), 1);
    }
}

/// The power goes at any entry from the cancel on: it is sold once, neither twice nor never.
#[test]
fn no_power_cut_parts_the_cancel_and_what_is_sold_instead() {
    let late = || {
        let (mut world, _) = holding("2", LateStops::Close);
        world.intend(model::Action::CancelAll(id()));
        world.answer_all();
        let stop = protect(&mut world, "1");
        let before = world.entries.len();
        until(&mut world, 9_300, |world| world.state_of(&stop) == OrderState::PendingCancel);
        (world, before)
    };
    let (world, before) = late();
    let entries = world.entries.len();
    assert!(entries - before >= 2);
    for cut in before..=entries {
        let (mut world, _) = late();
        world.restart_on_a_copy(cut, 2);
        world.connect();
        pass(&mut world, 120, 9_300, 9_000);
        assert_eq!((sold(&world), held(&world)), (vec!["1".to_owned()], number("1")), "at {cut}");
        assert_eq!(world.venue.net(), number("1"), "at {cut}");
    }
}

/// While it is taken back the price comes back, or its feed is not heard: nothing is taken for sold by that, with a
/// restart and without.
#[test]
fn what_is_taken_back_is_covered_whatever_the_market_does_meanwhile() {
    for restarts in [false, true] {
        for loses_feed in [false, true] {
            let (mut world, stop) = holding("1", LateStops::Close);
            until(&mut world, 9_300, |world| world.state_of(&stop) == OrderState::PendingCancel);
            if restarts {
                world.restart();
                for link in [Link::Market, Link::Account] {
                    world.link(link, true);
                }
            }
            for _ in 0..20 {
                if loses_feed {
                    let (instrument, venue_time) = (id(), world.now);
                    let kind = MarketKind::BookLost;
                    world.apply(&Input::Market(MarketEvent { instrument, venue_time, kind }));
                } else {
                    show(&mut world, 9_700, 9_000);
                }
                world.pass_alarms(std::time::Duration::from_millis(100));
            }
            assert_eq!(said(&world, "have sold is sold"), 0, "{restarts} {loses_feed}");
            pass(&mut world, 60, 9_700, 9_000);
            assert!(canceled(&world, &stop));
            assert_eq!(sold(&world), ["1"], "{restarts} {loses_feed}");
            assert_eq!(held(&world), NetQty::ZERO);
        }
    }
}

/// The exchange says that the stop is gone before its balances say so: what it locked is not dust.
#[test]
fn what_a_balance_still_shows_locked_is_sold_when_it_is_free() {
    let (mut world, stop) = holding_nothing_else("1");
    until_canceled(&mut world, &stop, 9_000);
    pass(&mut world, 40, 9_300, 9_000);
    assert_eq!((sold(&world).len(), said(&world, "dust")), (0, 0));
    assert_eq!(world.gateway.books().left_to_cover(id()), Some(number("1")));
    assert_eq!(said(&world, "it is not free yet"), 1);
    tell_balances(&mut world);
    pass(&mut world, 20, 9_300, 9_000);
    assert_eq!((sold(&world), held(&world)), (vec!["1".to_owned()], NetQty::ZERO));
}

/// A start that is told to sell nothing drops what was left, and a later one does not sell it after all.
#[test]
fn what_a_start_without_the_policy_drops_stays_dropped() {
    let (mut world, stop) = holding("1", LateStops::Close);
    until_canceled(&mut world, &stop, 9_000);
    world.gateway.config.late_stops = LateStops::Say;
    world.restart();
    assert_eq!(world.gateway.books().left_to_cover(id()), None);
    assert_eq!(said(&world, "1 BTC-USDT were to be sold instead of it and are not"), 1);
    world.gateway.config.late_stops = LateStops::Close;
    world.restart();
    world.connect();
    pass(&mut world, 60, 9_300, 9_000);
    assert_eq!((sold(&world).len(), held(&world)), (0, number("1")));
}

/// A late stop that the market does not take is looked at each 200 ms, also where nothing else happens.
#[test]
fn a_late_stop_is_taken_back_soon_after_the_market_is_fit() {
    for phase in 0..5 {
        let (mut world, stop) = holding("1", LateStops::Close);
        pass(&mut world, 60 + phase, 9_300, 50);
        assert!(!world.gateway.books().order(&stop).unwrap().cancel_wanted);
        let fit = world.now;
        while !world.gateway.books().order(&stop).unwrap().cancel_wanted {
            show(&mut world, 9_300, 9_000);
            world.pass_alarms(std::time::Duration::from_millis(20));
            world.answer_all();
            let took = world.now.since(fit);
            assert!(took <= std::time::Duration::from_millis(250), "{took:?} at {phase}");
        }
    }
}
