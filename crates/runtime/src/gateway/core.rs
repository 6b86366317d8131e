//! The loop around the core: take the next input, apply, carry out the effects in order.
//!
//! One task, one account. It waits for nothing but its next input: records go to the journal's
//! writer, and what they cover is sent by the writer's word that they are durable; questions to the
//! venue run on their own and come back as inputs.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::time::Duration;

use alerts::Alerts;
use futures_util::future::join_all;
use gateway::Gateway;
use journal::JournalHandle;
use model::venue::{AccountRequest, Request};
use model::{
    AgentId, Alert, Command, Effect, Effects, Entry, HaltLevel, HaltedBy, Input, Link, Notice,
    Timestamp,
};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout};

use super::clear::{self, clear};
use super::error::RunError;
use super::hands::Hands;
use super::paper::Paper;
use super::pulse::{Pulse, ROUND_MAX};
use super::pump::Distrust;
use super::release::{Question, Release};
use super::rounds::{Round, Sources};
use super::waiting::Waiting;
use super::{raise, shown, tell};
use crate::agent::{AgentHandle, FromAgent};
use crate::clock;
use crate::control::{Answer, Ask, Asked, Enabled};
use crate::record::Ear;

/// How long an orderly stop may take before what is left is left.
const STOP_MAX: Duration = Duration::from_secs(10);
/// Longest sleep; a wake-up that is farther away is asked for again.
const SLEEP_MAX: Duration = Duration::from_secs(3_600);

pub(super) struct Core {
    pub(super) gateway: Gateway,
    pub(super) journal: JournalHandle,
    pub(super) release: Release,
    pub(super) agents: BTreeMap<AgentId, AgentHandle>,
    pub(super) failures: mpsc::Sender<journal::StoreError>,
    pub(super) distrust: Distrusted,
    pub(super) waiting: Waiting,
    pub(super) hands: Hands,
    pub(super) alerts: Alerts,
    /// Shown to the watchdog, where there is one.
    pub(super) pulse: Option<Pulse>,
    /// Where market data is kept, if it is.
    pub(super) ear: Option<Ear>,
    /// The account, where it is on paper.
    pub(super) paper: Option<Paper>,
}

/// The ways to tell a session that what it says is not believed.
pub(super) struct Distrusted {
    pub(super) market: mpsc::Sender<Distrust>,
    pub(super) account: mpsc::Sender<Distrust>,
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
        let mut round = Round::default();
        self.carry_out(clock::now(), &mut effects, &mut wake);
        loop {
            self.pulse.iter().for_each(|pulse| pulse.beats(&self.gateway));
            let sleep_max = self.pulse.as_ref().map_or(SLEEP_MAX, |_| ROUND_MAX);
            sources.next(alarm(wake, deadline, sleep_max), &mut round).await;
            if let Some(error) = round.failure.take() {
                return Err(self.without_journal(error).await);
            }
            if round.stop && phase == Phase::Running {
                phase = Phase::Clearing;
                deadline = Some(Instant::now() + STOP_MAX);
                self.raise(raise::stops());
                // It was asked to: whoever loses patience now and kills it has not seen it die.
                self.take(&Input::Operator(Command::Stop), &mut effects, &mut wake);
                self.stop_agents(&mut effects, &mut wake).await;
            }
            for input in round.inputs.drain(..) {
                self.take(&input, &mut effects, &mut wake);
            }
            for (agent, said) in round.agents.drain(..) {
                if phase == Phase::Running {
                    raise::of_agent(agent, &said).into_iter().for_each(|alert| self.raise(alert));
                    let input = from_agent(agent, said);
                    self.take(&input, &mut effects, &mut wake);
                }
            }
            if wake.is_some_and(|at| at <= clock::now()) {
                wake = None;
                self.take(&Input::Wake, &mut effects, &mut wake);
            }
            if deadline.is_some_and(|at| at <= Instant::now()) {
                let open = self.gateway.books().open_count();
                tracing::warn!(
                    open,
                    "stopping with questions unanswered; the next start asks again"
                );
                break;
            }
            match round.asked.take() {
                Some(Asked { ask: Ask::Reconcile { accept, .. }, reply, .. }) => {
                    self.waiting.ask(accept, reply, clock::now());
                    let reconcile = Input::Operator(Command::Reconcile);
                    self.take(&reconcile, &mut effects, &mut wake);
                }
                Some(Asked { ask: Ask::Limits { .. }, limits, reply }) => {
                    let before = self.gateway.limits_in_force().1;
                    if let Some(limits) = limits.and_then(|limits| shown::limits_text(&limits)) {
                        let set = Input::Operator(Command::SetLimits { limits });
                        self.take(&set, &mut effects, &mut wake);
                    }
                    let answer = shown::limits(&self.gateway, before);
                    self.answer_when_durable(vec![(reply, answer)]);
                }
                Some(Asked { ask: Ask::EnableAgent { agent }, reply, .. }) => {
                    let was = self.gateway.books().disabled(agent).map(str::to_owned);
                    let enable = Input::Operator(Command::EnableAgent { agent });
                    self.take(&enable, &mut effects, &mut wake);
                    let answer = Answer::Enabled(Enabled { agent, was });
                    self.answer_when_durable(vec![(reply, answer)]);
                }
                Some(Asked { ask: Ask::Halt { reason, dark, by }, reply, .. }) => {
                    let level = if dark { HaltLevel::Dark } else { HaltLevel::Halted };
                    self.halt((level, by), &reason, reply, (&mut effects, &mut wake));
                }
                Some(Asked { ask: Ask::Flatten { reason }, reply, .. }) => {
                    let by = (HaltLevel::Flattening, HaltedBy::Person);
                    self.halt(by, &reason, reply, (&mut effects, &mut wake));
                }
                Some(Asked { ask: Ask::Resume { code }, reply, .. }) => {
                    self.resume(code.as_deref(), reply, (&mut effects, &mut wake));
                }
                Some(Asked { ask: Ask::Book { instrument, depth }, reply, .. }) => {
                    // Who asked may have gone.
                    let _ = reply.send(shown::book(&self.gateway, instrument, depth));
                }
                Some(Asked { ask: Ask::Alerts, reply, .. }) => {
                    let _ = reply.send(Answer::Alerts(self.alerts.state()));
                }
                Some(Asked { ask: Ask::Breakers {}, reply, .. }) => {
                    let _ = reply.send(shown::breakers(&self.gateway, clock::now()));
                }
                Some(Asked { ask: Ask::Flushes {}, .. }) => {
                    // The channel answers it; whoever asks here by another way is told that it ended.
                }
                None => {}
            }
            let due = self.waiting.answer(&self.gateway, clock::now());
            self.answer_when_durable(due.answers);
            if due.accept {
                let accept = Input::Operator(Command::AcceptDifferences);
                self.take(&accept, &mut effects, &mut wake);
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

    /// Answers people when the records that they hear of are durable.
    pub(super) fn answer_when_durable(&self, answers: Vec<(oneshot::Sender<Answer>, Answer)>) {
        if answers.is_empty() {
            return;
        }
        self.journal.append(Vec::new(), move |written| {
            // Where the journal fails the gateway ends, and the channel says so.
            if written.is_ok() {
                // Who asked may be gone.
                answers.into_iter().for_each(|(reply, answer)| drop(reply.send(answer)));
            }
        });
    }

    /// Waits until everything that was handed to the journal is durable.
    async fn flush(&self) -> Result<(), RunError> {
        let (tell, told) = oneshot::channel();
        self.journal.append(Vec::new(), move |written| {
            // The other side waits right below.
            let _ = tell.send(written);
        });
        match told.await {
            Ok(written) => written.map(|_| ()).map_err(RunError::Journal),
            Err(_) => Err(RunError::Journal(journal::StoreError::Lost("writer ended".to_owned()))),
        }
    }

    pub(super) fn take(
        &mut self,
        input: &Input,
        effects: &mut Effects,
        wake: &mut Option<Timestamp>,
    ) {
        let now = clock::now();
        self.gateway.apply(now, input, effects);
        let venue_now = self.release.rest().clock().at(now);
        // Requests that arrive at a paper exchange are in one order with what it hears, and the recording has it.
        let heard = self.paper.as_ref().map_or(now, |paper| paper.hears(now, venue_now, input));
        if let Input::Market(event) = input {
            for agent in self.agents.values() {
                agent.market(now, event);
            }
        }
        self.carry_out(now, effects, wake);
        // Last, for nothing waits for it.
        if let Some(ear) = &mut self.ear {
            ear.hears(heard, venue_now, input);
        }
    }

    /// Carries out effects: records first, and what is sent only by the word that they are durable;
    /// all but cancels. `now` is when they were decided, as their records say.
    fn carry_out(&mut self, now: Timestamp, effects: &mut Effects, wake: &mut Option<Timestamp>) {
        let mut entries: Vec<Entry> = Vec::new();
        let mut sends: Vec<Question> = Vec::new();
        for effect in effects.drain(..) {
            match effect {
                Effect::Persist(entry) => {
                    tell::record(&entry.record);
                    self.waiting.recorded(&entry);
                    entries.push(entry);
                }
                Effect::Send { id, request, not_after, routine } => {
                    sends.push(Question { id, request, not_after, routine });
                }
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
                Effect::Notify(Notice::Alert(alert)) => self.raise(alert),
                Effect::Notify(Notice::Agent(agent, event)) => {
                    if let Some(agent) = self.agents.get(&agent) {
                        agent.event(now, &event);
                    }
                }
                Effect::Notify(Notice::AllAgents(event)) => {
                    tell::event(&event);
                    for agent in self.agents.values() {
                        agent.event(now, &event);
                    }
                }
            }
        }
        // What is released from now on is held back by what is known now.
        self.release.gate().set(self.gateway.state().0);
        // A cancel can only take away: it does not wait for the disk. Should its record be lost, the next
        // start finds out by asking. Not so one whose record says what is done instead.
        let waits_not =
            |question: &Question| is_cancel(&question.request) && question.not_after.is_none();
        let (cancels, sends) = sends.into_iter().partition(waits_not);
        self.release.all(now, cancels);
        if entries.is_empty() {
            self.release.all(now, sends);
            return;
        }
        let (release, failures) = (self.release.clone(), self.failures.clone());
        let runtime = tokio::runtime::Handle::current();
        // Never waits: when thousands of writes wait already the store is as good as gone, and cancels
        // are not to wait with them.
        self.journal.append_now(entries, move |written| match written {
            Ok(_) => {
                let _entered = runtime.enter();
                release.all(now, sends);
            }
            // Where it is full one waits already, and where it is gone the loop has ended.
            Err(error) => drop(failures.try_send(error)),
        });
    }

    /// Tells people, with what is at stake.
    fn raise(&self, alert: Alert) {
        tell::alert(&alert);
        self.alerts.raise(alert, raise::standing(&self.gateway));
    }

    /// Ends every agent and takes back the entry orders of all, those that run no more among them.
    async fn stop_agents(&mut self, effects: &mut Effects, wake: &mut Option<Timestamp>) {
        let open = self.gateway.books().open_orders().map(|order| order.agent);
        let mut agents: BTreeSet<AgentId> = open.collect();
        agents.extend(self.agents.keys());
        self.end_agents().await;
        for agent in agents {
            let cause = "the gateway stops".to_owned();
            let gone = Input::Operator(Command::AgentGone { agent, cause });
            self.take(&gone, effects, wake);
        }
    }

    /// Ends every agent's process, side by side: one that does not want to end takes seconds, and what is
    /// open waits for all of them.
    async fn end_agents(&mut self) {
        let agents = std::mem::take(&mut self.agents).into_values();
        let mut ended = pin!(join_all(agents.map(AgentHandle::stop)));
        // The watchdog is not to take this wait for a loop that is stuck.
        while timeout(ROUND_MAX, &mut ended).await.is_err() {
            self.pulse.iter().for_each(|pulse| pulse.beats(&self.gateway));
        }
    }

    /// Nothing under way, and no order that could still add risk.
    fn is_cleared(&self) -> bool {
        // In the dark none is taken back.
        let stays = !self.gateway.state().0.row().cancels;
        self.gateway.outstanding() == 0 && (stays || self.gateway.entries().next().is_none())
    }

    /// Nothing can be written down any more, so nothing that adds risk may be sent any more. What
    /// is open is taken back without a record, unless another gateway has the journal by now; the
    /// next start finds out by asking.
    async fn without_journal(&mut self, error: journal::StoreError) -> RunError {
        if matches!(error, journal::StoreError::Outrun { .. }) {
            // What is open is the other one's to look after, and may be wanted. What waits stays.
            self.release.gate().lose();
            self.raise(raise::outrun(&error));
            self.end_agents().await;
            return RunError::Journal(error);
        }
        let entries = self.gateway.entries();
        let entry = |order: &gateway::TrackedOrder| clear::Entry {
            instrument: order.order.instrument,
            id: order.order.client_order_id,
            venue_id: order.venue_order_id,
        };
        let mut entries: Vec<clear::Entry> = entries.map(entry).collect();
        if !self.gateway.state().0.row().cancels {
            tracing::error!(open = entries.len(), "this gateway is dark: nothing is taken back");
            entries.clear();
        }
        self.raise(raise::journal_failed(&error, entries.len()));
        if !clear(self.release.rest(), entries, self.release.flights()).await {
            self.raise(raise::not_cleared());
        }
        self.end_agents().await;
        RunError::Journal(error)
    }
}

const fn is_cancel(request: &Request) -> bool {
    matches!(
        request,
        Request::Account(AccountRequest::Cancel { .. } | AccountRequest::CancelAll(_))
    )
}

/// When to look at the time again.
fn alarm(wake: Option<Timestamp>, deadline: Option<Instant>, sleep_max: Duration) -> Instant {
    let now = Instant::now();
    let due = wake.map_or(sleep_max, |at| at.since(clock::now()).min(sleep_max));
    // Timers have a resolution of a millisecond: one too early would turn the loop idly.
    let alarm = now + due + Duration::from_millis(1);
    deadline.map_or(alarm, |deadline| deadline.min(alarm))
}

fn from_agent(agent: AgentId, said: FromAgent) -> Input {
    match said {
        FromAgent::Intent(intent) => Input::Intent(intent),
        FromAgent::Up { version } => Input::Operator(Command::AgentUp { agent, version }),
        FromAgent::Gone { cause } | FromAgent::GaveUp { cause } => {
            Input::Operator(Command::AgentGone { agent, cause })
        }
    }
}
