//! Binance spot: facts, and both sides of its protocol.
//!
//! Source: binance-spot-api-docs, state of 2026-07-21, unless a line says otherwise.

pub mod client;
pub mod server;
pub mod sign;
mod symbols;
mod venue;
mod vocabulary;
mod weights;
pub mod wire;

use std::time::Duration;

use model::venue::{CancelAllScope, IdClass, Profile};

pub use symbols::Symbols;
pub use venue::VENUE;

/// REST address (rest-api.md "General API information").
pub const REST: &str = "https://api.binance.com";
/// Market streams (web-socket-streams.md).
pub const STREAMS: &str = "wss://stream.binance.com:9443";
/// WebSocket API (web-socket-api.md).
pub const WS_API: &str = "wss://ws-api.binance.com:443/ws-api/v3";

/// How it behaves. An order is refused when it comes later than its `recvWindow` (rest-api.md "Timing
/// security"); an id may be used again once its order is over (the same page, `newClientOrderId`);
/// executions and balances are pushed (user-data-stream.md); lists of executions hold 1 000 and go on
/// by `fromId` (`GET /api/v3/myTrades`), lists of
/// orders as many, and go on by `orderId` (`GET /api/v3/allOrders`); the wallet tells what a key may do and
/// whether it is bound to addresses (`GET /sapi/v1/account/apiRestrictions`); spot has no timer that takes
/// orders back; `DELETE /api/v3/openOrders` takes back those of one symbol. Read 2026-07-21.
pub const PROFILE: Profile = Profile {
    id_class: IdClass::UniqueWhileOpen,
    client_id_max: 36,
    order_validity: Some(Duration::from_millis(ORDER_WINDOW_MS as u64)),
    finds_by_client_id: true,
    cancels_by_client_id: true,
    pushes_executions: true,
    pushes_balances: true,
    trade_ids_count: true,
    fills_page: 1_000,
    order_ids_count: true,
    orders_page: 1_000,
    tells_key_scopes: true,
    tells_key_addresses: true,
    dead_man: None,
    cancel_all: CancelAllScope::Instrument,
};

/// Validity of a signed order, milliseconds: after this the venue refuses it.
pub const ORDER_WINDOW_MS: u32 = 2_000;
/// Validity of a signed question, milliseconds: the venue's default.
pub const QUERY_WINDOW_MS: u32 = 5_000;
