//! A table for each guardrail, both sides of each limit.

use std::time::Duration;

use model::{Action, Input, Link, OrderKind, OrderSpec, Refusal, Side, TimeInForce};

use crate::testing::{World, agent, id, number, spec};

fn refusal(world: &World, spec: &OrderSpec) -> Option<Refusal> {
    world.gateway.approve(world.now, agent(), spec).err()
}

fn passes(world: &World, spec: &OrderSpec) -> bool {
    refusal(world, spec).is_none()
}

#[test]
fn an_instrument_that_is_not_listed() {
    let world = World::new();
    let other = OrderSpec { instrument: number("ETH-USDT"), ..spec(Side::Buy, "1", "99") };
    assert!(matches!(refusal(&world, &other), Some(Refusal::InstrumentNotAllowed { .. })));
}

#[test]
fn nothing_while_a_stream_is_down() {
    for link in [Link::Market, Link::Account] {
        let mut world = World::new();
        assert!(passes(&world, &spec(Side::Buy, "1", "99")));
        world.link(link, false);
        let refused = refusal(&world, &spec(Side::Buy, "1", "99"));
        assert!(matches!(refused, Some(Refusal::NotTrading { .. })), "{refused:?}");
    }
}

/// One order far away is not half of the price that all others are measured by. The collar is 10 %.
#[test]
fn a_spread_wider_than_the_collar_is_no_price() {
    use model::market::{BookUpdate, GridPrice, GridQty, LevelUpdate, MarketEvent, MarketKind};
    let mut world = World::new();
    for (bid, ask, is_price) in
        [(9_000, 11_000, true), (8_998, 11_000, false), (9_000, 11_002, false), (1, 10_001, false)]
    {
        let level = |side, price| LevelUpdate { side, price: GridPrice(price), qty: GridQty(1) };
        let levels = vec![level(Side::Buy, bid), level(Side::Sell, ask)];
        let kind = MarketKind::Book(BookUpdate { snapshot: true, levels });
        let event = MarketEvent { instrument: id(), venue_time: world.now, kind };
        world.apply(&Input::Market(event));
        let market = OrderSpec { kind: OrderKind::Market, ..spec(Side::Buy, "0.1", "1") };
        let refused = refusal(&world, &market);
        let is_wide = matches!(refused, Some(Refusal::WideSpread { collar_bps: 1_000, .. }));
        assert_eq!(is_wide, !is_price, "{bid} {ask}: {refused:?}");
    }
}

#[test]
fn the_age_of_the_reference_price() {
    let mut world = World::new();
    world.book();
    let order = spec(Side::Buy, "1", "99");
    world.now = world.now.after(Duration::from_millis(5_000));
    assert!(passes(&world, &order), "at the limit");
    world.now = world.now.after(Duration::from_nanos(1));
    match refusal(&world, &order) {
        Some(Refusal::StalePrice { limit, age: Some(age) }) => assert!(age > limit),
        other => panic!("{other:?}"),
    }
}

/// What waited on its way is as old as it is, by the venue's clock and not by its arrival; a trade does
/// not make the book any newer.
#[test]
fn the_reference_price_is_as_old_as_the_book_at_the_venue() {
    let stale = |world: &World| {
        let refused = refusal(world, &spec(Side::Buy, "1", "99"));
        matches!(refused, Some(Refusal::StalePrice { .. }))
    };
    let mut world = World::new();
    let before = world.now;
    world.now = world.now.after(Duration::from_secs(10));
    world.book_of(before);
    assert!(stale(&world), "received just now, ten seconds old");
    // The venue's clock is behind ours by as much: it is fresh.
    measured(&mut world, -10_000);
    assert!(!stale(&world));
    measured(&mut world, 0);
    world.book();
    assert!(!stale(&world));
    world.now = world.now.after(Duration::from_secs(6));
    world.trade();
    assert!(stale(&world), "trades go on, the book stands still");
}

#[test]
fn grid_quantity_and_notional() {
    let world = World::new();
    let buy = |qty: &str, price: &str| refusal(&world, &spec(Side::Buy, qty, price));
    assert_eq!(buy("1", "99.01"), None);
    assert!(matches!(buy("1", "99.001"), Some(Refusal::OffTick { .. })));
    assert_eq!(buy("0.101", "99"), None);
    assert!(matches!(buy("0.1001", "99"), Some(Refusal::OffLot { .. })));
    assert!(matches!(buy("0", "99"), Some(Refusal::QtyTooSmall { .. })));
    assert_eq!(buy("2", "99"), None, "at the limit");
    assert!(matches!(buy("2.001", "99"), Some(Refusal::QtyTooLarge { .. })));
    // The venue's smallest notional is 5.
    assert_eq!(buy("0.051", "99"), None);
    assert!(matches!(buy("0.05", "99"), Some(Refusal::NotionalTooSmall { .. })));
}

/// Without a limit price the most it can trade at counts: 110 for a buy, and for a sell, which gets 90
/// for its limit, what it is likely to bring.
#[test]
fn the_notional_of_a_market_order() {
    let world = World::new();
    for (side, qty, notional) in [
        (Side::Buy, "2", None),
        (Side::Sell, "2", None),
        (Side::Buy, "0.05", None),
        // Its limit of 90 makes 4.5, and the venue's smallest is 5.
        (Side::Sell, "0.05", Some("4.5")),
    ] {
        let order = OrderSpec { kind: OrderKind::Market, ..spec(side, qty, "99") };
        match refusal(&world, &order) {
            None => assert_eq!(notional, None, "{side:?} {qty}"),
            Some(Refusal::NotionalTooSmall { notional: found, .. }) => {
                assert_eq!(notional, Some(found.to_string().as_str()));
            }
            other => panic!("{side:?} {qty}: {other:?}"),
        }
    }
    let mut world = World::new();
    world.change_limits(|limits| {
        limits.instrument.values_mut().for_each(|l| l.notional_max = number("200"));
    });
    for (side, notional) in [(Side::Buy, Some("220")), (Side::Sell, None)] {
        let order = OrderSpec { kind: OrderKind::Market, ..spec(side, "2", "99") };
        match refusal(&world, &order) {
            None => assert_eq!(notional, None, "{side:?}"),
            Some(Refusal::NotionalTooLarge { notional: found, .. }) => {
                assert_eq!(notional, Some(found.to_string().as_str()), "{side:?}");
            }
            other => panic!("{side:?}: {other:?}"),
        }
    }
    world.change_limits(|limits| {
        limits.instrument.values_mut().for_each(|l| l.notional_max = number("199"));
    });
    let order = OrderSpec { kind: OrderKind::Market, ..spec(Side::Sell, "2", "99") };
    let refused = refusal(&world, &order);
    assert!(matches!(refused, Some(Refusal::NotionalTooLarge { .. })), "{refused:?}");
}

#[test]
fn the_collar_on_both_sides() {
    let world = World::new();
    // A tenth around the middle of 100: 90 to 110.
    for (side, price, passes) in [
        (Side::Buy, "110", true),
        (Side::Buy, "110.01", false),
        (Side::Sell, "90", true),
        (Side::Sell, "89.99", false),
    ] {
        let refused = refusal(&world, &spec(side, "0.1", price));
        assert_eq!(refused.is_none(), passes, "{side:?} {price}: {refused:?}");
        if let Some(refused) = refused {
            assert!(matches!(refused, Refusal::Collar { .. }), "{refused:?}");
        }
    }
}

/// Limit 5 either way. Working orders of the other side neither help nor hurt.
#[test]
fn the_worst_case_position() {
    let mut world = World::new();
    for _ in 0..2 {
        assert!(world.place(spec(Side::Buy, "2", "99")).is_some());
    }
    world.answer_all();
    assert!(passes(&world, &spec(Side::Buy, "1", "99")), "4 working and 1: at the limit");
    let refused = refusal(&world, &spec(Side::Buy, "1.001", "99"));
    assert!(matches!(refused, Some(Refusal::PositionLimit { .. })), "{refused:?}");
    assert!(passes(&world, &spec(Side::Sell, "2", "101")));
}

#[test]
fn what_is_promised_is_not_available_twice() {
    let mut world = World::new();
    for _ in 0..5 {
        assert!(world.place(spec(Side::Buy, "1", "99")).is_some());
    }
    // 1000 USDT less five promises of 99, none of them answered yet: 505.
    let available = world.gateway.books().available(number("USDT"));
    assert_eq!(available, Some(number("505")));
    world.answer_all();
    // The venue's own figure shows them locked now, and nothing is counted twice.
    world.apply(&Input::Operator(model::Command::Reconcile));
    world.answer_all();
    assert_eq!(world.gateway.books().available(number("USDT")), Some(number("505")));
}

#[test]
fn the_balance_that_pays() {
    let mut world = World::new();
    let usdt = number("USDT");
    world.venue.balances.insert(usdt, number("99"));
    world.apply(&Input::Operator(model::Command::Reconcile));
    world.pass_answering(5);
    // Nobody told where the rest went: a person has to say that it is so.
    world.apply(&Input::Operator(model::Command::AcceptDifferences));
    world.pass_answering(5);
    assert!(passes(&world, &spec(Side::Buy, "1", "99")), "all of it");
    let refused = refusal(&world, &spec(Side::Buy, "1", "99.01"));
    assert!(matches!(refused, Some(Refusal::Balance { .. })), "{refused:?}");
    assert!(world.place(spec(Side::Buy, "1", "99")).is_some());
    let refused = refusal(&world, &spec(Side::Buy, "0.1", "99"));
    assert!(matches!(refused, Some(Refusal::Balance { .. })), "promised, not yet locked");
}

#[test]
fn how_many_may_be_open() {
    let mut world = World::new();
    for count in 0..8 {
        assert!(world.place(spec(Side::Buy, "0.1", "99")).is_some(), "{count}");
    }
    let refused = refusal(&world, &spec(Side::Buy, "0.1", "99"));
    assert!(matches!(refused, Some(Refusal::OpenOrders { open: 8, limit: 8 })), "{refused:?}");
}

#[test]
fn how_many_in_a_time() {
    let mut world = World::new();
    let mut sent = 0;
    // A hundred a second; each is taken back at once so that the open ones do not pile up.
    while sent < 100 {
        let intent = world.intend(Action::Place(spec(Side::Buy, "0.1", "99")));
        world.answer_all();
        world.intend(Action::Cancel(intent));
        world.answer_all();
        sent += 1;
    }
    let refused = refusal(&world, &spec(Side::Buy, "0.1", "99"));
    assert!(matches!(refused, Some(Refusal::OrderRate { .. })), "{refused:?}");
    world.now = world.now.after(Duration::from_millis(1_001));
    assert!(passes(&world, &spec(Side::Buy, "0.1", "99")));
}

#[test]
fn reduce_only_needs_something_to_reduce() {
    let mut world = World::new();
    let sell = |qty: &str| OrderSpec { reduce_only: true, ..spec(Side::Sell, qty, "101") };
    let refused = refusal(&world, &sell("0.1"));
    assert!(matches!(refused, Some(Refusal::NotReducing { .. })), "{refused:?}");
    let order = world.place(spec(Side::Buy, "1", "99")).unwrap();
    world.answer_all();
    let event = world.venue.fill(world.now, &order, "1").unwrap();
    world.report(event);
    assert!(passes(&world, &sell("1")));
    assert!(!passes(&world, &sell("1.001")));
}

#[test]
fn what_the_venue_lacks_is_refused() {
    let world = World::new();
    let gtd = TimeInForce::Gtd(world.now);
    let order = OrderSpec { time_in_force: gtd, ..spec(Side::Buy, "1", "99") };
    assert!(matches!(refusal(&world, &order), Some(Refusal::Unsupported { .. })));
    let market =
        OrderSpec { kind: OrderKind::Market, post_only: true, ..spec(Side::Buy, "1", "99") };
    assert!(matches!(refusal(&world, &market), Some(Refusal::Unsupported { .. })));
}

/// Twice the same: once alone would hold everything up that adds risk.
fn measured(world: &mut World, ahead_ms: i64) {
    world.apply(&Input::Clock { ahead_ms });
    world.apply(&Input::Clock { ahead_ms });
}
