//! Guardrail: the asset that pays is there, less what other orders have been promised.

use model::{Amount, Notional, Qty, Refusal, Side};

/// A buy needs quote at its worst price, a sell needs base. Refuses when the funds cannot be
/// counted: what can't be counted can't be allowed.
pub(super) fn check(
    side: Side,
    qty: Qty,
    worst_notional: Notional,
    available: Option<Amount>,
) -> Result<(), Refusal> {
    let available = available.ok_or(Refusal::Unrepresentable)?;
    let needed = match side {
        Side::Sell => Amount::from(qty),
        Side::Buy => Amount::from(worst_notional),
    };
    if needed <= available { Ok(()) } else { Err(Refusal::Balance { needed, available }) }
}
