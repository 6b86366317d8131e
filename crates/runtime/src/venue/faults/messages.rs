//! Which faults strike a message to a client, and a WebSocket from its opening to its end.

use std::net::IpAddr;
use std::time::Duration;

use model::Timestamp;
use venues::server::SocketClass;

use super::kinds::{Class, FaultKind, Schema, Scope, Stream};
use super::table::{FaultId, Faults, Row};

/// Where a message comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Something happened.
    Event(SocketClass),
    /// A client asked.
    Reply,
}

/// What is done to one message.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Treatment {
    /// It is not sent.
    pub(crate) lost: bool,
    /// It is sent twice.
    pub(crate) twice: bool,
    /// The next one of its topic goes first, if none waits for that already; whose doing it is.
    pub(crate) swapped: Option<FaultId>,
    /// Fields that are not as they were, and whose doing that is.
    pub(crate) schema: Vec<(FaultId, Schema)>,
}

/// What a partition lets through on a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gate {
    /// Messages of the client are read.
    pub(crate) reads: bool,
    /// Messages to the client are written.
    pub(crate) writes: bool,
}

impl Faults {
    /// Is there any fault under way that may strike a message?
    pub(crate) fn watches_messages(&self, now: Timestamp) -> bool {
        self.rows.iter().any(|row| {
            let may = matches!(row.fault.scope, Scope::Message | Scope::Answer)
                || matches!(row.fault.kind, FaultKind::ReplayLast(_));
            may && row.is_active(now)
        })
    }

    /// What is done to this message.
    pub(crate) fn message(&mut self, now: Timestamp, origin: Origin, text: &str) -> Treatment {
        let mut treatment = Treatment::default();
        for row in self.rows.iter_mut().filter(|row| row.hears(now, origin, text)) {
            // What is lost cannot be struck by anything else.
            if treatment.lost || !row.draw() {
                continue;
            }
            match &row.fault.kind {
                FaultKind::Schema(schema) => {
                    // Counts where there was such a field.
                    treatment.schema.push((row.id, schema.clone()));
                    continue;
                }
                FaultKind::Gap | FaultKind::Silent => treatment.lost = true,
                FaultKind::Dup => treatment.twice = true,
                FaultKind::Swap => {
                    treatment.swapped = Some(row.id);
                    continue;
                }
                _ => continue,
            }
            row.fired += 1;
        }
        treatment
    }

    /// Is a new socket of this class to be closed after so long?
    pub(crate) fn life(
        &mut self,
        now: Timestamp,
        class: SocketClass,
        peer: IpAddr,
    ) -> Option<Duration> {
        for row in self.rows.iter_mut().filter(|row| row.is_of_socket(now, class)) {
            let FaultKind::CloseAfter(span) = row.fault.kind else { continue };
            if row.aims_at(peer) && row.draw() {
                row.fired += 1;
                return Some(span.even(&mut row.random));
            }
        }
        None
    }

    /// How many of the last messages a new socket of this class hears again.
    pub(crate) fn replays(&self, now: Timestamp, class: SocketClass) -> Option<(FaultId, usize)> {
        self.rows.iter().filter(|row| row.is_of_socket(now, class)).find_map(|row| {
            match row.fault.kind {
                FaultKind::ReplayLast(count) => Some((row.id, count)),
                _ => None,
            }
        })
    }

    /// What the partitions of now let through on a socket of this class. One that has not shown its
    /// class yet is shut only where all are, or no account could come back while others are cut.
    pub(crate) fn gate(&self, now: Timestamp, class: Option<SocketClass>) -> Gate {
        let mut gate = Gate { reads: true, writes: true };
        for row in self.under_way(now, Scope::Venue) {
            let FaultKind::Partition(cut) = row.fault.kind else { continue };
            if cut.is_of(class) {
                gate.reads &= !cut.inward;
                gate.writes &= !cut.outward;
            }
        }
        gate
    }
}

impl Row {
    fn is_of_socket(&self, now: Timestamp, class: SocketClass) -> bool {
        let stream = self.fault.aim.stream;
        let is_meant = stream.is_none_or(|stream| stream.is_of(Origin::Event(class)));
        self.fault.scope == Scope::Socket && is_meant && self.is_active(now)
    }

    fn hears(&self, now: Timestamp, origin: Origin, text: &str) -> bool {
        let aim = &self.fault.aim;
        let is_meant = match (aim.stream, &aim.route) {
            (Some(stream), _) => stream.is_of(origin),
            (None, Some(_)) => false,
            (None, None) => origin != Origin::Reply,
        };
        matches!(self.fault.scope, Scope::Message | Scope::Answer)
            && is_meant
            && self.is_active(now)
            && aim.contains.as_ref().is_none_or(|part| text.contains(part.as_str()))
    }
}

impl Stream {
    fn is_of(self, origin: Origin) -> bool {
        match (self, origin) {
            (Stream::All, _)
            | (Stream::Replies, Origin::Reply)
            | (Stream::Market, Origin::Event(SocketClass::Market))
            | (Stream::User, Origin::Event(SocketClass::User)) => true,
            (Stream::Replies | Stream::Market | Stream::User, _) => false,
        }
    }
}

impl Class {
    pub(crate) fn of(class: SocketClass) -> Class {
        match class {
            SocketClass::Market => Class::Streams,
            SocketClass::User => Class::User,
        }
    }
}

impl super::kinds::Cut {
    /// Does it cut sockets of this class?
    pub(crate) fn is_of(self, class: Option<SocketClass>) -> bool {
        self.class.is_none_or(|cut| class.map(Class::of) == Some(cut))
    }

    /// Does it cut REST?
    pub(crate) fn is_of_rest(self) -> bool {
        self.class.is_none_or(|cut| cut == Class::Rest)
    }
}
