//! Rows written and read back, each checked against what was written.

use model::Entry;
use tokio_postgres::Row;

use super::link::{ANSWER_MAX, Link};
use crate::chain::{self, Hash};
use crate::facets::facets;
use crate::patience::Failure;
use crate::place::Place;
use crate::storage::StoreError;
use crate::text;
use crate::walk::Walk;

/// The columns of a row, in the order in which [`entry`] expects them.
pub(super) const COLUMNS: &str = "seq, body, at, kind, agent, instrument, client_order_id";

/// What is read of each entry.
#[derive(Clone, Copy, Debug)]
pub(super) enum Columns {
    /// All of it.
    Whole,
    /// What the chain is checked by.
    Text,
}

impl Columns {
    const fn names(self) -> &'static str {
        match self {
            Columns::Whole => COLUMNS,
            Columns::Text => "seq, body",
        }
    }
}

/// Entries that are read at a time.
pub(super) const PAGE: usize = 2_000;

/// Rows with this number or a higher one, with their hashes.
pub(super) fn page(
    link: &mut Link,
    schema: &str,
    columns: Columns,
    from: u64,
) -> Result<Vec<Row>, Failure> {
    let Ok(from) = i64::try_from(from) else { return Ok(Vec::new()) };
    let columns = columns.names();
    let sql = format!(
        "SELECT {columns}, chain FROM {schema}.journal WHERE seq >= $1 ORDER BY seq LIMIT {PAGE}"
    );
    link.ask(ANSWER_MAX, |client| async move { client.query(&sql, &[&from]).await })
}

/// The last entry that was removed, and its hash; the nothing before the first if none was.
pub(super) fn anchor(link: &mut Link, schema: &str) -> Result<(u64, Hash), Failure> {
    let place = link.place.clone();
    let sql = format!("SELECT seq, chain FROM {schema}.anchor");
    let row = link.ask(ANSWER_MAX, |client| async move { client.query_opt(&sql, &[]).await })?;
    let read = |row: &Row| {
        let seq: i64 = column(&place, 0, row, 0)?;
        Ok((seq.cast_unsigned(), hash(&place, 0, column(&place, 0, row, 1)?)?))
    };
    let broken = || StoreError::Broken {
        place: place.clone(),
        problem: "the row of its anchor is missing".to_owned(),
    };
    row.ok_or_else(broken).and_then(|row| read(&row)).map_err(Failure::Final)
}

/// Entries as columns, ready to be sent as often as it takes.
#[derive(Debug, Default)]
pub(super) struct Values<'e> {
    pub(super) seq: Vec<i64>,
    pub(super) at: Vec<i64>,
    pub(super) kind: Vec<&'e str>,
    pub(super) agent: Vec<Option<&'e str>>,
    pub(super) instrument: Vec<Option<&'e str>>,
    pub(super) client_order_id: Vec<Option<&'e str>>,
    pub(super) body: Vec<String>,
    pub(super) chain: Vec<Vec<u8>>,
    /// Number and hash of the last one.
    pub(super) tail: (u64, Hash),
}

impl<'e> Values<'e> {
    /// Entries that follow the one with this number and hash.
    pub(super) fn of(
        place: &Place,
        entries: &'e [Entry],
        after: (u64, Hash),
    ) -> Result<Values<'e>, StoreError> {
        let mut values = Values { tail: after, ..Values::default() };
        for entry in entries {
            let body =
                serde_json::to_string(entry).map_err(|error| StoreError::unusable(place, error))?;
            let facets = facets(&entry.record);
            let (last, hash) = values.tail;
            values.tail = (last + 1, chain::next(&hash, body.as_bytes()));
            values.seq.push(values.tail.0.cast_signed());
            values.at.push(entry.at.nanos());
            values.kind.push(facets.kind);
            values.agent.push(facets.agent);
            values.instrument.push(facets.instrument);
            values.client_order_id.push(facets.client_order_id);
            values.body.push(body);
            values.chain.push(values.tail.1.to_vec());
        }
        Ok(values)
    }
}

/// Takes one row, with its hash in the last column, along the chain.
pub(super) fn take(
    place: &Place,
    walk: &mut Walk<'_>,
    row: &Row,
    each: &mut dyn FnMut(u64, &Row) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let seq: i64 = column(place, walk.next(), row, 0)?;
    let seq = walk.is_next(u64::try_from(seq).ok())?;
    let kept = hash(place, seq, column(place, seq, row, row.len() - 1)?)?;
    let body: &str = column(place, seq, row, 1)?;
    if walk.follow(body.as_bytes(), kept)? { each(seq, row) } else { Ok(()) }
}

fn hash(place: &Place, seq: u64, kept: &[u8]) -> Result<Hash, StoreError> {
    Hash::try_from(kept)
        .map_err(|_| StoreError::damaged(place, seq, "its hash is of another length"))
}

/// The text of a row's entry.
pub(super) fn text<'r>(place: &Place, seq: u64, row: &'r Row) -> Result<&'r str, StoreError> {
    column(place, seq, row, 1)
}

/// The entry of a row, whose columns must be the ones its text has.
pub(super) fn entry(place: &Place, seq: u64, row: &Row) -> Result<Entry, StoreError> {
    let entry = text::read(text(place, seq, row)?).map_err(|error| StoreError::Foreign {
        place: place.clone(),
        problem: format!("entry {seq} is of a kind this program does not know ({error})"),
    })?;
    let facets = facets(&entry.record);
    let texts = [Some(facets.kind), facets.agent, facets.instrument, facets.client_order_id];
    let mut same = column::<i64>(place, seq, row, 2)? == entry.at.nanos();
    for (index, text) in (3..).zip(texts) {
        same &= column::<Option<&str>>(place, seq, row, index)? == text;
    }
    if same {
        Ok(entry)
    } else {
        Err(StoreError::damaged(place, seq, "its columns do not fit its text"))
    }
}

/// A value that has the type it was written with, or the entry is damaged.
fn column<'r, T: tokio_postgres::types::FromSql<'r>>(
    place: &Place,
    seq: u64,
    row: &'r Row,
    index: usize,
) -> Result<T, StoreError> {
    row.try_get(index).map_err(|error| StoreError::damaged(place, seq, error))
}
