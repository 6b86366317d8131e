//! A book around prints, where a recording has only trades.
//!
//! It is a model and not a recording: best bid and ask stand one tick apart around the last print,
//! ten levels a side with one tick between them, each holding the average size of recent prints
//! times four. It moves when a print lies outside it.

use model::market::{GridPrice, GridQty, Level};
use model::{Instrument, Side};
use sim_venue::Background;

/// Levels a side.
const LEVELS: i64 = 10;
/// Prints that the average size remembers.
const MEMORY: i64 = 32;
/// A level holds this many average prints.
const PRINTS_A_LEVEL: i64 = 4;

pub(super) struct Ladder {
    tick: i64,
    lot: i64,
    average: i64,
    bid: Option<i64>,
}

impl Ladder {
    pub(super) fn new(instrument: &Instrument) -> Ladder {
        let grid = instrument.grid();
        let mantissa = |step: model::Step, decimals: u8| {
            step.get().mantissa_at(u32::from(decimals)).unwrap_or(1).max(1)
        };
        Ladder {
            tick: mantissa(instrument.tick, grid.price_decimals),
            lot: mantissa(instrument.lot, grid.qty_decimals),
            average: 0,
            bid: None,
        }
    }

    /// The book that a print is taken from; nothing when it stands already.
    pub(super) fn around(
        &mut self,
        price: GridPrice,
        qty: GridQty,
        taker_side: Side,
    ) -> Option<Background> {
        self.average =
            if self.average == 0 { qty.0 } else { self.average + (qty.0 - self.average) / MEMORY };
        // Whoever sold hit the bid, whoever bought took the ask one tick above it.
        let bid = match taker_side {
            Side::Sell => price.0,
            Side::Buy => price.0 - self.tick,
        };
        if self.bid == Some(bid) || bid <= LEVELS * self.tick {
            return None;
        }
        self.bid = Some(bid);
        let size = (self.average * PRINTS_A_LEVEL).max(self.lot);
        let qty = GridQty(size - size % self.lot);
        let side = |from: i64, step: i64| {
            (0..LEVELS).map(|i| Level { price: GridPrice(from + i * step), qty }).collect()
        };
        let (bids, asks) = (side(bid, -self.tick), side(bid + self.tick, self.tick));
        Some(Background::Snapshot { bids, asks })
    }
}
