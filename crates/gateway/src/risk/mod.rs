//! Pre-trade guardrails: every order passes all of them, in this order, or is refused.
//!
//! Each is a small pure function in a file of its own. What passes is an [`Approved`] order, and
//! that type is the only thing the desk sends: it has a private field, no `From` and no
//! `Deserialize`, so nothing but [`approve`] can make one.

mod balance;
mod collar;
mod duplicate;
mod effect;
mod enabled;
mod exposure;
mod figures;
mod grid;
mod lease_fresh;
mod loss_headroom;
mod max_position;
mod messages;
mod open_orders;
mod order_rate;
mod order_size;
mod reduce_only;
mod reference;
mod refusals;
mod self_trade;
mod stops;
mod turnover;
mod walk;
mod worst_price;

use model::market::MarketView;
use model::{
    Amount, Instrument, Notional, OrderKind, OrderSpec, Passes, Price, Qty, Refusal, Scope,
    TimeInForce, Timestamp, TradingMode, TradingState,
};

pub use exposure::{Held, Worst};
pub(crate) use figures::figures;
pub(crate) use refusals::PAUSE;
pub use refusals::Refusals;

use crate::books::{AgentFlow, Exposure, Fingerprint, Standing};
use crate::headroom::Headroom;
use crate::lease::LeaseState;
use crate::limits::{AgentLimits, InstrumentLimits, Limits};
use crate::window::{Sums, Times};

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
    /// Is it one of the gateway's own slices, by which it closes a position?
    pub own_slice: bool,
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
    /// The agent itself.
    pub agent: AgentSituation<'a>,
    /// Whether the watchdog watches.
    pub lease: LeaseState,
    /// What this order may lose yet.
    pub headroom: Headroom,
    /// Where the reference price was a while ago; `None` when none is known.
    pub walked_from: Option<Price>,
    /// The worst that everything could become without the order.
    pub worst: Worst,
    /// Where the account's own orders of the instrument stand; `None` when there never were any.
    pub standing: Option<&'a Standing>,
    /// What was sent lately.
    pub lately: Lately<'a>,
    /// What the venue has refused of this instrument lately.
    pub refusals: &'a Refusals,
}

/// What is known of the agent itself.
#[derive(Clone, Copy, Debug)]
pub struct AgentSituation<'a> {
    /// Why it is disabled, if it is.
    pub disabled: Option<&'a str>,
    /// Its own limits, if it has any.
    pub limits: Option<&'a AgentLimits>,
}

/// What was sent lately; what is `None` sent nothing.
#[derive(Clone, Copy, Debug)]
pub struct Lately<'a> {
    /// By the agent.
    pub agent: Option<&'a AgentFlow>,
    /// By everybody.
    pub account: &'a Times,
    /// Of the instrument, in quote units.
    pub turnover: Option<&'a Sums>,
    /// By the agent, in everything that is paid in the same asset.
    pub agent_turnover: Option<&'a Sums>,
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
    enabled::check(situation.agent.disabled)?;
    lease_fresh::check(situation.now, situation.lease, order.reduce_only)?;
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
    if !order.reduce_only {
        // Out of a market that falls fast there has to be a way.
        let walked_from = situation.walked_from.unwrap_or(reference);
        walk::check(&order, walked_from, limits.walk_bps, limits.walk_window())?;
    }
    let from = worst_price::start(&order, reference);
    let wanted = Fingerprint::of(&order);
    let names_no_price = order.kind == OrderKind::Market;
    let mut bound = worst_price::bound(order, from, instrument.tick, limits.collar_bps)?;
    if names_no_price && !situation.own_slice {
        bound = self_trade::stop_short(bound, from, instrument.tick, situation.standing);
    }
    let (order, worst_price) = bound;
    let size = order_size::check(order.qty, worst_price, from, instrument, limits)?;
    effect::check(order.effect, (order.side, order.qty), &situation.worst.agent.exposure)?;
    if order.reduce_only {
        reduce_only::check(&order, &situation.exposure)?;
    }
    balance::check(order.side, order.qty, size.worst, situation.available)?;
    let could_execute = order.qty.checked_add(situation.shadow).ok_or(Refusal::Unrepresentable)?;
    max_position::check(order.side, could_execute, &situation.exposure, limits.position_max)?;
    exposures(situation, &order, instrument, reference, limits)?;
    if !situation.own_slice {
        // What rests is being taken back, and out of the position there has to be a way.
        self_trade::check(order.side, order.kind, worst_price, situation.standing)?;
    }
    open_orders::check(situation.open_orders, situation.limits.orders.open_max)?;
    let stops = situation.standing.map_or(0, Standing::stops);
    stops::check(order.kind, stops, situation.limits.orders.stops_max)?;
    if !situation.own_slice {
        // The gateway paces its own slices, and no agent is behind them.
        flow(situation, &order, (&wanted, size.most), instrument, limits)?;
    }
    if order.qty > situation.exposure.closable(order.side) {
        // What is open besides is taken out of what may be lost yet, each order at a price of its own.
        let could_lose = (order.side, could_execute);
        loss_headroom::check(
            situation.headroom,
            could_lose,
            worst_price,
            reference,
            limits.collar_bps,
        )?;
    }
    Ok(Approved { order, worst_price })
}

/// The worst case in money: of the instrument, the account and the agent.
fn exposures(
    situation: &Situation<'_>,
    order: &OrderSpec,
    instrument: &Instrument,
    reference: Price,
    limits: &InstrumentLimits,
) -> Result<(), Refusal> {
    let (what, quote) = ((order.side, order.qty), instrument.quote);
    let account_max = situation.limits.account.exposure_max.get(&quote);
    let worst = &situation.worst;
    exposure::check(what, worst, reference, limits.exposure_max, (quote, account_max))?;
    match situation.agent.limits {
        None => Ok(()),
        Some(own) => {
            exposure::check_agent(what, worst, reference, (quote, own.exposure_max.get(&quote)))
        }
    }
}

/// How much was sent lately: orders, messages, the same order, money.
fn flow(
    situation: &Situation<'_>,
    order: &OrderSpec,
    (wanted, most): (&Fingerprint, Notional),
    instrument: &Instrument,
    limits: &InstrumentLimits,
) -> Result<(), Refusal> {
    let (now, lately, of) = (situation.now, &situation.lately, &situation.limits.orders);
    let window = of.messages_window();
    if let Some(agent) = lately.agent {
        order_rate::check(now, &agent.orders, of)?;
        messages::check(now, &agent.messages, Scope::Agent, of.messages_max, window)?;
        duplicate::check(now, agent, wanted, of)?;
    }
    let account_max = situation.limits.account.messages_max;
    messages::check(now, lately.account, Scope::Account, account_max, window)?;
    if order.reduce_only {
        return Ok(());
    }
    let limit = (Scope::Instrument, limits.turnover_max, limits.turnover_window());
    turnover::check(now, lately.turnover, most, limit)?;
    let Some(own) = situation.agent.limits else { return Ok(()) };
    let quote = instrument.quote;
    let limit = own.turnover_max.get(&quote).ok_or_else(|| Refusal::NoLimit {
        scope: Scope::Agent,
        key: "turnover_max".to_owned(),
        asset: quote,
    })?;
    turnover::check(now, lately.agent_turnover, most, (Scope::Agent, *limit, own.turnover_window()))
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

/// What passes in which state is one table, `TradingState::row`; a fraction of the limits is what the
/// situation's limits are then.
fn trading_state(situation: &Situation<'_>, order: &OrderSpec) -> Result<(), Refusal> {
    let (state, cause) = situation.state;
    let passes = match state.row().orders {
        Passes::All | Passes::Fraction => true,
        Passes::Reducing => order.reduce_only,
        Passes::OwnSlices => situation.own_slice && order.reduce_only,
        Passes::None => false,
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
mod flow_tests;
#[cfg(test)]
mod tests;
