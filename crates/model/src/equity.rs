//! What an account is worth, as it is written down now and then.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::ids::Asset;
use crate::money::Amount;

/// What all that counts was worth at one moment, and what it is measured by. Amounts are in units of
/// `valuation`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EquityMark {
    /// The asset that everything is counted in.
    pub valuation: Asset,
    /// The assets that count: those for which a price is followed.
    pub assets: BTreeSet<Asset>,
    /// All of them together.
    pub equity: Amount,
    /// The most it ever was. A deposit or withdrawal changes it by the same factor as `equity`, so that what
    /// was lost before stays the same part of it.
    pub high: Amount,
    /// Which day, counted from 1970-01-01 in UTC by the venue's clock.
    pub day: i64,
    /// What it was when that day began; moved by deposits and withdrawals like `high`.
    pub day_start: Amount,
}
