//! What is under way between gateway and exchange.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use model::venue::{AccountEvent, AccountRequest};
use model::{FeedNotice, Outcome, RequestId};

/// Something that is to be there at a time.
#[derive(Debug)]
pub(crate) enum Under {
    /// A request, at the exchange.
    Request(RequestId, Box<AccountRequest>),
    /// Its answer, at the gateway.
    Answer(RequestId, Box<Outcome>),
    /// A report of the account, at the gateway.
    Report(Box<AccountEvent>),
    /// A request that was held back may go now; it was wanted first at this time.
    Again { id: RequestId, request: Box<AccountRequest>, since: i64 },
    /// Something that the gateway's own host tells it.
    Notice(FeedNotice),
}

/// All that is under way. Of what is there at one time, what was sent first goes first.
#[derive(Debug, Default)]
pub(crate) struct Wire {
    waiting: BinaryHeap<Reverse<Waiting>>,
    sent: u64,
}

#[derive(Debug)]
struct Waiting {
    at: i64,
    number: u64,
    what: Under,
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Waiting) -> bool {
        self.number == other.number
    }
}

impl Eq for Waiting {}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Waiting) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Waiting {
    fn cmp(&self, other: &Waiting) -> std::cmp::Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

impl Wire {
    pub(crate) fn send(&mut self, at: i64, what: Under) {
        self.sent += 1;
        self.waiting.push(Reverse(Waiting { at, number: self.sent, what }));
    }

    /// When the next one is there; the end of time when there is none.
    pub(crate) fn next_at(&self) -> i64 {
        self.waiting.peek().map_or(i64::MAX, |Reverse(next)| next.at)
    }

    pub(crate) fn take(&mut self) -> Option<(i64, Under)> {
        self.waiting.pop().map(|Reverse(next)| (next.at, next.what))
    }
}
