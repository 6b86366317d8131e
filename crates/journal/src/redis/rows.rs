//! Entries of the stream read back, each checked against what was written.

use redis::Cmd;

use super::keys::Keys;
use super::link::Link;
use crate::chain::{self, Hash};
use crate::patience::Failure;
use crate::place::Place;
use crate::source::EachLine;
use crate::storage::StoreError;
use crate::text;
use crate::walk::Walk;

/// Entries that are read at a time.
pub(super) const PAGE: usize = 1_000;

/// An entry of a stream: its id, and names and values by turns.
pub(super) type Row = (String, Vec<Vec<u8>>);

/// Entries with this number or a higher one.
pub(super) fn page(link: &mut Link, journal: &str, from: u64) -> Result<Vec<Row>, Failure> {
    let mut range = Cmd::new();
    range.arg("XRANGE").arg(journal).arg(format!("{from}-0")).arg("+").arg("COUNT").arg(PAGE);
    link.ask(&range)
}

/// Number and hash of the last entry.
pub(super) fn tail(link: &mut Link, keys: &Keys) -> Result<(u64, Hash), Failure> {
    let mut last = Cmd::new();
    last.arg("XREVRANGE").arg(&keys.journal).arg("+").arg("-").arg("COUNT").arg(1);
    let rows: Vec<Row> = link.ask(&last)?;
    // All that there was may have been removed.
    let Some(row) = rows.first() else { return anchor(link, keys) };
    let read = |row| {
        let seq = seq(&link.place, row)?;
        Ok((seq, parts(&link.place, seq, row)?.1))
    };
    read(row).map_err(Failure::Final)
}

/// The hash of an entry, if it is there.
pub(super) fn hash_of(link: &mut Link, keys: &Keys, seq: u64) -> Result<Option<Hash>, Failure> {
    let id = format!("{seq}-0");
    let mut range = Cmd::new();
    range.arg("XRANGE").arg(&keys.journal).arg(&id).arg(&id);
    let rows: Vec<Row> = link.ask(&range)?;
    let hash = rows.first().map(|row| Ok(parts(&link.place, seq, row)?.1));
    hash.transpose().map_err(Failure::Final)
}

/// The last entry that was removed, and its hash; the nothing before the first if none was.
pub(super) fn anchor(link: &mut Link, keys: &Keys) -> Result<(u64, Hash), Failure> {
    let mut get = Cmd::new();
    get.arg("HMGET").arg(&keys.counters).arg("removed").arg("anchor");
    match link.ask::<(Option<u64>, Option<Vec<u8>>)>(&get)? {
        (None, None) => Ok((0, chain::START)),
        (Some(removed), Some(kept)) if kept.len() == chain::START.len() => {
            Ok((removed, Hash::try_from(kept).unwrap_or(chain::START)))
        }
        _ => {
            let problem = "the anchor of its chain is not what was written".to_owned();
            Err(Failure::Final(StoreError::Broken { place: link.place.clone(), problem }))
        }
    }
}

/// Takes one entry along the chain.
pub(super) fn take(
    place: &Place,
    walk: &mut Walk<'_>,
    row: &Row,
    each: EachLine<'_>,
) -> Result<(), StoreError> {
    let seq = walk.is_next(Some(seq(place, row)?))?;
    let (body, kept) = parts(place, seq, row)?;
    if !walk.follow(body, kept)? {
        return Ok(());
    }
    let body = std::str::from_utf8(body);
    let body = body.map_err(|error| StoreError::damaged(place, seq, error))?;
    let entry = text::read(body).map_err(|error| StoreError::Foreign {
        place: place.clone(),
        problem: format!("entry {seq} is of a kind this program does not know ({error})"),
    })?;
    each(seq, body, entry)
}

fn seq(place: &Place, (id, _): &Row) -> Result<u64, StoreError> {
    let number = id.strip_suffix("-0").and_then(|number| number.parse().ok());
    number.ok_or_else(|| StoreError::Broken {
        place: place.clone(),
        problem: format!("an entry has the id {id}, which is none of ours"),
    })
}

/// Text and hash.
fn parts<'r>(
    place: &Place,
    seq: u64,
    (_, fields): &'r Row,
) -> Result<(&'r [u8], Hash), StoreError> {
    if let [body_name, body, chain_name, kept] = fields.as_slice()
        && (body_name.as_slice(), chain_name.as_slice()) == (b"body", b"chain")
        && let Ok(kept) = Hash::try_from(kept.as_slice())
    {
        return Ok((body, kept));
    }
    Err(StoreError::damaged(place, seq, "it has other fields than were written"))
}
