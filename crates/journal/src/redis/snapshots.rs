//! Snapshots in Redis: number, then format, hash and body in one value.

use redis::Cmd;

use super::keys::Keys;
use super::link::Link;
use super::rows::{anchor, hash_of};
use super::scripts;
use crate::chain::Hash;
use crate::patience::Failure;
use crate::storage::{Found, REMOVED_MAX, SNAPSHOTS_KEPT, Snapshot};

/// Keeps one and lets go of the oldest. One of entries that are not there is not kept.
pub(super) fn keep(link: &mut Link, keys: &Keys, snapshot: &Snapshot) -> Result<(), Failure> {
    let Some(chain) = chain_at(link, keys, snapshot.seq)? else { return Ok(()) };
    let format = snapshot.format.to_le_bytes();
    let value = [format.as_slice(), &snapshot.hash(&chain), &snapshot.body].concat();
    let mut keep = keys.script(scripts::KEEP);
    keep.arg(snapshot.seq).arg(value).arg(SNAPSHOTS_KEPT);
    link.ask::<i64>(&keep).map(drop)
}

/// All that there are, whole or not.
pub(super) fn find(link: &mut Link, keys: &Keys) -> Result<Found, Failure> {
    let mut all = Cmd::new();
    all.arg("HGETALL").arg(&keys.snapshots);
    let mut kept: Vec<(u64, Vec<u8>)> = link.ask(&all)?;
    kept.sort_by_key(|(seq, _)| std::cmp::Reverse(*seq));
    let mut found = Found::default();
    for (seq, value) in kept {
        let chain = chain_at(link, keys, seq)?;
        match chain.and_then(|chain| read(seq, &value, &chain)) {
            Some(snapshot) => found.whole.push(snapshot),
            None => found.damaged.push(seq),
        }
    }
    Ok(found)
}

/// `None`: it is not what was written.
fn read(seq: u64, value: &[u8], chain: &Hash) -> Option<Snapshot> {
    let (format, rest) = value.split_first_chunk()?;
    let (told, body) = rest.split_first_chunk::<{ size_of::<Hash>() }>()?;
    let snapshot = Snapshot { seq, format: u32::from_le_bytes(*format), body: body.to_vec() };
    (snapshot.hash(chain) == *told).then_some(snapshot)
}

/// The hash of an entry that is there, or of the last one that was removed.
fn chain_at(link: &mut Link, keys: &Keys, seq: u64) -> Result<Option<Hash>, Failure> {
    if let Some(chain) = hash_of(link, keys, seq)? {
        return Ok(Some(chain));
    }
    let (removed, chain) = anchor(link, keys)?;
    Ok((removed == seq).then_some(chain))
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
