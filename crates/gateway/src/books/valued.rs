//! What the account was last written down to be worth, what came and went since, and which breakers act.

use std::collections::{BTreeMap, BTreeSet};

use model::{Amount, Asset, BreakerEvent, BreakerName, EquityMark, Timestamp};
use serde::{Deserialize, Serialize};

/// What losses are measured by after a restart.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Valued {
    mark: Option<EquityMark>,
    marked_at: Timestamp,
    /// Deposits and withdrawals that the mark does not know of.
    transferred: BTreeMap<Asset, Amount>,
    tripped: BTreeSet<BreakerName>,
}

impl Valued {
    pub(super) fn marked(&mut self, mark: &EquityMark, at: Timestamp) {
        self.marked_at = at;
        // Nearly always there is nothing.
        if !self.transferred.is_empty() {
            self.transferred.clear();
        }
        self.mark = Some(mark.clone());
    }

    /// Funds came or went. Before the first mark there is nothing that they could be taken for.
    pub(super) fn transferred(&mut self, asset: Asset, amount: Amount) {
        if self.mark.is_none() {
            return;
        }
        let sum = self.transferred.entry(asset).or_insert(Amount::ZERO);
        // A sum without room stays; the venue's balances had none either.
        *sum = sum.checked_add(amount).unwrap_or(*sum);
        if *sum == Amount::ZERO {
            self.transferred.remove(&asset);
        }
    }

    pub(super) fn breaker(&mut self, name: BreakerName, event: BreakerEvent) {
        match event {
            BreakerEvent::Tripped => drop(self.tripped.insert(name)),
            BreakerEvent::Cleared => drop(self.tripped.remove(&name)),
            BreakerEvent::Warning => {}
        }
    }

    pub(super) fn mark(&self) -> Option<(&EquityMark, Timestamp)> {
        self.mark.as_ref().map(|mark| (mark, self.marked_at))
    }

    pub(super) const fn transfers(&self) -> &BTreeMap<Asset, Amount> {
        &self.transferred
    }

    pub(super) const fn tripped(&self) -> &BTreeSet<BreakerName> {
        &self.tripped
    }
}

#[cfg(test)]
mod tests {
    use model::CountedAssets;

    use super::*;
    use crate::testing::number;

    #[test]
    fn a_mark_knows_of_what_came_before_it() {
        let mark = EquityMark {
            valuation: number("USDT"),
            assets: CountedAssets::default(),
            equity: number("1"),
            high: number("1"),
            day: 0,
            day_start: number("1"),
        };
        let (usdt, mut valued) = (number("USDT"), Valued::default());
        valued.transferred(usdt, number("5"));
        assert!(valued.transfers().is_empty(), "nothing was marked");
        valued.marked(&mark, Timestamp::EPOCH);
        valued.transferred(usdt, number("5"));
        valued.transferred(usdt, number("2"));
        assert_eq!(valued.transfers()[&usdt], number("7"));
        valued.transferred(usdt, number("-7"));
        assert!(valued.transfers().is_empty());
        valued.transferred(usdt, number("5"));
        valued.marked(&mark, Timestamp::EPOCH);
        assert!(valued.transfers().is_empty());
    }
}
