//! What is going to happen, by time. Of two things at one time the one that was put down first comes first,
//! so that a world is the same each time.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use model::venue::{AccountEvent, AccountRequest};
use model::{Input, Link, Outcome, RequestId, Timestamp, VenueOrderId};

use crate::disk::Batch;
use crate::faults::Fault;

/// How a halt is to be lifted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resume {
    /// Both steps at once.
    AtOnce,
    /// The first of two.
    First,
    /// The second, in time.
    Second,
}

/// Steps of a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// A person, or a script, wants a halt lifted.
    Resume(Resume),
    Faults,
    Heal,
    /// A person accepts what the venue did and nothing explains.
    Accept,
    Alive,
    Silence,
    Still,
    Compare,
}

/// One thing that happens.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    Phase(Phase),
    /// The market moves.
    Market,
    /// A message of the market's stream reaches the gateway; with the world's time of what it tells.
    Feed {
        conn: u32,
        input: Box<Input>,
        as_of: Timestamp,
    },
    /// A report of the account's stream does.
    Account {
        conn: u32,
        event: Box<AccountEvent>,
    },
    /// A connection is made.
    Linked {
        link: Link,
        conn: u32,
    },
    /// A connection is lost.
    Cut {
        link: Link,
        conn: u32,
        cause: &'static str,
    },
    /// The venue takes the picture that a new book begins with.
    Snapshot {
        conn: u32,
    },
    /// A request reaches the venue.
    Arrive(Box<Flight>),
    /// How a request ended reaches the gateway.
    Reply {
        life: u32,
        id: RequestId,
        outcome: Box<Outcome>,
    },
    /// A cancel that was taken for processing is carried out.
    CancelLater(VenueOrderId),
    /// An order that was only acknowledged is rejected.
    RejectLater(VenueOrderId),
    /// What was being written is durable, or the disk said no.
    Written {
        life: u32,
    },
    Wake {
        life: u32,
    },
    /// Agents look at the time.
    Timer {
        life: u32,
    },
    /// An agent's words reach the gateway.
    Words {
        life: u32,
        host: usize,
    },
    /// An agent's process is up.
    AgentUp {
        life: u32,
        host: usize,
    },
    /// The gateway is started.
    Start,
    /// The venue's clock was compared with the gateway's.
    Clock {
        life: u32,
        goes_on: bool,
    },
    /// Without a journal: orders are taken back until none is left.
    Clear {
        life: u32,
    },
    /// A fault strikes, in this round.
    Strike {
        fault: Fault,
        round: u64,
    },
    /// A fault that lasts ends.
    Ease(Fault),
    /// A process that was stopped goes on.
    Resume {
        life: u32,
    },
    /// One that was stopped and that another one has followed goes on, with what it had written down.
    Followed {
        session: u64,
        batches: Vec<Batch>,
    },
    /// The exchange works off what has come while it stood still.
    Drain,
}

/// A request on its way.
#[derive(Clone, Debug)]
pub(crate) struct Flight {
    pub(crate) life: u32,
    pub(crate) id: RequestId,
    pub(crate) request: AccountRequest,
    /// The venue's time as the gateway believes it to be, signed into the request.
    pub(crate) stamp: Timestamp,
    pub(crate) sent: Timestamp,
    /// It can still be taken, as far as was known when it left.
    pub(crate) lands: bool,
    /// A second copy: nobody waits for its answer.
    pub(crate) copy: bool,
}

struct Entry {
    at: Timestamp,
    number: u64,
    event: Event,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Entry) -> bool {
        (self.at, self.number) == (other.at, other.number)
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Entry) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Entry) -> Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

/// All that is going to happen.
#[derive(Default)]
pub(crate) struct Agenda {
    entries: BinaryHeap<Reverse<Entry>>,
    number: u64,
}

impl Agenda {
    pub(crate) fn at(&mut self, at: Timestamp, event: Event) {
        self.number += 1;
        self.entries.push(Reverse(Entry { at, number: self.number, event }));
    }

    /// The next thing, and when.
    pub(crate) fn next(&mut self) -> Option<(Timestamp, Event)> {
        self.entries.pop().map(|Reverse(entry)| (entry.at, entry.event))
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_time_and_then_as_they_were_put_down() {
        let mut agenda = Agenda::default();
        let at = Timestamp::from_nanos;
        agenda.at(at(5), Event::Market);
        agenda.at(at(3), Event::Start);
        agenda.at(at(3), Event::Drain);
        let order: Vec<_> = std::iter::from_fn(|| agenda.next()).collect();
        assert!(matches!(order[0], (t, Event::Start) if t == at(3)));
        assert!(matches!(order[1], (t, Event::Drain) if t == at(3)));
        assert!(matches!(order[2], (t, Event::Market) if t == at(5)));
    }
}
