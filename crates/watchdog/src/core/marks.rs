//! The marks that the account is measured against, and what explains its balances: all that survives a restart.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::words::Transfer;
use crate::amount::Amount;

/// Where the next reading of executions begins, by symbol, in the exchange's own terms.
pub type Cursors = BTreeMap<String, String>;

/// The form that is written. Form 1 had no `priced`, `expected`, `seen`, `settled_ms` and `unexplained`.
pub const FORM: u32 = 2;
/// A transfer that a person has announced is waited for so long, ms.
pub const ANNOUNCED_MS: i64 = 3_600_000;
/// One that the exchange's history has shown has been taken from the balance already, or is about to be, ms.
const SHOWN_MS: i64 = 600_000;
/// Transfers that are waited for at once.
pub const EXPECTED_MAX: usize = 32;

/// What survives a restart.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Marks {
    /// Version of this form.
    pub v: u32,
    /// The most that the account was worth, moved by transfers; in the quote of the limits.
    pub high_water: Option<Amount>,
    /// Days since the Unix epoch, UTC, by the exchange's clock.
    pub day: i64,
    /// What it was worth when the day began, moved by transfers.
    pub day_open: Option<Amount>,
    /// Balances at the first look.
    pub anchor: BTreeMap<String, Amount>,
    /// What executions have moved since.
    pub traded: BTreeMap<String, Amount>,
    /// What moved since without an execution: transfers, and what nothing explains.
    pub transferred: BTreeMap<String, Amount>,
    /// Where the next reading of executions begins.
    pub cursors: Cursors,
    /// Assets that ever had a price. One that never had is worth nothing; one that has none any more is not known.
    #[serde(default)]
    pub priced: BTreeSet<String>,
    /// What is to leave, by the word of a person or of the exchange, and has not yet.
    #[serde(default)]
    pub expected: Vec<Expected>,
    /// Transfers of the exchange's history that were counted already, by its name for them.
    #[serde(default)]
    pub seen: BTreeSet<String>,
    /// When all balances were explained last after something had come or gone: history before that is not asked
    /// for, nor believed. Milliseconds since the Unix epoch, by the exchange's clock.
    #[serde(default)]
    pub settled_ms: i64,
    /// What has left since the beginning of the day, and nothing explains; in the quote of the limits.
    #[serde(default)]
    pub unexplained: Amount,
}

/// A transfer out of the account that is known of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    /// Of what.
    pub asset: String,
    /// How much of it leaves, above zero; less, once a part has left.
    pub amount: Amount,
    /// It is waited for no longer than this, milliseconds since the Unix epoch by the exchange's clock.
    pub until_ms: i64,
}

impl Marks {
    /// As this version keeps them. In form 1 nothing was valued before all of it had a price.
    pub fn upgraded(mut self) -> Marks {
        if self.v == 1 {
            self.priced = self.anchor.keys().cloned().collect();
        }
        self.v = FORM;
        self
    }

    /// By what an asset has moved since the first look, as far as that is explained, and what there was then.
    pub fn known(&self, asset: &str) -> Option<Amount> {
        let of = |sums: &BTreeMap<String, Amount>| sums.get(asset).copied().unwrap_or_default();
        of(&self.anchor).checked_add(of(&self.traded))?.checked_add(of(&self.transferred))
    }

    /// A person says that so much is about to leave. `false` where too much is waited for already.
    pub fn announced(&mut self, utc_ms: i64, asset: String, amount: Amount) -> bool {
        self.wait_for(asset, amount, utc_ms, ANNOUNCED_MS)
    }

    /// The exchange's history shows this. What was counted before, or is from before the last settlement, is
    /// not counted again.
    pub fn shown(&mut self, utc_ms: i64, transfers: Vec<Transfer>) {
        for Transfer { id, asset, amount, at_ms } in transfers {
            if at_ms < self.settled_ms || !self.seen.insert(id) {
                continue;
            }
            self.wait_for(asset, amount, utc_ms, SHOWN_MS);
        }
    }

    fn wait_for(&mut self, asset: String, amount: Amount, utc_ms: i64, for_ms: i64) -> bool {
        self.forget(utc_ms);
        let fits = self.expected.len() < EXPECTED_MAX && amount.is_positive();
        if fits {
            let until_ms = utc_ms.saturating_add(for_ms);
            self.expected.push(Expected { asset, amount, until_ms });
        }
        fits
    }

    fn forget(&mut self, utc_ms: i64) {
        self.expected.retain(|one| one.until_ms > utc_ms);
    }

    /// How much of an asset may leave now.
    pub fn may_leave(&self, utc_ms: i64, asset: &str) -> Amount {
        let waits = self.expected.iter().filter(|one| one.asset == asset && one.until_ms > utc_ms);
        waits.fold(Amount::ZERO, |sum, one| sum.checked_add(one.amount).unwrap_or(Amount::MAX))
    }

    /// So much of it has left.
    pub fn has_left(&mut self, utc_ms: i64, asset: &str, amount: Amount) {
        let mut rest = amount;
        for one in self.expected.iter_mut().filter(|one| one.asset == asset) {
            let part = rest.min(one.amount);
            one.amount = one.amount.checked_sub(part).unwrap_or_default();
            rest = rest.checked_sub(part).unwrap_or_default();
        }
        self.expected.retain(|one| one.amount.is_positive());
        self.forget(utc_ms);
    }

    /// All balances are explained, or booked as what nothing explains.
    pub fn settled(&mut self, utc_ms: i64) {
        if utc_ms > self.settled_ms {
            self.settled_ms = utc_ms;
            // What is older is not asked for any more.
            self.seen.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transfer(id: &str, amount: i64, at_ms: i64) -> Transfer {
        Transfer { id: id.into(), asset: "USDT".into(), amount: Amount::whole(amount), at_ms }
    }

    #[test]
    fn what_the_history_shows_counts_once_and_not_from_before() {
        let mut marks = Marks { settled_ms: 1_000, ..Marks::default() };
        let told = vec![transfer("a", 5, 999), transfer("b", 7, 1_000), transfer("c", 0, 1_001)];
        for now in [1_000, 2_000] {
            marks.shown(now, told.clone());
            assert_eq!(marks.may_leave(now, "USDT"), Amount::whole(7));
        }
        assert_eq!(marks.may_leave(2_000, "BTC"), Amount::ZERO);
        assert_eq!(marks.may_leave(1_000 + SHOWN_MS, "USDT"), Amount::ZERO, "too late");
        marks.has_left(2_000, "USDT", Amount::whole(3));
        assert_eq!(marks.may_leave(2_000, "USDT"), Amount::whole(4));
        marks.settled(5_000);
        marks.shown(6_000, told);
        assert_eq!(marks.may_leave(6_000, "USDT"), Amount::whole(4));
    }

    #[test]
    fn announcements_end_and_are_not_without_number() {
        let mut marks = Marks::default();
        for n in 0..=EXPECTED_MAX {
            assert_eq!(marks.announced(0, "USDT".into(), Amount::whole(1)), n < EXPECTED_MAX);
        }
        assert!(!marks.announced(0, "USDT".into(), Amount::ZERO));
        marks.has_left(0, "USDT", Amount::whole(30));
        assert_eq!(marks.may_leave(ANNOUNCED_MS - 1, "USDT"), Amount::whole(2));
        assert!(marks.announced(ANNOUNCED_MS, "BTC".into(), Amount::whole(1)));
        assert_eq!(marks.expected.len(), 1, "the others have ended");
    }
}
