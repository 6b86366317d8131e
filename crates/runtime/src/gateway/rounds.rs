//! What the gateway's loop listens to, taken in rounds.
//!
//! In every round each side has its turn, up to a bound: a flood from the market must not silence an
//! agent that wants its order back, nor the alarm, which the loop looks at after each round.

use journal::StoreError;
use model::{AgentId, Input};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use crate::agent::FromAgent;
use crate::control::Asked;

/// Inputs of one round.
const INPUTS_MAX: usize = 64;
/// What agents say, of one round.
const AGENTS_MAX: usize = 16;

/// What the loop listens to.
pub(super) struct Sources {
    pub(super) inputs: mpsc::Receiver<Input>,
    pub(super) agents: mpsc::Receiver<(AgentId, FromAgent)>,
    pub(super) failures: mpsc::Receiver<StoreError>,
    /// What people ask; few, for each waits for its answer.
    pub(super) asked: mpsc::Receiver<Asked>,
    pub(super) stop: watch::Receiver<bool>,
}

/// What has come; emptied by who deals with it, and filled again.
#[derive(Default)]
pub(super) struct Round {
    /// The journal has failed: nothing else matters.
    pub(super) failure: Option<StoreError>,
    /// The gateway is to stop.
    pub(super) stop: bool,
    pub(super) inputs: Vec<Input>,
    pub(super) agents: Vec<(AgentId, FromAgent)>,
    /// A person's question; one a round.
    pub(super) asked: Option<Asked>,
}

impl Sources {
    /// Waits until something has come, or for the alarm, and takes of everything that is there.
    pub(super) async fn next(&mut self, alarm: Instant, round: &mut Round) {
        tokio::select! {
            // Only the first of a round is chosen by rank.
            biased;
            Some(error) = self.failures.recv() => round.failure = Some(error),
            _ = self.stop.wait_for(|stop| *stop), if !round.stop => round.stop = true,
            Some(asked) = self.asked.recv() => round.asked = Some(asked),
            Some(input) = self.inputs.recv() => round.inputs.push(input),
            Some(said) = self.agents.recv() => round.agents.push(said),
            () = tokio::time::sleep_until(alarm) => {}
        }
        while round.inputs.len() < INPUTS_MAX
            && let Ok(input) = self.inputs.try_recv()
        {
            round.inputs.push(input);
        }
        while round.agents.len() < AGENTS_MAX
            && let Ok(said) = self.agents.try_recv()
        {
            round.agents.push(said);
        }
        if round.asked.is_none() {
            round.asked = self.asked.try_recv().ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_flood_of_inputs_silences_nobody() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let (inputs, input_queue) = mpsc::channel(10_000);
            let (agents, agent_queue) = mpsc::channel(100);
            let (_failures, failures) = mpsc::channel(1);
            let (stop, stopped) = watch::channel(false);
            let (_asked, asked) = mpsc::channel(1);
            let mut sources = Sources {
                inputs: input_queue,
                agents: agent_queue,
                failures,
                asked,
                stop: stopped,
            };
            (0..1_000).for_each(|_| inputs.try_send(Input::Wake).unwrap());
            let agent = AgentId::new("a").unwrap();
            (0..20)
                .for_each(|_| agents.try_send((agent, FromAgent::Up { version: None })).unwrap());

            let far = Instant::now() + Duration::from_secs(60);
            let mut round = Round::default();
            sources.next(far, &mut round).await;
            assert_eq!((round.inputs.len(), round.agents.len()), (INPUTS_MAX, AGENTS_MAX));
            round.inputs.clear();
            round.agents.clear();
            stop.send_replace(true);
            sources.next(far, &mut round).await;
            assert_eq!((round.stop, round.inputs.len(), round.agents.len()), (true, INPUTS_MAX, 4));

            // With nothing to come, the alarm ends the round.
            let mut silent = Round { stop: true, ..Round::default() };
            while !sources.inputs.is_empty() {
                sources.next(far, &mut silent).await;
                silent.inputs.clear();
            }
            sources.next(Instant::now(), &mut silent).await;
            assert!(silent.inputs.is_empty() && silent.agents.is_empty());
        });
    }
}
