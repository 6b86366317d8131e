//! Binance spot. Weights of calls are with its protocol (`venues::binance`); here is what they are
//! counted against.
//!
//! Source: binance-spot-api-docs rest-api.md "Limits", web-socket-api.md and web-socket-streams.md
//! "General", faqs/order_count_decrement.md, state of 2026-07-21, read 2026-07-21. Documents before
//! August 2023 say 1200 of weight a minute; `exchangeInfo` has the last word.

use super::sliding;
use crate::charge::{Charge, Keys};
use crate::rule::{Counted, Rule, Scope, Shape};

/// A minute, milliseconds: the window of weights.
pub const MINUTE_MS: u32 = 60_000;

/// Opening a connection to the WebSocket API costs weight, too.
pub const API_CONNECTION_WEIGHT: u32 = 2;

const fn aligned(counts: Counted, scope: Scope, limit: u32, window_ms: u32, told: bool) -> Rule {
    Rule { counts, scope, shape: Shape::Aligned { window_ms, limit }, told }
}

/// What is counted. Orders are those not filled: the first execution of one gives it back, which
/// only the venue's own count shows. The figures for orders are those of the documents' samples.
pub const RULES: [Rule; 6] = [
    aligned(Counted::Weight, Scope::Address, 6_000, MINUTE_MS, true),
    aligned(Counted::Request, Scope::Address, 300_000, 5 * MINUTE_MS, false),
    aligned(Counted::Order, Scope::Account, 50, 10_000, true),
    aligned(Counted::Order, Scope::Account, 160_000, 86_400_000, true),
    // Nobody says whether these two are aligned.
    sliding(Counted::Connection, Scope::Address, 300, 5 * MINUTE_MS),
    sliding(Counted::Message, Scope::Socket, 5, 1_000),
];

/// What a call of this weight costs.
pub fn charge(weight: u32, places: bool, keys: Keys) -> Charge {
    let charge = Charge::new(keys).with(Counted::Weight, weight).with(Counted::Request, 1);
    if places { charge.with(Counted::Order, 1) } else { charge }
}

/// What a connection costs.
pub fn connection(is_api: bool, keys: Keys) -> Charge {
    let charge = Charge::new(keys).with(Counted::Connection, 1);
    if is_api { charge.with(Counted::Weight, API_CONNECTION_WEIGHT) } else { charge }
}

/// What a message to a connection costs; pings and pongs are counted, too.
pub fn message(keys: Keys) -> Charge {
    Charge::new(keys).with(Counted::Message, 1)
}
