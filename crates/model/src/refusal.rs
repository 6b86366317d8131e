//! Why the gateway said no. Each refusal carries the limit and what it was compared with.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::ids::{Asset, InstrumentId};
use crate::intent::PositionEffect;
use crate::money::{Amount, NetQty, Notional, Price, Qty};
use crate::scope::Scope;
use crate::time::Timestamp;
use crate::trading_state::TradingState;

/// A guardrail's no. Nothing was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case", tag = "refusal")]
pub enum Refusal {
    /// The instrument is not on the allow-list.
    #[error("{instrument} is not on the allow-list")]
    InstrumentNotAllowed {
        /// What was asked for.
        instrument: InstrumentId,
    },
    /// The gateway does not add risk in this state.
    #[error("the gateway is {state:?}: {cause}")]
    NotTrading {
        /// State it is in.
        state: TradingState,
        /// Why.
        cause: String,
    },
    /// The intent came after its expiry.
    #[error("the intent expired at {expired}, it is {now}")]
    Expired {
        /// Its expiry.
        expired: Timestamp,
        /// When it was looked at.
        now: Timestamp,
    },
    /// No fresh reference price.
    #[error("reference price is {age:?} old, the limit is {limit:?}")]
    StalePrice {
        /// Largest age.
        limit: Duration,
        /// Its age; `None` when there is none at all.
        age: Option<Duration>,
    },
    /// Price off the instrument's grid.
    #[error("price {price} is not a multiple of the tick size {tick}")]
    OffTick {
        /// The price.
        price: Price,
        /// The tick size.
        tick: Price,
    },
    /// Quantity off the instrument's grid.
    #[error("qty {qty} is not a multiple of the lot size {lot}")]
    OffLot {
        /// The quantity.
        qty: Qty,
        /// The lot size.
        lot: Qty,
    },
    /// Below the venue's smallest quantity, or zero.
    #[error("qty {qty} is below the smallest quantity {limit}")]
    QtyTooSmall {
        /// Smallest quantity.
        limit: Qty,
        /// The quantity.
        qty: Qty,
    },
    /// Above the largest quantity, the venue's or ours.
    #[error("qty {qty} is above the limit {limit}")]
    QtyTooLarge {
        /// Largest quantity.
        limit: Qty,
        /// The quantity.
        qty: Qty,
    },
    /// Below the venue's smallest notional.
    #[error("notional {notional} is below the smallest notional {limit}")]
    NotionalTooSmall {
        /// Smallest notional.
        limit: Notional,
        /// Price × qty.
        notional: Notional,
    },
    /// Above the largest notional.
    #[error("notional {notional} is above the limit {limit}")]
    NotionalTooLarge {
        /// Largest notional.
        limit: Notional,
        /// Price × qty.
        notional: Notional,
    },
    /// Price too far from the gateway's own reference price.
    #[error("price {price} is outside the collar {low} to {high} around {reference}")]
    Collar {
        /// The order's price.
        price: Price,
        /// The gateway's own price.
        reference: Price,
        /// Lowest price allowed.
        low: Price,
        /// Highest price allowed.
        high: Price,
    },
    /// Not enough of the asset that pays.
    #[error("needs {needed}, {available} is available")]
    Balance {
        /// What the order would lock.
        needed: Amount,
        /// Free balance less what is on its way.
        available: Amount,
    },
    /// The position could become too large.
    #[error("position could reach {worst}, the limit is {limit}")]
    PositionLimit {
        /// Largest position.
        limit: NetQty,
        /// Position if everything that adds to it fills.
        worst: NetQty,
    },
    /// Worst-case exposure in quote units.
    #[error("exposure of {scope} could reach {worst}, the limit is {limit}")]
    ExposureLimit {
        /// Of what.
        scope: Scope,
        /// Largest exposure.
        limit: Notional,
        /// Exposure if everything that adds to it fills.
        worst: Notional,
    },
    /// A reduce-only order that would not only reduce.
    #[error("reduce-only order of {qty} against a position of {position}")]
    NotReducing {
        /// Position less what already works to close it.
        position: NetQty,
        /// The order.
        qty: Qty,
    },
    /// Too many open orders.
    #[error("{open} orders are open, the limit is {limit}")]
    OpenOrders {
        /// Largest number.
        limit: u32,
        /// Open and in doubt.
        open: u32,
    },
    /// Too many orders in a time.
    #[error("{sent} orders in {window:?}, the limit is {limit}")]
    OrderRate {
        /// Largest number.
        limit: u32,
        /// Sent in the window.
        sent: u32,
        /// The window.
        window: Duration,
    },
    /// Too many messages to the venue in a time.
    #[error("{sent} orders and cancels of {scope} in {window:?}, the limit is {limit}")]
    MessageRate {
        /// Of what.
        scope: Scope,
        /// Largest number.
        limit: u32,
        /// Sent in the window.
        sent: u32,
        /// The window.
        window: Duration,
    },
    /// The same order again.
    #[error("{alike} orders like this one in {window:?}, the limit is {limit}")]
    Duplicate {
        /// Largest number.
        limit: u32,
        /// Of the same instrument, side, kind, prices and quantity, sent in the window.
        alike: u32,
        /// The window.
        window: Duration,
    },
    /// Too much was ordered in a time.
    #[error("orders of {scope} could come to {notional} in {window:?}, the limit is {limit}")]
    Turnover {
        /// Of what.
        scope: Scope,
        /// Largest sum, quote units.
        limit: Notional,
        /// The sum with this order.
        notional: Notional,
        /// The window.
        window: Duration,
    },
    /// Price too far from where the reference price was a while ago.
    #[error(
        "price {price} is outside {low} to {high} around {reference}, the price of {window:?} ago"
    )]
    Walk {
        /// The order's price.
        price: Price,
        /// The gateway's own price then.
        reference: Price,
        /// Lowest price allowed.
        low: Price,
        /// Highest price allowed.
        high: Price,
        /// How long ago.
        window: Duration,
    },
    /// It would trade with another order of the same account.
    #[error("at {price} it would meet an order of this account that stands at {resting}")]
    SelfTrade {
        /// The worst price that it can trade at.
        price: Price,
        /// The best price of the account's own orders on the other side.
        resting: Price,
    },
    /// Too many stop orders of one instrument.
    #[error("{open} stop orders are open, the limit is {limit}")]
    Stops {
        /// Largest number.
        limit: u32,
        /// Open and in doubt, of all agents.
        open: u32,
    },
    /// The order would do something else to the agent's position than the agent says.
    #[error("declared to {declared:?}, and the agent's position is {position}")]
    Effect {
        /// What it was said to do.
        declared: PositionEffect,
        /// What the agent holds, less what already works to close it.
        position: NetQty,
    },
    /// The agent is disabled.
    #[error("the agent is disabled until a person enables it: {cause}")]
    AgentDisabled {
        /// Why.
        cause: String,
    },
    /// The watchdog has not renewed the right to add risk.
    #[error("no lease of the watchdog since {since}, the limit is {limit:?}")]
    Lease {
        /// When the last one ended.
        since: Timestamp,
        /// How long it may be missing.
        limit: Duration,
    },
    /// The loss that the order could make is more than may still be lost.
    #[error("could lose {worst}, and {limit} may be lost yet")]
    LossHeadroom {
        /// What is left to lose, quote units.
        limit: Notional,
        /// What the order could lose at the other end of the collar.
        worst: Notional,
    },
    /// A limit on losses holds, and what is left of it is not known.
    #[error("what may be lost yet is not known")]
    HeadroomUnknown,
    /// A position counts in a limit, and there is no price to value it by.
    #[error("there is no price to value {instrument} by")]
    NoValue {
        /// Of which instrument.
        instrument: InstrumentId,
    },
    /// The limits have no figure for what the order is paid in.
    #[error("the limits of {scope} have no {key} for {asset}")]
    NoLimit {
        /// Of what.
        scope: Scope,
        /// Which limit.
        key: String,
        /// What it is paid in.
        asset: Asset,
    },
    /// The best bid and ask are so far apart that their middle is no price.
    #[error(
        "bid {bid} and ask {ask} are farther apart than the collar of {collar_bps} bps either way"
    )]
    WideSpread {
        /// Best bid.
        bid: Price,
        /// Best ask.
        ask: Price,
        /// Farthest that each may be from the middle, hundredths of a percent.
        collar_bps: u32,
    },
    /// The venue refuses what is sent for this instrument, and is left alone for a moment.
    #[error("the venue has refused {in_a_row} orders in a row; the next may be tried at {until}")]
    VenueRefuses {
        /// Orders it has refused since it last took one.
        in_a_row: u32,
        /// From when on the next one is let through.
        until: Timestamp,
    },
    /// Only a part of the limits holds yet, and by all of them it would have been let through, or refused for
    /// another reason.
    #[error("the ramp is at {percent} % of the limits: {because}")]
    Ramp {
        /// The part that holds, percent.
        percent: u32,
        /// What that part refuses, with the limit as it is now and the figure.
        because: Box<Refusal>,
    },
    /// The venue has no such order and the gateway does not emulate it.
    #[error("{what} is not offered here")]
    Unsupported {
        /// What was asked for.
        what: String,
    },
    /// A cancel of something that is not there, or is over.
    #[error("no open order of that intent")]
    NothingToCancel,
    /// A sum that does not fit: what cannot be counted cannot be allowed.
    #[error("a number in this order is too large to be counted")]
    Unrepresentable,
}
