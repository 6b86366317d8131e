//! Snapshots in the database, and the removal of what they have in them.

use tokio_postgres::Row;

use super::explain::explain;
use super::link::{ANSWER_MAX, Link};
use crate::chain::Hash;
use crate::patience::Failure;
use crate::storage::{Found, REMOVED_MAX, SNAPSHOTS_KEPT, Snapshot};

/// Keeps one, then lets go of the oldest: in between there is one too many, which does no harm. One
/// of entries that are not there is not kept.
pub(super) fn keep(link: &mut Link, schema: &str, snapshot: &Snapshot) -> Result<(), Failure> {
    let seq = snapshot.seq.cast_signed();
    let sql = format!("SELECT chain FROM ({}) AS ends WHERE seq = $1", ends(schema));
    let found =
        link.ask(ANSWER_MAX, |client| async move { client.query_opt(&sql, &[&seq]).await })?;
    let Some(chain) = found.and_then(|row| Hash::try_from(row.get::<_, &[u8]>(0)).ok()) else {
        return Ok(());
    };
    let insert = format!(
        "INSERT INTO {schema}.snapshots (seq, format, body, hash) VALUES ($1, $2, $3, $4)
         ON CONFLICT (seq) DO UPDATE
         SET format = excluded.format, body = excluded.body, hash = excluded.hash"
    );
    let delete = format!(
        "DELETE FROM {schema}.snapshots WHERE seq NOT IN
         (SELECT seq FROM {schema}.snapshots ORDER BY seq DESC LIMIT {SNAPSHOTS_KEPT})"
    );
    let (format, hash) = (i64::from(snapshot.format), snapshot.hash(&chain));
    link.ask(ANSWER_MAX, |client| async move {
        client.execute(&insert, &[&seq, &format, &snapshot.body, &hash.as_slice()]).await?;
        client.execute(&delete, &[]).await
    })?;
    Ok(())
}

/// Every entry's number and hash, the last one that was removed among them.
fn ends(schema: &str) -> String {
    format!(
        "SELECT seq, chain FROM {schema}.journal UNION ALL SELECT seq, chain FROM {schema}.anchor"
    )
}

/// All that there are, whole or not.
pub(super) fn find(link: &mut Link, schema: &str) -> Result<Found, Failure> {
    let sql = format!(
        "SELECT s.seq, s.format, s.body, s.hash, e.chain FROM {schema}.snapshots s
         LEFT JOIN ({}) AS e ON e.seq = s.seq ORDER BY s.seq DESC",
        ends(schema)
    );
    let rows = link.ask(ANSWER_MAX, |client| async move { client.query(&sql, &[]).await })?;
    let mut found = Found::default();
    for row in &rows {
        let read = read(row).map_err(|error| Failure::Final(explain(&link.place, &error)));
        match read? {
            (snapshot, true) => found.whole.push(snapshot),
            (snapshot, false) => found.damaged.push(snapshot.seq),
        }
    }
    Ok(found)
}

/// A snapshot, and whether it is what was written, of the entries that are there.
fn read(row: &Row) -> Result<(Snapshot, bool), tokio_postgres::Error> {
    let seq = row.try_get::<_, i64>(0)?.cast_unsigned();
    // A format that has no room is one that nobody knows.
    let format = u32::try_from(row.try_get::<_, i64>(1)?).unwrap_or(u32::MAX);
    let snapshot = Snapshot { seq, format, body: row.try_get(2)? };
    let chain = row.try_get::<_, Option<&[u8]>>(4)?.map(Hash::try_from);
    let told: &[u8] = row.try_get(3)?;
    let whole = matches!(chain, Some(Ok(chain)) if snapshot.hash(&chain) == told);
    Ok((snapshot, whole))
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
