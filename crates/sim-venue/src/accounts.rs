//! What the accounts hold: free, and locked for open orders.
//!
//! All sums are exact. A sum beyond the range of a [`Decimal`] cannot be reached from balances that
//! were accepted at the start, and is refused there.

use std::collections::BTreeMap;

use model::{AccountId, Amount, Asset, Balance, Decimal};

/// One account's funds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Funds {
    balances: BTreeMap<Asset, (Decimal, Decimal)>,
}

impl Funds {
    pub(crate) fn free(&self, asset: Asset) -> Decimal {
        self.balances.get(&asset).map_or(Decimal::ZERO, |(free, _)| *free)
    }

    pub(crate) fn balance(&self, asset: Asset) -> Balance {
        let (free, locked) = self.balances.get(&asset).copied().unwrap_or_default();
        Balance { free: amount(free), locked: amount(locked) }
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = (Asset, Balance)> + '_ {
        self.balances.keys().map(|asset| (*asset, self.balance(*asset)))
    }

    /// Moves funds from free to locked; `false`, and nothing changed, when there are not enough.
    pub(crate) fn lock(&mut self, asset: Asset, amount: Decimal) -> bool {
        let (free, locked) = self.balances.entry(asset).or_default();
        match (free.checked_sub(amount), locked.checked_add(amount)) {
            (Some(left), Some(sum)) if left >= Decimal::ZERO => {
                (*free, *locked) = (left, sum);
                true
            }
            _ => false,
        }
    }

    /// Moves funds from locked back to free.
    pub(crate) fn unlock(&mut self, asset: Asset, amount: Decimal) {
        let (free, locked) = self.balances.entry(asset).or_default();
        *locked = less(*locked, amount);
        *free = more(*free, amount);
    }

    /// Adds to the free funds, or takes from them where the amount is below zero.
    pub(crate) fn credit(&mut self, asset: Asset, amount: Decimal) {
        let (free, _) = self.balances.entry(asset).or_default();
        *free = more(*free, amount);
    }
}

/// Accounts by name, numbered in the order in which they were opened.
#[derive(Clone, Debug, Default)]
pub(crate) struct Accounts {
    names: BTreeMap<AccountId, usize>,
    ids: Vec<AccountId>,
    funds: Vec<Funds>,
}

impl Accounts {
    pub(crate) fn open(&mut self, id: AccountId) -> usize {
        if let Some(index) = self.names.get(&id) {
            return *index;
        }
        let index = self.ids.len();
        self.names.insert(id, index);
        self.ids.push(id);
        self.funds.push(Funds::default());
        index
    }

    pub(crate) fn index(&self, id: &AccountId) -> Option<usize> {
        self.names.get(id).copied()
    }

    pub(crate) fn id(&self, index: usize) -> AccountId {
        self.ids[index]
    }

    pub(crate) fn funds(&self, index: usize) -> &Funds {
        &self.funds[index]
    }

    pub(crate) fn funds_mut(&mut self, index: usize) -> &mut Funds {
        &mut self.funds[index]
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (AccountId, &Funds)> {
        self.ids.iter().copied().zip(&self.funds)
    }
}

pub(crate) fn amount(number: Decimal) -> Amount {
    Amount::try_from(number).unwrap_or(Amount::ZERO)
}

pub(crate) fn more(a: Decimal, b: Decimal) -> Decimal {
    a.checked_add(b).unwrap_or(Decimal::MAX)
}

pub(crate) fn less(a: Decimal, b: Decimal) -> Decimal {
    a.checked_sub(b).unwrap_or(a)
}
