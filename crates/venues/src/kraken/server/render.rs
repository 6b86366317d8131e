//! What Kraken says, in Kraken's words and digits.

use std::time::Duration;

use model::market::{GridPrice, GridQty};
use model::venue::{ExpiryReason, Filter, VenueError, VenueOrder, VenueOrderStatus};
use model::{Decimal, Fill, Liquidity, OrderKind, OrderQty, Rounding, Timestamp};
use serde_json::{Value, json};

use super::ids;
use crate::kraken::symbols::{Row, Symbols};
use crate::kraken::vocabulary;
use crate::server::HttpResponse;
use crate::server::ledger::{Desk, Entry};

/// Digits of amounts of quote.
pub(super) const COST_DECIMALS: u32 = 5;
/// What names begin with that were made up for orders without one.
const MADE_UP: char = '~';

/// An answer over REST: status 200 whatever happened.
pub(super) fn answer(result: Result<Value, String>) -> HttpResponse {
    let body = match result {
        Ok(result) => json!({"error": [], "result": result}),
        Err(error) => json!({"error": [error]}),
    };
    let headers = vec![("content-type", "application/json; charset=utf-8".to_owned())];
    HttpResponse { status: 200, headers, body: body.to_string().into_bytes() }
}

/// Too many requests: until when, in seconds, rounded up.
pub(super) fn throttled(now: Timestamp, wait: Duration) -> HttpResponse {
    let until = now.after(wait).millis().div_euclid(1_000) + 1;
    answer(Err(format!("EService: Throttled: {until}")))
}

/// A parameter that makes no sense.
pub(super) fn invalid(name: &str) -> String {
    format!("EGeneral:Invalid arguments:{name}")
}

/// Why the exchange said no.
pub(super) fn error(error: &VenueError) -> String {
    match error {
        VenueError::InsufficientBalance => "EOrder:Insufficient funds",
        VenueError::UnknownInstrument => "EQuery:Unknown asset pair",
        VenueError::UnknownOrder | VenueError::OrderNamesDiffer | VenueError::CancelRestricted => {
            "EOrder:Unknown order"
        }
        VenueError::DuplicateClientOrderId => "EOrder:cl_ord_id already in use",
        VenueError::WouldTake => "EOrder:Post only order",
        VenueError::WouldTrigger => "EOrder:Invalid price",
        VenueError::Filter { filter } => match filter {
            Filter::Price => "EOrder:Tick size check failed",
            Filter::PriceBand => "EOrder:Invalid price",
            Filter::Lot | Filter::MarketLot => "EOrder:Order minimum not met",
            Filter::Notional => "EOrder:Cost minimum not met",
            Filter::OpenOrders | Filter::StopOrders => "EOrder:Orders limit exceeded",
        },
        VenueError::MarketClosed => "EService:Market in cancel_only mode",
        // No page has words for it (unverified).
        VenueError::NoLiquidity => "EOrder:Invalid order",
        VenueError::NotAllowed => "EGeneral:Permission denied",
        VenueError::Unsupported => "EGeneral:Invalid arguments:ordertype",
        VenueError::Other { .. } => "EGeneral:Internal error",
    }
    .to_owned()
}

/// A number with exactly so many digits behind the point.
pub(super) fn fixed(number: Decimal, decimals: u32) -> String {
    let cut = number.round_to(decimals, Rounding::Down);
    let Some(count) = cut.and_then(|cut| cut.mantissa_at(decimals)) else {
        return number.to_string();
    };
    let (sign, digits) = (if count < 0 { "-" } else { "" }, count.unsigned_abs().to_string());
    let width = decimals as usize;
    let padded = format!("{digits:0>width$}", width = width + 1);
    let (whole, part) = padded.split_at(padded.len() - width);
    if part.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{part}") }
}

pub(super) fn price(row: &Row, price: GridPrice) -> String {
    let decimals = u32::from(row.grid.price_decimals);
    fixed(Decimal::new(price.0, decimals), decimals)
}

pub(super) fn qty(row: &Row, qty: GridQty) -> String {
    let decimals = u32::from(row.grid.qty_decimals);
    fixed(Decimal::new(qty.0, decimals), decimals)
}

/// Seconds with a part of one, as REST has times.
pub(super) fn seconds(at: Timestamp) -> Value {
    // A float has the digits of a time in microseconds until the year 2255.
    serde_json::from_str(&fixed(Decimal::new(at.micros(), 6), 6)).unwrap_or(Value::Null)
}

/// The name that an order's owner gave it.
pub(super) fn client_id(order: &VenueOrder) -> Option<String> {
    let name = order.client_order_id.to_string();
    (!name.starts_with(MADE_UP)).then_some(name)
}

/// A name for an order without one.
pub(super) fn made_up(number: u64) -> String {
    format!("{MADE_UP}{number}")
}

/// What was ordered, in a sentence.
pub(super) fn sentence(row: &Row, order: &VenueOrder) -> String {
    let (side, pair) = (vocabulary::side(order.side), &row.instrument.symbol);
    let volume = fixed(ordered(order), u32::from(row.grid.qty_decimals));
    let decimals = u32::from(row.grid.price_decimals);
    let at = |price: Option<model::Price>| {
        price.map_or_else(|| "market".to_owned(), |price| fixed(price.get(), decimals))
    };
    let how = match order.kind {
        OrderKind::Market => "market".to_owned(),
        OrderKind::Limit { price } => format!("limit {}", at(Some(price))),
        OrderKind::StopLoss { trigger } => format!("stop loss {}", at(Some(trigger))),
        OrderKind::TakeProfit { trigger } => format!("take profit {}", at(Some(trigger))),
        OrderKind::StopLimit { trigger, price } => {
            format!("stop loss {} -> limit {}", at(Some(trigger)), at(Some(price)))
        }
        OrderKind::TakeProfitLimit { trigger, price } => {
            format!("take profit {} -> limit {}", at(Some(trigger)), at(Some(price)))
        }
    };
    format!("{side} {volume} {pair} @ {how}")
}

fn ordered(order: &VenueOrder) -> Decimal {
    match order.ordered {
        OrderQty::Base(qty) => qty.get(),
        OrderQty::Quote(notional) => notional.get(),
    }
}

fn flags(order: &VenueOrder) -> String {
    let quote = matches!(order.ordered, OrderQty::Quote(_));
    let flags = [("fciq", true), ("post", order.post_only), ("viqc", quote)];
    let set: Vec<&str> = flags.iter().filter(|(_, is)| *is).map(|(flag, _)| *flag).collect();
    set.join(",")
}

/// A state as REST has it.
pub(super) fn status(order: &VenueOrder) -> &'static str {
    match order.status {
        VenueOrderStatus::New | VenueOrderStatus::PartiallyFilled | VenueOrderStatus::Unknown => {
            "open"
        }
        VenueOrderStatus::Filled => "closed",
        VenueOrderStatus::Expired if order.expiry == Some(ExpiryReason::EndTime) => "expired",
        VenueOrderStatus::Expired
        | VenueOrderStatus::ExpiredInMatch
        | VenueOrderStatus::Canceled
        | VenueOrderStatus::Rejected => "canceled",
    }
}

/// A state as the streams have it.
pub(super) fn stream_status(order: &VenueOrder) -> &'static str {
    match order.status {
        VenueOrderStatus::New | VenueOrderStatus::Unknown => "new",
        VenueOrderStatus::PartiallyFilled => "partially_filled",
        VenueOrderStatus::Filled => "filled",
        VenueOrderStatus::Expired
        | VenueOrderStatus::ExpiredInMatch
        | VenueOrderStatus::Canceled
        | VenueOrderStatus::Rejected => match status(order) {
            "expired" => "expired",
            _ => "canceled",
        },
    }
}

/// Why an order ended. No page lists these (unverified); they say what happened.
pub(super) fn reason(order: &VenueOrder) -> &'static str {
    match (order.status, order.expiry) {
        (VenueOrderStatus::Canceled, _) => "User requested",
        (VenueOrderStatus::ExpiredInMatch, _) => "Self trade prevention",
        (VenueOrderStatus::Expired, Some(ExpiryReason::EndTime)) => "Order expired",
        (VenueOrderStatus::Expired, Some(ExpiryReason::IocRemainder)) => "IOC order canceled",
        (VenueOrderStatus::Expired, Some(ExpiryReason::FokUnfilled)) => "FOK order canceled",
        (VenueOrderStatus::Expired, Some(ExpiryReason::InsufficientLiquidity)) => "Out of funds",
        (VenueOrderStatus::Expired, Some(ExpiryReason::Venue) | None) => "Canceled by the engine",
        _ => "",
    }
}

/// An order over REST, with the names of its executions where they are asked for.
pub(super) fn order(symbols: &Symbols, desk: &Desk, entry: &Entry, trades: bool) -> Value {
    let order = &entry.order;
    let Some(row) = symbols.get(order.instrument) else { return Value::Null };
    let (prices, lots) = (u32::from(row.grid.price_decimals), u32::from(row.grid.qty_decimals));
    let price = |price: Option<model::Price>| {
        price.map_or_else(|| "0".to_owned(), |price| fixed(price.get(), prices))
    };
    let trigger = order.kind.trigger();
    let average = order.filled_notional.per(order.filled, Rounding::Down);
    let mut told = json!({
        "refid": null,
        "userref": 0,
        "status": status(order),
        "opentm": seconds(order.created),
        "starttm": 0,
        "expiretm": match order.time_in_force {
            model::TimeInForce::Gtd(end) => seconds(end),
            _ => json!(0),
        },
        "descr": {
            "pair": row.instrument.symbol,
            "type": vocabulary::side(order.side),
            "ordertype": vocabulary::kind(order.kind),
            "price": price(trigger.or(order.kind.price())),
            "price2": price(trigger.and(order.kind.price())),
            "leverage": "none",
            "order": sentence(row, order),
            "close": "",
        },
        "vol": fixed(ordered(order), lots),
        "vol_exec": fixed(order.filled.get(), lots),
        "cost": fixed(order.filled_notional.get(), COST_DECIMALS),
        "fee": fixed(entry.fees, COST_DECIMALS),
        "price": fixed(average.map_or(Decimal::ZERO, |average| average.get()), COST_DECIMALS),
        "stopprice": price(trigger),
        "limitprice": "0.00000",
        "misc": "",
        "oflags": flags(order),
        "timeinforce": vocabulary::time_in_force(order.time_in_force),
    });
    if let Some(fields) = told.as_object_mut() {
        if let Some(name) = client_id(order) {
            fields.insert("cl_ord_id".to_owned(), name.into());
        }
        if !order.status.is_open() {
            fields.insert("closetm".to_owned(), seconds(order.updated));
            fields.insert("reason".to_owned(), reason(order).into());
        }
        if trades {
            let own = desk.fills.iter().filter(|fill| fill.venue_order_id == order.id);
            let names: Vec<String> =
                own.map(|fill| ids::trade_id(fill.trade_id.as_str()).0).collect();
            fields.insert("trades".to_owned(), names.into());
        }
    }
    told
}

/// An execution over REST.
pub(super) fn trade(symbols: &Symbols, desk: &Desk, fill: &Fill) -> Value {
    let Some(row) = symbols.get(fill.instrument) else { return Value::Null };
    let kind = desk.order(fill.venue_order_id).map_or("limit", |e| vocabulary::kind(e.order.kind));
    let notional = fill.price.notional(fill.qty, Rounding::Down);
    json!({
        "ordertxid": ids::order_id(fill.venue_order_id),
        "postxid": "TKH2SE-M7IF5-CFI7LT",
        "pair": row.id,
        "time": seconds(fill.venue_time),
        "type": vocabulary::side(fill.side),
        "ordertype": kind,
        "price": fixed(fill.price.get(), u32::from(row.grid.price_decimals)),
        "cost": fixed(notional.map_or(Decimal::ZERO, |n| n.get()), COST_DECIMALS),
        "fee": all_digits(fill.fee.map_or(Decimal::ZERO, |fee| fee.amount.get())),
        "vol": fixed(fill.qty.get(), u32::from(row.grid.qty_decimals)),
        "margin": "0.00000",
        "leverage": "0",
        "misc": "",
        "trade_id": ids::trade_id(fill.trade_id.as_str()).1,
        "maker": fill.liquidity == Liquidity::Maker,
    })
}

/// A JSON object whose numbers keep their digits: a float would lose zeros, and a checksum counts them.
#[derive(Clone, Debug, Default)]
pub(super) struct Object(String);

impl Object {
    /// A value that is JSON already: a number with its digits, a list.
    pub(super) fn raw(&mut self, name: &str, json: &str) {
        self.0.push_str(if self.0.is_empty() { "{\"" } else { ",\"" });
        self.0.push_str(name);
        self.0.push_str("\":");
        self.0.push_str(json);
    }

    pub(super) fn text(&mut self, name: &str, text: &str) {
        // A text always prints.
        self.raw(name, &serde_json::to_string(text).unwrap_or_default());
    }

    pub(super) fn close(mut self) -> String {
        self.0.push_str(if self.0.is_empty() { "{}" } else { "}" });
        self.0
    }
}

/// What every report on an order begins with.
pub(super) fn report(order: &VenueOrder, kind: &str, status: &str, at: Timestamp) -> Object {
    let mut told = Object::default();
    told.text("order_id", &ids::order_id(order.id));
    if let Some(name) = client_id(order) {
        told.text("cl_ord_id", &name);
    }
    told.text("exec_type", kind);
    told.text("order_status", status);
    told.text("timestamp", &at.to_string());
    told
}

/// What was ordered, for the first report on an order.
pub(super) fn ordered_in(row: &Row, order: &VenueOrder, told: &mut Object) {
    let (prices, lots) = (u32::from(row.grid.price_decimals), u32::from(row.grid.qty_decimals));
    told.text("symbol", &row.stream);
    told.text("side", vocabulary::side(order.side));
    told.text("order_type", vocabulary::kind(order.kind));
    told.text("time_in_force", vocabulary::time_in_force(order.time_in_force));
    told.text("limit_price_type", "static");
    told.raw("order_userref", "0");
    told.text("fee_ccy_pref", "fciq");
    told.raw("fee_usd_equiv", "0");
    match order.ordered {
        OrderQty::Base(qty) => told.raw("order_qty", &fixed(qty.get(), lots)),
        OrderQty::Quote(cash) => told.raw("cash_order_qty", &fixed(cash.get(), COST_DECIMALS)),
    }
    if let Some(price) = order.kind.price() {
        told.raw("limit_price", &fixed(price.get(), prices));
    }
    if let Some(trigger) = order.kind.trigger() {
        let mut waits = Object::default();
        waits.text("reference", "last");
        waits.raw("price", &fixed(trigger.get(), prices));
        waits.text("price_type", "static");
        let status = if order.working_since.is_some() { "triggered" } else { "untriggered" };
        waits.text("status", status);
        told.raw("triggers", &waits.close());
    }
    if let model::TimeInForce::Gtd(end) = order.time_in_force {
        told.text("expire_time", &end.to_string());
    }
    if order.post_only {
        told.raw("post_only", "true");
    }
}

/// How far an order has come.
pub(super) fn sums_in(row: &Row, order: &VenueOrder, told: &mut Object) {
    let average = order.filled_notional.per(order.filled, Rounding::Down);
    let average = average.map_or(Decimal::ZERO, |average| average.get());
    told.raw("cum_qty", &fixed(order.filled.get(), u32::from(row.grid.qty_decimals)));
    told.raw("cum_cost", &all_digits(order.filled_notional.get()));
    told.raw("avg_price", &fixed(average, COST_DECIMALS));
}

/// One execution.
pub(super) fn fill_in(row: &Row, fill: &Fill, told: &mut Object) {
    let (name, id) = ids::trade_id(fill.trade_id.as_str());
    let notional = fill.price.notional(fill.qty, Rounding::Down);
    told.text("exec_id", &name);
    told.raw("trade_id", &id.to_string());
    told.text("symbol", &row.stream);
    told.text("side", vocabulary::side(fill.side));
    told.raw("last_qty", &fixed(fill.qty.get(), u32::from(row.grid.qty_decimals)));
    told.raw("last_price", &fixed(fill.price.get(), u32::from(row.grid.price_decimals)));
    told.text("liquidity_ind", if fill.liquidity == Liquidity::Maker { "m" } else { "t" });
    told.raw("cost", &all_digits(notional.map_or(Decimal::ZERO, |notional| notional.get())));
    let paid = fill.fee.map_or_else(
        || "[]".to_owned(),
        |paid| {
            let mut one = Object::default();
            one.text("asset", paid.asset.as_str());
            one.raw("qty", &all_digits(paid.amount.get()));
            format!("[{}]", one.close())
        },
    );
    told.raw("fees", &paid);
}

/// An amount of quote with all its digits: cut, it would not add up.
fn all_digits(number: Decimal) -> String {
    fixed(number, number.decimals().max(COST_DECIMALS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_kept() {
        let fixed = |text: &str, decimals| fixed(text.parse().unwrap(), decimals);
        assert_eq!(fixed("61234.5", 1), "61234.5");
        assert_eq!(fixed("0.015", 8), "0.01500000");
        assert_eq!(fixed("7", 0), "7");
        assert_eq!(fixed("0", 5), "0.00000");
        assert_eq!(fixed("1.23456789", 5), "1.23456");
    }
}
