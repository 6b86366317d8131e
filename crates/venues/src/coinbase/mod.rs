//! Coinbase Advanced Trade, spot: facts, and both sides of its protocol.
//!
//! Source: docs.cdp.coinbase.com, "Advanced Trade API", in a crawl of 2026-06-27, and the official
//! client coinbase-advanced-py 1.8.4 of 2026-06-19, both read 2026-08-08, unless a line says
//! otherwise. What no source says is marked unverified, here and in `quirks.md`.

pub mod client;
pub mod server;
pub mod sign;
mod symbols;
mod venue;
mod vocabulary;
pub mod wire;

use std::time::Duration;

use model::venue::{CancelAllScope, IdClass, Profile};

pub use symbols::{Row, Symbols};
pub use venue::VENUE;

/// Host of the REST API, as it stands in the `uri` claim of a token.
pub const REST_HOST: &str = "api.coinbase.com";
/// REST address.
pub const REST: &str = "https://api.coinbase.com";
/// What every REST path begins with.
pub const PREFIX: &str = "/api/v3/brokerage";
/// Market channels; takes the `user` channel, too, as the documented fail-over.
pub const STREAMS: &str = "wss://advanced-trade-ws.coinbase.com";
/// The `user` channel.
pub const USER_STREAM: &str = "wss://advanced-trade-ws-user.coinbase.com";

/// How long a token is good for, seconds: what the official client signs (`jwt_generator.py`), and the
/// most that the page "API key authentication" allows.
pub const TOKEN_VALIDITY_S: i64 = 120;

/// How it behaves. A token ends two minutes after it was made, and with it what it signed (see
/// [`TOKEN_VALIDITY_S`]); a client order id that was used before places nothing and answers with
/// the first order (create-order.md); no look-up and no cancel by client order id (get-order.md calls
/// that parameter deprecated; cancel-order.md takes venue ids); the `user` channel tells sums
/// (websocket-channels.md), and spot balances are not pushed at all; executions have UUIDs as names
/// (list-fills.md); a key's rights are told, the addresses it is bound to are not
/// (get-api-key-permissions.md); there is no timer that takes orders back, and `batch_cancel` takes orders
/// by name. Read 2026-08-08.
pub const PROFILE: Profile = Profile {
    id_class: IdClass::FirstOrder,
    client_id_max: 36,
    order_validity: Some(Duration::from_secs(TOKEN_VALIDITY_S as u64)),
    finds_by_client_id: false,
    cancels_by_client_id: false,
    pushes_executions: false,
    pushes_balances: false,
    trade_ids_count: false,
    fills_page: FILLS_PAGE_MAX,
    order_ids_count: false,
    orders_page: ORDERS_PAGE_MAX,
    tells_key_scopes: true,
    tells_key_addresses: false,
    dead_man: None,
    cancel_all: CancelAllScope::Named(CANCELS_MAX as u32),
};

/// Private REST requests a second for each user. The current pages print no figure; thirty is the
/// historical official one, still coded by the well-known clients (read 2026-08-08). A default,
/// to be corrected by headers.
pub const PRIVATE_REQUESTS_PER_S: u32 = 30;
/// Public REST requests a second for each address; same sources.
pub const PUBLIC_REQUESTS_PER_S: u32 = 10;
/// New WebSocket connections a second for each address (websocket-rate-limits.md).
pub const CONNECTIONS_PER_S: u32 = 8;
/// WebSocket messages a second for each address on connections without a token (same page).
pub const STREAM_MESSAGES_PER_S: u32 = 8;

/// A connection that has not subscribed to anything by then is closed, seconds
/// (websocket-overview.md).
pub const SUBSCRIBE_WITHIN_S: u32 = 5;
/// Most channels close after so many seconds without an update: the lower end of the documented 60
/// to 90. So `heartbeats` is always subscribed to (websocket-overview.md).
pub const IDLE_CLOSE_S: u32 = 60;

/// Orders that one `batch_cancel` takes: what the well-known clients send at most; the page prints
/// no figure (unverified).
pub const CANCELS_MAX: usize = 100;
/// Fills in one page (list-fills.md).
pub const FILLS_PAGE_MAX: u32 = 100;
/// Orders in one page. The page prints no maximum (list-orders.md); an older edition of it, as quoted
/// by the client coinbase-api, says that at most this many open ones are returned (read 2026-08-08).
pub const ORDERS_PAGE_MAX: u32 = 1_000;
/// Accounts in one page (list-accounts.md).
pub const ACCOUNTS_PAGE_MAX: u32 = 250;
/// Candles in one answer (get-product-candles.md).
pub const CANDLES_MAX: u32 = 350;
/// Orders in one message of the `user` channel's snapshot; the first message with fewer ends it
/// (websocket-channels.md).
pub const USER_SNAPSHOT_PAGE: usize = 50;
