//! The limits as `docs/guardrails.md` tells them, judged from the journal alone: whole numbers, lists that
//! are added up each time, and nothing of what the guardrails use.
//!
//! Quantities are lots of a thousandth, prices ticks of a hundredth, money ticks times lots.

use std::collections::{BTreeMap, BTreeSet};

use model::{
    Action, ClientOrderId, Ending, Entry, NewOrder, OrderKind, OrderQty, OrderSpec, PositionEffect,
    Record, Side, TimeInForce,
};
use serde_json::Value;

#[derive(Default)]
pub(super) struct Naive {
    limits: Value,
    version: String,
    /// The part of the limits that the ramp leaves, percent; what only reduces is held to all of them.
    percent: Option<i128>,
    decided: Option<OrderSpec>,
    orders: Vec<Order>,
    /// Everybody's, and each agent's, by instrument.
    positions: BTreeMap<(Option<String>, String), i128>,
    shadows: Vec<(i64, Order)>,
    foreign: BTreeMap<(String, String), Order>,
    messages: Vec<(i64, Option<String>)>,
    executed: Vec<(i64, String, String, Side)>,
    disabled: BTreeSet<String>,
    /// Who has to be disabled.
    tripped: BTreeSet<String>,
    /// Where each market was, and when.
    middles: Vec<(i64, String, i128)>,
    /// Orders that were let through.
    pub(super) accepted: u32,
}

#[derive(Clone, Debug)]
struct Order {
    name: Option<ClientOrderId>,
    agent: String,
    instrument: String,
    side: Side,
    lots: i128,
    filled: i128,
    open: bool,
    asked: bool,
    price: Option<i128>,
    waits: bool,
    stop: bool,
    stays: bool,
    sent: i64,
    print: String,
    worth: i128,
}

impl Order {
    fn leaves(&self) -> i128 {
        if self.open { self.lots - self.filled } else { 0 }
    }

    fn is_of(&self, agent: Option<&str>, instrument: &str) -> bool {
        self.instrument == instrument && agent.is_none_or(|agent| agent == self.agent)
    }
}

const HOUR_MS: i64 = 3_600_000;
const SHADOW_MS: i64 = 600_000;

impl Naive {
    pub(super) fn market(&mut self, nanos: i64, instrument: &str, middle: i64) {
        self.middles.push((nanos, instrument.to_owned(), middle.into()));
    }

    /// Another life: where the market was is known from now on.
    pub(super) fn restarts(&mut self) {
        self.middles.clear();
    }

    /// One record; what limits it breaks, if it is an order that was let through.
    pub(super) fn take(&mut self, entry: &Entry) -> Vec<String> {
        let at = entry.at.nanos();
        let mut broken = Vec::new();
        match &entry.record {
            Record::Limits { version, limits } => {
                self.version = version.to_string();
                self.limits = serde_json::from_str(limits).unwrap();
            }
            Record::Ramp { percent, .. } => self.percent = Some((*percent).into()),
            Record::Decided { intent, limits, .. } => {
                self.decided = match &intent.action {
                    Action::Place(spec) => Some(spec.clone()),
                    _ => None,
                };
                if limits.map(|l| l.to_string()) != Some(self.version.clone()) {
                    broken.push("a decision does not name the limits in force".to_owned());
                }
            }
            Record::Prepared { agent, order, limits, .. } => {
                let spec = self.decided.take().unwrap();
                let sent = self.order(at, agent.as_str(), order, &spec);
                broken = self.judge(at, &sent, order, &spec);
                if limits.map(|l| l.to_string()) != Some(self.version.clone()) {
                    broken.push("an order does not name the limits in force".to_owned());
                }
                self.accepted += 1;
                self.messages.push((at, Some(sent.agent.clone())));
                self.orders.push(sent);
            }
            Record::CancelPrepared { client_order_id, .. } => {
                let agent = self.of(client_order_id).map(|order| order.agent.clone());
                self.messages.push((at, agent));
            }
            Record::ForeignCancel { .. } => self.messages.push((at, None)),
            Record::InDoubt { client_order_id, .. } => {
                self.of(client_order_id).unwrap().asked = true;
            }
            Record::Accepted { client_order_id, .. } => {
                let order = self.of(client_order_id).unwrap();
                (order.asked, order.open) = (true, order.filled < order.lots);
                self.shadows.retain(|(_, gone)| gone.name != Some(*client_order_id));
            }
            Record::Triggered { client_order_id } => {
                self.of(client_order_id).unwrap().waits = false;
            }
            Record::Rejected { client_order_id, .. } => {
                self.of(client_order_id).unwrap().open = false;
            }
            Record::Ended { client_order_id, ending, lost, .. } => {
                let order = self.of(client_order_id).unwrap();
                let gone = order.clone();
                order.open = false;
                if (*lost || *ending == Ending::NotPlaced) && gone.open && gone.asked {
                    self.shadows.push((at, gone));
                }
            }
            Record::Filled { client_order_id, fill, .. } => {
                let lots = units(&fill.qty.to_string(), 3);
                let signed = if fill.side == Side::Buy { lots } else { -lots };
                let instrument = fill.instrument.to_string();
                *self.positions.entry((None, instrument.clone())).or_default() += signed;
                let Some(order) = client_order_id.as_ref().and_then(|id| self.of(id)) else {
                    return broken;
                };
                let (agent, first) = (order.agent.clone(), order.filled == 0);
                order.filled += lots;
                order.open &= order.filled < order.lots;
                *self.positions.entry((Some(agent.clone()), instrument.clone())).or_default() +=
                    signed;
                if first {
                    self.executed.push((at, agent.clone(), instrument.clone(), fill.side));
                }
                let key = (&agent, &instrument, fill.side);
                let from = at - self.number("/orders/executed_window_ms") * 1_000_000;
                let lately =
                    self.executed.iter().filter(|e| (&e.1, &e.2, e.3) == key && e.0 > from);
                if lately.count() as i64 > self.number("/orders/executed_max") {
                    self.tripped.insert(agent);
                }
            }
            Record::Foreign { order } => {
                let key = (order.instrument.to_string(), order.id.to_string());
                let print = String::new();
                let stop = order.kind.trigger().is_some();
                let known = Order {
                    name: None,
                    agent: "somebody".to_owned(),
                    instrument: key.0.clone(),
                    side: order.side,
                    lots: units(&order.qty.to_string(), 3),
                    filled: units(&order.filled.to_string(), 3),
                    open: order.status.is_open(),
                    asked: true,
                    price: order.kind.price().map(|price| units(&price.to_string(), 2)),
                    waits: stop && order.working_since.is_none(),
                    stop,
                    stays: order.time_in_force == TimeInForce::Gtc,
                    sent: at,
                    print,
                    worth: 0,
                };
                self.foreign.insert(key, known);
            }
            Record::ForeignGone { instrument, venue_order_id } => {
                let key = (instrument.unwrap().to_string(), venue_order_id.to_string());
                self.foreign.remove(&key);
            }
            Record::AgentDisabled { agent, .. } => {
                self.disabled.insert(agent.to_string());
            }
            Record::AgentEnabled { agent } => {
                let agent = agent.to_string();
                self.executed.retain(|(_, of, _, _)| *of != agent);
                self.tripped.remove(&agent);
                self.disabled.remove(&agent);
            }
            _ => {}
        }
        broken
    }

    fn order(&self, at: i64, agent: &str, order: &NewOrder, spec: &OrderSpec) -> Order {
        let OrderQty::Base(qty) = order.qty else { panic!("{order:?}") };
        let lots = units(&qty.to_string(), 3);
        let price = units(&order.kind.price().unwrap().to_string(), 2);
        let instrument = order.instrument.to_string();
        let stop = order.kind.trigger().is_some();
        Order {
            name: Some(order.client_order_id),
            agent: agent.to_owned(),
            side: order.side,
            lots,
            filled: 0,
            open: true,
            asked: false,
            price: Some(price),
            waits: stop,
            stop,
            stays: order.time_in_force == TimeInForce::Gtc,
            sent: at,
            print: format!("{instrument} {:?} {:?} {}", spec.side, spec.kind, spec.qty),
            worth: lots * price.max(self.from(spec, &instrument)),
            instrument,
        }
    }

    /// Every limit that the order breaks.
    fn judge(&self, at: i64, order: &Order, sent: &NewOrder, spec: &OrderSpec) -> Vec<String> {
        let mut broken = Vec::new();
        let part = |key: &str, digits: usize| {
            let percent = self.percent.filter(|_| !spec.reduce_only);
            self.sum(key, digits) * percent.unwrap_or(100) / 100
        };
        let mut must = |holds: bool, what: &str| {
            if !holds {
                broken.push(format!("{what}: {order:?}"));
            }
        };
        let (instrument, agent) = (order.instrument.as_str(), order.agent.as_str());
        let of = |key: &str| format!("/instrument/{instrument}/{key}");
        let (middle, price) = (self.middle(instrument), order.price.unwrap());
        let (lots, buys) = (order.lots, order.side == Side::Buy);
        must(!self.disabled.contains(agent), "the agent is disabled");
        must(!self.tripped.contains(agent), "the agent should be disabled");
        // One order.
        must(lots <= part(&of("qty_max"), 3), "qty_max");
        let trigger = sent.kind.trigger().map(|trigger| units(&trigger.to_string(), 2));
        let from = self.from(spec, instrument);
        must(lots * price.max(from) <= part(&of("notional_max"), 5), "notional_max");
        let own = spec.kind.price().map(|price| units(&price.to_string(), 2));
        let bps = i128::from(self.number(&of("collar_bps")));
        let edge = (spec.kind == OrderKind::Market).then_some(price);
        for price in own.into_iter().chain(trigger).chain(edge) {
            must((price - middle).abs() * 10_000 <= middle * bps, "collar_bps");
        }
        let (then, bps) = (self.ago(at, instrument), i128::from(self.number(&of("walk_bps"))));
        for price in own.into_iter().chain(trigger).filter(|_| !spec.reduce_only) {
            must((price - then).abs() * 10_000 <= then * bps, "walk_bps");
        }
        // The position, and what it is worth.
        let [long, short] = self.worst(at, None, instrument);
        let most = part(&of("position_max"), 3);
        must(if buys { long + lots <= most } else { short - lots >= -most }, "position_max");
        let limits = &self.limits;
        let own_limits = limits.pointer(&format!("/agent/{agent}")).is_some();
        let account = (None, "/account/exposure_max/USDT".to_owned());
        let single = own_limits.then(|| (Some(agent), format!("/agent/{agent}/exposure_max/USDT")));
        for (who, key) in std::iter::once(account).chain(single) {
            let before = self.worst(at, who, instrument);
            let after =
                if buys { [before[0] + lots, before[1]] } else { [before[0], before[1] - lots] };
            if largest(after) <= largest(before) {
                continue;
            }
            let here = largest(after) * middle;
            must(who.is_some() || here <= part(&of("exposure_max"), 5), "exposure_max");
            let others = ["BTC-USDT", "ETH-USDT"].into_iter().filter(|other| *other != instrument);
            let others: i128 =
                others.map(|other| largest(self.worst(at, who, other)) * self.middle(other)).sum();
            must(here + others <= part(&key, 5), &key);
        }
        if spec.reduce_only {
            must(lots <= self.closable(None, order), "reduce_only");
        }
        let held = self.position(Some(agent), instrument);
        match spec.effect {
            None => {}
            Some(PositionEffect::Open) => must(if buys { held >= 0 } else { held <= 0 }, "open"),
            Some(PositionEffect::Close) => {
                must(lots <= self.closable(Some(agent), order), "close");
            }
        }
        // How many there are.
        let everybody = || self.orders.iter().chain(self.foreign.values()).filter(|o| o.open);
        let open = self.orders.iter().filter(|order| order.open).count() as i64;
        must(open < self.number("/orders/open_max"), "open_max");
        let stops = everybody().filter(|o| o.stop && o.leaves() > 0 && o.instrument == instrument);
        let stops = stops.count() as i64;
        must(!order.stop || stops < self.number("/orders/stops_max"), "stops_max");
        if !order.stop {
            for other in everybody().filter(|o| o.is_of(None, instrument) && o.stays && !o.waits) {
                let Some(theirs) = other.price.filter(|_| other.leaves() > 0) else { continue };
                let meets = if buys { price >= theirs } else { price <= theirs };
                must(other.side == order.side || !meets, "self-trade");
            }
        }
        // How many there were lately.
        let from = |key: &str| at - self.number(key) * 1_000_000;
        let mine = || self.orders.iter().filter(|o| o.agent == agent);
        let since = from("/orders/rate_window_ms");
        let sent = mine().filter(|o| o.sent > since).count() as i64;
        must(sent < self.number("/orders/rate_max"), "rate_max");
        let since = from("/orders/alike_window_ms");
        let alike = mine().filter(|o| o.sent > since && o.print == order.print).count() as i64;
        must(alike < self.number("/orders/alike_max"), "alike_max");
        let since = from("/orders/messages_window_ms");
        let messages = || self.messages.iter().filter(|(at, _)| *at > since);
        let all = messages().count() as i64;
        must(all < self.number("/account/messages_max"), "account.messages_max");
        let own = messages().filter(|(_, who)| who.as_deref() == Some(agent)).count() as i64;
        must(own < self.number("/orders/messages_max"), "orders.messages_max");
        if !spec.reduce_only {
            let since = from(&of("turnover_window_ms"));
            let lately =
                self.orders.iter().filter(|o| o.sent > since && o.instrument == instrument);
            let worth: i128 = lately.map(|o| o.worth).sum();
            let most = part(&of("turnover_max"), 5);
            must(worth + order.worth <= most, "turnover_max");
            if own_limits {
                let since = from(&format!("/agent/{agent}/turnover_window_ms"));
                let worth: i128 = mine().filter(|o| o.sent > since).map(|o| o.worth).sum();
                let most = part(&format!("/agent/{agent}/turnover_max/USDT"), 5);
                must(worth + order.worth <= most, "agent.turnover_max");
            }
        }
        broken
    }

    /// Where a slip of the price is measured from: the own limit, else the trigger, else the market.
    fn from(&self, spec: &OrderSpec, instrument: &str) -> i128 {
        let own = spec.kind.price().or(spec.kind.trigger());
        own.map_or_else(|| self.middle(instrument), |price| units(&price.to_string(), 2))
    }

    fn of(&mut self, id: &ClientOrderId) -> Option<&mut Order> {
        self.orders.iter_mut().find(|order| order.name == Some(*id))
    }

    fn position(&self, agent: Option<&str>, instrument: &str) -> i128 {
        let key = (agent.map(str::to_owned), instrument.to_owned());
        self.positions.get(&key).copied().unwrap_or(0)
    }

    /// The position with everything filled that is open on one side, long and short.
    fn worst(&self, at: i64, agent: Option<&str>, instrument: &str) -> [i128; 2] {
        let shadows = self.shadows.iter();
        let shadows = shadows.filter(|(since, _)| at < since + SHADOW_MS * 1_000_000);
        let open = self.orders.iter().chain(shadows.map(|(_, order)| order));
        let foreign = self.foreign.values().filter(|_| agent.is_none());
        let mut worst = [self.position(agent, instrument); 2];
        for order in open.chain(foreign).filter(|order| order.is_of(agent, instrument)) {
            match order.side {
                Side::Buy => worst[0] += order.leaves(),
                Side::Sell => worst[1] -= order.leaves(),
            }
        }
        worst
    }

    /// What of a position is left to close for an order.
    fn closable(&self, agent: Option<&str>, order: &Order) -> i128 {
        let position = self.position(agent, &order.instrument);
        let held = if order.side == Side::Sell { position } else { -position };
        let others = self.orders.iter().chain(self.foreign.values().filter(|_| agent.is_none()));
        let closing = others.filter(|o| o.is_of(agent, &order.instrument) && o.side == order.side);
        (held.max(0) - closing.map(Order::leaves).sum::<i128>()).max(0)
    }

    fn middle(&self, instrument: &str) -> i128 {
        self.middles.iter().rev().find(|(_, of, _)| of == instrument).unwrap().2
    }

    /// Where it was when the window began; where it first was, if that was later.
    fn ago(&self, at: i64, instrument: &str) -> i128 {
        let from =
            at - self.number(&format!("/instrument/{instrument}/walk_window_ms")) * 1_000_000;
        let mut all = self.middles.iter().filter(|(_, of, _)| of == instrument);
        let first = all.clone().next().unwrap().2;
        all.rfind(|(at, _, _)| *at <= from).map_or(first, |(_, _, middle)| *middle)
    }

    fn number(&self, key: &str) -> i64 {
        let number = self.limits.pointer(key).and_then(Value::as_i64);
        let number = number.unwrap_or_else(|| panic!("{key} in {}", self.limits));
        assert!(!key.ends_with("_ms") || number <= HOUR_MS, "{key}");
        number
    }

    fn sum(&self, key: &str, digits: usize) -> i128 {
        let text = self.limits.pointer(key).and_then(Value::as_str);
        units(text.unwrap_or_else(|| panic!("{key} in {}", self.limits)), digits)
    }
}

fn largest([long, short]: [i128; 2]) -> i128 {
    long.abs().max(short.abs())
}

/// A decimal in units of its digit of this number.
fn units(text: &str, digits: usize) -> i128 {
    let (sign, text) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    assert!(part.len() <= digits, "{text}");
    sign * format!("{whole}{part:0<digits$}").parse::<i128>().unwrap()
}
