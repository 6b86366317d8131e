//! Snapshots in the database, in pieces, and the removal of what they have in them.
//!
//! A large one takes longer to be sent than whoever waits for a write should wait, and than a lease lasts.
//! So it is sent and fetched a piece at a time, and is there when its row is, which comes last.

use tokio_postgres::Row;

use super::explain::explain;
use super::link::{ANSWER_MAX, Link};
use crate::chain::Hash;
use crate::patience::Failure;
use crate::storage::{Found, REMOVED_MAX, SNAPSHOTS_KEPT, Snapshot};

/// Bytes that one statement stores of a snapshot: whoever waits for a write waits for one such piece.
const PIECE_BYTES: usize = 128 * 1_024;
/// Pieces that one statement fetches.
const PIECES_READ: usize = 32;

/// Stores the piece of one behind so many bytes and returns how many are stored now; as often as it takes,
/// for a piece that is there already is written over. With the last one it is kept, and the oldest is let
/// go of. `None`, which keeps nothing, for one of entries that are not there, or when the journal is lent to
/// another by now.
pub(super) fn keep_piece(
    link: &mut Link,
    schema: &str,
    (epoch, token): (i64, &str),
    snapshot: &Snapshot,
    stored: usize,
) -> Result<Option<usize>, Failure> {
    let seq = snapshot.seq.cast_signed();
    let Some(chain) = chain_at(link, schema, seq)? else { return Ok(None) };
    if stored == 0 {
        // Made again, or left unfinished by a run that ended.
        let clear = format!(
            "WITH held AS (SELECT FROM {schema}.lease WHERE epoch = $2 AND token = $3), gone AS (
                DELETE FROM {schema}.snapshots WHERE seq = $1 AND EXISTS (SELECT FROM held)
             )
             DELETE FROM {schema}.snapshot_pieces WHERE EXISTS (SELECT FROM held)
                 AND (seq = $1 OR seq NOT IN (SELECT seq FROM {schema}.snapshots))"
        );
        link.ask(ANSWER_MAX, |client| async move {
            client.execute(&clear, &[&seq, &epoch, &token]).await
        })?;
    }
    let end = snapshot.body.len().min(stored + PIECE_BYTES);
    let piece = snapshot.body.get(stored..end).unwrap_or_default();
    let start = i64::try_from(stored).unwrap_or(i64::MAX);
    let insert = format!(
        "INSERT INTO {schema}.snapshot_pieces (seq, start, body)
         SELECT $1, $2, $3 FROM {schema}.lease WHERE epoch = $4 AND token = $5
         ON CONFLICT (seq, start) DO UPDATE SET body = excluded.body"
    );
    let kept = link.ask(ANSWER_MAX, |client| async move {
        client.execute(&insert, &[&seq, &start, &piece, &epoch, &token]).await
    })?;
    if kept == 1 && end == snapshot.body.len() {
        finish(link, schema, (epoch, token), snapshot, &chain)?;
    }
    Ok((kept == 1).then_some(end))
}

/// All pieces are there: it counts from now on, and the oldest is let go of.
fn finish(
    link: &mut Link,
    schema: &str,
    (epoch, token): (i64, &str),
    snapshot: &Snapshot,
    chain: &Hash,
) -> Result<(), Failure> {
    // Whoever has it by now may have cleared the pieces away.
    let insert = format!(
        "INSERT INTO {schema}.snapshots (seq, format, body, hash)
         SELECT $1, $2, '', $3 FROM {schema}.lease WHERE epoch = $4 AND token = $5
         ON CONFLICT (seq) DO UPDATE
         SET format = excluded.format, body = excluded.body, hash = excluded.hash"
    );
    let delete = format!(
        "DELETE FROM {schema}.snapshots WHERE seq NOT IN
         (SELECT seq FROM {schema}.snapshots ORDER BY seq DESC LIMIT {SNAPSHOTS_KEPT})"
    );
    let (seq, format) = (snapshot.seq.cast_signed(), i64::from(snapshot.format));
    let hash = snapshot.hash(chain);
    link.ask(ANSWER_MAX, |client| async move {
        let hash = hash.as_slice();
        if client.execute(&insert, &[&seq, &format, &hash, &epoch, &token]).await? == 1 {
            client.execute(&delete, &[]).await?;
        }
        Ok(())
    })
}

/// The hash of an entry that is there, or of the last one that was removed.
fn chain_at(link: &mut Link, schema: &str, seq: i64) -> Result<Option<Hash>, Failure> {
    let sql = format!("SELECT chain FROM ({}) AS ends WHERE seq = $1", ends(schema));
    let found =
        link.ask(ANSWER_MAX, |client| async move { client.query_opt(&sql, &[&seq]).await })?;
    Ok(found.and_then(|row| Hash::try_from(row.get::<_, &[u8]>(0)).ok()))
}

/// Every entry's number and hash, the last one that was removed among them.
fn ends(schema: &str) -> String {
    format!(
        "SELECT seq, chain FROM {schema}.journal UNION ALL SELECT seq, chain FROM {schema}.anchor"
    )
}

/// A snapshot that is being read.
pub(super) struct Head {
    seq: i64,
    format: u32,
    told: Vec<u8>,
    /// The hash of its last entry, where that is there.
    chain: Option<Hash>,
    /// Bytes that stand in its own row: those of a journal without pieces.
    in_row: i64,
    body: Vec<u8>,
}

/// All that there are, newest first, without their bodies.
pub(super) fn heads(link: &mut Link, schema: &str) -> Result<Vec<Head>, Failure> {
    let sql = format!(
        "SELECT s.seq, s.format, s.hash, e.chain, octet_length(s.body)::bigint
         FROM {schema}.snapshots s LEFT JOIN ({}) AS e ON e.seq = s.seq ORDER BY s.seq DESC",
        ends(schema)
    );
    let rows = link.ask(ANSWER_MAX, |client| async move { client.query(&sql, &[]).await })?;
    let heads: Result<Vec<Head>, tokio_postgres::Error> = rows.iter().map(head).collect();
    heads.map_err(|error| Failure::Final(explain(&link.place, &error)))
}

fn head(row: &Row) -> Result<Head, tokio_postgres::Error> {
    Ok(Head {
        seq: row.try_get(0)?,
        // A format that has no room is one that nobody knows.
        format: u32::try_from(row.try_get::<_, i64>(1)?).unwrap_or(u32::MAX),
        told: row.try_get(2)?,
        chain: row.try_get::<_, Option<&[u8]>>(3)?.and_then(|chain| Hash::try_from(chain).ok()),
        in_row: row.try_get(4)?,
        body: Vec::new(),
    })
}

impl Head {
    /// Reads on. `false`: that was all.
    pub(super) fn read_on(&mut self, link: &mut Link, schema: &str) -> Result<bool, Failure> {
        let sql = if self.in_row > 0 {
            format!(
                "SELECT substring(body FROM $2::bigint::int + 1 FOR {PIECES_READ} * {PIECE_BYTES})
                 FROM {schema}.snapshots WHERE seq = $1 AND octet_length(body) > $2"
            )
        } else {
            format!(
                "SELECT body FROM {schema}.snapshot_pieces WHERE seq = $1 AND start >= $2
                 ORDER BY start LIMIT {PIECES_READ}"
            )
        };
        let (seq, start) = (self.seq, i64::try_from(self.body.len()).unwrap_or(i64::MAX));
        let rows = link
            .ask(ANSWER_MAX, |client| async move { client.query(&sql, &[&seq, &start]).await })?;
        let before = self.body.len();
        for row in &rows {
            let piece: &[u8] =
                row.try_get(0).map_err(|error| Failure::Final(explain(&link.place, &error)))?;
            self.body.extend_from_slice(piece);
        }
        Ok(self.body.len() > before)
    }

    /// Is it what was written, of the entries that are there?
    pub(super) fn judge(self, found: &mut Found) {
        let Head { seq, format, told, chain, body, .. } = self;
        let snapshot = Snapshot { seq: seq.cast_unsigned(), format, body };
        if chain.is_some_and(|chain| snapshot.hash(&chain) == told.as_slice()) {
            found.whole.push(snapshot);
        } else {
            found.damaged.push(snapshot.seq);
        }
    }
}

/// Removes a piece of what there is up to a number, and moves the anchor of the chain along; in one
/// statement, and only while the journal is ours.
pub(super) fn remove_until(
    link: &mut Link,
    schema: &str,
    epoch: u64,
    seq: u64,
) -> Result<u64, Failure> {
    let seq = i64::try_from(seq).unwrap_or(i64::MAX);
    let sql = format!(
        "WITH target AS (
            SELECT j.seq, j.chain FROM {schema}.journal j, {schema}.anchor a
            WHERE j.seq = least($1, a.seq + {REMOVED_MAX}) AND j.seq > a.seq
                AND EXISTS (SELECT FROM {schema}.lease WHERE epoch = $2)
         ), moved AS (
            UPDATE {schema}.anchor SET seq = target.seq, chain = target.chain FROM target
         )
         DELETE FROM {schema}.journal WHERE seq <= (SELECT seq FROM target)"
    );
    let epoch = epoch.cast_signed();
    link.ask(ANSWER_MAX, |client| async move { client.execute(&sql, &[&seq, &epoch]).await })
}
