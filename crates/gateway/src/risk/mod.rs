//! Pre-trade guardrails: every order passes all of them, in this order, or is refused.
//!
//! Each is a small pure function in a file of its own. What passes is an [`Approved`] order, and
//! that type is the only thing the desk sends: it has a private field, no `From` and no
//! `Deserialize`, so nothing but [`approve`] can make one.

mod balance;
mod collar;
mod grid;
mod max_position;
mod open_orders;
mod order_rate;
mod order_size;
mod reduce_only;
mod reference;
mod refusals;
mod worst_price;

use model::market::MarketView;
use model::{
    Amount, Instrument, OrderKind, OrderSpec, Price, Qty, Refusal, TimeInForce, Timestamp,
    TradingMode, TradingState,
};

pub use order_rate::OrderRate;
pub(crate) use refusals::PAUSE;
pub use refusals::Refusals;

use crate::books::Exposure;
use crate::limits::{InstrumentLimits, Limits};

/// An order that has passed every guardrail, as it goes to the venue: with a limit price, whatever
/// the agent asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approved<Order> {
    order: Order,
    worst_price: Price,
}

impl<Order> Approved<Order> {
    /// The order.
    pub fn order(&self) -> &Order {
        &self.order
    }

    /// The worst price it can trade at: the limit it is sent with.
    pub fn worst_price(&self) -> Price {
        self.worst_price
    }

    /// Takes the order out.
    pub fn into_order(self) -> Order {
        self.order
    }
}

/// Everything the guardrails look at. Gathered by the gateway, so that each check is a function of
/// plain values.
pub struct Situation<'a> {
    /// Now.
    pub now: Timestamp,
    /// The venue's clock minus ours, milliseconds.
    pub venue_ahead_ms: i64,
    /// What the gateway lets through, and why.
    pub state: (TradingState, &'a str),
    /// All limits.
    pub limits: &'a Limits,
    /// The market of the order's instrument; `None` when it is not followed.
    pub market: Option<&'a MarketView>,
    /// Position and open orders of the instrument.
    pub exposure: Exposure,
    /// What counts on the order's side besides, in the position limit alone: orders that were lately proven
    /// absent, base units.
    pub shadow: Qty,
    /// Funds at hand in the asset the order pays with, less promises; `None` when they cannot be
    /// counted.
    pub available: Option<Amount>,
    /// Orders open or in doubt.
    pub open_orders: u32,
    /// New orders of this agent lately.
    pub rate: &'a OrderRate,
    /// What the venue has refused of this instrument lately.
    pub refusals: &'a Refusals,
}

/// Runs every guardrail over an order. What passes may differ from what was asked in one thing: an
/// order without a limit price has got one (`worst_price.rs`).
pub fn approve(
    situation: &Situation<'_>,
    order: OrderSpec,
) -> Result<Approved<OrderSpec>, Refusal> {
    let (market, limits) = allowed(situation, &order)?;
    let instrument = market.instrument();
    trading_state(situation, &order)?;
    supported(instrument, &order)?;
    situation.refusals.check(situation.now)?;
    let age_max = situation.limits.reference_age_max();
    let reference = reference::check(
        situation.now,
        market,
        situation.venue_ahead_ms,
        age_max,
        limits.collar_bps,
    )?;
    grid::check(&order, instrument)?;
    collar::check(&order, reference, limits.collar_bps)?;
    let from = worst_price::start(&order, reference);
    let (order, worst_price) = worst_price::bound(order, from, instrument.tick, limits.collar_bps)?;
    let worst_notional = order_size::check(order.qty, worst_price, from, instrument, limits)?;
    if order.reduce_only {
        reduce_only::check(&order, &situation.exposure)?;
    }
    balance::check(order.side, order.qty, worst_notional, situation.available)?;
    let could_execute = order.qty.checked_add(situation.shadow).ok_or(Refusal::Unrepresentable)?;
    max_position::check(order.side, could_execute, &situation.exposure, limits.position_max)?;
    open_orders::check(situation.open_orders, situation.limits.orders.open_max)?;
    situation.rate.check(situation.now, &situation.limits.orders)?;
    Ok(Approved { order, worst_price })
}

/// Instrument allowed: followed, listed in the limits, and live at the venue.
fn allowed<'a>(
    situation: &'a Situation<'_>,
    order: &OrderSpec,
) -> Result<(&'a MarketView, &'a InstrumentLimits), Refusal> {
    let instrument = order.instrument;
    let limits = situation.limits.instrument.get(&instrument);
    situation.market.zip(limits).ok_or(Refusal::InstrumentNotAllowed { instrument })
}

/// Only what shrinks a position passes in any state but active, and nothing in starting or halted.
fn trading_state(situation: &Situation<'_>, order: &OrderSpec) -> Result<(), Refusal> {
    let (state, cause) = situation.state;
    let passes = match state {
        TradingState::Active => true,
        TradingState::Reducing => order.reduce_only,
        TradingState::Starting | TradingState::Halted => false,
    };
    if passes { Ok(()) } else { Err(Refusal::NotTrading { state, cause: cause.to_owned() }) }
}

/// What no spot venue of ours offers and the gateway does not emulate, said before it is sent.
fn supported(instrument: &Instrument, order: &OrderSpec) -> Result<(), Refusal> {
    let unsupported = |what: &str| Err(Refusal::Unsupported { what: what.to_owned() });
    match instrument.mode {
        TradingMode::Live => {}
        TradingMode::CancelOnly => return unsupported("a new order while the venue only cancels"),
        TradingMode::Halted => return unsupported("a new order while the venue is halted"),
    }
    match (order.time_in_force, order.kind) {
        (TimeInForce::Gtd(_), _) => unsupported("good till date"),
        (TimeInForce::Fok | TimeInForce::Ioc, _) if order.post_only => {
            unsupported("post-only that may not rest")
        }
        (_, OrderKind::Limit { .. }) => Ok(()),
        (_, _) if order.post_only => unsupported("post-only for anything but a limit order"),
        (_, _) => Ok(()),
    }
}

#[cfg(test)]
mod tests;
