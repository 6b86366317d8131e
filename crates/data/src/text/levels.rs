//! Books: levels a line, which wait for the next line because only that one tells whether they were the last
//! of their event, and wide lines that hold a whole snapshot.

use super::columns::{Level, Role};
use super::line::{Line, Times};
use super::values::{self, Bad, Scale};
use crate::batch::{ASK, Batch, CLEAR, LAST};
use crate::error::RowProblem;

/// A level a line.
pub(crate) struct Levels {
    price: usize,
    qty: usize,
    side: usize,
    is_ask: bool,
    snapshot: Option<usize>,
    update: Option<usize>,
    snapshot_id: Option<usize>,
    held: Option<Held>,
}

/// The level that was read last, and what tells its event apart.
struct Held {
    times: Times,
    place: u64,
    level: (i64, i64),
    flags: i32,
    snapshot: bool,
    update: i64,
}

impl Levels {
    /// `at` finds the column of a role; those that a book needs are there (`columns::by_name`).
    pub(crate) fn new(at: &dyn Fn(Role) -> Option<usize>) -> Levels {
        let must = |role| at(role).unwrap_or(0);
        Levels {
            price: must(Role::Price),
            qty: must(Role::Qty),
            side: at(Role::IsAsk).unwrap_or_else(|| must(Role::Side)),
            is_ask: at(Role::IsAsk).is_some(),
            snapshot: at(Role::Snapshot),
            update: at(Role::Update),
            snapshot_id: at(Role::SnapshotId),
            held: None,
        }
    }

    pub(crate) fn add(
        &mut self,
        line: &Line<'_>,
        times: Times,
        scale: &Scale,
        batch: &mut Batch,
    ) -> Result<(), Bad> {
        let price = values::price(line.field(self.price), scale, "price")?;
        let qty = values::qty(line.field(self.qty), scale, "qty")?;
        let side = line.field(self.side);
        let flags = match self.is_ask {
            true if values::truth(side, "is_ask")? => ASK,
            true => 0,
            false => values::side_of_level(side)?,
        };
        let snapshot = match self.snapshot {
            Some(at) => values::truth(line.field(at), "is_snapshot")?,
            None => self.snapshot_id.is_some(),
        };
        let update = self.update.or(self.snapshot_id);
        let update = update.map_or(0, |at| values::id(line.field(at)));
        let place = line.number;
        self.hold(Held { times, place, level: (price, qty), flags, snapshot, update }, batch);
        Ok(())
    }

    /// Puts the level that waited into the batch and lets the next one wait, both with their marks.
    fn hold(&mut self, mut next: Held, batch: &mut Batch) {
        // A snapshot with a number stands for itself; others go on with the one before, as in Tardis' files.
        let whole = self.snapshot_id.is_some();
        if let Some(mut before) = self.held.take() {
            let same = before.times == next.times
                && before.snapshot == next.snapshot
                && before.update == next.update;
            if !same {
                before.flags |= LAST;
            }
            if !same && next.snapshot && (whole || !before.snapshot) {
                next.flags |= CLEAR;
            }
            before.push(batch);
        } else if next.snapshot {
            next.flags |= CLEAR;
        }
        self.held = Some(next);
    }

    /// Adds the level that waits; there is no next one.
    pub(crate) fn finish(&mut self, batch: &mut Batch) {
        if let Some(mut last) = self.held.take() {
            last.flags |= LAST;
            last.push(batch);
        }
    }
}

impl Held {
    fn push(&self, batch: &mut Batch) {
        push(self.times, self.place, self.level, self.flags, batch);
    }
}

fn push(times: Times, place: u64, level: (i64, i64), flags: i32, batch: &mut Batch) {
    batch.push_level(times.time, level, flags);
    batch.received.extend(times.received);
    batch.place.push(place);
}

/// A snapshot a line: columns of price and quantity of each level, and whether it is an ask.
pub(crate) struct Wide(Vec<(usize, usize, bool)>);

impl Wide {
    /// Best ones first, bids before asks.
    pub(crate) fn new(roles: &[Role]) -> Wide {
        let at = |ask: bool, depth: u16, price: bool| {
            roles.iter().position(|role| *role == Role::Level(Level { ask, depth, price }))
        };
        let side = |ask: bool| {
            (0..).map_while(move |depth| Some((at(ask, depth, true)?, at(ask, depth, false)?, ask)))
        };
        Wide(side(false).chain(side(true)).collect())
    }

    /// Levels of a line, at most.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn add(
        &self,
        line: &Line<'_>,
        times: Times,
        scale: &Scale,
        batch: &mut Batch,
    ) -> Result<(), Bad> {
        let from = batch.len();
        let added = self.add_levels(line, times, scale, batch);
        if added.is_err() {
            batch.truncate(from);
        } else if batch.len() == from {
            return Err(RowProblem::Missing { column: "price" }.into());
        }
        added
    }

    fn add_levels(
        &self,
        line: &Line<'_>,
        times: Times,
        scale: &Scale,
        batch: &mut Batch,
    ) -> Result<(), Bad> {
        let mut flags = CLEAR;
        for (price, qty, ask) in &self.0 {
            let (price, qty) = (line.field(*price), line.field(*qty));
            // A book of fewer levels leaves the rest empty.
            if price.is_empty() && qty.is_empty() {
                continue;
            }
            let price = values::price(price, scale, "price")?;
            let qty = values::qty(qty, scale, "qty")?;
            let side = if *ask { ASK } else { 0 };
            push(times, line.number, (price, qty), flags | side, batch);
            flags = 0;
        }
        if flags == 0 {
            batch.set_last();
        }
        Ok(())
    }
}
