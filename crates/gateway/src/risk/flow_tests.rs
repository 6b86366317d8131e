//! Guardrails over a time, over everybody, and over what an agent says of itself.

use std::time::Duration;

use model::{
    Action, AgentId, Command, Input, IntentId, NetQty, OrderKind, OrderSpec, PositionEffect,
    Record, Refusal, Scope, Side, TimeInForce,
};

use crate::headroom::Headroom;
use crate::lease::LeaseState;
use crate::limits::{AgentLimits, Limits};
use crate::testing::{TELLS_ALL, Venue, World, agent, ether, id, instrument, limits, number, spec};

fn refusal(world: &World, spec: &OrderSpec) -> Option<Refusal> {
    world.gateway.approve(world.now, agent(), spec).err()
}

fn other() -> AgentId {
    number("other")
}

/// With room for larger positions than one order.
fn world(change: impl FnOnce(&mut Limits)) -> World {
    let mut limits = limits();
    limits.instrument.values_mut().for_each(|limits| limits.position_max = number("50"));
    change(&mut limits);
    let balances = [("USDT", "1000"), ("BTC", "10")];
    let balances = balances.map(|(asset, amount)| (number(asset), number(amount))).into();
    let venue = Venue { balances, ..Venue::default() };
    World::with(TELLS_ALL, vec![instrument()], crate::ForeignOrders::Adopt, limits, venue)
}

fn buy(qty: &str) -> OrderSpec {
    spec(Side::Buy, qty, "99")
}

/// The venue executes all of it.
fn executes(world: &mut World, spec: OrderSpec) {
    let qty = spec.qty.to_string();
    let order = world.place(spec).unwrap();
    world.answer_all();
    let event = world.venue.fill(world.now, &order, &qty).unwrap();
    world.report(event);
}

#[test]
fn the_same_order_again() {
    let mut world = world(|limits| {
        (limits.orders.alike_max, limits.orders.alike_window_ms) = (2, 2_000);
    });
    for _ in 0..2 {
        assert!(world.place(buy("0.1")).is_some());
    }
    let window = Duration::from_secs(2);
    let again = Some(Refusal::Duplicate { limit: 2, alike: 2, window });
    assert_eq!(refusal(&world, &buy("0.1")), again);
    assert_eq!(refusal(&world, &buy("0.101")), None);
    assert_eq!(refusal(&world, &spec(Side::Buy, "0.1", "99.01")), None);
    assert_eq!(refusal(&world, &spec(Side::Sell, "0.1", "101")), None);
    assert!(world.gateway.approve(world.now, other(), &buy("0.1")).is_ok(), "another agent's");
    // An order that looks for its price is the same wherever the price is.
    let market = OrderSpec { kind: OrderKind::Market, ..buy("0.2") };
    for _ in 0..2 {
        assert!(world.place(market.clone()).is_some());
        world.book_around(10_050, world.now);
    }
    assert!(matches!(refusal(&world, &market), Some(Refusal::Duplicate { .. })));
    world.restart();
    world.connect();
    assert_eq!(refusal(&world, &buy("0.1")), again, "a restart forgets nothing");
    world.now = world.now.after(window);
    assert_eq!(refusal(&world, &buy("0.1")), None);
}

/// Who takes back much may place little, and can take back all the same.
#[test]
fn orders_and_cancels_in_a_time() {
    for scope in [Scope::Agent, Scope::Account] {
        let mut world = world(|limits| {
            let max = match scope {
                Scope::Account => &mut limits.account.messages_max,
                _ => &mut limits.orders.messages_max,
            };
            *max = 4;
        });
        let mut cancels = 0;
        for number in 0..3 {
            let placed = world.intend(Action::Place(buy("0.1")));
            world.answer_all();
            let refused = world.gateway.books().order_of(agent(), placed).is_none();
            assert_eq!(refused, number == 2, "{scope}");
            if !refused {
                world.intend(Action::Cancel(placed));
                world.answer_all();
            }
            cancels = world.count(|r| matches!(r, Record::CancelPrepared { .. }));
        }
        assert_eq!(cancels, 2);
        let window = Duration::from_secs(1);
        let refused = Some(Refusal::MessageRate { scope, limit: 4, sent: 4, window });
        assert_eq!(refusal(&world, &buy("0.1")), refused);
        let others = world.gateway.approve(world.now, other(), &buy("0.1"));
        assert_eq!(others.is_err(), scope == Scope::Account);
        world.now = world.now.after(window);
        assert_eq!(refusal(&world, &buy("0.1")), None);
    }
}

#[test]
fn a_cancel_is_never_refused() {
    let mut world = world(|limits| {
        (limits.orders.messages_max, limits.account.messages_max) = (3, 3);
    });
    let placed: Vec<IntentId> = (0..3).map(|_| world.intend(Action::Place(buy("0.1")))).collect();
    world.answer_all();
    assert!(matches!(refusal(&world, &buy("0.1")), Some(Refusal::MessageRate { .. })));
    placed.into_iter().for_each(|intent| {
        world.intend(Action::Cancel(intent));
    });
    world.answer_all();
    assert_eq!(world.gateway.books().open_count(), 0);
}

/// An order counts with its own price; one that has none with the worst it may get.
#[test]
fn what_is_ordered_in_a_time() {
    let mut world = world(|limits| {
        for limits in limits.instrument.values_mut() {
            (limits.turnover_max, limits.turnover_window_ms) = (number("500"), 10_000);
        }
    });
    executes(&mut world, spec(Side::Buy, "2", "100"));
    assert!(world.place(spec(Side::Buy, "2", "100")).is_some());
    let buy = |qty: &str| spec(Side::Buy, qty, "100");
    assert_eq!(refusal(&world, &buy("1")), None, "at the limit");
    let market = OrderSpec { kind: OrderKind::Market, ..buy("0.92") };
    assert!(refusal(&world, &market).is_some(), "up to 110 each");
    let refused = refusal(&world, &buy("1.001"));
    let Some(Refusal::Turnover { scope: Scope::Instrument, notional, .. }) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(notional, number("500.1"));
    let sell = OrderSpec { reduce_only: true, ..spec(Side::Sell, "2", "101") };
    assert_eq!(refusal(&world, &sell), None, "what only reduces is not held back");
    let others = world.gateway.approve(world.now, other(), &buy("1.001"));
    assert!(others.is_err(), "{others:?}");
    world.now = world.now.after(Duration::from_secs(5));
    world.book();
    assert!(refusal(&world, &buy("1.001")).is_some());
    world.now = world.now.after(Duration::from_secs(5));
    world.book();
    assert_eq!(refusal(&world, &buy("1.001")), None);
}

#[test]
fn an_agent_of_its_own_limits() {
    let mut world = world(|limits| {
        let quote = number("USDT");
        let own = AgentLimits {
            exposure_max: [(quote, number("300"))].into(),
            turnover_max: [(quote, number("350"))].into(),
            turnover_window_ms: 1_000,
        };
        limits.agent.insert(agent(), own);
    });
    assert!(world.place_of(other(), buy("2")).is_some(), "has no limits of its own");
    assert!(world.place(buy("2")).is_some());
    assert_eq!(refusal(&world, &buy("1")), None, "at the limit");
    let refused = refusal(&world, &buy("1.001"));
    let Some(Refusal::ExposureLimit { scope: Scope::Agent, limit, worst }) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!((limit, worst), (number("300"), number("300.1")));
    let refused = refusal(&world, &spec(Side::Sell, "1.505", "101"));
    let Some(Refusal::Turnover { scope: Scope::Agent, notional, .. }) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(notional, number("350.005"));
    world.change_limits(|limits| {
        limits.agent.get_mut(&agent()).unwrap().exposure_max.clear();
    });
    let refused = refusal(&world, &buy("0.1"));
    assert!(matches!(refused, Some(Refusal::NoLimit { scope: Scope::Agent, .. })), "{refused:?}");
}

/// Several agents and several instruments do not get around it.
#[test]
fn the_account_as_a_whole() {
    let mut limits = Limits::wide([id(), ether().id]);
    limits.account.exposure_max = [(number("USDT"), number("500"))].into();
    let venue = Venue {
        balances: [("USDT", "1000"), ("BTC", "10"), ("ETH", "10")]
            .map(|(asset, amount)| (number(asset), number(amount)))
            .into(),
        ..Default::default()
    };
    let policy = crate::ForeignOrders::Adopt;
    let instruments = vec![instrument(), ether()];
    let mut world = World::with(TELLS_ALL, instruments, policy, limits, venue);
    world.book_for(ether().id, 5_000);
    let of_ether = |side, qty: &str, price: &str| OrderSpec {
        instrument: ether().id,
        ..spec(side, qty, price)
    };
    assert!(world.place_of(other(), of_ether(Side::Sell, "4", "51")).is_some());
    assert!(world.place_of(other(), buy("1")).is_some());
    // 200 there and 100 here: 200 are left.
    assert_eq!(refusal(&world, &buy("2")), None);
    let refused = refusal(&world, &buy("2.001"));
    let Some(Refusal::ExposureLimit { scope: Scope::Account, worst, .. }) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(worst, number("500.1"));
    // The price there rises by itself.
    world.book_for(ether().id, 6_000);
    assert!(refusal(&world, &buy("2")).is_some());
    assert_eq!(refusal(&world, &buy("1.6")), None);
    // Its book is lost: it counts with the last price there was.
    let kind = model::market::MarketKind::BookLost;
    let (instrument, venue_time) = (ether().id, world.now);
    world.apply(&Input::Market(model::market::MarketEvent { instrument, venue_time, kind }));
    assert!(refusal(&world, &buy("2")).is_some());
    assert_eq!(refusal(&world, &buy("1.6")), None);
    // Of an instrument that nothing is known of there is no price, and no sum.
    world.restart();
    world.connect();
    world.gateway.references = crate::references::References::default();
    world.book();
    let refused = refusal(&world, &buy("0.1"));
    assert!(matches!(refused, Some(Refusal::NoValue { .. })), "{refused:?}");
}

#[test]
fn a_price_that_walks_away() {
    let mut world = world(|limits| {
        for limits in limits.instrument.values_mut() {
            (limits.walk_bps, limits.walk_window_ms) = (100, 10_000);
        }
    });
    let at = |price: &str| spec(Side::Buy, "0.1", price);
    for step in 1..=20 {
        world.now = world.now.after(Duration::from_millis(400));
        world.book_around(10_000 + 10 * step, world.now);
    }
    assert_eq!(refusal(&world, &at("101")), None, "at the limit");
    let refused = refusal(&world, &at("101.01"));
    let Some(Refusal::Walk { reference, low, high, .. }) = refused else { panic!("{refused:?}") };
    assert_eq!((reference, low, high), (number("100"), number("99"), number("101")));
    let trigger = number("101.01");
    let stop = OrderSpec { kind: OrderKind::StopLoss { trigger }, ..at("1") };
    assert!(matches!(refusal(&world, &stop), Some(Refusal::Walk { .. })));
    world.now = world.now.after(Duration::from_secs(7));
    world.book_around(10_200, world.now);
    assert_eq!(refusal(&world, &at("101.01")), None, "it has been there for a while");
}

#[test]
fn an_order_of_the_same_account() {
    let mut world = World::new();
    let sell = world.place_of(other(), spec(Side::Sell, "1", "101")).unwrap();
    let (price, resting) = (number("101.5"), number("101"));
    let meets = Some(Refusal::SelfTrade { price, resting });
    for answered in [false, true] {
        if answered {
            world.answer_all();
        }
        assert_eq!(refusal(&world, &spec(Side::Buy, "1", "101.5")), meets);
        assert_eq!(refusal(&world, &spec(Side::Buy, "1", "100.99")), None);
        let market = OrderSpec { kind: OrderKind::Market, ..buy("0.1") };
        let approved = world.gateway.approve(world.now, agent(), &market).unwrap();
        let short = approved.worst_price();
        assert!(short < resting && short > number("100.9"), "{short}: it stops short of it");
        assert_eq!(approved.into_order().kind, OrderKind::Limit { price: short });
        let stop = OrderKind::StopLoss { trigger: number("101") };
        assert_eq!(refusal(&world, &OrderSpec { kind: stop, ..buy("0.1") }), None);
    }
    let event = world.venue.fill(world.now, &sell, "0.4").unwrap();
    world.report(event);
    assert_eq!(refusal(&world, &spec(Side::Buy, "1", "101.5")), meets, "a part is left");
    world.intend_of(other(), Action::CancelAll(id()));
    assert_eq!(refusal(&world, &spec(Side::Buy, "1", "101.5")), meets, "not gone yet");
    world.answer_all();
    assert_eq!(refusal(&world, &spec(Side::Buy, "1", "101.5")), None);
    // One that expires at once stands nowhere.
    let at_once = OrderSpec { time_in_force: TimeInForce::Ioc, ..spec(Side::Sell, "1", "100") };
    assert!(world.place(at_once).is_some());
    assert_eq!(refusal(&world, &spec(Side::Buy, "1", "101")), None);
}

#[test]
fn an_order_of_somebody_else_on_the_account() {
    let mut world = World::new();
    world.venue.foreign(world.now, "by-hand", &spec(Side::Buy, "1", "99.5"));
    world.apply(&Input::Operator(Command::Reconcile));
    world.pass_answering(5);
    let refused = refusal(&world, &spec(Side::Sell, "1", "99.5"));
    assert!(matches!(refused, Some(Refusal::SelfTrade { .. })), "{refused:?}");
    assert_eq!(refusal(&world, &spec(Side::Sell, "1", "99.51")), None);
    world.venue.orders[0].status = model::venue::VenueOrderStatus::Canceled;
    world.apply(&Input::Operator(Command::Reconcile));
    world.pass_answering(5);
    assert_eq!(refusal(&world, &spec(Side::Sell, "1", "99.5")), None);
}

#[test]
fn how_many_stops() {
    let mut world = world(|limits| limits.orders.stops_max = 2);
    let stop = |agent, world: &mut World| {
        let trigger = number("95");
        let kind = OrderKind::StopLoss { trigger };
        world.place_of(agent, OrderSpec { kind, ..spec(Side::Sell, "0.1", "95") })
    };
    let first = stop(agent(), &mut world).unwrap();
    assert!(stop(other(), &mut world).is_some());
    assert!(stop(agent(), &mut world).is_none(), "two are open, of whichever agent");
    assert!(world.place(buy("0.1")).is_some());
    world.answer_all();
    let intent = world.gateway.books().order(&first).unwrap().intent;
    world.intend(Action::Cancel(intent));
    world.answer_all();
    assert!(stop(agent(), &mut world).is_some());
}

/// What all stops of a position would close together is what one of them may still close.
#[test]
fn reducing_orders_never_turn_the_position() {
    let mut world = World::new();
    executes(&mut world, spec(Side::Buy, "1", "100"));
    let stop = |qty: &str| {
        let kind = OrderKind::StopLoss { trigger: number("95") };
        OrderSpec { kind, reduce_only: true, ..spec(Side::Sell, qty, "95") }
    };
    assert!(world.place(stop("0.6")).is_some());
    let refused = refusal(&world, &stop("0.5"));
    let position: NetQty = number("0.4");
    assert_eq!(refused, Some(Refusal::NotReducing { position, qty: number("0.5") }));
    assert_eq!(refusal(&world, &stop("0.4")), None);
}

#[test]
fn an_order_does_what_it_is_declared_to() {
    use PositionEffect::{Close, Open};
    let mut world = World::new();
    let says = |effect, side, qty: &str| {
        let price = if side == Side::Buy { "99" } else { "101" };
        OrderSpec { effect: Some(effect), ..spec(side, qty, price) }
    };
    let refused = |world: &World, order: &OrderSpec| {
        matches!(refusal(world, order), Some(Refusal::Effect { .. }))
    };
    assert!(!refused(&world, &says(Open, Side::Sell, "1")));
    assert!(refused(&world, &says(Close, Side::Sell, "1")), "there is nothing to close");
    executes(&mut world, spec(Side::Buy, "1", "100"));
    assert!(!refused(&world, &says(Open, Side::Buy, "1")));
    assert!(refused(&world, &says(Open, Side::Sell, "1")), "it closes");
    assert!(refused(&world, &says(Close, Side::Buy, "1")), "it opens");
    assert!(!refused(&world, &says(Close, Side::Sell, "1")));
    assert!(refused(&world, &says(Close, Side::Sell, "1.001")), "it turns the position");
    // It is the agent's own position that counts.
    let of_other = world.gateway.approve(world.now, other(), &says(Close, Side::Sell, "1"));
    assert!(matches!(of_other, Err(Refusal::Effect { .. })), "{of_other:?}");
}

#[test]
fn no_lease_no_risk() {
    let mut world = World::new();
    executes(&mut world, spec(Side::Buy, "1", "100"));
    world.gateway.watchdog.lease = LeaseState::Fresh { until: world.now };
    assert_eq!(refusal(&world, &buy("0.1")), None);
    let (since, limit) = (world.now, Duration::from_secs(1));
    world.gateway.watchdog.lease = LeaseState::Stale { since };
    assert_eq!(refusal(&world, &buy("0.1")), Some(Refusal::Lease { since, limit }));
    let reduce = OrderSpec { reduce_only: true, ..spec(Side::Sell, "1", "101") };
    assert_eq!(refusal(&world, &reduce), None);
}

/// The collar is 10 % around 100: a buy at 99 could lose 9 each.
#[test]
fn what_may_be_lost_yet() {
    let mut world = World::new();
    assert!(world.place(buy("1")).is_some());
    world.gateway.headroom = Headroom::Left(number("18"));
    assert_eq!(refusal(&world, &buy("1")), None, "with the one that is open: at the limit");
    let refused = refusal(&world, &buy("1.001"));
    assert!(matches!(refused, Some(Refusal::LossHeadroom { .. })), "{refused:?}");
    world.gateway.headroom = Headroom::Unknown;
    assert_eq!(refusal(&world, &buy("0.1")), Some(Refusal::HeadroomUnknown));
    world.gateway.headroom = Headroom::NotLimited;
    executes(&mut world, spec(Side::Buy, "1", "100"));
    world.gateway.headroom = Headroom::Unknown;
    assert_eq!(refusal(&world, &spec(Side::Sell, "1", "101")), None, "it reduces");
}

/// A program that runs in a circle: it is stopped, stays so, and only a person lets it go on.
#[test]
fn orders_that_execute_again_and_again() {
    let mut world = world(|limits| {
        (limits.orders.executed_max, limits.orders.executed_window_ms) = (2, 10_000);
    });
    for _ in 0..2 {
        executes(&mut world, spec(Side::Buy, "0.1", "100"));
    }
    let resting = world.place(spec(Side::Buy, "0.2", "99")).unwrap();
    let stop = OrderKind::StopLoss { trigger: number("95") };
    let stop = world.place(OrderSpec { kind: stop, ..spec(Side::Sell, "0.1", "95") }).unwrap();
    world.answer_all();
    assert_eq!(world.gateway.books().disabled(agent()), None, "at the limit");
    // One order with many executions is one.
    let event = world.venue.fill(world.now, &resting, "0.05").unwrap();
    world.report(event);
    let event = world.venue.fill(world.now, &resting, "0.05").unwrap();
    world.report(event);
    let cause = world.gateway.books().disabled(agent()).unwrap().to_owned();
    assert!(cause.starts_with("3 of its orders on one side of BTC-USDT"), "{cause}");
    let disabled = Some(Refusal::AgentDisabled { cause });
    assert_eq!(refusal(&world, &spec(Side::Sell, "0.1", "101")), disabled);
    let reduce = OrderSpec { reduce_only: true, ..spec(Side::Sell, "0.1", "101") };
    assert_eq!(refusal(&world, &reduce), disabled);
    assert!(world.gateway.approve(world.now, other(), &buy("0.1")).is_ok());
    world.answer_all();
    let is_open = |world: &World, order| world.state_of(order).is_open();
    assert!(!is_open(&world, &resting) && is_open(&world, &stop), "entries go, protection stays");
    world.restart();
    world.connect();
    assert_eq!(refusal(&world, &buy("0.1")), disabled, "a restart lifts nothing");
    world.now = world.now.after(Duration::from_secs(3_600));
    world.book();
    assert_eq!(refusal(&world, &buy("0.1")), disabled, "nor does time");
    // Nothing that an agent can want does, either.
    let intent = world.gateway.books().order(&stop).unwrap().intent;
    for action in [Action::Place(buy("0.1")), Action::CancelAll(id()), Action::Cancel(intent)] {
        world.intend(action);
        world.answer_all();
        assert!(world.gateway.books().disabled(agent()).is_some());
    }
    assert!(!is_open(&world, &stop), "it can take back");
    world.apply(&Input::Operator(Command::EnableAgent { agent: agent() }));
    world.book();
    assert_eq!(refusal(&world, &buy("0.1")), None);
    executes(&mut world, spec(Side::Buy, "0.1", "100"));
    assert_eq!(world.gateway.books().disabled(agent()), None, "it is counted anew");
}

#[test]
fn a_person_changes_the_limits() {
    let mut world = World::new();
    let (mut limits, before) = {
        let (limits, version) = world.gateway.limits_in_force();
        (limits.clone(), version)
    };
    let open = world.place(buy("1")).unwrap();
    world.answer_all();
    limits.instrument.get_mut(&id()).unwrap().position_max = number("0.5");
    let text = serde_json::to_string(&limits).unwrap();
    world.apply(&Input::Operator(Command::SetLimits { limits: text.clone() }));
    let version = limits.version();
    assert_eq!(world.gateway.limits_in_force(), (&limits, version));
    assert_ne!(version, before);
    let is_written = |r: &Record| matches!(r, Record::Limits { version: v, limits } if *v == version && *limits == text);
    assert_eq!(world.count(is_written), 1);
    // What is open stays; what would add to it is refused; what shrinks it passes.
    world.answer_all();
    assert!(world.state_of(&open).is_open());
    assert!(matches!(refusal(&world, &buy("0.1")), Some(Refusal::PositionLimit { .. })));
    world.place(spec(Side::Sell, "0.2", "101")).unwrap();
    let named = |r: &Record| match r {
        Record::Prepared { limits, .. } | Record::Decided { limits, .. } => {
            *limits == Some(version)
        }
        _ => false,
    };
    assert_eq!(world.count(named), 2, "what is decided and sent names its limits");
    for text in ["", "{}", "{\"orders\":{}}"] {
        world.apply(&Input::Operator(Command::SetLimits { limits: text.to_owned() }));
        assert_eq!(world.gateway.limits_in_force().1, version);
    }
}
