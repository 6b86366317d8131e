//! What a venue says and nobody here has a word for.
//!
//! One such row must not hide the others of its list, and it must not be dropped: it is passed on with as
//! much of it as can be read, and the gateway says what it makes of that.

use serde::{Deserialize, Serialize};

use crate::ids::{ClientOrderId, InstrumentId, TradeId, VenueOrderId};

/// A row of a list, or an event, that is not understood: what of it can be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unread {
    /// Of which instrument.
    pub instrument: Option<InstrumentId>,
    /// Of which order, by the venue's name.
    pub order: Option<VenueOrderId>,
    /// The same by the name its owner gave it.
    pub client_order_id: Option<ClientOrderId>,
    /// The venue's name for the row where it is one of the history of executions; `None` where it is an
    /// order.
    pub trade: Option<TradeId>,
    /// What is not understood, and why.
    pub because: String,
}
