//! Entries in Redis: a stream, with an append-only file that is flushed before each answer.
//!
//! One script for each write: it checks that the store is still lent to us (a key that expires, and
//! an epoch) and that it ends where we think it ends, renews the lease, and appends. A lost answer
//! is settled as in PostgreSQL: by number and hash.
//!
//! The guarantee is weaker than that of the other stores. It holds for one server that is set up as
//! every connection checks (`appendonly yes`, `appendfsync always`, no eviction). Replicas follow
//! without being waited for, so after a fail-over acknowledged entries and the epoch itself may be
//! missing; and everything is in memory, so a journal has no more room than that.

mod explain;
mod keys;
mod link;
mod read;
mod rows;
mod scripts;
mod snapshots;
#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use model::{Entry, StoreTag};

use crate::chain::{self, Hash};
use crate::lease::{self, Holder, LEASE, LOOK_EVERY, RENEWED_AFTER, TAKE_OVER_MAX};
use crate::patience::{Failure, OPEN_AWAY_MAX, OnWait, Patience, Wait};
use crate::place::Place;
use crate::source::Each;
use crate::storage::{Known, Snapshot, Storage, StoreError, reaches, removable};
use crate::url::Url;
use crate::walk::Walk;
use keys::Keys;
use link::Link;
use rows::{PAGE, anchor, page, tail, take};

pub(crate) use read::RedisReader;

/// Layout of the keys; a later one is refused.
const LAYOUT: &str = "1";

/// A journal in Redis, held for writing.
#[derive(Debug)]
pub struct Redis {
    link: Link,
    keys: Keys,
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

/// Entries as they are sent.
struct Batch {
    bodies: Vec<(String, Hash)>,
    /// Number and hash of the last one.
    tail: (u64, Hash),
}

impl Redis {
    /// Opens or makes a journal and takes it for this process: waits until a predecessor's lease has
    /// ended or was given back, and fails when it is being renewed. `tell` hears of this wait and
    /// of every one later, on the thread that writes.
    pub fn open(url: &Url, tell: OnWait) -> Result<Redis, StoreError> {
        Redis::open_within(url, tell, TAKE_OVER_MAX)
    }

    fn open_within(url: &Url, tell: OnWait, take_over_max: Duration) -> Result<Redis, StoreError> {
        let mut patience = Patience::new(tell);
        let mut link = Link::to_write(url)?;
        let (keys, holder) = (Keys::of(&url.name), Holder::this());
        // An address that is wrong should be said soon; a server that has just crashed comes back.
        let away_max = std::mem::replace(&mut patience.away_max, OPEN_AWAY_MAX);
        let epoch = take_over(&mut link, &keys, &holder, &mut patience, take_over_max)?;
        let renewed = Instant::now();
        let (last, hash) = patience.with(|| tail(&mut link, &keys))?;
        patience.away_max = away_max;
        let (is_session, in_doubt, removable) = (false, false, None);
        Ok(Redis {
            link,
            keys,
            holder,
            epoch,
            is_session,
            last,
            hash,
            in_doubt,
            removable,
            renewed,
            patience,
        })
    }

    /// Does something with the server until it works; see [`Patience`].
    fn patiently<T>(
        &mut self,
        mut attempt: impl FnMut(&mut Redis) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        let mut patience = std::mem::replace(&mut self.patience, Patience::silent());
        let done = patience.with(|| attempt(self));
        self.patience = patience;
        done
    }

    /// Appends, or makes sure that the store is still ours.
    fn write(&mut self, batch: Option<&Batch>) -> Result<(), Failure> {
        if let Some(batch) = batch
            && self.in_doubt
            && self.is_written(batch)?
        {
            return Ok(());
        }
        let mut append = self.keys.script(scripts::APPEND);
        append.arg(self.epoch).arg(lent(&self.holder)).arg(millis(LEASE));
        append.arg(self.last).arg(&self.hash);
        for (body, hash) in batch.iter().flat_map(|batch| &batch.bodies) {
            append.arg(body).arg(hash);
        }
        // Until an answer says what it did.
        self.in_doubt |= batch.is_some();
        let said: Vec<Vec<u8>> = self.link.ask(&append)?;
        let text = |index: usize| {
            said.get(index).map_or("", |part| std::str::from_utf8(part).unwrap_or_default())
        };
        match text(0) {
            "done" => {
                self.renewed = Instant::now();
                self.in_doubt &= batch.is_none();
                Ok(())
            }
            "outrun" => {
                let epoch = text(1).parse().unwrap_or(0);
                Err(Failure::Final(lease::lost(&self.link.place, epoch, text(2), self.epoch)))
            }
            // An attempt that was given up may have been carried out this moment.
            _ => match batch {
                Some(batch) if self.is_written(batch)? => Ok(()),
                Some(_) | None => Err(self.forgot(text(1).parse().unwrap_or(0))),
            },
        }
    }

    /// Is it there, after an attempt whose answer was lost? `false`: nothing of it is.
    fn is_written(&mut self, batch: &Batch) -> Result<bool, Failure> {
        let (last, hash) = tail(&mut self.link, &self.keys)?;
        if (last, hash) == batch.tail {
            self.in_doubt = false;
            // Found written, and still ours?
            self.write(None)?;
            return Ok(true);
        }
        if (last, hash) == (self.last, self.hash) {
            return Ok(false);
        }
        // The one who has written meanwhile has the epoch.
        self.write(None)?;
        Err(self.forgot(last))
    }

    fn forgot(&self, last: u64) -> Failure {
        Failure::Final(lease::forgot(&self.link.place, last, self.epoch, self.last))
    }

    /// Renews the lease, and makes sure that nothing is lost of what it is for.
    fn renew(&mut self) -> Result<(), Failure> {
        self.write(None)?;
        let (last, hash) = tail(&mut self.link, &self.keys)?;
        if !self.in_doubt && (last, hash) != (self.last, self.hash) {
            return Err(self.forgot(last));
        }
        Ok(())
    }

    /// The same when it is due.
    fn keep(&mut self) -> Result<(), StoreError> {
        if self.renewed.elapsed() < RENEWED_AFTER {
            return Ok(());
        }
        self.patiently(Redis::renew)
    }

    /// Follows the chain behind a number; returns the number of the last entry.
    fn walk(&mut self, after: u64, each: Each<'_>) -> Result<u64, StoreError> {
        let place = self.link.place.clone();
        let anchor = self.patiently(|store| anchor(&mut store.link, &store.keys))?;
        let mut walk = Walk::behind(&place, after, anchor);
        loop {
            let from = walk.next();
            let rows = self.patiently(|store| page(&mut store.link, &store.keys.journal, from))?;
            for row in &rows {
                take(&place, &mut walk, row, &mut |seq, _, entry| each(seq, entry))?;
            }
            if rows.len() < PAGE {
                return Ok(walk.last());
            }
            // Reading a long journal may take longer than a lease.
            self.keep()?;
        }
    }

    fn batch(&self, entries: &[Entry]) -> Result<Batch, StoreError> {
        let (mut last, mut hash) = (self.last, self.hash);
        let mut bodies = Vec::with_capacity(entries.len());
        for entry in entries {
            let body = serde_json::to_string(entry)
                .map_err(|error| StoreError::unusable(&self.link.place, error))?;
            last += 1;
            hash = chain::next(&hash, body.as_bytes());
            bodies.push((body, hash));
        }
        Ok(Batch { bodies, tail: (last, hash) })
    }
}

impl Storage for Redis {
    fn append(&mut self, entries: &[Entry]) -> Result<u64, StoreError> {
        if entries.is_empty() {
            self.keep()?;
            return Ok(self.last);
        }
        let batch = self.batch(entries)?;
        self.patiently(|store| store.write(Some(&batch)))?;
        (self.last, self.hash) = batch.tail;
        Ok(self.last)
    }

    fn replay(&mut self, after: u64, each: Each<'_>) -> Result<(), StoreError> {
        self.walk(after, each).map(drop)
    }

    fn check(&mut self) -> Result<(), StoreError> {
        let last = self.walk(0, &mut |_, _| Ok(()))?;
        let found = self.patiently(|store| snapshots::find(&mut store.link, &store.keys))?;
        reaches(&self.link.place, last, &found)
    }

    fn take_tag(&mut self, drawn: StoreTag) -> Result<StoreTag, StoreError> {
        let mut take = self.keys.script(scripts::TAG);
        take.arg(drawn.number());
        let kept: u64 = self.patiently(|store| store.link.ask(&take))?;
        Ok(StoreTag::new(kept))
    }

    fn take_session(&mut self) -> Result<u64, StoreError> {
        if self.is_session {
            self.epoch = self.patiently(|store| {
                // By its token it is ours; a number that an answer was lost of is left out.
                match try_take(&mut store.link, &store.keys, &store.holder)? {
                    Taken::Epoch(epoch) => Ok(epoch),
                    Taken::Held { .. } => {
                        store.write(None)?;
                        let (epoch, holder) = (store.epoch, &store.holder.name);
                        Err(Failure::Final(lease::lost(&store.link.place, epoch, holder, epoch)))
                    }
                }
            })?;
        }
        self.is_session = true;
        Ok(self.epoch)
    }

    fn keep_snapshot(&mut self, snapshot: &Snapshot) -> Result<(), StoreError> {
        self.removable = None;
        self.patiently(|store| snapshots::keep(&mut store.link, &store.keys, snapshot))
    }

    fn snapshots(&mut self) -> Result<Vec<Snapshot>, StoreError> {
        Ok(self.patiently(|store| snapshots::find(&mut store.link, &store.keys))?.whole)
    }

    fn damaged_snapshots(&mut self) -> Result<Vec<u64>, StoreError> {
        Ok(self.patiently(|store| snapshots::find(&mut store.link, &store.keys))?.damaged)
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
            snapshots::remove_until(&mut store.link, &store.keys, store.epoch, until)
        })
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // With a connection that is gone, the lease ends by itself.
        if self.link.is_up() {
            let mut release = self.keys.script(scripts::RELEASE);
            release.arg(lent(&self.holder));
            drop(self.link.ask::<i64>(&release));
        }
    }
}

/// The text of a lease.
fn lent(holder: &Holder) -> String {
    format!("{} {}", holder.token, holder.name)
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn foreign(place: &Place, layout: &str) -> StoreError {
    let problem = format!("its layout is version {layout}, this program knows {LAYOUT}");
    StoreError::Foreign { place: place.clone(), problem }
}

/// What came of an attempt to take the store.
enum Taken {
    Epoch(u64),
    Held { holder: String, left: Duration },
}

/// Takes the store as soon as nobody holds it, and returns the epoch that begins.
fn take_over(
    link: &mut Link,
    keys: &Keys,
    holder: &Holder,
    patience: &mut Patience,
    take_over_max: Duration,
) -> Result<u64, StoreError> {
    let since = Instant::now();
    let mut said: Option<Duration> = None;
    loop {
        let (holder, left) = match patience.with(|| try_take(link, keys, holder))? {
            Taken::Epoch(epoch) => return Ok(epoch),
            Taken::Held { holder, left } => (holder, left),
        };
        let waited = since.elapsed();
        if waited >= take_over_max {
            return Err(StoreError::InUse { place: link.place.clone(), holder });
        }
        if said.is_none_or(|said| waited.saturating_sub(said) >= lease::SAID_EVERY) {
            said = Some(waited);
            (patience.tell)(&Wait::Held { holder, left }, waited);
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

fn try_take(link: &mut Link, keys: &Keys, holder: &Holder) -> Result<Taken, Failure> {
    let mut take = keys.script(scripts::TAKE);
    take.arg(&holder.token).arg(&holder.name).arg(millis(LEASE)).arg(LAYOUT);
    let said: Vec<redis::Value> = link.ask(&take)?;
    let text = |index: usize| {
        let value = said.get(index).cloned().unwrap_or_default();
        redis::from_redis_value::<String>(value).unwrap_or_default()
    };
    match text(0).as_str() {
        "taken" => match text(1).parse() {
            Ok(epoch) => Ok(Taken::Epoch(epoch)),
            Err(_) => {
                let problem = "the counter of sessions is no number".to_owned();
                Err(Failure::Final(StoreError::Broken { place: link.place.clone(), problem }))
            }
        },
        "held" => {
            let left = Duration::from_millis(text(2).parse().unwrap_or(0));
            Ok(Taken::Held { holder: text(1), left })
        }
        _ => Err(Failure::Final(foreign(&link.place, &text(1)))),
    }
}
