//! Our books: orders, positions, balances, as a fold over the journal.
//!
//! [`Books::apply`] is the only way to change them, at run time and at a restart alike. They hold
//! what was recorded and never a guess; what a worst case makes of it is read off [`Exposure`],
//! which is kept up to date order by order so that a guardrail reads it instead of adding it up.

mod absent;
mod costs;
mod covering;
mod entries;
mod exposure;
mod flow;
mod foreign;
mod found;
mod latch;
mod lately;
mod money;
mod order;
mod orders;
mod others;
mod pairs;
mod promised;
mod ramped;
mod recent;
mod remembered;
mod shadow;
mod standing;
mod starts;
mod taken_over;
mod valued;
mod view;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use model::{
    AgentId, Amount, Asset, Balance, ClientOrderId, Discrepancy, Ending, Entry, Fill, Instrument,
    InstrumentId, IntentId, Link, OrderEvent, OrderState, Position, Qty, Record, Side, Timestamp,
    TradeId, VenueOrderId,
};
use serde::{Deserialize, Serialize};

use remembered::Remembered;

use crate::defects::{Defect, Planted};

pub(crate) use costs::Costs;
pub use exposure::Exposure;
pub(crate) use flow::{AgentFlow, Fingerprint};
pub use foreign::VenueKey;
pub use latch::Latch;
pub use order::TrackedOrder;
pub use ramped::Ramped;
pub use recent::KnownFill;
pub(crate) use recent::{LAG_MAX, effects_of};
pub(crate) use standing::Standing;

use flow::Flow;
use foreign::Foreign;
use promised::Promised;
use recent::Recent;
#[cfg(test)]
pub(crate) use shadow::SHADOW;
use shadow::Shadows;
use standing::Stands;
use taken_over::TakenOver;

/// Orders that are over and still remembered, so that a late report finds its order.
const DONE_KEPT: usize = 16_384;

/// Trade ids remembered, so that an execution reported again is known. A venue's streams repeat
/// the last few, a reading starts at the cursor of the last one: both are far fewer.
const TRADES_KEPT: usize = 262_144;

/// The state that survives a restart.
///
/// A snapshot keeps it field by field. One of another shape is not read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Books {
    session: u64,
    /// They are of a paper account.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    paper: bool,
    first_started: Option<Timestamp>,
    starts: starts::Starts,
    ids_used: u64,
    orders: orders::Orders,
    open: BTreeSet<ClientOrderId>,
    /// Open orders whose funds the venue's balance does not show yet.
    promising: BTreeSet<ClientOrderId>,
    /// What they come to.
    promised: Promised,
    done: VecDeque<ClientOrderId>,
    #[serde(with = "pairs")]
    by_intent: BTreeMap<(AgentId, IntentId), ClientOrderId>,
    #[serde(with = "pairs")]
    by_venue: BTreeMap<VenueKey, ClientOrderId>,
    foreign: Foreign,
    trades: Remembered<(InstrumentId, TradeId)>,
    positions: BTreeMap<InstrumentId, Position>,
    #[serde(with = "pairs")]
    agent_positions: BTreeMap<(AgentId, InstrumentId), Position>,
    exposures: BTreeMap<InstrumentId, Exposure>,
    costs: BTreeMap<InstrumentId, Costs>,
    #[serde(with = "pairs")]
    agent_exposures: BTreeMap<(AgentId, InstrumentId), Exposure>,
    standing: BTreeMap<InstrumentId, Standing>,
    flow: Flow,
    /// Agents that may only take orders back, and why.
    disabled: BTreeMap<AgentId, String>,
    shadows: Shadows,
    balances: BTreeMap<Asset, Balance>,
    balances_at: Timestamp,
    /// The same of the first ones.
    balances_since: Option<Timestamp>,
    /// Our own count of each asset: the first balance the venue told, plus every fill and transfer.
    ledger: BTreeMap<Asset, Amount>,
    fills_to: BTreeMap<InstrumentId, TradeId>,
    fills_until: BTreeMap<InstrumentId, Timestamp>,
    /// The same as it first was.
    history_to: BTreeMap<InstrumentId, TradeId>,
    recent: Recent,
    /// What balances showed beyond our counts and the venue may yet tell.
    taken_over: TakenOver,
    /// Dust that was taken over so far, whichever way it went.
    dust: BTreeMap<Asset, Amount>,
    /// When the books were last compared with the venue's, by our clock.
    compared_at: Option<Timestamp>,
    unaccepted: Vec<Discrepancy>,
    /// What the venue said and was not understood, by instrument, order and row: said once.
    not_understood: Remembered<(Option<InstrumentId>, Option<VenueOrderId>, Option<TradeId>)>,
    halted: Option<Latch>,
    /// Until when a part of the limits holds after a halt was lifted.
    probation_until: Option<Timestamp>,
    /// What is to be sold instead of stops that were late, base units.
    covering: BTreeMap<InstrumentId, Qty>,
    /// What losses are measured by.
    valued: valued::Valued,
    /// How long trading was active and clean.
    #[serde(default)]
    ramped: Ramped,
    /// Rules that changed while a gateway ran, as they were last told.
    instruments: BTreeMap<InstrumentId, Instrument>,
    #[serde(skip)]
    pub(crate) planted: Planted,
}

impl Books {
    /// Takes one record into account. Total: a record of a kind that does not touch the books, or
    /// of an order that is forgotten, changes nothing.
    pub fn apply(&mut self, entry: &Entry) {
        self.ramped.apply(entry);
        if matches!(entry.record, Record::Started { .. }) {
            let seen = self.shadows.is_read_at(entry.at);
            self.recent.is_read_at(seen, entry.at);
            self.flow.is_read_at(entry.at);
        } else {
            self.shadows.expire(entry.at);
            self.flow.seen(entry.at);
        }
        match &entry.record {
            Record::Started { session, paper, .. } => {
                self.session = *session;
                self.paper = *paper;
                self.first_started.get_or_insert(entry.at);
                self.starts.began(entry.at);
                self.probation_is_bounded(entry.at);
                self.ids_used = 0;
                if self.planted.is(Defect::LatchLost) {
                    self.halted = None;
                }
            }
            Record::Stopped => self.starts.ended(),
            Record::Decided { intent, reference, .. } => self.flow.decided(intent, *reference),
            Record::Prepared { agent, intent, order, worst_price, .. } => {
                self.ids_used += 1;
                self.flow.ordered(entry.at, (*agent, *intent), order, *worst_price);
                let not_before = self.balances_at;
                let order_of = order.clone();
                let tracked = TrackedOrder::new(
                    *agent,
                    *intent,
                    order_of,
                    *worst_price,
                    entry.at,
                    not_before,
                );
                self.promising.insert(order.client_order_id);
                self.by_intent.insert((*agent, *intent), order.client_order_id);
                self.open.insert(order.client_order_id);
                self.orders.insert(order.client_order_id, tracked);
                self.count(order.client_order_id, true);
            }
            Record::CancelPrepared { client_order_id, instead } => {
                if let Some(qty) = instead {
                    self.is_covered(client_order_id, *qty);
                }
                let agent = self.orders.get(client_order_id).map(|order| order.agent);
                self.flow.canceled(entry.at, agent);
                self.event(client_order_id, OrderEvent::CancelSent, entry.at);
            }
            Record::Accepted { client_order_id, venue_order_id, venue_time } => {
                if let Some(order) = self.orders.get_mut(client_order_id) {
                    order.venue_order_id = Some(*venue_order_id);
                    order.accepted_at.get_or_insert(*venue_time);
                    let key = (order.order.instrument, *venue_order_id);
                    self.by_venue.insert(key, *client_order_id);
                }
                let returned = self.orders.get(client_order_id).is_some_and(|o| o.absent);
                let event = if returned { OrderEvent::Returned } else { OrderEvent::Accepted };
                self.event(client_order_id, event, entry.at);
            }
            Record::Rejected { client_order_id, .. } => {
                self.event(client_order_id, OrderEvent::Ended(Ending::Rejected), entry.at);
            }
            Record::CancelRejected { client_order_id, .. } => {
                self.event(client_order_id, OrderEvent::CancelRefused, entry.at);
            }
            Record::InDoubt { client_order_id, .. } => {
                self.event(client_order_id, OrderEvent::NoAnswer, entry.at);
            }
            Record::Filled { client_order_id, fill, .. } => {
                self.fill(client_order_id.as_ref(), fill, entry.at);
            }
            Record::Busted { client_order_id, fill } => {
                self.undo(client_order_id.as_ref(), fill, entry.at);
            }
            Record::Triggered { client_order_id } => {
                self.count(*client_order_id, false);
                if let Some(order) = self.orders.get_mut(client_order_id) {
                    order.triggered = true;
                }
                self.count(*client_order_id, true);
            }
            Record::Ended { client_order_id, ending, lost, .. } => {
                if *lost || *ending == Ending::NotPlaced {
                    self.absent(client_order_id, entry.at);
                }
                self.event(client_order_id, OrderEvent::Ended(*ending), entry.at);
            }
            Record::Foreign { order } => {
                self.is_understood(order.instrument, order.id);
                self.foreign_is_so(order);
            }
            Record::ForeignGone { instrument, venue_order_id } => {
                self.foreign_is_gone(*instrument, *venue_order_id);
            }
            Record::Balances { balances, venue_time, partial } => {
                self.set_balances(balances, *venue_time, *partial);
            }
            Record::Transferred { asset, amount, taken_until } => {
                self.credit(*asset, *amount, (entry.at, entry.at));
                if !self.planted.is(Defect::DepositIsProfit) {
                    self.valued.transferred(*asset, *amount);
                }
                if let Some(until) = taken_until {
                    self.taken_over.add(*asset, *amount, *until);
                }
            }
            Record::TransferKnown { asset, amount, venue_time } => {
                self.taken_over.told(*asset, *amount, *venue_time);
            }
            Record::Reconciled { fills_to, fills_until, .. } => {
                self.compared_at = Some(entry.at);
                for (instrument, trade) in fills_to {
                    self.history_to.entry(*instrument).or_insert(*trade);
                }
                self.fills_to.extend(fills_to.iter().map(|(k, v)| (*k, *v)));
                self.fills_until.extend(fills_until.iter().map(|(k, v)| (*k, *v)));
            }
            Record::Trading { state, cause, by } => self.trading_is(*state, cause, *by, entry.at),
            Record::Flatten { instrument, closing, .. } => self.closing_is(*instrument, closing),
            Record::Resumed { probation_until, .. } => self.is_resumed(*probation_until),
            Record::Discrepancy { found } => self.found(found),
            Record::Rules { instrument } => {
                self.instruments.insert(instrument.id, (**instrument).clone());
            }
            Record::DifferencesAccepted { .. } => self.unaccepted.clear(),
            Record::EquityMark { mark } => self.valued.marked(mark, entry.at),
            Record::Breaker { name, event, .. } => self.valued.breaker(*name, *event),
            Record::ForeignCancel { .. } => self.flow.canceled(entry.at, None),
            Record::AgentDisabled { agent, cause } => {
                self.disabled.insert(*agent, cause.clone());
            }
            Record::AgentEnabled { agent } => {
                self.disabled.remove(agent);
                self.flow.enabled(*agent);
            }
            Record::Refused { .. }
            | Record::ResumeRequested { .. }
            | Record::ResumeRefused { .. }
            | Record::Limits { .. }
            | Record::Link { link: Link::Market | Link::Account, .. }
            | Record::Gap { .. }
            | Record::Duplicates { .. }
            | Record::MissedTrades { .. }
            | Record::HandedOver { .. }
            | Record::Feed { .. }
            | Record::RateLimited { .. }
            | Record::BudgetWait { .. }
            | Record::KeyAudited { .. }
            | Record::GateOverridden { .. }
            | Record::Ramp { .. }
            | Record::Answered { .. }
            | Record::Alerted { .. }
            | Record::Agent { .. } => {}
        }
    }

    fn event(&mut self, id: &ClientOrderId, event: OrderEvent, at: Timestamp) {
        self.count(*id, false);
        let shadows = &mut self.shadows;
        let changed = self.orders.change(id, |order| {
            order.happened(event, at);
            if !order.absent {
                shadows.remove(id);
            }
        });
        let Some(changed) = changed else { return };
        self.count(*id, true);
        match changed {
            (true, false) => {
                self.open.remove(id);
                self.promising.remove(id);
                self.done.push_back(*id);
                self.forget_old();
            }
            (false, true) => {
                // A ghost: it was proven over and is alive after all.
                self.done.retain(|done| done != id);
                self.open.insert(*id);
                if self.orders.get(id).is_some_and(|o| o.is_promise(self.balances_at)) {
                    self.promising.insert(*id);
                    self.count_promise(id, true);
                }
            }
            (true, true) | (false, false) => {}
        }
    }

    fn fill(&mut self, id: Option<&ClientOrderId>, fill: &Fill, at: Timestamp) {
        let key = (fill.instrument, fill.trade_id);
        let is_new = self.trades.remember(key, TRADES_KEPT);
        if !is_new && !self.planted.is(Defect::FillCountedTwice) {
            return;
        }
        self.book_money(fill, at, Some);
        if fill.side == Side::Sell {
            self.sold(fill.instrument, fill.qty);
        }
        self.recent.executed(KnownFill {
            at,
            client_order_id: id.copied(),
            fill: *fill,
            also: None,
        });
        let order = id.and_then(|id| self.orders.get(id));
        let lost = self.planted.is(Defect::CrossedFillOfNobody)
            && order.is_some_and(|order| order.state == OrderState::PendingCancel);
        let known = order.map(|o| (o.agent, o.order.client_order_id));
        if let Some(order) = order.filter(|order| order.filled.is_zero()) {
            let key = (order.order.instrument, order.order.side);
            self.flow.executed(at, order.agent, key);
        }
        // A fill that cannot be counted stays in the ledger and the journal; the difference to the
        // venue's position is then found by reconciliation.
        let _ = self.positions.entry(fill.instrument).or_default().apply(fill);
        if let Some((agent, _)) = known.filter(|_| !lost) {
            let position = self.agent_positions.entry((agent, fill.instrument)).or_default();
            let _ = position.apply(fill);
            let net = position.net();
            self.agent_exposures.entry((agent, fill.instrument)).or_default().position = net;
        }
        let net =
            self.positions.get(&fill.instrument).map(Position::net).unwrap_or(model::NetQty::ZERO);
        self.exposures.entry(fill.instrument).or_default().position = net;
        if let Some((_, id)) = known {
            // An execution may be heard of before the answer that names the order.
            self.by_venue.insert((fill.instrument, fill.venue_order_id), id);
            self.count(id, false);
            let event = self.orders.get_mut(&id).map(|order| order.filled_by(fill));
            self.count(id, true);
            if let Some(event) = event {
                self.event(&id, event, at);
            }
        }
    }

    /// Adds an order's part to the exposure of its instrument, or takes it out.
    fn count(&mut self, id: ClientOrderId, add: bool) {
        let Some(order) = self.orders.get(&id) else { return };
        let leaves = order.leaves();
        let forgotten =
            self.planted.is(Defect::ReservationForgotten) && order.state == OrderState::InDoubt;
        if leaves.is_zero() || forgotten {
            return;
        }
        let (agent, instrument, side) = (order.agent, order.order.instrument, order.order.side);
        let stands = Stands::of(order);
        let at = (order.worst_price, leaves);
        self.exposures.entry(instrument).or_default().count(side, leaves, add);
        self.costs.entry(instrument).or_default().count(side, at, add);
        self.agent_exposures.entry((agent, instrument)).or_default().count(side, leaves, add);
        self.standing.entry(instrument).or_default().count(stands, add);
        if self.promising.contains(&id) {
            self.count_promise(&id, add);
        }
    }

    fn forget_old(&mut self) {
        while self.done.len() > DONE_KEPT {
            let Some(id) = self.done.pop_front() else { return };
            if let Some(order) = self.orders.forget(&id) {
                self.by_intent.remove(&(order.agent, order.intent));
                if let Some(venue_id) = order.venue_order_id {
                    self.by_venue.remove(&(order.order.instrument, venue_id));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
