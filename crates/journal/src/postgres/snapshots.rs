//! Snapshots in the database, and the removal of what they have in them.

use tokio_postgres::Row;

use super::explain::explain;
use super::link::{ANSWER_MAX, Link};
use crate::patience::Failure;
use crate::storage::{REMOVED_MAX, SNAPSHOTS_KEPT, Snapshot};

/// Keeps one, then lets go of the oldest: in between there is one too many, which does no harm.
pub(super) fn keep(link: &mut Link, schema: &str, snapshot: &Snapshot) -> Result<(), Failure> {
    let insert = format!(
        "INSERT INTO {schema}.snapshots (seq, format, body, hash) VALUES ($1, $2, $3, $4)
         ON CONFLICT (seq) DO UPDATE
         SET format = excluded.format, body = excluded.body, hash = excluded.hash"
    );
    let delete = format!(
        "DELETE FROM {schema}.snapshots WHERE seq NOT IN
         (SELECT seq FROM {schema}.snapshots ORDER BY seq DESC LIMIT {SNAPSHOTS_KEPT})"
    );
    let (seq, format) = (snapshot.seq.cast_signed(), i64::from(snapshot.format));
    let hash = snapshot.hash();
    link.ask(ANSWER_MAX, |client| async move {
        client.execute(&insert, &[&seq, &format, &snapshot.body, &hash.as_slice()]).await?;
        client.execute(&delete, &[]).await
    })?;
    Ok(())
}

/// Those that are whole and of entries that are there, newest first.
pub(super) fn kept(link: &mut Link, schema: &str) -> Result<Vec<Snapshot>, Failure> {
    let sql = format!(
        "SELECT seq, format, body, hash FROM {schema}.snapshots
         WHERE seq <= greatest((SELECT max(seq) FROM {schema}.journal),
                               (SELECT seq FROM {schema}.anchor))
         ORDER BY seq DESC"
    );
    let rows = link.ask(ANSWER_MAX, |client| async move { client.query(&sql, &[]).await })?;
    let mut kept = Vec::new();
    for row in &rows {
        let (snapshot, told) =
            read(row).map_err(|error| Failure::Final(explain(&link.place, &error)))?;
        if snapshot.hash() == told[..] {
            kept.push(snapshot);
        }
    }
    Ok(kept)
}

fn read(row: &Row) -> Result<(Snapshot, Vec<u8>), tokio_postgres::Error> {
    let seq = row.try_get::<_, i64>(0)?.cast_unsigned();
    // A format that has no room is one that nobody knows.
    let format = u32::try_from(row.try_get::<_, i64>(1)?).unwrap_or(u32::MAX);
    Ok((Snapshot { seq, format, body: row.try_get(2)? }, row.try_get(3)?))
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
