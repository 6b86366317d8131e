//! What is sent, and when: by the journal's word that its records are durable, on the journal's
//! thread.
//!
//! That word may come late: a bad disk or another program's lock holds it up for seconds. An order
//! that adds risk was decided on the market of its moment, so it has a time until which it may leave,
//! and it stays when trading has stopped meanwhile; what is held back is certain not to have left.
//! Cancels leave however late it is. So do orders that only shrink a position, as long as no other gateway can
//! have taken over.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use gateway::LEAVES_WITHIN;
use model::venue::{AccountRequest, Request};
use model::{Input, Outcome, Reply, RequestId, Sent, Timestamp, TradingState};
use tokio::sync::mpsc;

use super::clear::Flights;
use super::rest::Rest;
use crate::clock;

/// May it leave? Set by the loop after every input, asked at the last moment before a send: behind every
/// wait for the disk and for the rate budget.
#[derive(Clone, Debug, Default)]
pub(super) struct Gate(Arc<Doors>);

#[derive(Debug, Default)]
struct Doors {
    /// What adds risk may leave.
    active: AtomicBool,
    /// Nothing that changes anything may leave, no cancel either.
    dark: AtomicBool,
    /// What adds risk needs the watchdog's lease.
    watched: AtomicBool,
    /// Until and including when that is good, nanoseconds of our clock.
    leased_until: AtomicI64,
    /// Nothing may leave any more: the account is another gateway's.
    lost: AtomicBool,
}

impl Gate {
    pub(super) fn set(&self, state: TradingState) {
        self.0.dark.store(!state.row().cancels, Ordering::Release);
        self.0.active.store(state.adds_risk(), Ordering::Release);
    }

    /// From now on what adds risk needs a lease.
    pub(super) fn needs_lease(&self) {
        self.0.watched.store(true, Ordering::Release);
    }

    /// The watchdog's lease is good until and including then.
    pub(super) fn lease(&self, until: Timestamp) {
        self.0.leased_until.store(until.nanos(), Ordering::Release);
    }

    /// For good.
    pub(super) fn lose(&self) {
        self.0.lost.store(true, Ordering::Release);
    }

    /// Why this must not leave; `None` when it may. `changes`: it is an order or a cancel.
    pub(super) fn holds_back(
        &self,
        now: Timestamp,
        not_after: Option<Timestamp>,
        changes: bool,
    ) -> Option<String> {
        if self.0.lost.load(Ordering::Acquire) {
            return Some("another gateway has taken over".to_owned());
        }
        if changes && self.0.dark.load(Ordering::Acquire) {
            return Some("this gateway is dark: nothing but questions leaves".to_owned());
        }
        let not_after = not_after?;
        if now > not_after {
            let late = now.since(not_after);
            return Some(format!("it was ready {late:.1?} after it had to leave"));
        }
        let until = self.0.leased_until.load(Ordering::Acquire);
        if self.0.watched.load(Ordering::Acquire) && now.nanos() > until {
            return Some("no fresh lease from the watchdog".to_owned());
        }
        let stopped = !self.0.active.load(Ordering::Acquire);
        stopped.then(|| "trading stopped before it left".to_owned())
    }
}

/// The way to the venue for all that the core sends.
#[derive(Clone)]
pub(super) struct Release {
    rest: Rest,
    inputs: mpsc::Sender<Input>,
    flights: Flights,
    gate: Gate,
}

/// One thing to ask the venue.
pub(super) struct Question {
    pub(super) id: RequestId,
    pub(super) request: Request,
    /// Until when it may leave; `None` for ever.
    pub(super) not_after: Option<Timestamp>,
    /// Nothing is wrong that it is asked for.
    pub(super) routine: bool,
}

impl Release {
    pub(super) fn new(rest: Rest, inputs: mpsc::Sender<Input>) -> Release {
        Release { rest, inputs, flights: Flights::default(), gate: Gate::default() }
    }

    pub(super) fn rest(&self) -> &Rest {
        &self.rest
    }

    pub(super) fn flights(&self) -> &Flights {
        &self.flights
    }

    pub(super) fn gate(&self) -> &Gate {
        &self.gate
    }

    /// Asks what was decided then. Each question runs on its own and comes back as an input. Their
    /// number is bounded by the core: open orders by a limit, readings by one at a time.
    pub(super) fn all(&self, decided: Timestamp, questions: Vec<Question>) {
        let durable = clock::now();
        for question in questions {
            let release = self.clone();
            let places = matches!(question.request, Request::Account(AccountRequest::Place(_)));
            let flight = places.then(|| release.flights.clone());
            // A cancel waits for no disk.
            let durable = places.then_some(durable);
            tokio::spawn(async move {
                let (outcome, left) = release.ask(&question, decided).await;
                drop(flight);
                let sent = Sent { durable, left, came: Some(clock::now()) };
                // The loop is gone only when the gateway ends; the next start asks again.
                let reply = Input::Reply(Reply { request: question.id, outcome, sent });
                let _ = release.inputs.send(reply).await;
            });
        }
    }

    /// How it ended, and when it left: when it was last let through, which is right before its first byte.
    async fn ask(&self, question: &Question, decided: Timestamp) -> (Outcome, Option<Timestamp>) {
        let changes = changes(&question.request);
        let left = AtomicI64::new(0);
        let held_back = || {
            let now = clock::now();
            let held = self.gate.holds_back(now, question.not_after, changes);
            let held = held.or_else(|| may_be_outrun(now, decided, &question.request));
            left.store(if held.is_none() { now.nanos() } else { 0 }, Ordering::Relaxed);
            held
        };
        let as_of = question.not_after.map(|_| decided);
        let outcome = match held_back() {
            Some(cause) => Outcome::NotSent(cause),
            None => {
                let rest = self.rest.clone().for_routine(question.routine);
                let rest = rest.decided(decided, question.id);
                rest.ask_unless(&question.request, as_of, &held_back).await
            }
        };
        if let (Outcome::NotSent(cause), Request::Account(AccountRequest::Place(order))) =
            (&outcome, &question.request)
        {
            let (client_order_id, instrument) = (order.client_order_id, order.instrument);
            tracing::warn!(%client_order_id, %instrument, "an order is not sent: {cause}");
        }
        let left = left.into_inner();
        let never = left == 0 || matches!(outcome, Outcome::NotSent(_));
        (outcome, (!never).then(|| Timestamp::from_nanos(left)))
    }
}

/// Why an order must not leave that was decided then, whatever it is for: another gateway may have taken over.
fn may_be_outrun(now: Timestamp, decided: Timestamp, request: &Request) -> Option<String> {
    let places = matches!(request, Request::Account(AccountRequest::Place(_)));
    let late = now.since(decided.after(LEAVES_WITHIN));
    (places && !late.is_zero()).then(|| {
        format!(
            "it was ready {late:.1?} after it had to leave: another gateway may have taken over"
        )
    })
}

/// Does it change anything at the venue?
fn changes(request: &Request) -> bool {
    match request {
        Request::Account(
            AccountRequest::Place(_)
            | AccountRequest::Cancel { .. }
            | AccountRequest::CancelAll(_)
            | AccountRequest::CancelReplace(_),
        ) => true,
        Request::Account(_) | Request::Market(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_the_dark_nothing_but_questions_leaves() {
        let at = Timestamp::from_millis(1_000).unwrap();
        let gate = Gate::default();
        for state in TradingState::ALL {
            gate.set(state);
            assert_eq!(gate.holds_back(at, None, false), None, "{state:?}");
            let held = gate.holds_back(at, None, true);
            assert_eq!(held.is_some(), state == TradingState::Dark, "{state:?}");
            assert_eq!(gate.holds_back(at, Some(at), true).is_none(), state.adds_risk());
        }
    }

    /// A process that was stopped for longer than its store is lent goes on: no order of it leaves, a cancel does.
    #[test]
    fn an_order_of_whatever_kind_stays_when_another_gateway_may_have_taken_over() {
        let at = |millis| Timestamp::from_millis(millis).unwrap();
        let instrument = model::InstrumentId::new("BTC-USDT").unwrap();
        let order = model::NewOrder {
            client_order_id: model::ClientOrderId::new("a").unwrap(),
            instrument,
            side: model::Side::Sell,
            kind: model::OrderKind::Market,
            qty: model::OrderQty::Base("1".parse().unwrap()),
            time_in_force: model::TimeInForce::Ioc,
            post_only: false,
            reduce_only: true,
            self_trade_prevention: None,
        };
        let place = Request::Account(AccountRequest::Place(order));
        let cancel = Request::Account(AccountRequest::CancelAll(instrument));
        for (now, held) in [(1_000, false), (9_000, false), (9_001, true), (60_000, true)] {
            assert_eq!(may_be_outrun(at(now), at(1_000), &place).is_some(), held, "{now}");
            assert_eq!(may_be_outrun(at(now), at(1_000), &cancel), None);
        }
    }

    #[test]
    fn without_a_lease_what_adds_risk_stays_and_nothing_else() {
        let at = |millis| Timestamp::from_millis(millis).unwrap();
        let gate = Gate::default();
        gate.set(TradingState::Active);
        assert_eq!(gate.holds_back(at(1_000), Some(at(9_000)), true), None, "none is needed");
        gate.needs_lease();
        for (until, now, held) in
            [(None, 1_000, true), (Some(1_000), 1_000, false), (Some(1_000), 1_001, true)]
        {
            until.into_iter().for_each(|until| gate.lease(at(until)));
            let risky = gate.holds_back(at(now), Some(at(9_000)), true);
            assert_eq!(risky.is_some_and(|why| why.contains("lease")), held, "{until:?} {now}");
            assert_eq!(gate.holds_back(at(now), None, true), None, "a cancel");
        }
    }

    #[test]
    fn late_or_stopped_what_adds_risk_stays() {
        let at = |millis| Timestamp::from_millis(millis).unwrap();
        let gate = Gate::default();
        gate.set(TradingState::Active);
        assert_eq!(gate.holds_back(at(2_000), Some(at(2_000)), true), None);
        let late = gate.holds_back(at(3_500), Some(at(2_000)), true).unwrap();
        assert!(late.contains("1.5s after"), "{late}");
        assert_eq!(
            gate.holds_back(at(9_000), None, true),
            None,
            "late protection is better than none"
        );
        gate.set(TradingState::Starting);
        let stopped = gate.holds_back(at(1_000), Some(at(2_000)), true).unwrap();
        assert!(stopped.contains("stopped"), "{stopped}");
        assert_eq!(gate.holds_back(at(1_000), None, true), None);
        gate.set(TradingState::Active);
        gate.lose();
        gate.set(TradingState::Active);
        for not_after in [None, Some(at(2_000))] {
            let lost = gate.holds_back(at(1_000), not_after, true).unwrap();
            assert!(lost.contains("taken over"), "cancels, too: {lost}");
        }
    }
}
