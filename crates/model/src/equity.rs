//! What an account is worth, as it is written down now and then.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

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
    pub assets: CountedAssets,
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

/// Assets that count. They hardly ever change and are written down every minute, so all marks share one set of them.
#[derive(Clone, Default)]
pub struct CountedAssets(Arc<BTreeSet<Asset>>);

impl Deref for CountedAssets {
    type Target = BTreeSet<Asset>;

    fn deref(&self) -> &BTreeSet<Asset> {
        &self.0
    }
}

impl PartialEq for CountedAssets {
    fn eq(&self, other: &CountedAssets) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0 == other.0
    }
}

impl Eq for CountedAssets {}

impl FromIterator<Asset> for CountedAssets {
    fn from_iter<I: IntoIterator<Item = Asset>>(assets: I) -> CountedAssets {
        CountedAssets(Arc::new(assets.into_iter().collect()))
    }
}

impl<const N: usize> From<[Asset; N]> for CountedAssets {
    fn from(assets: [Asset; N]) -> CountedAssets {
        assets.into_iter().collect()
    }
}

impl fmt::Debug for CountedAssets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for CountedAssets {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for CountedAssets {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<CountedAssets, D::Error> {
        BTreeSet::deserialize(deserializer).map(|assets| CountedAssets(Arc::new(assets)))
    }
}
