//! Real venues, one folder each. Pure: bytes in, our words out, and the other way round.
//!
//! A venue's **client** side serves the gateway; its **server** side ([`server::Dialect`]) serves
//! `plimsoll venue` and the endpoints that bots connect to. Both speak `model::venue`.

pub mod binance;
pub mod coinbase;
mod rows;
mod scan;
pub mod server;
pub mod session;
