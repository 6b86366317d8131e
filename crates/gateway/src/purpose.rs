//! Why a request was sent: what its answer is for.

use model::{ClientOrderId, InstrumentId, Timestamp};

use crate::books::VenueKey;
use crate::readings::Part;
use crate::surveys::SurveyPart;

/// Why a request was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A new order.
    Place(ClientOrderId),
    /// Taking one back.
    Cancel(ClientOrderId),
    /// Asking what became of an order.
    Ask(ClientOrderId),
    /// Asking for an order's executions.
    AskFills(ClientOrderId),
    /// Asking for the open orders of an instrument, where an accepted order should be and is missed.
    AskOpen(ClientOrderId),
    /// Asking for all executions since an order was written down: the last proof of its absence.
    AskTape(ClientOrderId),
    /// One list of a survey of many orders in doubt.
    Survey {
        /// Which survey it belongs to.
        number: u64,
        /// Which list.
        part: SurveyPart,
    },
    /// Asking whose order an execution belongs to.
    Identify(VenueKey),
    /// Asking how an order of somebody else ended.
    AskForeign(VenueKey),
    /// Taking back an order of somebody else.
    CancelForeign(VenueKey),
    /// A look at an instrument's open orders while the account's stream is quiet.
    Look {
        /// Whose orders.
        instrument: InstrumentId,
        /// When it was sent.
        since: Timestamp,
    },
    /// Asking for balances that the venue does not tell by itself.
    Balances,
    /// One part of a reconciliation.
    Read {
        /// Which reading it belongs to.
        generation: u64,
        /// Which part of it.
        part: Part,
    },
}
