//! What of the exchange fails in a backtest, when, and how often it lets itself be asked: as it is asked for, and
//! the windows of time that come of it.

use std::collections::VecDeque;
use std::time::Duration;

use model::Timestamp;
use sim_venue::synthetic::SplitMix;

/// What goes wrong. Nothing does unless it is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trouble {
    /// Times at which something of the exchange fails; they may overlap.
    pub outages: Vec<Outage>,
    /// Requests that the gateway sends at most.
    pub rate_limit: Option<RateLimit>,
}

/// Something of the exchange fails for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outage {
    /// When.
    pub begins: Begins,
    /// For how long.
    pub lasts: Duration,
    /// What.
    pub fails: Fails,
}

/// When something fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begins {
    /// At a time.
    At(Timestamp),
    /// So long after the first row.
    After(Duration),
    /// Again and again: from the end of one to the next one, and from the first row to the first one, it takes
    /// half as long as this to one and a half times as long, drawn from the seed.
    Every(Duration),
}

/// What fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fails {
    /// Every connection is cut, and none is taken.
    All,
    /// The streams of market data.
    Market,
    /// Connections that requests are sent by. What happens to the account is told all the same.
    Orders,
    /// Every request is answered with "too many requests", and with when this ends.
    Throttled,
}

/// The gateway sends no more than this in any such stretch of time. What would be more waits, as in trading: cancels
/// and questions go first, and an order that would wait too long is not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// How many.
    pub requests: u32,
    /// The stretch of time.
    pub window: Duration,
}

/// From a time, included, to another one, excluded; nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) begin: i64,
    pub(crate) end: i64,
    pub(crate) fails: Fails,
}

/// All windows that are to come, in the order in which they begin.
#[derive(Debug)]
pub(crate) struct Windows {
    named: VecDeque<Window>,
    drawn: Vec<Drawn>,
}

#[derive(Debug)]
struct Drawn {
    every: i64,
    lasts: i64,
    random: SplitMix,
    next: Window,
}

impl Windows {
    pub(crate) fn new(outages: &[Outage], first: Timestamp, seed: u64) -> Windows {
        let (mut named, mut drawn) = (Vec::new(), Vec::new());
        for (number, outage) in (1u64..).zip(outages) {
            let Outage { begins, lasts, fails } = *outage;
            let window =
                |begin: i64| Window { begin, end: begin.saturating_add(nanos(lasts)), fails };
            match begins {
                Begins::At(time) => named.push(window(time.nanos())),
                Begins::After(pause) => named.push(window(first.after(pause).nanos())),
                Begins::Every(every) => {
                    // Neighbours must not be shifted copies of each other.
                    let seed = SplitMix(seed.wrapping_add(number << 32)).next_number();
                    let next = window(first.nanos());
                    let (every, lasts) = (nanos(every), nanos(lasts));
                    let mut it = Drawn { every, lasts, random: SplitMix(seed), next };
                    it.draw(first.nanos());
                    drawn.push(it);
                }
            }
        }
        named.sort_by_key(|window| window.begin);
        Windows { named: named.into(), drawn }
    }

    /// When the next one begins; the end of time when there is none.
    pub(crate) fn next_begin(&self) -> i64 {
        let named = self.named.front().map(|window| window.begin);
        let drawn = self.drawn.iter().map(|drawn| drawn.next.begin);
        drawn.chain(named).min().unwrap_or(i64::MAX)
    }

    /// One that has begun by now.
    pub(crate) fn begun(&mut self, now: i64) -> Option<Window> {
        if let Some(window) = self.named.pop_front_if(|window| window.begin <= now) {
            return Some(window);
        }
        let drawn = self.drawn.iter_mut().find(|drawn| drawn.next.begin <= now)?;
        let window = drawn.next;
        drawn.draw(window.end);
        Some(window)
    }
}

impl Drawn {
    /// The next one after a time.
    fn draw(&mut self, after: i64) {
        let spread = self.every.unsigned_abs().max(1);
        let more = i64::try_from(self.random.below(spread)).unwrap_or(0);
        let begin = after.saturating_add(self.every / 2).saturating_add(more);
        self.next = Window { begin, end: begin.saturating_add(self.lasts), ..self.next };
    }
}

fn nanos(time: Duration) -> i64 {
    i64::try_from(time.as_nanos()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: i64 = 1_000_000_000;

    fn outage(begins: Begins, seconds: u64) -> Outage {
        Outage { begins, lasts: Duration::from_secs(seconds), fails: Fails::All }
    }

    fn all(outages: &[Outage], seed: u64, until: i64) -> Vec<(i64, i64)> {
        let mut windows = Windows::new(outages, Timestamp::from_nanos(1_000 * S), seed);
        let mut found = Vec::new();
        while windows.next_begin() < until {
            let window = windows.begun(windows.next_begin()).unwrap();
            found.push((window.begin, window.end));
        }
        found
    }

    #[test]
    fn named_windows_come_in_the_order_of_time() {
        let after = outage(Begins::After(Duration::from_secs(50)), 5);
        let at = outage(Begins::At(Timestamp::from_nanos(1_020 * S)), 9);
        let found = all(&[after, at], 1, i64::MAX);
        assert_eq!(found, [(1_020 * S, 1_029 * S), (1_050 * S, 1_055 * S)]);
    }

    #[test]
    fn drawn_windows_come_from_the_seed_and_keep_their_distance() {
        let every = outage(Begins::Every(Duration::from_secs(100)), 7);
        let found = |seed| all(&[every], seed, 100_000 * S);
        assert_eq!(found(3), found(3));
        assert_ne!(found(3), found(4));
        let windows = found(3);
        // A mean distance of a hundred and seven seconds in ninety-nine thousand.
        assert!((850..1_000).contains(&windows.len()), "{}", windows.len());
        let mut before = 1_000 * S;
        for (begin, end) in windows {
            assert!((50 * S..150 * S).contains(&(begin - before)) && end - begin == 7 * S);
            before = end;
        }
        let two = all(&[every, every], 3, 10_000 * S);
        assert!(two.windows(2).all(|pair| pair[0] != pair[1]), "each has draws of its own");
    }
}
