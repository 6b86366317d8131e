//! The rules of an instrument, checked before an order reaches the engine.

use model::market::{GridPrice, GridQty};
use model::venue::{Filter, VenueError};
use model::{Decimal, NewOrder, Notional, OrderKind, OrderQty, Price, Rounding, Side, Timestamp};

use crate::venue::Market;

/// Prices and quantity of an order on the grid.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OnGrid {
    pub(crate) price: Option<GridPrice>,
    pub(crate) trigger: Option<GridPrice>,
    /// Zero for an order given in quote units.
    pub(crate) qty: GridQty,
}

/// What the account has open in this instrument.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OpenCounts {
    pub(crate) orders: u32,
    pub(crate) stops: u32,
}

/// Runs every filter in the venue's order.
pub(crate) fn check(
    market: &Market,
    now: Timestamp,
    order: &NewOrder,
    open: OpenCounts,
) -> Result<OnGrid, VenueError> {
    let price = order.kind.price().map(|price| on_tick(market, price)).transpose()?;
    let trigger = order.kind.trigger().map(|price| on_tick(market, price)).transpose()?;
    if let Some(price) = order.kind.price() {
        band(market, now, order.side, price)?;
    }
    let qty = match order.qty {
        OrderQty::Base(qty) => lot(market, order, market.grid.grid_qty(qty))?,
        OrderQty::Quote(_) => GridQty(0),
    };
    notional(market, now, order)?;
    let limits = &market.instrument.limits;
    if limits.open_orders_max.is_some_and(|max| open.orders >= max) {
        return Err(broken(Filter::OpenOrders));
    }
    let is_stop = order.kind.trigger().is_some();
    if is_stop && limits.stop_orders_max.is_some_and(|max| open.stops >= max) {
        return Err(broken(Filter::StopOrders));
    }
    Ok(OnGrid { price, trigger, qty })
}

fn broken(filter: Filter) -> VenueError {
    VenueError::Filter { filter }
}

fn on_tick(market: &Market, price: Price) -> Result<GridPrice, VenueError> {
    let limits = &market.instrument.limits;
    let outside = limits.price_min.is_some_and(|min| price < min)
        || limits.price_max.is_some_and(|max| price > max);
    match market.grid.grid_price(price) {
        Some(on_grid) if on_grid.0 % market.tick == 0 && !outside => Ok(on_grid),
        _ => Err(broken(Filter::Price)),
    }
}

fn band(market: &Market, now: Timestamp, side: Side, price: Price) -> Result<(), VenueError> {
    let Some(band) = &market.instrument.limits.band else { return Ok(()) };
    let average = market.average_price(now).and_then(|price| market.grid.price(price));
    let Some(reference) = average else { return Ok(()) };
    let (low, high) = match side {
        Side::Buy => (band.bid_min, band.bid_max),
        Side::Sell => (band.ask_min, band.ask_max),
    };
    let times = |factor: Decimal| reference.get().checked_mul(factor, Rounding::Down);
    let within = times(low).is_none_or(|low| price.get() >= low)
        && times(high).is_none_or(|high| price.get() <= high);
    if within { Ok(()) } else { Err(broken(Filter::PriceBand)) }
}

fn lot(market: &Market, order: &NewOrder, qty: Option<GridQty>) -> Result<GridQty, VenueError> {
    let limits = &market.instrument.limits;
    let qty = qty.filter(|qty| qty.0 > 0 && qty.0 % market.lot == 0);
    let qty = qty.ok_or(broken(Filter::Lot))?;
    let exact = crate::order::qty(&market.grid, qty);
    if exact < limits.qty_min || limits.qty_max.is_some_and(|max| exact > max) {
        return Err(broken(Filter::Lot));
    }
    let is_market = order.kind == OrderKind::Market;
    if is_market && limits.market_qty_max.is_some_and(|max| exact > max) {
        return Err(broken(Filter::MarketLot));
    }
    Ok(qty)
}

fn notional(market: &Market, now: Timestamp, order: &NewOrder) -> Result<(), VenueError> {
    let limits = &market.instrument.limits;
    let price = order.kind.price().or(order.kind.trigger());
    let average = || market.average_price(now).and_then(|price| market.grid.price(price));
    let notional = match order.qty {
        OrderQty::Quote(notional) => Some(notional),
        OrderQty::Base(qty) => {
            price.or_else(average).and_then(|price| price.notional(qty, Rounding::Down))
        }
    };
    // Without any price yet a market order cannot be measured, and passes, as at the venue.
    let Some(notional) = notional else { return Ok(()) };
    let too_small = notional < limits.notional_min;
    let capped = order.kind != OrderKind::Market;
    let too_large = capped && limits.notional_max.is_some_and(|max: Notional| notional > max);
    if too_small || too_large { Err(broken(Filter::Notional)) } else { Ok(()) }
}
