//! Rows read back into entries, each checked against what was written.

use std::path::Path;

use model::Entry;
use rusqlite::types::{FromSql, ValueRef};
use rusqlite::{Connection, Row};

use super::anchor::anchor;
use super::explain::explain;
use super::snapshots;
use crate::chain::Hash;
use crate::facets::facets;
use crate::place::Place;
use crate::source::EachLine;
use crate::storage::StoreError;
use crate::text;
use crate::walk::Walk;

/// The columns of a row, in the order in which [`entry`] expects them.
pub(crate) const COLUMNS: &str = "seq, body, at, kind, agent, instrument, client_order_id";

/// Hands over every entry behind `after`, oldest first, and checks the chain of their hashes. What
/// a writer appends meanwhile is not seen.
pub(crate) fn replay(
    path: &Path,
    connection: &Connection,
    after: u64,
    each: &mut dyn FnMut(u64, Entry) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let each = &mut |seq, row: &Row<'_>| each(seq, entry(path, seq, row)?);
    walk(path, connection, COLUMNS, (after, u64::MAX), each)?;
    Ok(())
}

/// The same with the texts as they were written, and at most `max` of them.
pub(crate) fn lines(
    path: &Path,
    connection: &Connection,
    (after, max): (u64, u64),
    each: EachLine<'_>,
) -> Result<(), StoreError> {
    let each = &mut |seq, row: &Row<'_>| each(seq, body(path, seq, row)?, entry(path, seq, row)?);
    walk(path, connection, COLUMNS, (after, max), each)?;
    Ok(())
}

/// Checks the chain of the hashes of all entries that are kept, and that they reach as far as the newest
/// snapshot does: it was made of entries that were durable.
pub(crate) fn check(path: &Path, connection: &Connection) -> Result<(), StoreError> {
    let last = walk(path, connection, "seq, body", (0, u64::MAX), &mut |_, _| Ok(()))?;
    let newest = snapshots::newest(connection).map_err(|error| explain(path, &error))?;
    if newest > last {
        let problem = format!("it is missing: a snapshot of the entries up to {newest} is there");
        return Err(StoreError::damaged(path, last + 1, problem));
    }
    Ok(())
}

/// Goes over the entries behind `after`, at most so many, along the chain of their hashes; returns the number of the last
/// entry there is.
fn walk(
    path: &Path,
    connection: &Connection,
    columns: &str,
    (after, max): (u64, u64),
    each: &mut dyn FnMut(u64, &Row<'_>) -> Result<(), StoreError>,
) -> Result<u64, StoreError> {
    let sql = |error: rusqlite::Error| explain(path, &error);
    // One state of the file for all that is read of it.
    let reading = connection.unchecked_transaction().map_err(sql)?;
    let place = Place::from(path);
    let mut walk = Walk::behind(&place, after, anchor(&reading).map_err(sql)?);
    let Ok(start) = i64::try_from(walk.next()) else { return Ok(walk.last()) };
    // One more where the first row is only what the chain is taken up at.
    let rows_max = i64::try_from(max.saturating_add(walk.taken_up_at())).unwrap_or(i64::MAX);
    let mut select = reading
        .prepare_cached(&format!(
            "SELECT {columns}, chain FROM journal WHERE seq >= ?1 ORDER BY seq LIMIT ?2"
        ))
        .map_err(sql)?;
    let chain_column = select.column_count() - 1;
    let mut rows = select.query([start, rows_max]).map_err(sql)?;
    while let Some(row) = rows.next().map_err(sql)? {
        let seq = walk.is_next(u64::try_from(row.get::<_, i64>(0).map_err(sql)?).ok())?;
        let kept: Hash = column(path, seq, row, chain_column)?;
        if walk.follow(body(path, seq, row)?.as_bytes(), kept)? {
            each(seq, row)?;
        }
    }
    Ok(walk.last())
}

/// The entry of a row, whose columns must be the ones its text has.
pub(crate) fn entry(path: &Path, seq: u64, row: &Row<'_>) -> Result<Entry, StoreError> {
    let text = body(path, seq, row)?;
    let entry: Entry = text::read(text).map_err(|error| StoreError::Foreign {
        place: path.into(),
        problem: format!("entry {seq} is of a kind this program does not know ({error})"),
    })?;
    let facets = facets(&entry.record);
    let texts = [Some(facets.kind), facets.agent, facets.instrument, facets.client_order_id];
    let mut same = column::<i64>(path, seq, row, 2)? == entry.at.nanos();
    for (index, text) in (3..).zip(texts) {
        let kept = row.get_ref(index).map_err(|error| explain(path, &error))?;
        same &= match (kept, text) {
            (ValueRef::Null, None) => true,
            (ValueRef::Text(kept), Some(text)) => kept == text.as_bytes(),
            _ => false,
        };
    }
    if same {
        Ok(entry)
    } else {
        Err(StoreError::damaged(path, seq, "its columns do not fit its text"))
    }
}

fn body<'r>(path: &Path, seq: u64, row: &'r Row<'_>) -> Result<&'r str, StoreError> {
    let value = row.get_ref(1).map_err(|error| explain(path, &error))?;
    value.as_str().map_err(|error| StoreError::damaged(path, seq, error))
}

/// A value that has the type it was written with, or the entry is damaged.
fn column<T: FromSql>(path: &Path, seq: u64, row: &Row<'_>, index: usize) -> Result<T, StoreError> {
    let value = row.get_ref(index).map_err(|error| explain(path, &error))?;
    T::column_result(value).map_err(|error| StoreError::damaged(path, seq, error))
}
