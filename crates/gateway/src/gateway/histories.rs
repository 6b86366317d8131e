//! Position, average price, profit, fees and balances to the last unit, after thousands of histories drawn by
//! chance: partial executions of several orders and of somebody else's, fees in either asset and in a third,
//! rebates, deposits, reports that come twice, late, out of order or not at all, restarts, and an execution
//! that is taken back.
//!
//! What they are compared with is written here in whole numbers, and shares no arithmetic with the books.

use std::collections::BTreeMap;
use std::time::Duration;

use model::venue::{AccountEvent, Execution, Profile};
use model::{
    Action, Amount, Command, Fee, Fill, Input, Link, NetQty, Position, Record, Side, TradingState,
};
use proptest::prelude::*;

use crate::foreign_orders::ForeignOrders;
use crate::testing::{
    TELLS_ALL, TELLS_SUMS, Venue, World, agent, id, instrument, limits, number, spec,
};

/// What happens next.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// The agent wants so many lots at so many ticks from the middle.
    Place(Side, i64, i64),
    /// The agent wants the open order of this place back.
    Cancel(usize),
    /// A person places an order on the account.
    ByHand(Side, i64, i64),
    /// So many lots of the open order of this place execute, for this fee.
    Executes(usize, i64, Option<(usize, i64)>, Telling),
    /// So much of this asset comes, and the stream tells of it.
    Deposit(usize, i64),
    /// The report of this place that was late comes.
    Late(usize),
    Compare,
    Restart,
}

/// How the stream tells of an execution.
#[derive(Clone, Copy, Debug)]
enum Telling {
    Now,
    Twice,
    Later,
    Never,
}

/// What pays fees and is paid in.
const ASSETS: [&str; 3] = ["BTC", "USDT", "BNB"];
/// What there is of each at first, in units of the eighth digit.
const HELD: [i128; 3] = [100 * E8, 100_000 * E8, 10 * E8];
const E8: i128 = 100_000_000;
/// Profit is told to the eighteenth digit, and shares of a cost are rounded there.
const E18: i128 = 1_000_000_000_000_000_000;
/// What rounding may come to.
const ROUNDED_MAX: i128 = 1_000_000;

fn side() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::Buy), Just(Side::Sell)]
}

fn step() -> impl Strategy<Value = Step> {
    let telling = prop_oneof![
        3 => Just(Telling::Now),
        1 => Just(Telling::Twice),
        2 => Just(Telling::Later),
        1 => Just(Telling::Never),
    ];
    // Few of each, so that executions look alike.
    let lots = prop_oneof![Just(100i64), Just(200), 1i64..900];
    let fee = prop::option::of((0usize..3, -3i64..20));
    prop_oneof![
        5 => (side(), lots.clone(), -300i64..300).prop_map(|(s, q, p)| Step::Place(s, q, p)),
        1 => (0usize..8).prop_map(Step::Cancel),
        1 => (side(), lots.clone(), -300i64..300).prop_map(|(s, q, p)| Step::ByHand(s, q, p)),
        12 => (0usize..8, lots, fee, telling).prop_map(|(o, q, f, t)| Step::Executes(o, q, f, t)),
        1 => (0usize..3, 1i64..10_000).prop_map(|(asset, n)| Step::Deposit(asset, n)),
        3 => (0usize..8).prop_map(Step::Late),
        2 => Just(Step::Compare),
        1 => Just(Step::Restart),
    ]
}

/// A world with what it has not been told yet, and what has been paid in.
struct History {
    world: World,
    late: Vec<AccountEvent>,
    paid_in: [i128; 3],
    by_hand: u32,
}

impl History {
    fn begin(profile: Profile) -> History {
        let held = ASSETS.iter().zip(HELD);
        let balances = held.map(|(a, n)| (number(a), number(&decimal(n, 8)))).collect();
        let sums = !profile.pushes_executions;
        let venue = Venue { balances, sums, ..Venue::default() };
        let world = World::with(profile, vec![instrument()], ForeignOrders::Adopt, limits(), venue);
        History { world, late: Vec::new(), paid_in: [0; 3], by_hand: 0 }
    }

    fn take(&mut self, step: Step) {
        let world = &mut self.world;
        world.now = world.now.after(Duration::from_millis(1));
        world.book();
        match step {
            Step::Place(side, lots, ticks) => {
                world.place(wanted(side, lots, ticks));
            }
            Step::Cancel(at) => {
                let open: Vec<_> = world.gateway.books().open_orders().map(|o| o.intent).collect();
                if let Some(intent) = open.get(at) {
                    world.intend(Action::Cancel(*intent));
                }
            }
            Step::ByHand(side, lots, ticks) => {
                self.by_hand += 1;
                let name = format!("by-hand-{}", self.by_hand);
                world.venue.foreign(world.now, &name, &wanted(side, lots, ticks));
            }
            Step::Executes(at, lots, fee, telling) => self.executes(at, lots, fee, telling),
            Step::Deposit(at, amount) => {
                self.paid_in[at] += i128::from(amount) * 100;
                let (asset, amount) = (ASSETS[at], decimal(i128::from(amount), 6));
                world.venue.transfer(asset, &amount);
                let (asset, amount, time) = (number(asset), number(&amount), world.now);
                world.report(AccountEvent::Transfer { asset, amount, time });
            }
            Step::Late(at) => {
                if at < self.late.len() {
                    let event = self.late.remove(at);
                    world.report(event);
                }
            }
            Step::Compare => {
                world.apply(&Input::Operator(Command::Reconcile));
                world.pass_answering(1);
            }
            Step::Restart => {
                world.restart();
                world.connect();
            }
        }
        // Not all questions are answered before the next thing happens.
        for _ in 0..3 {
            self.world.answer(crate::testing::Wire::Whole);
        }
    }

    fn executes(&mut self, at: usize, lots: i64, fee: Option<(usize, i64)>, telling: Telling) {
        let world = &mut self.world;
        let open = world.venue.orders.iter().filter(|order| order.status.is_open());
        let Some(name) = open.map(|order| order.client_order_id).nth(at) else { return };
        world.venue.fee = fee.map(|(asset, amount)| Fee {
            asset: number(ASSETS[asset]),
            amount: number(&decimal(i128::from(amount), 6)),
        });
        let qty = decimal(i128::from(lots), 3);
        let Some(mut event) = world.venue.fill(world.now, &name, &qty) else { return };
        if world.venue.sums {
            event = world.venue.told(&name, Execution::Standing);
        }
        match telling {
            Telling::Now => world.report(event),
            Telling::Twice => {
                world.report(event.clone());
                world.report(event);
            }
            Telling::Later => self.late.push(event),
            Telling::Never => {}
        }
    }

    /// What was late comes, newest first, the stream breaks, and all is read.
    fn end(&mut self) {
        while let Some(event) = self.late.pop() {
            self.world.report(event);
        }
        self.world.link(Link::Account, false);
        self.world.connect();
        self.settle();
    }

    fn settle(&mut self) {
        for _ in 0..100 {
            self.world.pass_answering(4);
            if self.world.gateway.state().0 == TradingState::Active {
                return;
            }
            self.world.apply(&Input::Operator(Command::AcceptDifferences));
        }
        panic!("{:?}", self.world.gateway.state());
    }

    fn is_taken_back(&mut self, at: usize) {
        let fills = &self.world.venue.fills;
        if fills.is_empty() {
            return;
        }
        let trade = fills[at % fills.len()].trade_id;
        self.world.venue.bust(trade);
        self.world.venue.changed = self.world.now;
        self.world.apply(&Input::Operator(Command::Reconcile));
        let until = 2 * crate::books::LAG_MAX.as_secs() + 60;
        let busted = |world: &World| world.count(|r| matches!(r, Record::Busted { .. }));
        for _ in 0..until / 4 {
            self.world.pass_answering(4);
            if busted(&self.world) > 0 {
                break;
            }
        }
        assert_eq!(busted(&self.world), 1);
        self.settle();
    }

    /// The books against the venue's own executions.
    fn check(&self) {
        let (books, venue) = (self.world.gateway.books(), &self.world.venue);
        let position = books.position(id()).cloned().unwrap_or_default();
        let told = venue.fills.iter().fold(Plain::default(), |sum, fill| sum.with(fill, 1));
        told.assert_is(&position, "the account");
        let counts = ASSETS.iter().enumerate().map(|(at, asset)| {
            let moved = told.money.get(*asset).copied().unwrap_or(0);
            (*asset, HELD[at] + self.paid_in[at] + moved)
        });
        for (asset, count) in counts {
            let ours = books.counted(number(asset)).unwrap_or(Amount::ZERO);
            assert_eq!(units(&ours.to_string(), 8), count, "{asset}");
        }
        // Each of ours, and of somebody else's, in the order in which it was counted.
        let (mut all, mut own) = (Plain::default(), Plain::default());
        for entry in &self.world.entries {
            let (name, fill, sign) = match &entry.record {
                Record::Filled { client_order_id, fill, .. } => (client_order_id, fill, 1),
                Record::Busted { client_order_id, fill } => (client_order_id, fill, -1),
                _ => continue,
            };
            all = all.with(fill, sign);
            if name.is_some() {
                own = own.with(fill, sign);
            }
        }
        all.assert_same_profit(&position);
        let agents = books.agent_position(agent(), id()).cloned().unwrap_or_default();
        own.assert_is(&agents, "the agent");
        own.assert_same_profit(&agents);
        let two =
            |r: &Record| matches!(r, Record::Discrepancy { found } if found.kind() == "two_ids");
        assert_eq!(self.world.count(two), 0, "each has one id");
    }
}

fn wanted(side: Side, lots: i64, ticks: i64) -> model::OrderSpec {
    spec(side, &decimal(i128::from(lots), 3), &decimal(i128::from(10_000 + ticks), 2))
}

/// Executions added up in whole numbers.
#[derive(Clone, Debug, Default)]
struct Plain {
    /// Lots of a thousandth.
    net: i128,
    /// What is open has cost so much, and what was closed has brought so much, in the eighteenth digit.
    cost: i128,
    realized: i128,
    /// What came of each asset, fees off, and the fees themselves, in the eighth digit.
    money: BTreeMap<String, i128>,
    fees: BTreeMap<String, i128>,
    /// What came of the quote for what was sold, without fees.
    cash: i128,
}

impl Plain {
    /// With one execution more; with a sign below zero as if its opposite had happened.
    fn with(mut self, fill: &Fill, sign: i128) -> Plain {
        let lots = units(&fill.qty.to_string(), 3);
        // A tick of a lot is the fifth digit.
        let price = units(&fill.price.to_string(), 2) * (E18 / 100_000);
        let buys = if fill.side == Side::Buy { sign } else { -sign };
        let closed = if self.net * buys < 0 { lots.min(self.net.abs()) } else { 0 };
        if closed > 0 {
            let cost = self.cost * closed / self.net.abs();
            self.realized += (price * closed - cost) * self.net.signum();
            self.cost -= cost;
        }
        self.cost += price * (lots - closed);
        self.net += buys * lots;
        self.cash -= buys * lots * price;
        *self.money.entry("BTC".to_owned()).or_default() += buys * lots * 100_000;
        *self.money.entry("USDT".to_owned()).or_default() -= buys * lots * price / (E18 / E8);
        if let Some(fee) = fill.fee {
            let paid = units(&fee.amount.to_string(), 8) * sign;
            *self.money.entry(fee.asset.to_string()).or_default() -= paid;
            *self.fees.entry(fee.asset.to_string()).or_default() += paid;
        }
        self
    }

    /// Quantity and fees, and profit open and closed together, which no order of counting changes.
    fn assert_is(&self, position: &Position, whose: &str) {
        assert_eq!(position.net(), number::<NetQty>(&decimal(self.net, 3)), "{whose}");
        let mut fees: BTreeMap<String, i128> = BTreeMap::new();
        for (asset, paid) in position.fees() {
            fees.insert(asset.to_string(), units(&paid.to_string(), 8));
        }
        let mut theirs = self.fees.clone();
        fees.retain(|_, paid| *paid != 0);
        theirs.retain(|_, paid| *paid != 0);
        assert_eq!(fees, theirs, "{whose}");
        let open = position.unrealized(number("100")).unwrap();
        let total = units(&position.realized().to_string(), 18) + units(&open.to_string(), 18);
        assert_eq!(total, self.cash + self.net * (E18 / 10), "{whose}: to the last digit");
    }

    /// What was closed, and what the rest has cost, which depend on the order of counting.
    fn assert_same_profit(&self, position: &Position) {
        let off = units(&position.realized().to_string(), 18) - self.realized;
        assert!(off.abs() <= ROUNDED_MAX, "realized {}: off by {off}", position.realized());
        assert_eq!(position.entry_price().is_none(), self.net == 0);
        if let Some(price) = position.entry_price() {
            let off = units(&price.to_string(), 18) - self.cost * 1_000 / self.net.abs();
            assert!(off.abs() <= ROUNDED_MAX, "entry price {price}: off by {off}");
        }
    }
}

/// A decimal in units of its digit of this number.
fn units(text: &str, digits: usize) -> i128 {
    let (sign, text) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    assert!(part.len() <= digits, "{text}");
    sign * format!("{whole}{part:0<digits$}").parse::<i128>().unwrap()
}

fn decimal(units: i128, digits: usize) -> String {
    let (sign, size) = (if units < 0 { "-" } else { "" }, units.unsigned_abs());
    let text = format!("{size:0>width$}", width = digits + 1);
    let (whole, part) = text.split_at(text.len() - digits);
    format!("{sign}{whole}.{part}")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_history_ends_in_the_same_money_where_all_is_told(
        steps in prop::collection::vec(step(), 1..40),
        busted in prop::option::weighted(0.3, any::<prop::sample::Index>()),
    ) {
        run(TELLS_ALL, &steps, busted);
    }

    #[test]
    fn every_history_ends_in_the_same_money_where_sums_are_told(
        steps in prop::collection::vec(step(), 1..40),
        busted in prop::option::weighted(0.05, any::<prop::sample::Index>()),
    ) {
        run(TELLS_SUMS, &steps, busted);
    }
}

fn run(profile: Profile, steps: &[Step], busted: Option<prop::sample::Index>) {
    let mut history = History::begin(profile);
    steps.iter().for_each(|step| history.take(*step));
    history.end();
    history.check();
    if let Some(at) = busted {
        history.is_taken_back(at.index(usize::MAX));
        history.check();
    }
}
