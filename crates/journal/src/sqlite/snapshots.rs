//! Snapshots in the file, and the removal of what they have in them.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::anchor::{anchor, layout};
use crate::chain::Hash;
use crate::storage::{Found, REMOVED_MAX, SNAPSHOTS_KEPT, Snapshot};

/// Stores the piece of one behind so many bytes, removes a piece of one that is no more, and returns how
/// many bytes are stored now. With the last one it is kept, and the oldest is let go of. `None` for one of
/// entries that are not there, which is not kept.
pub(super) fn keep_piece(
    connection: &mut Connection,
    snapshot: &Snapshot,
    stored: usize,
) -> rusqlite::Result<Option<usize>> {
    let transaction = connection.transaction()?;
    let Some(chain) = chain_at(&transaction, snapshot.seq)? else { return Ok(None) };
    let seq = snapshot.seq.cast_signed();
    if stored == 0 {
        // Made again, or left unfinished by a run that ended.
        transaction.execute("DELETE FROM snapshots WHERE seq = ?1", [seq])?;
        transaction.execute("DELETE FROM snapshot_pieces WHERE seq = ?1", [seq])?;
    }
    transaction.execute(
        "DELETE FROM snapshot_pieces WHERE id = (SELECT id FROM snapshot_pieces
         WHERE seq <> ?1 AND seq NOT IN (SELECT seq FROM snapshots) LIMIT 1)",
        [seq],
    )?;
    let end = snapshot.body.len().min(stored + PIECE_BYTES);
    let piece = snapshot.body.get(stored..end).unwrap_or_default();
    transaction
        .execute("INSERT INTO snapshot_pieces (seq, body) VALUES (?1, ?2)", params![seq, piece])?;
    if end == snapshot.body.len() {
        transaction.execute(
            "INSERT INTO snapshots (seq, format, hash) VALUES (?1, ?2, ?3)",
            params![seq, snapshot.format, snapshot.hash(&chain)],
        )?;
        transaction.execute(
            "DELETE FROM snapshots WHERE seq NOT IN
             (SELECT seq FROM snapshots ORDER BY seq DESC LIMIT ?1)",
            [SNAPSHOTS_KEPT as i64],
        )?;
    }
    transaction.commit()?;
    Ok(Some(end))
}

/// Bytes that one transaction stores of a snapshot: whoever waits for a write waits for one such piece.
const PIECE_BYTES: usize = 128 * 1_024;

pub(super) fn find(connection: &Connection) -> rusqlite::Result<Found> {
    let mut found = Found::default();
    if layout(connection)? < 2 {
        return Ok(found);
    }
    let mut select =
        connection.prepare("SELECT seq, format, hash FROM snapshots ORDER BY seq DESC")?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let seq = row.get::<_, i64>(0)?.cast_unsigned();
        let read = (row.get::<_, u32>(1), row.get::<_, Hash>(2));
        let whole = match (read, chain_at(connection, seq)?) {
            ((Ok(format), Ok(told)), Some(chain)) => {
                let snapshot = Snapshot { seq, format, body: body(connection, seq)? };
                (snapshot.hash(&chain) == told).then_some(snapshot)
            }
            _ => None,
        };
        match whole {
            Some(snapshot) => found.whole.push(snapshot),
            None => found.damaged.push(seq),
        }
    }
    Ok(found)
}

fn body(connection: &Connection, seq: u64) -> rusqlite::Result<Vec<u8>> {
    let mut select =
        connection.prepare("SELECT body FROM snapshot_pieces WHERE seq = ?1 ORDER BY id")?;
    let mut pieces = select.query([seq.cast_signed()])?;
    let mut body = Vec::new();
    while let Some(piece) = pieces.next()? {
        // One of another type is damage, which the hash tells.
        body.extend_from_slice(piece.get_ref(0)?.as_blob().unwrap_or_default());
    }
    Ok(body)
}

/// Number of the newest one, whole or not; zero where there is none.
pub(super) fn newest(connection: &Connection) -> rusqlite::Result<u64> {
    if layout(connection)? < 2 {
        return Ok(0);
    }
    let sql = "SELECT ifnull(max(seq), 0) FROM snapshots";
    connection.query_row(sql, [], |row| row.get::<_, i64>(0)).map(i64::cast_unsigned)
}

/// Removes a piece of the oldest entries up to this one, and moves the anchor of the chain along.
pub(super) fn remove_until(connection: &mut Connection, seq: u64) -> rusqlite::Result<u64> {
    let transaction = connection.transaction()?;
    let (removed, _) = anchor(&transaction)?;
    let until = seq.min(removed.saturating_add(REMOVED_MAX));
    if until <= removed {
        return Ok(0);
    }
    let Some(chain) = chain_at(&transaction, until)? else { return Ok(0) };
    transaction.execute(
        "INSERT OR REPLACE INTO anchor VALUES (1, ?1, ?2)",
        params![until.cast_signed(), chain],
    )?;
    let count =
        transaction.execute("DELETE FROM journal WHERE seq <= ?1", [until.cast_signed()])?;
    transaction.commit()?;
    Ok(count as u64)
}

/// The hash of an entry that is there, or of the last one that was removed.
fn chain_at(connection: &Connection, seq: u64) -> rusqlite::Result<Option<Hash>> {
    let found = connection
        .prepare_cached("SELECT chain FROM journal WHERE seq = ?1")?
        .query_row([seq.cast_signed()], |row| row.get(0))
        .optional()?;
    let (removed, chain) = anchor(connection)?;
    Ok(found.or((removed == seq).then_some(chain)))
}
