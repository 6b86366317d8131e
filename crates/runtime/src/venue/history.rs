//! What accounts looked like a while ago, for reads that lie behind. Pure.
//!
//! Kept from the events of the exchange: each order's last states and each balance's last amounts,
//! as far back as a read may lie behind. Older states are forgotten but for the newest of them.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use model::venue::{AccountEvent, VenueEvent, VenueOrder};
use model::{AccountId, Asset, Balance, InstrumentId, Timestamp, VenueOrderId};

/// Orders that are over and are still remembered; beyond that the oldest is forgotten.
const OVER_MAX: usize = 10_000;

/// States of one thing that are all remembered; beyond that they are only so fine, which bounds
/// them.
const DENSE_MAX: usize = 100;
const GRAIN: Duration = Duration::from_millis(10);

/// States, oldest first.
type Past<T> = VecDeque<(Timestamp, T)>;

/// The recent past of all accounts.
pub(super) struct History {
    kept: Duration,
    orders: BTreeMap<u64, (AccountId, Past<VenueOrder>)>,
    balances: BTreeMap<(AccountId, Asset), Past<Balance>>,
    over: VecDeque<(Timestamp, u64)>,
}

impl History {
    /// Starts from these balances; nothing is forgotten before it is so old.
    pub(super) fn new(
        kept: Duration,
        balances: BTreeMap<AccountId, BTreeMap<Asset, Balance>>,
    ) -> History {
        let each = balances.into_iter().flat_map(|(account, held)| {
            held.into_iter().map(move |(asset, balance)| {
                ((account, asset), VecDeque::from([(Timestamp::EPOCH, balance)]))
            })
        });
        let balances = each.collect();
        History { kept, orders: BTreeMap::new(), balances, over: VecDeque::new() }
    }

    /// Takes note of what happened.
    pub(super) fn observe(&mut self, events: &[VenueEvent]) {
        for event in events {
            let VenueEvent::Account { account, event } = event else { continue };
            match event {
                AccountEvent::Order { order, time, .. } => self.order(*account, order, *time),
                AccountEvent::Balances { balances, time } => {
                    for (asset, balance) in balances {
                        let past = self.balances.entry((*account, *asset)).or_default();
                        note(past, *time, *balance, self.kept);
                    }
                }
                AccountEvent::Transfer { .. } => {}
            }
        }
    }

    fn order(&mut self, account: AccountId, order: &VenueOrder, time: Timestamp) {
        let number = number(order.id);
        let (_, past) = self.orders.entry(number).or_insert((account, VecDeque::new()));
        note(past, time, order.clone(), self.kept);
        if !order.status.is_open() {
            self.over.push_back((time, number));
        }
        let is_old = |(over, _): &(Timestamp, u64)| time.since(*over) > self.kept;
        while self.over.len() > OVER_MAX || self.over.front().is_some_and(is_old) {
            let Some((_, number)) = self.over.pop_front() else { break };
            self.orders.remove(&number);
        }
    }

    /// An order as it was; `None` when it was not there yet. What is not remembered has not changed
    /// since.
    pub(super) fn order_at(&self, at: Timestamp, now: &VenueOrder) -> Option<VenueOrder> {
        match self.orders.get(&number(now.id)) {
            Some((_, past)) => state(past, at).cloned(),
            None => (now.created <= at).then(|| now.clone()),
        }
    }

    /// Orders that were open, oldest first.
    pub(super) fn open_at(
        &self,
        at: Timestamp,
        account: AccountId,
        instrument: Option<InstrumentId>,
    ) -> Vec<VenueOrder> {
        let mine = self.orders.values().filter(|(owner, _)| *owner == account);
        mine.filter_map(|(_, past)| state(past, at))
            .filter(|order| order.status.is_open())
            .filter(|order| instrument.is_none_or(|wanted| wanted == order.instrument))
            .cloned()
            .collect()
    }

    /// A balance as it was.
    pub(super) fn balance_at(
        &self,
        at: Timestamp,
        account: AccountId,
        asset: Asset,
    ) -> Option<Balance> {
        state(self.balances.get(&(account, asset))?, at).copied()
    }
}

/// Adds a state, and forgets what is too old to be asked for.
fn note<T>(past: &mut Past<T>, time: Timestamp, state: T, kept: Duration) {
    let is_dense = past.len() >= DENSE_MAX;
    match past.back_mut() {
        Some((last, newest)) if is_dense && time.since(*last) < GRAIN => *newest = state,
        _ => past.push_back((time, state)),
    }
    while past.get(1).is_some_and(|(next, _)| time.since(*next) > kept) {
        past.pop_front();
    }
}

fn state<T>(past: &Past<T>, at: Timestamp) -> Option<&T> {
    past.iter().rev().find(|(time, _)| *time <= at).map(|(_, state)| state)
}

/// Venue order ids of the simulated exchange are numbers.
fn number(id: VenueOrderId) -> u64 {
    id.as_str().parse().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEPT: Duration = Duration::from_secs(120);

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(ms).unwrap()
    }

    #[test]
    fn a_state_holds_until_the_next_one() {
        let mut past = Past::new();
        note(&mut past, at(10), 'a', KEPT);
        note(&mut past, at(20), 'b', KEPT);
        let seen = [9, 10, 19, 20, 1_000].map(|ms| state(&past, at(ms)).copied());
        assert_eq!(seen, [None, Some('a'), Some('a'), Some('b'), Some('b')]);
    }

    #[test]
    fn what_nobody_can_ask_for_is_forgotten() {
        let mut past = Past::new();
        for second in 0..1_000 {
            note(&mut past, at(second * 1_000), second, KEPT);
        }
        assert_eq!(state(&past, at(999_000 - 120_000)), Some(&879), "as far back as is asked");
        assert!(past.len() <= 122, "{}", past.len());
    }

    #[test]
    fn a_burst_is_remembered_less_finely() {
        let mut past = Past::new();
        for ms in 0..100_000 {
            note(&mut past, at(ms), ms, KEPT);
        }
        assert!(past.len() <= DENSE_MAX + 10_000, "{}", past.len());
        assert_eq!(state(&past, at(100_000)), Some(&99_999), "the newest is right");
        let then = *state(&past, at(50_000)).unwrap();
        assert!((49_990..=50_010).contains(&then), "{then}");
    }
}
