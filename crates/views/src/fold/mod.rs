//! Entries of the journal made into rows: the one place that knows what each kind of record means to those who
//! ask.
//!
//! It is a fold: what it carries from entry to entry is in the file, too, so that it goes on where it ended.
//! Every kind of record is a line of one `match`, so a new kind cannot be forgotten.

mod decision;
mod event;
mod execution;
mod order;
mod refusal;

use std::collections::BTreeMap;

use model::{Asset, Entry, InstrumentId, Record, Side};
use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};

use self::decision::Pending;
pub(crate) use self::event::link_name;
use self::execution::Holdings;
use self::order::Orders;
pub(crate) use self::refusal::INSUFFICIENT;

/// What is carried from entry to entry besides what is in the tables.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Carried {
    session: Option<u64>,
    /// Per connection: is it up, since when, and was it lost in this session after it had been up?
    links: BTreeMap<String, LinkState>,
    /// Free balances as the venue last told them, with its time.
    balances: BTreeMap<String, (String, i64)>,
    /// A decision whose outcome may be the next entry. Its row is there already, without it.
    pending: Option<Pending>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct LinkState {
    up: bool,
    since: i64,
    lost: bool,
}

/// The fold, as far as it is.
#[derive(Debug, Default)]
pub(crate) struct Fold {
    carried: Carried,
    orders: Orders,
    holdings: Holdings,
    last_at: i64,
}

/// Kinds of which all is in columns.
const IN_COLUMNS: [&str; 8] =
    ["decided", "prepared", "accepted", "answered", "ended", "filled", "refused", "balances"];

impl Fold {
    /// Goes on from what the file has.
    pub(crate) fn open(connection: &Connection, carried: Carried) -> rusqlite::Result<Fold> {
        let holdings = Holdings::read(connection)?;
        Ok(Fold { carried, holdings, ..Fold::default() })
    }

    /// Writes what is held back, and says what is to be carried to the next batch.
    pub(crate) fn flush(&mut self, connection: &Connection) -> rusqlite::Result<Carried> {
        if let Some(pending) = &self.carried.pending {
            pending.write(connection, None, None)?;
        }
        self.orders.write(connection)?;
        self.holdings.write(connection)?;
        if let Some(session) = self.carried.session {
            let sql = "UPDATE sessions SET last_at = max(last_at, ?1) WHERE session = ?2";
            connection.execute(sql, params![self.last_at, session.cast_signed()])?;
        }
        Ok(self.carried.clone())
    }

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
            | Record::EquityMark { .. }
            | Record::KeyAudited { .. } => Ok(()),
        }
    }

    fn session(&self) -> Option<i64> {
        self.carried.session.map(u64::cast_signed)
    }

    /// The asset that an order pays with, and how much of it was free when the venue last told.
    fn paying(&self, instrument: InstrumentId, side: Side) -> (Option<String>, Option<String>) {
        let Some((base, quote)) = instrument.assets() else { return (None, None) };
        let asset: Asset = match side {
            Side::Buy => quote,
            Side::Sell => base,
        };
        let free = self.carried.balances.get(asset.as_str()).map(|(free, _)| free.clone());
        (free, Some(asset.to_string()))
    }
}

/// Where a row of one entry goes.
pub(crate) struct Line<'c> {
    pub(crate) connection: &'c Connection,
    pub(crate) seq: i64,
    pub(crate) at: i64,
    pub(crate) session: Option<i64>,
}

impl Line<'_> {
    fn record(&self, record: &Record) -> rusqlite::Result<()> {
        let facets = journal::facets(record);
        let body = (!IN_COLUMNS.contains(&facets.kind))
            .then(|| serde_json::to_string(record))
            .transpose()
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
        let sql = "INSERT INTO records (seq, at, kind, agent, instrument, client_order_id, body)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        self.connection.prepare_cached(sql)?.execute(params![
            self.seq,
            self.at,
            facets.kind,
            facets.agent,
            facets.instrument,
            facets.client_order_id,
            body,
        ])?;
        Ok(())
    }

    /// A row of `errors`, where the record is about something that went wrong.
    fn error(&self, record: &Record) -> rusqlite::Result<()> {
        let Some(what) = event::what_went_wrong(record) else { return Ok(()) };
        let facets = journal::facets(record);
        let sql = "INSERT INTO errors (seq, at, kind, agent, instrument, client_order_id, what)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        self.connection.prepare_cached(sql)?.execute(params![
            self.seq,
            self.at,
            facets.kind,
            facets.agent,
            facets.instrument,
            facets.client_order_id,
            what,
        ])?;
        Ok(())
    }
}
