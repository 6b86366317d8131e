//! Which orders in doubt are being looked for in lists, and when the next list may be read. What is
//! read, and what it proves, is in `survey.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use model::{ClientOrderId, InstrumentId, Timestamp};

/// From the end of one survey to the next, of whatever instrument: so they cost the same however many
/// orders and instruments are in doubt.
pub(crate) const SURVEY_EVERY: Duration = Duration::from_secs(3);

/// One part of a survey, in the order in which they are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SurveyPart {
    /// Orders in any state.
    Orders,
    /// Open orders.
    Open,
    /// Executions.
    Fills,
}

/// Surveys of orders in doubt: one at a time.
#[derive(Debug, Default)]
pub(crate) struct Surveys {
    /// Of the one under way, or of the last one: answers to an earlier one are of no use.
    pub(crate) number: u64,
    pub(crate) running: Option<Survey>,
    /// Not before this.
    pub(crate) next_at: Timestamp,
    /// Whose turn was last.
    pub(crate) last: Option<InstrumentId>,
    /// The last one of each of these instruments failed: some are asked about one by one.
    pub(crate) failed: BTreeSet<InstrumentId>,
}

/// One look at the lists of an instrument.
#[derive(Debug)]
pub(crate) struct Survey {
    pub(crate) instrument: InstrumentId,
    /// What is looked for. Was the quiet time of each over when it began, so that not to be shown says
    /// something?
    pub(crate) members: BTreeMap<ClientOrderId, bool>,
    /// None of them was made before this, by the venue's clock.
    pub(crate) since: Timestamp,
    /// Where the list of orders under way starts; `None` where it goes on behind an order.
    pub(crate) window: Option<Timestamp>,
    /// Those of them that a list shows, or may show in words that are not understood.
    pub(crate) shown: BTreeSet<ClientOrderId>,
    /// There is an execution of an order that nobody knows: it may be of any of them.
    pub(crate) unknown: bool,
    /// Lists read.
    pub(crate) pages: u32,
}
