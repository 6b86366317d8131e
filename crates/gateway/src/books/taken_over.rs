//! What balances showed beyond our counts and was taken over, and may yet be told as the deposit or
//! withdrawal that it was: a stream can be later than the balance that a comparison reads.

use std::collections::VecDeque;

use model::{Amount, Asset, Timestamp};
use serde::{Deserialize, Serialize};

use super::recent::negative;

/// Balances taken over that are remembered. A transfer that is told after so many others counts twice, and
/// the next comparison shows it as a difference.
const KEPT: usize = 64;

/// What was taken over and was not told since, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct TakenOver(VecDeque<Taken>);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Taken {
    asset: Asset,
    /// What of it was not told yet, below zero for what went.
    left: Amount,
    /// What happened later, by the venue's clock, is not in it.
    until: Timestamp,
}

impl TakenOver {
    pub(super) fn add(&mut self, asset: Asset, left: Amount, until: Timestamp) {
        self.0.push_back(Taken { asset, left, until });
        if self.0.len() > KEPT {
            self.0.pop_front();
        }
    }

    /// May this be a part of it?
    pub(super) fn has(&self, asset: Asset, amount: Amount, at: Timestamp) -> bool {
        self.0.iter().any(|taken| taken.rest(asset, amount, at).is_some())
    }

    /// This was a part of it.
    pub(super) fn told(&mut self, asset: Asset, amount: Amount, at: Timestamp) {
        let mut parts = self.0.iter_mut();
        if let Some((rest, taken)) =
            parts.find_map(|taken| Some((taken.rest(asset, amount, at)?, taken)))
        {
            taken.left = rest;
        }
        self.0.retain(|taken| taken.left != Amount::ZERO);
    }
}

impl Taken {
    /// What is left of it without this. `None` when this is no part of it.
    fn rest(&self, asset: Asset, amount: Amount, at: Timestamp) -> Option<Amount> {
        let rest = self.left.checked_sub(amount)?;
        let size =
            |amount: Amount| if amount < Amount::ZERO { negative(amount) } else { Some(amount) };
        let same_way = (amount < Amount::ZERO) == (self.left < Amount::ZERO);
        let is_part = same_way && size(amount)? <= size(self.left)?;
        (self.asset == asset && at <= self.until && is_part).then_some(rest)
    }
}
