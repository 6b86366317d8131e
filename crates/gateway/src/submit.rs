//! An agent wants something: guardrails, then the journal, then the wire.

use std::time::Duration;

use model::market::{Level, MarketView};
use model::venue::AccountRequest;
use model::{
    Action, AgentEvent, AgentId, Check, ClientOrderId, Effect, Effects, HaltedBy, InstrumentId,
    Intent, IntentId, NetQty, NewOrder, Notice, OrderQty, OrderSpec, Position, Qty, Record,
    Refusal, Seen, Side, Timestamp, TradingState,
};

use crate::defects::Defect;
use crate::gateway::Gateway;
use crate::limits::Limits;
use crate::purpose::Purpose;
use crate::risk::{self, Approved, Refusals, Situation};

/// How long an approval holds: an order that takes risk on and has not left by then is not sent.
pub(crate) const VALIDITY: Duration = Duration::from_secs(2);
/// Any order leaves so long after it was decided, or not at all, also one that only shrinks a position: whoever drives
/// the gateway holds it back. A store is lent for ten seconds from when the order's record was written, which was later;
/// two of them are left for the way to the venue, whose signature is good for as long. Without this one that was about to
/// leave when its process was stopped would leave beside a successor's when that goes on.
pub const LEAVES_WITHIN: Duration = Duration::from_secs(8);

impl Gateway {
    /// One decision of an agent, at most one effect.
    pub(crate) fn submit(&mut self, now: Timestamp, intent: &Intent, effects: &mut Effects) {
        self.record_decision(now, intent, effects);
        let mut checks = Vec::new();
        let done = match &intent.action {
            Action::Place(_) if now > intent.expires => {
                Err(Refusal::Expired { expired: intent.expires, now })
            }
            Action::Place(spec) => {
                if self.is(Defect::IntentTwice) {
                    let _ = self.place(now, intent, spec, &mut checks, effects);
                }
                self.place(now, intent, spec, &mut checks, effects)
            }
            _ if now > intent.expires && self.is(Defect::CancelsExpire) => {
                Err(Refusal::Expired { expired: intent.expires, now })
            }
            Action::Cancel(_) | Action::CancelAll(_) if self.books.is_dark() => {
                Err(self.not_trading())
            }
            // What only takes away is never too late.
            Action::Cancel(of) => self.cancel_intent(now, intent.agent, *of, effects),
            Action::CancelAll(instrument) => {
                self.cancel_all(now, intent.agent, *instrument, effects);
                Ok(())
            }
            Action::Halt => {
                let cause = format!("agent {}: {}", intent.agent, intent.reason);
                self.halt_by(now, HaltedBy::Agent, &cause, effects);
                Ok(())
            }
        };
        if let Err(because) = done {
            let (agent, intent) = (intent.agent, intent.id);
            if matches!(because, Refusal::HeadroomUnknown) {
                self.say_unknown_stakes(effects);
            }
            let record = Record::Refused { agent, intent, because: because.clone(), checks };
            self.record(now, record, effects);
            let event = AgentEvent::Refused { intent, because };
            effects.push(Effect::Notify(Notice::Agent(agent, event)));
        }
    }

    fn not_trading(&self) -> Refusal {
        Refusal::NotTrading { state: self.state, cause: self.cause.clone() }
    }

    fn record_decision(&mut self, now: Timestamp, intent: &Intent, effects: &mut Effects) {
        let instrument = match &intent.action {
            Action::Place(spec) => Some(spec.instrument),
            Action::CancelAll(instrument) => Some(*instrument),
            Action::Cancel(of) => {
                self.books.order_of(intent.agent, *of).map(|o| o.order.instrument)
            }
            Action::Halt => None,
        };
        let position = instrument
            .and_then(|i| self.books.agent_position(intent.agent, i))
            .map_or(NetQty::ZERO, Position::net);
        let market = instrument.and_then(|i| self.markets.get(i));
        let reference = market.and_then(MarketView::reference_price);
        let seen = market.map(|market| seen(market, self.venue_ahead_ms));
        let limits = Some(self.limits_version);
        let record = Record::Decided { intent: intent.clone(), position, reference, limits, seen };
        self.record(now, record, effects);
    }

    fn place(
        &mut self,
        now: Timestamp,
        intent: &Intent,
        spec: &OrderSpec,
        checks: &mut Vec<Check>,
        effects: &mut Effects,
    ) -> Result<(), Refusal> {
        let limits = self.limits_for(intent.agent, spec);
        let situation = self.situation(limits, now, intent.agent, spec);
        let approved = self.verdict(&situation, intent.agent, spec);
        // Behind the verdict and beside it: they decide nothing, and are what a journal tells of it.
        *checks = risk::figures(&situation, spec, approved.as_ref().err());
        let approved = approved?;
        let id = self
            .ids
            .next(intent.agent, self.config.profile.client_id_max)
            .ok_or(Refusal::Unrepresentable)?;
        self.venue_is_tried(now, spec.instrument);
        let checks = std::mem::take(checks);
        self.send_order(now, (intent.agent, intent.id), id, (approved, checks), effects);
        Ok(())
    }

    /// All guardrails on one order, with nothing changed: also what the benchmark measures.
    pub fn approve(
        &self,
        now: Timestamp,
        agent: AgentId,
        spec: &OrderSpec,
    ) -> Result<Approved<OrderSpec>, Refusal> {
        let limits = self.limits_for(agent, spec);
        self.verdict(&self.situation(limits, now, agent, spec), agent, spec)
    }

    /// What all guardrails say, and whether it is the ramp that says no.
    fn verdict(
        &self,
        situation: &Situation<'_>,
        agent: AgentId,
        spec: &OrderSpec,
    ) -> Result<Approved<OrderSpec>, Refusal> {
        risk::approve(situation, self.as_wanted(spec))
            .map_err(|because| self.by_the_ramp(situation.now, (agent, spec), because))
    }

    /// The same by these limits, whatever the state makes of them.
    pub(crate) fn approve_by(
        &self,
        limits: &Limits,
        now: Timestamp,
        agent: AgentId,
        spec: &OrderSpec,
    ) -> Result<Approved<OrderSpec>, Refusal> {
        risk::approve(&self.situation(limits, now, agent, spec), self.as_wanted(spec))
    }

    /// The order, unless one of the deliberate bugs forgets a part of it.
    fn as_wanted(&self, spec: &OrderSpec) -> OrderSpec {
        let reduce_only = spec.reduce_only && !self.is(Defect::ReduceOnlyIgnored);
        OrderSpec { reduce_only, ..spec.clone() }
    }

    /// All that the guardrails look at for one order.
    fn situation<'a>(
        &'a self,
        limits: &'a Limits,
        now: Timestamp,
        agent: AgentId,
        spec: &OrderSpec,
    ) -> Situation<'a> {
        let market = self.markets.get(spec.instrument);
        let quote = market.map(|market| market.instrument().quote);
        let own = self.agent_situation(limits, agent);
        let paid = (quote, own.limits.is_some());
        let (state, cause) = self.state();
        let ignored = state.is_latched() && self.is(Defect::HaltLetsThrough);
        Situation {
            now,
            venue_ahead_ms: self.venue_ahead_ms,
            state: (if ignored { TradingState::Active } else { state }, cause),
            own_slice: self.own == Some(agent),
            limits,
            market,
            exposure: self.books.exposure(spec.instrument),
            shadow: self.books.shadow(now, spec.instrument, spec.side),
            available: market.and_then(|m| {
                let instrument = m.instrument();
                self.books.available(match spec.side {
                    Side::Buy => instrument.quote,
                    Side::Sell => instrument.base,
                })
            }),
            open_orders: self.books.open_count(),
            agent: own,
            lease: self.watchdog.lease,
            headroom: self.headroom_for(spec.instrument, spec.side, quote),
            walked_from: self.walked_from(now, spec.instrument),
            worst: self.worst(now, agent, spec, paid),
            standing: self.books.standing(spec.instrument),
            lately: self.lately(agent, spec.instrument, paid),
            refusals: self.refusals.get(&spec.instrument).unwrap_or(&Refusals::NONE),
        }
    }

    /// The only way to the venue for a new order: it takes an approved one and writes it down, as
    /// it is sent, before it sends it.
    fn send_order(
        &mut self,
        now: Timestamp,
        (agent, intent): (AgentId, IntentId),
        id: ClientOrderId,
        (approved, checks): (Approved<OrderSpec>, Vec<Check>),
        effects: &mut Effects,
    ) {
        let worst_price = approved.worst_price();
        let spec = approved.into_order();
        let order = NewOrder {
            client_order_id: id,
            instrument: spec.instrument,
            side: spec.side,
            kind: spec.kind,
            qty: OrderQty::Base(self.decided_qty(&spec)),
            time_in_force: spec.time_in_force,
            post_only: spec.post_only,
            reduce_only: spec.reduce_only,
            self_trade_prevention: None,
        };
        // By what is held and open without it. Late protection is better than none.
        let exposure = self.books.exposure(spec.instrument);
        let adds_risk = spec.qty > exposure.closable(spec.side);
        let not_after = adds_risk.then(|| now.after(VALIDITY));
        let limits = Some(self.limits_version);
        let sent = order.clone();
        let record = Record::Prepared { agent, intent, order: sent, worst_price, limits, checks };
        if self.is(Defect::SendBeforePersist) {
            let request = AccountRequest::Place(order);
            self.send_until(not_after, Purpose::Place(id), request, effects);
            return self.record(now, record, effects);
        }
        self.record(now, record, effects);
        self.send_until(not_after, Purpose::Place(id), AccountRequest::Place(order), effects);
        self.tell(&id, effects);
    }

    /// What was decided, unless one of the deliberate bugs makes it a lot more.
    fn decided_qty(&self, spec: &OrderSpec) -> Qty {
        let market = self.markets.get(spec.instrument).filter(|_| self.is(Defect::OneLotMore));
        let lot = market.and_then(|market| Qty::try_from(market.instrument().lot.get()).ok());
        lot.and_then(|lot| spec.qty.checked_add(lot)).unwrap_or(spec.qty)
    }

    /// A deliberate bug: an order that nobody has named, to make the books agree.
    pub(crate) fn repair_by_trading(&mut self, now: Timestamp, effects: &mut Effects) {
        let last = self.books.open_orders().next().cloned();
        let Some(order) = last.filter(|_| self.is(Defect::RepairsByTrading)) else { return };
        let Some(id) = self.ids.next(order.agent, self.config.profile.client_id_max) else {
            return;
        };
        let (agent, intent, worst_price) = (order.agent, IntentId(0), order.worst_price);
        let order = NewOrder { client_order_id: id, ..order.order };
        let limits = Some(self.limits_version);
        let (sent, checks) = (order.clone(), Vec::new());
        let record = Record::Prepared { agent, intent, order: sent, worst_price, limits, checks };
        self.record(now, record, effects);
        self.send(Purpose::Place(id), AccountRequest::Place(order), effects);
    }

    fn cancel_intent(
        &mut self,
        now: Timestamp,
        agent: AgentId,
        of: IntentId,
        effects: &mut Effects,
    ) -> Result<(), Refusal> {
        let order = self.books.order_of(agent, of).filter(|o| o.state.is_open());
        let id = order.ok_or(Refusal::NothingToCancel)?.order.client_order_id;
        self.cancel(now, id, effects);
        Ok(())
    }

    fn cancel_all(
        &mut self,
        now: Timestamp,
        agent: AgentId,
        instrument: InstrumentId,
        effects: &mut Effects,
    ) {
        let ids: Vec<ClientOrderId> = self
            .books
            .open_orders()
            .filter(|o| o.agent == agent && o.order.instrument == instrument)
            .map(|o| o.order.client_order_id)
            .collect();
        for id in ids {
            self.cancel(now, id, effects);
        }
    }
}

/// The market as an agent's decision finds it.
fn seen(market: &MarketView, venue_ahead_ms: i64) -> Seen {
    let (best, grid) = (market.best(), market.instrument().grid());
    let exact = |level: Option<Level>| {
        level.and_then(|level| Some((grid.price(level.price)?, grid.qty(level.qty)?)))
    };
    let as_of = market.book_as_of(venue_ahead_ms).or_else(|| market.updated());
    Seen { bid: exact(best.bid), ask: exact(best.ask), as_of, live: market.is_live() }
}
