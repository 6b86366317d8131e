//! What lifts a halt, and all that does not.

use std::time::Duration;

use model::{
    Action, Command, HaltCause, HaltLevel, HaltedBy, Input, Link, Notice, Record, ResumeCode,
    ResumeStep, Side, TradingState,
};
use proptest::prelude::*;

use crate::foreign_orders::ForeignOrders;
use crate::testing::{TELLS_ALL, Wire, World, spec};

const CODE: &str = "7K3P-9QXM";

fn halt(world: &mut World) {
    world.apply(&Input::Operator(Command::halt(HaltedBy::Person, "enough")));
    world.answer_all();
}

fn request(world: &mut World, code: &str) {
    world.apply(&Input::Operator(Command::ResumeRequested { code: ResumeCode::new(code) }));
    world.answer_all();
}

fn confirm(world: &mut World, code: &str) {
    world.apply(&Input::Operator(Command::ResumeConfirmed { code: ResumeCode::new(code) }));
    world.answer_all();
}

fn refusals(world: &World, of: ResumeStep) -> usize {
    world.count(|r| matches!(r, Record::ResumeRefused { step, .. } if *step == of))
}

fn is_halted(world: &World) -> bool {
    world.gateway.state().0.is_latched()
}

fn a_halted_world() -> World {
    let mut world = World::new();
    halt(&mut world);
    world
}

#[test]
fn two_steps_with_time_between_them_lift_a_halt_into_probation() {
    let mut world = a_halted_world();
    request(&mut world, CODE);
    assert!(is_halted(&world), "one step lifts nothing");
    world.pass_answering(31);
    confirm(&mut world, CODE);
    assert_eq!(world.gateway.state().0, TradingState::Throttled);
    assert!(world.gateway.state().1.starts_with("probation until "));
    assert!(world.gateway.resume_refused().is_empty());
    // The limit on one order is 2.
    world.book();
    assert!(world.place(spec(Side::Buy, "0.6", "99")).is_none());
    assert!(world.place(spec(Side::Buy, "0.5", "99")).is_some());
    world.answer_all();
    // A restart does not end it.
    world.restart();
    world.connect();
    assert_eq!(world.gateway.state().0, TradingState::Throttled);
    world.pass_alarms(Duration::from_secs(30 * 60 - 60));
    world.pass_answering(1);
    assert_eq!(world.gateway.state().0, TradingState::Throttled);
    world.pass_alarms(Duration::from_secs(60));
    world.pass_answering(1);
    assert_eq!(world.gateway.state(), (TradingState::Active, ""));
    assert!(world.place(spec(Side::Buy, "2", "99")).is_some());
}

/// The code is in nothing that is kept or shown to others.
#[test]
fn the_code_is_in_no_record_and_no_alert() {
    let mut world = a_halted_world();
    request(&mut world, CODE);
    world.pass_answering(31);
    confirm(&mut world, "7K3P-9QXN");
    request(&mut world, CODE);
    world.pass_answering(31);
    confirm(&mut world, CODE);
    assert!(!is_halted(&world));
    let kept = serde_json::to_string(&world.entries).unwrap() + &format!("{:?}", world.notices);
    assert!(!kept.contains("7K3P") && kept.contains("resume_requested"));
    let snapshot = serde_json::to_string(world.gateway.books()).unwrap();
    assert!(!snapshot.contains("7K3P"));
}

/// What comes between the two steps, and what the refusal then says. Seconds between them besides.
type Case = (&'static str, fn(&mut World), u64, &'static str);

const CASES: &[Case] = &[
    ("at once", |_| {}, 0, "at least 30 s"),
    ("too early", |_| {}, 28, "at least 30 s"),
    ("too late", |_| {}, 121, "valid for 120 s"),
    ("wrong once", |w| confirm(w, "wrong"), 31, "was tried already"),
    ("another first step", |w| request(w, "another"), 31, "not the code"),
    ("another halt", halt, 31, "another halt was asked for"),
    (
        "a higher halt",
        |w| {
            let cause = HaltCause::new(HaltedBy::Watchdog, "again");
            w.apply(&Input::Operator(Command::Halt { level: HaltLevel::Dark, cause }));
        },
        31,
        "another halt was asked for",
    ),
    (
        "an agent's halt",
        |w| {
            w.intend(Action::Halt);
        },
        31,
        "another halt was asked for",
    ),
    (
        "a restart",
        |w| {
            w.restart();
            w.connect();
        },
        31,
        "no first step was taken since this gateway started",
    ),
    ("a stream that is down", |w| w.link(Link::Account, false), 31, "stream is down"),
    (
        "an execution",
        |w| {
            w.venue.foreign(w.now, "by-hand", &spec(Side::Buy, "1", "100"));
            let event = w.venue.fill(w.now, &crate::testing::number("by-hand"), "1").unwrap();
            w.report(event);
        },
        31,
        "a position has changed",
    ),
    (
        "a withdrawal that nobody tells",
        |w| w.venue.transfer("USDT", "-500"),
        40,
        "not clean: balances differ",
    ),
];

#[test]
fn whatever_comes_between_the_steps_voids_them() {
    for (name, between, seconds, because) in CASES {
        let mut world = a_halted_world();
        request(&mut world, CODE);
        between(&mut world);
        world.pass_answering(*seconds);
        let (alerts, before) = (world.notices.len(), refusals(&world, ResumeStep::Second));
        confirm(&mut world, CODE);
        assert!(is_halted(&world), "{name}");
        let said = world.gateway.resume_refused().join("; ");
        assert!(said.contains(because), "{name}: {said}");
        assert_eq!(refusals(&world, ResumeStep::Second), before + 1, "{name}");
        assert!(world.notices[alerts..].iter().any(|n| matches!(n, Notice::Alert(..))), "{name}");
    }
}

#[test]
fn a_code_is_good_for_one_try() {
    let mut world = a_halted_world();
    request(&mut world, CODE);
    confirm(&mut world, CODE);
    world.pass_answering(31);
    confirm(&mut world, CODE);
    assert!(is_halted(&world), "it was spent too early");
    // And after it has lifted one halt it lifts no other.
    request(&mut world, CODE);
    world.pass_answering(31);
    confirm(&mut world, CODE);
    assert!(!is_halted(&world));
    halt(&mut world);
    world.pass_answering(31);
    confirm(&mut world, CODE);
    assert!(is_halted(&world));
}

/// No code is given out while something stands in the way.
#[test]
fn the_first_step_is_refused_while_something_holds() {
    let refused = |world: &mut World, because: &str| {
        let before = refusals(world, ResumeStep::First);
        request(world, CODE);
        let said = world.gateway.resume_refused().join("; ");
        assert!(said.contains(because), "{said}");
        assert_eq!(refusals(world, ResumeStep::First), before + 1);
        assert_eq!(world.count(|r| matches!(r, Record::ResumeRequested { .. })), 0);
    };
    refused(&mut World::new(), "nothing is halted");

    let mut world = World::new();
    world.place(spec(Side::Buy, "1", "99"));
    world.answer(Wire::LosesRequest);
    world.apply(&Input::Operator(Command::halt(HaltedBy::Person, "enough")));
    refused(&mut world, "1 orders are in doubt");
    world.apply(&Input::Link { link: Link::Market, up: false, cause: "test".to_owned() });
    refused(&mut world, "market streams are down");

    let mut world = World::new();
    world.place(spec(Side::Buy, "1", "99"));
    world.answer_all();
    world.venue.frozen = true;
    halt(&mut world);
    refused(&mut world, "1 orders that could add risk are open");

    let mut world = World::with_policy(TELLS_ALL, ForeignOrders::Halt);
    world.venue.foreign(world.now, "by-hand", &spec(Side::Buy, "1", "99"));
    world.apply(&Input::Operator(Command::Reconcile));
    world.answer_all();
    assert_eq!(world.gateway.latch().unwrap().by, Some(HaltedBy::ForeignOrder));
    refused(&mut world, "was not placed by this gateway");
}

/// What happens to a gateway while it is halted.
#[derive(Clone, Copy, Debug)]
enum Step {
    Halt(HaltLevel),
    Request(u8),
    Confirm(u8),
    Pass(u64),
    Restart,
    Link(bool),
    AgentWants(bool),
    Reconcile,
    Accept,
    AgentDies,
}

fn step() -> impl Strategy<Value = Step> {
    let level =
        prop::sample::select(vec![HaltLevel::Halted, HaltLevel::Flattening, HaltLevel::Dark]);
    prop_oneof![
        1 => level.prop_map(Step::Halt),
        4 => (0..2u8).prop_map(Step::Request),
        4 => (0..2u8).prop_map(Step::Confirm),
        5 => prop::sample::select(vec![1, 20, 31, 60, 130]).prop_map(Step::Pass),
        1 => Just(Step::Restart),
        1 => any::<bool>().prop_map(Step::Link),
        1 => any::<bool>().prop_map(Step::AgentWants),
        1 => Just(Step::Reconcile),
        1 => Just(Step::Accept),
        1 => Just(Step::AgentDies),
    ]
}

fn walk(world: &mut World, step: Step) {
    let code = |number: u8| format!("code {number}");
    match step {
        Step::Halt(level) => {
            let cause = HaltCause::new(HaltedBy::Breaker, "again");
            world.apply(&Input::Operator(Command::Halt { level, cause }));
        }
        Step::Request(number) => request(world, &code(number)),
        Step::Confirm(number) => confirm(world, &code(number)),
        Step::Pass(seconds) => {
            world.pass_alarms(Duration::from_secs(seconds));
            world.pass_answering(1);
        }
        Step::Restart => {
            world.restart();
            world.connect();
        }
        Step::Link(up) => world.link(Link::Account, up),
        Step::AgentWants(halt) => {
            let order = Action::Place(spec(Side::Buy, "1", "99"));
            world.intend(if halt { Action::Halt } else { order });
        }
        Step::Reconcile => world.apply(&Input::Operator(Command::Reconcile)),
        Step::Accept => world.apply(&Input::Operator(Command::AcceptDifferences)),
        Step::AgentDies => {
            let (agent, cause) = (crate::testing::agent(), "died".to_owned());
            world.apply(&Input::Operator(Command::AgentGone { agent, cause }));
        }
    }
    world.answer_all();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases.min(10_000)))]

    /// No sequence of inputs without both steps, in time and with one code, lowers a halt.
    #[test]
    fn nothing_but_the_two_steps_lowers_a_halt(steps in prop::collection::vec(step(), 1..40)) {
        let mut world = a_halted_world();
        // A model of its own: what the newest first step was, until something voids it.
        let mut first: Option<(u8, model::Timestamp)> = None;
        for step in &steps {
            let before = world.gateway.latch().map(|latch| latch.state);
            let at = world.now;
            walk(&mut world, *step);
            let after = world.gateway.latch().map(|latch| latch.state);
            let fell = before.is_some() && after < before;
            let both = match (*step, first) {
                (Step::Confirm(code), Some((asked, since))) => {
                    let between = at.since(since);
                    code == asked && between >= Duration::from_secs(29)
                        && between <= Duration::from_secs(120)
                }
                _ => false,
            };
            prop_assert!(!fell || both, "{step:?} lowered {before:?} to {after:?}");
            prop_assert!(after.is_none() || after.is_some_and(TradingState::is_latched));
            prop_assert_eq!(is_halted(&world), after.is_some());
            match step {
                Step::Request(code) => first = Some((*code, world.now)),
                Step::Confirm(_) | Step::Restart | Step::Halt(_) | Step::AgentWants(true) => {
                    first = None;
                }
                _ => {}
            }
        }
    }
}
