//! The limits that guardrails compare with. They live in a file of their own and have no defaults:
//! a limit nobody wrote down is a limit nobody has thought about.

use std::collections::BTreeMap;
use std::time::Duration;

use model::{InstrumentId, Notional, Qty};
use serde::{Deserialize, Serialize};

/// All limits of one account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Oldest reference price that may back an order that adds risk, milliseconds.
    pub reference_age_max_ms: u64,
    /// Limits on the flow of orders.
    pub orders: OrderFlowLimits,
    /// Limits per instrument. One that is not listed here cannot be traded.
    pub instrument: BTreeMap<InstrumentId, InstrumentLimits>,
}

/// Limits on the flow of orders of one account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrderFlowLimits {
    /// Orders open or in doubt at one time.
    pub open_max: u32,
    /// New orders of one agent within `rate_window_ms`.
    pub rate_max: u32,
    /// Length of the sliding window, milliseconds.
    pub rate_window_ms: u64,
}

/// Limits on one instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InstrumentLimits {
    /// Largest quantity of one order, base units.
    pub qty_max: Qty,
    /// Largest price × qty of one order, quote units.
    pub notional_max: Notional,
    /// Largest position either way, base units, with everything open filled.
    pub position_max: Qty,
    /// Farthest an order's price may be from the reference price, hundredths of a percent.
    pub collar_bps: u32,
}

impl Limits {
    /// Age limit of the reference price.
    pub fn reference_age_max(&self) -> Duration {
        Duration::from_millis(self.reference_age_max_ms)
    }
}

impl OrderFlowLimits {
    /// The sliding window of the order rate.
    pub fn rate_window(&self) -> Duration {
        Duration::from_millis(self.rate_window_ms)
    }
}
