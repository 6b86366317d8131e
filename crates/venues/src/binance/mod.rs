//! Binance spot.

pub mod client;
pub mod server;
pub mod sign;
pub mod wire;
