//! The gateway's end of the link to the watchdog: a heartbeat four times a second, and the lease that answers
//! it.
//!
//! A task of its own, which the loop cannot hold up and which cannot hold up the loop. A lease goes to the gate
//! at the wire at once and to the core as an input. Whatever is wrong with the link (nobody listens, the other
//! end is silent, what it says is not signed with the shared token) comes to the same: no lease, so nothing
//! that adds risk is sent, until there is one again. The protocol is in `docs/watchdog.md`.

mod wire;

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use model::{Input, Timestamp, WatchdogNotice};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;
use tokio::time::{Interval, MissedTickBehavior, timeout};

use self::wire::{Beat, Key, LINE_MAX, Word};
use super::pulse::Pulse;
use super::release::Gate;
use crate::clock;
use crate::config::Secret;

/// A heartbeat each so often.
const BEAT_EVERY: Duration = Duration::from_millis(250);
/// How long the other end may be silent before the connection is given up.
const SILENCE_MAX: Duration = Duration::from_secs(1);
/// How long a connection may take.
const CONNECT_MAX: Duration = Duration::from_secs(1);
/// The pause before the first attempt to connect again; each is twice the one before.
const PAUSE_FIRST: Duration = Duration::from_millis(100);
/// The longest pause.
const PAUSE_MAX: Duration = Duration::from_secs(1);
/// Longest lease that is taken from a watchdog: a longer one would outlast its death.
const LEASE_MAX: Duration = Duration::from_secs(3);
/// Heartbeats that are remembered until they are answered.
const UNANSWERED_MAX: usize = 16;

/// One gateway's link.
pub(super) struct Link {
    /// `HOST:PORT` where the watchdog listens.
    pub(super) address: String,
    pub(super) token: Secret,
    pub(super) session: u64,
    pub(super) pulse: Pulse,
    pub(super) gate: Gate,
    pub(super) inputs: mpsc::Sender<Input>,
    /// The last number of a heartbeat.
    number: u64,
}

/// Why a connection ended.
#[derive(Debug)]
enum End {
    /// It broke, or nobody answers.
    Lost(String),
    /// What came was not the watchdog's word.
    Forged(String),
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> End {
        End::Lost(error.to_string())
    }
}

impl Link {
    pub(super) fn new(
        (address, token): (String, Secret),
        session: u64,
        (pulse, gate): (Pulse, Gate),
        inputs: mpsc::Sender<Input>,
    ) -> Link {
        // Above those of every earlier start on this journal: a session's number is never given twice.
        let number = session << 32;
        Link { address, token, session, pulse, gate, inputs, number }
    }

    /// Beats until the gateway ends.
    pub(super) async fn run(mut self) {
        let mut pause = PAUSE_FIRST;
        let mut said = String::new();
        loop {
            let mut leases = 0;
            let notice = match self.connection(&mut leases).await {
                Ok(never) => match never {},
                Err(End::Lost(cause)) => WatchdogNotice::Silent { cause },
                Err(End::Forged(what)) => WatchdogNotice::Forged { what },
            };
            if leases > 0 {
                (pause, said) = (PAUSE_FIRST, String::new());
            }
            let text = format!("{notice:?}");
            if text != said {
                tracing::warn!(address = self.address, "the link to the watchdog is lost: {text}");
                said = text;
            }
            self.tell(notice).await;
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    /// One connection, until it ends.
    async fn connection(&mut self, leases: &mut u64) -> Result<std::convert::Infallible, End> {
        let stream = timeout(CONNECT_MAX, TcpStream::connect(&self.address)).await;
        let stream = stream.map_err(|_| End::Lost("no connection in time".to_owned()))??;
        stream.set_nodelay(true)?;
        let (reader, mut writer) = stream.into_split();
        let mut lines = Lines { reader: BufReader::new(reader), line: Vec::new() };
        let hello = timeout(SILENCE_MAX, lines.next()).await;
        let hello = hello.map_err(|_| End::Lost("it does not say anything".to_owned()))??;
        let key = Key::of(self.token.reveal(), &hello).map_err(End::Forged)?;
        let mut sent = Sent::default();
        let mut beats = tokio::time::interval(BEAT_EVERY);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut heard = clock::now();
        loop {
            let line = self.next(&mut lines, &mut beats).await?;
            if clock::now().since(heard) > SILENCE_MAX {
                return Err(End::Lost("it does not answer".to_owned()));
            }
            match line {
                None => self.beat(&key, &mut writer, &mut sent).await?,
                Some(line) => {
                    let word = key.read(&line).map_err(End::Forged)?;
                    let Some(at) = sent.answered(word.n) else {
                        let what =
                            format!("an answer to heartbeat {}, which waits for none", word.n);
                        return Err(End::Forged(what));
                    };
                    heard = clock::now();
                    *leases += u64::from(self.take(word, at).await);
                }
            }
        }
    }

    /// The next line, or `None` when a heartbeat is due.
    async fn next(&self, lines: &mut Lines, beats: &mut Interval) -> Result<Option<String>, End> {
        tokio::select! {
            _ = beats.tick() => Ok(None),
            line = lines.next() => line.map(Some).map_err(End::from),
        }
    }

    async fn beat(
        &mut self,
        key: &Key,
        writer: &mut OwnedWriteHalf,
        sent: &mut Sent,
    ) -> Result<(), End> {
        let shown = self.pulse.now();
        let (state, cause) = match &shown.trading {
            Some((state, cause)) => (state.name(), head(cause)),
            // The loop has not made its first round.
            None => ("starting", ""),
        };
        self.number += 1;
        let now = clock::now();
        let beat = Beat {
            v: 1,
            n: self.number,
            session: self.session,
            at_ms: now.millis(),
            state,
            cause,
            open_orders: shown.open_orders,
            in_doubt: shown.in_doubt,
            equity: shown.equity,
            progress: shown.progress,
        };
        let mut line = key.sign(&beat).map_err(|error| End::Lost(error.to_string()))?;
        line.push('\n');
        // Counted from before its first byte leaves.
        sent.add(self.number, now);
        let written = timeout(SILENCE_MAX, writer.write_all(line.as_bytes())).await;
        Ok(written.map_err(|_| End::Lost("it does not read".to_owned()))??)
    }

    /// Takes an answer to a heartbeat of that time. `true` when it was a lease.
    async fn take(&self, word: Word, sent_at: Timestamp) -> bool {
        let halted = word.halted;
        #[cfg(feature = "defects")]
        let halted = halted && !super::planted::is_deaf();
        if halted {
            self.gate.lease(Timestamp::EPOCH);
            self.tell(WatchdogNotice::Halted { cause: word.cause }).await;
            return false;
        }
        let length = Duration::from_millis(word.lease_ms).min(LEASE_MAX);
        if !word.watching || length.is_zero() {
            let why = if word.watching { "it gives none" } else { "it does not see the account" };
            let cause = if word.cause.is_empty() {
                why.to_owned()
            } else {
                format!("{why}: {}", word.cause)
            };
            self.tell(WatchdogNotice::Withheld { cause }).await;
            return false;
        }
        let until = sent_at.after(length);
        self.gate.lease(until);
        self.tell(WatchdogNotice::Lease { until, equity: word.equity }).await;
        true
    }

    async fn tell(&self, notice: WatchdogNotice) {
        // The loop is gone only when the gateway ends, and a full queue is a loop that does not get on: the
        // gate has the lease by then, and no answer is worth waiting for.
        let _ = timeout(BEAT_EVERY, self.inputs.send(Input::Watchdog(notice))).await;
    }
}

/// Heartbeats without an answer, and when each was sent.
#[derive(Default)]
struct Sent(VecDeque<(u64, Timestamp)>);

impl Sent {
    fn add(&mut self, number: u64, at: Timestamp) {
        if self.0.len() == UNANSWERED_MAX {
            self.0.pop_front();
        }
        self.0.push_back((number, at));
    }

    /// When the heartbeat of this number was sent; each is answered once, and none after a later one.
    fn answered(&mut self, number: u64) -> Option<Timestamp> {
        let place = self.0.iter().position(|(sent, _)| *sent == number)?;
        self.0.drain(..=place).next_back().map(|(_, at)| at)
    }
}

/// Lines of a bounded length. What was read of one is kept when reading is broken off.
struct Lines {
    reader: BufReader<OwnedReadHalf>,
    line: Vec<u8>,
}

impl Lines {
    async fn next(&mut self) -> io::Result<String> {
        let room = (LINE_MAX - self.line.len()) as u64;
        (&mut self.reader).take(room).read_until(b'\n', &mut self.line).await?;
        if self.line.last() != Some(&b'\n') {
            let error = if self.line.len() >= LINE_MAX {
                io::Error::other(format!("a line of more than {LINE_MAX} bytes"))
            } else {
                io::Error::new(io::ErrorKind::UnexpectedEof, "the connection was closed")
            };
            return Err(error);
        }
        self.line.pop();
        let line = String::from_utf8(std::mem::take(&mut self.line));
        line.map_err(|_| io::Error::other("a line that is no text"))
    }
}

/// Longest cause in a heartbeat, characters: the watchdog does not go by it, and reads short lines alone.
const CAUSE_MAX: usize = 200;

fn head(cause: &str) -> &str {
    cause.char_indices().nth(CAUSE_MAX).map_or(cause, |(end, _)| &cause[..end])
}

#[cfg(test)]
mod tests;
