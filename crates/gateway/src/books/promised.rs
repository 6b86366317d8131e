//! What open orders will take from the free balance and the venue's figure does not show yet, added up order by
//! order so that a guardrail reads it.

use std::collections::BTreeMap;

use model::{Amount, Asset};
use serde::{Deserialize, Serialize};

/// Sums of promises.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Promised {
    of: BTreeMap<Asset, Amount>,
    /// One of them was none that can be counted: what is left is not known any more.
    uncountable: bool,
}

impl Promised {
    /// What an asset is promised. `None` when that cannot be told.
    pub(super) fn of(&self, asset: Asset) -> Option<Amount> {
        let sum = self.of.get(&asset).copied().unwrap_or(Amount::ZERO);
        Some(sum).filter(|_| !self.uncountable)
    }

    pub(super) fn count(&mut self, promise: Option<(Asset, Amount)>, add: bool) {
        let Some((asset, amount)) = promise else {
            self.uncountable = true;
            return;
        };
        let sum = self.of.entry(asset).or_insert(Amount::ZERO);
        match if add { sum.checked_add(amount) } else { sum.checked_sub(amount) } {
            Some(counted) => *sum = counted,
            None => self.uncountable = true,
        }
    }
}
