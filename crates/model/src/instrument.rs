//! What is traded at a venue, and the grid and limits the venue puts on orders for it.

use serde::{Deserialize, Serialize};

use crate::decimal::Decimal;
use crate::ids::{Asset, InstrumentId};
use crate::market::Grid;
use crate::money::{Notional, Price, Qty, Step};

/// Spot or derivative.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type")]
pub enum InstrumentKind {
    /// Base against quote, delivered at once.
    Spot,
    /// A future without expiry.
    Perpetual {
        /// Base units in one contract.
        contract: Qty,
        /// What profits are paid in.
        settle: Asset,
    },
}

/// What a venue currently lets one do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TradingMode {
    /// Everything.
    Live,
    /// Orders can only be taken back.
    CancelOnly,
    /// Nothing trades.
    Halted,
}

/// The venue's limits on one order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderLimits {
    /// Smallest and largest price.
    pub price_min: Option<Price>,
    /// See `price_min`.
    pub price_max: Option<Price>,
    /// Smallest quantity.
    pub qty_min: Qty,
    /// Largest quantity.
    pub qty_max: Option<Qty>,
    /// Largest quantity of a market order, where it differs.
    pub market_qty_max: Option<Qty>,
    /// Smallest price × qty.
    pub notional_min: Notional,
    /// Largest price × qty.
    pub notional_max: Option<Notional>,
    /// How far a limit price may be from the reference price.
    pub band: Option<PriceBand>,
    /// Open orders of one account.
    pub open_orders_max: Option<u32>,
    /// Open orders of one account that wait for a trigger.
    pub stop_orders_max: Option<u32>,
}

/// Bounds of a limit price as multiples of the reference price, per side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceBand {
    /// A bid is at least this many times the reference price …
    pub bid_min: Decimal,
    /// … and at most this many times.
    pub bid_max: Decimal,
    /// The same for an ask.
    pub ask_min: Decimal,
    /// The same for an ask.
    pub ask_max: Decimal,
}

/// An instrument at one venue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instrument {
    /// Our name: `BTC-USDT`.
    pub id: InstrumentId,
    /// The venue's text for it: `BTCUSDT`.
    pub symbol: String,
    /// Spot or derivative.
    pub kind: InstrumentKind,
    /// What is traded.
    pub base: Asset,
    /// What pays for it.
    pub quote: Asset,
    /// Smallest step of a price.
    pub tick: Step,
    /// Smallest step of a quantity.
    pub lot: Step,
    /// The integer grid that books and matching run on. It has the digits of tick and lot at least, and
    /// more where they were finer once: orders from then still stand in the book, and trade.
    pub grid: Grid,
    /// Limits on one order.
    pub limits: OrderLimits,
    /// What is possible now.
    pub mode: TradingMode,
}

impl Instrument {
    /// The integer grid that books and matching run on.
    pub const fn grid(&self) -> Grid {
        self.grid
    }

    /// The same, for one who may know the instrument from a time when its steps were finer.
    pub fn on_grid_of(self, known: Option<&Instrument>) -> Instrument {
        match known {
            Some(known) => Instrument { grid: self.grid.joined(known.grid), ..self },
            None => self,
        }
    }

    /// A spot instrument with wide limits, named after its assets: the start for tests and
    /// simulated venues.
    pub fn spot(
        base: Asset,
        quote: Asset,
        tick: Step,
        lot: Step,
    ) -> Result<Instrument, crate::ids::IdError> {
        Ok(Instrument {
            id: InstrumentId::spot(base, quote)?,
            symbol: format!("{base}{quote}"),
            kind: InstrumentKind::Spot,
            base,
            quote,
            tick,
            lot,
            grid: Grid::of(tick, lot),
            limits: OrderLimits {
                price_min: None,
                price_max: None,
                qty_min: Qty::try_from(lot.get()).unwrap_or(Qty::ZERO),
                qty_max: None,
                market_qty_max: None,
                notional_min: Notional::ZERO,
                notional_max: None,
                band: None,
                open_orders_max: None,
                stop_orders_max: None,
            },
            mode: TradingMode::Live,
        })
    }
}
