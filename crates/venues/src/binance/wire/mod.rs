//! Binance's JSON as Binance prints it, under Binance's names, so that its pages and these structs
//! read side by side. Each struct is read by the client side and written by the server side.
//!
//! Source: binance-spot-api-docs `rest-api.md`, `web-socket-streams.md`, `web-socket-api.md`,
//! `user-data-stream.md`, `filters.md`, read 2026-07-21.

mod account;
mod market;
mod socket;
mod stream;

use std::fmt;

use model::Decimal;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use account::*;
pub use market::*;
pub use socket::*;
pub use stream::*;

/// A decimal in quotes with at least eight digits behind the point, as Binance prints nearly all
/// of them: `"0.00000000"`. Clients compare that text, so a plain `0` will not do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Fixed8(pub Decimal);

impl fmt::Display for Fixed8 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.8}", self.0)
    }
}

impl Serialize for Fixed8 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Fixed8 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Fixed8, D::Error> {
        Decimal::deserialize(deserializer).map(Fixed8)
    }
}

impl<T: Into<Decimal>> From<T> for Fixed8 {
    fn from(number: T) -> Fixed8 {
        Fixed8(number.into())
    }
}
