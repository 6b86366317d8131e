//! What is sent, and when: by the journal's word that its records are durable, on the journal's
//! thread.
//!
//! That word may come late: a bad disk or another program's lock holds it up for seconds. An order
//! that adds risk was decided on the market of its moment, so it has a time until which it may leave,
//! and it stays when trading has stopped meanwhile; what is held back is certain not to have left.
//! Cancels and orders that only shrink a position leave however late it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use model::venue::{AccountRequest, Request};
use model::{Input, Outcome, Reply, RequestId, Timestamp};
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
    /// Nothing may leave any more: the account is another gateway's.
    lost: AtomicBool,
}

impl Gate {
    pub(super) fn set(&self, active: bool) {
        self.0.active.store(active, Ordering::Release);
    }

    /// For good.
    pub(super) fn lose(&self) {
        self.0.lost.store(true, Ordering::Release);
    }

    /// Why this must not leave; `None` when it may.
    fn holds_back(&self, now: Timestamp, not_after: Option<Timestamp>) -> Option<String> {
        if self.0.lost.load(Ordering::Acquire) {
            return Some("another gateway has taken over".to_owned());
        }
        let not_after = not_after?;
        if now > not_after {
            let late = now.since(not_after);
            return Some(format!("it was ready {late:.1?} after it had to leave"));
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
        for question in questions {
            let release = self.clone();
            let places = matches!(question.request, Request::Account(AccountRequest::Place(_)));
            let flight = places.then(|| release.flights.clone());
            tokio::spawn(async move {
                let outcome = release.ask(&question, decided).await;
                drop(flight);
                // The loop is gone only when the gateway ends; the next start asks again.
                let reply = Input::Reply(Reply { request: question.id, outcome });
                let _ = release.inputs.send(reply).await;
            });
        }
    }

    async fn ask(&self, question: &Question, decided: Timestamp) -> Outcome {
        let held_back = || self.gate.holds_back(clock::now(), question.not_after);
        let as_of = question.not_after.map(|_| decided);
        let outcome = match held_back() {
            Some(cause) => Outcome::NotSent(cause),
            None => {
                let rest = self.rest.clone().for_routine(question.routine);
                rest.ask_unless(&question.request, as_of, &held_back).await
            }
        };
        if let (Outcome::NotSent(cause), Request::Account(AccountRequest::Place(_))) =
            (&outcome, &question.request)
        {
            tracing::warn!("an order is not sent: {cause}");
        }
        outcome
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn late_or_stopped_what_adds_risk_stays() {
        let at = |millis| Timestamp::from_millis(millis).unwrap();
        let gate = Gate::default();
        gate.set(true);
        assert_eq!(gate.holds_back(at(2_000), Some(at(2_000))), None);
        let late = gate.holds_back(at(3_500), Some(at(2_000))).unwrap();
        assert!(late.contains("1.5s after"), "{late}");
        assert_eq!(gate.holds_back(at(9_000), None), None, "late protection is better than none");
        gate.set(false);
        let stopped = gate.holds_back(at(1_000), Some(at(2_000))).unwrap();
        assert!(stopped.contains("stopped"), "{stopped}");
        assert_eq!(gate.holds_back(at(1_000), None), None);
        gate.set(true);
        gate.lose();
        gate.set(true);
        for not_after in [None, Some(at(2_000))] {
            let lost = gate.holds_back(at(1_000), not_after).unwrap();
            assert!(lost.contains("taken over"), "cancels, too: {lost}");
        }
    }
}
