//! Kraken spot: a counter for REST calls by key, and one for the matching engine by account and
//! pair, which punishes taking young orders back. No answer tells either of them.
//!
//! Source: docs.kraken.com guides on REST, spot trading and WebSocket rate limits (crawl of 2026-06-27),
//! kraken-cli `skills/kraken-rate-limits`, support article 206548367, read 2026-08-21.

use std::time::Duration;

use super::{Operation, leaky, sliding};
use crate::charge::{Charge, Keys};
use crate::rule::{Counted, Rule, Scope};

/// How well the account is verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tier {
    /// The least.
    Starter,
    /// The usual.
    Intermediate,
    /// The most.
    Pro,
}

/// Reading the history of trades: the pages disagree whether it costs two or four.
const HISTORY_COST: u32 = 4;

/// What is counted for an account of this tier.
pub const fn rules(tier: Tier) -> [Rule; 4] {
    let (calls, calls_fall, trading, trading_falls) = match tier {
        Tier::Starter => (15, 330, 60, 1_000),
        Tier::Intermediate => (20, 500, 125, 2_340),
        Tier::Pro => (20, 1_000, 180, 3_750),
    };
    [
        leaky(Counted::Private, Scope::Account, calls, calls_fall),
        leaky(Counted::Trading, Scope::Instrument, trading, trading_falls),
        sliding(Counted::Public, Scope::Address, 1, 1_000),
        sliding(Counted::Connection, Scope::Address, 150, 600_000),
    ]
}

/// What changing an order of this age costs.
pub fn amend_cost(age: Duration) -> u32 {
    match age.as_secs() {
        0..5 => 4,
        5..10 => 3,
        10..15 => 2,
        _ => 1,
    }
}

/// What taking back an order of this age costs.
pub fn cancel_cost(age: Duration) -> u32 {
    match age.as_secs() {
        0..5 => 8,
        5..10 => 6,
        10..15 => 5,
        15..45 => 4,
        45..90 => 2,
        90..300 => 1,
        _ => 0,
    }
}

/// What an operation costs.
pub fn charge(operation: Operation, keys: Keys) -> Charge {
    let (counts, amount) = match operation {
        Operation::Place => (Counted::Trading, 1),
        Operation::Amend { age } => (Counted::Trading, amend_cost(age)),
        Operation::Cancel { age } => (Counted::Trading, cancel_cost(age)),
        Operation::ReadFills => (Counted::Private, HISTORY_COST),
        Operation::ReadOrder
        | Operation::ReadOpen
        | Operation::ReadAccount
        | Operation::ReadFees => (Counted::Private, 1),
        Operation::ReadBook | Operation::ReadTime | Operation::ReadInstruments => {
            (Counted::Public, 1)
        }
        Operation::Connect => (Counted::Connection, 1),
        Operation::Message => (Counted::Message, 1),
    };
    Charge::new(keys).with(counts, amount)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pages' own example: an order, a change after 7 s, a cancel 36 s later: 8 in all.
    #[test]
    fn costs_fall_with_age() {
        let seconds = Duration::from_secs;
        assert_eq!(1 + amend_cost(seconds(7)) + cancel_cost(seconds(36)), 8);
        for (age, amend, cancel) in [(0, 4, 8), (14, 2, 5), (15, 1, 4), (89, 1, 2), (300, 1, 0)] {
            assert_eq!((amend_cost(seconds(age)), cancel_cost(seconds(age))), (amend, cancel));
        }
    }
}
