//! Coinbase Advanced Trade, and the older Exchange API.
//!
//! Source: Coinbase's pages on WebSocket and Exchange rate limits (crawl of 2026-06-27) and the figures
//! that clients of Advanced Trade agree on (Coinbase.Net, GoCryptoTrader, CCXT), read 2026-08-21: its
//! own pages no longer print a figure for REST. Which window a second is has not been said, so no
//! stretch of a second holds more.

use super::{Operation, leaky, sliding, told};
use crate::charge::{Charge, Keys};
use crate::rule::{Counted, Rule, Scope};

/// Advanced Trade: 10 requests a second without a key, 30 with one.
pub const RULES: [Rule; 4] = [
    told(Counted::Public, Scope::Address, 10, 1_000),
    told(Counted::Private, Scope::Account, 30, 1_000),
    sliding(Counted::Connection, Scope::Address, 8, 1_000),
    sliding(Counted::Message, Scope::Address, 8, 1_000),
];

/// Exchange: token buckets of 10 a second and 15 at once, and of 15 and 30 with a key.
pub const EXCHANGE_RULES: [Rule; 5] = [
    leaky(Counted::Public, Scope::Address, 15, 10_000),
    leaky(Counted::Private, Scope::Account, 30, 15_000),
    leaky(Counted::ReadFills, Scope::Account, 20, 10_000),
    sliding(Counted::Connection, Scope::Address, 8, 1_000),
    sliding(Counted::Message, Scope::Address, 8, 1_000),
];

/// What an operation costs on Advanced Trade.
pub fn charge(operation: Operation, keys: Keys) -> Charge {
    let counts = match operation {
        Operation::ReadBook | Operation::ReadTime | Operation::ReadInstruments => Counted::Public,
        Operation::Place
        | Operation::Amend { .. }
        | Operation::Cancel { .. }
        | Operation::ReadOrder
        | Operation::ReadOpen
        | Operation::ReadFills
        | Operation::ReadAccount
        | Operation::ReadFees => Counted::Private,
        Operation::Connect => Counted::Connection,
        Operation::Message => Counted::Message,
    };
    Charge::new(keys).with(counts, 1)
}

/// What an operation costs on Exchange.
pub fn exchange_charge(operation: Operation, keys: Keys) -> Charge {
    match operation {
        Operation::ReadFills => charge(operation, keys).with(Counted::ReadFills, 1),
        operation => charge(operation, keys),
    }
}
