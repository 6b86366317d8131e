//! Looks into a journal in Redis. There are no indexes: a question reads everything.

use std::cell::RefCell;
use std::collections::BTreeMap;

use model::StoreTag;
use redis::Cmd;

use super::keys::Keys;
use super::link::Link;
use super::rows::{PAGE, anchor, hash_of, page, tail, take};
use super::{LAYOUT, snapshots};
use crate::chain::Hash;
use crate::facets::facets;
use crate::filter::Filter;
use crate::patience::Failure;
use crate::place::Place;
use crate::source::{Each, EachLine, Source};
use crate::storage::{Snapshot, StoreError};
use crate::url::Url;
use crate::walk::Walk;

/// A journal in Redis, opened for reading.
#[derive(Debug)]
pub(crate) struct RedisReader {
    place: Place,
    keys: Keys,
    link: RefCell<Link>,
}

impl RedisReader {
    /// Opens a journal that exists.
    pub(crate) fn open(url: &Url) -> Result<RedisReader, StoreError> {
        let mut link = Link::to_read(url)?;
        let keys = Keys::of(&url.name);
        let mut get = Cmd::new();
        get.arg("HGET").arg(&keys.counters).arg("layout");
        let layout: Option<String> = link.ask(&get).map_err(Failure::error)?;
        let place = link.place.clone();
        match layout.as_deref() {
            Some(LAYOUT) => Ok(RedisReader { place, keys, link: RefCell::new(link) }),
            Some(other) => Err(super::foreign(&place, other)),
            None => {
                let problem =
                    "nothing has been written to it yet; start a gateway with this `store` first";
                Err(StoreError::unusable(&place, problem))
            }
        }
    }

    fn ask<T: redis::FromRedisValue>(&self, question: &Cmd) -> Result<T, StoreError> {
        self.link.borrow_mut().ask(question).map_err(Failure::error)
    }

    /// An entry that its writer has removed while it was to be read is not missing.
    fn removed(&self, seq: u64) -> Option<StoreError> {
        let (removed, _) = anchor(&mut self.link.borrow_mut(), &self.keys).ok()?;
        let problem = format!("entry {seq} was removed while it was to be read; look again");
        (removed >= seq).then(|| StoreError::unusable(&self.place, problem))
    }
}

impl Source for RedisReader {
    fn replay(&self, after: u64, each: Each<'_>) -> Result<(), StoreError> {
        self.lines(after, u64::MAX, &mut |seq, _, entry| each(seq, entry))
    }

    fn lines(&self, after: u64, max: u64, each: EachLine<'_>) -> Result<(), StoreError> {
        let mut left = max;
        let anchor = anchor(&mut self.link.borrow_mut(), &self.keys).map_err(Failure::error)?;
        let mut walk = Walk::behind(&self.place, after, anchor);
        loop {
            let rows = page(&mut self.link.borrow_mut(), &self.keys.journal, walk.next());
            let rows = rows.map_err(Failure::error)?;
            for row in &rows {
                if left == 0 {
                    return Ok(());
                }
                let next = walk.next();
                let counted = &mut |seq, text: &str, entry| {
                    left -= 1;
                    each(seq, text, entry)
                };
                match take(&self.place, &mut walk, row, counted) {
                    Err(error @ StoreError::Damaged { .. }) => {
                        return Err(self.removed(next).unwrap_or(error));
                    }
                    taken => taken?,
                }
            }
            if rows.len() < PAGE {
                return Ok(());
            }
        }
    }

    fn tag(&self) -> Result<Option<StoreTag>, StoreError> {
        let mut get = Cmd::new();
        get.arg("HGET").arg(&self.keys.counters).arg("store");
        let number: Option<u64> = self.ask(&get)?;
        Ok(number.map(StoreTag::new))
    }

    fn snapshots(&self) -> Result<Vec<Snapshot>, StoreError> {
        snapshots::find(&mut self.link.borrow_mut(), &self.keys)
            .map(|found| found.whole)
            .map_err(Failure::error)
    }

    fn find(&self, wanted: &Filter, each: Each<'_>) -> Result<(), StoreError> {
        self.replay(wanted.after, &mut |seq, entry| {
            if wanted.is_met(seq, &entry) { each(seq, entry) } else { Ok(()) }
        })
    }

    fn counts(&self) -> Result<BTreeMap<String, u64>, StoreError> {
        let mut counts = BTreeMap::new();
        self.replay(0, &mut |_, entry| {
            *counts.entry(facets(&entry.record).kind.to_owned()).or_default() += 1;
            Ok(())
        })?;
        Ok(counts)
    }

    fn hash_at(&self, seq: u64) -> Result<Option<Hash>, StoreError> {
        let mut link = self.link.borrow_mut();
        let (removed, hash) = anchor(&mut link, &self.keys).map_err(Failure::error)?;
        if removed == seq {
            return Ok(Some(hash));
        }
        hash_of(&mut link, &self.keys, seq).map_err(Failure::error)
    }

    fn last(&self) -> Result<u64, StoreError> {
        let mut link = self.link.borrow_mut();
        tail(&mut link, &self.keys).map(|(last, _)| last).map_err(Failure::error)
    }

    fn holder(&self) -> Result<Option<String>, StoreError> {
        let mut get = Cmd::new();
        get.arg("GET").arg(&self.keys.lease);
        let held: Option<String> = self.ask(&get)?;
        Ok(held.map(|held| match held.split_once(' ') {
            Some((_, name)) => name.to_owned(),
            None => held,
        }))
    }
}
