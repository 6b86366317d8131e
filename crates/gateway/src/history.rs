//! What executed before this gateway first looked at the account. It is neither ours nor news: the first
//! balances have it in them already.
//!
//! The line is drawn by the newest trade id at the first look at an instrument, which the journal keeps;
//! where nothing had executed yet, or ids do not count, by the venue's time of the first balances. Both
//! hold for every later session. Our own clock decides only until there are balances: a machine whose
//! clock was ahead at the first start would take what somebody executes later for history, and drop it.

use model::{Fill, InstrumentId};

use crate::gateway::Gateway;
use crate::reading::number;

impl Gateway {
    /// Did this execute before the first look at the account?
    pub(crate) fn is_history(&self, fill: &Fill) -> bool {
        let first_read = self.books.history_to(fill.instrument).and_then(number);
        let by_id = number(fill.trade_id).zip(first_read).is_some_and(|(id, to)| id <= to);
        let by_time = match self.books.balances_since() {
            Some(first) => fill.venue_time <= first,
            None => {
                let first_start = self.books.first_started().unwrap_or(self.started_at);
                fill.venue_time < first_start.shifted_ms(self.venue_ahead_ms)
            }
        };
        by_id || by_time
    }

    /// Nothing of ours can have executed yet, and the books were never compared: what is there is history.
    pub(crate) fn is_first_look(&self, instrument: InstrumentId) -> bool {
        self.books.compared_at().is_none() && !self.books.knows_orders_of(instrument)
    }
}
