//! Questions about orders and executions, newest first and a page at a time, answered from the
//! ledger.
//!
//! Source: list-orders.md, list-fills.md, read 2026-08-08. What a cursor holds is the server's own
//! affair: here the name of the last row, so that rows which come meanwhile shift nothing.

use std::cmp::Reverse;

use model::{Fill, Timestamp};

use super::errors::ApiError;
use super::ledger::Entry;
use super::market_data::text;
use super::params::Params;
use super::render::{self, Renderer};
use super::{ids, ledger::Desk};
use crate::coinbase::{FILLS_PAGE_MAX, ORDERS_PAGE_MAX, vocabulary, wire};

/// `GET /orders/historical/{order_id}`.
pub(super) fn order(renderer: &Renderer<'_>, desk: &Desk, name: &str) -> Result<String, ApiError> {
    let entry = ids::parse_order_id(name).and_then(|id| desk.order(id));
    let entry = entry.ok_or_else(ApiError::order)?;
    Ok(text(&wire::OneOrder { order: renderer.order(entry) }))
}

/// `GET /orders/historical/batch`, with at most so many rows.
pub(super) fn orders(
    renderer: &Renderer<'_>,
    desk: &Desk,
    params: &Params,
    rows_max: Option<u32>,
) -> Result<String, ApiError> {
    let (start, end) = (params.time("start_date")?, params.time("end_date")?);
    let limit = params.limit(ORDERS_PAGE_MAX.min(rows_max.unwrap_or(u32::MAX)))?;
    let is_wanted = |entry: &&Entry| {
        let order = &entry.order;
        let product = renderer.product(order.instrument);
        start.is_none_or(|start| order.created >= start)
            && end.is_none_or(|end| order.created < end)
            && one_of(params, &["order_ids", "order_id"], || ids::order_id(order.id))
            && one_of(params, &["product_ids", "product_id"], || product)
            && one_of(params, &["product_type"], || render::PRODUCT_TYPE)
            && one_of(params, &["order_status"], || render::status(order))
            && one_of(params, &["time_in_forces"], || render::time_in_force(order))
            && one_of(params, &["order_types", "order_type"], || vocabulary::order_type(order.kind))
            && one_of(params, &["order_side"], || vocabulary::side(order.side))
            && one_of(params, &["order_placement_source"], || render::SOURCE)
            && base_or_quote(params, product)
    };
    let mut found: Vec<&Entry> = desk.orders.iter().rev().filter(is_wanted).collect();
    // Sorts are stable: what is equal stays newest first.
    match params.get("sort_by") {
        None | Some("UNKNOWN_SORT_BY") => {}
        Some("LIMIT_PRICE") => found.sort_by_key(|entry| Reverse(entry.order.kind.price())),
        Some("LAST_FILL_TIME") => found.sort_by_key(|entry| Reverse(entry.last_fill)),
        Some("LAST_UPDATE_TIME") => found.sort_by_key(|entry| Reverse(entry.order.updated)),
        Some(other) => return Err(ApiError::no_value("sort_by", other)),
    }
    let name = |entry: &&Entry| ids::order_id(entry.order.id);
    let (rows, cursor) = page(&found, params.get("cursor"), limit, name)?;
    let orders = rows.iter().map(|entry| renderer.order(entry)).collect();
    let (has_next, sequence) = (!cursor.is_empty(), "0".to_owned());
    Ok(text(&wire::Orders { orders, sequence, has_next, cursor }))
}

/// `GET /orders/historical/fills`, with at most so many rows.
pub(super) fn fills(
    renderer: &Renderer<'_>,
    desk: &Desk,
    params: &Params,
    rows_max: Option<u32>,
) -> Result<String, ApiError> {
    let start = params.time("start_sequence_timestamp")?;
    let end = params.time("end_sequence_timestamp")?;
    let limit = params.limit(FILLS_PAGE_MAX.min(rows_max.unwrap_or(u32::MAX)))?;
    let in_time =
        |at: Timestamp| start.is_none_or(|start| at >= start) && end.is_none_or(|end| at <= end);
    let is_wanted = |fill: &&Fill| {
        in_time(fill.venue_time)
            && one_of(params, &["order_ids", "order_id"], || ids::order_id(fill.venue_order_id))
            && one_of(params, &["product_ids", "product_id"], || renderer.product(fill.instrument))
            && one_of(params, &["trade_ids"], || fill.trade_id)
    };
    let mut found: Vec<&Fill> = desk.fills.iter().rev().filter(is_wanted).collect();
    match params.get("sort_by") {
        None | Some("UNKNOWN_SORT_BY" | "TRADE_TIME") => {}
        Some("PRICE") => found.sort_by_key(|fill| Reverse(fill.price)),
        Some(other) => return Err(ApiError::no_value("sort_by", other)),
    }
    let (rows, cursor) = page(&found, params.get("cursor"), limit, |fill| ids::entry_id(fill))?;
    let fills = rows.iter().map(|fill| renderer.fill(fill)).collect();
    Ok(text(&wire::Fills { fills, cursor }))
}

/// Is nothing asked for under these names, or this among it?
fn one_of<T: ToString>(params: &Params, names: &[&str], value: impl FnOnce() -> T) -> bool {
    let mut asked = params.all(names).peekable();
    if asked.peek().is_none() {
        return true;
    }
    let value = value().to_string();
    asked.any(|asked| asked == value)
}

/// Is one of these assets traded, or what pays for it?
fn base_or_quote(params: &Params, product_id: &str) -> bool {
    let mut asked = params.all(&["asset_filters"]).peekable();
    asked.peek().is_none() || asked.any(|asset| product_id.split('-').any(|part| part == asset))
}

/// The rows after the one that the cursor names, and the cursor of the next page; empty where there
/// is none.
fn page<'a, T>(
    rows: &'a [T],
    cursor: Option<&str>,
    limit: usize,
    name: impl Fn(&T) -> String,
) -> Result<(&'a [T], String), ApiError> {
    let start = match cursor {
        None => 0,
        Some(cursor) => {
            let last = rows.iter().position(|row| name(row) == cursor);
            last.ok_or_else(|| ApiError::invalid("cursor is invalid"))? + 1
        }
    };
    let rest = &rows[start..];
    let rows = &rest[..limit.min(rest.len())];
    let last = rows.last().filter(|_| rest.len() > rows.len());
    Ok((rows, last.map_or_else(String::new, name)))
}
