//! `exchangeInfo` in our words: grids and limits of instruments.

use model::market::Grid;
use model::{
    Decimal, Instrument, InstrumentId, InstrumentKind, Notional, OrderLimits, Price, PriceBand,
    Qty, Step, TradingMode,
};

use super::DecodeError;
use super::convert::{asset, unknown};
use crate::binance::wire::{ExchangeInfo, Filter, Fixed8, Symbol};

/// All instruments of the answer.
pub(super) fn read(info: &ExchangeInfo) -> Result<Vec<Instrument>, DecodeError> {
    info.symbols.iter().map(instrument).collect()
}

fn instrument(symbol: &Symbol) -> Result<Instrument, DecodeError> {
    let (base, quote) = (asset(&symbol.base_asset)?, asset(&symbol.quote_asset)?);
    let id =
        InstrumentId::spot(base, quote).map_err(|_| DecodeError::Symbol(symbol.symbol.clone()))?;
    let mut grid = (None, None);
    let mut limits = OrderLimits {
        price_min: None,
        price_max: None,
        qty_min: Qty::ZERO,
        qty_max: None,
        market_qty_max: None,
        notional_min: Notional::ZERO,
        notional_max: None,
        band: None,
        open_orders_max: None,
        stop_orders_max: None,
    };
    for filter in &symbol.filters {
        apply(filter, &mut grid, &mut limits)?;
    }
    let missing =
        |filter: &str| DecodeError::Shape(format!("{} has no {filter} with a step", symbol.symbol));
    let tick = grid.0.ok_or_else(|| missing("PRICE_FILTER"))?;
    let lot = grid.1.ok_or_else(|| missing("LOT_SIZE"))?;
    Ok(Instrument {
        id,
        symbol: symbol.symbol.clone(),
        kind: InstrumentKind::Spot,
        base,
        quote,
        tick,
        lot,
        grid: Grid::of(tick, lot),
        limits,
        mode: mode(&symbol.status)?,
    })
}

fn mode(status: &str) -> Result<TradingMode, DecodeError> {
    Ok(match status {
        "TRADING" => TradingMode::Live,
        "CANCEL_ONLY" => TradingMode::CancelOnly,
        "HALT" | "BREAK" | "END_OF_DAY" => TradingMode::Halted,
        other => return Err(unknown("symbol status", other)),
    })
}

/// A field of zero switches that part of a filter off.
fn apply(
    filter: &Filter,
    (tick, lot): &mut (Option<Step>, Option<Step>),
    limits: &mut OrderLimits,
) -> Result<(), DecodeError> {
    match filter {
        Filter::Price { min_price, max_price, tick_size } => {
            *tick = Step::try_from(tick_size.0).ok();
            limits.price_min = Price::try_from(min_price.0).ok();
            limits.price_max = Price::try_from(max_price.0).ok();
        }
        Filter::LotSize { min_qty, max_qty, step_size } => {
            *lot = Step::try_from(step_size.0).ok();
            limits.qty_min = qty(*min_qty)?;
            limits.qty_max = some_qty(*max_qty)?;
        }
        Filter::MarketLotSize { max_qty, .. } => limits.market_qty_max = some_qty(*max_qty)?,
        Filter::MinNotional { min_notional, .. } => limits.notional_min = notional(*min_notional)?,
        Filter::Notional { min_notional, max_notional, .. } => {
            limits.notional_min = notional(*min_notional)?;
            let max = notional(*max_notional)?;
            limits.notional_max = (max > Notional::ZERO).then_some(max);
        }
        Filter::PercentPriceBySide {
            bid_multiplier_up,
            bid_multiplier_down,
            ask_multiplier_up,
            ask_multiplier_down,
            ..
        } => {
            limits.band = Some(PriceBand {
                bid_min: bid_multiplier_down.0,
                bid_max: bid_multiplier_up.0,
                ask_min: ask_multiplier_down.0,
                ask_max: ask_multiplier_up.0,
            });
        }
        Filter::MaxNumOrders { max_num_orders } => limits.open_orders_max = Some(*max_num_orders),
        Filter::MaxNumAlgoOrders { max_num_algo_orders } => {
            limits.stop_orders_max = Some(*max_num_algo_orders);
        }
        Filter::IcebergParts { .. } | Filter::Other => {}
    }
    Ok(())
}

fn off(value: Decimal) -> DecodeError {
    DecodeError::Number(value.to_string())
}

fn qty(value: Fixed8) -> Result<Qty, DecodeError> {
    Qty::try_from(value.0).map_err(|_| off(value.0))
}

fn some_qty(value: Fixed8) -> Result<Option<Qty>, DecodeError> {
    qty(value).map(|qty| (!qty.is_zero()).then_some(qty))
}

fn notional(value: Fixed8) -> Result<Notional, DecodeError> {
    Notional::try_from(value.0).map_err(|_| off(value.0))
}
