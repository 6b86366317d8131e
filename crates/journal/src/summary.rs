//! What a journal adds up to: counts, positions and balances, by nothing but its own entries.

use std::collections::BTreeMap;

use model::{
    Amount, Asset, Balance, Entry, Fill, InstrumentId, Link, NetQty, Record, Rounding, Side,
    Timestamp, TradingState,
};

/// A fold over entries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Starts of a gateway.
    pub sessions: u64,
    /// Orders that were sent, or about to be.
    pub orders: u64,
    /// Executions, once each.
    pub fills: u64,
    /// Executions that were fetched afterwards.
    pub late_fills: u64,
    /// Intents that a guardrail refused.
    pub refused: u64,
    /// Orders whose outcome was unknown for a while.
    pub in_doubt: u64,
    /// Connections that came up again after they had been up in the same session.
    pub reconnects: u64,
    /// Holes found in books.
    pub gaps: u64,
    /// Messages dropped because they had been seen.
    pub duplicates_dropped: u64,
    /// Differences to the venue that were found.
    pub discrepancies_found: u64,
    /// Differences that were there when the books were last compared. `None` when they never were
    /// since the account was last out of reach.
    pub discrepancies_left: Option<u64>,
    /// Halts.
    pub halts: u64,
    /// Times the venue held us to its rate limit.
    pub rate_limit_hits: u64,
    /// Agents' processes that ended before their time.
    pub agents_gone: u64,
    /// Net quantity executed per instrument.
    pub positions: BTreeMap<InstrumentId, NetQty>,
    /// Balances as the venue last told them.
    pub balances: BTreeMap<Asset, Balance>,
    /// Our own count per asset: the first balance told, plus every execution and transfer.
    pub counted: BTreeMap<Asset, Amount>,
    /// Last entry.
    pub last_at: Timestamp,
    seen_up: BTreeMap<Link, bool>,
}

impl Summary {
    /// Over all of these.
    pub fn from_entries<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Summary {
        let mut summary = Summary::default();
        entries.into_iter().for_each(|entry| summary.add(entry));
        summary
    }

    /// Takes one entry into account.
    pub fn add(&mut self, entry: &Entry) {
        self.last_at = entry.at;
        match &entry.record {
            Record::Started { .. } => {
                self.sessions += 1;
                self.seen_up.clear();
                self.discrepancies_left = None;
            }
            Record::Prepared { .. } => self.orders += 1,
            Record::Refused { .. } => self.refused += 1,
            Record::InDoubt { .. } => self.in_doubt += 1,
            Record::Filled { fill, late, .. } => {
                self.fills += 1;
                self.late_fills += u64::from(*late);
                self.fill(fill);
            }
            Record::Balances { balances, .. } => self.told(balances),
            Record::Transferred { asset, amount } => self.count(*asset, *amount),
            Record::Link { link, up, .. } => self.link(*link, *up),
            Record::Gap { .. } => self.gaps += 1,
            Record::Duplicates { dropped } => self.duplicates_dropped += dropped,
            Record::RateLimited { .. } => self.rate_limit_hits += 1,
            Record::Discrepancy { .. } => self.discrepancies_found += 1,
            Record::Reconciled { left, .. } => self.discrepancies_left = Some(u64::from(*left)),
            Record::Trading { state: TradingState::Halted, .. } => self.halts += 1,
            Record::Agent { event, .. } => self.agents_gone += u64::from(event != "up"),
            Record::Trading {
                state: TradingState::Active | TradingState::Starting | TradingState::Reducing,
                ..
            }
            | Record::Decided { .. }
            | Record::CancelPrepared { .. }
            | Record::Accepted { .. }
            | Record::Rejected { .. }
            | Record::CancelRejected { .. }
            | Record::Ended { .. }
            | Record::Foreign { .. } => {}
        }
    }

    fn link(&mut self, link: Link, up: bool) {
        if up {
            self.reconnects += u64::from(self.seen_up.insert(link, true).is_some());
        } else if link == Link::Account {
            self.discrepancies_left = None;
        }
    }

    fn told(&mut self, balances: &BTreeMap<Asset, Balance>) {
        for (asset, balance) in balances {
            self.balances.insert(*asset, *balance);
            if let Some(total) = balance.total() {
                self.counted.entry(*asset).or_insert(total);
            }
        }
    }

    fn fill(&mut self, fill: &Fill) {
        let position = self.positions.entry(fill.instrument).or_insert(NetQty::ZERO);
        if let Some(sum) = position.checked_add(NetQty::of(fill.side, fill.qty)) {
            *position = sum;
        }
        let notional = fill.price.notional(fill.qty, Rounding::Down);
        if let (Some((base, quote)), Some(notional)) = (fill.instrument.assets(), notional) {
            let (got, gave) = match fill.side {
                Side::Buy => ((base, Amount::from(fill.qty)), (quote, Amount::from(notional))),
                Side::Sell => ((quote, Amount::from(notional)), (base, Amount::from(fill.qty))),
            };
            self.count(got.0, got.1);
            self.uncount(gave.0, gave.1);
        }
        if let Some(fee) = fill.fee {
            self.uncount(fee.asset, fee.amount);
        }
    }

    /// An asset that no balance was told of is not counted: its start is not known.
    fn count(&mut self, asset: Asset, amount: Amount) {
        if let Some(counted) = self.counted.get_mut(&asset)
            && let Some(sum) = counted.checked_add(amount)
        {
            *counted = sum;
        }
    }

    fn uncount(&mut self, asset: Asset, amount: Amount) {
        if let Some(counted) = self.counted.get_mut(&asset)
            && let Some(rest) = counted.checked_sub(amount)
        {
            *counted = rest;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::{at, sample};

    fn entry(record: Record) -> Entry {
        Entry { at: at(1), record }
    }

    fn link(link: Link, up: bool) -> Entry {
        entry(Record::Link { link, up, cause: String::new() })
    }

    #[test]
    fn the_sample_adds_up() {
        let summary = Summary::from_entries(&sample());
        assert_eq!((summary.sessions, summary.orders, summary.fills), (1, 1, 1));
        assert_eq!((summary.refused, summary.gaps, summary.duplicates_dropped), (1, 1, 3));
        assert_eq!((summary.discrepancies_found, summary.discrepancies_left), (1, Some(0)));
        assert_eq!((summary.rate_limit_hits, summary.halts), (1, 1));
        let asset = |name| Asset::new(name).unwrap();
        // 40000 at first, half a coin bought for 60000 each; the fee of 0.001 is in the coin.
        assert_eq!(summary.counted[&asset("USDT")], "10000".parse().unwrap());
        assert_eq!(summary.counted[&asset("BTC")], "0.499".parse().unwrap());
        assert_eq!(summary.positions.values().next(), Some(&"0.5".parse().unwrap()));
    }

    #[test]
    fn a_reconnect_is_an_up_after_an_up_of_the_same_session() {
        let started =
            || entry(Record::Started { session: 1, version: String::new(), config: String::new() });
        let summary = Summary::from_entries(&[
            started(),
            link(Link::Market, true),
            link(Link::Account, true),
            link(Link::Account, false),
            link(Link::Account, true),
            started(),
            link(Link::Account, true),
        ]);
        assert_eq!(summary.reconnects, 1);
    }

    #[test]
    fn an_account_out_of_reach_has_not_been_compared() {
        let reconciled =
            || entry(Record::Reconciled { found: 0, left: 0, fills_to: BTreeMap::new() });
        let mut summary = Summary::from_entries(&[reconciled()]);
        assert_eq!(summary.discrepancies_left, Some(0));
        summary.add(&link(Link::Account, false));
        assert_eq!(summary.discrepancies_left, None);
        summary.add(&reconciled());
        assert_eq!(summary.discrepancies_left, Some(0));
    }
}
