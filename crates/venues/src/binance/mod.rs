//! Binance spot: facts, and both sides of its protocol.
//!
//! Source: binance-spot-api-docs, state of 2026-07-21, unless a line says otherwise.

pub mod client;
pub mod server;
pub mod sign;
mod symbols;
mod vocabulary;
mod weights;
pub mod wire;

pub use symbols::Symbols;

/// REST address (rest-api.md "General API information").
pub const REST: &str = "https://api.binance.com";
/// Market streams (web-socket-streams.md).
pub const STREAMS: &str = "wss://stream.binance.com:9443";
/// WebSocket API (web-socket-api.md).
pub const WS_API: &str = "wss://ws-api.binance.com:443/ws-api/v3";

/// Validity of a signed order, milliseconds: after this the venue refuses it.
pub const ORDER_WINDOW_MS: u32 = 2_000;
/// Validity of a signed question, milliseconds: the venue's default.
pub const QUERY_WINDOW_MS: u32 = 5_000;
