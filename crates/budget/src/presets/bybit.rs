//! Bybit spot: 600 requests of an address in any five seconds, and each endpoint of a user by itself
//! in a second that rolls.
//!
//! Source: bybit-exchange/docs `docs/v5/rate-limit/rate-limit.mdx` and `docs/v5/guide.mdx`, state of
//! 2026-07-24, read 2026-08-21. An address that goes on is refused with 403 for ten minutes.

use super::{Operation, sliding, told};
use crate::charge::{Charge, Keys};
use crate::rule::{Counted, Rule, Scope};

const SECOND: u32 = 1_000;

/// What is counted. Reading one order and listing the open ones is one endpoint.
pub const RULES: [Rule; 9] = [
    sliding(Counted::Request, Scope::Address, 600, 5 * SECOND),
    told(Counted::Place, Scope::Account, 20, SECOND),
    told(Counted::Amend, Scope::Account, 10, SECOND),
    told(Counted::Cancel, Scope::Account, 20, SECOND),
    told(Counted::ReadOpen, Scope::Account, 50, SECOND),
    told(Counted::ReadFills, Scope::Account, 50, SECOND),
    told(Counted::ReadAccount, Scope::Account, 50, SECOND),
    told(Counted::ReadFees, Scope::Account, 5, SECOND),
    sliding(Counted::Connection, Scope::Address, 500, 300_000),
];

/// What an operation costs.
pub fn charge(operation: Operation, keys: Keys) -> Charge {
    let request = Charge::new(keys).with(Counted::Request, 1);
    match operation {
        Operation::Place => request.with(Counted::Place, 1),
        Operation::Amend { .. } => request.with(Counted::Amend, 1),
        Operation::Cancel { .. } => request.with(Counted::Cancel, 1),
        Operation::ReadOrder | Operation::ReadOpen => request.with(Counted::ReadOpen, 1),
        Operation::ReadFills => request.with(Counted::ReadFills, 1),
        Operation::ReadAccount => request.with(Counted::ReadAccount, 1),
        Operation::ReadFees => request.with(Counted::ReadFees, 1),
        Operation::ReadBook | Operation::ReadTime | Operation::ReadInstruments => request,
        Operation::Connect => Charge::new(keys).with(Counted::Connection, 1),
        Operation::Message => Charge::new(keys).with(Counted::Message, 1),
    }
}
