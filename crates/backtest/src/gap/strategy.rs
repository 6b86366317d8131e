//! The strategy, replayed: the same agent decides once more on what was heard, through the same gateway and guardrails.
//!
//! How long the agent's process took is in the journal, so a decision that it took again reaches the gateway when it did
//! then. One that it did not take in the run is there at once.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use engine::{Pace, Strategy};
use gateway::Limits;
use model::{Action, AgentId, Fill, Instrument, Intent, Timestamp};
use serde::Serialize;
use sim_venue::FeeSchedule;

use super::again::{Again, Models};
use super::cause::{Cause, Evidence, cause, stale};
use super::error::GapError;
use super::leg::Leg;
use super::material::Material;
use super::pair::{Comparison, Named, Pair};
use super::session::{Decision, Sent, Session};
use crate::{Backtest, Delay, Latency, OfRun, Setup};

/// An intent is too late after this, so a decision that was taken again is no farther from the run's.
const NEAR: Duration = Duration::from_secs(2);

/// One agent's decisions and orders beside those of its replay.
#[derive(Clone, Debug, Serialize)]
pub struct Replayed {
    /// Which agent.
    pub agent: AgentId,
    /// Orders that were wanted in the run, and in the replay.
    pub wanted_run: u64,
    /// And in the replay.
    pub wanted_replay: u64,
    /// Order by order.
    #[serde(flatten)]
    pub comparison: Comparison,
}

/// Whose strategy, under which limits.
#[derive(Clone, Debug)]
pub struct Whose {
    /// The agent.
    pub agent: AgentId,
    /// The limits of the run.
    pub limits: Limits,
    /// Version of the binary, for records that nobody keeps.
    pub version: String,
}

/// Runs a strategy over the recording and puts its orders beside the run's.
pub fn strategy<S: Strategy>(
    material: &Material<'_>,
    models: &Models,
    (whose, since): (&Whose, Timestamp),
    make: impl FnOnce(&[Instrument]) -> S,
) -> Result<Replayed, GapError> {
    let session = material.session;
    let setup = setup(material, models, whose);
    let number = setup.of_run.as_ref().map_or(1, |run| run.session);
    let replayed = Arc::new(Mutex::new(Session::of(number)));
    let into = replayed.clone();
    let journal: crate::Journal = Box::new(move |entry| {
        into.lock().unwrap_or_else(PoisonError::into_inner).take(entry);
    });
    let mut backtest = Backtest::new(&setup, material.sources()?, Some(journal), make)?;
    backtest.paced_by(pace(session, whose.agent));
    backtest.run(|_, _| {})?;
    drop(backtest);
    let again = material.again(models, super::material::When::After(models.latency))?;
    let replayed = std::mem::take(&mut *replayed.lock().unwrap_or_else(PoisonError::into_inner));
    compare(material, models, (whose.agent, since), &replayed, &again)
}

fn setup(material: &Material<'_>, models: &Models, whose: &Whose) -> Setup {
    let session = material.session;
    let way = Delay::Constant(models.latency);
    Setup {
        agent: whose.agent,
        cash: material.opening.clone(),
        fees: FeeSchedule::flat(models.fees),
        fees_in: models.fees_in,
        assumptions: models.assumptions,
        latency: Latency { feed: Delay::default(), entry: way, response: way },
        intrabar: crate::Intrabar::default(),
        trouble: crate::Trouble::default(),
        limits: Some(whose.limits.clone()),
        seed: 0,
        version: whose.version.clone(),
        text: String::new(),
        of_run: Some(OfRun {
            instruments: material.instruments.clone(),
            books: session.books.clone(),
            session: material.number(),
            begin: session.before,
        }),
    }
}

/// What an action is, as far as two of them can be told to be the same.
fn is_alike(one: &Action, other: &Action) -> bool {
    match (one, other) {
        (Action::Place(one), Action::Place(other)) => {
            (one.instrument, one.side) == (other.instrument, other.side)
        }
        (Action::CancelAll(one), Action::CancelAll(other)) => one == other,
        (Action::Cancel(_), Action::Cancel(_)) | (Action::Halt, Action::Halt) => true,
        (Action::Place(_) | Action::Cancel(_) | Action::CancelAll(_) | Action::Halt, _) => false,
    }
}

/// The times at which the run's decisions reached its gateway.
fn pace(session: &Session, agent: AgentId) -> Pace {
    let own = session.decisions.iter().filter(|decision| decision.intent.agent == agent);
    let mut waiting: VecDeque<(Timestamp, Action)> =
        own.map(|decision| (decision.at, decision.intent.action.clone())).collect();
    Pace::new(move |now: Timestamp, intent: &Intent| {
        while waiting.front().is_some_and(|(at, _)| *at < now) {
            waiting.pop_front();
        }
        let until = now.after(NEAR);
        let near = waiting.iter().take_while(|(at, _)| *at <= until);
        let found = near.enumerate().find(|(_, (_, action))| is_alike(action, &intent.action));
        match found.map(|(place, _)| place) {
            Some(place) => waiting.remove(place).map_or(now, |(at, _)| at),
            None => now,
        }
    })
}

/// An order that was wanted, and what became of it.
#[derive(Clone, Copy)]
struct Wish<'a> {
    decision: &'a Decision,
    sent: Option<&'a Sent>,
}

fn wishes(
    session: &Session,
    agent: AgentId,
    (since, until): (Timestamp, Timestamp),
) -> Vec<Wish<'_>> {
    let own = session.decisions.iter().filter(|decision| {
        decision.intent.agent == agent
            && (since..=until).contains(&decision.at)
            && matches!(decision.intent.action, Action::Place(_))
    });
    let sent: std::collections::BTreeMap<_, _> =
        session.sent.iter().map(|sent| ((sent.agent, sent.intent), sent)).collect();
    own.map(|decision| {
        let sent = sent.get(&(agent, decision.intent.id)).copied();
        Wish { decision, sent }
    })
    .collect()
}

/// Each wish of the run with the one of the replay that is the same: at the same time first, then the nearest that
/// is left.
fn matched<'a>(run: &[Wish<'a>], replay: &[Wish<'a>]) -> Vec<(Option<Wish<'a>>, Option<Wish<'a>>)> {
    let mut left: Vec<Option<Wish<'a>>> = replay.iter().copied().map(Some).collect();
    let mut partners: Vec<Option<Wish<'a>>> = vec![None; run.len()];
    for near in [Duration::ZERO, NEAR] {
        for (wish, partner) in
            run.iter().zip(&mut partners).filter(|(_, partner)| partner.is_none())
        {
            let apart = |other: &Wish<'_>| {
                wish.decision
                    .at
                    .since(other.decision.at)
                    .max(other.decision.at.since(wish.decision.at))
            };
            let found = left.iter_mut().find(|other| {
                other.as_ref().is_some_and(|other| {
                    apart(other) <= near
                        && is_alike(&other.decision.intent.action, &wish.decision.intent.action)
                })
            });
            *partner = found.and_then(Option::take);
        }
    }
    let run = run.iter().copied().map(Some).zip(partners);
    let mut all: Vec<_> =
        run.chain(left.into_iter().flatten().map(|wish| (None, Some(wish)))).collect();
    all.sort_by_key(|(run, replay)| run.or(*replay).map(|wish| wish.decision.at));
    all
}

fn fills(sent: &Option<Sent>) -> impl Iterator<Item = &Fill> {
    sent.iter().flat_map(|sent| &sent.fills)
}

fn compare(
    material: &Material<'_>,
    models: &Models,
    (agent, since): (AgentId, Timestamp),
    replayed: &Session,
    again: &Again,
) -> Result<Replayed, GapError> {
    // What was wanted from then on nobody heard.
    let until = material.session.stopped.unwrap_or(Timestamp::MAX);
    let run = wishes(material.session, agent, (since, until));
    let replay = wishes(replayed, agent, (since, until));
    let tolerance = if material.paper { 0 } else { 1_000_000_000 };
    let ends = again.span.map_or(Timestamp::EPOCH, |(_, last)| last);
    let mut pairs = Vec::new();
    for (one, other) in matched(&run, &replay) {
        let sent = |wish: Option<Wish<'_>>| wish.and_then(|wish| wish.sent.cloned());
        let (in_run, in_replay) = (sent(one), sent(other));
        // Refused on both sides, or never there: nothing to compare.
        let Some(shown) = in_run.as_ref().or(in_replay.as_ref()) else { continue };
        let recorded = fills(&in_run).filter(|fill| !material.is_behind(ends, fill));
        let legs = (Leg::of(recorded, material.ahead)?, Leg::of(fills(&in_replay), 0)?);
        let named = Named {
            order: shown.order.client_order_id,
            agent,
            instrument: shown.order.instrument,
            side: shown.order.side,
            decided: shown.decided.nanos(),
        };
        let only = on_one_side(material.session, (one, other), (&in_run, &in_replay));
        let why = |run: &Leg, replay: &Leg| {
            only.clone().unwrap_or_else(|| {
                cause(&Evidence {
                    session: material.session,
                    sent: shown,
                    run,
                    replay,
                    measured: None,
                    refused_again: in_replay
                        .as_ref()
                        .and_then(|sent| sent.rejected.as_ref())
                        .map(|refusal| ("exchange", format!("{refusal:?}"))),
                    model: models.latency,
                    slippage_bps: models.assumptions.slippage_bps,
                })
            })
        };
        let mut pair = Pair::of(named, legs, &again.marks, tolerance, why)?;
        if pair.cause.is_none() && only.is_some() {
            // It came to nothing, and was wanted on one side only all the same.
            pair.is = "different";
            pair.cause = only;
        }
        pairs.push(pair);
    }
    Ok(Replayed {
        agent,
        wanted_run: run.len() as u64,
        wanted_replay: replay.len() as u64,
        comparison: Comparison::of(pairs)?,
    })
}

/// Why an order was sent on one side only; `None` where it was on both.
fn on_one_side(
    session: &Session,
    (run, replay): (Option<Wish<'_>>, Option<Wish<'_>>),
    sent: (&Option<Sent>, &Option<Sent>),
) -> Option<Cause> {
    let in_run = match sent {
        (Some(_), Some(_)) | (None, None) => return None,
        (Some(_), None) => false,
        (None, Some(_)) => true,
    };
    // The side without the order: was it wanted there?
    let wish = if in_run { run } else { replay };
    if let Some(because) = wish.and_then(|wish| wish.decision.refused.as_ref()) {
        return Some(Cause::Refused { by: "guardrail", in_run, because: because.to_string() });
    }
    let there = run.or(replay)?;
    let Action::Place(spec) = &there.decision.intent.action else { return None };
    let at = there.decision.at;
    let wrong = stale(session, spec.instrument, (at.before(Duration::from_secs(1)), at));
    Some(wrong.unwrap_or(Cause::DecidedOtherwise { in_run: !in_run }))
}
