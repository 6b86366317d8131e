//! Snapshots in Redis: number, then format, hash and body in one value.

use redis::Cmd;

use super::keys::Keys;
use super::link::Link;
use super::rows::tail;
use super::scripts;
use crate::chain::Hash;
use crate::patience::Failure;
use crate::storage::{REMOVED_MAX, SNAPSHOTS_KEPT, Snapshot};

/// Keeps one and lets go of the oldest.
pub(super) fn keep(link: &mut Link, keys: &Keys, snapshot: &Snapshot) -> Result<(), Failure> {
    let format = snapshot.format.to_le_bytes();
    let value = [format.as_slice(), &snapshot.hash(), &snapshot.body].concat();
    let mut keep = keys.script(scripts::KEEP);
    keep.arg(snapshot.seq).arg(value).arg(SNAPSHOTS_KEPT);
    link.ask::<i64>(&keep).map(drop)
}

/// Those that are whole and of entries that are there, newest first.
pub(super) fn kept(link: &mut Link, keys: &Keys) -> Result<Vec<Snapshot>, Failure> {
    let (last, _) = tail(link, keys)?;
    let mut all = Cmd::new();
    all.arg("HGETALL").arg(&keys.snapshots);
    let found: Vec<(u64, Vec<u8>)> = link.ask(&all)?;
    let whole = found.into_iter().filter(|(seq, _)| *seq <= last).filter_map(read);
    let mut kept: Vec<Snapshot> = whole.collect();
    kept.sort_by_key(|snapshot| std::cmp::Reverse(snapshot.seq));
    Ok(kept)
}

/// `None`: it is not what was written.
fn read((seq, value): (u64, Vec<u8>)) -> Option<Snapshot> {
    let (format, rest) = value.split_first_chunk()?;
    let (told, body) = rest.split_first_chunk::<{ size_of::<Hash>() }>()?;
    let snapshot = Snapshot { seq, format: u32::from_le_bytes(*format), body: body.to_vec() };
    (snapshot.hash() == *told).then_some(snapshot)
}

/// Removes a piece of what there is up to a number.
pub(super) fn remove_until(
    link: &mut Link,
    keys: &Keys,
    epoch: u64,
    seq: u64,
) -> Result<u64, Failure> {
    let mut remove = keys.script(scripts::REMOVE);
    remove.arg(epoch).arg(seq).arg(REMOVED_MAX);
    link.ask(&remove)
}
