//! Guardrail: an order does to its agent's position what the agent says.
//!
//! An agent with a sign turned round closes by opening and protects a position by doubling it, each time with
//! an order that is good by itself. Where it says what an order is for, the two are compared.

use model::{NetQty, PositionEffect, Qty, Refusal, Side};

use crate::books::Exposure;

/// `held` is what the agent itself holds and has open.
pub(super) fn check(
    declared: Option<PositionEffect>,
    (side, qty): (Side, Qty),
    held: &Exposure,
) -> Result<(), Refusal> {
    let Some(declared) = declared else { return Ok(()) };
    let closable = held.closable(side);
    let (does, position) = match declared {
        PositionEffect::Close => (qty <= closable, NetQty::of(side.opposite(), closable)),
        PositionEffect::Open => (held.position.side() != Some(side.opposite()), held.position),
    };
    if does { Ok(()) } else { Err(Refusal::Effect { declared, position }) }
}
