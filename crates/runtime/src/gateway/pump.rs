//! The pump: sockets, time and chance for a [`Session`], and nothing else.
//!
//! One task a session, with at most two sockets that it reads itself. What a session wants to be
//! said goes to that very connection at once or never: nothing is queued here, so nothing can be
//! left over for the next one.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use model::venue::{AccountRequest, MarketRequest, Request, Response, Ticket};
use model::{Input, InstrumentId, Link, Outcome, Timestamp};
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::{Error, Message};
use venues::session::{ConnId, Done, Happened, Machine, Stamp};

use super::rest::{self, Rest};
use super::socket::{self, NoSocket, Socket};
use crate::clock;

/// Connections and answers that wait to be looked at; a session has few of them.
const ARRIVALS_MAX: usize = 64;
/// Longest sleep; an alarm that is farther away is set again.
const SLEEP_MAX: Duration = Duration::from_secs(3_600);
/// Evidence against a session that waits to be looked at.
pub(super) const DISTRUST_MAX: usize = 64;
/// A message that cannot be written in this time: the other side does not read any more.
const SAY_MAX: Duration = Duration::from_secs(5);

/// What is wrong with what a session tells: of one instrument, or in all.
pub(super) type Distrust = (Option<InstrumentId>, String);

/// The way by which it comes. One session at a time has it, until it ends.
pub(super) type Evidence = Arc<Mutex<mpsc::Receiver<Distrust>>>;

/// What arrives from tasks beside the pump.
enum Arrival {
    Opened(ConnId, Box<Socket>, Option<Ticket>),
    Failed(ConnId, String),
    Answer(ConnId, MarketRequest, Outcome),
}

/// Nobody listens any more.
struct Gone;

/// Runs a session until nobody listens any more; it is ended by ending its task.
pub(super) async fn run(
    session: Box<dyn Machine>,
    rest: Rest,
    inputs: mpsc::Sender<Input>,
    distrust: Evidence,
) {
    let mut distrust = distrust.lock_owned().await;
    let (arrivals, mut arrived) = mpsc::channel(ARRIVALS_MAX);
    let mut pump = Pump {
        link: session.link(),
        session,
        rest,
        inputs,
        arrivals,
        lines: [None, None],
        dialling: Vec::new(),
        alarm: None,
        done: Vec::new(),
    };
    let mut ended = pump.happened(Happened::Wake).await;
    while ended.is_ok() {
        let [first, second] = &mut pump.lines;
        ended = tokio::select! {
            message = next(first) => pump.message(0, message).await,
            message = next(second) => pump.message(1, message).await,
            Some(arrival) = arrived.recv() => pump.arrived(arrival).await,
            Some((instrument, cause)) = distrust.recv() => {
                pump.happened(Happened::Distrusted(instrument, cause)).await
            }
            () = tokio::time::sleep_until(deadline(pump.alarm)) => pump.alarm().await,
        };
    }
}

/// A seed that no other process has: each `RandomState` has keys of its own.
pub(super) fn seed() -> u64 {
    RandomState::new().hash_one(clock::now().nanos())
}

struct Line {
    id: ConnId,
    socket: Socket,
}

struct Pump {
    link: Link,
    session: Box<dyn Machine>,
    rest: Rest,
    inputs: mpsc::Sender<Input>,
    arrivals: mpsc::Sender<Arrival>,
    lines: [Option<Line>; 2],
    dialling: Vec<(ConnId, JoinHandle<()>)>,
    alarm: Option<Timestamp>,
    done: Vec<Done>,
}

/// What lets the next connection into the account.
async fn ticket(rest: &Rest) -> Result<Ticket, String> {
    match rest.ask(&Request::Account(AccountRequest::Ticket)).await {
        Outcome::Done(Response::Ticket(ticket)) => Ok(ticket),
        Outcome::Done(_) => Err("no ticket in the answer".to_owned()),
        Outcome::Refused(refusal) => Err(format!("no ticket: {refusal}")),
        Outcome::NotSent(cause) | Outcome::InDoubt(cause) => Err(format!("no ticket: {cause}")),
    }
}

type Received = Option<Result<Message, Error>>;

/// The next message of a connection; never, where there is none.
async fn next(line: &mut Option<Line>) -> Received {
    match line {
        Some(line) => line.socket.next().await,
        None => std::future::pending().await,
    }
}

/// When to look at the time again.
fn deadline(alarm: Option<Timestamp>) -> Instant {
    let due = alarm.map_or(SLEEP_MAX, |at| at.since(clock::now()).min(SLEEP_MAX));
    // Timers have a resolution of a millisecond: one too early would turn the loop idly.
    Instant::now() + due + Duration::from_millis(1)
}

impl Pump {
    async fn message(&mut self, slot: usize, received: Received) -> Result<(), Gone> {
        let Some(line) = &self.lines[slot] else { return Ok(()) };
        let id = line.id;
        let cause = match received {
            Some(Ok(Message::Text(text))) => {
                return self.happened(Happened::Text(id, text.as_str())).await;
            }
            // Pings are answered by the library when the next message is written or read.
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {
                return self.happened(Happened::Control(id)).await;
            }
            Some(Ok(Message::Binary(_) | Message::Frame(_))) => return Ok(()),
            Some(Ok(Message::Close(Some(frame)))) if !frame.reason.is_empty() => {
                format!("the venue closed the connection: {}", frame.reason)
            }
            Some(Ok(Message::Close(_))) | None => "the venue closed the connection".to_owned(),
            Some(Err(error)) => error.to_string(),
        };
        self.lines[slot] = None;
        self.happened(Happened::Closed(id, cause)).await
    }

    async fn arrived(&mut self, arrival: Arrival) -> Result<(), Gone> {
        match arrival {
            Arrival::Opened(id, socket, ticket) => {
                self.dialling.retain(|(dialled, _)| *dialled != id);
                let Some(free) = self.lines.iter_mut().find(|line| line.is_none()) else {
                    // A session has two at most; a third would be one that it gave up.
                    return Ok(());
                };
                *free = Some(Line { id, socket: *socket });
                let venue_now = self.rest.venue_now();
                let stamp = Stamp { venue_now, nonce: rest::nonce(), ticket };
                self.happened(Happened::Opened(id, stamp)).await
            }
            Arrival::Failed(id, cause) => {
                self.dialling.retain(|(dialled, _)| *dialled != id);
                self.happened(Happened::Closed(id, cause)).await
            }
            Arrival::Answer(id, asked, outcome) => {
                self.happened(Happened::Answer(id, asked, outcome)).await
            }
        }
    }

    async fn alarm(&mut self) -> Result<(), Gone> {
        if self.alarm.is_some_and(|at| at <= clock::now()) {
            self.alarm = None;
            self.happened(Happened::Wake).await?;
        }
        Ok(())
    }

    async fn happened(&mut self, happened: Happened<'_>) -> Result<(), Gone> {
        let mut done = std::mem::take(&mut self.done);
        self.session.apply(clock::now(), happened, &mut done);
        for thing in done.drain(..) {
            match thing {
                Done::Emit(input) => self.emit(input).await?,
                Done::Open(id, url) => self.open(id, url),
                Done::Say(id, text) => self.say(id, text).await,
                Done::Close(id) => self.close(id),
                Done::Ask(id, request, after) => self.ask(id, request, after),
                Done::Hold(until, cause) => {
                    let wait = until.since(self.rest.venue_now());
                    self.rest.hold(wait, cause).await;
                }
                Done::WakeAt(at) => self.alarm = Some(self.alarm.map_or(at, |set| set.min(at))),
            }
        }
        self.done = done;
        Ok(())
    }

    async fn emit(&self, input: Input) -> Result<(), Gone> {
        if let Input::Link { link, up: false, cause } = &input {
            tracing::warn!(?link, %cause, "connection is down");
        }
        self.inputs.send(input).await.map_err(|_| Gone)
    }

    fn open(&mut self, id: ConnId, url: String) {
        let (arrivals, rest) = (self.arrivals.clone(), self.rest.clone());
        let (link, wants_ticket) = (self.link, self.session.wants_ticket());
        let dialled = tokio::spawn(async move {
            // Attempts are counted by the venue, too, and too many of them are a ban.
            let ticket = if wants_ticket { ticket(&rest).await.map(Some) } else { Ok(None) };
            let opened = match ticket {
                Ok(ticket) => match rest.may_connect(link).await {
                    Ok(()) => socket::connect(&url).await.map(|socket| (socket, ticket)),
                    Err(cause) => Err(NoSocket::Failed(cause)),
                },
                Err(cause) => Err(NoSocket::Failed(cause)),
            };
            if let Err(NoSocket::Refused(answer)) = &opened {
                rest.refused_connection(answer).await;
            }
            let arrival = match opened {
                Ok((socket, ticket)) => Arrival::Opened(id, Box::new(socket), ticket),
                Err(cause) => {
                    tracing::debug!(%cause, "no connection");
                    Arrival::Failed(id, cause.to_string())
                }
            };
            // The pump is gone only when the gateway ends.
            let _ = arrivals.send(arrival).await;
        });
        self.dialling.push((id, dialled));
    }

    async fn say(&mut self, id: ConnId, text: String) {
        let Some(line) = self.lines.iter_mut().flatten().find(|line| line.id == id) else { return };
        // A connection that cannot be written to is found dead when it is read.
        let _ = tokio::time::timeout(SAY_MAX, line.socket.send(Message::text(text))).await;
    }

    fn close(&mut self, id: ConnId) {
        self.dialling.retain(|(dialled, task)| {
            let keep = *dialled != id;
            if !keep {
                task.abort();
            }
            keep
        });
        for line in &mut self.lines {
            if line.as_ref().is_some_and(|line| line.id == id)
                && let Some(mut line) = line.take()
            {
                // A farewell, where the other side still listens.
                tokio::spawn(async move {
                    let _ = tokio::time::timeout(SAY_MAX, line.socket.close(None)).await;
                });
            }
        }
    }

    fn ask(&self, id: ConnId, request: MarketRequest, after: Duration) {
        let (rest, arrivals) = (self.rest.clone(), self.arrivals.clone());
        tokio::spawn(async move {
            tokio::time::sleep(after).await;
            let request = Request::Market(request);
            let outcome = rest.ask(&request).await;
            let Request::Market(asked) = request else { return };
            // The pump is gone only when the gateway ends.
            let _ = arrivals.send(Arrival::Answer(id, asked, outcome)).await;
        });
    }
}

impl Drop for Pump {
    fn drop(&mut self) {
        self.dialling.iter().for_each(|(_, task)| task.abort());
    }
}
