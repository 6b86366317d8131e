//! Looks into a journal in Redis. There are no indexes: a question reads everything.

use std::cell::RefCell;
use std::collections::BTreeMap;

use redis::Cmd;

use super::link::Link;
use super::rows::{Walk, page, tail};
use super::{Keys, LAYOUT};
use crate::facets::facets;
use crate::filter::Filter;
use crate::patience::Failure;
use crate::place::Place;
use crate::source::{Each, Source};
use crate::storage::{Snapshot, StoreError};
use crate::url::Url;

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
}

impl Source for RedisReader {
    fn replay(&self, after: u64, each: Each<'_>) -> Result<(), StoreError> {
        // What a writer appends meanwhile is another look's.
        let last = self.last()?;
        let mut walk = Walk::behind(&self.place, after);
        while walk.next() <= last {
            let rows = page(&mut self.link.borrow_mut(), &self.keys.journal, walk.next());
            let rows = rows.map_err(Failure::error)?;
            for row in &rows {
                walk.take(row, each)?;
            }
            if rows.is_empty() {
                return Err(StoreError::damaged(&self.place, walk.next(), "it is missing"));
            }
        }
        Ok(())
    }

    fn snapshots(&self) -> Result<Vec<Snapshot>, StoreError> {
        Ok(Vec::new())
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

    fn last(&self) -> Result<u64, StoreError> {
        let mut link = self.link.borrow_mut();
        tail(&mut link, &self.keys.journal).map(|(last, _)| last).map_err(Failure::error)
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
