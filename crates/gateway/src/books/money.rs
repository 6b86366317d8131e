//! What executions and transfers do to balances, and what taking an execution back does.

use std::collections::BTreeMap;

use model::{Amount, Asset, Balance, ClientOrderId, Fee, Fill, Timestamp};

use crate::defects::Defect;

use super::Books;
use super::recent::{effects_of, negative};

impl Books {
    /// Free funds less what was promised to orders that the venue's figure does not show yet.
    /// `None` when a sum cannot be represented.
    pub fn available(&self, asset: Asset) -> Option<Amount> {
        let free = self.balances.get(&asset).copied().unwrap_or_default().free;
        free.checked_sub(self.promised.of(asset)?)
    }

    /// Adds what an order promises, or takes it out.
    pub(super) fn count_promise(&mut self, id: &ClientOrderId, add: bool) {
        if let Some(order) = self.orders.get(id) {
            self.promised.count(order.promise(), add);
        }
    }

    /// Is a deposit or withdrawal of this time by the venue's clock in our counts already? The first
    /// balances have all in them that was before; later ones, what was taken over from them.
    pub(crate) fn has_transfer(&self, asset: Asset, amount: Amount, venue_time: Timestamp) -> bool {
        self.balances_since.is_some_and(|first| venue_time <= first)
            || self.taken_over.has(asset, amount, venue_time)
    }

    /// Takes an execution back: as if the opposite had happened at the same price and its fee had been paid
    /// back. Profit, open and closed together, is then what it would be without it; of an order its
    /// quantity stays used up, for a venue that takes back an execution does not put the order on the book
    /// again.
    pub(super) fn undo(&mut self, id: Option<&ClientOrderId>, fill: &Fill, at: Timestamp) {
        self.book_money(fill, at, negative);
        self.recent.undone(fill.instrument, fill.trade_id);
        let fee = fill.fee.and_then(|fee| Some(Fee { amount: negative(fee.amount)?, ..fee }));
        let opposite = Fill { side: fill.side.opposite(), fee, ..*fill };
        let position = self.positions.entry(fill.instrument).or_default();
        // What cannot be counted is found by reconciliation, as at a fill.
        let _ = position.apply(&opposite);
        let net = position.net();
        self.exposures.entry(fill.instrument).or_default().position = net;
        if let Some(order) = id.and_then(|id| self.orders.get_mut(id)) {
            order.busted = order.busted.checked_add(fill.qty).unwrap_or(order.busted);
            let agent = order.agent;
            let position = self.agent_positions.entry((agent, fill.instrument)).or_default();
            let _ = position.apply(&opposite);
            let net = position.net();
            self.agent_exposures.entry((agent, fill.instrument)).or_default().position = net;
        }
    }

    /// What an execution does to the assets, or what undoes it.
    pub(super) fn book_money(
        &mut self,
        fill: &Fill,
        at: Timestamp,
        sign: impl Fn(Amount) -> Option<Amount>,
    ) {
        for (asset, amount) in effects_of(fill).unwrap_or_default() {
            if let Some(amount) = sign(amount) {
                self.credit(asset, amount, (at, fill.venue_time));
            }
        }
    }

    /// `when` by our clock and by the venue's.
    pub(super) fn credit(&mut self, asset: Asset, amount: Amount, when: (Timestamp, Timestamp)) {
        // Assets are counted from the first balance on; before that there is nothing to add to.
        if let Some(counted) = self.ledger.get_mut(&asset) {
            *counted = counted.checked_add(amount).unwrap_or(*counted);
        } else if !self.ledger.is_empty() {
            self.ledger.insert(asset, amount);
        }
        self.recent.changed(when, asset, amount);
    }

    pub(super) fn set_balances(
        &mut self,
        balances: &BTreeMap<Asset, Balance>,
        venue_time: Timestamp,
        partial: bool,
    ) {
        // Counts begin with the account as a whole: what a stream tells of some assets is not it.
        if partial && self.balances_since.is_none() {
            return;
        }
        let ignored = self.planted.is(Defect::BalancesIgnored) && !self.ledger.is_empty();
        if venue_time < self.balances_at || ignored {
            return;
        }
        if self.ledger.is_empty() {
            let totals = balances.iter().filter_map(|(a, b)| b.total().map(|t| (*a, t)));
            self.ledger = totals.collect();
        }
        self.balances_at = venue_time;
        self.balances_since.get_or_insert(venue_time);
        self.balances.extend(balances.iter().map(|(asset, balance)| (*asset, *balance)));
        let is_kept = |id: &&ClientOrderId| {
            self.orders.get(id).is_some_and(|order| order.is_promise(venue_time))
        };
        let shown: Vec<ClientOrderId> =
            self.promising.iter().filter(|id| !is_kept(id)).copied().collect();
        for id in shown {
            self.count_promise(&id, false);
            self.promising.remove(&id);
        }
    }
}
