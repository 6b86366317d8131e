//! Breaker: a stream that comes back again and again. Each time something may have been missed; while that
//! goes on nothing new is begun.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use model::{Link, Timestamp, TradingState};

use super::trip::Trip;
use super::verdict::{Reading, Verdict};

const MINUTE: Duration = Duration::from_secs(60);

/// When each stream came back.
#[derive(Debug)]
pub(crate) struct Reconnects {
    limit: usize,
    dwell: Duration,
    /// The first time is no reconnect, so there is an entry from then on.
    links: BTreeMap<Link, VecDeque<Timestamp>>,
    trip: Trip,
}

impl Reconnects {
    pub(crate) fn new(limit: u32, dwell: Duration) -> Reconnects {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        Reconnects { limit, dwell, links: BTreeMap::new(), trip: Trip::NONE }
    }

    pub(crate) fn resume(&mut self, now: Timestamp) {
        self.trip = Trip::resumed(now);
    }

    /// A stream is up.
    pub(crate) fn up(&mut self, now: Timestamp, link: Link) {
        let Some(times) = self.links.get_mut(&link) else {
            self.links.insert(link, VecDeque::new());
            return;
        };
        times.push_back(now);
        if times.len() > self.limit {
            times.pop_front();
        }
        let over = self.reading(now).is_over();
        self.trip.observe(now, over, false, self.dwell);
    }

    pub(crate) fn tick(&mut self, now: Timestamp) {
        self.trip.observe(now, false, true, self.dwell);
    }

    /// Of the stream that came back most often in the last minute.
    pub(crate) fn reading(&self, now: Timestamp) -> Reading {
        let lately = |times: &VecDeque<Timestamp>| {
            times.iter().filter(|at| now.since(**at) < MINUTE).count()
        };
        let most = self.links.values().map(lately).max().unwrap_or(0);
        Reading::of(most as u64, self.limit as u64)
    }

    pub(crate) const fn verdict(&self) -> Verdict {
        if self.trip.is_tripped() {
            Verdict::Lower(TradingState::Reducing, "a stream came back too often in a minute")
        } else {
            Verdict::Clear
        }
    }

    pub(crate) fn due(&self) -> Option<Timestamp> {
        self.trip.due(self.dwell)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::EPOCH.after(Duration::from_secs(seconds))
    }

    type Case = (&'static [(u64, Link)], u64, bool);

    /// Seconds at which a stream came up, how many reconnects the last minute then has, and whether it trips
    /// at three.
    const CASES: &[Case] = &[
        (&[(0, Link::Market), (1, Link::Market), (2, Link::Market)], 2, false), // the first is none
        (&[(0, Link::Market), (1, Link::Market), (2, Link::Market), (60, Link::Market)], 3, true),
        (&[(0, Link::Market), (1, Link::Market), (2, Link::Market), (61, Link::Market)], 2, false),
        // Both at once count once.
        (
            &[
                (0, Link::Market),
                (0, Link::Account),
                (1, Link::Market),
                (1, Link::Account),
                (2, Link::Market),
                (2, Link::Account),
            ],
            2,
            false,
        ),
    ];

    #[test]
    fn three_times_in_a_minute() {
        for (ups, count, trips) in CASES {
            let mut reconnects = Reconnects::new(3, MINUTE);
            ups.iter().for_each(|(second, link)| reconnects.up(at(*second), *link));
            let now = at(ups.last().unwrap().0);
            assert_eq!(reconnects.reading(now), Reading::of(*count, 3), "{ups:?}");
            assert_eq!(reconnects.verdict() != Verdict::Clear, *trips, "{ups:?}");
        }
    }

    #[test]
    fn it_clears_when_the_stream_has_stayed() {
        let mut reconnects = Reconnects::new(3, MINUTE);
        (0..60).for_each(|second| reconnects.up(at(second), Link::Account));
        reconnects.tick(at(61));
        reconnects.tick(at(69));
        assert_ne!(reconnects.verdict(), Verdict::Clear);
        reconnects.tick(at(71));
        assert_eq!(reconnects.verdict(), Verdict::Clear);
    }
}
