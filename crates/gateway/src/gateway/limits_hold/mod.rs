//! No sequence of intents, executions, cancels, lost messages, reconnects, restarts and changed limits, on the ramp or
//! not, lets an order through that breaks a limit.
//!
//! Thousands of sequences drawn by chance, judged by a model that shares no code with the guardrails
//! (`naive.rs`). Whether it is any good is seen by what was refused: every guardrail has to have had its
//! turn.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use model::{
    Action, AgentId, ClientOrderId, Command, Input, InstrumentId, IntentId, Link, OrderKind,
    OrderSpec, PositionEffect, Price, Record, Side, TimeInForce,
};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

use crate::foreign_orders::ForeignOrders;
use crate::limits::{AgentLimits, Limits};
use crate::schedule::{Ramp, RampStep};
use crate::testing::{TELLS_ALL, Venue, Wire, World, agent, ether, id, instrument, number, spec};

mod naive;

use naive::Naive;

/// What an agent wants: which of two agents, which of two instruments, and the rest.
#[derive(Clone, Copy, Debug)]
struct Wish {
    second_agent: bool,
    ether: bool,
    side: Side,
    lots: i64,
    /// Hundredths of a percent from the middle, above zero for a worse price.
    away: i64,
    kind: u8,
    at_once: bool,
    reduce_only: bool,
    effect: Option<PositionEffect>,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Wants(Wish),
    /// The same as the last time.
    Again,
    /// Several agents' orders go the same way at once.
    Burst(Wish, u8),
    /// The open order of this place is taken back.
    Cancel(usize),
    CancelAll(bool),
    /// So many lots of the open order of this place execute; told or not.
    Executes(usize, i64, bool),
    /// A person's order on the account.
    ByHand(Wish),
    /// The wire loses the next message, or its answer.
    Loses(bool),
    Answers,
    /// Milliseconds.
    Passes(u64),
    /// The market moves by so many hundredths of a percent.
    Moves(bool, i64),
    /// A person changes the limits.
    Limits(u8, i64),
    Enables(bool),
    Reconnects,
    Restarts,
    Settles,
}

fn wish() -> impl Strategy<Value = Wish> {
    let side = prop_oneof![Just(Side::Buy), Just(Side::Sell)];
    let lots = prop_oneof![6 => 60i64..900, 1 => Just(1_500), 1 => Just(2_500)];
    let away = prop_oneof![6 => -150i64..20, 2 => -350i64..350];
    let effect = prop_oneof![
        14 => Just(None),
        1 => Just(Some(PositionEffect::Open)),
        1 => Just(Some(PositionEffect::Close)),
    ];
    let flags = (any::<bool>(), prop::bool::weighted(0.3), prop::bool::weighted(0.1));
    (flags, side, lots, away, 0u8..8, prop::bool::weighted(0.08), effect).prop_map(
        |((second_agent, ether, at_once), side, lots, away, kind, reduce_only, effect)| Wish {
            second_agent,
            ether,
            side,
            lots,
            away,
            kind,
            at_once,
            reduce_only,
            effect,
        },
    )
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        20 => wish().prop_map(Step::Wants),
        3 => Just(Step::Again),
        3 => (wish(), 2u8..8).prop_map(|(wish, times)| Step::Burst(wish, times)),
        4 => (0usize..10).prop_map(Step::Cancel),
        1 => any::<bool>().prop_map(Step::CancelAll),
        12 => (0usize..10, 30i64..900, prop::bool::weighted(0.9))
            .prop_map(|(at, lots, told)| Step::Executes(at, lots, told)),
        1 => wish().prop_map(Step::ByHand),
        2 => any::<bool>().prop_map(Step::Loses),
        14 => Just(Step::Answers),
        5 => (1u64..3_000).prop_map(Step::Passes),
        4 => (any::<bool>(), -120i64..120).prop_map(|(ether, by)| Step::Moves(ether, by)),
        2 => (0u8..12, 0i64..100).prop_map(|(which, much)| Step::Limits(which, much)),
        1 => any::<bool>().prop_map(Step::Enables),
        1 => Just(Step::Reconnects),
        1 => Just(Step::Restarts),
        10 => Just(Step::Settles),
    ]
}

fn other() -> AgentId {
    number("other")
}

/// Limits that are all within reach of a few dozen orders.
fn tight() -> Limits {
    let mut limits = Limits::wide([id(), ether().id]);
    limits.account.exposure_max = [(number("USDT"), number("420"))].into();
    limits.account.messages_max = 16;
    let flow = &mut limits.orders;
    (flow.open_max, flow.stops_max) = (9, 2);
    (flow.rate_max, flow.rate_window_ms) = (6, 1_000);
    (flow.messages_max, flow.messages_window_ms) = (12, 4_000);
    (flow.alike_max, flow.alike_window_ms) = (1, 2_000);
    (flow.executed_max, flow.executed_window_ms) = (3, 8_000);
    for limits in limits.instrument.values_mut() {
        limits.qty_max = number("2");
        limits.notional_max = number("140");
        limits.position_max = number("4");
        limits.exposure_max = number("300");
        (limits.turnover_max, limits.turnover_window_ms) = (number("380"), 10_000);
        limits.collar_bps = 200;
        (limits.walk_bps, limits.walk_window_ms) = (250, 3_200);
    }
    let own = AgentLimits {
        exposure_max: [(number("USDT"), number("150"))].into(),
        turnover_max: [(number("USDT"), number("220"))].into(),
        turnover_window_ms: 5_000,
    };
    limits.agent = [(other(), own)].into();
    limits
}

struct Trial {
    world: World,
    naive: Naive,
    judged: usize,
    limits: Limits,
    middles: [i64; 2],
    last: Option<(AgentId, OrderSpec)>,
    by_hand: u32,
}

impl Trial {
    fn begin(on_the_ramp: bool) -> Trial {
        let mut wide = Limits::wide([id(), ether().id]);
        wide.instrument.values_mut().for_each(|limits| limits.collar_bps = 200);
        let held = [("USDT", "100000"), ("BTC", "1000"), ("ETH", "1000")];
        let balances = held.map(|(asset, amount)| (number(asset), number(amount))).into();
        let venue = Venue { balances, ..Venue::default() };
        let both = vec![instrument(), ether()];
        let mut world = World::with(TELLS_ALL, both, ForeignOrders::Adopt, wide, venue);
        let step = |seconds, percent| RampStep { after: Duration::from_secs(seconds), percent };
        world.gateway.config.ramp = on_the_ramp
            .then(|| Ramp { start_percent: 40, steps: vec![step(5, 70), step(15, 100)] });
        let mut trial = Trial {
            world,
            naive: Naive::default(),
            judged: 0,
            limits: tight(),
            middles: [10_000, 5_000],
            last: None,
            by_hand: 0,
        };
        trial.naive.market(trial.world.now.nanos(), "BTC-USDT", 10_000);
        trial.quotes(true);
        trial.set_limits();
        trial
    }

    fn quotes(&mut self, is_ether: bool) {
        let (instrument, middle) =
            if is_ether { (ether().id, self.middles[1]) } else { (id(), self.middles[0]) };
        self.world.book_for(instrument, middle);
        self.naive.market(self.world.now.nanos(), instrument.as_str(), middle);
    }

    fn set_limits(&mut self) {
        let limits = serde_json::to_string(&self.limits).unwrap();
        self.world.apply(&Input::Operator(Command::SetLimits { limits }));
    }

    fn wanted(&self, wish: &Wish) -> OrderSpec {
        let middle = self.middles[usize::from(wish.ether)];
        let worse = if wish.side == Side::Buy { 1 } else { -1 };
        let at = |bps: i64| -> Price {
            let ticks = middle + middle * bps / 10_000;
            number(&format!("{}.{:02}", ticks / 100, ticks % 100))
        };
        let price = at(worse * wish.away);
        let trigger = at(worse * wish.away.abs().max(5));
        let kind = match wish.kind {
            0 => OrderKind::Market,
            1 => OrderKind::StopLoss { trigger },
            2 => OrderKind::StopLimit { trigger, price: trigger },
            _ => OrderKind::Limit { price },
        };
        OrderSpec {
            instrument: if wish.ether { ether().id } else { id() },
            kind,
            time_in_force: if wish.at_once { TimeInForce::Ioc } else { TimeInForce::Gtc },
            reduce_only: wish.reduce_only,
            effect: wish.effect,
            ..spec(wish.side, &format!("{}.{:03}", wish.lots / 1_000, wish.lots % 1_000), "1")
        }
    }

    fn wants(&mut self, wish: &Wish) {
        let agent = if wish.second_agent { other() } else { agent() };
        let spec = self.wanted(wish);
        self.last = Some((agent, spec.clone()));
        self.world.place_of(agent, spec);
    }

    fn open_at(&self, at: usize) -> Option<(AgentId, IntentId)> {
        let open = self.world.gateway.books().open_orders();
        open.map(|order| (order.agent, order.intent)).nth(at)
    }

    fn take(&mut self, step: &Step) {
        match step {
            Step::Wants(wish) => self.wants(wish),
            Step::Again => {
                if let Some((agent, spec)) = self.last.clone() {
                    self.world.place_of(agent, spec);
                }
            }
            Step::Burst(wish, times) => (0..*times).for_each(|time| {
                let lots = wish.lots.min(400) + i64::from(time);
                let second_agent = wish.second_agent ^ (time % 2 == 1);
                self.wants(&Wish { lots, second_agent, ..*wish });
            }),
            Step::Cancel(at) => {
                if let Some((agent, intent)) = self.open_at(*at) {
                    self.world.intend_of(agent, Action::Cancel(intent));
                }
            }
            Step::CancelAll(second) => {
                let agent = if *second { other() } else { agent() };
                self.world.intend_of(agent, Action::CancelAll(id()));
            }
            Step::Executes(at, lots, told) => self.executes(*at, *lots, *told),
            Step::ByHand(wish) => {
                self.by_hand += 1;
                let spec = OrderSpec { reduce_only: false, ..self.wanted(wish) };
                if spec.kind.price().is_some() {
                    let name = format!("by-hand-{}", self.by_hand);
                    self.world.venue.foreign(self.world.now, &name, &spec);
                }
            }
            Step::Loses(answer) => {
                self.world.answer(if *answer { Wire::LosesAnswer } else { Wire::LosesRequest });
            }
            Step::Answers => (0..4).for_each(|_| self.world.answer(Wire::Whole)),
            Step::Passes(ms) => {
                self.world.pass_alarms(Duration::from_millis(*ms));
                self.quotes(false);
                self.quotes(true);
            }
            Step::Moves(is_ether, by) => {
                // Longer than a part of the window to which the price of then is known.
                self.world.pass_alarms(Duration::from_millis(400));
                let middle = &mut self.middles[usize::from(*is_ether)];
                *middle = (*middle + *middle * by / 10_000).clamp(3_000, 20_000);
                self.quotes(false);
                self.quotes(true);
            }
            Step::Limits(which, much) => {
                self.change(*which, *much);
                self.set_limits();
            }
            Step::Enables(second) => {
                let agent = if *second { other() } else { agent() };
                self.world.apply(&Input::Operator(Command::EnableAgent { agent }));
            }
            Step::Reconnects => {
                self.world.link(Link::Account, false);
                self.world.link(Link::Account, true);
                self.world.answer_all();
            }
            Step::Restarts => {
                self.world.restart();
                self.judge();
                self.naive.restarts();
                self.world.link(Link::Market, true);
                self.quotes(false);
                self.quotes(true);
                self.world.link(Link::Account, true);
                self.set_limits();
                self.world.answer_all();
            }
            Step::Settles => {
                self.world.answer_all();
                self.world.apply(&Input::Operator(Command::AcceptDifferences));
                self.world.answer_all();
            }
        }
    }

    fn executes(&mut self, at: usize, lots: i64, told: bool) {
        let open = self.world.venue.orders.iter().filter(|order| order.status.is_open());
        let Some(name) = open.map(|order| order.client_order_id).nth(at) else { return };
        let name: ClientOrderId = name;
        let qty = format!("0.{lots:03}");
        if let Some(event) = self.world.venue.fill(self.world.now, &name, &qty)
            && told
        {
            self.world.report(event);
        }
    }

    fn change(&mut self, which: u8, much: i64) {
        let fresh = tight();
        let up = u32::try_from(much).unwrap();
        let limits = &mut self.limits;
        let btc: InstrumentId = id();
        let btc = limits.instrument.get_mut(&btc).unwrap();
        match which {
            0 => btc.position_max = number(&format!("{}", 1 + much / 15)),
            1 => btc.exposure_max = number(&format!("{}", 50 + 4 * much)),
            2 => btc.turnover_max = number(&format!("{}", 200 + 20 * much)),
            3 => btc.turnover_window_ms = 1 + u64::from(up) * 500,
            4 => limits.orders.rate_max = 1 + up / 10,
            5 => limits.orders.rate_window_ms = 1 + u64::from(up) * 100,
            6 => limits.orders.messages_max = 1 + up / 3,
            7 => limits.orders.alike_window_ms = 1 + u64::from(up) * 100,
            8 => limits.orders.executed_max = 1 + up / 20,
            9 => {
                limits.account.exposure_max =
                    [(number("USDT"), number(&format!("{}", 100 + 6 * much)))].into()
            }
            10 => limits.orders.open_max = 2 + up / 8,
            _ => *limits = fresh,
        }
    }

    /// Judges what is new in the journal.
    fn judge(&mut self) -> Vec<String> {
        let mut broken = Vec::new();
        while let Some(entry) = self.world.entries.get(self.judged) {
            broken.extend(self.naive.take(entry));
            self.judged += 1;
        }
        broken
    }
}

/// Guardrails that have to have refused something.
const KINDS: &[&str] = &[
    "agent_disabled",
    "collar",
    "duplicate",
    "effect",
    "exposure_limit of account",
    "exposure_limit of agent",
    "exposure_limit of instrument",
    "message_rate of account",
    "message_rate of agent",
    "not_reducing",
    "notional_too_large",
    "open_orders",
    "order_rate",
    "position_limit",
    "qty_too_large",
    "ramp",
    "self_trade",
    "stops",
    "turnover of agent",
    "turnover of instrument",
    "walk",
];

#[test]
fn no_sequence_lets_an_order_through_that_breaks_a_limit() {
    let cases = 1_200;
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let refused: RefCell<BTreeMap<String, u32>> = RefCell::default();
    let accepted = RefCell::new(0);
    let steps = (any::<bool>(), prop::collection::vec(step(), 30..90));
    let outcome = TestRunner::new(config).run(&steps, |(on_the_ramp, steps)| {
        let mut trial = Trial::begin(on_the_ramp);
        for (at, step) in steps.iter().enumerate() {
            trial.take(step);
            let broken = trial.judge();
            if !broken.is_empty() {
                return Err(TestCaseError::fail(format!("step {at}, {step:?}: {broken:#?}")));
            }
        }
        *accepted.borrow_mut() += trial.naive.accepted;
        for entry in &trial.world.entries {
            if let Record::Refused { because, .. } = &entry.record {
                let mut json = serde_json::to_value(because).unwrap();
                if json["refusal"] == "ramp" {
                    *refused.borrow_mut().entry("ramp".to_owned()).or_default() += 1;
                    json = json["because"].take();
                }
                let kind = json["refusal"].as_str().unwrap();
                let scope = json.get("scope").and_then(|scope| scope.as_str());
                let scope = scope.map(|scope| format!(" of {scope}")).unwrap_or_default();
                *refused.borrow_mut().entry(format!("{kind}{scope}")).or_default() += 1;
            }
        }
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
    let (refused, accepted) = (refused.into_inner(), accepted.into_inner());
    let missing: Vec<_> = KINDS.iter().filter(|kind| !refused.contains_key(**kind)).collect();
    assert!(missing.is_empty(), "{accepted} let through, never refused: {missing:?}; {refused:?}");
    assert!(accepted > cases * 4, "hardly an order was let through: {accepted}");
}
