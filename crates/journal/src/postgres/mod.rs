//! Entries in PostgreSQL: for several hosts, one of which takes over when another is gone.
//!
//! One statement for each write: it checks that the store is still lent to us (a lease with an epoch,
//! by the server's clock) and that it ends where we think it ends, renews the lease, and inserts. So
//! a gateway that was outrun writes nothing, whatever it believes. With `synchronous_commit` and
//! `fsync` on, which every connection is checked for, an answer means that it survives a crash of the
//! server.
//!
//! When the connection breaks before the answer, what the write did is not known. It is then looked
//! for by number and hash, and sent again only when it is not there: never twice, never a hole.
//!
//! Written for a direct connection: a pool that exchanges servers between statements loses settings.

mod explain;
mod link;
mod read;
mod rows;
mod schema;
mod snapshots;
#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use model::{Entry, StoreTag};
use tokio_postgres::types::ToSql;

use crate::chain::Hash;
use crate::lease::{self, Holder, LEASE, LOOK_EVERY, RENEWED_AFTER, TAKE_OVER_MAX};
use crate::patience::{Failure, OPEN_AWAY_MAX, OnWait, Patience, Wait};
use crate::place::Place;
use crate::storage::{Found, Known, Snapshot, Storage, StoreError, reaches, removable};
use crate::url::Url;
use crate::walk::Walk;
use link::{ANSWER_MAX, Link};
use rows::{Columns, PAGE, Values, anchor, entry, page, take};

pub(crate) use read::PostgresReader;

/// Time that a large write is given beyond the usual, for each entry.
const ENTRY_MAX: Duration = Duration::from_millis(1);
/// How long a stop waits for the lease to be given back; else it ends by itself.
const RELEASE_MAX: Duration = Duration::from_secs(1);

/// A journal in a PostgreSQL database, held for writing.
#[derive(Debug)]
pub struct Postgres {
    link: Link,
    sql: Sql,
    holder: Holder,
    epoch: u64,
    /// The epoch has been handed out as the number of a session.
    is_session: bool,
    last: u64,
    hash: Hash,
    /// The end of the journal is not known: a write broke off.
    in_doubt: bool,
    /// Up to which entry none is needed; `None`: not looked for since the last snapshot.
    removable: Option<u64>,
    renewed: Instant,
    patience: Patience,
}

/// The statements, with the schema in them.
#[derive(Debug)]
struct Sql {
    schema: String,
    append: String,
    renew: String,
    look: String,
    take: String,
}

impl Sql {
    fn of(schema: &str) -> Sql {
        let lease = LEASE.as_millis();
        let until = format!("valid_until = clock_timestamp() + interval '{lease} milliseconds'");
        // All that there was may have been removed.
        let tail = format!(
            "SELECT seq, chain FROM (
                (SELECT seq, chain FROM {schema}.journal ORDER BY seq DESC LIMIT 1)
                UNION ALL SELECT seq, chain FROM {schema}.anchor
             ) AS ends ORDER BY seq DESC LIMIT 1"
        );
        Sql {
            schema: schema.to_owned(),
            // The lease's row is locked first, so a successor comes before all of this or after it.
            append: format!(
                "WITH held AS (
                    UPDATE {schema}.lease SET {until} WHERE epoch = $1 AND token = $12 RETURNING true
                 ), tail AS ({tail})
                 INSERT INTO {schema}.journal
                     (seq, at, kind, agent, instrument, client_order_id, body, chain)
                 SELECT * FROM unnest($4::bigint[], $5::bigint[], $6::text[], $7::text[], $8::text[],
                     $9::text[], $10::text[], $11::bytea[])
                 WHERE EXISTS (SELECT FROM held)
                     AND (SELECT seq FROM tail) = $2 AND (SELECT chain FROM tail) = $3"
            ),
            renew: format!("UPDATE {schema}.lease SET {until} WHERE epoch = $1 AND token = $2"),
            look: format!(
                "SELECT l.epoch, l.holder, t.seq, t.chain,
                     greatest(0, extract(epoch FROM valid_until - clock_timestamp()) * 1000)::bigint,
                     l.token
                 FROM {schema}.lease l LEFT JOIN ({tail}) t ON true"
            ),
            take: format!(
                "UPDATE {schema}.lease SET {until}, epoch = epoch + 1, holder = $1, token = $2
                 WHERE valid_until <= clock_timestamp() OR token = $2 RETURNING epoch"
            ),
        }
    }
}

/// How a journal is.
struct Look {
    epoch: u64,
    holder: String,
    token: String,
    /// Until its lease ends; nothing when it has ended.
    left: Duration,
    last: u64,
    hash: Hash,
}

impl Postgres {
    /// Opens or makes a journal and takes it for this process: waits until a predecessor's lease has
    /// ended or was given back, and fails when it is being renewed. `tell` hears of this wait and
    /// of every one later, on the thread that writes.
    pub fn open(url: &Url, tell: OnWait) -> Result<Postgres, StoreError> {
        Postgres::open_within(url, tell, TAKE_OVER_MAX)
    }

    fn open_within(
        url: &Url,
        tell: OnWait,
        take_over_max: Duration,
    ) -> Result<Postgres, StoreError> {
        let mut patience = Patience::new(tell);
        let mut link = Link::to_write(url)?;
        let sql = Sql::of(&url.name);
        // An address that is wrong should be said soon; a server that has just crashed comes back.
        let away_max = std::mem::replace(&mut patience.away_max, OPEN_AWAY_MAX);
        patience.with(|| schema::prepare(&mut link, &url.name))?;
        patience.away_max = away_max;
        let holder = Holder::this();
        let epoch = take_over(&mut link, &sql, &holder, &mut patience, take_over_max)?;
        let renewed = Instant::now();
        let look = patience.with(|| look(&mut link, &sql))?;
        let (last, hash) = (look.last, look.hash);
        let (is_session, in_doubt) = (false, false);
        Ok(Postgres {
            link,
            sql,
            holder,
            epoch,
            is_session,
            last,
            hash,
            in_doubt,
            removable: None,
            renewed,
            patience,
        })
    }

    /// Does something with the server until it works; see [`Patience`].
    fn patiently<T>(
        &mut self,
        mut attempt: impl FnMut(&mut Postgres) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        let mut patience = std::mem::replace(&mut self.patience, Patience::silent());
        let done = patience.with(|| {
            let done = attempt(self);
            if matches!(done, Err(Failure::Passing(_))) {
                self.link.drop_connection();
            }
            done
        });
        self.patience = patience;
        done
    }

    /// One attempt to write what follows our last entry.
    fn write(&mut self, values: &Values<'_>) -> Result<(), Failure> {
        if self.in_doubt && self.is_written(values)? {
            return Ok(());
        }
        // Until an answer says what it did.
        self.in_doubt = true;
        let append = self.link.prepared(&self.sql.append)?;
        let (epoch, last) = (self.epoch.cast_signed(), self.last.cast_signed());
        let hash: &[u8] = &self.hash;
        let (count, c, token) = (values.seq.len(), values, &self.holder.token);
        let answer_max =
            ANSWER_MAX + ENTRY_MAX.saturating_mul(u32::try_from(count).unwrap_or(u32::MAX));
        let inserted = self.link.ask(answer_max, |client| async move {
            let all: [&(dyn ToSql + Sync); 12] = [
                &epoch,
                &last,
                &hash,
                &c.seq,
                &c.at,
                &c.kind,
                &c.agent,
                &c.instrument,
                &c.client_order_id,
                &c.body,
                &c.chain,
                token,
            ];
            client.execute(&append, &all).await
        });
        match inserted {
            Ok(inserted) if inserted == count as u64 => {
                (self.in_doubt, self.renewed) = (false, Instant::now());
                Ok(())
            }
            // Not ours any more, or an attempt that was given up was carried out this moment.
            Ok(_) | Err(Failure::Final(StoreError::Outrun { .. })) => {
                if self.is_written(values)? {
                    return Ok(());
                }
                Err(Failure::Passing(self.forgot(self.last)))
            }
            Err(failure) => Err(failure),
        }
    }

    /// Is it there, after an attempt whose answer was lost? `false`: nothing of it is. An error when
    /// the journal is not ours any more, or ends elsewhere.
    fn is_written(&mut self, values: &Values<'_>) -> Result<bool, Failure> {
        let look = self.look_for_mine()?;
        if (look.last, look.hash) == values.tail {
            // The lease was renewed when it was written, which was a while ago: `renewed` stays.
            self.in_doubt = false;
            return Ok(true);
        }
        if (look.last, look.hash) == (self.last, self.hash) {
            return Ok(false);
        }
        Err(Failure::Final(self.forgot(look.last)))
    }

    /// How the journal is; an error when it is not ours any more.
    fn look_for_mine(&mut self) -> Result<Look, Failure> {
        let look = look(&mut self.link, &self.sql)?;
        if look.epoch == self.epoch && look.token == self.holder.token {
            return Ok(look);
        }
        let place = &self.link.place;
        Err(Failure::Final(lease::lost(place, look.epoch, &look.holder, self.epoch)))
    }

    fn forgot(&self, last: u64) -> StoreError {
        lease::forgot(&self.link.place, last, self.epoch, self.last)
    }

    /// Makes sure that the store is still ours and stays it for a while, and that nothing is lost of it.
    fn renew(&mut self) -> Result<(), Failure> {
        let (text, epoch, token) = (&self.sql.renew, self.epoch.cast_signed(), &self.holder.token);
        self.link.ask(ANSWER_MAX, |client| async move {
            client.execute(text, &[&epoch, token]).await
        })?;
        let asked = Instant::now();
        let look = self.look_for_mine()?;
        if !self.in_doubt && (look.last, look.hash) != (self.last, self.hash) {
            return Err(Failure::Final(self.forgot(look.last)));
        }
        self.renewed = asked;
        Ok(())
    }

    /// The same when it is due.
    fn keep(&mut self) -> Result<(), StoreError> {
        if self.renewed.elapsed() < RENEWED_AFTER {
            return Ok(());
        }
        self.patiently(Postgres::renew)
    }

    /// Follows the chain behind a number; returns the number of the last entry.
    fn walk(
        &mut self,
        columns: Columns,
        after: u64,
        each: &mut dyn FnMut(&Place, u64, &tokio_postgres::Row) -> Result<(), StoreError>,
    ) -> Result<u64, StoreError> {
        let place = self.link.place.clone();
        let anchor = self.patiently(|store| anchor(&mut store.link, &store.sql.schema))?;
        let mut walk = Walk::behind(&place, after, anchor);
        loop {
            let from = walk.next();
            let rows =
                self.patiently(|store| page(&mut store.link, &store.sql.schema, columns, from))?;
            for row in &rows {
                take(&place, &mut walk, row, &mut |seq, row| each(&place, seq, row))?;
            }
            if rows.len() < PAGE {
                return Ok(walk.last());
            }
            // Reading a long journal may take longer than a lease.
            self.keep()?;
        }
    }

    /// All snapshots, read piece by piece: large ones take longer than a lease.
    fn found(&mut self) -> Result<Found, StoreError> {
        let mut found = Found::default();
        for mut head in
            self.patiently(|store| snapshots::heads(&mut store.link, &store.sql.schema))?
        {
            while self.patiently(|store| head.read_on(&mut store.link, &store.sql.schema))? {
                self.keep()?;
            }
            head.judge(&mut found);
        }
        Ok(found)
    }

    fn tag(&mut self, drawn: i64) -> Result<i64, Failure> {
        let schema = &self.sql.schema;
        let insert = format!(
            "INSERT INTO {schema}.counters VALUES ('store', $1) ON CONFLICT (name) DO NOTHING"
        );
        let select = format!("SELECT value FROM {schema}.counters WHERE name = 'store'");
        self.link.ask(ANSWER_MAX, |client| async move {
            client.execute(&insert, &[&drawn]).await?;
            client.query_one(&select, &[]).await?.try_get(0)
        })
    }
}

impl Storage for Postgres {
    fn append(&mut self, entries: &[Entry]) -> Result<u64, StoreError> {
        if entries.is_empty() {
            self.keep()?;
            return Ok(self.last);
        }
        let values = Values::of(&self.link.place, entries, (self.last, self.hash))?;
        self.patiently(|store| store.write(&values))?;
        (self.last, self.hash) = values.tail;
        Ok(self.last)
    }

    fn replay(
        &mut self,
        after: u64,
        each: &mut dyn FnMut(u64, Entry) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut each = |place: &Place, seq, row: &_| each(seq, entry(place, seq, row)?);
        self.walk(Columns::Whole, after, &mut each).map(drop)
    }

    fn take_tag(&mut self, drawn: StoreTag) -> Result<StoreTag, StoreError> {
        let drawn = i64::from(drawn.number());
        let kept = self.patiently(|store| store.tag(drawn))?;
        Ok(StoreTag::new(kept.cast_unsigned()))
    }

    fn take_session(&mut self) -> Result<u64, StoreError> {
        if self.is_session {
            let epoch = self.patiently(|store| {
                // By its token it is ours; a number that an answer was lost of is left out.
                let taken = try_take(&mut store.link, &store.sql, &store.holder)?;
                match taken {
                    Some(epoch) => Ok(epoch),
                    None => {
                        let look = store.look_for_mine()?;
                        Err(Failure::Final(store.forgot(look.last)))
                    }
                }
            })?;
            self.epoch = epoch;
        }
        self.is_session = true;
        Ok(self.epoch)
    }

    fn check(&mut self) -> Result<(), StoreError> {
        let last = self.walk(Columns::Text, 0, &mut |_, _, _| Ok(()))?;
        let found = self.found()?;
        reaches(&self.link.place, last, &found)
    }

    fn keep_snapshot(&mut self, snapshot: &Snapshot) -> Result<(), StoreError> {
        let mut stored = self.keep_piece(snapshot, 0)?;
        while stored < snapshot.body.len() {
            self.keep()?;
            stored = self.keep_piece(snapshot, stored)?;
        }
        Ok(())
    }

    fn keep_piece(&mut self, snapshot: &Snapshot, stored: usize) -> Result<usize, StoreError> {
        let kept = self.patiently(|store| {
            let Postgres { link, sql, epoch, holder, .. } = store;
            let lease = (epoch.cast_signed(), holder.token.as_str());
            snapshots::keep_piece(link, &sql.schema, lease, snapshot, stored)
        })?;
        if kept == Some(snapshot.body.len()) {
            self.removable = None;
        }
        Ok(kept.unwrap_or(snapshot.body.len()))
    }

    fn snapshots(&mut self) -> Result<Vec<Snapshot>, StoreError> {
        Ok(self.found()?.whole)
    }

    fn damaged_snapshots(&mut self) -> Result<Vec<u64>, StoreError> {
        Ok(self.found()?.damaged)
    }

    fn remove_until(&mut self, seq: u64) -> Result<u64, StoreError> {
        // Looked for once: to read both snapshots for each piece would be most of the work.
        let removable = match self.removable {
            Some(removable) => removable,
            None => removable(&self.snapshots()?.iter().map(Known::from).collect::<Vec<_>>()),
        };
        self.removable = Some(removable);
        let until = seq.min(removable);
        self.patiently(|store| {
            snapshots::remove_until(&mut store.link, &store.sql.schema, store.epoch, until)
        })
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // With a connection that is gone, the lease ends by itself.
        if self.link.is_up() {
            let (epoch, token) = (self.epoch.cast_signed(), &self.holder.token);
            let sql = format!(
                "UPDATE {}.lease SET valid_until = clock_timestamp() WHERE epoch = $1 AND token = $2",
                self.sql.schema
            );
            drop(self.link.ask(RELEASE_MAX, |client| async move {
                client.execute(&sql, &[&epoch, token]).await
            }));
        }
    }
}

/// Takes the store as soon as nobody holds it, and returns the epoch that begins.
fn take_over(
    link: &mut Link,
    sql: &Sql,
    holder: &Holder,
    patience: &mut Patience,
    take_over_max: Duration,
) -> Result<u64, StoreError> {
    let since = Instant::now();
    let mut said: Option<Duration> = None;
    loop {
        if let Some(epoch) = patience.with(|| try_take(link, sql, holder))? {
            return Ok(epoch);
        }
        let look = patience.with(|| look(link, sql))?;
        let waited = since.elapsed();
        if waited >= take_over_max {
            return Err(StoreError::InUse { place: link.place.clone(), holder: look.holder });
        }
        if said.is_none_or(|said| waited.saturating_sub(said) >= lease::SAID_EVERY) {
            said = Some(waited);
            (patience.tell)(&Wait::Held { holder: look.holder, left: look.left }, waited);
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

fn try_take(link: &mut Link, sql: &Sql, holder: &Holder) -> Result<Option<u64>, Failure> {
    let taken = link.ask(ANSWER_MAX, |client| async move {
        let row = client.query_opt(&sql.take, &[&holder.name, &holder.token]).await?;
        row.map(|row| row.try_get::<_, i64>(0)).transpose()
    })?;
    Ok(taken.map(i64::cast_unsigned))
}

fn look(link: &mut Link, sql: &Sql) -> Result<Look, Failure> {
    let place = link.place.clone();
    let row =
        link.ask(ANSWER_MAX, |client| async move { client.query_opt(&sql.look, &[]).await })?;
    let broken = |problem: &str| {
        Failure::Final(StoreError::Broken { place: place.clone(), problem: problem.to_owned() })
    };
    let row = row.ok_or_else(|| broken("the row of its lease is missing"))?;
    let explain = |error| Failure::Final(explain::explain(&place, &error));
    let last: Option<i64> = row.try_get(2).map_err(explain)?;
    let last = last.ok_or_else(|| broken("the row of its anchor is missing"))?;
    let hash = Hash::try_from(row.try_get::<_, &[u8]>(3).map_err(explain)?);
    let hash = hash.map_err(|_| broken("its last hash is of another length"))?;
    Ok(Look {
        epoch: row.try_get::<_, i64>(0).map_err(explain)?.cast_unsigned(),
        holder: row.try_get(1).map_err(explain)?,
        token: row.try_get(5).map_err(explain)?,
        left: Duration::from_millis(row.try_get::<_, i64>(4).map_err(explain)?.cast_unsigned()),
        last: last.cast_unsigned(),
        hash,
    })
}
