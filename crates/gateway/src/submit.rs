//! An agent wants something: guardrails, then the journal, then the wire.

use std::time::Duration;

use model::venue::AccountRequest;
use model::{
    Action, AgentEvent, AgentId, ClientOrderId, Effect, Effects, InstrumentId, Intent, IntentId,
    NetQty, NewOrder, Notice, OrderQty, OrderSpec, Position, Qty, Record, Refusal, Side, Timestamp,
    TradingState,
};

use crate::defects::Defect;
use crate::gateway::Gateway;
use crate::purpose::Purpose;
use crate::risk::{self, Approved, OrderRate, Refusals, Situation};

/// How long an approval holds: an order that takes risk on and has not left by then is not sent.
const VALIDITY: Duration = Duration::from_secs(2);

impl Gateway {
    /// One decision of an agent, at most one effect.
    pub(crate) fn submit(&mut self, now: Timestamp, intent: &Intent, effects: &mut Effects) {
        self.record_decision(now, intent, effects);
        let done = match &intent.action {
            Action::Place(_) if now > intent.expires => {
                Err(Refusal::Expired { expired: intent.expires, now })
            }
            Action::Place(spec) => {
                if self.is(Defect::IntentTwice) {
                    let _ = self.place(now, intent, spec, effects);
                }
                self.place(now, intent, spec, effects)
            }
            _ if now > intent.expires && self.is(Defect::CancelsExpire) => {
                Err(Refusal::Expired { expired: intent.expires, now })
            }
            // What only takes away is never too late.
            Action::Cancel(of) => self.cancel_intent(now, intent.agent, *of, effects),
            Action::CancelAll(instrument) => {
                self.cancel_all(now, intent.agent, *instrument, effects);
                Ok(())
            }
            Action::Halt => {
                self.halt(now, &format!("agent {}: {}", intent.agent, intent.reason), effects);
                Ok(())
            }
        };
        if let Err(because) = done {
            let (agent, intent) = (intent.agent, intent.id);
            let record = Record::Refused { agent, intent, because: because.clone() };
            self.record(now, record, effects);
            let event = AgentEvent::Refused { intent, because };
            effects.push(Effect::Notify(Notice::Agent(agent, event)));
        }
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
        let reference =
            instrument.and_then(|i| self.markets.get(i)).and_then(|m| m.reference_price());
        let record = Record::Decided { intent: intent.clone(), position, reference };
        self.record(now, record, effects);
    }

    fn place(
        &mut self,
        now: Timestamp,
        intent: &Intent,
        spec: &OrderSpec,
        effects: &mut Effects,
    ) -> Result<(), Refusal> {
        let approved = self.approve(now, intent.agent, spec)?;
        let id = self.ids.next(intent.agent).ok_or(Refusal::Unrepresentable)?;
        self.rates.entry(intent.agent).or_default().note(now, &self.config.limits.orders);
        self.venue_is_tried(now, spec.instrument);
        self.send_order(now, intent.agent, intent.id, id, approved, effects);
        Ok(())
    }

    /// All guardrails on one order, with nothing changed: also what the benchmark measures.
    pub fn approve(
        &self,
        now: Timestamp,
        agent: AgentId,
        spec: &OrderSpec,
    ) -> Result<Approved<OrderSpec>, Refusal> {
        let market = self.markets.get(spec.instrument);
        let none = OrderRate::default();
        let (state, cause) = self.state();
        let ignored = state == TradingState::Halted && self.is(Defect::HaltLetsThrough);
        let untroubled = Refusals::default();
        let situation = Situation {
            now,
            venue_ahead_ms: self.venue_ahead_ms,
            state: (if ignored { TradingState::Active } else { state }, cause),
            limits: &self.config.limits,
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
            rate: self.rates.get(&agent).unwrap_or(&none),
            refusals: self.refusals.get(&spec.instrument).unwrap_or(&untroubled),
        };
        let reduce_only = spec.reduce_only && !self.is(Defect::ReduceOnlyIgnored);
        risk::approve(&situation, OrderSpec { reduce_only, ..spec.clone() })
    }

    /// The only way to the venue for a new order: it takes an approved one and writes it down, as
    /// it is sent, before it sends it.
    fn send_order(
        &mut self,
        now: Timestamp,
        agent: AgentId,
        intent: IntentId,
        id: ClientOrderId,
        approved: Approved<OrderSpec>,
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
        let record = Record::Prepared { agent, intent, order: order.clone(), worst_price };
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
        let Some(id) = self.ids.next(order.agent) else { return };
        let (agent, intent, worst_price) = (order.agent, IntentId(0), order.worst_price);
        let order = NewOrder { client_order_id: id, ..order.order };
        let record = Record::Prepared { agent, intent, order: order.clone(), worst_price };
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
