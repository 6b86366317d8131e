//! The `user` channel: an account's orders as they stand.
//!
//! Source: websocket-channels.md "User channel", read 2026-08-08.

use std::collections::BTreeSet;

use model::InstrumentId;

use super::ledger::{Desk, Entry};
use super::market_data::text;
use super::render::Renderer;
use crate::coinbase::USER_SNAPSHOT_PAGE;
use crate::coinbase::wire::{UserEvent, UserOrder, UserPositions};

/// The open orders of these products, of all where none is named. Where the last page is full an
/// empty one follows, or nobody could know that it was the last.
pub(super) fn snapshot(
    renderer: &Renderer<'_>,
    desk: &Desk,
    products: &BTreeSet<InstrumentId>,
) -> Vec<String> {
    let open = desk.open().filter(|entry| is_told(products, entry));
    let orders: Vec<UserOrder> = open.map(|entry| renderer.user_order(entry)).collect();
    let pages = orders.len() / USER_SNAPSHOT_PAGE + 1;
    let page = |number: usize| {
        let kind = if number == 0 { "snapshot" } else { "patch" };
        let rest = orders.iter().skip(number * USER_SNAPSHOT_PAGE);
        event(kind, rest.take(USER_SNAPSHOT_PAGE).cloned().collect())
    };
    (0..pages).map(page).collect()
}

/// One order that has changed.
pub(super) fn update(renderer: &Renderer<'_>, entry: &Entry) -> String {
    event("update", vec![renderer.user_order(entry)])
}

/// Is an order told to somebody who asked for these products?
pub(super) fn is_told(products: &BTreeSet<InstrumentId>, entry: &Entry) -> bool {
    products.is_empty() || products.contains(&entry.order.instrument)
}

fn event(kind: &str, orders: Vec<UserOrder>) -> String {
    text(&[UserEvent { kind: kind.to_owned(), orders, positions: UserPositions::default() }])
}
