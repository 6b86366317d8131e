//! OKX: each endpoint by itself, in windows of two seconds; orders by user and instrument, over REST
//! and WebSocket together. No answer tells the count, and whether the windows roll has not been
//! said, so no stretch of two seconds holds more.
//!
//! Source: OKX docs v5 "Rate limits" and the pages of the endpoints (crawl of 2026-06-27), read
//! 2026-08-21. Balances and instruments are not confirmed by a second source; executions are not on
//! the page that was read and taken to be as few as balances.

use super::{Operation, sliding};
use crate::charge::{Charge, Keys};
use crate::rule::{Counted, Rule, Scope};

const TWO_SECONDS: u32 = 2_000;

/// What is counted. Spot orders are exempt from the limit of a sub-account.
pub const RULES: [Rule; 13] = [
    sliding(Counted::Place, Scope::Instrument, 60, TWO_SECONDS),
    sliding(Counted::Amend, Scope::Instrument, 60, TWO_SECONDS),
    sliding(Counted::Cancel, Scope::Instrument, 60, TWO_SECONDS),
    sliding(Counted::ReadOrder, Scope::Instrument, 60, TWO_SECONDS),
    sliding(Counted::ReadOpen, Scope::Account, 60, TWO_SECONDS),
    sliding(Counted::ReadFills, Scope::Account, 10, TWO_SECONDS),
    sliding(Counted::ReadAccount, Scope::Account, 10, TWO_SECONDS),
    sliding(Counted::ReadFees, Scope::Account, 5, TWO_SECONDS),
    sliding(Counted::ReadBook, Scope::Address, 40, TWO_SECONDS),
    sliding(Counted::ReadTime, Scope::Address, 10, TWO_SECONDS),
    sliding(Counted::ReadInstruments, Scope::Address, 20, TWO_SECONDS),
    sliding(Counted::Connection, Scope::Address, 3, 1_000),
    // To subscribe, unsubscribe and log in.
    sliding(Counted::Message, Scope::Socket, 480, 3_600_000),
];

/// What an operation costs.
pub fn charge(operation: Operation, keys: Keys) -> Charge {
    let counts = match operation {
        Operation::Place => Counted::Place,
        Operation::Amend { .. } => Counted::Amend,
        Operation::Cancel { .. } => Counted::Cancel,
        Operation::ReadOrder => Counted::ReadOrder,
        Operation::ReadOpen => Counted::ReadOpen,
        Operation::ReadFills => Counted::ReadFills,
        Operation::ReadAccount => Counted::ReadAccount,
        Operation::ReadFees => Counted::ReadFees,
        Operation::ReadBook => Counted::ReadBook,
        Operation::ReadTime => Counted::ReadTime,
        Operation::ReadInstruments => Counted::ReadInstruments,
        Operation::Connect => Counted::Connection,
        Operation::Message => Counted::Message,
    };
    Charge::new(keys).with(counts, 1)
}
