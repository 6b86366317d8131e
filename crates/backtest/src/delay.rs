//! How long messages are under way.

use std::time::Duration;

/// The three ways between a gateway and an exchange.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Latency {
    /// From the exchange's event to the gateway, for market data.
    pub feed: Delay,
    /// From the gateway to the exchange, for requests.
    pub entry: Delay,
    /// From the exchange to the gateway, for answers and reports of the account.
    pub response: Delay,
}

impl Latency {
    /// The same time each way.
    pub fn constant(each_way: Duration) -> Latency {
        let delay = Delay::Constant(each_way);
        Latency { feed: delay, entry: delay, response: delay }
    }

    /// The longest way that a request or its answer may take.
    pub(crate) fn longest(&self) -> Duration {
        let most = |delay: Delay| match delay {
            Delay::Constant(time) | Delay::Between(_, time) => time,
            Delay::Recorded { otherwise, least } => otherwise.max(least),
        };
        most(self.entry).max(most(self.response))
    }
}

/// How long one way takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delay {
    /// Always as long.
    Constant(Duration),
    /// Between two times, each as likely; drawn from the seed.
    Between(Duration, Duration),
    /// As long as it took when it was recorded, by the difference of the two times of a row; the second one
    /// where a row has none or came before it happened. Of requests and answers nothing is recorded, and
    /// there it is always the second one.
    Recorded {
        /// Where nothing was recorded.
        otherwise: Duration,
        /// At least so long.
        least: Duration,
    },
}

impl Default for Delay {
    fn default() -> Delay {
        Delay::Constant(Duration::ZERO)
    }
}

/// A delay with its own stream of numbers. What is sent later is never there earlier.
#[derive(Clone, Debug)]
pub(crate) struct Way {
    delay: Delay,
    state: u64,
    last: i64,
}

impl Way {
    pub(crate) fn new(delay: Delay, seed: u64) -> Way {
        Way { delay, state: seed, last: i64::MIN }
    }

    /// Does it take no time at all, ever?
    pub(crate) fn is_instant(&self) -> bool {
        matches!(self.delay, Delay::Constant(Duration::ZERO))
    }

    /// When something is there that is sent at `at` and was `recorded` as received, nanoseconds.
    pub(crate) fn arrives(&mut self, at: i64, recorded: Option<i64>) -> i64 {
        let takes = match self.delay {
            Delay::Constant(time) => nanos(time),
            Delay::Between(least, most) => {
                let spread = nanos(most).saturating_sub(nanos(least)).unsigned_abs();
                let drawn = self.next() % spread.saturating_add(1).max(1);
                nanos(least).saturating_add(i64::try_from(drawn).unwrap_or(0))
            }
            Delay::Recorded { otherwise, least } => {
                let took = recorded.map(|received| received.saturating_sub(at));
                let took = took.filter(|took| *took >= 0).unwrap_or_else(|| nanos(otherwise));
                took.max(nanos(least))
            }
        };
        self.last = self.last.max(at.saturating_add(takes));
        self.last
    }

    /// SplitMix64.
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

fn nanos(time: Duration) -> i64 {
    i64::try_from(time.as_nanos()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: i64 = 1_000_000;

    #[test]
    fn each_way_takes_what_it_is_told_to_take() {
        let ms = Duration::from_millis;
        let mut way = Way::new(Delay::Constant(ms(3)), 1);
        assert_eq!(way.arrives(10 * MS, Some(99 * MS)), 13 * MS);
        let recorded = |least| Delay::Recorded { otherwise: ms(5), least: ms(least) };
        let mut way = Way::new(recorded(9), 1);
        assert_eq!(way.arrives(10 * MS, Some(12 * MS)), 19 * MS, "no shorter than it may be");
        let mut way = Way::new(recorded(0), 1);
        assert_eq!(way.arrives(10 * MS, Some(12 * MS)), 12 * MS);
        assert_eq!(way.arrives(20 * MS, None), 25 * MS);
        assert_eq!(way.arrives(30 * MS, Some(29 * MS)), 35 * MS, "a clock that was behind");
        assert_eq!(way.arrives(31 * MS, Some(31 * MS)), 35 * MS, "nothing overtakes");
    }

    #[test]
    fn what_is_drawn_comes_from_the_seed_and_keeps_its_bounds() {
        let (least, most) = (Duration::from_millis(1), Duration::from_millis(4));
        let times = |seed| {
            let mut way = Way::new(Delay::Between(least, most), seed);
            (0..1_000).map(|n| way.arrives(n * 10 * MS, None) - n * 10 * MS).collect::<Vec<_>>()
        };
        assert_eq!(times(7), times(7));
        assert_ne!(times(7), times(8));
        assert!(times(7).iter().all(|took| (MS..=4 * MS).contains(took)));
        assert!(times(7).iter().any(|took| *took > 3 * MS), "{:?}", times(7).iter().max());
    }
}
