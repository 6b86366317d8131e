//! A move of balances that executions do not explain yet.

use std::collections::BTreeMap;

use super::super::window::PERSISTS_MS;
use crate::amount::Amount;

/// A difference that nothing explains is left out of the comparison for so long, ms, or for three readings
/// of executions if that is longer. Then it is a loss: in doubt it trips.
pub(super) const PENDING_MIN_MS: u64 = 15_000;

pub(super) fn pending_max_ms(fills_ms: u64) -> u64 {
    PENDING_MIN_MS.max(3 * fills_ms)
}

/// A difference of some balances that executions do not explain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pending {
    pub(super) differences: BTreeMap<String, Amount>,
    /// Since when it is this one.
    pub(super) since_ms: u64,
    /// Since when there is one: whoever takes a little every few seconds is not waited for again each time.
    pub(super) first_ms: u64,
    /// When executions were first read since it was seen, ms.
    pub(super) read_ms: Option<u64>,
}

impl Pending {
    /// Whether it has been the same for a second at this time.
    pub(super) fn is_ripe(&self, steady_ms: u64) -> bool {
        steady_ms >= self.since_ms.saturating_add(PERSISTS_MS)
    }
}
