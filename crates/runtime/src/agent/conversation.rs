//! The conversation with one process of an agent, from hello to its end. It ends when the process
//! does, when it breaks the protocol, uses too much memory, says too much or makes no progress.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use engine::protocol::{
    self, FromAgent as Said, Hello, LINE_BYTES_MAX, LineError, ToAgent, VERSION, Wanted,
};
use model::{AgentId, AgentVersion};
use tokio::io::AsyncWriteExt as _;
use tokio::process::{ChildStderr, ChildStdin};
use tokio::sync::{mpsc, watch};
use tokio::time::MissedTickBehavior;

use super::lease::{Lease, NeverSent};
use super::lines::{Excess, Lines, NoLine};
use super::outbox::{NEWS_WAITING_MAX, Outbox};
use super::process::{Process, describe};
use super::{AgentConfig, FromAgent, raised};
use crate::clock;

/// How long a process may take to answer hello. Interpreters start slowly.
const READY_MAX: Duration = Duration::from_secs(10);
/// How often lease, memory and queues are looked at.
const CHECK_EVERY: Duration = Duration::from_millis(50);
/// How often the agent is told that time passed.
const TIMER_EVERY: Duration = Duration::from_secs(1);
/// How long a process may take to end after it was told to stop, or after it closed its output.
const END_MAX: Duration = Duration::from_secs(2);
/// Lines written in one go.
const BATCH_MAX: usize = 64;
/// Intents a second. Each is judged and written down, so a flood would be the gateway's burden.
const INTENTS_PER_SECOND_MAX: u32 = 500;
/// Longest line of standard error that is passed on, bytes.
const ERROR_LINE_BYTES_MAX: usize = 1_024;
/// Lines of standard error and logs that are passed on in a second.
const LOGS_PER_SECOND_MAX: u32 = 50;
/// Bytes of a mebibyte.
const MIB: u64 = 1 << 20;

/// How a conversation ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// It was told to stop.
    Stopped,
    /// Trying again may help.
    Broken(String),
    /// Trying again cannot help.
    Hopeless(String),
}

/// Whom the conversation is for.
pub(super) struct Parties<'a> {
    pub(super) config: &'a AgentConfig,
    pub(super) outbox: &'a Arc<Outbox>,
    pub(super) gateway: &'a mpsc::Sender<(AgentId, FromAgent)>,
    pub(super) stop: watch::Receiver<bool>,
    /// Which code and parameters the process has, as far as that can be told.
    pub(super) version: Option<AgentVersion>,
}

/// Speaks with a process until it ends. The process is gone when this returns.
pub(super) async fn converse(parties: Parties<'_>, mut process: Process) -> End {
    let Some(pipes) = process.pipes.take() else {
        return End::Broken("the process has no pipes".to_owned());
    };
    let agent = parties.config.id;
    let hello = parties.outbox.connect(clock::now());
    let lease = Duration::from_millis(parties.config.lease_ms);
    let lease = Arc::new(Mutex::new(Lease::new(lease, Instant::now())));
    let outbox = Arc::clone(parties.outbox);
    let (finish, finished) = watch::channel(false);
    let writer = tokio::spawn(write(pipes.stdin, hello, outbox, Arc::clone(&lease), finished));
    let mut errors = tokio::spawn(forward(agent, pipes.stderr));
    let lines = Lines::new(pipes.stdout, LINE_BYTES_MAX, Excess::Refused);
    let outbox = Arc::clone(parties.outbox);
    let mut conversation = Conversation {
        parties,
        lease,
        ready: false,
        intents: Rate::default(),
        logs: Rate::default(),
    };
    let end = conversation.run(&mut process, lines).await;
    outbox.disconnect();
    if end == End::Stopped {
        // The writer says the last word; a process that does not hear it is ended without.
        let _ = finish.send(true);
        if tokio::time::timeout(END_MAX, process.ended()).await.is_err() {
            tracing::warn!(%agent, "did not end when told to");
        }
    }
    writer.abort();
    process.kill().await;
    // The last words on standard error say best what went wrong; they are there by now.
    let last = tokio::time::timeout(CHECK_EVERY, &mut errors).await.ok().and_then(Result::ok);
    errors.abort();
    match (end, last.flatten()) {
        (End::Broken(cause), Some(words)) => End::Broken(format!("{cause}: {words}")),
        (end, _) => end,
    }
}

struct Conversation<'a> {
    parties: Parties<'a>,
    lease: Arc<Mutex<Lease>>,
    ready: bool,
    intents: Rate,
    logs: Rate,
}

impl Conversation<'_> {
    async fn run(
        &mut self,
        process: &mut Process,
        mut lines: Lines<tokio::process::ChildStdout>,
    ) -> End {
        let started = Instant::now();
        let mut stop = self.parties.stop.clone();
        let mut check = tokio::time::interval(CHECK_EVERY);
        check.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut timer = tokio::time::interval(TIMER_EVERY);
        timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                // A sender that is gone means the same as one that says stop.
                () = raised(&mut stop) => return End::Stopped,
                line = lines.next() => {
                    let done = match line {
                        Ok(line) => self.line(line).await,
                        Err(NoLine::TooLong) => Err(broken(format!(
                            "said a line of more than {LINE_BYTES_MAX} bytes"
                        ))),
                        Err(NoLine::End) => Err(closed(process).await),
                    };
                    if let Err(end) = done {
                        return end;
                    }
                }
                _ = check.tick() => {
                    if let Some(cause) = self.misbehaves(process, started) {
                        return End::Broken(cause);
                    }
                }
                _ = timer.tick() => self.parties.outbox.timer(clock::now()),
            }
        }
    }

    async fn line(&mut self, line: &[u8]) -> Result<(), End> {
        let said = protocol::read_line(line).map_err(|error: LineError| {
            broken(format!("said a line that is not of the protocol: {error}"))
        })?;
        match said {
            Said::Ready { version: VERSION, strategy } if !self.ready => {
                self.ready = true;
                self.lease().forgive(Instant::now());
                tracing::info!(agent = %self.parties.config.id, strategy, "agent is up");
                let version = self.parties.version;
                self.tell(FromAgent::Up { version }).await
            }
            Said::Ready { version: VERSION, .. } => Err(broken("said ready twice".to_owned())),
            Said::Ready { version, .. } => Err(End::Hopeless(format!(
                "speaks version {version} of the agent protocol, this gateway speaks {VERSION}"
            ))),
            Said::Intent(wanted) => self.wanted(wanted).await,
            Said::Handled { seq } => {
                let done = self.lease().handled(seq, Instant::now());
                done.map_err(|error: NeverSent| broken(error.to_string()))
            }
            Said::Log { text } => {
                if self.logs.note(Instant::now()) <= LOGS_PER_SECOND_MAX {
                    let text: String = text.chars().take(ERROR_LINE_BYTES_MAX).collect();
                    tracing::info!(agent = %self.parties.config.id, "{text}");
                }
                Ok(())
            }
        }
    }

    async fn wanted(&mut self, wanted: Wanted) -> Result<(), End> {
        if !self.ready {
            return Err(broken("wanted something before it was ready".to_owned()));
        }
        let first = self.parties.outbox.next_intent();
        if wanted.id < first {
            let (id, first) = (wanted.id.0, first.0);
            return Err(broken(format!("used intent number {id} when {first} was the next")));
        }
        if self.intents.note(Instant::now()) > INTENTS_PER_SECOND_MAX {
            let cause = format!("wanted more than {INTENTS_PER_SECOND_MAX} things within a second");
            return Err(broken(cause));
        }
        let intent = wanted.of(self.parties.config.id, clock::now());
        self.parties.outbox.placed(&intent);
        self.tell(FromAgent::Intent(intent)).await
    }

    /// Waits until the gateway's loop has room. That time is not the agent's.
    async fn tell(&mut self, news: FromAgent) -> Result<(), End> {
        let mut stop = self.parties.stop.clone();
        let gateway = self.parties.gateway;
        let Err(full) = gateway.try_send((self.parties.config.id, news)) else { return Ok(()) };
        let mpsc::error::TrySendError::Full(news) = full else { return Err(End::Stopped) };
        let sent = tokio::select! {
            () = raised(&mut stop) => return Err(End::Stopped),
            sent = gateway.send(news) => sent,
        };
        self.lease().forgive(Instant::now());
        sent.map_err(|_| End::Stopped)
    }

    fn misbehaves(&self, process: &Process, started: Instant) -> Option<String> {
        let now = Instant::now();
        let AgentConfig { id, memory_max_mib, lease_ms, .. } = self.parties.config;
        let overdue = self.lease().overdue(now);
        if !self.ready && now.saturating_duration_since(started) > READY_MAX {
            return Some(format!("did not answer hello within {READY_MAX:?}"));
        }
        if self.ready && overdue.is_some() {
            return Some(format!("made no progress for {lease_ms} ms"));
        }
        if let Some(bytes) = process.resident_bytes()
            && bytes > memory_max_mib.saturating_mul(MIB)
        {
            let mib = bytes / MIB;
            return Some(format!("used {mib} MiB of memory, its limit is {memory_max_mib} MiB"));
        }
        if self.parties.outbox.is_overfull() {
            return Some(format!("left {NEWS_WAITING_MAX} events about its orders unread"));
        }
        let condensed = self.parties.outbox.take_condensed();
        if condensed > 0 {
            tracing::warn!(agent = %id, condensed, "agent is too slow: market data was condensed");
        }
        None
    }

    fn lease(&self) -> MutexGuard<'_, Lease> {
        locked(&self.lease)
    }
}

fn broken(cause: String) -> End {
    End::Broken(cause)
}

/// The output is closed: nearly always because the process ends, so that is waited for.
async fn closed(process: &mut Process) -> End {
    match tokio::time::timeout(END_MAX, process.ended()).await {
        Ok(Ok(status)) => broken(describe(status)),
        Ok(Err(error)) => broken(format!("its end cannot be read: {error}")),
        Err(_) => broken("closed its standard output".to_owned()),
    }
}

/// Writes lines until the pipe breaks or the last word is to be said.
async fn write(
    mut stdin: ChildStdin,
    hello: Hello,
    outbox: Arc<Outbox>,
    lease: Arc<Mutex<Lease>>,
    mut finished: watch::Receiver<bool>,
) {
    let mut lines = vec![ToAgent::Hello(hello)];
    let mut bytes = Vec::new();
    loop {
        bytes.clear();
        for line in lines.drain(..) {
            if let Some(seq) = line.seq() {
                locked(&lease).sent(seq, Instant::now());
            }
            if let Err(error) = protocol::write_line(&line, &mut bytes) {
                tracing::error!(%error, "a line cannot be written");
            }
        }
        // A broken pipe is seen by whoever reads the other one.
        if stdin.write_all(&bytes).await.is_err() {
            return;
        }
        tokio::select! {
            biased;
            () = raised(&mut finished) => break,
            () = outbox.take(BATCH_MAX, &mut lines) => {}
        }
    }
    bytes.clear();
    if protocol::write_line(&ToAgent::Stop {}, &mut bytes).is_ok() {
        let _ = stdin.write_all(&bytes).await;
    }
}

/// Passes standard error on to the log; returns the last line.
async fn forward(agent: AgentId, stderr: ChildStderr) -> Option<String> {
    let mut lines = Lines::new(stderr, ERROR_LINE_BYTES_MAX, Excess::Cut);
    let mut rate = Rate::default();
    let mut last = None;
    while let Ok(line) = lines.next().await {
        let text = String::from_utf8_lossy(line).trim().to_owned();
        if text.is_empty() {
            continue;
        }
        match rate.note(Instant::now()) {
            ..=LOGS_PER_SECOND_MAX => tracing::warn!(%agent, "{text}"),
            count if count == LOGS_PER_SECOND_MAX + 1 => {
                tracing::warn!(%agent, "says too much on standard error: some is left out");
            }
            _ => {}
        }
        last = Some(text);
    }
    last
}

/// How often something happened in the current second.
#[derive(Clone, Copy, Debug, Default)]
struct Rate {
    second: Option<Instant>,
    count: u32,
}

impl Rate {
    fn note(&mut self, now: Instant) -> u32 {
        let within = |start: Instant| now.saturating_duration_since(start) < Duration::from_secs(1);
        if !self.second.is_some_and(within) {
            *self = Rate { second: Some(now), count: 0 };
        }
        self.count = self.count.saturating_add(1);
        self.count
    }
}

/// What the lock guards is plain numbers: whole after any panic.
fn locked(lease: &Mutex<Lease>) -> MutexGuard<'_, Lease> {
    lease.lock().unwrap_or_else(PoisonError::into_inner)
}
