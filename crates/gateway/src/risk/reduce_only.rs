//! Guardrail: an order that says it only reduces does.
//!
//! All live reducing orders are counted together: two orders that each close the whole position
//! would together open the opposite one.

use model::{NetQty, OrderSpec, Refusal};

use crate::books::Exposure;

/// The order is no larger than what of the position nothing else works to close.
pub(super) fn check(order: &OrderSpec, exposure: &Exposure) -> Result<(), Refusal> {
    let closable = exposure.closable(order.side);
    if order.qty <= closable {
        return Ok(());
    }
    Err(Refusal::NotReducing {
        position: NetQty::of(order.side.opposite(), closable),
        qty: order.qty,
    })
}
