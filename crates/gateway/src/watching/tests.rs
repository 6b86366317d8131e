//! What breakers do with a gateway: KIL-04, AGT-08, NET-06, and orders that repeat.

use model::venue::{AccountRequest, VenueError};
use model::{AlertKey, Input, Link, Notice, OrderSpec, Outcome, Reply, TradingState};

use super::*;
use crate::breakers::BreakerLimits;
use crate::foreign_orders::ForeignOrders;
use crate::testing::{TELLS_ALL, Venue, Wire, World, instrument, limits, number, spec};

fn world(breakers: BreakerLimits) -> World {
    let balances = [("USDT", "1000"), ("BTC", "10")];
    let balances = balances.map(|(asset, amount)| (number(asset), number(amount))).into();
    let mut limits = limits();
    limits.breakers = breakers;
    let venue = Venue { balances, ..Venue::default() };
    World::with(TELLS_ALL, vec![instrument()], ForeignOrders::Adopt, limits, venue)
}

fn buy(price: &str) -> OrderSpec {
    spec(Side::Buy, "0.1", price)
}

/// What is said besides changes of the state.
fn alerts(world: &World) -> Vec<&str> {
    let mut said = Vec::new();
    for notice in &world.notices {
        if let Notice::Alert(alert) = notice
            && alert.key != AlertKey::Trading
        {
            said.push(alert.text.as_str());
        }
    }
    said
}

fn changes(world: &World) -> Vec<(Timestamp, TradingState)> {
    let changes = world.entries.iter().filter_map(|entry| match &entry.record {
        Record::Trading { state, .. } => Some((entry.at, *state)),
        _ => None,
    });
    changes.collect()
}

/// AGT-08: an agent that is refused and asks again at once, with a new intent and more.
#[test]
fn an_agent_that_does_not_take_no_halts() {
    let mut world = world(BreakerLimits::default());
    for attempt in 0..10 {
        assert_ne!(world.gateway.state().0, TradingState::Halted, "after {attempt}");
        assert_eq!(world.place(spec(Side::Buy, &format!("{}", 3 + attempt), "99")), None);
    }
    let (state, cause) = world.gateway.state();
    assert_eq!(state, TradingState::Halted);
    assert!(cause.contains("refusals_in_a_row (trend): 10 orders in a row"), "{cause}");
    let breaker = |r: &Record| {
        matches!(r, Record::Breaker { name: BreakerName::RefusalsInARow, about: Some(agent), event, .. }
            if *event == BreakerEvent::Tripped && agent == "trend")
    };
    assert_eq!(world.count(breaker), 1);
}

/// What is refused because of the gateway's own state is not the agent's doing.
#[test]
fn who_is_refused_for_an_outage_does_not_halt() {
    let mut world = world(BreakerLimits::default());
    world.link(Link::Account, false);
    (0..50).for_each(|_| assert_eq!(world.place(buy("99")), None));
    assert_eq!(world.gateway.state().0, TradingState::Starting);
}

/// A runaway loop: the same order as fast as it can.
#[test]
fn the_same_order_again_and_again_halts() {
    let mut world = world(BreakerLimits { repeats_max: 6, ..BreakerLimits::wide() });
    for repeat in 0..6 {
        assert!(world.place(buy("99")).is_some(), "{repeat}");
        world.answer_all();
    }
    let (state, cause) = world.gateway.state();
    assert_eq!(state, TradingState::Halted);
    assert!(cause.contains("repeats (trend): 6 orders of one agent are identical"), "{cause}");
    assert_eq!(world.place(buy("98")), None);
}

/// Orders that the venue rejects: ten in a row, and a part of the last ones.
#[test]
fn what_the_venue_rejects_halts() {
    let mut world = world(BreakerLimits { rejections_in_a_row: 3, ..BreakerLimits::wide() });
    for rejected in 0..3 {
        assert_ne!(world.gateway.state().0, TradingState::Halted, "after {rejected}");
        world.now = world.now.after(Duration::from_secs(6));
        world.book();
        world.place(buy("99")).unwrap();
        let is_order = |asked: &AccountRequest| matches!(asked, AccountRequest::Place(_));
        let at = world.requests.iter().position(|(_, asked)| is_order(asked)).unwrap();
        let (request, _) = world.requests.remove(at).unwrap();
        let outcome = Outcome::Refused(VenueError::InsufficientBalance);
        world.apply(&Input::Reply(Reply { request, outcome, sent: model::Sent::default() }));
        world.answer_all();
    }
    assert_eq!(world.gateway.state().0, TradingState::Halted, "{:?}", alerts(&world));
}

/// NET-06, KIL-04: a stream that comes and goes each second for ten minutes lowers once and lifts once.
#[test]
fn a_stream_that_flaps_lowers_once() {
    let mut world = world(BreakerLimits { reconnects_max: 5, ..BreakerLimits::wide() });
    let before = alerts(&world).len();
    for _ in 0..600 {
        world.link(Link::Market, false);
        world.now = world.now.after(Duration::from_millis(500));
        world.link(Link::Market, true);
        world.book();
        world.now = world.now.after(Duration::from_millis(500));
    }
    assert_eq!(world.gateway.state().0, TradingState::Reducing);
    world.pass_answering(30);
    assert_eq!(world.gateway.state(), (TradingState::Active, ""));
    let breakers: Vec<_> = world
        .entries
        .iter()
        .filter(|e| matches!(&e.record, Record::Breaker { event, .. } if *event != BreakerEvent::Warning))
        .collect();
    assert_eq!(breakers.len(), 2, "{breakers:?}");
    let said: Vec<_> =
        alerts(&world)[before..].iter().filter(|a| !a.contains("% of a limit")).copied().collect();
    assert_eq!(said.len(), 1, "{said:?}");
    // The market's stream being down is a state of its own; active it was never.
    let ups = changes(&world).iter().filter(|(_, state)| *state == TradingState::Active).count();
    assert!(ups <= 1 + 5 + 1, "{ups}");
}

/// KIL-04: the only market is fresh and stale in turn, each second.
#[test]
fn a_condition_that_flaps_changes_the_state_twice_a_minute_at_most() {
    let mut world = world(BreakerLimits { stale_ms: 1_000, ..BreakerLimits::wide() });
    let first = changes(&world).len();
    for _ in 0..60 {
        // Stale after five seconds, and two seconds more.
        world.pass(7, Wire::Whole);
        world.book();
        world.now = world.now.after(Duration::from_millis(900));
        world.book();
    }
    let changed = changes(&world);
    for three in changed[first..].windows(3) {
        assert!(three[2].0.since(three[0].0) > Duration::from_secs(60), "{three:?}");
    }
    assert_eq!(world.gateway.state().0, TradingState::Reducing);
    let said = alerts(&world).iter().filter(|alert| alert.contains("stale_data")).count();
    assert_eq!(said, 1);
}

/// An order in doubt that the venue, which is heard all the time, never settles.
#[test]
fn a_doubt_that_lasts_lets_through_what_reduces() {
    let mut world = world(BreakerLimits { doubt_grace_ms: 5_000, ..BreakerLimits::wide() });
    world.place(buy("99")).unwrap();
    world.answer(Wire::LosesAnswer);
    for second in 0..28 {
        world.trade();
        world.book();
        world.pass(1, Wire::LosesRequest);
        let lowered = world.gateway.state().0 == TradingState::Reducing;
        assert_eq!(lowered, second >= 22, "{second}: {:?}", world.gateway.state());
    }
    assert!(world.gateway.state().1.contains("in doubt"), "{:?}", world.gateway.state());
    world.pass_answering(70);
    assert_eq!(world.gateway.state(), (TradingState::Active, ""));
}

/// What acts when the power goes acts after the restart, and lifts after its dwell.
#[test]
fn a_restart_keeps_what_acts() {
    let mut world = world(BreakerLimits { reconnects_max: 2, ..BreakerLimits::wide() });
    for _ in 0..3 {
        world.link(Link::Account, false);
        world.link(Link::Account, true);
        world.answer_all();
    }
    assert_eq!(world.gateway.state().0, TradingState::Reducing);
    world.restart();
    world.connect();
    assert_eq!(world.gateway.state().0, TradingState::Reducing, "{:?}", world.gateway.state());
    world.pass_answering(65);
    assert_eq!(world.gateway.state(), (TradingState::Active, ""));
}

/// 50, 75 and 90 percent of the position that may be held: once each, upwards.
#[test]
fn warnings_are_said_on_the_way_to_a_limit() {
    let mut world = world(BreakerLimits::wide());
    let warned = |world: &World| {
        let warnings = world.entries.iter().filter_map(|entry| match &entry.record {
            Record::Breaker { name, about, event: BreakerEvent::Warning, value, .. } => {
                Some((*name, about.clone().unwrap_or_default(), value.to_string()))
            }
            _ => None,
        });
        warnings.collect::<Vec<_>>()
    };
    for (qty, count) in [("2", 0), ("0.4", 0), ("0.1", 1), ("1", 1), ("0.4", 2), ("0.7", 3)] {
        let order = world.place(spec(Side::Buy, qty, "99")).unwrap();
        world.answer_all();
        let event = world.venue.fill(world.now, &order, qty).unwrap();
        world.report(event);
        world.answer_all();
        world.now = world.now.after(Duration::from_millis(300));
        world.book();
        world.answer_all();
        assert_eq!(warned(&world).len(), count, "{qty}: {:?}", warned(&world));
    }
    let last = warned(&world).pop().unwrap();
    assert_eq!(last, (BreakerName::Position, "BTC-USDT".to_owned(), "4.6".to_owned()));
}

/// The table `[breakers]` as it is by default for refusals, and wide otherwise.
fn slips() -> BreakerLimits {
    BreakerLimits { refusals_for_size: 3, refusals_for_effect: 3, ..BreakerLimits::wide() }
}

fn tripped(world: &World, wanted: BreakerName) -> usize {
    world.count(|r| {
        matches!(r, Record::Breaker { name, about, event: BreakerEvent::Tripped, .. }
            if *name == wanted && about.as_deref() == Some("trend"))
    })
}

/// AGT-04: three sizes that no order may have throttle the account for a while, and it is said once. What only
/// the throttle refuses is not the agent's doing.
#[test]
fn three_sizes_that_slipped_throttle() {
    let mut world = world(BreakerLimits { refusals_in_a_row: 10, ..slips() });
    assert_eq!(world.place(spec(Side::Buy, "1000", "99")), None);
    assert_eq!(world.place(spec(Side::Buy, "2.001", "99")), None);
    assert_eq!(world.gateway.state().0, TradingState::Active);
    world.pass_answering(30);
    assert_eq!(world.place(spec(Side::Buy, "2000", "99")), None);
    let (state, cause) = world.gateway.state();
    assert_eq!((state, cause.contains("too large")), (TradingState::Throttled, true), "{cause}");
    assert_eq!(tripped(&world, BreakerName::RefusalsForSize), 1);
    let shown = world.gateway.breakers(world.now);
    let shown = shown.iter().find(|it| it.name == BreakerName::RefusalsForSize).unwrap();
    assert!(shown.tripped && shown.value == Some(number("3")) && shown.limit == number("3"));
    // A quarter of two passes, more does not, and twenty times that halts nobody.
    assert!(world.place(spec(Side::Buy, "0.5", "99")).is_some());
    world.answer_all();
    (0..20).for_each(|_| assert_eq!(world.place(spec(Side::Buy, "1", "99")), None));
    assert_eq!(world.gateway.state().0, TradingState::Throttled);
    let refusals = world.gateway.breakers(world.now)[5].value;
    assert_eq!(refusals, Some(Decimal::ZERO), "in a row: the order that passed ended it");
    world.pass_answering(55);
    assert_eq!(world.gateway.state().0, TradingState::Throttled, "not before the dwell");
    world.pass_answering(45);
    assert_eq!(world.gateway.state(), (TradingState::Active, ""));
    let said = alerts(&world).iter().filter(|text| text.contains("refusals_for_size")).count();
    assert_eq!(said, 1, "{:?}", alerts(&world));
}

/// What is too large for the limits as they are counts while throttled, and keeps it so.
#[test]
fn sizes_that_go_on_slipping_stay_throttled() {
    let mut world = world(slips());
    let first = changes(&world).len();
    for _ in 0..12 {
        assert_eq!(world.place(spec(Side::Buy, "1000", "99")), None);
        world.pass_answering(15);
    }
    assert_eq!(world.gateway.state().0, TradingState::Throttled);
    assert_eq!(changes(&world).len() - first, 1, "{:?}", &changes(&world)[first..]);
    world.pass_answering(75);
    assert_eq!(world.gateway.state(), (TradingState::Active, ""));
}

/// AGT-07: three orders that would do something else than they declare: only what reduces passes. Over a
/// restart, and until the dwell is over.
#[test]
fn three_signs_turned_round_lower_to_reducing() {
    let mut world = world(slips());
    let turned = || OrderSpec { effect: Some(model::PositionEffect::Close), ..buy("99") };
    for before in 0..3 {
        assert_eq!(world.gateway.state().0, TradingState::Active, "after {before}");
        assert_eq!(world.place(turned()), None);
    }
    let (state, cause) = world.gateway.state();
    assert_eq!((state, cause.contains("declares")), (TradingState::Reducing, true), "{cause}");
    assert_eq!(tripped(&world, BreakerName::RefusalsForEffect), 1);
    assert_eq!(world.place(buy("99")), None);
    world.restart();
    world.connect();
    assert_eq!(world.gateway.state().0, TradingState::Reducing, "{:?}", world.gateway.state());
    world.pass_answering(55);
    assert_eq!(world.gateway.state().0, TradingState::Reducing);
    world.pass_answering(15);
    assert_eq!(world.gateway.state(), (TradingState::Active, ""));
    assert!(world.place(buy("99")).is_some());
}

/// KIL-04: an agent whose sign is turned round for ten minutes changes the level twice a minute at most.
#[test]
fn signs_that_stay_turned_round_never_flap() {
    let mut world = world(slips());
    let first = changes(&world).len();
    for _ in 0..300 {
        let close = Some(model::PositionEffect::Close);
        assert_eq!(world.place(OrderSpec { effect: close, ..buy("99") }), None);
        world.pass_answering(2);
    }
    let changed = &changes(&world)[first..];
    assert!(changed.len() >= 10, "it goes on and begins anew: {changed:?}");
    for three in changed.windows(3) {
        assert!(three[2].0.since(three[0].0) > Duration::from_secs(60), "{three:?}");
    }
}

/// The lower of two states that breakers ask for, whichever came first.
#[test]
fn the_lower_state_wins() {
    let mut world = world(slips());
    (0..3).for_each(|_| assert_eq!(world.place(spec(Side::Buy, "1000", "99")), None));
    assert_eq!(world.gateway.state().0, TradingState::Throttled);
    let close = Some(model::PositionEffect::Close);
    (0..3).for_each(|_| assert_eq!(world.place(OrderSpec { effect: close, ..buy("99") }), None));
    assert_eq!(world.gateway.state().0, TradingState::Reducing);
}
