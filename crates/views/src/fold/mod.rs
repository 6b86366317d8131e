//! Entries of the journal made into rows: the one place that knows what each kind of record means to those who
//! ask.
//!
//! It is a fold: what it carries from entry to entry is in the file, too, so that it goes on where it ended.
//! Every kind of record is a line of one `match`, so a new kind cannot be forgotten.

mod decision;
mod event;
mod execution;
mod holdings;
mod line;
mod order;
mod pending;
mod refusal;
mod state;
mod wrong;

use model::{Entry, Record};
use rusqlite::Connection;

use self::line::Line;
pub(crate) use self::refusal::INSUFFICIENT;
pub use self::refusal::tag as refusal_tag;
pub(crate) use self::state::{Carried, Fold};
pub use self::wrong::{link_name, what_went_wrong};

impl Fold {
    /// Takes one entry.
    pub(crate) fn add(
        &mut self,
        connection: &Connection,
        seq: u64,
        entry: &Entry,
    ) -> rusqlite::Result<()> {
        let (seq, at) = (seq.cast_signed(), entry.at.nanos());
        self.last_at = at;
        let row = Line { connection, seq, at, session: self.session() };
        row.record(&entry.record)?;
        match &entry.record {
            Record::Decided { .. } => self.decided(&row, &entry.record),
            Record::Refused { agent, intent, because, .. } => {
                self.refused(&row, (*agent, *intent), because)
            }
            Record::Prepared { .. } => self.prepared(&row, &entry.record),
            Record::Filled { client_order_id, fill, late } => {
                self.filled(&row, client_order_id.as_ref(), fill, *late)
            }
            Record::Busted { client_order_id, fill } => {
                self.busted(&row, client_order_id.as_ref(), fill)
            }
            Record::Accepted { .. }
            | Record::Answered { .. }
            | Record::Rejected { .. }
            | Record::CancelRejected { .. }
            | Record::InDoubt { .. }
            | Record::Ended { .. } => self.happened(&row, &entry.record),
            Record::Balances { balances, venue_time, partial } => {
                self.balances(&row, balances, venue_time.nanos(), *partial)
            }
            Record::Started { .. }
            | Record::Stopped
            | Record::Link { .. }
            | Record::Feed { .. } => self.infrastructure(&row, &entry.record),
            Record::Gap { .. }
            | Record::RateLimited { .. }
            | Record::Discrepancy { .. }
            | Record::Trading { .. }
            | Record::ResumeRefused { .. }
            | Record::AgentDisabled { .. }
            | Record::Breaker { .. }
            | Record::Alerted { .. }
            | Record::Agent { .. } => row.error(&entry.record),
            // Their views read them from `records`.
            Record::CancelPrepared { .. }
            | Record::Triggered { .. }
            | Record::Foreign { .. }
            | Record::ForeignGone { .. }
            | Record::ForeignCancel { .. }
            | Record::Transferred { .. }
            | Record::TransferKnown { .. }
            | Record::Duplicates { .. }
            | Record::MissedTrades { .. }
            | Record::HandedOver { .. }
            | Record::Rules { .. }
            | Record::BudgetWait { .. }
            | Record::Reconciled { .. }
            | Record::DifferencesAccepted { .. }
            | Record::Flatten { .. }
            | Record::ResumeRequested { .. }
            | Record::Resumed { .. }
            | Record::Limits { .. }
            | Record::AgentEnabled { .. }
            | Record::GateOverridden { .. }
            | Record::Ramp { .. }
            | Record::EquityMark { .. }
            | Record::KeyAudited { .. } => Ok(()),
        }
    }
}
