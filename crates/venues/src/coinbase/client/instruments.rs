//! Products in our words: grids and limits of instruments.

use model::market::Grid;
use model::{
    Decimal, Instrument, InstrumentId, InstrumentKind, Notional, OrderLimits, Qty, Step,
    TradingMode,
};

use super::DecodeError;
use super::convert::asset;
use crate::coinbase::wire::{Num, Product, Products};

/// All spot products of the answer that trade or may trade again.
pub(super) fn read(products: &Products) -> Result<Vec<Instrument>, DecodeError> {
    if products.pagination.as_ref().is_some_and(|pagination| pagination.has_next) {
        return Err(DecodeError::Cut(products.products.len()));
    }
    let spot = products.products.iter().filter(|product| product.product_type == "SPOT");
    spot.filter(|product| product.status != "delisted").map(instrument).collect()
}

fn instrument(product: &Product) -> Result<Instrument, DecodeError> {
    let (base, quote) = (asset(&product.base_currency_id)?, asset(&product.quote_currency_id)?);
    let id = InstrumentId::spot(base, quote)
        .map_err(|_| DecodeError::Product(product.product_id.clone()))?;
    let step = |number: Num, name: &str| {
        let step = number.0.and_then(|number| Step::try_from(number).ok());
        step.ok_or_else(|| DecodeError::Shape(format!("{} has no {name}", product.product_id)))
    };
    let tick = step(product.price_increment, "price_increment")?;
    let lot = step(product.base_increment, "base_increment")?;
    Ok(Instrument {
        id,
        symbol: product.product_id.clone(),
        kind: InstrumentKind::Spot,
        base,
        quote,
        tick,
        lot,
        grid: Grid::of(tick, lot),
        limits: OrderLimits {
            price_min: None,
            price_max: None,
            qty_min: qty(product.base_min_size)?.unwrap_or(Qty::ZERO),
            qty_max: qty(product.base_max_size)?,
            // Market orders are banned where only limit orders are taken.
            market_qty_max: product.limit_only.then_some(Qty::ZERO),
            notional_min: notional(product.quote_min_size)?.unwrap_or(Notional::ZERO),
            notional_max: notional(product.quote_max_size)?,
            band: None,
            open_orders_max: None,
            stop_orders_max: None,
        },
        mode: mode(product),
    })
}

/// Everything but plain continuous matching is no place for an order: post-only mode takes some kinds
/// and an auction matches them later than anybody here expects.
fn mode(product: &Product) -> TradingMode {
    let shut = product.is_disabled || product.trading_disabled || product.view_only;
    if product.status != "online" || shut {
        TradingMode::Halted
    } else if product.cancel_only || product.post_only || product.auction_mode {
        TradingMode::CancelOnly
    } else {
        TradingMode::Live
    }
}

/// A bound of zero or none is no bound.
fn qty(value: Num) -> Result<Option<Qty>, DecodeError> {
    let some = value.0.filter(|number| !number.is_zero());
    some.map(|number| Qty::try_from(number).map_err(|_| off(number))).transpose()
}

fn notional(value: Num) -> Result<Option<Notional>, DecodeError> {
    let some = value.0.filter(|number| !number.is_zero());
    some.map(|number| Notional::try_from(number).map_err(|_| off(number))).transpose()
}

fn off(value: Decimal) -> DecodeError {
    DecodeError::Number(value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Abridged from a product of the API, 2026-04-07.
    const PRODUCT: &str = r#"{"product_id":"BTC-USD","base_increment":"0.00000001","quote_increment":"0.01","quote_min_size":"1","quote_max_size":"150000000","base_min_size":"0.00000001","base_max_size":"3400","is_disabled":false,"status":"online","cancel_only":false,"limit_only":false,"post_only":false,"trading_disabled":false,"auction_mode":false,"product_type":"SPOT","quote_currency_id":"USD","base_currency_id":"BTC","view_only":false,"price_increment":"0.01"}"#;

    fn one(json: &str) -> Result<Vec<Instrument>, DecodeError> {
        read(&serde_json::from_str(&format!(r#"{{"products":[{json}]}}"#)).unwrap())
    }

    #[test]
    fn grid_and_limits() {
        let btc = one(PRODUCT).unwrap().remove(0);
        assert_eq!((btc.id.as_str(), btc.symbol.as_str()), ("BTC-USD", "BTC-USD"));
        assert_eq!((btc.tick, btc.lot), ("0.01".parse().unwrap(), "0.00000001".parse().unwrap()));
        assert_eq!(btc.limits.notional_min, "1".parse().unwrap());
        assert_eq!(btc.limits.qty_max, Some("3400".parse().unwrap()));
        assert_eq!((btc.limits.market_qty_max, btc.mode), (None, TradingMode::Live));
        let limit_only = PRODUCT.replace(r#""limit_only":false"#, r#""limit_only":true"#);
        assert_eq!(one(&limit_only).unwrap()[0].limits.market_qty_max, Some(Qty::ZERO));
    }

    #[test]
    fn what_closes_a_product() {
        for (open, shut, mode) in [
            (r#""status":"online""#, r#""status":"offline""#, TradingMode::Halted),
            (r#""status":"online""#, r#""status":"""#, TradingMode::Halted),
            (r#""is_disabled":false"#, r#""is_disabled":true"#, TradingMode::Halted),
            (r#""trading_disabled":false"#, r#""trading_disabled":true"#, TradingMode::Halted),
            (r#""view_only":false"#, r#""view_only":true"#, TradingMode::Halted),
            (r#""cancel_only":false"#, r#""cancel_only":true"#, TradingMode::CancelOnly),
            (r#""auction_mode":false"#, r#""auction_mode":true"#, TradingMode::CancelOnly),
            (r#""post_only":false"#, r#""post_only":true"#, TradingMode::CancelOnly),
        ] {
            assert_eq!(one(&PRODUCT.replace(open, shut)).unwrap()[0].mode, mode, "{shut}");
        }
        for gone in [r#""product_type":"FUTURE""#, r#""status":"delisted""#] {
            let json = match gone.contains("type") {
                true => PRODUCT.replace(r#""product_type":"SPOT""#, gone),
                false => PRODUCT.replace(r#""status":"online""#, gone),
            };
            assert_eq!(one(&json), Ok(Vec::new()), "{gone}");
        }
        let stepless = PRODUCT.replace(r#""price_increment":"0.01""#, r#""price_increment":"""#);
        assert!(matches!(one(&stepless), Err(DecodeError::Shape(_))));
    }
}
