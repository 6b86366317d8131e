//! Breakers: orders of one agent that are refused for one reason, again and again within a time. Sizes that
//! no order may have, and orders that would do something else than the agent declares: the first may be a slip,
//! the third is a program that has a figure or a sign wrong in what the guardrails do let through, too.
//!
//! Each refusal was already the right answer to its order, so nothing is halted for it: as long as it
//! goes on less is let through, and when the time is over without more the count begins anew.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use model::{AgentId, Refusal, Timestamp, TradingState};

use super::trip::Trip;
use super::verdict::{Reading, Verdict};

/// What an agent had wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slip {
    /// One order by itself was too large.
    Size,
    /// It would have done something else than was declared.
    Effect,
}

impl Slip {
    /// `None` where it is neither. What would only add up to too much is no slip of a size.
    pub(crate) const fn of(because: &Refusal) -> Option<Slip> {
        match because {
            Refusal::QtyTooLarge { .. } | Refusal::NotionalTooLarge { .. } => Some(Slip::Size),
            Refusal::Effect { .. } => Some(Slip::Effect),
            _ => None,
        }
    }
}

/// Slips of one kind, agent by agent; as many as the configuration names.
#[derive(Debug)]
pub(crate) struct Slips {
    limit: usize,
    window: Duration,
    dwell: Duration,
    lowers: (TradingState, &'static str),
    /// Of each agent the last ones, oldest first, and never more than the limit.
    of: BTreeMap<AgentId, VecDeque<Timestamp>>,
    trip: Trip,
}

impl Slips {
    /// So many within a time ask for this state.
    pub(crate) fn new(
        (limit, window): (u32, Duration),
        dwell: Duration,
        lowers: (TradingState, &'static str),
    ) -> Slips {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        Slips { limit, window, dwell, lowers, of: BTreeMap::new(), trip: Trip::NONE }
    }

    pub(crate) fn resume(&mut self, now: Timestamp) {
        self.trip = Trip::resumed(now);
    }

    /// An order was refused for it.
    pub(crate) fn refused(&mut self, now: Timestamp, agent: AgentId) {
        // What it clears by now it clears first, so that this one is the first of a new count.
        self.look(now);
        let times = self.of.entry(agent).or_default();
        if times.len() >= self.limit {
            times.pop_front();
        }
        times.push_back(now);
        self.look(now);
    }

    /// Time has passed: what has tripped clears when no agent is at the limit any more, and counts anew then.
    pub(crate) fn tick(&mut self, now: Timestamp) {
        self.look(now);
    }

    fn look(&mut self, now: Timestamp) {
        let was_tripped = self.trip.is_tripped();
        let over = self.reading(now).is_over();
        self.trip.observe(now, over, !over, self.dwell);
        if was_tripped && !self.trip.is_tripped() {
            self.of.clear();
        }
    }

    fn within(&self, now: Timestamp, times: &VecDeque<Timestamp>) -> usize {
        times.iter().filter(|at| now.since(**at) < self.window).count()
    }

    /// The agent that is nearest to the limit, and how many it has.
    fn most(&self, now: Timestamp) -> Option<(AgentId, usize)> {
        let counts = self.of.iter().map(|(agent, times)| (*agent, self.within(now, times)));
        counts.filter(|(_, count)| *count > 0).max_by_key(|(_, count)| *count)
    }

    /// The agent that is nearest to the limit.
    pub(crate) fn agent(&self, now: Timestamp) -> Option<AgentId> {
        self.most(now).map(|(agent, _)| agent)
    }

    /// Of the agent that has most.
    pub(crate) fn reading(&self, now: Timestamp) -> Reading {
        let count = self.most(now).map_or(0, |(_, count)| count);
        Reading::of(count as u64, self.limit as u64)
    }

    pub(crate) const fn verdict(&self) -> Verdict {
        let (state, cause) = self.lowers;
        if self.trip.is_tripped() { Verdict::Lower(state, cause) } else { Verdict::Clear }
    }

    /// When time alone changes something: an agent is no longer at the limit, or what has tripped clears.
    pub(crate) fn due(&self, now: Timestamp) -> Option<Timestamp> {
        if !self.trip.is_tripped() {
            return None;
        }
        let at_limit = self.of.values().filter(|times| self.within(now, times) >= self.limit);
        let leaves = at_limit.filter_map(|times| times.front()).map(|at| at.after(self.window));
        leaves.max().or_else(|| self.trip.due(self.dwell))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::number;

    const WINDOW: Duration = Duration::from_secs(60);
    const LOWERS: (TradingState, &str) = (TradingState::Throttled, "again");

    fn at(seconds: u64) -> Timestamp {
        Timestamp::EPOCH.after(Duration::from_secs(seconds))
    }

    fn slips(dwell: u64) -> Slips {
        Slips::new((3, WINDOW), Duration::from_secs(dwell), LOWERS)
    }

    type Case = (&'static [(u64, &'static str)], u64, bool);

    /// Seconds and agents of the slips, how many the worst agent has then, and whether it trips at three.
    const CASES: &[Case] = &[
        (&[(0, "one"), (1, "one")], 2, false),
        (&[(0, "one"), (1, "one"), (59, "one")], 3, true),
        (&[(0, "one"), (1, "one"), (60, "one")], 2, false), // the first is a minute old
        (&[(0, "one"), (1, "other"), (2, "one"), (3, "other")], 2, false), // each by itself
        (&[(0, "one"), (1, "other"), (2, "one"), (3, "one"), (4, "one")], 3, true),
    ];

    #[test]
    fn three_of_one_agent_within_a_minute() {
        for (refused, count, trips) in CASES {
            let mut slips = slips(60);
            refused.iter().for_each(|(second, agent)| slips.refused(at(*second), number(agent)));
            let now = at(refused.last().unwrap().0);
            assert_eq!(slips.reading(now), Reading::of(*count, 3), "{refused:?}");
            let lower = Verdict::Lower(LOWERS.0, LOWERS.1);
            assert_eq!(slips.verdict(), if *trips { lower } else { Verdict::Clear }, "{refused:?}");
            if *trips {
                assert_eq!(slips.agent(now), Some(number("one")), "{refused:?}");
            }
        }
    }

    #[test]
    fn it_clears_by_time_alone_and_counts_anew() {
        let mut slips = slips(20);
        (0..3).for_each(|second| slips.refused(at(second), number("one")));
        assert_eq!(slips.due(at(2)), Some(at(60)), "the first one leaves");
        slips.tick(at(60));
        assert_eq!(slips.due(at(60)), Some(at(70)), "and it is calm for ten seconds");
        slips.tick(at(69));
        assert_ne!(slips.verdict(), Verdict::Clear);
        slips.tick(at(70));
        assert_eq!((slips.verdict(), slips.due(at(70))), (Verdict::Clear, None));
        slips.refused(at(71), number("one"));
        assert_eq!(slips.reading(at(71)), Reading::of(1, 3));
    }

    /// Also where it is a refusal that is heard of when the time is over.
    #[test]
    fn a_refusal_that_comes_when_it_clears_is_the_first_of_a_new_count() {
        for next in ["other", "one"] {
            let mut slips = slips(1);
            [0, 30, 31].into_iter().for_each(|second| slips.refused(at(second), number("one")));
            slips.tick(at(60));
            assert_ne!(slips.verdict(), Verdict::Clear);
            slips.refused(at(61), number(next));
            assert_eq!(
                (slips.verdict(), slips.reading(at(61))),
                (Verdict::Clear, Reading::of(1, 3))
            );
            slips.refused(at(62), number("one"));
            assert_eq!(slips.verdict(), Verdict::Clear, "{next}");
        }
    }

    #[test]
    fn after_a_restart_it_clears_after_its_dwell() {
        let mut slips = slips(60);
        slips.resume(at(0));
        slips.tick(at(1));
        slips.tick(at(60));
        assert_ne!(slips.verdict(), Verdict::Clear);
        slips.tick(at(61));
        assert_eq!(slips.verdict(), Verdict::Clear);
    }

    proptest! {
        /// KIL-04: whatever agents do, two changes a minute at most, and what is kept is bounded.
        #[test]
        fn it_never_flaps(refused in prop::collection::vec((0u64..40, 0u8..3), 1..300)) {
            let mut slips = slips(60);
            let (mut now, mut changes) = (0, Vec::new());
            for (pause, agent) in refused {
                for step in 1..=pause + 1 {
                    let was = slips.verdict();
                    if step <= pause {
                        slips.tick(at(now + step));
                    } else {
                        slips.refused(at(now + step), number(&format!("agent-{agent}")));
                    }
                    if slips.verdict() != was {
                        changes.push(now + step);
                    }
                }
                now += pause + 1;
                prop_assert!(slips.of.values().all(|times| times.len() <= 3));
            }
            for three in changes.windows(3) {
                prop_assert!(three[2] - three[0] > 60, "{three:?}");
            }
        }
    }
}
