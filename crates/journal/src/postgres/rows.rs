//! Rows written and read back, each checked against what was written.

use model::Entry;
use tokio_postgres::Row;

use super::link::{ANSWER_MAX, Link};
use crate::chain::{self, Hash};
use crate::facets::facets;
use crate::patience::Failure;
use crate::place::Place;
use crate::storage::StoreError;

/// The columns of a row, in the order in which [`entry`] expects them.
pub(super) const COLUMNS: &str = "seq, body, at, kind, agent, instrument, client_order_id";

/// Entries that are read at a time.
pub(super) const PAGE: usize = 2_000;

/// Rows with this number or a higher one, with their hashes.
pub(super) fn page(link: &mut Link, schema: &str, from: u64) -> Result<Vec<Row>, Failure> {
    let Ok(from) = i64::try_from(from) else { return Ok(Vec::new()) };
    let sql = format!(
        "SELECT {COLUMNS}, chain FROM {schema}.journal WHERE seq >= $1 ORDER BY seq LIMIT {PAGE}"
    );
    link.ask(ANSWER_MAX, |client| async move { client.query(&sql, &[&from]).await })
}

/// Entries as columns, ready to be sent as often as it takes.
#[derive(Debug, Default)]
pub(super) struct Columns<'e> {
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

impl<'e> Columns<'e> {
    /// Entries that follow the one with this number and hash.
    pub(super) fn of(
        place: &Place,
        entries: &'e [Entry],
        after: (u64, Hash),
    ) -> Result<Columns<'e>, StoreError> {
        let mut columns = Columns { tail: after, ..Columns::default() };
        for entry in entries {
            let body =
                serde_json::to_string(entry).map_err(|error| StoreError::unusable(place, error))?;
            let facets = facets(&entry.record);
            let (last, hash) = columns.tail;
            columns.tail = (last + 1, chain::next(&hash, body.as_bytes()));
            columns.seq.push(columns.tail.0.cast_signed());
            columns.at.push(entry.at.nanos());
            columns.kind.push(facets.kind);
            columns.agent.push(facets.agent);
            columns.instrument.push(facets.instrument);
            columns.client_order_id.push(facets.client_order_id);
            columns.body.push(body);
            columns.chain.push(columns.tail.1.to_vec());
        }
        Ok(columns)
    }
}

/// Follows the chain through the rows of a journal, page by page.
pub(super) struct Walk<'p> {
    place: &'p Place,
    /// Number of the last row that was seen, and its hash.
    after: u64,
    hash: Hash,
    /// The row that the chain is taken up at is still to come.
    start: bool,
}

impl<'p> Walk<'p> {
    /// Behind this number.
    pub(super) fn behind(place: &'p Place, after: u64) -> Walk<'p> {
        Walk { place, after, hash: chain::START, start: after > 0 }
    }

    /// The number that the next page starts with.
    pub(super) const fn next(&self) -> u64 {
        if self.start { self.after } else { self.after.saturating_add(1) }
    }

    /// Takes one row with its hash in the last column.
    pub(super) fn take(
        &mut self,
        row: &Row,
        each: &mut dyn FnMut(u64, Entry) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let (place, expected) = (self.place, self.next());
        let seq: i64 = column(place, expected, row, 0)?;
        if u64::try_from(seq) != Ok(expected) {
            return Err(StoreError::damaged(place, expected, "it is missing"));
        }
        let kept: &[u8] = column(place, expected, row, 7)?;
        if self.start {
            let kept = Hash::try_from(kept);
            self.hash = kept.map_err(|_| {
                StoreError::damaged(place, expected, "its hash is of another length")
            })?;
            self.start = false;
            return Ok(());
        }
        let body: &str = column(place, expected, row, 1)?;
        self.hash = chain::next(&self.hash, body.as_bytes());
        if self.hash != kept {
            return Err(StoreError::damaged(place, expected, "its hash does not fit its text"));
        }
        self.after = expected;
        each(expected, entry(place, expected, row)?)
    }
}

/// The entry of a row, whose columns must be the ones its text has.
pub(super) fn entry(place: &Place, seq: u64, row: &Row) -> Result<Entry, StoreError> {
    let text: &str = column(place, seq, row, 1)?;
    let entry: Entry = serde_json::from_str(text).map_err(|error| StoreError::Foreign {
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
