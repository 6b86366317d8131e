//! Order parameters in our words, with every check that Binance makes before an order reaches its
//! engine.
//!
//! Source: rest-api.md "New order", "Cancel an Existing Order and Send a New Order", read
//! 2026-07-21.

use model::venue::{AccountRequest, CancelReplace, CancelRestriction, OrderKey};
use model::{
    ClientOrderId, InstrumentId, NewOrder, Notional, OrderKind, OrderQty, Price, Qty, Side,
    TimeInForce, VenueOrderId,
};

use super::errors::ApiError;
use super::params::Params;
use crate::binance::symbols::{Row, Symbols};
use crate::binance::vocabulary;

/// The longest time that one question about the past may span (rest-api.md).
const HISTORY_HOURS_MAX: u64 = 24;

/// How much of a new order its answer tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Detail {
    Ack,
    Result,
    Full,
}

/// A new order and what the exchange behind need not know of it.
#[derive(Clone, Debug)]
pub(super) struct OrderCall {
    pub(super) order: NewOrder,
    pub(super) detail: Detail,
    pub(super) labels: Labels,
}

/// Numbers that the owner of an order gave it; they come back with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Labels {
    pub(super) strategy_id: Option<i64>,
    pub(super) strategy_type: Option<i64>,
}

/// The instrument of `symbol`.
pub(super) fn symbol<'a>(params: &Params, symbols: &'a Symbols) -> Result<&'a Row, ApiError> {
    let name = params.required("symbol")?;
    // Other scripts are legal, and have no lower case.
    let legal =
        |c: char| (c.is_alphanumeric() && !c.is_ascii_lowercase()) || matches!(c, '-' | '_' | '.');
    if !name.chars().all(legal) {
        return Err(ApiError::illegal("symbol", "^[A-Z0-9-_.]{1,20}$"));
    }
    symbols.find(name).ok_or_else(ApiError::symbol)
}

/// A new order. `make_id` makes a name for one that has none.
pub(super) fn new_order(
    params: &Params,
    symbols: &Symbols,
    make_id: impl FnOnce() -> ClientOrderId,
) -> Result<OrderCall, ApiError> {
    let row = symbol(params, symbols)?;
    let side = side(params)?;
    let word = params.required("type")?;
    not_offered(params)?;
    let (kind, post_only) = kind(params, word)?;
    let time_in_force = time_in_force(params, word)?;
    let order = NewOrder {
        client_order_id: params.client_id("newClientOrderId")?.unwrap_or_else(make_id),
        instrument: row.instrument.id,
        side,
        kind,
        qty: quantity(params, kind)?,
        time_in_force,
        post_only,
        reduce_only: false,
        self_trade_prevention: self_trade_prevention(params)?,
    };
    Ok(OrderCall { order, detail: detail(params, word)?, labels: labels(params)? })
}

fn side(params: &Params) -> Result<Side, ApiError> {
    let word = params.required("side")?;
    vocabulary::parse_side(word).ok_or_else(|| ApiError::bad(-1117, "Invalid side."))
}

/// What this exchange advertises as not allowed.
fn not_offered(params: &Params) -> Result<(), ApiError> {
    if params.get("icebergQty").is_some() {
        let text = "Iceberg orders are not supported for this symbol.";
        return Err(ApiError::bad(-2010, text));
    }
    if params.get("trailingDelta").is_some() {
        let text = "Trailing stop orders are not supported for this symbol.";
        return Err(ApiError::bad(-2010, text));
    }
    let pegs = ["pegPriceType", "pegOffsetType", "pegOffsetValue"];
    if pegs.iter().any(|name| params.get(name).is_some()) {
        return Err(ApiError::bad(-2010, "Unsupported order combination"));
    }
    Ok(())
}

fn kind(params: &Params, word: &str) -> Result<(OrderKind, bool), ApiError> {
    let (has_price, has_trigger) = match word {
        "MARKET" => (false, false),
        "LIMIT" | "LIMIT_MAKER" => (true, false),
        "STOP_LOSS" | "TAKE_PROFIT" => (false, true),
        "STOP_LOSS_LIMIT" | "TAKE_PROFIT_LIMIT" => (true, true),
        _ => return Err(ApiError::bad(-1116, "Invalid orderType.")),
    };
    let price = price(params, "price", has_price)?;
    let trigger = price_of_trigger(params, has_trigger)?;
    vocabulary::parse_kind(word, price, trigger)
        .ok_or_else(|| ApiError::bad(-1116, "Invalid orderType."))
}

fn price(params: &Params, name: &str, wanted: bool) -> Result<Option<Price>, ApiError> {
    match (params.decimal(name)?, wanted) {
        (None, true) => Err(ApiError::missing(name)),
        (None, false) => Ok(None),
        (Some(_), false) => Err(ApiError::not_required(name)),
        (Some(number), true) => {
            Price::try_from(number).map(Some).map_err(|_| ApiError::bad(-1013, "Invalid price."))
        }
    }
}

fn price_of_trigger(params: &Params, wanted: bool) -> Result<Option<Price>, ApiError> {
    if wanted && params.get("stopPrice").is_none() {
        return Err(ApiError::either("stopPrice", "trailingDelta"));
    }
    match price(params, "stopPrice", wanted) {
        Err(error) if error.msg == "Invalid price." => {
            Err(ApiError::bad(-1013, "Invalid stopPrice."))
        }
        other => other,
    }
}

fn quantity(params: &Params, kind: OrderKind) -> Result<OrderQty, ApiError> {
    match (params.decimal("quantity")?, params.decimal("quoteOrderQty")?) {
        (Some(_), Some(_)) => Err(ApiError::combination()),
        (Some(number), None) => match Qty::try_from(number) {
            Ok(qty) if !qty.is_zero() => Ok(OrderQty::Base(qty)),
            _ => Err(ApiError::bad(-1013, "Invalid quantity.")),
        },
        (None, Some(number)) if kind == OrderKind::Market => match Notional::try_from(number) {
            Ok(notional) if notional > Notional::ZERO => Ok(OrderQty::Quote(notional)),
            _ => Err(ApiError::bad(-1013, "Invalid quoteOrderQty.")),
        },
        (None, Some(_)) => Err(ApiError::not_required("quoteOrderQty")),
        (None, None) if kind == OrderKind::Market => {
            Err(ApiError::either("quantity", "quoteOrderQty"))
        }
        (None, None) => Err(ApiError::missing("quantity")),
    }
}

fn time_in_force(params: &Params, word: &str) -> Result<TimeInForce, ApiError> {
    let wanted = matches!(word, "LIMIT" | "STOP_LOSS_LIMIT" | "TAKE_PROFIT_LIMIT");
    match (params.get("timeInForce"), wanted) {
        (None, true) => Err(ApiError::missing("timeInForce")),
        (None, false) => Ok(TimeInForce::Gtc),
        (Some(_), false) => Err(ApiError::not_required("timeInForce")),
        (Some(text), true) => vocabulary::parse_time_in_force(text)
            .ok_or_else(|| ApiError::bad(-1115, "Invalid timeInForce.")),
    }
}

fn self_trade_prevention(params: &Params) -> Result<Option<model::SelfTradePrevention>, ApiError> {
    let Some(word) = params.get("selfTradePreventionMode") else { return Ok(None) };
    let text = "This symbol does not allow the specified self-trade prevention mode.";
    let offered = Some(word).filter(|word| *word != "TRANSFER");
    offered.and_then(vocabulary::parse_stp).map(Some).ok_or_else(|| ApiError::bad(-1013, text))
}

/// Limit and market orders tell all by default, the others only that they were taken.
fn detail(params: &Params, word: &str) -> Result<Detail, ApiError> {
    match params.get("newOrderRespType") {
        Some("ACK") => Ok(Detail::Ack),
        Some("RESULT") => Ok(Detail::Result),
        Some("FULL") => Ok(Detail::Full),
        Some(_) => Err(ApiError::invalid("newOrderRespType")),
        None if matches!(word, "LIMIT" | "MARKET") => Ok(Detail::Full),
        None => Ok(Detail::Ack),
    }
}

fn labels(params: &Params) -> Result<Labels, ApiError> {
    let number = |name| -> Result<Option<i64>, ApiError> {
        let number = params.number(name)?.map(i64::try_from).transpose();
        number.map_err(|_| ApiError::illegal(name, "^[0-9]{1,19}$"))
    };
    let labels =
        Labels { strategy_id: number("strategyId")?, strategy_type: number("strategyType")? };
    if labels.strategy_type.is_some_and(|kind| kind < 1_000_000) {
        return Err(ApiError::bad(-1134, "strategyType was less than 1000000."));
    }
    Ok(labels)
}

/// Which order is meant; these names hold the venue's id and the owner's.
pub(super) fn order_key(
    params: &Params,
    venue: &'static str,
    client: &'static str,
) -> Result<OrderKey, ApiError> {
    let id = params.number(venue)?.map(VenueOrderId::from_number);
    match (id, params.client_id(client)?) {
        (Some(id), Some(own)) => Ok(OrderKey::Both(id, own)),
        (Some(id), None) => Ok(OrderKey::Venue(id)),
        (None, Some(own)) => Ok(OrderKey::Client(own)),
        (None, None) => Err(ApiError::either(client, venue)),
    }
}

fn restriction(params: &Params) -> Result<Option<CancelRestriction>, ApiError> {
    match params.get("cancelRestrictions") {
        None => Ok(None),
        Some("ONLY_NEW") => Ok(Some(CancelRestriction::OnlyNew)),
        Some("ONLY_PARTIALLY_FILLED") => Ok(Some(CancelRestriction::OnlyPartlyFilled)),
        Some(_) => {
            let text = "cancelRestrictions has to be either ONLY_NEW or ONLY_PARTIALLY_FILLED.";
            Err(ApiError::bad(-1145, text))
        }
    }
}

/// `DELETE /api/v3/order`.
pub(super) fn cancel(params: &Params, symbols: &Symbols) -> Result<AccountRequest, ApiError> {
    Ok(AccountRequest::Cancel {
        instrument: symbol(params, symbols)?.instrument.id,
        order: order_key(params, "orderId", "origClientOrderId")?,
        cancel_id: params.client_id("newClientOrderId")?,
        only: restriction(params)?,
    })
}

/// `POST /api/v3/order/cancelReplace`.
pub(super) fn cancel_replace(
    params: &Params,
    symbols: &Symbols,
    make_id: impl FnOnce() -> ClientOrderId,
) -> Result<(AccountRequest, OrderCall), ApiError> {
    let stop_on_failure = match params.required("cancelReplaceMode")? {
        "STOP_ON_FAILURE" => true,
        "ALLOW_FAILURE" => false,
        _ => return Err(ApiError::invalid("cancelReplaceMode")),
    };
    let call = new_order(params, symbols, make_id)?;
    let request = AccountRequest::CancelReplace(CancelReplace {
        cancel: order_key(params, "cancelOrderId", "cancelOrigClientOrderId")?,
        cancel_id: params.client_id("cancelNewClientOrderId")?,
        only: restriction(params)?,
        stop_on_failure,
        order: call.order.clone(),
    });
    Ok((request, call))
}

/// `GET /api/v3/allOrders`.
pub(super) fn all_orders(params: &Params, symbols: &Symbols) -> Result<AccountRequest, ApiError> {
    let instrument = symbol(params, symbols)?.instrument.id;
    let (start, end) = params.span(HISTORY_HOURS_MAX)?;
    Ok(AccountRequest::Orders {
        instrument,
        from: params.number("orderId")?.map(VenueOrderId::from_number),
        start,
        end,
        limit: params.limit(500, 1_000)?,
    })
}

/// `GET /api/v3/myTrades`.
pub(super) fn my_trades(params: &Params, symbols: &Symbols) -> Result<AccountRequest, ApiError> {
    let instrument = symbol(params, symbols)?.instrument.id;
    params.span(HISTORY_HOURS_MAX)?;
    for id in ["fromId", "orderId"] {
        params.not_both(id, &["startTime", "endTime"])?;
    }
    Ok(AccountRequest::Fills {
        instrument,
        order: params.number("orderId")?.map(VenueOrderId::from_number),
        from: params.trades_from()?,
        limit: params.limit(500, 1_000)?,
        page: None,
    })
}

/// `GET /api/v3/openOrders`.
pub(super) fn open_orders(
    params: &Params,
    symbols: &Symbols,
) -> Result<Option<InstrumentId>, ApiError> {
    match params.get("symbol") {
        None => Ok(None),
        Some(_) => symbol(params, symbols).map(|row| Some(row.instrument.id)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::binance::server::testing::symbols;

    fn read(query: &str) -> Result<OrderCall, i64> {
        let id = || ClientOrderId::new("made-up").unwrap();
        new_order(&Params::from_form(query, ""), &symbols(), id).map_err(|error| error.code)
    }

    #[test]
    fn an_order_of_each_type() {
        let base = "symbol=BTCUSDT&side=BUY&quantity=1";
        for (rest, kind) in [
            ("&type=MARKET", "MARKET"),
            ("&type=LIMIT&timeInForce=GTC&price=5", "LIMIT"),
            ("&type=LIMIT_MAKER&price=5", "LIMIT_MAKER"),
            ("&type=STOP_LOSS&stopPrice=5", "STOP_LOSS"),
            ("&type=TAKE_PROFIT&stopPrice=5", "TAKE_PROFIT"),
            ("&type=STOP_LOSS_LIMIT&timeInForce=IOC&price=5&stopPrice=5", "STOP_LOSS_LIMIT"),
            ("&type=TAKE_PROFIT_LIMIT&timeInForce=FOK&price=5&stopPrice=5", "TAKE_PROFIT_LIMIT"),
        ] {
            let call = read(&format!("{base}{rest}")).unwrap();
            assert_eq!(vocabulary::kind(call.order.kind, call.order.post_only), kind);
            let full = matches!(kind, "MARKET" | "LIMIT");
            assert_eq!(call.detail, if full { Detail::Full } else { Detail::Ack });
        }
        let quote = read("symbol=BTCUSDT&side=BUY&type=MARKET&quoteOrderQty=100").unwrap();
        assert!(matches!(quote.order.qty, OrderQty::Quote(_)));
        assert_eq!(quote.order.client_order_id.as_str(), "made-up");
    }

    #[test]
    fn every_mistake_has_its_code() {
        let limit = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=5";
        for (from, to, code) in [
            ("symbol=BTCUSDT&", "", -1102),
            ("BTCUSDT", "NOPE", -1121),
            ("BTCUSDT", "BTC USDT", -1100),
            ("side=BUY", "side=HOLD", -1117),
            ("type=LIMIT", "type=LIMITED", -1116),
            ("timeInForce=GTC", "timeInForce=GTT", -1115),
            ("timeInForce=GTC&", "", -1102),
            ("&price=5", "", -1102),
            ("quantity=1&", "", -1102),
            ("quantity=1&", "quantity=0&", -1013),
            ("price=5", "price=0", -1013),
            ("price=5", "price=-5", -1100),
            ("price=5", "price=5.123456789", -1111),
            ("price=5", "price=5&stopPrice=4", -1106),
            ("price=5", "price=5&newClientOrderId=a+b", -1100),
            ("price=5", "price=5&newOrderRespType=ALL", -1130),
            ("price=5", "price=5&selfTradePreventionMode=HOPE", -1013),
            ("price=5", "price=5&icebergQty=1", -2010),
            ("price=5", "price=5&trailingDelta=1", -2010),
            ("price=5", "price=5&pegPriceType=PRIMARY_PEG", -2010),
            ("price=5", "price=5&selfTradePreventionMode=TRANSFER", -1013),
            ("BTCUSDT", "btcusdt", -1100),
            ("price=5", "price=5&strategyType=1", -1134),
            ("price=5", "price=5&quoteOrderQty=1", -1128),
        ] {
            let query = limit.replacen(from, to, 1);
            assert_eq!(read(&query).map(|call| call.order).unwrap_err(), code, "{query}");
        }
    }
}
