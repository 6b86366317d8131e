//! The parts of a report that are drawn or listed one by one.

use model::{Asset, Fill, Liquidity, Side};

/// A point of the curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Nanoseconds since the epoch.
    pub at: i64,
    /// What the account is worth, quote units.
    pub equity: f64,
    /// Price of the first instrument.
    pub price: f64,
    /// What is held of it, base units.
    pub held: f64,
}

/// One execution.
#[derive(Clone, Debug, PartialEq)]
pub struct Trade {
    /// Nanoseconds since the epoch.
    pub at: i64,
    /// Of which instrument.
    pub instrument: model::InstrumentId,
    /// Bought or sold.
    pub side: Side,
    /// At which price.
    pub price: model::Price,
    /// How much.
    pub qty: model::Qty,
    /// What it cost, and in which asset.
    pub fee: Option<(Asset, model::Amount)>,
    /// Did it rest before?
    pub is_maker: bool,
}

impl Trade {
    pub(crate) fn of(fill: &Fill) -> Trade {
        Trade {
            at: fill.venue_time.nanos(),
            instrument: fill.instrument,
            side: fill.side,
            price: fill.price,
            qty: fill.qty,
            fee: fill.fee.map(|fee| (fee.asset, fee.amount)),
            is_maker: fill.liquidity == Liquidity::Maker,
        }
    }
}
