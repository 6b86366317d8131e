//! An agent as the gateway's loop holds it, and its life across the restarts of its process.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use model::market::MarketEvent;
use model::{AgentEvent, AgentId, AgentVersion, Timestamp};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use super::conversation::{End, Parties, converse};
use super::outbox::Outbox;
use super::process::Process;
use super::version::version;
use super::{AgentConfig, AgentError, FromAgent, Hello, raised};
use crate::config::AgentProgram;

/// Restarts within [`RESTART_WINDOW`]; one more end and the agent is given up.
const RESTARTS_MAX: usize = 3;
/// See [`RESTARTS_MAX`].
const RESTART_WINDOW: Duration = Duration::from_secs(300);
/// Pause before the first restart; doubled before each further one within the window.
const RESTART_PAUSE: Duration = Duration::from_millis(500);
/// How long a stop may take before the process is left to be killed.
const STOP_MAX: Duration = Duration::from_secs(5);
/// Least memory limit that a process can start with, MiB.
const MEMORY_MIN_MIB: u64 = 16;
/// Shortest lease: the granularity of the watch must be fine against it.
const LEASE_MIN_MS: u64 = 200;

/// A running agent. Dropping it ends its process.
#[derive(Debug)]
pub struct AgentHandle {
    outbox: Arc<Outbox>,
    stop: watch::Sender<bool>,
    life: JoinHandle<()>,
}

impl AgentHandle {
    /// Starts the agent's first process. What can be known to be wrong is an error here; what goes
    /// wrong later is told through `gateway`. Must be called within a runtime.
    pub fn spawn(
        config: AgentConfig,
        hello: Hello,
        gateway: mpsc::Sender<(AgentId, FromAgent)>,
    ) -> Result<AgentHandle, AgentError> {
        check(&config, &hello)?;
        let version = known(&config).map_err(AgentError::Changed)?;
        let first = Process::start(&config).map_err(|source| {
            let program = match &config.program {
                AgentProgram::Strategy(_) => "plimsoll agent".to_owned(),
                AgentProgram::Command(words) => words.first().cloned().unwrap_or_default(),
            };
            AgentError::Start { program, source }
        })?;
        let outbox = Arc::new(Outbox::new(hello.0));
        let (stop, stopped) = watch::channel(false);
        let life = Life { config, outbox: Arc::clone(&outbox), gateway, stop: stopped };
        Ok(AgentHandle { outbox, stop, life: tokio::spawn(life.run(first, version)) })
    }

    /// The market moved. Never waits.
    pub fn market(&self, now: Timestamp, event: &MarketEvent) {
        self.outbox.market(now, event);
    }

    /// There is news of the agent's orders, or of what it may do. Never waits.
    pub fn event(&self, now: Timestamp, event: &AgentEvent) {
        self.outbox.news(now, event);
    }

    /// Tells the agent to stop and waits, a few seconds at most, until its process is gone. What it
    /// still wanted is not heard.
    pub async fn stop(mut self) {
        let _ = self.stop.send(true);
        if tokio::time::timeout(STOP_MAX, &mut self.life).await.is_err() {
            self.life.abort();
        }
    }
}

/// What can't work is said before anything starts.
fn check(config: &AgentConfig, hello: &Hello) -> Result<(), AgentError> {
    if let AgentProgram::Strategy(name) = &config.program {
        agents::build(name, &config.params, &hello.0.instruments)?;
    }
    let settings = [
        ("memory_max_mib", config.memory_max_mib, MEMORY_MIN_MIB, "16 MiB is the least"),
        ("lease_ms", config.lease_ms, LEASE_MIN_MS, "200 ms is the least"),
    ];
    match settings.into_iter().find(|(_, value, min, _)| value < min) {
        Some((key, value, _, problem)) => Err(AgentError::Setting { key, value, problem }),
        None => Ok(()),
    }
}

/// Which version would be started now. An error where it is not the one that alone may run.
fn known(config: &AgentConfig) -> Result<Option<AgentVersion>, String> {
    let found = version(&config.program, &config.params, &config.code);
    let found = found.inspect_err(|error| {
        tracing::warn!(agent = %config.id, "which version it is cannot be told: {error}");
    });
    let found = found.ok();
    match config.pinned {
        Some(pinned) if found != Some(pinned) => {
            let now = found.map_or_else(|| "unknown".to_owned(), AgentVersion::short);
            Err(format!(
                "is another version than the one that has a paper record: {now} instead of {}; restore it, or let \
                 the new one trade on paper and start the gateway again",
                pinned.short()
            ))
        }
        Some(_) | None => Ok(found),
    }
}

/// The life of an agent, from its first process to its last.
struct Life {
    config: AgentConfig,
    outbox: Arc<Outbox>,
    gateway: mpsc::Sender<(AgentId, FromAgent)>,
    stop: watch::Receiver<bool>,
}

impl Life {
    async fn run(mut self, first: Process, mut version: Option<AgentVersion>) {
        let mut ends = Ends::default();
        let mut next = Ok(first);
        loop {
            let end = match next {
                Ok(process) => converse(self.parties(version), process).await,
                Err(end) => end,
            };
            let verdict = match end {
                End::Stopped => return,
                End::Broken(cause) => ends.judge(cause, Instant::now()),
                End::Hopeless(cause) => Verdict::GiveUp(cause),
            };
            let pause = match verdict {
                Verdict::GiveUp(cause) => {
                    tracing::error!(agent = %self.config.id, cause, "agent is given up");
                    self.tell(FromAgent::GaveUp { cause }).await;
                    return;
                }
                Verdict::Restart { cause, pause } => {
                    tracing::warn!(agent = %self.config.id, cause, ?pause, "agent is restarted");
                    self.tell(FromAgent::Gone { cause }).await;
                    pause
                }
            };
            tokio::select! {
                () = raised(&mut self.stop) => return,
                () = tokio::time::sleep(pause) => {}
            }
            // It is read, which may take a while; meanwhile others have their turn.
            let config = self.config.clone();
            let read = tokio::task::spawn_blocking(move || known(&config)).await;
            next = match read {
                Ok(Ok(read)) => {
                    version = read;
                    Process::start(&self.config)
                        .map_err(|error| End::Broken(format!("cannot be started: {error}")))
                }
                Ok(Err(changed)) => Err(End::Hopeless(changed)),
                Err(error) => Err(End::Broken(format!("cannot be started: {error}"))),
            };
        }
    }

    fn parties(&self, version: Option<AgentVersion>) -> Parties<'_> {
        Parties {
            config: &self.config,
            outbox: &self.outbox,
            gateway: &self.gateway,
            stop: self.stop.clone(),
            version,
        }
    }

    async fn tell(&mut self, news: FromAgent) {
        // Who stops us, or is gone, need not be told.
        tokio::select! {
            () = raised(&mut self.stop) => {}
            _ = self.gateway.send((self.config.id, news)) => {}
        }
    }
}

/// The ends of an agent's processes that still count against it.
#[derive(Debug, Default)]
struct Ends {
    recent: VecDeque<Instant>,
}

/// What to do after an end.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Verdict {
    Restart { cause: String, pause: Duration },
    GiveUp(String),
}

impl Ends {
    fn judge(&mut self, cause: String, now: Instant) -> Verdict {
        let counts = |at: &Instant| now.saturating_duration_since(*at) < RESTART_WINDOW;
        self.recent.retain(counts);
        let restarts = self.recent.len();
        if restarts >= RESTARTS_MAX {
            let minutes = RESTART_WINDOW.as_secs() / 60;
            return Verdict::GiveUp(format!(
                "given up after {restarts} restarts in {minutes} minutes; the last time it {cause}"
            ));
        }
        self.recent.push_back(now);
        let doublings = u32::try_from(restarts).unwrap_or(u32::MAX);
        Verdict::Restart { cause, pause: RESTART_PAUSE.saturating_mul(1 << doublings.min(16)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_restarts_in_five_minutes_and_no_more() {
        let start = Instant::now();
        let mut ends = Ends::default();
        for (s, pause_ms) in [(0, 500), (1, 1_000), (2, 2_000)] {
            let pause = Duration::from_millis(pause_ms);
            let verdict = ends.judge("exited".into(), start + Duration::from_secs(s));
            assert_eq!(verdict, Verdict::Restart { cause: "exited".into(), pause });
        }
        let verdict = ends.judge("exited".into(), start + Duration::from_secs(299));
        assert!(matches!(verdict, Verdict::GiveUp(_)), "{verdict:?}");
        let verdict = ends.judge("exited".into(), start + Duration::from_secs(300));
        assert!(matches!(verdict, Verdict::Restart { .. }), "{verdict:?}");
    }
}
