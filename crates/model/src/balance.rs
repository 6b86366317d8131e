//! What an account holds of one asset.

use serde::{Deserialize, Serialize};

use crate::money::Amount;

/// Balance of one asset as the venue counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Balance {
    /// At hand.
    pub free: Amount,
    /// Set aside for open orders.
    pub locked: Amount,
}

impl Balance {
    /// Nothing.
    pub const ZERO: Balance = Balance { free: Amount::ZERO, locked: Amount::ZERO };

    /// Free and locked together; `None` on overflow.
    pub fn total(&self) -> Option<Amount> {
        self.free.checked_add(self.locked)
    }

    /// Both together with those of another one; `None` on overflow.
    pub fn checked_add(self, other: Balance) -> Option<Balance> {
        Some(Balance {
            free: self.free.checked_add(other.free)?,
            locked: self.locked.checked_add(other.locked)?,
        })
    }
}

impl Default for Balance {
    fn default() -> Balance {
        Balance::ZERO
    }
}
