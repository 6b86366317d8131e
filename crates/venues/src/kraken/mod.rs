//! Kraken spot: facts, and both sides of its protocol.
//!
//! Source: docs.kraken.com (REST API, WebSocket v2 and the guides on rate limits and checksums) in a crawl of
//! 2026-06-27, krakenfx/kraken-cli, recordings of nautilus_trader and Kraken.Net, and CCXT 4.5.90, read
//! 2026-08-21, unless a line says otherwise. What no source says is marked unverified, here and in
//! `quirks.md`.

mod checksum;
pub mod client;
pub mod server;
pub mod sign;
mod symbols;
mod venue;
mod vocabulary;
pub mod wire;

use std::time::Duration;

use model::venue::{CancelAllScope, IdClass, Profile};

pub use checksum::{Digits, checksum};
pub use symbols::{Row, Symbols};
pub use venue::VENUE;

/// REST address.
pub const REST: &str = "https://api.kraken.com";
/// Public streams, version 2 of the protocol.
pub const STREAMS: &str = "wss://ws.kraken.com";
/// An account's streams.
pub const ACCOUNT_STREAM: &str = "wss://ws-auth.kraken.com/v2";
/// Where the streams are below their base.
pub const STREAMS_PATH: &str = "/v2";

/// How long an order is good for: its `deadline`, which may be half a second to a minute ahead.
pub const ORDER_VALIDITY: Duration = Duration::from_secs(2);
/// Characters of a client order id that is no UUID.
pub const CLIENT_ID_MAX: usize = 18;
/// Rows in a list of closed orders, and in one of trades.
pub const PAGE: u32 = 50;
/// Levels a side that are followed: the smallest depth that shows a market's walls. The venue has 10, 25,
/// 100, 500 and 1000.
pub const BOOK_DEPTH: u32 = 100;
/// Levels a side that count in a checksum.
pub const CHECKED_LEVELS: usize = 10;
/// The dead-man timer runs for less than this, seconds.
pub const DEAD_MAN_MAX_S: u64 = 86_400;
/// A ticket has to be shown within this, seconds.
pub const TICKET_S: u64 = 900;

/// How it behaves. An order is not matched after its `deadline` (AddOrder); a client order id is unique among
/// open orders alone (guide on order identifiers); orders are found and canceled by it (QueryOrders,
/// CancelOrder); `executions` tells each execution, `balances` what is held and not what is set aside, so
/// balances are asked for; executions have names and not numbers, and lists of them and of closed orders hold
/// 50 (TradesHistory, ClosedOrders); a key's rights and its addresses are told (GetApiKeyInfo);
/// `CancelAllOrdersAfter` takes back all when nobody winds it up, within a day; `CancelAll` takes back the
/// account's. Read 2026-08-21.
pub const PROFILE: Profile = Profile {
    id_class: IdClass::UniqueWhileOpen,
    client_id_max: CLIENT_ID_MAX,
    order_validity: Some(ORDER_VALIDITY),
    finds_by_client_id: true,
    cancels_by_client_id: true,
    pushes_executions: true,
    pushes_balances: false,
    trade_ids_count: false,
    fills_page: PAGE,
    order_ids_count: false,
    orders_page: PAGE,
    tells_key_scopes: true,
    tells_key_addresses: true,
    dead_man: Some(Duration::from_secs(DEAD_MAN_MAX_S)),
    cancel_all: CancelAllScope::Account,
};
