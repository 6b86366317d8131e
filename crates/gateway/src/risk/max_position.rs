//! Guardrail: the largest position an instrument may reach, in base units.
//!
//! A limit on the position held now is no limit: ten orders pass it one by one and then fill
//! together. So the check assumes the worst: every open order on this side fills, the ones in doubt
//! and those that were lately proven absent too, and none on the other side does. One-sided on
//! purpose: a buy can break only the long limit and a sell only the short one, so a position that is
//! already too large may be shrunk.

use model::{NetQty, Qty, Refusal, Side};

use crate::books::Exposure;

/// Refuses when the sum cannot be represented: what can't be counted can't be allowed.
/// `qty` is that of the order, and what may execute besides.
pub(super) fn check(side: Side, qty: Qty, exposure: &Exposure, max: Qty) -> Result<(), Refusal> {
    let worst = exposure.worst(side, qty).ok_or(Refusal::Unrepresentable)?;
    let limit = NetQty::of(side, max);
    let within = match side {
        Side::Buy => worst <= limit,
        Side::Sell => worst >= limit,
    };
    if within { Ok(()) } else { Err(Refusal::PositionLimit { worst, limit }) }
}
