//! The exchange's answers in Binance's words.

use model::market::{GridPrice, GridQty, Level};
use model::venue::{AccountSnapshot, FeeRates, KeyRights, VenueOrder};
use model::{Decimal, Fill, Liquidity, OrderQty, Qty, Side, Timestamp, VenueOrderId};

use super::orders::Labels;
use crate::binance::symbols::{Row, Symbols};
use crate::binance::vocabulary;
use crate::binance::wire::{self, Fixed8};

pub(super) const ZERO: Fixed8 = Fixed8(Decimal::ZERO);

/// The venue's ids are numbers on the wire.
pub(super) fn number(id: VenueOrderId) -> u64 {
    id.as_str().parse().unwrap_or(0)
}

fn trade_number(fill: &Fill) -> u64 {
    fill.trade_id.as_str().parse().unwrap_or(0)
}

pub(super) fn symbol(symbols: &Symbols, order: &VenueOrder) -> String {
    symbol_of(symbols, order.instrument)
}

pub(super) fn symbol_of(symbols: &Symbols, id: model::InstrumentId) -> String {
    symbols.get(id).map_or_else(|| id.to_string(), |row| row.instrument.symbol.clone())
}

/// Market orders are reported with a price of zero and as good till canceled.
pub(super) fn price(order: &VenueOrder) -> Fixed8 {
    order.kind.price().map_or(ZERO, Fixed8::from)
}

pub(super) fn trigger(order: &VenueOrder) -> Fixed8 {
    order.kind.trigger().map_or(ZERO, Fixed8::from)
}

pub(super) fn quote_ordered(order: &VenueOrder) -> Fixed8 {
    match order.ordered {
        OrderQty::Base(_) => ZERO,
        OrderQty::Quote(notional) => notional.into(),
    }
}

pub(super) fn tif(order: &VenueOrder) -> String {
    vocabulary::time_in_force(order.time_in_force).unwrap_or("GTC").to_owned()
}

pub(super) fn kind(order: &VenueOrder) -> String {
    vocabulary::kind(order.kind, order.post_only).to_owned()
}

fn prevented(order: &VenueOrder) -> Option<Fixed8> {
    (order.prevented > Qty::ZERO).then(|| order.prevented.into())
}

fn expiry(order: &VenueOrder) -> Option<String> {
    order.expiry.map(|reason| vocabulary::expiry(reason).to_owned())
}

pub(super) fn ack(symbols: &Symbols, order: &VenueOrder) -> wire::OrderAck {
    wire::OrderAck {
        symbol: symbol(symbols, order),
        order_id: number(order.id),
        order_list_id: -1,
        client_order_id: order.client_order_id.to_string(),
        transact_time: order.updated.millis(),
    }
}

/// The answer to a new order; with `fills` it is the full one.
pub(super) fn result(
    symbols: &Symbols,
    order: &VenueOrder,
    fills: Option<&[Fill]>,
    labels: Labels,
) -> wire::OrderResult {
    wire::OrderResult {
        symbol: symbol(symbols, order),
        order_id: number(order.id),
        order_list_id: -1,
        client_order_id: order.client_order_id.to_string(),
        transact_time: order.updated.millis(),
        price: price(order),
        orig_qty: order.qty.into(),
        executed_qty: order.filled.into(),
        orig_quote_order_qty: quote_ordered(order),
        cummulative_quote_qty: order.filled_notional.into(),
        status: vocabulary::status(order.status).to_owned(),
        time_in_force: tif(order),
        kind: kind(order),
        side: vocabulary::side(order.side).to_owned(),
        stop_price: order.kind.trigger().map(Fixed8::from),
        working_time: Some(order.working_since.map_or(-1, Timestamp::millis)),
        strategy_id: labels.strategy_id,
        strategy_type: labels.strategy_type,
        prevented_quantity: prevented(order),
        self_trade_prevention_mode: vocabulary::stp(order.self_trade_prevention).to_owned(),
        expiry_reason: expiry(order),
        fills: fills.map(|fills| fills.iter().map(order_fill).collect()),
    }
}

fn order_fill(fill: &Fill) -> wire::OrderFill {
    wire::OrderFill {
        price: fill.price.into(),
        qty: fill.qty.into(),
        commission: fill.fee.map_or(ZERO, |fee| fee.amount.into()),
        commission_asset: fee_asset(fill),
        trade_id: trade_number(fill),
    }
}

/// A fill without a fee names the asset that it would have been taken in: the one received.
fn fee_asset(fill: &Fill) -> String {
    let received = fill.instrument.assets().map(|(base, quote)| match fill.side {
        Side::Buy => base,
        Side::Sell => quote,
    });
    fill.fee.map(|fee| fee.asset).or(received).map_or_else(String::new, |asset| asset.to_string())
}

pub(super) fn cancel(
    symbols: &Symbols,
    order: &VenueOrder,
    cancel_id: model::ClientOrderId,
) -> wire::CancelResult {
    wire::CancelResult {
        symbol: symbol(symbols, order),
        orig_client_order_id: order.client_order_id.to_string(),
        order_id: number(order.id),
        order_list_id: -1,
        client_order_id: cancel_id.to_string(),
        transact_time: order.updated.millis(),
        price: price(order),
        orig_qty: order.qty.into(),
        executed_qty: order.filled.into(),
        orig_quote_order_qty: quote_ordered(order),
        cummulative_quote_qty: order.filled_notional.into(),
        status: vocabulary::status(order.status).to_owned(),
        time_in_force: tif(order),
        kind: kind(order),
        side: vocabulary::side(order.side).to_owned(),
        stop_price: order.kind.trigger().map(Fixed8::from),
        prevented_quantity: prevented(order),
        self_trade_prevention_mode: vocabulary::stp(order.self_trade_prevention).to_owned(),
    }
}

pub(super) fn order(symbols: &Symbols, order: &VenueOrder) -> wire::Order {
    wire::Order {
        symbol: symbol(symbols, order),
        order_id: number(order.id),
        order_list_id: -1,
        client_order_id: order.client_order_id.to_string(),
        price: price(order),
        orig_qty: order.qty.into(),
        executed_qty: order.filled.into(),
        cummulative_quote_qty: order.filled_notional.into(),
        status: vocabulary::status(order.status).to_owned(),
        time_in_force: tif(order),
        kind: kind(order),
        side: vocabulary::side(order.side).to_owned(),
        stop_price: trigger(order),
        iceberg_qty: ZERO,
        time: order.created.millis(),
        update_time: order.updated.millis(),
        is_working: order.working_since.is_some(),
        working_time: order.working_since.map_or(-1, Timestamp::millis),
        orig_quote_order_qty: quote_ordered(order),
        self_trade_prevention_mode: vocabulary::stp(order.self_trade_prevention).to_owned(),
        prevented_quantity: prevented(order),
        expiry_reason: expiry(order),
    }
}

pub(super) fn my_trade(symbols: &Symbols, fill: &Fill) -> wire::MyTrade {
    let notional = fill.price.notional(fill.qty, model::Rounding::Down);
    wire::MyTrade {
        symbol: symbol_of(symbols, fill.instrument),
        id: trade_number(fill),
        order_id: number(fill.venue_order_id),
        order_list_id: -1,
        price: fill.price.into(),
        qty: fill.qty.into(),
        quote_qty: notional.map_or(ZERO, Fixed8::from),
        commission: fill.fee.map_or(ZERO, |fee| fee.amount.into()),
        commission_asset: fee_asset(fill),
        time: fill.venue_time.millis(),
        is_buyer: fill.side == Side::Buy,
        is_maker: fill.liquidity == Liquidity::Maker,
        is_best_match: true,
    }
}

fn rates(maker: Decimal, taker: Decimal) -> wire::CommissionRates {
    wire::CommissionRates { maker: Fixed8(maker), taker: Fixed8(taker), buyer: ZERO, seller: ZERO }
}

/// A fraction in hundredths of a percent, as the old integer fields have it.
fn bps(fraction: Decimal) -> i64 {
    fraction.checked_mul(Decimal::new(10_000, 0), model::Rounding::Down).map_or(0, |bps| {
        bps.round_to(0, model::Rounding::Down).and_then(|bps| bps.mantissa_at(0)).unwrap_or(0)
    })
}

pub(super) fn account(
    account: &AccountSnapshot,
    fees: FeeRates,
    omit_zero: bool,
    uid: i64,
) -> wire::Account {
    let held = account.balances.iter().filter(|(_, balance)| {
        !omit_zero || balance.total().is_none_or(|total| total > model::Amount::ZERO)
    });
    // Rights that nobody named are none.
    let rights = account.rights.unwrap_or(KeyRights { can_trade: false, can_withdraw: false });
    wire::Account {
        maker_commission: bps(fees.maker),
        taker_commission: bps(fees.taker),
        buyer_commission: 0,
        seller_commission: 0,
        commission_rates: rates(fees.maker, fees.taker),
        can_trade: rights.can_trade,
        can_withdraw: rights.can_withdraw,
        can_deposit: true,
        brokered: false,
        require_self_trade_prevention: false,
        prevent_sor: false,
        update_time: account.updated.millis(),
        account_type: "SPOT".to_owned(),
        balances: held
            .map(|(asset, balance)| wire::AccountBalance {
                asset: asset.to_string(),
                free: balance.free.into(),
                locked: balance.locked.into(),
            })
            .collect(),
        permissions: vec!["SPOT".to_owned()],
        uid,
    }
}

/// No fees are discounted here.
fn discount() -> wire::Discount {
    wire::Discount {
        enabled_for_account: false,
        enabled_for_symbol: false,
        discount_asset: "BNB".to_owned(),
        discount: ZERO,
    }
}

pub(super) fn commission(symbol: String, fees: FeeRates) -> wire::Commission {
    wire::Commission {
        symbol,
        standard_commission: rates(fees.maker, fees.taker),
        special_commission: rates(Decimal::ZERO, Decimal::ZERO),
        tax_commission: rates(Decimal::ZERO, Decimal::ZERO),
        discount: discount(),
    }
}

pub(super) fn test_commission(fees: FeeRates) -> wire::TestCommission {
    let pair = |maker, taker| wire::MakerTaker { maker: Fixed8(maker), taker: Fixed8(taker) };
    wire::TestCommission {
        standard_commission_for_order: pair(fees.maker, fees.taker),
        special_commission_for_order: pair(Decimal::ZERO, Decimal::ZERO),
        tax_commission_for_order: pair(Decimal::ZERO, Decimal::ZERO),
        discount: discount(),
    }
}

/// A price of the grid.
pub(super) fn grid_price(row: &Row, price: GridPrice) -> Fixed8 {
    Fixed8(Decimal::new(price.0, u32::from(row.grid.price_decimals)))
}

/// A quantity of the grid.
pub(super) fn grid_qty(row: &Row, qty: GridQty) -> Fixed8 {
    Fixed8(Decimal::new(qty.0, u32::from(row.grid.qty_decimals)))
}

/// A quote amount of the grid: counts of both grids' product.
pub(super) fn grid_quote(row: &Row, count: i128) -> Fixed8 {
    let decimals = u32::from(row.grid.price_decimals) + u32::from(row.grid.qty_decimals);
    Fixed8(Decimal::from_mantissa(count, decimals).unwrap_or(Decimal::ZERO))
}

/// A level.
pub(super) fn level(row: &Row, level: &Level) -> wire::Level {
    (grid_price(row, level.price), grid_qty(row, level.qty))
}

/// The best level of a side; zeros where there is none.
pub(super) fn best(row: &Row, level: Option<&Level>) -> wire::Level {
    level.map_or((ZERO, ZERO), |level| self::level(row, level))
}
