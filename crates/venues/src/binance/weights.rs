//! What each call costs of its address's weight. One table for both sides: the client pays by it what
//! the simulated exchange charges.
//!
//! Source: rest-api.md and web-socket-api.md, the weights of each call, state of 2026-07-21, read
//! 2026-07-21.

/// Orders, their cancels, pings, the clock: what has no weight of its own.
pub(super) const PLAIN: u32 = 1;
/// Instruments and limits.
pub(super) const EXCHANGE_INFO: u32 = 20;
/// A test of an order that also computes its fees.
pub(super) const TEST_WITH_FEES: u32 = 20;
/// Public trades, new or old.
pub(super) const TRADES: u32 = 25;
/// Trades of one taker order added up.
pub(super) const AGGREGATE_TRADES: u32 = 4;
/// Candles.
pub(super) const CANDLES: u32 = 2;
/// The average price.
pub(super) const AVERAGE_PRICE: u32 = 2;
/// One order of ours.
pub(super) const ORDER: u32 = 4;
/// Orders in any state.
pub(super) const ALL_ORDERS: u32 = 20;
/// Balances and rights.
pub(super) const ACCOUNT: u32 = 20;
/// What a key may do: one of the wallet's calls. The wallet counts them by themselves and tells it in other
/// headers; here they are counted with the rest, which is the smaller limit.
pub(super) const KEY_RIGHTS: u32 = 1;
/// Fee rates.
pub(super) const COMMISSION: u32 = 20;

/// A book of so many levels a side.
pub(super) const fn depth(levels: u32) -> u32 {
    match levels {
        0..=100 => 5,
        101..=500 => 25,
        501..=1_000 => 50,
        _ => 250,
    }
}

/// Windows of 24 hours; `None` is all symbols.
pub(super) const fn ticker_24h(symbols: Option<usize>) -> u32 {
    match symbols {
        Some(0..=20) => 2,
        Some(21..=100) => 40,
        Some(_) | None => 80,
    }
}

/// Open orders of one symbol or of all.
pub(super) const fn open_orders(of_one: bool) -> u32 {
    if of_one { 6 } else { 80 }
}

/// Our executions, of one order or of a symbol.
pub(super) const fn my_trades(of_order: bool) -> u32 {
    if of_order { 5 } else { 20 }
}
