//! Breaker: the same order again and again. An agent that does not hear of its executions, or does not credit
//! them, orders the same until somebody stops it.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use model::{AgentId, OrderSpec, Timestamp};

use super::trip::Trip;
use super::verdict::{Reading, Verdict};

/// Different orders of one agent that are remembered; with more than that the oldest is forgotten.
const KEPT: usize = 16;

/// What was ordered, and when.
#[derive(Debug)]
struct Same {
    spec: OrderSpec,
    at: VecDeque<Timestamp>,
}

/// Identical orders within a time, agent by agent.
#[derive(Debug)]
pub(crate) struct Repeats {
    limit: usize,
    window: Duration,
    dwell: Duration,
    orders: BTreeMap<AgentId, VecDeque<Same>>,
    most: Option<(AgentId, usize)>,
    trip: Trip,
}

impl Repeats {
    pub(crate) fn new((limit, window): (u32, Duration), dwell: Duration) -> Repeats {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let orders = BTreeMap::new();
        Repeats { limit, window, dwell, orders, most: None, trip: Trip::NONE }
    }

    pub(crate) fn resume(&mut self, now: Timestamp) {
        self.trip = Trip::resumed(now);
    }

    /// An order goes out.
    pub(crate) fn ordered(&mut self, now: Timestamp, agent: AgentId, spec: &OrderSpec) {
        let orders = self.orders.entry(agent).or_default();
        let found = orders.iter().position(|same| same.spec == *spec);
        let mut same = found
            .and_then(|at| orders.remove(at))
            .unwrap_or_else(|| Same { spec: spec.clone(), at: VecDeque::new() });
        let window = self.window;
        while same.at.len() >= self.limit
            || same.at.front().is_some_and(|first| now.since(*first) >= window)
        {
            same.at.pop_front();
        }
        same.at.push_back(now);
        let count = same.at.len();
        orders.push_back(same);
        if orders.len() > KEPT {
            orders.pop_front();
        }
        self.most = Some((agent, count));
        self.trip.observe(now, count >= self.limit, true, self.dwell);
    }

    /// Time has passed: what has tripped begins anew after its dwell.
    pub(crate) fn tick(&mut self, now: Timestamp) {
        let tripped = self.trip.is_tripped();
        self.trip.observe(now, false, true, self.dwell);
        if tripped && !self.trip.is_tripped() {
            self.orders.clear();
            self.most = None;
        }
    }

    /// Whose order was the last one.
    pub(crate) fn agent(&self) -> Option<AgentId> {
        self.most.map(|(agent, _)| agent)
    }

    /// Of the last order: how often it was made.
    pub(crate) fn reading(&self) -> Reading {
        let count = self.most.map_or(0, |(_, count)| count);
        Reading::of(count as u64, self.limit as u64)
    }

    pub(crate) const fn verdict(&self) -> Verdict {
        if self.trip.is_tripped() { Verdict::Halt } else { Verdict::Clear }
    }

    pub(crate) fn due(&self) -> Option<Timestamp> {
        self.trip.due(self.dwell)
    }
}

#[cfg(test)]
mod tests {
    use model::Side;

    use super::*;
    use crate::testing::{agent, number, spec};

    fn at(ms: u64) -> Timestamp {
        Timestamp::EPOCH.after(Duration::from_millis(ms))
    }

    /// Milliseconds and price of each order; three of the same in a second trip.
    const CASES: &[(&[(u64, &str)], bool)] = &[
        (&[(0, "99"), (1, "99")], false),
        (&[(0, "99"), (1, "99"), (999, "99")], true),
        (&[(0, "99"), (1, "99"), (1_000, "99")], false),
        (&[(0, "99"), (1, "98"), (2, "99"), (3, "98")], false),
        (&[(0, "99"), (1, "98"), (2, "99"), (3, "98"), (4, "99")], true), // in turn
    ];

    #[test]
    fn the_same_order_again_and_again() {
        for (orders, trips) in CASES {
            let mut repeats = Repeats::new((3, Duration::from_secs(1)), Duration::from_secs(60));
            for (ms, price) in *orders {
                repeats.ordered(at(*ms), agent(), &spec(Side::Buy, "1", price));
            }
            assert_eq!(repeats.verdict() == Verdict::Halt, *trips, "{orders:?}");
        }
    }

    #[test]
    fn agents_are_counted_by_themselves_and_what_is_kept_is_bounded() {
        let mut repeats = Repeats::new((3, Duration::from_secs(1)), Duration::from_secs(60));
        for other in ["one", "other", "third"] {
            repeats.ordered(at(0), number(other), &spec(Side::Buy, "1", "99"));
        }
        assert_eq!(repeats.verdict(), Verdict::Clear);
        for price in 100..200 {
            repeats.ordered(at(1), agent(), &spec(Side::Buy, "1", &price.to_string()));
        }
        assert_eq!(repeats.orders[&agent()].len(), KEPT);
    }
}
