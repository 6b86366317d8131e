//! An order inside the engine.

use model::market::{Grid, GridPrice, GridQty};
use model::venue::{ExpiryReason, VenueOrder, VenueOrderStatus};
use model::{
    ClientOrderId, Decimal, InstrumentId, Notional, OrderKind, OrderQty, Qty, SelfTradePrevention,
    Side, TimeInForce, Timestamp, VenueOrderId,
};

/// Grid integers beside the words of the model, so that matching never converts.
#[derive(Clone, Debug)]
pub(crate) struct SimOrder {
    pub(crate) id: u64,
    pub(crate) account: usize,
    pub(crate) market: usize,
    pub(crate) client_order_id: ClientOrderId,
    pub(crate) side: Side,
    pub(crate) kind: OrderKind,
    pub(crate) ordered: OrderQty,
    /// Limit price, where it has one.
    pub(crate) price: Option<GridPrice>,
    pub(crate) qty: GridQty,
    pub(crate) filled: GridQty,
    /// In counts of 10^-(price decimals + qty decimals).
    pub(crate) filled_notional: i128,
    pub(crate) prevented: GridQty,
    pub(crate) time_in_force: TimeInForce,
    pub(crate) post_only: bool,
    pub(crate) stp: SelfTradePrevention,
    pub(crate) status: VenueOrderStatus,
    pub(crate) created: Timestamp,
    pub(crate) updated: Timestamp,
    pub(crate) working_since: Option<Timestamp>,
    pub(crate) expiry: Option<ExpiryReason>,
    /// Funds set aside for it: base for a sell, quote for a buy.
    pub(crate) locked: Decimal,
    /// Does it stand in the book?
    pub(crate) resting: bool,
}

impl SimOrder {
    pub(crate) fn leaves(&self) -> GridQty {
        if self.status.is_open() {
            GridQty(self.qty.0 - self.filled.0 - self.prevented.0)
        } else {
            GridQty(0)
        }
    }

    /// As the venue tells it.
    pub(crate) fn tell(&self, instrument: InstrumentId, grid: &Grid) -> VenueOrder {
        VenueOrder {
            id: VenueOrderId::from_number(self.id),
            client_order_id: self.client_order_id,
            instrument,
            side: self.side,
            kind: self.kind,
            ordered: self.ordered,
            qty: qty(grid, self.qty),
            time_in_force: self.time_in_force,
            post_only: self.post_only,
            self_trade_prevention: self.stp,
            status: self.status,
            filled: qty(grid, self.filled),
            filled_notional: Notional::try_from(value(grid, self.filled_notional))
                .unwrap_or(Notional::ZERO),
            prevented: qty(grid, self.prevented),
            created: self.created,
            updated: self.updated,
            working_since: self.working_since,
            expiry: self.expiry,
        }
    }
}

pub(crate) fn qty(grid: &Grid, qty: GridQty) -> Qty {
    grid.qty(qty).unwrap_or(Qty::ZERO)
}

/// A product of grid price and grid quantity as a decimal.
pub(crate) fn value(grid: &Grid, product: i128) -> Decimal {
    let decimals = u32::from(grid.price_decimals) + u32::from(grid.qty_decimals);
    Decimal::from_mantissa(product, decimals).unwrap_or(Decimal::MAX)
}

pub(crate) fn product(price: GridPrice, qty: GridQty) -> i128 {
    i128::from(price.0) * i128::from(qty.0)
}
