//! Snapshots in the file, and the removal of what they have in them.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::rows::anchor;
use crate::chain::{self, Hash};
use crate::storage::{REMOVED_MAX, SNAPSHOTS_KEPT, Snapshot};

/// Keeps one and lets go of the oldest, in one transaction.
pub(super) fn keep(connection: &mut Connection, snapshot: &Snapshot) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    transaction.execute(
        "INSERT OR REPLACE INTO snapshots (seq, format, body, hash) VALUES (?1, ?2, ?3, ?4)",
        params![snapshot.seq.cast_signed(), snapshot.format, snapshot.body, hash(snapshot)],
    )?;
    transaction.execute(
        "DELETE FROM snapshots WHERE seq NOT IN (SELECT seq FROM snapshots ORDER BY seq DESC LIMIT ?1)",
        [SNAPSHOTS_KEPT as i64],
    )?;
    transaction.commit()
}

/// Those that are whole and of entries that are there, newest first.
pub(crate) fn kept(connection: &Connection) -> rusqlite::Result<Vec<Snapshot>> {
    let layout: i32 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if layout < 2 {
        return Ok(Vec::new());
    }
    let mut select = connection.prepare(
        "SELECT seq, format, body, hash FROM snapshots
         WHERE seq <= max(ifnull((SELECT max(seq) FROM journal), 0),
                          ifnull((SELECT seq FROM anchor), 0))
         ORDER BY seq DESC",
    )?;
    let rows = select.query_map([], |row| {
        let seq = row.get::<_, i64>(0)?.cast_unsigned();
        let snapshot = Snapshot { seq, format: row.get(1)?, body: row.get(2)? };
        Ok((snapshot, row.get::<_, Vec<u8>>(3)?))
    })?;
    let mut kept = Vec::new();
    for row in rows {
        let (snapshot, told) = row?;
        if hash(&snapshot) == told[..] {
            kept.push(snapshot);
        }
    }
    Ok(kept)
}

/// Removes a piece of what the older snapshot has in it, and moves the anchor of the chain along.
pub(super) fn remove_until(connection: &mut Connection, seq: u64) -> rusqlite::Result<u64> {
    let kept = kept(connection)?;
    let Some(oldest) = kept.last().filter(|_| kept.len() == SNAPSHOTS_KEPT) else { return Ok(0) };
    let transaction = connection.transaction()?;
    let (removed, _) = anchor(&transaction)?;
    let until = seq.min(oldest.seq).min(removed.saturating_add(REMOVED_MAX));
    let chain: Option<Hash> = transaction
        .query_row("SELECT chain FROM journal WHERE seq = ?1", [until.cast_signed()], |row| {
            row.get(0)
        })
        .optional()?;
    let Some(chain) = chain.filter(|_| until > removed) else { return Ok(0) };
    transaction.execute(
        "INSERT OR REPLACE INTO anchor VALUES (1, ?1, ?2)",
        params![until.cast_signed(), chain],
    )?;
    let count =
        transaction.execute("DELETE FROM journal WHERE seq <= ?1", [until.cast_signed()])?;
    transaction.commit()?;
    Ok(count as u64)
}

/// Over all of it: a snapshot that was changed is passed over.
fn hash(snapshot: &Snapshot) -> Hash {
    let head = [snapshot.seq.to_le_bytes(), u64::from(snapshot.format).to_le_bytes()].concat();
    let head = chain::next(&chain::START, &head);
    chain::next(&head, &snapshot.body)
}
