//! The loop around the core: take the next input, apply, carry out the effects in order.
//!
//! One task, one account. It waits for nothing but its next input: records go to the journal's
//! writer, and what they cover is sent by the writer's word that they are durable; questions to the
//! venue run on their own and come back as inputs.

use std::collections::BTreeMap;
use std::time::Duration;

use gateway::Gateway;
use journal::JournalHandle;
use model::venue::{AccountRequest, Request};
use model::{
    AgentEvent, AgentId, ClientOrderId, Command, Effect, Effects, Entry, FeedHealth, Input,
    InstrumentId, Link, Notice, Reply, RequestId, Timestamp, TradingState,
};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::clear::{Flights, clear};
use super::error::RunError;
use super::pump::Distrust;
use super::rest::Rest;
use crate::agent::{AgentHandle, FromAgent};
use crate::clock;

/// How long an orderly stop may take before what is left is left.
const STOP_MAX: Duration = Duration::from_secs(10);
/// Longest sleep; a wake-up that is farther away is asked for again.
const SLEEP_MAX: Duration = Duration::from_secs(3_600);
/// Inputs that are taken before the loop looks at anything else.
const BURST: usize = 64;

pub(super) struct Core {
    pub(super) gateway: Gateway,
    pub(super) journal: JournalHandle,
    pub(super) rest: Rest,
    pub(super) agents: BTreeMap<AgentId, AgentHandle>,
    pub(super) inputs: mpsc::Sender<Input>,
    pub(super) failures: mpsc::UnboundedSender<journal::StoreError>,
    pub(super) flights: Flights,
    pub(super) distrust: Distrusted,
}

/// The ways to tell a session that what it says is not believed.
pub(super) struct Distrusted {
    pub(super) market: mpsc::Sender<Distrust>,
    pub(super) account: mpsc::Sender<Distrust>,
}

/// What the loop listens to.
pub(super) struct Sources {
    pub(super) inputs: mpsc::Receiver<Input>,
    pub(super) agents: mpsc::Receiver<(AgentId, FromAgent)>,
    pub(super) failures: mpsc::UnboundedReceiver<journal::StoreError>,
    pub(super) stop: watch::Receiver<bool>,
}

/// How far an orderly stop is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Running,
    /// Entry orders are being taken back.
    Clearing,
    /// The books are compared a last time.
    Reading,
}

impl Core {
    /// Runs until it is told to stop or the journal fails.
    pub(super) async fn run(
        mut self,
        mut sources: Sources,
        first: Effects,
    ) -> Result<(), RunError> {
        let mut effects = first;
        let mut wake = None;
        let mut phase = Phase::Running;
        let mut deadline = None;
        self.carry_out(&mut effects, &mut wake);
        loop {
            let alarm = alarm(wake, deadline);
            tokio::select! {
                biased;
                Some(error) = sources.failures.recv() => return Err(self.without_journal(error).await),
                _ = sources.stop.wait_for(|stop| *stop), if phase == Phase::Running => {
                    phase = Phase::Clearing;
                    deadline = Some(Instant::now() + STOP_MAX);
                    self.stop_agents(&mut effects, &mut wake).await;
                }
                Some(input) = sources.inputs.recv() => {
                    self.take(&input, &mut effects, &mut wake);
                    for _ in 1..BURST {
                        let Ok(input) = sources.inputs.try_recv() else { break };
                        self.take(&input, &mut effects, &mut wake);
                    }
                }
                Some((agent, said)) = sources.agents.recv() => {
                    if phase == Phase::Running {
                        let input = from_agent(agent, said);
                        self.take(&input, &mut effects, &mut wake);
                    }
                }
                () = tokio::time::sleep_until(alarm) => {
                    if wake.is_some_and(|at| at <= clock::now()) {
                        wake = None;
                        self.take(&Input::Wake, &mut effects, &mut wake);
                    }
                }
            }
            if deadline.is_some_and(|at| at <= Instant::now()) {
                let open = self.gateway.books().open_count();
                tracing::warn!(
                    open,
                    "stopping with questions unanswered; the next start asks again"
                );
                break;
            }
            match phase {
                Phase::Clearing if self.is_cleared() => {
                    phase = Phase::Reading;
                    let reconcile = Input::Operator(Command::Reconcile);
                    self.take(&reconcile, &mut effects, &mut wake);
                }
                Phase::Reading if self.gateway.outstanding() == 0 => break,
                Phase::Running | Phase::Clearing | Phase::Reading => {}
            }
        }
        self.flush().await
    }

    /// Waits until everything that was handed to the journal is durable.
    async fn flush(&self) -> Result<(), RunError> {
        let (tell, told) = tokio::sync::oneshot::channel();
        self.journal.append(Vec::new(), move |written| {
            // The other side waits right below.
            let _ = tell.send(written);
        });
        match told.await {
            Ok(written) => written.map(|_| ()).map_err(RunError::Journal),
            Err(_) => Err(RunError::Journal(journal::StoreError::Lost("writer ended".to_owned()))),
        }
    }

    fn take(&mut self, input: &Input, effects: &mut Effects, wake: &mut Option<Timestamp>) {
        let now = clock::now();
        self.gateway.apply(now, input, effects);
        if let Input::Market(event) = input {
            for agent in self.agents.values() {
                agent.market(now, event);
            }
        }
        self.carry_out(effects, wake);
    }

    /// Carries out effects: records first, and what is sent only by the word that they are durable.
    fn carry_out(&mut self, effects: &mut Effects, wake: &mut Option<Timestamp>) {
        let now = clock::now();
        let mut entries: Vec<Entry> = Vec::new();
        let mut sends: Vec<(RequestId, Request)> = Vec::new();
        for effect in effects.drain(..) {
            match effect {
                Effect::Persist(entry) => entries.push(entry),
                Effect::Send { id, request, not_after: _ } => sends.push((id, request)),
                Effect::Distrust { link, instrument, cause } => {
                    tracing::warn!(?link, ?instrument, %cause, "what is told is not believed");
                    let session = match link {
                        Link::Market => &self.distrust.market,
                        Link::Account => &self.distrust.account,
                    };
                    // Where much evidence waits already, one more piece changes nothing.
                    let _ = session.try_send((instrument, cause));
                }
                Effect::WakeAt(at) => *wake = Some(wake.map_or(at, |earlier| earlier.min(at))),
                Effect::Notify(Notice::Alert(text)) => tracing::warn!("{text}"),
                Effect::Notify(Notice::Agent(agent, event)) => {
                    if let Some(agent) = self.agents.get(&agent) {
                        agent.event(now, &event);
                    }
                }
                Effect::Notify(Notice::AllAgents(event)) => {
                    tell_operator(&event);
                    for agent in self.agents.values() {
                        agent.event(now, &event);
                    }
                }
            }
        }
        if entries.is_empty() {
            send_all(&self.rest, &self.inputs, &self.flights, sends);
            return;
        }
        let (rest, inputs, failures) =
            (self.rest.clone(), self.inputs.clone(), self.failures.clone());
        let flights = self.flights.clone();
        let runtime = tokio::runtime::Handle::current();
        self.journal.append(entries, move |written| match written {
            Ok(_) => {
                let _entered = runtime.enter();
                send_all(&rest, &inputs, &flights, sends);
            }
            // The loop is gone only when it has ended for another reason.
            Err(error) => drop(failures.send(error)),
        });
    }

    async fn stop_agents(&mut self, effects: &mut Effects, wake: &mut Option<Timestamp>) {
        for (agent, handle) in std::mem::take(&mut self.agents) {
            handle.stop().await;
            let cause = "the gateway stops".to_owned();
            let gone = Input::Operator(Command::AgentGone { agent, cause });
            self.take(&gone, effects, wake);
        }
    }

    /// Nothing under way, and no order that could still add risk.
    fn is_cleared(&self) -> bool {
        self.gateway.outstanding() == 0 && self.entries().is_empty()
    }

    /// Open orders that could add risk.
    fn entries(&self) -> Vec<(InstrumentId, ClientOrderId)> {
        let entries = self.gateway.entries();
        entries.map(|order| (order.order.instrument, order.order.client_order_id)).collect()
    }

    /// Nothing can be written down any more, so nothing that adds risk may be sent any more. What
    /// is open is taken back without a record; the next start finds out by asking.
    async fn without_journal(&mut self, error: journal::StoreError) -> RunError {
        let entries = self.entries();
        tracing::error!(%error, open = entries.len(), "the journal failed: taking back entry orders");
        if !clear(&self.rest, entries, &self.flights).await {
            tracing::error!("entry orders may be left at the venue: look there and cancel them");
        }
        for (_, handle) in std::mem::take(&mut self.agents) {
            handle.stop().await;
        }
        RunError::Journal(error)
    }
}

/// What the person at the terminal wants to know without asking.
fn tell_operator(event: &AgentEvent) {
    match event {
        AgentEvent::Trading { state: TradingState::Active, .. } => {
            tracing::info!("books agree with the venue: trading");
        }
        AgentEvent::Trading { state, cause } => {
            tracing::warn!(?state, cause, "no order that adds risk is sent");
        }
        AgentEvent::Feed { instrument, health: FeedHealth::Live, .. } => {
            tracing::info!(%instrument, "book is live");
        }
        AgentEvent::Feed { instrument, health, .. } => {
            tracing::warn!(%instrument, ?health, "book is not live");
        }
        AgentEvent::Order { .. } | AgentEvent::Fill { .. } | AgentEvent::Refused { .. } => {}
    }
}

/// When to look at the time again.
fn alarm(wake: Option<Timestamp>, deadline: Option<Instant>) -> Instant {
    let now = Instant::now();
    let due = wake.map_or(SLEEP_MAX, |at| at.since(clock::now()).min(SLEEP_MAX));
    // Timers have a resolution of a millisecond: one too early would turn the loop idly.
    let alarm = now + due + Duration::from_millis(1);
    deadline.map_or(alarm, |deadline| deadline.min(alarm))
}

fn from_agent(agent: AgentId, said: FromAgent) -> Input {
    match said {
        FromAgent::Intent(intent) => Input::Intent(intent),
        FromAgent::Up => Input::Operator(Command::AgentUp { agent }),
        FromAgent::Gone { cause } | FromAgent::GaveUp { cause } => {
            Input::Operator(Command::AgentGone { agent, cause })
        }
    }
}

/// Each question runs on its own and comes back as an input. Their number is bounded by the core:
/// open orders by a limit, readings by one at a time.
fn send_all(
    rest: &Rest,
    inputs: &mpsc::Sender<Input>,
    flights: &Flights,
    sends: Vec<(RequestId, Request)>,
) {
    for (id, request) in sends {
        let (rest, inputs) = (rest.clone(), inputs.clone());
        let places = matches!(request, Request::Account(AccountRequest::Place(_)));
        let flight = places.then(|| flights.clone());
        tokio::spawn(async move {
            let outcome = rest.ask(&request).await;
            drop(flight);
            // The loop is gone only when the gateway ends; the next start asks again.
            let _ = inputs.send(Input::Reply(Reply { request: id, outcome })).await;
        });
    }
}
