//! Where the comparison of our books with the venue's stands. What is read, and what is made of it,
//! is in `reading.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use model::venue::{TradesFrom, VenueOrder};
use model::{Amount, Asset, ClientOrderId, Fill, InstrumentId, Timestamp, TradeId};

use crate::books::{KnownFill, VenueKey};

/// First pause after a reading that failed or left something open; from its start, as the others are.
const PAUSE_MIN: Duration = Duration::from_millis(250);
/// Longest such pause: with an answer or two it leaves the books agreed within five seconds of a venue
/// that answers again.
const PAUSE_MAX: Duration = Duration::from_secs(3);

/// An execution that is not counted before its order is known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held {
    pub(crate) fill: Fill,
    /// When the venue first said how its order stands; `None` before that.
    pub(crate) since: Option<Timestamp>,
}

/// One part of a reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    OpenOrders,
    /// The newest execution alone, at the first look: what is not newer is history.
    Newest(InstrumentId),
    Fills(InstrumentId),
    Account,
    /// Executions that were counted long ago, where a balance does not fit them.
    Past(InstrumentId),
}

/// Where the reading stands.
#[derive(Debug, Default)]
pub(crate) struct Reading {
    /// Answers to an earlier reading are of no use to this one.
    pub(crate) generation: u64,
    pub(crate) waiting_for: usize,
    pub(crate) running: bool,
    pub(crate) started: Timestamp,
    /// When the last complete one began.
    pub(crate) concluded_from: Timestamp,
    pub(crate) due: Option<Timestamp>,
    pub(crate) pause: Option<Duration>,
    pub(crate) clean: bool,
    /// Readings that failed since the last complete one.
    pub(crate) failed: u32,
    pub(crate) open: Vec<VenueOrder>,
    /// Orders of ours that are shown in words that are not understood.
    pub(crate) unread: BTreeSet<ClientOrderId>,
    /// Orders whose own request had no answer when it began: the venue may have listed its open orders
    /// before it took them.
    pub(crate) under_way: BTreeSet<ClientOrderId>,
    /// Newest execution read, per instrument, since the last complete reading: one that broke off is gone on
    /// with where it ended, for a list may be longer than the venue lets itself be asked at a time.
    pub(crate) fills_to: BTreeMap<InstrumentId, TradeId>,
    /// An execution that was read could not be counted, and has to be read again.
    pub(crate) reread: bool,
    /// Venue time of the newest execution read, per instrument.
    pub(crate) fills_until: BTreeMap<InstrumentId, Timestamp>,
    /// Where the lists of this reading start, so that their pages belong together.
    pub(crate) fills_from: BTreeMap<InstrumentId, Timestamp>,
    /// Pages of executions read.
    pub(crate) pages: u32,
    /// Differences since the last complete reading.
    pub(crate) found: u32,
    /// Executions whose order is being asked for.
    unattributed: Vec<Held>,
    /// Balances that did not agree at the last reading, ours and theirs: once may be a race, twice is
    /// not.
    pub(crate) suspects: BTreeMap<Asset, (Amount, Amount)>,
    /// Since when they differ by as much.
    pub(crate) suspected_since: Timestamp,
    /// Those of them that nothing explains.
    pub(crate) drift: BTreeMap<Asset, (Amount, Amount)>,
    /// Of which time the balances were, by the venue's clock, where it says so.
    pub(crate) dated: Option<Timestamp>,
    /// All balances that are not what we count: beside the suspects, those that are as they were counted a
    /// while ago.
    pub(crate) apart: BTreeMap<Asset, (Amount, Amount)>,
    /// The look back under way.
    pub(crate) past: Past,
    /// These differences are what executions that are missing from the history make, and by then those are no
    /// longer too young to be missed.
    pub(crate) young: Option<(BTreeMap<Asset, Amount>, Timestamp)>,
    /// By which differences, and when, the past was last looked at in vain.
    pub(crate) past_looked: Option<(BTreeMap<Asset, Amount>, Timestamp)>,
    /// The last look back found executions missing that explain nothing.
    pub(crate) unexplained: Option<Unexplained>,
    /// Those that were missing twice, when what is left was offered to a person.
    pub(crate) missing: Vec<KnownFill>,
    /// Somebody wants another one when this one is over.
    pub(crate) wanted: bool,
    /// Something asks for the next one: it is not only its time.
    pub(crate) urgent: bool,
    /// The one under way was due, and nothing else asked for it.
    pub(crate) routine: bool,
}

/// A look at executions that are counted already: does the venue still know them?
#[derive(Debug, Default)]
pub(crate) struct Past {
    /// When it began: what is counted later need not be in lists that were read by then.
    pub(crate) began: Timestamp,
    /// What they are to explain.
    pub(crate) deltas: BTreeMap<Asset, Amount>,
    /// Where the lists start.
    pub(crate) from: BTreeMap<InstrumentId, TradesFrom>,
    /// What the venue shows.
    pub(crate) shown: BTreeSet<(InstrumentId, TradeId)>,
}

/// What a look back has found that fits nothing. The list may have shifted while it was read.
#[derive(Debug)]
pub(crate) struct Unexplained {
    /// By which balances differ.
    pub(crate) deltas: BTreeMap<Asset, Amount>,
    /// What the venue does not show.
    pub(crate) missing: BTreeSet<(InstrumentId, TradeId)>,
    /// Such looks in a row.
    pub(crate) looks: u32,
}

impl Held {
    /// Of which order it is.
    pub(crate) fn order(&self) -> VenueKey {
        (self.fill.instrument, self.fill.venue_order_id)
    }
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

    pub(crate) fn unattributed(&self) -> &[Held] {
        &self.unattributed
    }

    pub(crate) fn hold(&mut self, held: Held) {
        self.unattributed.push(held);
    }

    /// Orders of the executions that are held.
    pub(crate) fn held(&self) -> BTreeSet<VenueKey> {
        self.unattributed.iter().map(Held::order).collect()
    }

    pub(crate) fn release(&mut self, order: VenueKey) -> Vec<Held> {
        let belongs = |held: &Held| held.order() == order;
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
