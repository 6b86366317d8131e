//! A session with one of a venue's streams, as a machine: connect, log in, subscribe, live, hand over.
//!
//! Pure: the driver owns sockets, time and chance; it tells what [`Happened`] and does what is to be
//! [`Done`]. What is said and understood is a [`Protocol`]'s business, one a stream and venue; when to
//! connect, to give up and to hand over is decided here, once for all of them:
//!
//! - A connection is dead when nothing at all has come for too long, or when one of its streams has
//!   been mute for longer than its rhythm allows, whatever its pings say.
//! - A venue ends connections after a time of its own. Before that a second one is opened beside the
//!   first; only when it is complete the first is closed, so nothing is lost between them. Where nothing but
//!   the first has what was said before, it is heard for a moment longer: that may still be on its way.
//! - What was to be said on a connection is said on that one or never.

mod backoff;
mod machine;
mod pulse;
mod repeats;
mod stamp;
mod tape;
mod timing;

use std::time::Duration;

use arrayvec::ArrayVec;
use model::venue::MarketRequest;
use model::{FeedNotice, Input, InstrumentId, Link, Outcome, Timestamp};

pub use self::backoff::{
    Backoff, PAUSE_FIRST, PAUSE_MAX, PAUSE_MIN, PAUSE_SOON_MAX, STABLE, TROUBLE_SHORT,
};
pub(crate) use self::machine::boxed;
pub use self::machine::{Machine, Pace};
pub use self::pulse::{Pulse, SilenceBounds};
pub use self::repeats::Repeats;
pub use self::stamp::Stamp;
pub use self::tape::{FRUITLESS_MAX, MISSED_MAX, Tape, TapeStep};
pub use self::timing::Timing;

/// A connection that is not subscribed by then is given up.
pub const LOGIN_MAX: Duration = Duration::from_secs(15);
/// A second connection that is not complete by then is given up, and tried again later.
pub const HAND_OVER_MAX: Duration = Duration::from_secs(60);
/// Planned ends are spread over this part of a connection's age, so that not all clients of a venue
/// that was restarted come back at one hour, a day later: one in so many.
const AGE_SPREAD: u32 = 16;

/// One connection, numbered within its session; a number is never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnId(pub u32);

/// What happened, as the driver saw it.
#[derive(Debug)]
pub enum Happened<'a> {
    /// A connection that was asked for is up.
    Opened(ConnId, Stamp),
    /// A text message came.
    Text(ConnId, &'a str),
    /// A ping, a pong: its socket lives.
    Control(ConnId),
    /// A connection could not be made, or has ended, and why.
    Closed(ConnId, String),
    /// The answer to [`Done::Ask`].
    Answer(ConnId, MarketRequest, Outcome),
    /// Somebody found that what is told here is wrong or incomplete: of one instrument, or in all.
    Distrusted(Option<InstrumentId>, String),
    /// The time asked for has come.
    Wake,
}

/// What is to be done, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Done {
    /// Connect to this address; [`Happened::Opened`] or [`Happened::Closed`] must follow.
    Open(ConnId, String),
    /// Send a text on this connection, and on no other.
    Say(ConnId, String),
    /// Close it; nothing more is wanted from it.
    Close(ConnId),
    /// Ask the venue over REST, not before this pause is over; exactly one [`Happened::Answer`]
    /// follows as long as the connection lives.
    Ask(ConnId, MarketRequest, Duration),
    /// The venue said stop: nobody asks it anything before this time, by its clock.
    Hold(Timestamp, String),
    /// Tell the core.
    Emit(Input),
    /// Come back with [`Happened::Wake`] at this time; only the earliest one counts.
    WakeAt(Timestamp),
}

/// What a message meant.
#[derive(Debug)]
pub enum Heard {
    /// The venue has taken the subscription: from here on it tells what happens.
    Up,
    /// Everything that had to be fetched for this connection is there. A connection that takes over
    /// replaces its predecessor now.
    Complete,
    /// News for the core.
    News(Input),
    /// Ask this after a pause.
    Ask(MarketRequest, Duration),
    /// The connection is of no use any more; not before the time given another one is.
    End {
        /// Why.
        cause: String,
        /// The venue's own word on when to come back.
        not_before: Option<Timestamp>,
    },
}

impl Heard {
    /// The connection is of no use any more.
    pub fn end(cause: impl Into<String>) -> Heard {
        Heard::End { cause: cause.into(), not_before: None }
    }
}

/// What is said and understood on one of a venue's streams.
pub trait Protocol {
    /// What is known of one connection.
    type Conn;

    /// Which of the core's two connections this is.
    fn link(&self) -> Link;

    /// Where to connect.
    fn url(&self) -> String;

    /// Its limits of silence and age.
    fn timing(&self) -> Timing;

    /// Does each connection want a ticket (`AccountRequest::Ticket`)? It comes with the [`Stamp`].
    fn wants_ticket(&self) -> bool {
        false
    }

    /// A connection is up: what is said first.
    fn open(&mut self, now: Timestamp, stamp: Stamp, say: &mut Vec<String>) -> Self::Conn;

    /// A message came on this connection.
    fn text(&mut self, now: Timestamp, conn: &mut Self::Conn, text: &str, heard: &mut Vec<Heard>);

    /// A question of this connection was answered.
    fn answer(
        &mut self,
        now: Timestamp,
        conn: &mut Self::Conn,
        asked: &MarketRequest,
        outcome: Outcome,
        heard: &mut Vec<Heard>,
    );

    /// What is told of this instrument is not to be believed: start again with it.
    fn distrust(
        &mut self,
        now: Timestamp,
        conn: &mut Self::Conn,
        instrument: InstrumentId,
        heard: &mut Vec<Heard>,
    );

    /// When the connection counts as dead if nothing more comes, and which stream is to blame.
    fn dead_at(&self, conn: &Self::Conn) -> Option<(Timestamp, String)>;

    /// The connection has ended: what only it could tell is not known any more.
    fn closed(&mut self, now: Timestamp, conn: Self::Conn, heard: &mut Vec<Heard>);
}

#[derive(Debug)]
struct Open<C> {
    id: ConnId,
    /// `None` while it is being dialled.
    conn: Option<C>,
    since: Timestamp,
    heard_at: Timestamp,
    up: bool,
    /// Since when.
    complete: Option<Timestamp>,
    hand_over_at: Option<Timestamp>,
}

/// A session: at most one connection that counts, and one that is to take over from it.
#[derive(Debug)]
pub struct Session<P: Protocol> {
    protocol: P,
    age_max: Option<Duration>,
    backoff: Backoff,
    spread: backoff::Chance,
    /// The one that counts first.
    conns: ArrayVec<Open<P::Conn>, 2>,
    next_conn: u32,
    up: bool,
    retry_at: Option<Timestamp>,
    wake_at: Option<Timestamp>,
    heard: Vec<Heard>,
    say: Vec<String>,
}

impl<P: Protocol> Session<P> {
    /// A session that is not connected yet; it connects at the first [`Happened::Wake`]. `seed` draws
    /// its pauses: no two clients may have the same one.
    pub fn new(protocol: P, seed: u64) -> Session<P> {
        Session {
            age_max: protocol.timing().age_max,
            protocol,
            backoff: Backoff::new(seed),
            spread: backoff::Chance(!seed),
            conns: ArrayVec::new(),
            next_conn: 0,
            up: false,
            retry_at: Some(Timestamp::EPOCH),
            wake_at: None,
            heard: Vec::new(),
            say: Vec::new(),
        }
    }

    /// Comes back after this pause at the latest, instead of [`PAUSE_MAX`].
    pub fn with_pause_max(mut self, pause_max: Duration) -> Session<P> {
        self.backoff = self.backoff.with_pause_max(pause_max);
        self
    }

    /// Hands over after so long instead of the protocol's own time, or of never.
    pub fn with_age_max(mut self, age_max: Duration) -> Session<P> {
        self.age_max = Some(age_max);
        self
    }

    /// Takes one thing into account. Total: what belongs to a connection that is gone is ignored.
    pub fn apply(&mut self, now: Timestamp, happened: Happened<'_>, done: &mut Vec<Done>) {
        match happened {
            Happened::Text(id, text) => {
                if self.understand(now, id, done, |protocol, conn, heard| {
                    protocol.text(now, conn, text, heard);
                }) {
                    // Nothing but news, which puts every deadline off: no need to look at them.
                    return;
                }
            }
            Happened::Control(id) => {
                if let Some(open) = self.find(id) {
                    open.heard_at = now;
                }
            }
            Happened::Opened(id, stamp) => self.opened(now, id, stamp, done),
            Happened::Closed(id, cause) => self.ended(now, id, cause, None, done),
            Happened::Answer(id, asked, outcome) => {
                self.understand(now, id, done, |protocol, conn, heard| {
                    protocol.answer(now, conn, &asked, outcome, heard);
                });
            }
            Happened::Distrusted(instrument, cause) => {
                self.distrusted(now, instrument, cause, done);
            }
            Happened::Wake => self.wake_at = None,
        }
        self.look_at_the_time(now, done);
    }

    /// Which of the core's two connections this is.
    pub fn link(&self) -> Link {
        self.protocol.link()
    }

    /// Is the venue telling what happens?
    pub const fn is_up(&self) -> bool {
        self.up
    }

    /// Connections that are dialled or open.
    pub fn connections(&self) -> usize {
        self.conns.len()
    }

    fn find(&mut self, id: ConnId) -> Option<&mut Open<P::Conn>> {
        self.conns.iter_mut().find(|open| open.id == id)
    }

    fn dial(&mut self, now: Timestamp, done: &mut Vec<Done>) {
        let id = ConnId(self.next_conn);
        self.next_conn += 1;
        let open = Open {
            id,
            conn: None,
            since: now,
            heard_at: now,
            up: false,
            complete: None,
            hand_over_at: None,
        };
        if self.conns.try_push(open).is_ok() {
            done.push(Done::Open(id, self.protocol.url()));
        }
    }

    fn opened(&mut self, now: Timestamp, id: ConnId, stamp: Stamp, done: &mut Vec<Done>) {
        let spread = self.age_max.map(|age| age - self.spread.below(age / AGE_SPREAD));
        let Some(open) = self.conns.iter_mut().find(|open| open.id == id) else {
            done.push(Done::Close(id));
            return;
        };
        open.since = now;
        open.heard_at = now;
        open.hand_over_at = spread.map(|age| now.after(age));
        open.conn = Some(self.protocol.open(now, stamp, &mut self.say));
        done.extend(self.say.drain(..).map(|text| Done::Say(id, text)));
    }

    /// Lets the protocol read something; `true` when all it heard was news.
    fn understand(
        &mut self,
        now: Timestamp,
        id: ConnId,
        done: &mut Vec<Done>,
        read: impl FnOnce(&mut P, &mut P::Conn, &mut Vec<Heard>),
    ) -> bool {
        let Some(open) = self.conns.iter_mut().find(|open| open.id == id) else { return true };
        let Some(conn) = &mut open.conn else { return true };
        open.heard_at = now;
        let mut heard = std::mem::take(&mut self.heard);
        read(&mut self.protocol, conn, &mut heard);
        let mut only_news = true;
        for item in heard.drain(..) {
            match item {
                Heard::News(input) => done.push(Done::Emit(input)),
                Heard::Ask(request, after) => done.push(Done::Ask(id, request, after)),
                Heard::Up => {
                    only_news = false;
                    self.came_up(now, id, done);
                }
                Heard::Complete => {
                    only_news = false;
                    self.completed(now, id, done);
                }
                Heard::End { cause, not_before } => {
                    only_news = false;
                    done.push(Done::Close(id));
                    done.extend(not_before.map(|until| Done::Hold(until, cause.clone())));
                    self.ended(now, id, cause, not_before, done);
                }
            }
        }
        self.heard = heard;
        only_news
    }

    fn came_up(&mut self, now: Timestamp, id: ConnId, done: &mut Vec<Done>) {
        let Some(open) = self.find(id) else { return };
        open.up = true;
        self.backoff.connected(now);
        if !std::mem::replace(&mut self.up, true) {
            let (link, cause) = (self.protocol.link(), "subscribed".to_owned());
            done.push(Done::Emit(Input::Link { link, up: true, cause }));
        }
    }

    fn completed(&mut self, now: Timestamp, id: ConnId, done: &mut Vec<Done>) {
        if let Some(open) = self.find(id) {
            open.complete.get_or_insert(now);
        }
        self.hand_over(now, done);
    }

    /// The second of two has been complete for long enough: the first has done its duty.
    fn hand_over(&mut self, now: Timestamp, done: &mut Vec<Done>) {
        if self.takes_over_at().is_none_or(|at| now < at) {
            return;
        }
        let old = self.conns.remove(0);
        done.push(Done::Close(old.id));
        self.forget(now, old, done);
        done.push(Done::Emit(Input::Feed(FeedNotice::HandedOver(self.protocol.link()))));
    }

    /// When the first of two is closed.
    fn takes_over_at(&self) -> Option<Timestamp> {
        let complete = self.conns.get(1)?.complete?;
        Some(complete.after(self.protocol.timing().overlap))
    }

    fn forget(&mut self, now: Timestamp, open: Open<P::Conn>, done: &mut Vec<Done>) {
        let Some(conn) = open.conn else { return };
        // Not `self.heard`: this may happen while that is being worked off.
        let mut heard = Vec::new();
        self.protocol.closed(now, conn, &mut heard);
        done.extend(heard.into_iter().filter_map(|item| match item {
            Heard::News(input) => Some(Done::Emit(input)),
            // Of a connection that is gone nothing else can be wanted.
            Heard::Up | Heard::Complete | Heard::Ask(..) | Heard::End { .. } => None,
        }));
    }

    fn ended(
        &mut self,
        now: Timestamp,
        id: ConnId,
        cause: String,
        not_before: Option<Timestamp>,
        done: &mut Vec<Done>,
    ) {
        let Some(at) = self.conns.iter().position(|open| open.id == id) else { return };
        let gone = self.conns.remove(at);
        let pause = now.after(self.backoff.pause(now)).max(not_before.unwrap_or(now));
        if self.up && !self.conns.iter().any(|open| open.up) {
            self.up = false;
            let link = self.protocol.link();
            done.push(Done::Emit(Input::Link { link, up: false, cause }));
        }
        self.forget(now, gone, done);
        match self.conns.first_mut() {
            // The first lives: the second is tried again later.
            Some(open) if at == 1 => open.hand_over_at = Some(pause),
            // The second is on its way and takes over as it is.
            Some(_) => {}
            None => self.retry_at = Some(pause),
        }
    }

    fn distrusted(
        &mut self,
        now: Timestamp,
        instrument: Option<InstrumentId>,
        cause: String,
        done: &mut Vec<Done>,
    ) {
        let Some(id) = self.conns.first().map(|open| open.id) else { return };
        match instrument {
            Some(instrument) => {
                self.understand(now, id, done, |protocol, conn, heard| {
                    protocol.distrust(now, conn, instrument, heard);
                });
            }
            None => {
                // Two that tell the same are not believed either.
                let second = self.conns.get(1).filter(|open| open.complete.is_some());
                for id in second.map(|open| open.id).into_iter().chain([id]) {
                    done.push(Done::Close(id));
                    self.ended(now, id, cause.clone(), None, done);
                }
            }
        }
    }

    /// What time alone brings about, and when to look again.
    fn look_at_the_time(&mut self, now: Timestamp, done: &mut Vec<Done>) {
        self.hand_over(now, done);
        while let Some((id, cause)) = self.overdue(now) {
            done.push(Done::Close(id));
            self.ended(now, id, cause, None, done);
        }
        if self.conns.is_empty() && self.retry_at.is_some_and(|at| at <= now) {
            self.retry_at = None;
            self.dial(now, done);
        }
        let hands_over = |open: &Open<P::Conn>| open.hand_over_at.is_some_and(|at| at <= now);
        if self.conns.len() == 1 && self.conns.first().is_some_and(hands_over) {
            self.dial(now, done);
        }
        let next = self.next_deadline();
        if let Some(next) = next
            && self.wake_at.is_none_or(|asked| next < asked)
        {
            self.wake_at = Some(next);
            done.push(Done::WakeAt(next));
        }
    }

    /// A connection whose time is over.
    fn overdue(&self, now: Timestamp) -> Option<(ConnId, String)> {
        self.conns.iter().find_map(|open| {
            let (at, cause) = self.deadline(open)?;
            (at <= now).then_some((open.id, cause))
        })
    }

    /// The first of a connection's deadlines, and what it means when it passes.
    fn deadline(&self, open: &Open<P::Conn>) -> Option<(Timestamp, String)> {
        // Dialling is bounded by the driver, which may also hold it back for the budget.
        let conn = open.conn.as_ref()?;
        let silence_max = self.protocol.timing().silence_max;
        let silent =
            (open.heard_at.after(silence_max), format!("nothing came for {silence_max:?}"));
        let login = (!open.up)
            .then(|| (open.since.after(LOGIN_MAX), "the subscription was not answered".to_owned()));
        let slow = (self.conns.len() > 1 && self.conns[1].id == open.id && open.complete.is_none())
            .then(|| {
                (open.since.after(HAND_OVER_MAX), "it could not take over in time".to_owned())
            });
        [Some(silent), login, slow, self.protocol.dead_at(conn)].into_iter().flatten().min()
    }

    fn next_deadline(&self) -> Option<Timestamp> {
        let deadlines = self.conns.iter().filter_map(|open| self.deadline(open).map(|(at, _)| at));
        let hand_over = if self.conns.len() == 1 { self.conns[0].hand_over_at } else { None };
        let retry = if self.conns.is_empty() { self.retry_at } else { None };
        deadlines.chain(hand_over).chain(retry).chain(self.takes_over_at()).min()
    }
}

#[cfg(test)]
mod tests;
