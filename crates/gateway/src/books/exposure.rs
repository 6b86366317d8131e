//! What an instrument's position could become.

use model::{NetQty, Qty, Side};
use serde::{Deserialize, Serialize};

/// Position and everything open on each side, in base units. In doubt counts as open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exposure {
    /// Held now.
    pub position: NetQty,
    /// Open buys.
    pub working_buys: Qty,
    /// Open sells.
    pub working_sells: Qty,
}

impl Default for Exposure {
    fn default() -> Exposure {
        Exposure { position: NetQty::ZERO, working_buys: Qty::ZERO, working_sells: Qty::ZERO }
    }
}

impl Exposure {
    /// The position if `extra` and every open order on this side fill, and none on the other.
    /// `None` if that cannot be represented.
    pub fn worst(&self, side: Side, extra: Qty) -> Option<NetQty> {
        let working = match side {
            Side::Buy => self.working_buys,
            Side::Sell => self.working_sells,
        };
        let open = working.checked_add(extra)?;
        self.position.checked_add(NetQty::of(side, open))
    }

    /// What of the position is left once everything that works to close it has filled: positive
    /// sizes only, on the side that would close it.
    pub fn closable(&self, side: Side) -> Qty {
        match (self.position.side(), side) {
            (Some(Side::Buy), Side::Sell) => {
                self.position.size().saturating_sub(self.working_sells)
            }
            (Some(Side::Sell), Side::Buy) => self.position.size().saturating_sub(self.working_buys),
            _ => Qty::ZERO,
        }
    }

    /// Adds an open quantity, or takes it out again.
    pub(super) fn count(&mut self, side: Side, qty: Qty, add: bool) {
        let working = match side {
            Side::Buy => &mut self.working_buys,
            Side::Sell => &mut self.working_sells,
        };
        // A sum above 1.7 × 10²⁰ base units saturates: every limit is below it, so it refuses.
        *working = if add {
            working.checked_add(qty).unwrap_or_else(largest)
        } else {
            working.saturating_sub(qty)
        };
    }
}

pub(super) fn largest() -> Qty {
    Qty::try_from(model::Decimal::MAX).unwrap_or(Qty::ZERO)
}
