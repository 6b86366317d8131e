//! Instruments as `exchangeInfo` lists them: what may be ordered, and the limits as filters.
//!
//! Source: rest-api.md "Exchange information", filters.md, enums.md, read 2026-07-21.

use model::{Decimal, Instrument, Qty, TradingMode};

use super::render::ZERO;
use crate::binance::wire::{self, Fixed8};

/// Digits that assets are counted with.
const ASSET_PRECISION: u32 = 8;

/// The state of a symbol in Binance's word.
pub(super) const fn status_word(instrument: &Instrument) -> &'static str {
    match instrument.mode {
        TradingMode::Live => "TRADING",
        TradingMode::CancelOnly => "CANCEL_ONLY",
        TradingMode::Halted => "HALT",
    }
}

/// One symbol.
pub(super) fn symbol_info(instrument: &Instrument) -> wire::Symbol {
    let words = |list: &[&str]| list.iter().map(|word| (*word).to_owned()).collect();
    wire::Symbol {
        symbol: instrument.symbol.clone(),
        status: status_word(instrument).to_owned(),
        base_asset: instrument.base.to_string(),
        base_asset_precision: ASSET_PRECISION,
        quote_asset: instrument.quote.to_string(),
        quote_precision: ASSET_PRECISION,
        quote_asset_precision: ASSET_PRECISION,
        base_commission_precision: ASSET_PRECISION,
        quote_commission_precision: ASSET_PRECISION,
        order_types: words(&[
            "LIMIT",
            "LIMIT_MAKER",
            "MARKET",
            "STOP_LOSS",
            "STOP_LOSS_LIMIT",
            "TAKE_PROFIT",
            "TAKE_PROFIT_LIMIT",
        ]),
        iceberg_allowed: false,
        oco_allowed: false,
        oto_allowed: false,
        opo_allowed: false,
        quote_order_qty_market_allowed: true,
        allow_trailing_stop: false,
        cancel_replace_allowed: true,
        amend_allowed: false,
        peg_instructions_allowed: false,
        is_spot_trading_allowed: true,
        is_margin_trading_allowed: false,
        filters: filters(instrument),
        permissions: Vec::new(),
        permission_sets: vec![words(&["SPOT"])],
        default_self_trade_prevention_mode: "EXPIRE_MAKER".to_owned(),
        allowed_self_trade_prevention_modes: words(&[
            "EXPIRE_TAKER",
            "EXPIRE_MAKER",
            "EXPIRE_BOTH",
            "DECREMENT",
        ]),
    }
}

/// The exchange's limits as filters; a part that is not limited is zero.
fn filters(instrument: &Instrument) -> Vec<wire::Filter> {
    let limits = &instrument.limits;
    let price = |price: Option<model::Price>| price.map_or(ZERO, Fixed8::from);
    let qty = |qty: Option<Qty>| qty.map_or(ZERO, Fixed8::from);
    let lot = Fixed8(instrument.lot.get());
    let mut filters = vec![
        wire::Filter::Price {
            min_price: price(limits.price_min),
            max_price: price(limits.price_max),
            tick_size: Fixed8(instrument.tick.get()),
        },
        wire::Filter::LotSize {
            min_qty: limits.qty_min.into(),
            max_qty: limits.qty_max.map_or(Fixed8(Decimal::new(9_000_000_000, 0)), Fixed8::from),
            step_size: lot,
        },
        wire::Filter::MarketLotSize {
            min_qty: ZERO,
            max_qty: qty(limits.market_qty_max.or(limits.qty_max)),
            step_size: ZERO,
        },
    ];
    if let Some(band) = &limits.band {
        filters.push(wire::Filter::PercentPriceBySide {
            bid_multiplier_up: Fixed8(band.bid_max),
            bid_multiplier_down: Fixed8(band.bid_min),
            ask_multiplier_up: Fixed8(band.ask_max),
            ask_multiplier_down: Fixed8(band.ask_min),
            avg_price_mins: 5,
        });
    }
    filters.push(wire::Filter::Notional {
        min_notional: limits.notional_min.into(),
        apply_min_to_market: true,
        max_notional: limits
            .notional_max
            .map_or(Fixed8(Decimal::new(9_000_000_000, 0)), Fixed8::from),
        apply_max_to_market: false,
        avg_price_mins: 5,
    });
    if let Some(max_num_orders) = limits.open_orders_max {
        filters.push(wire::Filter::MaxNumOrders { max_num_orders });
    }
    if let Some(max_num_algo_orders) = limits.stop_orders_max {
        filters.push(wire::Filter::MaxNumAlgoOrders { max_num_algo_orders });
    }
    filters
}
