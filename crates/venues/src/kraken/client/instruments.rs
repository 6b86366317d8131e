//! Pairs in our words: grids and limits of instruments.

use std::collections::BTreeMap;

use model::market::Grid;
use model::{
    Decimal, Instrument, InstrumentId, InstrumentKind, Notional, OrderLimits, Qty, Step,
    TradingMode,
};

use super::DecodeError;
use super::convert::{notional, off, qty};
use crate::kraken::symbols::asset;
use crate::kraken::wire::Pair;

/// All pairs of the answer whose assets have names that ours can be.
pub(super) fn read(pairs: &BTreeMap<String, Pair>) -> Result<Vec<Instrument>, DecodeError> {
    pairs.values().filter_map(|pair| instrument(pair).transpose()).collect()
}

fn instrument(pair: &Pair) -> Result<Option<Instrument>, DecodeError> {
    let assets = pair.wsname.split_once('/').and_then(|(b, q)| Some((asset(b)?, asset(q)?)));
    let Some((base, quote)) = assets else { return Ok(None) };
    let id =
        InstrumentId::spot(base, quote).map_err(|_| DecodeError::Pair(pair.altname.clone()))?;
    let smallest = |decimals: u8| Decimal::new(1, u32::from(decimals));
    let tick = pair.tick_size.map_or(smallest(pair.pair_decimals), |tick| tick.0);
    let tick = Step::try_from(tick).map_err(|_| off(tick))?;
    let lot = smallest(pair.lot_decimals);
    let lot = Step::try_from(lot).map_err(|_| off(lot))?;
    let grid = Grid { price_decimals: pair.pair_decimals, qty_decimals: pair.lot_decimals };
    Ok(Some(Instrument {
        id,
        symbol: pair.altname.clone(),
        kind: InstrumentKind::Spot,
        base,
        quote,
        tick,
        lot,
        grid: Grid::of(tick, lot).joined(grid),
        limits: OrderLimits {
            price_min: None,
            price_max: None,
            qty_min: pair.ordermin.map_or(Ok(Qty::ZERO), qty)?,
            qty_max: None,
            market_qty_max: None,
            notional_min: pair.costmin.map_or(Ok(Notional::ZERO), notional)?,
            notional_max: None,
            band: None,
            open_orders_max: None,
            stop_orders_max: None,
        },
        mode: mode(&pair.status),
    }))
}

/// Everything but plain matching is no place for an order: in the other modes some kinds are taken and some
/// are not.
fn mode(status: &str) -> TradingMode {
    match status {
        "online" => TradingMode::Live,
        "cancel_only" | "post_only" | "limit_only" | "reduce_only" => TradingMode::CancelOnly,
        _ => TradingMode::Halted,
    }
}
