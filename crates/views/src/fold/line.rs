//! Where the rows of one entry go, and the two tables that any entry may have a row in.

use model::Record;
use rusqlite::{Connection, params};

use super::wrong::what_went_wrong;

/// Kinds of which all is in columns.
const IN_COLUMNS: [&str; 8] =
    ["decided", "prepared", "accepted", "answered", "ended", "filled", "refused", "balances"];

/// Where a row of one entry goes.
pub(crate) struct Line<'c> {
    pub(crate) connection: &'c Connection,
    pub(crate) seq: i64,
    pub(crate) at: i64,
    pub(crate) session: Option<i64>,
}

impl Line<'_> {
    pub(crate) fn record(&self, record: &Record) -> rusqlite::Result<()> {
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
    pub(crate) fn error(&self, record: &Record) -> rusqlite::Result<()> {
        let Some(what) = what_went_wrong(record) else { return Ok(()) };
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
