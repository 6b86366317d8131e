//! Where the comparison of our books with the venue's stands. What is read, and what is made of it,
//! is in `reading.rs`.

use std::collections::BTreeMap;
use std::time::Duration;

use model::venue::VenueOrder;
use model::{Amount, Asset, Fill, InstrumentId, Timestamp, TradeId, VenueOrderId};

/// First pause after a reading that failed or left something open; from its start, as the others are.
const PAUSE_MIN: Duration = Duration::from_millis(250);
/// Longest such pause: with an answer or two it leaves the books agreed within five seconds of a venue
/// that answers again.
const PAUSE_MAX: Duration = Duration::from_secs(3);

/// One part of a reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    OpenOrders,
    /// The newest execution alone, at the first look: what is not newer is history.
    Newest(InstrumentId),
    Fills(InstrumentId),
    Account,
}

/// Where the reading stands.
#[derive(Debug, Default)]
pub(crate) struct Reading {
    /// Answers to an earlier reading are of no use to this one.
    pub(crate) generation: u64,
    pub(crate) waiting_for: usize,
    pub(crate) running: bool,
    pub(crate) started: Timestamp,
    pub(crate) due: Option<Timestamp>,
    pub(crate) pause: Option<Duration>,
    pub(crate) clean: bool,
    /// Readings that failed since the last complete one.
    pub(crate) failed: u32,
    pub(crate) open: Vec<VenueOrder>,
    pub(crate) fills_to: BTreeMap<InstrumentId, TradeId>,
    /// Venue time of the newest execution read, per instrument.
    pub(crate) fills_until: BTreeMap<InstrumentId, Timestamp>,
    /// Where the lists of this reading start, so that their pages belong together.
    pub(crate) fills_from: BTreeMap<InstrumentId, Timestamp>,
    /// Pages of executions read.
    pub(crate) pages: u32,
    /// Differences since the last complete reading.
    pub(crate) found: u32,
    /// Executions whose order is being asked for.
    pub(crate) unattributed: Vec<Fill>,
    /// Balances that did not agree at the last reading: once may be a race, twice is not.
    pub(crate) suspects: BTreeMap<Asset, (Amount, Amount)>,
}

impl Reading {
    /// Do our books agree with the venue's, as far as we could have heard?
    pub(crate) fn is_clean(&self) -> bool {
        self.clean
    }

    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        if self.running { None } else { self.due }
    }

    pub(crate) fn found(&mut self) {
        self.found = self.found.saturating_add(1);
    }

    pub(crate) fn unattributed(&self) -> &[Fill] {
        &self.unattributed
    }

    pub(crate) fn hold(&mut self, fill: Fill) {
        self.unattributed.push(fill);
    }

    pub(crate) fn release(&mut self, instrument: InstrumentId, order: VenueOrderId) -> Vec<Fill> {
        let belongs = |f: &Fill| f.instrument == instrument && f.venue_order_id == order;
        let (released, kept) = self.unattributed.drain(..).partition(belongs);
        self.unattributed = kept;
        released
    }

    pub(crate) fn again(&mut self, now: Timestamp) {
        let pause = self.pause.map_or(PAUSE_MIN, |p| (p * 2).min(PAUSE_MAX));
        self.pause = Some(pause);
        self.running = false;
        // A reading that hung has waited long enough.
        self.due = Some(self.started.after(pause).max(now.after(PAUSE_MIN)));
    }
}

/// Whether balances must be asked for, at a venue that does not tell them. What is asked, and when, is
/// in `balances.rs`.
#[derive(Debug, Default)]
pub(crate) struct BalancesDue {
    pub(crate) due: Option<Timestamp>,
    pub(crate) asking: bool,
}

impl BalancesDue {
    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        if self.asking { None } else { self.due }
    }
}
