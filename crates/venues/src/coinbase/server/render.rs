//! Orders and executions in Coinbase's words, over REST and in the `user` channel.
//!
//! Source: list-orders.md, list-fills.md, websocket-channels.md "User channel", read 2026-08-08.

use model::venue::{FeeRates, VenueOrder, VenueOrderStatus};
use model::{
    AccountId, Decimal, Fill, Liquidity, Notional, OrderQty, Qty, Rounding, Side, TimeInForce,
};

use super::ids;
use super::ledger::Entry;
use crate::coinbase::symbols::Symbols;
use crate::coinbase::vocabulary;
use crate::coinbase::wire::{self, Configuration, Num, OrderConfiguration, Time};

/// Holds and fees have this many digits behind the point.
const MONEY_DECIMALS: u32 = 8;

/// What every order and execution is rendered with.
#[derive(Clone, Copy)]
pub(super) struct Renderer<'a> {
    pub(super) symbols: &'a Symbols,
    pub(super) fees: FeeRates,
    pub(super) account: AccountId,
}

/// Everything here is spot …
pub(super) const PRODUCT_TYPE: &str = "SPOT";
/// … and placed over this API.
pub(super) const SOURCE: &str = "RETAIL_ADVANCED";

impl<'a> Renderer<'a> {
    /// Coinbase's name; empty for an instrument that is not in the table.
    pub(super) fn product(&self, id: model::InstrumentId) -> &'a str {
        self.symbols.get(id).map_or("", |row| row.instrument.symbol.as_str())
    }

    pub(super) fn order(&self, entry: &Entry) -> wire::Order {
        let order = &entry.order;
        let is_over = !order.status.is_open();
        wire::Order {
            order_id: ids::order_id(order.id),
            product_id: self.product(order.instrument).to_owned(),
            user_id: ids::user_id(self.account),
            order_configuration: configuration(order),
            side: vocabulary::side(order.side).to_owned(),
            client_order_id: order.client_order_id.to_string(),
            status: status(order).to_owned(),
            time_in_force: time_in_force(order).to_owned(),
            created_time: order.created.into(),
            completion_percentage: completion(order),
            filled_size: order.filled.get().into(),
            average_filled_price: average(order),
            fee: Num::UNSET,
            number_of_fills: Decimal::from(i64::from(entry.fills)).into(),
            filled_value: order.filled_notional.get().into(),
            pending_cancel: false,
            size_in_quote: matches!(order.ordered, OrderQty::Quote(_)),
            total_fees: entry.fees.into(),
            size_inclusive_of_fees: inclusive(order),
            total_value_after_fees: value_after_fees(entry),
            trigger_status: trigger_status(order).to_owned(),
            order_type: vocabulary::order_type(order.kind).to_owned(),
            reject_reason: "REJECT_REASON_UNSPECIFIED".to_owned(),
            settled: is_over && order.filled > Qty::ZERO,
            product_type: PRODUCT_TYPE.to_owned(),
            reject_message: entry.rejected.as_ref().map_or_else(String::new, ToString::to_string),
            cancel_message: cancel_reason(order).to_owned(),
            order_placement_source: SOURCE.to_owned(),
            outstanding_hold_amount: self.hold(order),
            is_liquidation: false,
            last_fill_time: Time(entry.last_fill),
            last_update_time: order.updated.into(),
            leverage: String::new(),
            margin_type: String::new(),
            retail_portfolio_id: ids::portfolio_id(self.account),
            originating_order_id: String::new(),
            attached_order_id: String::new(),
        }
    }

    pub(super) fn user_order(&self, entry: &Entry) -> wire::UserOrder {
        let order = &entry.order;
        wire::UserOrder {
            order_id: ids::order_id(order.id),
            client_order_id: order.client_order_id.to_string(),
            product_id: self.product(order.instrument).to_owned(),
            order_side: vocabulary::side(order.side).to_owned(),
            order_type: user_type(vocabulary::order_type(order.kind)).to_owned(),
            status: status(order).to_owned(),
            cumulative_quantity: order.filled.get().into(),
            leaves_quantity: order.leaves().get().into(),
            avg_price: average(order),
            filled_value: order.filled_notional.get().into(),
            number_of_fills: Decimal::from(i64::from(entry.fills)).into(),
            completion_percentage: completion(order),
            limit_price: order.kind.price().map_or(Num::from(Decimal::ZERO), |p| p.get().into()),
            stop_price: order.kind.trigger().map_or(Num::UNSET, |price| price.get().into()),
            time_in_force: time_in_force(order).to_owned(),
            post_only: order.post_only.to_string(),
            total_fees: entry.fees.into(),
            total_value_after_fees: value_after_fees(entry),
            outstanding_hold_amount: self.hold(order),
            trigger_status: trigger_status(order).to_owned(),
            cancel_reason: cancel_reason(order).to_owned(),
            reject_reason: entry.rejected.as_ref().map_or_else(String::new, ToString::to_string),
            creation_time: order.created.into(),
            end_time: Time(end(order)),
            start_time: Time(None),
            product_type: PRODUCT_TYPE.to_owned(),
            contract_expiry_type: "UNKNOWN_CONTRACT_EXPIRY_TYPE".to_owned(),
            risk_managed_by: "UNKNOWN_RISK_MANAGEMENT_TYPE".to_owned(),
            retail_portfolio_id: ids::portfolio_id(self.account),
        }
    }

    pub(super) fn fill(&self, fill: &Fill) -> wire::Fill {
        let liquidity = match fill.liquidity {
            Liquidity::Maker => "MAKER",
            Liquidity::Taker => "TAKER",
        };
        wire::Fill {
            entry_id: ids::entry_id(fill),
            trade_id: fill.trade_id.to_string(),
            order_id: ids::order_id(fill.venue_order_id),
            trade_time: fill.venue_time.into(),
            trade_type: "FILL".to_owned(),
            price: fill.price.get(),
            size: fill.qty.get(),
            commission: fill.fee.map_or(Decimal::ZERO, |fee| fee.amount.get()).into(),
            product_id: self.product(fill.instrument).to_owned(),
            sequence_timestamp: fill.venue_time.into(),
            liquidity_indicator: liquidity.to_owned(),
            size_in_quote: false,
            user_id: ids::user_id(self.account),
            side: vocabulary::side(fill.side).to_owned(),
            retail_portfolio_id: ids::portfolio_id(self.account),
            fill_source: "FILL_SOURCE_UNKNOWN".to_owned(),
        }
    }

    /// What is set aside: of a buy quote with the dearer fee, of a sell base.
    fn hold(&self, order: &VenueOrder) -> Num {
        let leaves = order.leaves();
        let price = order.kind.price().or(order.kind.trigger());
        let hold = match (order.side, price) {
            (Side::Sell, _) => Some(leaves.get()),
            (Side::Buy, None) => None,
            (Side::Buy, Some(price)) => price
                .notional(leaves, Rounding::Up)
                .and_then(|notional| with_fee(notional, self.fees)),
        };
        hold.unwrap_or(Decimal::ZERO).into()
    }
}

/// An amount of quote with the dearer fee on it, as a buy sets it aside.
pub(super) fn with_fee(notional: Notional, fees: FeeRates) -> Option<Decimal> {
    let rate = fees.taker.max(fees.maker).max(Decimal::ZERO);
    let fee = notional.get().checked_mul(rate, Rounding::Up)?;
    notional.get().checked_add(fee.round_to(MONEY_DECIMALS, Rounding::Up)?)
}

pub(super) const fn status(order: &VenueOrder) -> &'static str {
    vocabulary::status(order.status, order.expiry)
}

pub(super) const fn time_in_force(order: &VenueOrder) -> &'static str {
    vocabulary::time_in_force(tif(order))
}

/// A market order takes what there is.
const fn tif(order: &VenueOrder) -> TimeInForce {
    match (order.kind, order.time_in_force) {
        (model::OrderKind::Market, TimeInForce::Gtc) => TimeInForce::Ioc,
        (_, tif) => tif,
    }
}

const fn end(order: &VenueOrder) -> Option<model::Timestamp> {
    match order.time_in_force {
        TimeInForce::Gtd(end) => Some(end),
        TimeInForce::Gtc | TimeInForce::Ioc | TimeInForce::Fok => None,
    }
}

/// Of the buys by amount of quote, whose fee comes out of that.
fn inclusive(order: &VenueOrder) -> bool {
    order.side == Side::Buy && matches!(order.ordered, OrderQty::Quote(_))
}

/// As in recordings: `Limit`, not `LIMIT`.
fn user_type(word: &str) -> &str {
    match word {
        "MARKET" => "Market",
        "LIMIT" => "Limit",
        "STOP_LIMIT" => "Stop Limit",
        other => other,
    }
}

fn configuration(order: &VenueOrder) -> OrderConfiguration {
    let is_market = order.kind == model::OrderKind::Market;
    let upward = order.kind.triggers_upward(order.side);
    let configuration = Configuration {
        quote_size: match order.ordered {
            OrderQty::Quote(notional) => notional.get().into(),
            OrderQty::Base(_) => Num::UNSET,
        },
        base_size: match order.ordered {
            OrderQty::Base(qty) => qty.get().into(),
            OrderQty::Quote(_) => Num::UNSET,
        },
        limit_price: order.kind.price().map_or(Num::UNSET, |price| price.get().into()),
        stop_price: order.kind.trigger().map_or(Num::UNSET, |price| price.get().into()),
        stop_direction: upward.map(|upward| vocabulary::stop_direction(upward).to_owned()),
        end_time: end(order).map(Time::from),
        post_only: (!is_market
            && upward.is_none()
            && matches!(tif(order), TimeInForce::Gtc | TimeInForce::Gtd(_)))
        .then_some(order.post_only),
        ..Configuration::default()
    };
    let key = vocabulary::configuration_key(order.kind, order.time_in_force);
    OrderConfiguration::of(key.unwrap_or("unknown"), configuration)
}

/// Percent with two digits, of what was ordered.
fn completion(order: &VenueOrder) -> Num {
    if order.qty.is_zero() {
        return Decimal::ZERO.into();
    }
    let part = order.filled.get().checked_times(100);
    let part = part.and_then(|part| part.checked_div(order.qty.get(), Rounding::Down));
    part.and_then(|part| part.round_to(2, Rounding::Down)).unwrap_or(Decimal::ZERO).into()
}

fn average(order: &VenueOrder) -> Num {
    let price = order.filled_notional.per(order.filled, Rounding::Down);
    price.map_or(Decimal::ZERO, |price| price.get()).into()
}

/// A buy has paid its fees on top, a sell has got less.
fn value_after_fees(entry: &Entry) -> Num {
    let (filled, fees) = (entry.order.filled_notional.get(), entry.fees);
    let sum = match entry.order.side {
        Side::Buy => filled.checked_add(fees),
        Side::Sell => filled.checked_sub(fees),
    };
    sum.unwrap_or(filled).into()
}

fn trigger_status(order: &VenueOrder) -> &'static str {
    match (order.kind.trigger(), order.working_since) {
        (None, _) => "INVALID_ORDER_TYPE",
        (Some(_), None) => "STOP_PENDING",
        (Some(_), Some(_)) => "STOP_TRIGGERED",
    }
}

/// No source lists these (unverified); they say what happened.
fn cancel_reason(order: &VenueOrder) -> &'static str {
    use model::venue::ExpiryReason;
    match (order.status, order.expiry) {
        (VenueOrderStatus::Canceled, _) => "User requested cancel",
        (VenueOrderStatus::ExpiredInMatch, _) => "Self-trade prevention",
        (
            VenueOrderStatus::Expired,
            Some(ExpiryReason::IocRemainder | ExpiryReason::FokUnfilled),
        ) => "Immediate or cancel",
        (VenueOrderStatus::Expired, Some(ExpiryReason::InsufficientLiquidity)) => {
            "Insufficient liquidity"
        }
        (VenueOrderStatus::Expired, Some(ExpiryReason::EndTime)) => "End time reached",
        (VenueOrderStatus::Expired, Some(ExpiryReason::Venue) | None) => "Canceled by the exchange",
        (
            VenueOrderStatus::New
            | VenueOrderStatus::PartiallyFilled
            | VenueOrderStatus::Filled
            | VenueOrderStatus::Rejected
            | VenueOrderStatus::Unknown,
            _,
        ) => "",
    }
}
