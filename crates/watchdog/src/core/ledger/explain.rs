//! Which of a balance's moves are trades, which are transfers, and which are neither.
//!
//! What a balance has moved since the first look, less what executions moved it, came or went otherwise. A
//! difference may also be an execution that one answer has and the other has not yet, so it counts only once
//! two looks of at least a second say the same and executions were read in between; meanwhile it is left out
//! of the comparison.
//!
//! What came moves the marks up, whatever it was: that allows no loss. What went is another matter. It may be
//! a withdrawal, or it may have been traded away where nobody looks. So it moves the marks down only where
//! somebody says so whom a thief with a key to trade cannot be: the exchange's history of withdrawals, a
//! person with the token, or, where the exchange lists the executions of every instrument, that list. Anything
//! else is a loss, and beyond a small tolerance it trips. What goes out of one followed asset and into
//! another is profit or loss: its value is still there, or is not.

use std::collections::BTreeMap;

use super::super::words::Moment;
use super::Ledger;
use super::pending::{PENDING_MIN_MS, Pending};
use crate::amount::Amount;

/// A transfer of less than this part of the account is not told from dust, ten-thousandths.
const DUST_BPS: u32 = 1;
/// News that wait to be told.
const NEWS_MAX: usize = 8;

/// What a difference comes to.
enum Meaning {
    /// Not to be told yet.
    Open,
    /// So much came, or went into other assets that are followed.
    Books { came: Amount },
    /// So much of each asset went by somebody's will, and so much of all of them otherwise.
    Went { leaves: BTreeMap<String, Amount>, transferred: Amount, unexplained: Amount },
}

impl Ledger {
    /// Has a balance moved by what nothing explains yet?
    pub fn is_pending(&self) -> bool {
        self.pending.is_some()
    }

    /// Whether executions should be read: balances have moved, or never were explained. A second later, so that
    /// the exchange's list of them has what its balances have.
    pub fn wants_fills(&self, now: Moment) -> bool {
        let moved = self.read_ms.is_none_or(|read| read <= self.moved_ms);
        let wants = match &self.pending {
            Some(pending) => pending.is_ripe(now.steady_ms),
            None => moved,
        };
        self.balances.is_some() && wants
    }

    /// Whether the exchange's history of transfers should be read: something has gone, and from when on.
    pub fn wants_transfers(&self) -> Option<i64> {
        let pending = self.pending.as_ref().filter(|_| !self.all_executions)?;
        let gone = pending.differences.values().any(|by| *by < Amount::ZERO);
        (pending.read_ms.is_some() && gone).then_some(self.marks.settled_ms)
    }

    /// What was read before a difference was seen, or at once, may be from before whatever made it.
    pub(super) fn executions_read(&mut self, now_ms: u64, began_ms: u64) {
        if let Some(pending) = self.pending.as_mut().filter(|pending| pending.is_ripe(began_ms)) {
            pending.read_ms.get_or_insert(now_ms);
        }
    }

    /// What nothing explains, and what it comes to by now.
    pub(super) fn explain(&mut self, now: Moment) {
        if self.balances.is_none() {
            return;
        }
        let mut differences = BTreeMap::new();
        for asset in &self.followed {
            let total = self.totals.get(asset).copied().unwrap_or_default();
            let known = self.marks.known(asset);
            let left = known.and_then(|known| total.checked_sub(known)).unwrap_or(total);
            if !left.is_zero() {
                differences.insert(asset.clone(), left);
            }
        }
        match &self.pending {
            _ if differences.is_empty() => self.pending = None,
            Some(pending) if pending.differences == differences => {
                if pending.is_ripe(now.steady_ms) && pending.read_ms.is_some() {
                    self.settle(now, differences);
                }
            }
            before @ (Some(_) | None) => {
                let since_ms = now.steady_ms;
                let first_ms = before.as_ref().map_or(since_ms, |pending| pending.first_ms);
                self.pending = Some(Pending { differences, since_ms, first_ms, read_ms: None });
            }
        }
    }

    /// For how long there has been a difference, ms.
    fn age(&self, now: Moment) -> u64 {
        let first = self.pending.as_ref().map_or(now.steady_ms, |pending| pending.first_ms);
        now.steady_ms.saturating_sub(first)
    }

    fn settle(&mut self, now: Moment, differences: BTreeMap<String, Amount>) {
        match self.meaning(now, &differences) {
            None | Some(Meaning::Open) => return,
            Some(Meaning::Books { came }) => {
                if !came.is_zero() {
                    self.move_marks(came);
                    self.tell(format!("{} came, worth {came}: no profit", listed(&differences)));
                }
            }
            Some(Meaning::Went { leaves, transferred, unexplained }) => {
                for (asset, amount) in leaves {
                    self.marks.has_left(now.utc_ms, &asset, amount);
                }
                if !transferred.is_zero() {
                    self.move_marks(transferred);
                    let what = listed(&differences);
                    self.tell(format!("{what}: {transferred} of it is a transfer, and no loss"));
                }
                if !unexplained.is_zero() {
                    self.last_unexplained = listed(&differences);
                    let sum = self.marks.unexplained.checked_sub(unexplained);
                    self.marks.unexplained = sum.unwrap_or(Amount::MAX);
                    let what = listed(&differences);
                    self.tell(format!("{what}: nothing explains {unexplained} of it, a loss"));
                }
            }
        }
        for (asset, by) in differences {
            let sum = self.marks.transferred.entry(asset).or_default();
            *sum = sum.checked_add(by).unwrap_or(*sum);
        }
        self.marks.settled(now.utc_ms);
        self.pending = None;
    }

    /// `None` while something of it cannot be valued.
    fn meaning(&self, now: Moment, differences: &BTreeMap<String, Amount>) -> Option<Meaning> {
        let dust = self.equity?.bps(DUST_BPS)?;
        let mut total = Amount::ZERO;
        let (mut comes, mut goes) = (false, false);
        for (asset, by) in differences {
            let worth = self.worth(asset, *by)?;
            if worth.abs() > dust {
                (comes, goes) = (comes || worth.is_positive(), goes || !worth.is_positive());
                total = total.checked_add(worth)?;
            }
        }
        if !goes || comes {
            let came = if goes { Amount::ZERO } else { total };
            return Some(Meaning::Books { came });
        }
        if self.all_executions {
            let (leaves, unexplained) = (BTreeMap::new(), Amount::ZERO);
            return Some(Meaning::Went { leaves, transferred: total, unexplained });
        }
        let mut leaves = BTreeMap::new();
        let mut transferred = Amount::ZERO;
        for (asset, by) in differences.iter().filter(|(_, by)| **by < Amount::ZERO) {
            let known = self.marks.may_leave(now.utc_ms, asset).min(by.abs());
            if known.is_positive() {
                let worth = self.worth(asset, known)?;
                transferred = transferred.checked_sub(worth)?;
                leaves.insert(asset.clone(), known);
            }
        }
        let unexplained = total.checked_sub(transferred)?;
        // What is less than dust may be the fee of a withdrawal that is rounded elsewhere.
        if unexplained.abs() <= dust {
            let unexplained = Amount::ZERO;
            return Some(Meaning::Went { leaves, transferred: total, unexplained });
        }
        // From when it is known that no execution explains it there is time for the history to be asked. While
        // trades go on and on that is never known; then the fall shows against the marks alone.
        let read_ms = self.pending.as_ref()?.read_ms?;
        if now.steady_ms.saturating_sub(read_ms) < PENDING_MIN_MS {
            return Some(Meaning::Open);
        }
        Some(Meaning::Went { leaves, transferred, unexplained })
    }

    /// What is pending is worth this, while it may still be explained.
    pub(super) fn pending_worth(&self, now: Moment) -> Option<Amount> {
        match &self.pending {
            Some(pending) if self.age(now) < self.pending_max_ms => {
                pending.differences.iter().try_fold(Amount::ZERO, |sum, (asset, by)| {
                    sum.checked_add(self.worth(asset, *by)?)
                })
            }
            Some(_) | None => Some(Amount::ZERO),
        }
    }

    /// What has gone since the beginning of the day and nothing explains, if it is worth more than so many
    /// ten-thousandths of the high-water mark: how much, how much is allowed, and the last of it in figures.
    pub fn unexplained(&self, bps: u32) -> Option<(Amount, Amount, &str)> {
        let allowed = self.marks.high_water?.bps(bps)?;
        let gone = self.marks.unexplained;
        (gone > allowed).then_some((gone, allowed, self.last_unexplained.as_str()))
    }

    /// A person accepts what nothing explains.
    pub fn accept_unexplained(&mut self) {
        self.marks.unexplained = Amount::ZERO;
    }

    fn tell(&mut self, text: String) {
        if self.news.len() < NEWS_MAX {
            self.news.push(text);
        }
    }
}

/// `USDT -700000, BTC -1`.
fn listed(differences: &BTreeMap<String, Amount>) -> String {
    let each: Vec<String> = differences.iter().map(|(asset, by)| format!("{asset} {by}")).collect();
    each.join(", ")
}
