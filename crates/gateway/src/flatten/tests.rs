//! Positions are closed in slices, one at a time, by the venue's word and within the collar.

use model::market::{BookUpdate, GridPrice, GridQty, LevelUpdate, MarketEvent, MarketKind};
use model::venue::AccountRequest;
use model::{
    Closing, Command, HaltCause, HaltLevel, HaltedBy, Input, Link, NetQty, OrderKind, OrderQty,
    OrderSpec, Record, Side, TimeInForce, TradingState,
};

use crate::OWN_AGENT;
use crate::testing::{World, id, number, spec};

/// A world that holds so much.
fn holding(qty: &str) -> World {
    let mut world = World::new();
    let order = world.place(spec(Side::Buy, qty, "100")).unwrap();
    world.answer_all();
    let event = world.venue.fill(world.now, &order, qty).unwrap();
    world.report(event);
    world
}

fn flatten(world: &mut World) {
    let cause = HaltCause::new(HaltedBy::Person, "flat");
    world.apply(&Input::Operator(Command::Halt { level: HaltLevel::Flattening, cause }));
    world.answer_all();
}

/// The market shows this much on each side; none where it is zero.
fn show(world: &mut World, bids: i64, asks: i64) {
    let level = |side, price, qty| LevelUpdate { side, price: GridPrice(price), qty: GridQty(qty) };
    let bid = (bids > 0).then(|| level(Side::Buy, 9_999, bids));
    let ask = (asks > 0).then(|| level(Side::Sell, 10_001, asks));
    let levels = bid.into_iter().chain(ask).collect();
    let kind = MarketKind::Book(BookUpdate { snapshot: true, levels });
    let venue_time = world.now;
    world.apply(&Input::Market(MarketEvent { instrument: id(), venue_time, kind }));
}

/// Time passes in tenths with this market; a slice that stands is filled by so much of it.
fn pass(world: &mut World, tenths: u64, (bids, asks): (i64, i64), fills: bool) {
    for _ in 0..tenths {
        show(world, bids, asks);
        world.pass_alarms(std::time::Duration::from_millis(100));
        world.answer_all();
        let open = world.gateway.books().open_orders().find(|o| o.agent.as_str() == OWN_AGENT);
        let open = open.map(|order| (order.order.client_order_id, order.leaves()));
        if let Some((order, leaves)) = open.filter(|_| fills) {
            let event = world.venue.fill(world.now, &order, &leaves.to_string()).unwrap();
            world.report(event);
        }
    }
}

fn slices(world: &World) -> Vec<(String, OrderKind)> {
    let slice = |entry: &model::Entry| match &entry.record {
        Record::Prepared { agent, order, .. } if agent.as_str() == OWN_AGENT => {
            assert_eq!((order.side, order.time_in_force), (Side::Sell, TimeInForce::Ioc));
            assert!(order.reduce_only);
            let OrderQty::Base(qty) = order.qty else { panic!("{order:?}") };
            Some((qty.to_string(), order.kind))
        }
        _ => None,
    };
    world.entries.iter().filter_map(slice).collect()
}

fn said(world: &World) -> Vec<Closing> {
    let closing = |entry: &model::Entry| match &entry.record {
        Record::Flatten { closing, .. } => Some(closing.clone()),
        _ => None,
    };
    world.entries.iter().filter_map(closing).collect()
}

fn held(world: &World) -> NetQty {
    world.gateway.books().exposure(id()).position
}

#[test]
fn a_position_is_closed_in_slices_of_half_of_what_stands_there() {
    let mut world = holding("2");
    flatten(&mut world);
    pass(&mut world, 9, (1_000, 1_000), true);
    assert_eq!(slices(&world), [], "the price has to hold still for a second");
    pass(&mut world, 60, (1_000, 1_000), true);
    let price = number("90");
    let half = ("0.5".to_owned(), OrderKind::Limit { price });
    assert_eq!(slices(&world), vec![half; 4], "at the edge of the collar of 10 %");
    assert_eq!(held(&world), NetQty::ZERO);
    assert_eq!(said(&world), [Closing::Slices, Closing::Flat]);
    assert_eq!(world.gateway.state(), (TradingState::Flattening, "flat"), "it stays halted");
    pass(&mut world, 100, (1_000, 1_000), true);
    assert_eq!(slices(&world).len(), 4, "and sells nothing more");
}

/// One at a time: the next one waits until it is proven what became of the one before, over a restart.
#[test]
fn there_is_one_slice_at_a_time() {
    let mut world = holding("2");
    flatten(&mut world);
    pass(&mut world, 40, (1_000, 1_000), false);
    assert_eq!(slices(&world).len(), 1);
    world.restart();
    world.connect();
    assert_eq!(world.gateway.state().0, TradingState::Flattening);
    pass(&mut world, 20, (1_000, 1_000), false);
    assert_eq!(slices(&world).len(), 1, "what is open is in the books");
    pass(&mut world, 80, (1_000, 1_000), true);
    assert_eq!(held(&world), NetQty::ZERO);
}

/// The market is not fit to be sold into: it holds and says why, once, and goes on when it is.
#[test]
fn it_holds_instead_of_dumping() {
    for (market, why) in [
        ((0, 1_000), "one side of its book is empty"),
        ((1_000, 0), "one side of its book is empty"),
        ((100, 1_000), "too little stands in its book within the collar"),
    ] {
        let mut world = holding("2");
        flatten(&mut world);
        pass(&mut world, 100, market, true);
        assert_eq!(slices(&world), [], "{why}");
        assert_eq!(said(&world), [Closing::Held(why.to_owned())]);
        pass(&mut world, 80, (1_000, 1_000), true);
        assert_eq!(held(&world), NetQty::ZERO, "{why}");
    }
    let mut world = holding("2");
    flatten(&mut world);
    world.link(Link::Account, false);
    pass(&mut world, 50, (1_000, 1_000), true);
    assert_eq!(slices(&world), [], "what is held is not known");
    assert_eq!(said(&world), [Closing::Held("the account's stream is down".to_owned())]);
}

#[test]
fn what_is_too_little_is_dust_and_is_left() {
    let mut world = holding("1");
    // What is left of it is worth 4.95 and the venue takes nothing below 5.
    let order = world.place(spec(Side::Sell, "0.95", "100")).unwrap();
    world.answer_all();
    let event = world.venue.fill(world.now, &order, "0.95").unwrap();
    world.report(event);
    flatten(&mut world);
    pass(&mut world, 100, (1_000, 1_000), true);
    assert_eq!(slices(&world), []);
    assert!(matches!(said(&world).as_slice(), [Closing::Dust(_)]), "{:?}", said(&world));
    assert_eq!(held(&world), number("0.05"));
}

/// What was sold of what was there before is no position to be bought back.
#[test]
fn what_is_short_is_not_bought_back() {
    let mut world = World::new();
    let order = world.place(spec(Side::Sell, "1", "100")).unwrap();
    world.answer_all();
    let event = world.venue.fill(world.now, &order, "1").unwrap();
    world.report(event);
    flatten(&mut world);
    pass(&mut world, 50, (1_000, 1_000), true);
    assert_eq!(slices(&world), []);
}

/// A stop locks what it would sell: it stays while nothing can be sold, and goes when the first slice can.
#[test]
fn protection_stays_until_the_market_takes_a_slice() {
    let mut world = holding("2");
    let kind = OrderKind::StopLoss { trigger: number("95") };
    let stop = world.place(OrderSpec { kind, ..spec(Side::Sell, "2", "95") }).unwrap();
    world.answer_all();
    flatten(&mut world);
    pass(&mut world, 50, (0, 1_000), true);
    assert!(world.state_of(&stop).is_open(), "it is the only protection");
    pass(&mut world, 80, (1_000, 1_000), true);
    assert!(!world.state_of(&stop).is_open());
    assert_eq!((held(&world), slices(&world).len()), (NetQty::ZERO, 4));
}

/// Only flattening sells: halted or dark the gateway places nothing.
#[test]
fn no_other_state_sells() {
    for level in [HaltLevel::Halted, HaltLevel::Dark] {
        let mut world = holding("2");
        let cause = HaltCause::new(HaltedBy::Person, "enough");
        world.apply(&Input::Operator(Command::Halt { level, cause }));
        let before = world.asked.len();
        pass(&mut world, 50, (1_000, 1_000), true);
        let places = |asked: &AccountRequest| matches!(asked, AccountRequest::Place(_));
        assert!(!world.asked[before..].iter().any(places), "{level:?}");
    }
}
