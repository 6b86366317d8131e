//! What a journal adds up to: counts, positions and balances, by nothing but its own entries.

use std::collections::BTreeMap;

use model::{
    Amount, Asset, Balance, Entry, Fee, Fill, InstrumentId, Link, NetQty, Record, Rounding, Side,
    Timestamp,
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
    /// Executions that were taken back.
    pub busted: u64,
    /// Intents that a guardrail refused.
    pub refused: u64,
    /// Orders whose outcome was unknown for a while.
    pub in_doubt: u64,
    /// Connections that came up again after they had been lost in the same session.
    pub reconnects: u64,
    /// The same for each connection.
    pub reconnects_by_link: BTreeMap<Link, u64>,
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
    /// Requests that our own budget held back, so that the venue need not.
    pub budget_waits: u64,
    /// Agents' processes that ended before their time.
    pub agents_gone: u64,
    /// Net quantity executed per instrument.
    pub positions: BTreeMap<InstrumentId, NetQty>,
    /// Balances as the venue last told them.
    pub balances: BTreeMap<Asset, Balance>,
    /// Our own count per asset: the first balance told, plus every execution and transfer.
    pub counted: BTreeMap<Asset, Amount>,
    /// Sums that had no room for what was to be added, and are wrong by that.
    pub uncounted: u64,
    /// Last entry.
    pub last_at: Timestamp,
    links: BTreeMap<Link, LinkState>,
    /// By the venue's clock: when each balance was.
    balances_at: BTreeMap<Asset, Timestamp>,
}

/// A connection that has been up in this session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LinkState {
    Up,
    Lost,
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
                self.links.clear();
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
            Record::Busted { fill, .. } => {
                self.busted += 1;
                self.undo(fill);
            }
            Record::Balances { balances, venue_time, .. } => self.told(balances, *venue_time),
            Record::Transferred { asset, amount, .. } => {
                self.change(*asset, |counted| counted.checked_add(*amount));
            }
            Record::Link { link, up, .. } => self.link(*link, *up),
            Record::Gap { .. } => self.gaps += 1,
            Record::Duplicates { dropped } => {
                self.duplicates_dropped = self.duplicates_dropped.saturating_add(*dropped);
            }
            Record::RateLimited { .. } => self.rate_limit_hits += 1,
            Record::BudgetWait { requests, .. } => {
                self.budget_waits = self.budget_waits.saturating_add(*requests);
            }
            Record::Discrepancy { .. } => self.discrepancies_found += 1,
            Record::Reconciled { left, .. } => self.discrepancies_left = Some(u64::from(*left)),
            Record::Trading { state, .. } => self.halts += u64::from(state.is_latched()),
            Record::Agent { event, .. } => self.agents_gone += u64::from(event != "up"),
            Record::Stopped
            | Record::Flatten { .. }
            | Record::ResumeRequested { .. }
            | Record::ResumeRefused { .. }
            | Record::Resumed { .. }
            | Record::KeyAudited { .. }
            | Record::Answered { .. }
            | Record::Alerted { .. }
            | Record::MissedTrades { .. }
            | Record::HandedOver { .. }
            | Record::Rules { .. }
            | Record::Feed { .. }
            | Record::Decided { .. }
            | Record::CancelPrepared { .. }
            | Record::Accepted { .. }
            | Record::Rejected { .. }
            | Record::CancelRejected { .. }
            | Record::Triggered { .. }
            | Record::Ended { .. }
            | Record::Foreign { .. }
            | Record::ForeignGone { .. }
            | Record::ForeignCancel { .. }
            | Record::TransferKnown { .. }
            | Record::Limits { .. }
            | Record::GateOverridden { .. }
            | Record::Ramp { .. }
            | Record::AgentDisabled { .. }
            | Record::AgentEnabled { .. }
            | Record::EquityMark { .. }
            | Record::Breaker { .. }
            | Record::DifferencesAccepted { .. } => {}
        }
    }

    fn link(&mut self, link: Link, up: bool) {
        if up {
            if self.links.insert(link, LinkState::Up) == Some(LinkState::Lost) {
                self.reconnects += 1;
                *self.reconnects_by_link.entry(link).or_insert(0) += 1;
            }
            return;
        }
        if let Some(state) = self.links.get_mut(&link) {
            *state = LinkState::Lost;
        }
        if link == Link::Account {
            self.discrepancies_left = None;
        }
    }

    /// Answers and reports come out of order: an older balance does not replace a newer one.
    fn told(&mut self, balances: &BTreeMap<Asset, Balance>, venue_time: Timestamp) {
        for (asset, balance) in balances {
            let newest = self.balances_at.entry(*asset).or_insert(venue_time);
            if *newest <= venue_time {
                *newest = venue_time;
                self.balances.insert(*asset, *balance);
            }
            match balance.total() {
                Some(total) => drop(self.counted.entry(*asset).or_insert(total)),
                None => self.uncounted += 1,
            }
        }
    }

    /// The opposite of an execution, and its fee back.
    fn undo(&mut self, fill: &Fill) {
        let fee = fill.fee.map(|fee| Fee {
            amount: Amount::ZERO.checked_sub(fee.amount).unwrap_or(Amount::ZERO),
            ..fee
        });
        self.fill(&Fill { side: fill.side.opposite(), fee, ..*fill });
    }

    fn fill(&mut self, fill: &Fill) {
        let position = self.positions.entry(fill.instrument).or_insert(NetQty::ZERO);
        match position.checked_add(NetQty::of(fill.side, fill.qty)) {
            Some(sum) => *position = sum,
            None => self.uncounted += 1,
        }
        let notional = fill.price.notional(fill.qty, Rounding::Down);
        match (fill.instrument.assets(), notional) {
            (Some((base, quote)), Some(notional)) => {
                let (base, quote) = ((base, fill.qty.into()), (quote, notional.into()));
                let (got, gave) = match fill.side {
                    Side::Buy => (base, quote),
                    Side::Sell => (quote, base),
                };
                self.change(got.0, |counted| counted.checked_add(got.1));
                self.change(gave.0, |counted| counted.checked_sub(gave.1));
            }
            (None, _) | (_, None) => self.uncounted += 1,
        }
        if let Some(fee) = fill.fee {
            self.change(fee.asset, |counted| counted.checked_sub(fee.amount));
        }
    }

    /// An asset that no balance was told of is not counted: its start is not known.
    fn change(&mut self, asset: Asset, by: impl FnOnce(Amount) -> Option<Amount>) {
        let Some(counted) = self.counted.get_mut(&asset) else { return };
        match by(*counted) {
            Some(changed) => *counted = changed,
            None => self.uncounted += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{at, sample};

    fn entry(record: Record) -> Entry {
        Entry { at: at(1), record }
    }

    fn link(link: Link, up: bool) -> Entry {
        entry(Record::Link { link, up, cause: String::new() })
    }

    #[test]
    fn the_sample_adds_up() {
        let summary = Summary::from_entries(&sample());
        assert_eq!((summary.sessions, summary.orders), (1, 1));
        assert_eq!((summary.fills, summary.busted), (1, 1));
        assert_eq!((summary.refused, summary.gaps, summary.duplicates_dropped), (1, 1, 3));
        assert_eq!((summary.discrepancies_found, summary.discrepancies_left), (3, Some(0)));
        assert_eq!((summary.rate_limit_hits, summary.halts), (1, 1));
        let asset = |name| Asset::new(name).unwrap();
        // 40000 at first, half a coin bought for 60000 each; the fee of 0.001 is in the coin. A tenth of a
        // coin was taken back, and its fee.
        assert_eq!(summary.counted[&asset("USDT")], "16000".parse().unwrap());
        assert_eq!(summary.counted[&asset("BTC")], "0.4".parse().unwrap());
        assert_eq!(summary.positions.values().next(), Some(&"0.4".parse().unwrap()));
    }

    #[test]
    fn a_reconnect_is_an_up_after_a_loss_in_the_same_session() {
        let started = || {
            entry(Record::Started {
                session: 1,
                version: String::new(),
                config: String::new(),
                paper: false,
            })
        };
        let summary = Summary::from_entries(&[
            started(),
            link(Link::Market, false), // never was up: the first attempt failed
            link(Link::Market, true),
            link(Link::Account, true),
            link(Link::Account, true), // said twice
            link(Link::Account, false),
            link(Link::Account, false),
            link(Link::Account, true), // 1
            link(Link::Account, false),
            started(),
            link(Link::Account, true), // a new process
            link(Link::Market, true),
            link(Link::Market, false),
            link(Link::Market, true), // 2
            link(Link::Account, false),
            link(Link::Account, true), // 3
        ]);
        assert_eq!(summary.reconnects, 3);
        let expected = BTreeMap::from([(Link::Account, 2), (Link::Market, 1)]);
        assert_eq!(summary.reconnects_by_link, expected);
    }

    #[test]
    fn an_older_balance_does_not_replace_a_newer_one() {
        let asset = Asset::new("USDT").unwrap();
        let mut summary = Summary::default();
        for (free, time, expected) in
            [("10", 5, "10"), ("7", 4, "10"), ("8", 5, "8"), ("9", 6, "9")]
        {
            let held = Balance { free: free.parse().unwrap(), locked: Amount::ZERO };
            let balances = BTreeMap::from([(asset, held)]);
            summary.add(&entry(Record::Balances {
                balances,
                venue_time: at(time),
                partial: false,
            }));
            assert_eq!(summary.balances[&asset].free, expected.parse().unwrap(), "{free}");
        }
        assert_eq!(
            summary.counted[&asset],
            "10".parse().unwrap(),
            "the first one starts the count"
        );
    }

    #[test]
    fn sums_without_room_are_said_and_not_wrapped() {
        let most = Amount::try_from(model::Decimal::MAX).unwrap();
        let asset = Asset::new("USDT").unwrap();
        let held = Balance { free: most, locked: Amount::ZERO };
        let balances = BTreeMap::from([(asset, held)]);
        let mut summary = Summary::from_entries(&[
            entry(Record::Balances { balances, venue_time: at(1), partial: false }),
            entry(Record::Duplicates { dropped: u64::MAX }),
            entry(Record::Duplicates { dropped: 1 }),
        ]);
        assert_eq!((summary.uncounted, summary.duplicates_dropped), (0, u64::MAX));
        summary.add(&entry(Record::Transferred {
            asset,
            amount: "1".parse().unwrap(),
            taken_until: None,
        }));
        assert_eq!((summary.uncounted, summary.counted[&asset]), (1, most));
    }

    #[test]
    fn an_account_out_of_reach_has_not_been_compared() {
        let reconciled = || {
            entry(Record::Reconciled {
                found: 0,
                left: 0,
                fills_to: BTreeMap::new(),
                fills_until: BTreeMap::new(),
                remaining: Vec::new(),
            })
        };
        let mut summary = Summary::from_entries(&[reconciled()]);
        assert_eq!(summary.discrepancies_left, Some(0));
        summary.add(&link(Link::Account, false));
        assert_eq!(summary.discrepancies_left, None);
        summary.add(&reconciled());
        assert_eq!(summary.discrepancies_left, Some(0));
    }
}
