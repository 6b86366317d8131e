//! What it says: to the gateway with each heartbeat, and to a person who asks.

use serde::Serialize;

use super::Core;
use super::heart::SUSPECT_MS;
use super::marks::Expected;
use super::words::{Moment, Side};
use crate::amount::Amount;

/// The answer to a heartbeat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// For how long the gateway may send what adds risk, from the moment it sent the heartbeat, ms.
    pub lease_ms: u64,
    /// The latch is set: the gateway latches, too.
    pub halted: bool,
    /// Why.
    pub cause: String,
    /// What the account is worth at the exchange.
    pub equity: Option<Amount>,
    /// The exchange can be read.
    pub watching: bool,
}

/// An open order, as a person reads it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OpenOrder {
    /// The exchange's text for what is traded.
    pub symbol: String,
    /// The exchange's name of the order.
    pub id: String,
    /// Its owner's name of it.
    pub client_id: String,
    /// `buy` or `sell`.
    pub side: &'static str,
    /// Limit or trigger.
    pub price: Option<Amount>,
    /// What is left of it.
    pub leaves: Option<Amount>,
    /// It has to go when the kill switch trips.
    pub entry: bool,
}

/// What is held of an asset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Holding {
    /// Which.
    pub asset: String,
    /// How much.
    pub total: Amount,
    /// What it is worth, in the quote of the limits.
    pub value: Option<Amount>,
}

/// All that a person wants to know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Status {
    /// The latch is set.
    pub halted: bool,
    /// Why, as a word.
    pub kind: Option<&'static str>,
    /// Why, in figures.
    pub cause: Option<String>,
    /// When, milliseconds since the Unix epoch.
    pub since_ms: Option<i64>,
    /// The latch is on the disk.
    pub durable: Option<bool>,
    /// The exchange shows no entry order since the latch.
    pub cleared: Option<bool>,
    /// Cancels that the exchange took since the latch.
    pub canceled: usize,
    /// The exchange can be read.
    pub watching: bool,
    /// Age of the newest list of open orders, ms; `None` before the first one.
    pub list_age_ms: Option<u64>,
    /// Why not.
    pub problem: Option<String>,
    /// What the account is worth.
    pub equity: Option<Amount>,
    /// The most it was worth, moved by transfers.
    pub high_water: Option<Amount>,
    /// What it was worth when the day began, UTC, moved by transfers.
    pub day_open: Option<Amount>,
    /// What left the account today and nothing explains, in the quote of the limits.
    pub unexplained: Amount,
    /// Transfers that are known of and have not left yet.
    pub expected: Vec<Expected>,
    /// The gateway has a lease.
    pub lease: bool,
    /// Age of the gateway's last heartbeat, ms.
    pub heartbeat_age_ms: Option<u64>,
    /// What the gateway said of its state.
    pub gateway_state: Option<String>,
    /// Requests and heartbeats that were forged, replayed or had the wrong token.
    pub refused: u64,
    /// What is open.
    pub open_orders: Vec<OpenOrder>,
    /// What is held.
    pub positions: Vec<Holding>,
}

impl Core {
    /// What a gateway is told that has just beaten; `session` is its own.
    pub fn answer(&self, now: Moment, session: u64) -> Answer {
        let watching = self.seen.is_watching(now.steady_ms);
        let newest = self.heart.last(now.steady_ms).is_some_and(|(_, b)| b.session == session);
        let leases =
            self.latch.is_none() && watching && newest && self.heart.is_fresh(now.steady_ms);
        let cause =
            self.latch.as_ref().map(|latch| format!("{}: {}", latch.kind.key(), latch.cause));
        Answer {
            lease_ms: if leases { SUSPECT_MS } else { 0 },
            halted: self.latch.is_some(),
            cause: cause.unwrap_or_default(),
            equity: self.ledger.equity(),
            watching,
        }
    }

    pub(super) fn open_orders(&self) -> Vec<OpenOrder> {
        let entries = self.entry_orders();
        let orders = self.seen.orders().unwrap_or_default().iter();
        let row = |order: &super::words::Order| OpenOrder {
            symbol: order.symbol.clone(),
            id: order.id.clone(),
            client_id: order.client_id.clone(),
            side: if order.side == Side::Buy { "buy" } else { "sell" },
            price: order.price,
            leaves: order.leaves,
            entry: entries.iter().any(|entry| entry.id == order.id),
        };
        orders.map(row).collect()
    }

    pub(super) fn holdings(&self) -> Vec<Holding> {
        let held = self.ledger.balances().iter().filter(|balance| !balance.total.is_zero());
        held.map(|balance| Holding {
            asset: balance.asset.clone(),
            total: balance.total,
            value: self
                .ledger
                .price(&balance.asset)
                .and_then(|price| price.checked_mul(balance.total)),
        })
        .collect()
    }

    /// How it is now.
    pub fn status(&self, now: Moment) -> Status {
        let ms = now.steady_ms;
        let (latch, marks) = (self.latch.as_ref(), self.ledger.marks());
        let watching = self.seen.is_watching(ms);
        let last = self.heart.last(ms);
        let lease = last.is_some_and(|(_, beat)| self.answer(now, beat.session).lease_ms > 0);
        let clearing = self.clearing.as_ref();
        Status {
            halted: latch.is_some(),
            kind: latch.map(|latch| latch.kind.key()),
            cause: latch.map(|latch| latch.cause.clone()),
            since_ms: latch.map(|latch| latch.at_ms),
            durable: latch.map(|_| self.write_due_ms.is_none()),
            cleared: clearing.map(|clearing| clearing.clear_ms.is_some()),
            canceled: clearing.map_or(0, |clearing| clearing.canceled),
            watching,
            list_age_ms: self.seen.list_age_ms(ms),
            problem: (!watching).then(|| self.seen.blind_since(ms).1.to_owned()),
            equity: self.ledger.equity(),
            high_water: marks.high_water,
            day_open: marks.day_open,
            unexplained: marks.unexplained,
            expected: marks.expected.clone(),
            lease,
            heartbeat_age_ms: last.map(|(age, _)| age),
            gateway_state: last.map(|(_, beat)| beat.state.clone()),
            refused: self.refused,
            open_orders: self.open_orders(),
            positions: self.holdings(),
        }
    }
}
