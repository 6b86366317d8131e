//! Changes of a book, gathered until they are due. A batch names its first and its last change, so
//! that whoever keeps a copy sees at once when one is missing.
//!
//! Source: web-socket-streams.md "Diff. Depth Stream", read 2026-07-21.

use std::collections::BTreeMap;

use model::market::{GridPrice, GridQty, LevelUpdate};
use model::{Side, Timestamp};

use super::render::{grid_price, grid_qty};
use crate::binance::symbols::Row;
use crate::binance::wire;

/// Changes of one book since they were last sent.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) first: Option<u64>,
    last: u64,
    levels: BTreeMap<(Side, GridPrice), GridQty>,
}

impl Batch {
    pub(super) fn add(&mut self, update_id: u64, level: &LevelUpdate) {
        self.first.get_or_insert(update_id);
        self.last = update_id;
        self.levels.insert((level.side, level.price), level.qty);
    }
}

/// Levels best first, as the venue lists them.
pub(super) fn depth_event(
    now: Timestamp,
    row: &Row,
    first: u64,
    batch: &Batch,
) -> wire::DepthEvent {
    let level = |((_, price), qty): (&(Side, GridPrice), &GridQty)| {
        (grid_price(row, *price), grid_qty(row, *qty))
    };
    let side = |wanted: Side| batch.levels.iter().filter(move |((side, _), _)| *side == wanted);
    wire::DepthEvent {
        e: "depthUpdate".to_owned(),
        event_time: now.millis(),
        s: row.instrument.symbol.clone(),
        first,
        last: batch.last,
        b: side(Side::Buy).rev().map(level).collect(),
        a: side(Side::Sell).map(level).collect(),
    }
}
