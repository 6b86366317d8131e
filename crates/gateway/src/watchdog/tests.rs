//! A watchdog that leases, is silent, trips, lies and is played by somebody else.

use std::time::Duration;

use model::{Action, AlertLevel, Command, Input, Notice, Refusal, Side, TradingState};

use super::*;
use crate::testing::{World, id, number, spec};
use crate::watched::Watchdog;

/// A gateway that trades and needs a lease from now on.
fn watched() -> World {
    let mut world = World::new();
    world.gateway.watchdog = Watchdog::new(true, world.now);
    world.apply(&Input::Wake);
    world
}

fn lease(world: &mut World, millis: u64, equity: Option<&str>) {
    let until = world.now.after(Duration::from_millis(millis));
    let equity = equity.map(number);
    world.apply(&Input::Watchdog(WatchdogNotice::Lease { until, equity }));
}

fn buys(world: &mut World) -> bool {
    world.place(spec(Side::Buy, "0.1", "99")).is_some()
}

fn alerts(world: &World, key: AlertKey) -> Vec<&Alert> {
    let alerts = world.notices.iter().filter_map(|notice| match notice {
        Notice::Alert(alert) => Some(alert),
        Notice::Agent(..) | Notice::AllAgents(_) => None,
    });
    alerts.filter(|alert| alert.key == key).collect()
}

#[test]
fn without_a_lease_only_what_shrinks_a_position_leaves() {
    let mut world = watched();
    let cause = "no fresh lease from the watchdog: none has come yet";
    assert_eq!(world.gateway.state(), (TradingState::Reducing, cause));
    assert!(!buys(&mut world));
    lease(&mut world, 1_000, None);
    assert_eq!(world.gateway.state(), (TradingState::Active, ""));
    let order = world.place(spec(Side::Buy, "0.1", "99")).unwrap();
    world.answer_all();

    // It runs out by itself, and an order of the moment after is refused.
    world.now = world.now.after(Duration::from_millis(1_001));
    assert!(!buys(&mut world));
    let cause = "no fresh lease from the watchdog: it ran out";
    assert_eq!(world.gateway.state(), (TradingState::Reducing, cause));
    assert!(world.gateway.books().order(&order).unwrap().state.is_open(), "it stays");
    world.intend(Action::CancelAll(id()));
    world.answer_all();
    assert!(!world.gateway.books().order(&order).unwrap().state.is_open(), "and can be taken back");

    lease(&mut world, 1_000, None);
    assert_eq!(world.gateway.state(), (TradingState::Active, ""), "by itself");
    assert!(buys(&mut world));
}

#[test]
fn the_end_of_a_lease_is_noticed_with_nothing_said() {
    let mut world = watched();
    lease(&mut world, 1_000, None);
    world.pass_answering(3);
    assert_eq!(world.gateway.state().0, TradingState::Reducing);
    let silent = WatchdogNotice::Silent { cause: "no connection".to_owned() };
    world.apply(&Input::Watchdog(silent));
    assert_eq!(world.gateway.state().1, "no fresh lease from the watchdog: no connection");
}

#[test]
fn a_gateway_without_a_watchdog_needs_no_lease() {
    let mut world = World::new();
    assert_eq!(world.gateway.lease(), LeaseState::NotConfigured);
    world.pass_answering(5);
    assert!(buys(&mut world));
}

#[test]
fn a_watchdog_that_trips_latches_this_gateway_too() {
    let mut world = watched();
    lease(&mut world, 1_000, None);
    let order = world.place(spec(Side::Buy, "0.1", "99")).unwrap();
    world.answer_all();
    world.apply(&Input::Watchdog(WatchdogNotice::Halted { cause: "drawdown".to_owned() }));
    assert_eq!(world.gateway.state(), (TradingState::Halted, "the watchdog halts: drawdown"));
    world.answer_all();
    assert!(!world.gateway.books().order(&order).unwrap().state.is_open(), "taken back");
    // A lease lifts nothing, and a restart neither.
    lease(&mut world, 1_000, None);
    assert!(!buys(&mut world));
    world.restart();
    world.connect();
    assert_eq!(world.gateway.state(), (TradingState::Halted, "the watchdog halts: drawdown"));
    let alerts = alerts(&world, AlertKey::Halted);
    assert_eq!(alerts[0].level, AlertLevel::Critical);
    assert!(alerts[0].text.contains("the watchdog halts: drawdown"));
}

#[test]
fn what_is_forged_is_told_and_gives_nothing() {
    let mut world = watched();
    let forged = WatchdogNotice::Forged { what: "a wrong mac".to_owned() };
    world.apply(&Input::Watchdog(forged));
    assert!(!buys(&mut world));
    let alerts = alerts(&world, AlertKey::Watchdog);
    assert_eq!((alerts.len(), alerts[0].level), (1, AlertLevel::Critical));
    assert!(alerts[0].text.contains("a wrong mac"), "{alerts:?}");
}

/// Two views that differ by more than one part in a hundred for half a minute halt; a moment does not.
#[test]
fn two_views_of_the_worth_that_differ_for_long_halt() {
    for (theirs, halts) in [
        (Some("9900"), false), // exactly one percent of the larger
        (Some("9899"), true),
        (Some("10102"), true),
        (Some("-10000"), true),
        (None, false),
    ] {
        let mut world = watched();
        // Held still: what it is worth is not the question here.
        world.gateway.equity.now = Some(number("10000"));
        for tick in 0..24 {
            assert_ne!(world.gateway.state().0, TradingState::Halted, "{theirs:?} {tick}");
            lease(&mut world, 1_000, if tick < 4 { Some("1") } else { Some("10000") });
            world.now = world.now.after(Duration::from_millis(250));
        }
        let mut halted_after = None;
        for tick in 0..130 {
            lease(&mut world, 1_000, theirs);
            if world.gateway.state().0 == TradingState::Halted {
                halted_after.get_or_insert(tick);
            }
            world.now = world.now.after(Duration::from_millis(250));
        }
        assert_eq!(halted_after, halts.then_some(120), "{theirs:?}");
        if let Some(theirs) = theirs.filter(|_| halts) {
            let cause = world.gateway.state().1;
            assert!(cause.contains("10000 by our books") && cause.contains(theirs), "{cause}");
        }
    }
}

#[test]
fn nobody_but_a_person_resumes_after_the_watchdog() {
    let mut world = watched();
    lease(&mut world, 60_000, None);
    world.apply(&Input::Operator(Command::halt(model::HaltedBy::Person, "mine")));
    world.apply(&Input::Watchdog(WatchdogNotice::Halted { cause: "its own".to_owned() }));
    assert_eq!(world.gateway.state(), (TradingState::Halted, "mine"), "the first cause stays");
    let in_the_way = |world: &World| {
        world.gateway.in_the_way(world.now).iter().any(|why| why.contains("watchdog has tripped"))
    };
    assert!(in_the_way(&world), "it would halt again at once");
    assert_eq!(world.gateway.lease().check(world.now), Ok(()));
    lease(&mut world, 60_000, None);
    assert!(!in_the_way(&world), "a person has reset it");
    let over = world.gateway.lease().check(world.now.after(Duration::from_secs(61)));
    assert!(matches!(over, Err(Refusal::Lease { .. })));
}
