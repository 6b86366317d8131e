//! The ramp: by stories, and against a model that reads the journal and nothing else.

use std::time::Duration;

use model::{
    AgentVersion, Command, Discrepancy, Entry, GateName, GateOverride, HaltedBy, Input, Link,
    Notice, Record, Refusal, ResumeCode, Side, TradingState,
};
use proptest::prelude::*;
use serde_json::Value;

use crate::limits::Limits;
use crate::parts::Parts;
use crate::schedule::{Ramp, RampStep};
use crate::testing::{World, agent, limits, number, spec};

const MINUTE: Duration = Duration::from_secs(60);

fn ramp() -> Ramp {
    let step = |minutes: u32, percent| RampStep { after: MINUTE * minutes, percent };
    Ramp { start_percent: 10, steps: vec![step(2, 25), step(5, 50), step(10, 100)] }
}

fn on_the_ramp() -> World {
    let mut world = World::new();
    world.gateway.config.ramp = Some(ramp());
    world.apply(&Input::Wake);
    world
}

/// Seconds go by in which what is asked is answered.
fn pass(world: &mut World, seconds: u64) {
    world.pass_answering(seconds);
    world.book();
}

fn halt(world: &mut World) {
    world.apply(&Input::Operator(Command::halt(HaltedBy::Person, "enough")));
    world.answer_all();
}

fn resume(world: &mut World) {
    let code = || ResumeCode::new("7K3P-9QXM");
    world.apply(&Input::Operator(Command::ResumeRequested { code: code() }));
    world.answer_all();
    pass(world, 31);
    world.apply(&Input::Operator(Command::ResumeConfirmed { code: code() }));
    world.answer_all();
}

fn comes_up(world: &mut World, digit: u8) {
    let version = Some(AgentVersion::new([digit; 32]));
    world.apply(&Input::Operator(Command::AgentUp { agent: agent(), version }));
}

fn differs(world: &mut World) {
    let usdt = number("USDT");
    let held = *world.venue.balances.get(&usdt).unwrap();
    world.venue.balances.insert(usdt, held.checked_sub(number("3")).unwrap());
    world.apply(&Input::Operator(Command::Reconcile));
    world.answer_all();
    pass(world, 40);
}

fn accepts(world: &mut World) {
    world.apply(&Input::Operator(Command::AcceptDifferences));
    world.answer_all();
}

#[test]
fn a_step_is_reached_at_its_time_and_not_before() {
    let ramp = ramp();
    for (seconds, percent, next) in [
        (0, 10, Some((120, 25))),
        (119, 10, Some((1, 25))),
        (120, 25, Some((180, 50))),
        (599, 50, Some((1, 100))),
        (600, 100, None),
        (1_000_000, 100, None),
    ] {
        let clean = Duration::from_secs(seconds);
        let next = next.map(|(more, percent)| (Duration::from_secs(more), percent));
        assert_eq!((ramp.percent(clean), ramp.next(clean)), (percent, next), "{seconds}");
    }
    let flat = Ramp { start_percent: 100, steps: Vec::new() };
    assert_eq!((flat.percent(Duration::ZERO), flat.next(Duration::ZERO)), (100, None));
}

#[test]
fn it_rises_while_all_is_clean_and_a_halt_sends_it_back() {
    let mut world = on_the_ramp();
    assert_eq!(world.gateway.ramp_percent(), 10);
    pass(&mut world, 100);
    assert_eq!(world.gateway.ramp_percent(), 10);
    pass(&mut world, 60);
    assert_eq!(world.gateway.ramp_percent(), 25);
    // A restart goes on with it, and what the power cut left unconfirmed is lost alone.
    world.restart();
    assert_eq!(world.gateway.ramp_percent(), 25);
    world.connect();
    pass(&mut world, 240);
    assert_eq!(world.gateway.ramp_percent(), 50);
    halt(&mut world);
    assert_eq!(world.gateway.ramp_percent(), 10);
    resume(&mut world);
    assert_eq!(world.gateway.state().0, TradingState::Throttled);
    // In probation nothing counts.
    pass(&mut world, 600);
    assert_eq!(world.gateway.ramp_percent(), 10);
    let told: Vec<_> = world
        .entries
        .iter()
        .filter_map(|entry| match &entry.record {
            Record::Ramp { percent, because, .. } => Some((*percent, because.as_str())),
            _ => None,
        })
        .collect();
    assert_eq!(told[0], (10, "the ramp begins"));
    assert!(told[1].0 == 25 && told[1].1.starts_with("active and clean"), "{told:?}");
    let back = (10, "back to the start: halted: enough");
    assert_eq!((told[3], told.len()), (back, 4), "{told:?}");
}

#[test]
fn a_difference_and_other_code_send_it_back_too() {
    for send_back in [differs, |world: &mut World| comes_up(world, 2)] {
        let mut world = on_the_ramp();
        comes_up(&mut world, 1);
        pass(&mut world, 200);
        assert_eq!(world.gateway.ramp_percent(), 25);
        comes_up(&mut world, 1);
        assert_eq!(world.gateway.ramp_percent(), 25, "the same came up again");
        send_back(&mut world);
        assert_eq!(world.gateway.ramp_percent(), 10);
    }
}

#[test]
fn a_refusal_says_that_it_was_the_ramp_with_limit_and_figure() {
    let mut world = on_the_ramp();
    // The limit on one order is 2, and a tenth of it holds.
    world.book();
    let refused = world.gateway.approve(world.now, agent(), &spec(Side::Buy, "0.201", "99"));
    let (limit, qty) = (number("0.2"), number("0.201"));
    let because = Box::new(Refusal::QtyTooLarge { limit, qty });
    assert_eq!(refused, Err(Refusal::Ramp { percent: 10, because }));
    let text = refused.unwrap_err().to_string();
    assert!(text.starts_with("the ramp is at 10 % of the limits: ") && text.contains("0.201"));
    assert!(world.gateway.approve(world.now, agent(), &spec(Side::Buy, "0.2", "99")).is_ok());
    // What all of the limits refuse for the same is no word of the ramp.
    let far = world.gateway.approve(world.now, agent(), &spec(Side::Buy, "0.2", "50"));
    assert!(matches!(far, Err(Refusal::Collar { .. })), "{far:?}");
    // Whoever asks for more than the ramp allows, and no more than the limits, is no program gone wild.
    for _ in 0..20 {
        assert!(world.place(spec(Side::Buy, "1", "99")).is_none());
        world.pass_answering(1);
        world.book();
    }
    assert_eq!(world.gateway.state().0, TradingState::Active);
}

/// Bought with more of the limits than hold after the halt: there is a way out.
#[test]
fn what_only_shrinks_a_position_is_held_to_all_of_the_limits() {
    let mut world = on_the_ramp();
    pass(&mut world, 700);
    assert_eq!(world.gateway.ramp_percent(), 100);
    let bought = world.place(spec(Side::Buy, "2", "99")).unwrap();
    world.answer_all();
    let event = world.venue.fill(world.now, &bought, "2").unwrap();
    world.report(event);
    world.answer_all();
    comes_up(&mut world, 9);
    assert_eq!(world.gateway.ramp_percent(), 10);
    world.book();
    let out = spec(Side::Sell, "2", "101");
    assert!(world.gateway.approve(world.now, agent(), &out).is_err());
    let out = model::OrderSpec { reduce_only: true, ..out };
    assert!(world.gateway.approve(world.now, agent(), &out).is_ok());
    let more = model::OrderSpec { qty: number("2.001"), ..out.clone() };
    assert!(world.gateway.approve(world.now, agent(), &more).is_err(), "all of them do hold");
    assert!(world.place(out).is_some(), "also for an order that is sent");
}

#[test]
fn an_override_is_a_record_of_each_start_and_one_alert() {
    let mut world = World::new();
    let opened = |gate, reason: &str| GateOverride {
        gate,
        reason: reason.to_owned(),
        unmet: "is not met".to_owned(),
    };
    let both = vec![opened(GateName::Watchdog, "one"), opened(GateName::Alerts, "two")];
    world.gateway.config.overridden = both.clone();
    for starts in 1..3 {
        world.notices.clear();
        world.restart();
        let written = world.count(|record| matches!(record, Record::GateOverridden { .. }));
        assert_eq!(written, starts * 2);
        let alerts = world.notices.iter().filter(
            |notice| matches!(notice, Notice::Alert(alert) if alert.text.contains("watchdog (is not met): one")),
        );
        assert_eq!(alerts.count(), 1);
    }
}

#[derive(Clone, Debug)]
enum Step {
    Passes(u64),
    Halts,
    Resumes,
    Restarts,
    ComesUp(u8),
    Differs,
    Accepts,
    Reconnects,
    Limits(u8),
    Schedule(bool),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (1u64..200).prop_map(Step::Passes),
        1 => Just(Step::Halts),
        1 => Just(Step::Resumes),
        2 => Just(Step::Restarts),
        1 => (1u8..3).prop_map(Step::ComesUp),
        1 => Just(Step::Differs),
        2 => Just(Step::Accepts),
        2 => Just(Step::Reconnects),
        1 => (1u8..9).prop_map(Step::Limits),
        1 => any::<bool>().prop_map(Step::Schedule),
    ]
}

fn take(world: &mut World, step: &Step) {
    match step {
        Step::Passes(seconds) => pass(world, *seconds),
        Step::Halts => halt(world),
        Step::Resumes => resume(world),
        Step::Restarts => {
            world.restart();
            world.connect();
        }
        Step::ComesUp(digit) => comes_up(world, *digit),
        Step::Differs => differs(world),
        Step::Accepts => accepts(world),
        Step::Reconnects => {
            world.link(Link::Account, false);
            world.link(Link::Account, true);
            world.answer_all();
        }
        Step::Limits(times) => {
            let mut limits = limits();
            let of = limits.instrument.values_mut().next().unwrap();
            of.qty_max = number(&format!("{times}.7"));
            let limits = serde_json::to_string(&limits).unwrap();
            world.apply(&Input::Operator(Command::SetLimits { limits }));
        }
        Step::Schedule(slow) => {
            let mut ramp = ramp();
            if *slow {
                ramp.start_percent = 5;
                ramp.steps.pop();
            }
            // Another one is configured for a start.
            world.gateway.config.ramp = Some(ramp);
            world.restart();
            world.connect();
        }
    }
}

/// Active seconds that a clean comparison confirmed, counted anew from the whole journal.
fn naive_clean(entries: &[Entry]) -> u64 {
    let takes_all = |at: usize| match &entries[at].record {
        Record::Trading { state, .. } => state.is_latched(),
        Record::Reconciled { left, .. } => *left > 0,
        Record::Discrepancy { found: Discrepancy::Balance { .. } } => true,
        Record::Discrepancy { found } => found.must_be_accepted(),
        Record::Agent { version: Some(version), .. } => {
            let before = entries[..at].iter().rev().find_map(|entry| match &entry.record {
                Record::Agent { version, .. } => *version,
                _ => None,
            });
            before != Some(*version)
        }
        _ => false,
    };
    let begin = (0..entries.len()).rev().find(|at| takes_all(*at)).map_or(0, |at| at + 1);
    let state_before = |at: usize| {
        let mut before = entries[..at].iter().rev();
        before.find_map(|entry| match &entry.record {
            Record::Trading { state, .. } => Some(*state),
            Record::Started { .. } => Some(TradingState::Starting),
            _ => None,
        })
    };
    let (mut sum, mut open) = (0, 0);
    for at in begin.max(1)..entries.len() {
        // The moment of a fall is what is counted from.
        let length = entries[at].at.since(entries[at - 1].at).as_nanos();
        let died = matches!(entries[at].record, Record::Started { .. });
        if state_before(at) == Some(TradingState::Active) && !died {
            open += length;
        }
        match &entries[at].record {
            Record::Reconciled { left: 0, .. } => sum += std::mem::take(&mut open),
            Record::Started { .. } => open = 0,
            _ => {}
        }
    }
    u64::try_from(sum / 1_000_000_000).unwrap()
}

/// Every figure of the one is at most that of the other.
fn at_most(part: &Value, whole: &Value) -> bool {
    match (part, whole) {
        (Value::Object(part), Value::Object(whole)) => {
            part.len() == whole.len()
                && part.iter().all(|(key, value)| at_most(value, &whole[key.as_str()]))
        }
        (Value::String(part), Value::String(whole)) => {
            let number = |text: &String| text.parse::<model::Decimal>().ok();
            match (number(part), number(whole)) {
                (Some(part), Some(whole)) => part <= whole,
                _ => part == whole,
            }
        }
        (Value::Number(part), Value::Number(whole)) => part.as_u64() <= whole.as_u64(),
        _ => part == whole,
    }
}

fn json(limits: &Limits) -> Value {
    serde_json::to_value(limits).unwrap()
}

fn check(world: &World) -> Result<(), TestCaseError> {
    let gateway = &world.gateway;
    let (ramp, percent) = (gateway.config.ramp.clone().unwrap(), gateway.ramp_percent());
    let (whole, _) = gateway.limits_in_force();
    prop_assert!(at_most(&json(gateway.limits()), &json(whole)), "more than all of the limits");
    prop_assert!(at_most(&json(gateway.limits_to_reduce()), &json(whole)));
    prop_assert_eq!(&gateway.parts.ramped, &Parts::of(whole, percent).ramped);
    let clean = naive_clean(&world.entries);
    prop_assert_eq!(gateway.books().ramped().clean().as_secs(), clean);
    prop_assert_eq!(percent, ramp.percent(Duration::from_secs(clean)));
    if gateway.state().0.is_latched() {
        prop_assert_eq!(percent, ramp.start_percent);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 250, failure_persistence: None, ..ProptestConfig::default() })]

    /// Under any story the part is what the journal says, never more than all, more only by confirmed time, and
    /// after a fall the start.
    #[test]
    fn the_part_is_what_the_journal_says(steps in prop::collection::vec(step(), 5..30)) {
        let mut world = on_the_ramp();
        for step in &steps {
            take(&mut world, step);
            check(&world)?;
        }
        let mut before: Option<(usize, u32)> = None;
        for (at, entry) in world.entries.iter().enumerate() {
            let Record::Ramp { percent, because, .. } = &entry.record else { continue };
            if let Some((last, was)) = before {
                let between = &world.entries[last..at];
                let confirmed = between
                    .iter()
                    .any(|entry| matches!(entry.record, Record::Reconciled { left: 0, .. }));
                let rose = because.starts_with("active and clean");
                prop_assert!(*percent < was || confirmed || !rose, "rose by nothing: {because}");
            }
            before = Some((at, *percent));
        }
    }
}
