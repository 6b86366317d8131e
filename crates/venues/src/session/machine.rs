//! A session as its driver sees it, whatever is said on it.

use std::time::Duration;

use model::{Link, Timestamp};

use super::{Done, Happened, PAUSE_MAX, Protocol, Session};

/// When to come back and when to hand over.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Draws the pauses: no two clients may have the same one.
    pub seed: u64,
    /// Longest pause before the next attempt to connect.
    pub pause_max: Duration,
    /// Age at which a connection is handed over; `None` leaves it to the venue's protocol.
    pub age_max: Option<Duration>,
}

impl Pace {
    /// As usual.
    pub const fn usual(seed: u64) -> Pace {
        Pace { seed, pause_max: PAUSE_MAX, age_max: None }
    }
}

/// A session with one of a venue's streams.
pub trait Machine: Send + Sync {
    /// Takes one thing into account, and says what is to be done.
    fn apply(&mut self, now: Timestamp, happened: Happened<'_>, done: &mut Vec<Done>);

    /// Which of the core's two connections this is.
    fn link(&self) -> Link;

    /// Has something to be asked for with the key before each connection?
    fn wants_ticket(&self) -> bool;
}

impl<P: Protocol<Conn: Send + Sync> + Send + Sync> Machine for Session<P> {
    fn apply(&mut self, now: Timestamp, happened: Happened<'_>, done: &mut Vec<Done>) {
        Session::apply(self, now, happened, done);
    }

    fn link(&self) -> Link {
        Session::link(self)
    }

    fn wants_ticket(&self) -> bool {
        self.protocol.wants_ticket()
    }
}

/// A session that speaks this protocol.
pub(crate) fn boxed<P>(protocol: P, pace: Pace) -> Box<dyn Machine>
where
    P: Protocol<Conn: Send + Sync> + Send + Sync + 'static,
{
    let session = Session::new(protocol, pace.seed).with_pause_max(pace.pause_max);
    Box::new(match pace.age_max {
        Some(age_max) => session.with_age_max(age_max),
        None => session,
    })
}
