//! Coinbase's structs in our words: what replies and stream events have in common.

use model::market::{GridPrice, GridQty};
use model::venue::{ExpiryReason, VenueOrder, VenueOrderStatus};
use model::{
    Amount, Asset, ClientOrderId, Decimal, Fee, Fill, Liquidity, Notional, OrderKind, OrderQty,
    Price, Qty, Rounding, SelfTradePrevention, Side, TimeInForce, Timestamp, TradeId, VenueOrderId,
};

use super::DecodeError;
use crate::coinbase::symbols::{Row, Symbols};
use crate::coinbase::vocabulary::{self, Numbers};
use crate::coinbase::wire::{self, Num, Time};

/// What the engine does when two orders of one account would meet. No order says so; it is the
/// documented default of the same engine's older API (matching-engine.md, read 2026-08-08; that it
/// holds here is unverified).
const SELF_TRADES: SelfTradePrevention = SelfTradePrevention::Decrement;

pub(super) fn row<'a>(symbols: &'a Symbols, product_id: &str) -> Result<&'a Row, DecodeError> {
    symbols.find(product_id).ok_or_else(|| DecodeError::Product(product_id.to_owned()))
}

pub(super) fn unknown(what: &'static str, word: &str) -> DecodeError {
    DecodeError::Word { what, word: word.to_owned() }
}

fn off(value: impl ToString) -> DecodeError {
    DecodeError::Number(value.to_string())
}

/// A time that must be there.
pub(super) fn time(at: Time) -> Result<Timestamp, DecodeError> {
    at.0.ok_or_else(|| DecodeError::Shape("a time is missing".to_owned()))
}

/// Seconds in quotes.
pub(super) fn seconds(text: &str) -> Result<Timestamp, DecodeError> {
    let millis = text.parse::<i64>().ok().and_then(|seconds| seconds.checked_mul(1_000));
    millis.and_then(Timestamp::from_millis).ok_or_else(|| off(text))
}

pub(super) fn qty(value: Num) -> Result<Qty, DecodeError> {
    Qty::try_from(value.or_zero()).map_err(|_| off(value))
}

fn notional(value: Num) -> Result<Notional, DecodeError> {
    Notional::try_from(value.or_zero()).map_err(|_| off(value))
}

pub(super) fn amount(value: Num) -> Result<Amount, DecodeError> {
    Amount::try_from(value.or_zero()).map_err(|_| off(value))
}

/// A price; empty or zero where there is none.
fn some_price(value: Num) -> Option<Price> {
    value.above_zero().and_then(|price| Price::try_from(price).ok())
}

pub(super) fn asset(name: &str) -> Result<Asset, DecodeError> {
    Asset::new(name).map_err(|_| unknown("asset", name))
}

pub(super) fn side(word: &str) -> Result<Side, DecodeError> {
    vocabulary::parse_side(word).ok_or_else(|| unknown("side", word))
}

pub(super) fn order_id(id: &str) -> Result<VenueOrderId, DecodeError> {
    VenueOrderId::new(id).map_err(|_| unknown("order id", id))
}

/// Our name for an order. Others may name theirs as they like, also longer than ours are: the venue's
/// name stands for such a one, because it cannot be ours.
fn client_id(name: &str, id: VenueOrderId) -> Result<ClientOrderId, DecodeError> {
    ClientOrderId::new(name)
        .or_else(|_| ClientOrderId::new(id.as_str()))
        .map_err(|_| unknown("client order id", name))
}

/// A count of the instrument's price grid; none is below zero.
pub(super) fn grid_price(row: &Row, value: Decimal) -> Result<GridPrice, DecodeError> {
    let decimals = u32::from(row.grid.price_decimals);
    let count = value.mantissa_at(decimals).filter(|count| *count >= 0);
    count.map(GridPrice).ok_or_else(|| off(value))
}

/// A count of the instrument's quantity grid; none is below zero.
pub(super) fn grid_qty(row: &Row, value: Decimal) -> Result<GridQty, DecodeError> {
    let decimals = u32::from(row.grid.qty_decimals);
    let count = value.mantissa_at(decimals).filter(|count| *count >= 0);
    count.map(GridQty).ok_or_else(|| off(value))
}

/// A level of a book, or a sum over a window: digits beyond the grid are cut off, see
/// [`model::market::Grid::parse_depth`].
pub(super) fn depth_qty(row: &Row, value: Decimal) -> Result<GridQty, DecodeError> {
    let decimals = u32::from(row.grid.qty_decimals);
    let cut = value.round_to(decimals, Rounding::Down).and_then(|cut| cut.mantissa_at(decimals));
    match cut {
        Some(0) if value.signum() > 0 => Ok(GridQty(1)),
        Some(qty) if qty >= 0 => Ok(GridQty(qty)),
        _ => Err(off(value)),
    }
}

/// An order as REST tells it, of anybody on the account. We send only what is in our tables, so a kind
/// that is not belongs to somebody else: side and size are what matters of it.
pub(super) fn order(order: &wire::Order, symbols: &Symbols) -> Result<VenueOrder, DecodeError> {
    let row = row(symbols, &order.product_id)?;
    let (id, side) = (order_id(&order.order_id)?, side(&order.side)?);
    let unset = wire::Configuration::default();
    let only = order.order_configuration.only();
    let numbers = only.map_or(&unset, |(_, numbers)| numbers);
    let known = only.and_then(|(key, numbers)| kind(key, side, numbers));
    let (kind, time_in_force) = known.unwrap_or_else(|| nearest_kind(numbers.limit_price));
    let filled = qty(order.filled_size)?;
    let status = status(&order.status, filled);
    let quote = notional(numbers.quote_size)?;
    let ordered = match known {
        Some((OrderKind::Market, _)) if quote > Notional::ZERO => OrderQty::Quote(quote),
        _ => match base_qty(row, numbers)? {
            Some(qty) => OrderQty::Base(qty),
            // It is over: what it asked for does not matter any more.
            None if !status.is_open() => OrderQty::Base(filled),
            None => return Err(DecodeError::Shape("an order without a size".to_owned())),
        },
    };
    let created = time(order.created_time)?;
    let waits = order.trigger_status == "STOP_PENDING";
    Ok(VenueOrder {
        id,
        client_order_id: client_id(&order.client_order_id, id)?,
        instrument: row.instrument.id,
        side,
        kind,
        ordered,
        qty: match ordered {
            OrderQty::Base(qty) => qty,
            // What it came to, as far as it has come.
            OrderQty::Quote(_) => filled,
        },
        time_in_force,
        post_only: numbers.post_only == Some(true),
        self_trade_prevention: SELF_TRADES,
        status,
        filled,
        filled_notional: notional(order.filled_value)?,
        prevented: Qty::ZERO,
        created,
        updated: order.last_update_time.0.or(order.last_fill_time.0).unwrap_or(created),
        working_since: (!waits).then_some(created),
        expiry: expiry(status, time_in_force),
    })
}

/// `None` for a configuration that is not in our tables, or that lacks what its kind needs.
fn kind(key: &str, side: Side, numbers: &wire::Configuration) -> Option<(OrderKind, TimeInForce)> {
    let numbers = Numbers {
        price: some_price(numbers.limit_price),
        trigger: some_price(numbers.stop_price),
        upward: numbers.stop_direction.as_deref().and_then(vocabulary::parse_stop_direction),
        end: numbers.end_time.and_then(|end| end.0),
    };
    vocabulary::parse_configuration(key, side, numbers)
}

/// What stands for an order of a kind that we would not send.
fn nearest_kind(price: Num) -> (OrderKind, TimeInForce) {
    let limit = some_price(price).map(|price| OrderKind::Limit { price });
    (limit.unwrap_or(OrderKind::Market), TimeInForce::Gtc)
}

/// How much of the base is asked for: of a size in quote the most that its limit buys. `None` where that
/// is not said.
fn base_qty(row: &Row, numbers: &wire::Configuration) -> Result<Option<Qty>, DecodeError> {
    if numbers.base_size.above_zero().is_some() {
        return qty(numbers.base_size).map(Some);
    }
    let (Some(quote), Some(price)) =
        (numbers.quote_size.above_zero(), numbers.limit_price.above_zero())
    else {
        return Ok(None);
    };
    let base = quote.checked_div(price, Rounding::Up);
    let base = base.and_then(|base| base.round_to(row.instrument.lot.decimals(), Rounding::Up));
    let base = base.and_then(|base| Qty::try_from(base).ok());
    base.map(Some).ok_or_else(|| off(numbers.quote_size))
}

fn status(word: &str, filled: Qty) -> VenueOrderStatus {
    vocabulary::parse_status(word, !filled.is_zero()).unwrap_or(VenueOrderStatus::Unknown)
}

fn expiry(status: VenueOrderStatus, time_in_force: TimeInForce) -> Option<ExpiryReason> {
    match (status, time_in_force) {
        (VenueOrderStatus::Expired, TimeInForce::Gtd(_)) => Some(ExpiryReason::EndTime),
        (VenueOrderStatus::Expired, _) => Some(ExpiryReason::Venue),
        _ => None,
    }
}

/// An order as the `user` channel tells it. Of one that is over the open quantity is not told any
/// more, so its whole quantity is what it has filled; whoever placed it knows better.
pub(super) fn user_order(
    order: &wire::UserOrder,
    row: &Row,
    at: Timestamp,
) -> Result<VenueOrder, DecodeError> {
    let (id, side) = (order_id(&order.order_id)?, side(&order.order_side)?);
    let (price, trigger) = (some_price(order.limit_price), some_price(order.stop_price));
    let (nearest, until_canceled) = nearest_kind(order.limit_price);
    let kind = vocabulary::parse_order_type(&order.order_type, price, trigger).unwrap_or(nearest);
    let time_in_force = vocabulary::parse_time_in_force(&order.time_in_force, order.end_time.0)
        .unwrap_or(until_canceled);
    let filled = qty(order.cumulative_quantity)?;
    let whole = filled.checked_add(qty(order.leaves_quantity)?);
    let whole = whole.ok_or_else(|| off(order.leaves_quantity))?;
    let status = status(&order.status, filled);
    let created = order.creation_time.0.unwrap_or(at);
    Ok(VenueOrder {
        id,
        client_order_id: client_id(&order.client_order_id, id)?,
        instrument: row.instrument.id,
        side,
        kind,
        ordered: OrderQty::Base(whole),
        qty: whole,
        time_in_force,
        post_only: order.post_only == "true",
        self_trade_prevention: SELF_TRADES,
        status,
        filled,
        filled_notional: notional(order.filled_value)?,
        prevented: Qty::ZERO,
        created,
        updated: at,
        working_since: (order.trigger_status != "STOP_PENDING").then_some(created),
        expiry: expiry(status, time_in_force),
    })
}

pub(super) fn fill(fill: &wire::Fill, symbols: &Symbols) -> Result<Fill, DecodeError> {
    let row = row(symbols, &fill.product_id)?;
    // The one kind of row that is known to move a position by what it says. Corrections and reversals
    // change what is booked already, in ways that no page explains.
    if fill.trade_type != "FILL" {
        return Err(unknown("kind of execution", &fill.trade_type));
    }
    let price = Price::try_from(fill.price).map_err(|_| off(fill.price))?;
    let size = if fill.size_in_quote {
        let lot = row.instrument.lot.decimals();
        let base = fill.size.checked_div(fill.price, Rounding::Down);
        base.and_then(|base| base.round_to(lot, Rounding::Down)).ok_or_else(|| off(fill.size))?
    } else {
        fill.size
    };
    Ok(Fill {
        trade_id: TradeId::new(&fill.trade_id).map_err(|_| unknown("trade id", &fill.trade_id))?,
        venue_order_id: order_id(&fill.order_id)?,
        client_order_id: None,
        instrument: row.instrument.id,
        side: side(&fill.side)?,
        price,
        qty: Qty::try_from(size).map_err(|_| off(size))?,
        fee: fee(fill.commission, row.instrument.quote)?,
        liquidity: match fill.liquidity_indicator.as_str() {
            "MAKER" => Liquidity::Maker,
            // Whatever is not known is taken for the dearer of the two; the fee is told anyway.
            _ => Liquidity::Taker,
        },
        venue_time: time(fill.trade_time)?,
    })
}

/// Fees are paid in quote. A fee of nothing is no fee.
fn fee(commission: Num, quote: Asset) -> Result<Option<Fee>, DecodeError> {
    match commission.0 {
        Some(number) if !number.is_zero() => {
            Ok(Some(Fee { asset: quote, amount: amount(commission)? }))
        }
        _ => Ok(None),
    }
}
