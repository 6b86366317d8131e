//! An order's parameters in our words, with the checks that Kraken makes before an order reaches its engine.
//! The streams have other names for the same things.
//!
//! Source: AddOrder, `add_order`, read 2026-08-21. In which order the checks come no page says (unverified).

use std::time::Duration;

use model::{
    ClientOrderId, NewOrder, Notional, OrderKind, OrderQty, Price, Qty, Side, TimeInForce,
    Timestamp,
};
use serde_json::{Map, Value};

use super::params::Params;
use super::render::invalid;
use crate::kraken::symbols::{Row, Symbols};
use crate::kraken::{CLIENT_ID_MAX, vocabulary};

/// How far ahead a `deadline` may be.
const DEADLINE: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(60));

/// The parameters of `add_order`, by the names that REST has for them.
pub(super) fn of_stream(fields: &Map<String, Value>) -> Params {
    let text = |name: &str| match fields.get(name)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    };
    let trigger = fields.get("triggers").and_then(|triggers| triggers.get("price"));
    let trigger = trigger.map(|price| price.as_str().map_or(price.to_string(), str::to_owned));
    let limit = text("limit_price");
    let (price, price2) = match trigger {
        Some(trigger) => (Some(trigger), limit),
        None => (limit, None),
    };
    let cash = text("cash_order_qty");
    let flags = [("post", text("post_only").as_deref() == Some("true")), ("viqc", cash.is_some())];
    let flags: Vec<&str> = flags.iter().filter(|(_, is)| *is).map(|(flag, _)| *flag).collect();
    Params::default()
        .with("ordertype", text("order_type"))
        .with("type", text("side"))
        .with("volume", cash.or(text("order_qty")))
        .with("pair", text("symbol"))
        .with("price", price)
        .with("price2", price2)
        .with("oflags", Some(flags.join(",")))
        .with("timeinforce", text("time_in_force"))
        .with("expire_time", text("expire_time"))
        .with("cl_ord_id", text("cl_ord_id"))
        .with("stptype", text("stp_type"))
        .with("deadline", text("deadline"))
        .with("validate", text("validate"))
}

/// The order, or why it is none. `made_up` is its name where its owner has given it none.
pub(super) fn read(
    params: &Params,
    symbols: &Symbols,
    now: Timestamp,
    made_up: &str,
) -> Result<NewOrder, String> {
    let row = symbols.find(params.required("pair")?).ok_or("EQuery:Unknown asset pair")?;
    let side = vocabulary::parse_side(params.required("type")?).ok_or_else(|| invalid("type"))?;
    let kind = kind(params, row)?;
    let flags = params.all("oflags");
    let has = |flag: &str| flags.contains(&flag);
    let qty = volume(params, row, (kind, side), has("viqc"))?;
    deadline(params, now)?;
    Ok(NewOrder {
        client_order_id: match params.get("cl_ord_id") {
            Some(name) => client_id(name)?,
            None => ClientOrderId::new(made_up).map_err(|_| invalid("cl_ord_id"))?,
        },
        instrument: row.instrument.id,
        side,
        kind,
        qty,
        time_in_force: time_in_force(params, kind, now)?,
        post_only: has("post"),
        reduce_only: false,
        self_trade_prevention: Some(match params.get("stptype") {
            None => model::SelfTradePrevention::ExpireTaker,
            Some(word) => vocabulary::parse_self_trades(word).ok_or_else(|| invalid("stptype"))?,
        }),
    })
}

/// A UUID, with dashes or without, or a short text.
fn client_id(name: &str) -> Result<ClientOrderId, String> {
    let hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let parts: Vec<usize> = name.split('-').map(str::len).collect();
    let is_uuid = parts == [8, 4, 4, 4, 12] && hex(&name.replace('-', ""));
    if name.len() <= CLIENT_ID_MAX || is_uuid || (name.len() == 32 && hex(name)) {
        return ClientOrderId::new(name).map_err(|_| invalid("cl_ord_id"));
    }
    Err(invalid("cl_ord_id"))
}

fn kind(params: &Params, row: &Row) -> Result<OrderKind, String> {
    let word = params.required("ordertype")?;
    let price = |name: &str| -> Result<Option<Price>, String> {
        let Some(number) = params.decimal(name)? else { return Ok(None) };
        let decimals = u32::from(row.grid.price_decimals);
        let price = Price::try_from(number).map_err(|_| "EOrder:Invalid price")?;
        if number.decimals() > decimals {
            return Err("EOrder:Invalid price".to_owned());
        }
        let off = number.checked_rem(row.instrument.tick.get());
        if off.is_none_or(|off| !off.is_zero()) {
            return Err("EOrder:Tick size check failed".to_owned());
        }
        Ok(Some(price))
    };
    let (first, second) = (price("price")?, price("price2")?);
    let kind = match word {
        "limit" => vocabulary::parse_kind(word, first, None),
        "market" => Some(OrderKind::Market),
        other => vocabulary::parse_kind(other, second, first),
    };
    let known = ["limit", "stop-loss", "stop-loss-limit", "take-profit", "take-profit-limit"];
    kind.ok_or_else(|| if known.contains(&word) { invalid("price") } else { invalid("ordertype") })
}

fn volume(
    params: &Params,
    row: &Row,
    (kind, side): (OrderKind, Side),
    in_quote: bool,
) -> Result<OrderQty, String> {
    let number = params.decimal("volume")?.ok_or_else(|| invalid("volume"))?;
    if in_quote {
        if kind != OrderKind::Market || side != Side::Buy {
            return Err(invalid("oflags"));
        }
        let cash = Notional::try_from(number).ok().filter(|cash| *cash > Notional::ZERO);
        return cash.map(OrderQty::Quote).ok_or_else(|| invalid("volume"));
    }
    let qty = Qty::try_from(number).map_err(|_| invalid("volume"))?;
    if qty.is_zero() || number.decimals() > u32::from(row.grid.qty_decimals) {
        return Err(invalid("volume"));
    }
    Ok(OrderQty::Base(qty))
}

fn time_in_force(params: &Params, kind: OrderKind, now: Timestamp) -> Result<TimeInForce, String> {
    let end = match params.get("expire_time") {
        Some(text) => {
            let end = Timestamp::parse_rfc3339(text.as_bytes());
            Some(end.ok_or_else(|| invalid("expire_time"))?)
        }
        None => match params.get("expiretm").and_then(|text| text.strip_prefix('+')) {
            Some(ahead) => {
                let seconds = ahead.parse().map_err(|_| invalid("expiretm"))?;
                Some(now.after(Duration::from_secs(seconds)))
            }
            None => params.seconds("expiretm")?,
        },
    };
    let word = params.get("timeinforce").unwrap_or(if end.is_some() { "GTD" } else { "GTC" });
    let tif = vocabulary::parse_time_in_force(word, end).ok_or_else(|| invalid("timeinforce"))?;
    match (tif, kind) {
        (TimeInForce::Fok | TimeInForce::Ioc, OrderKind::Limit { .. })
        | (TimeInForce::Ioc | TimeInForce::Gtc, OrderKind::Market)
        | (TimeInForce::Gtc, _) => Ok(tif),
        (TimeInForce::Gtd(end), _) if end > now => Ok(tif),
        _ => Err(invalid("timeinforce")),
    }
}

/// An order that comes too late is not matched.
fn deadline(params: &Params, now: Timestamp) -> Result<(), String> {
    let Some(text) = params.get("deadline") else { return Ok(()) };
    let at = Timestamp::parse_rfc3339(text.as_bytes()).ok_or_else(|| invalid("deadline"))?;
    if at < now {
        return Err("EService:Deadline elapsed".to_owned());
    }
    let ahead = at.since(now);
    if ahead < DEADLINE.0 || ahead > DEADLINE.1 { Err(invalid("deadline")) } else { Ok(()) }
}
