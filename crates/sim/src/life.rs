//! One life of the gateway's process, and the lines that it hangs on.

use std::collections::{BTreeMap, BTreeSet};

use gateway::Gateway;
use model::venue::OrderKey;
use model::{ClientOrderId, Effects, RequestId, Timestamp};

use crate::agenda::Event;
use crate::hosts::Host;

/// A running gateway with its agents.
pub(crate) struct Life {
    pub(crate) number: u32,
    pub(crate) session: u64,
    pub(crate) gateway: Gateway,
    pub(crate) hosts: Vec<Host>,
    /// Its clock minus the world's, nanoseconds: read once, when it started.
    pub(crate) ahead: i64,
    /// The venue's clock minus its own, milliseconds, as it was measured.
    pub(crate) offset_ms: i64,
    pub(crate) wake: Option<Timestamp>,
    /// Questions without an answer yet; true for a new order.
    pub(crate) waiting: BTreeMap<RequestId, bool>,
    /// May what adds risk leave?
    pub(crate) gate: bool,
    /// Stopped by a signal: what has come since waits.
    pub(crate) stopped: Option<Vec<Event>>,
    /// The journal failed: orders are being taken back.
    pub(crate) clearing: Option<Clearing>,
    pub(crate) effects: Effects,
}

impl Life {
    /// The time by its own clock.
    pub(crate) const fn clock(&self, now: Timestamp) -> Timestamp {
        Timestamp::from_nanos(now.nanos() + self.ahead)
    }

    /// The world's time, from one of its own.
    pub(crate) const fn world_time(&self, own: Timestamp) -> Timestamp {
        Timestamp::from_nanos(own.nanos() - self.ahead)
    }
}

/// Taking orders back without a journal.
pub(crate) struct Clearing {
    pub(crate) ids: BTreeSet<ClientOrderId>,
    pub(crate) shown: Vec<OrderKey>,
    pub(crate) until: Timestamp,
    pub(crate) asked: u64,
}

/// A stream of the venue to the gateway.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Line {
    pub(crate) up: bool,
    /// Which connection it is; what belongs to an older one is lost.
    pub(crate) conn: u32,
    /// Nothing overtakes: the time of the last thing on its way.
    pub(crate) tail: Timestamp,
    /// The market's: the book has been sent, and every change since.
    pub(crate) whole: bool,
    /// Connections that were lost lately.
    pub(crate) failures: u32,
    pub(crate) linked_at: Timestamp,
}
