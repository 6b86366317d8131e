//! Kraken's structs in our words: what replies and stream events have in common.

use model::market::{GridPrice, GridQty};
use model::venue::{ExpiryReason, VenueOrder, VenueOrderStatus};
use model::{
    Amount, ClientOrderId, Decimal, Fee, Fill, Liquidity, Notional, OrderKind, OrderQty, Price,
    Qty, Rounding, SelfTradePrevention, Side, TimeInForce, Timestamp, TradeId, VenueOrderId,
};

use super::DecodeError;
use crate::kraken::symbols::{Row, Symbols};
use crate::kraken::vocabulary;
use crate::kraken::wire::{self, Num};

/// What the engine does by itself when two orders of one account would meet (AddOrder, `stptype`).
pub(super) const SELF_TRADES: SelfTradePrevention = SelfTradePrevention::ExpireTaker;

pub(super) fn row<'a>(symbols: &'a Symbols, name: &str) -> Result<&'a Row, DecodeError> {
    symbols.find(name).ok_or_else(|| DecodeError::Pair(name.to_owned()))
}

pub(super) fn unknown(what: &'static str, word: &str) -> DecodeError {
    DecodeError::Word { what, word: word.to_owned() }
}

pub(super) fn off(value: impl ToString) -> DecodeError {
    DecodeError::Number(value.to_string())
}

pub(super) fn qty(value: Num) -> Result<Qty, DecodeError> {
    Qty::try_from(value.0).map_err(|_| off(value))
}

pub(super) fn notional(value: Num) -> Result<Notional, DecodeError> {
    Notional::try_from(value.0).map_err(|_| off(value))
}

pub(super) fn amount(value: Num) -> Result<Amount, DecodeError> {
    Amount::try_from(value.0).map_err(|_| off(value))
}

/// A price; zero where there is none.
pub(super) fn some_price(value: Num) -> Option<Price> {
    value.above_zero().and_then(|price| Price::try_from(price).ok())
}

pub(super) fn side(word: &str) -> Result<Side, DecodeError> {
    vocabulary::parse_side(word).ok_or_else(|| unknown("side", word))
}

pub(super) fn order_id(id: &str) -> Result<VenueOrderId, DecodeError> {
    VenueOrderId::new(id).map_err(|_| unknown("order id", id))
}

/// Our name for an order. Others may have given theirs none, or a longer one: the venue's name stands for
/// such a one, because it cannot be ours.
pub(super) fn client_id(
    name: Option<&str>,
    id: VenueOrderId,
) -> Result<ClientOrderId, DecodeError> {
    ClientOrderId::new(name.unwrap_or_default())
        .or_else(|_| ClientOrderId::new(id.as_str()))
        .map_err(|_| unknown("client order id", id.as_str()))
}

/// RFC 3339, which must be there.
pub(super) fn time(text: &str) -> Result<Timestamp, DecodeError> {
    Timestamp::parse_rfc3339(text.as_bytes())
        .ok_or_else(|| DecodeError::Shape(format!("{text:?} is no time")))
}

/// A count of the instrument's price grid; none is below zero.
pub(super) fn grid_price(row: &Row, value: Num) -> Result<GridPrice, DecodeError> {
    let count = value.0.mantissa_at(u32::from(row.grid.price_decimals));
    count.filter(|count| *count >= 0).map(GridPrice).ok_or_else(|| off(value))
}

/// A count of the instrument's quantity grid; none is below zero.
pub(super) fn grid_qty(row: &Row, value: Num) -> Result<GridQty, DecodeError> {
    let count = value.0.mantissa_at(u32::from(row.grid.qty_decimals));
    count.filter(|count| *count >= 0).map(GridQty).ok_or_else(|| off(value))
}

/// A level of a book, or a sum: digits beyond the grid are cut off, see [`model::market::Grid::parse_depth`].
pub(super) fn depth_qty(row: &Row, value: Num) -> Result<GridQty, DecodeError> {
    let decimals = u32::from(row.grid.qty_decimals);
    let cut = value.0.round_to(decimals, Rounding::Down).and_then(|cut| cut.mantissa_at(decimals));
    match cut {
        Some(0) if value.0.signum() > 0 => Ok(GridQty(1)),
        Some(qty) if qty >= 0 => Ok(GridQty(qty)),
        _ => Err(off(value)),
    }
}

/// What stands for an order of a kind that we would not send: side and size are what matters of it.
pub(super) fn kind_or_nearest(
    word: &str,
    limit: Option<Price>,
    trigger: Option<Price>,
) -> OrderKind {
    let nearest = || limit.map_or(OrderKind::Market, |price| OrderKind::Limit { price });
    vocabulary::parse_kind(word, limit, trigger).unwrap_or_else(nearest)
}

/// Why an order ended that the venue ended.
pub(super) fn expiry(status: VenueOrderStatus, tif: TimeInForce) -> Option<ExpiryReason> {
    match (status, tif) {
        (VenueOrderStatus::Expired, TimeInForce::Gtd(_)) => Some(ExpiryReason::EndTime),
        (VenueOrderStatus::Expired, _) => Some(ExpiryReason::Venue),
        _ => None,
    }
}

/// An order as REST tells it, of anybody on the account. `None` for one of a pair that is not followed.
pub(super) fn order(
    told: &wire::Order,
    symbols: &Symbols,
) -> Result<Option<VenueOrder>, DecodeError> {
    let Some(row) = symbols.find(&told.descr.pair) else { return Ok(None) };
    let (id, side) = (order_id(&told.txid)?, side(&told.descr.side)?);
    let waits_for_trigger =
        !matches!(told.descr.ordertype.as_str(), "limit" | "market" | "iceberg");
    let (limit, trigger) = if waits_for_trigger {
        (told.descr.price2, some_price(told.descr.price))
    } else {
        (told.descr.price, None)
    };
    let kind = kind_or_nearest(&told.descr.ordertype, some_price(limit), trigger);
    let word = told.timeinforce.as_deref().unwrap_or("GTC");
    let tif = match told.expiretm.seconds() {
        Some(end) => TimeInForce::Gtd(end),
        None => vocabulary::parse_time_in_force(word, None).unwrap_or(TimeInForce::Gtc),
    };
    let (filled, whole) = (qty(told.vol_exec)?, qty(told.vol)?);
    let status = vocabulary::parse_rest_status(&told.status, !filled.is_zero());
    let in_quote = told.oflags.split(',').any(|flag| flag == "viqc");
    let created = told.opentm.seconds().ok_or_else(|| off(told.opentm))?;
    Ok(Some(VenueOrder {
        id,
        client_order_id: client_id(told.cl_ord_id.as_deref(), id)?,
        instrument: row.instrument.id,
        side,
        kind,
        ordered: if in_quote {
            OrderQty::Quote(notional(told.vol)?)
        } else {
            OrderQty::Base(whole)
        },
        qty: if in_quote { filled } else { whole },
        time_in_force: tif,
        post_only: told.oflags.split(',').any(|flag| flag == "post"),
        self_trade_prevention: SELF_TRADES,
        status,
        filled,
        filled_notional: notional(told.cost)?,
        prevented: Qty::ZERO,
        created,
        updated: told.closetm.seconds().unwrap_or(created),
        working_since: kind.trigger().is_none().then_some(created),
        expiry: expiry(status, tif),
    }))
}

/// An execution as REST tells it; `None` for one of a pair that is not followed.
pub(super) fn trade(told: &wire::Trade, symbols: &Symbols) -> Result<Option<Fill>, DecodeError> {
    let Some(row) = symbols.find(&told.pair) else { return Ok(None) };
    Ok(Some(Fill {
        trade_id: trade_id(&told.txid)?,
        venue_order_id: order_id(&told.ordertxid)?,
        client_order_id: None,
        instrument: row.instrument.id,
        side: side(&told.side)?,
        price: Price::try_from(told.price.0).map_err(|_| off(told.price))?,
        qty: qty(told.vol)?,
        // Orders of ours ask for fees in quote; of others it is not told here in what they were paid.
        fee: fee(told.fee, row.instrument.quote)?,
        liquidity: if told.maker == Some(true) { Liquidity::Maker } else { Liquidity::Taker },
        venue_time: told.time.seconds().ok_or_else(|| off(told.time))?,
    }))
}

pub(super) fn trade_id(name: &str) -> Result<TradeId, DecodeError> {
    TradeId::new(name).map_err(|_| unknown("trade id", name))
}

/// A fee of nothing is no fee.
pub(super) fn fee(paid: Num, asset: model::Asset) -> Result<Option<Fee>, DecodeError> {
    if paid.0 == Decimal::ZERO {
        return Ok(None);
    }
    Ok(Some(Fee { asset, amount: amount(paid)? }))
}
