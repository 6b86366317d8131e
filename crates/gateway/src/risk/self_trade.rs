//! Guardrail: an order does not meet another order of the same account.
//!
//! Two agents that trade with each other pay two fees for nothing, and to everybody else it looks like a
//! market that is not there. Measured by the worst price that the order can trade at: what stands between it
//! and the other order may be gone when it arrives. Whoever placed the other order, it counts as long as it
//! may be on the book. What meets only later, when a trigger is reached, is left to the venue's own
//! prevention.
//!
//! An order that names no price is not refused but stops short of the other order, where that leaves it room.

use model::{OrderKind, OrderSpec, Price, Refusal, Side, Step};

use crate::books::Standing;

/// A market order names no price: it stops short of the account's own order, as long as that leaves it room from
/// the reference price on. What stands before that order is what it would have traded with anyway.
pub(super) fn stop_short(
    (order, worst_price): (OrderSpec, Price),
    from: Price,
    tick: Step,
    standing: Option<&Standing>,
) -> (OrderSpec, Price) {
    let side = order.side;
    let best = standing.and_then(|standing| standing.best(side.opposite()));
    let short = |resting: Price| {
        let (resting, tick) = (resting.get(), tick.get());
        let price = match side {
            Side::Buy => resting.checked_sub(tick)?,
            Side::Sell => resting.checked_add(tick)?,
        };
        Price::try_from(price).ok()
    };
    let is_between = |price: &Price| match side {
        Side::Buy => (from..worst_price).contains(price),
        Side::Sell => *price > worst_price && *price <= from,
    };
    match best.and_then(short).filter(is_between) {
        Some(price) => (OrderSpec { kind: OrderKind::Limit { price }, ..order }, price),
        None => (order, worst_price),
    }
}

/// `worst_price` is what the order is sent with.
pub(super) fn check(
    side: Side,
    kind: OrderKind,
    worst_price: Price,
    standing: Option<&Standing>,
) -> Result<(), Refusal> {
    let best = standing.and_then(|standing| standing.best(side.opposite()));
    let Some(resting) = best.filter(|_| kind.trigger().is_none()) else { return Ok(()) };
    let meets = match side {
        Side::Buy => worst_price >= resting,
        Side::Sell => worst_price <= resting,
    };
    if meets { Err(Refusal::SelfTrade { price: worst_price, resting }) } else { Ok(()) }
}
