//! Real venues, one folder each. Pure: bytes in, our words out, and the other way round.
//!
//! A venue's **client** side ([`client::Client`]) serves the gateway; its **server** side ([`server::Dialect`]) serves
//! `plimsoll venue` and the endpoints that bots connect to. Both speak `model::venue`, and
//! [`VENUES`] names them.

pub mod binance;
pub mod client;
pub mod coinbase;
pub mod kraken;
mod list;
mod rows;
mod scan;
pub mod server;
pub mod session;
mod venue;

pub use list::{VENUES, named};
pub use venue::{
    Addresses, KeyError, OpenClient, OpenServer, ServerError, ServerKey, Settings, Simulated, Venue,
};
