//! One limit with its counts: one for an address, one for each account, instrument or socket.

use std::time::Duration;

use model::Timestamp;
use serde::{Deserialize, Serialize};

use crate::aligned::{Aligned, Question};
use crate::leaky::Leaky;
use crate::priority::{Priority, Shares, UNHEARD_PERCENT};
use crate::rule::{Rule, Shape};
use crate::sliding::Sliding;

/// Counts that one limit keeps, for instruments, accounts or sockets. Those that have forgotten all
/// make room; if none has, a new one waits.
pub const CELLS_MAX: usize = 128;
/// Ask again after this when there is no room for another count.
const ROOM_WAIT: Duration = Duration::from_secs(1);

/// The two clocks: most limits go by the passing of time, aligned windows by the venue's clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clocks {
    pub(crate) host: Timestamp,
    pub(crate) venue: Timestamp,
}

impl Clocks {
    /// How far the venue's clock is ahead, applied to another time of the host.
    fn venue_at(&self, host: Timestamp) -> Timestamp {
        let ahead = self.venue.nanos().saturating_sub(self.host.nanos());
        Timestamp::from_nanos(host.nanos().saturating_add(ahead))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Cell {
    Aligned(Aligned),
    Sliding(Sliding),
    Leaky(Leaky),
}

/// A rule and what is used of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Limiter {
    pub(crate) rule: Rule,
    /// By key, growing.
    cells: Vec<(u64, Cell)>,
    /// Until then nothing is known of what was used: a new count begins at the reserve. Host time.
    careful_until: Timestamp,
}

/// A cost of one limit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    pub(crate) key: u64,
    pub(crate) amount: u32,
}

impl Limiter {
    pub(crate) fn new(rule: Rule) -> Limiter {
        Limiter { rule, cells: Vec::new(), careful_until: Timestamp::EPOCH }
    }

    fn window(&self) -> Duration {
        Duration::from_millis(u64::from(self.rule.shape.window_ms()))
    }

    /// Nothing is known of what was used: as if all but the reserve were. Where the venue tells, one
    /// request may go and ask.
    pub(crate) fn be_careful(&mut self, clocks: Clocks) {
        self.cells.clear();
        self.careful_until = match self.rule.shape {
            Shape::Aligned { .. } => {
                let end = clocks.venue.floor_to(self.window()).after(self.window());
                clocks.host.after(end.since(clocks.venue))
            }
            Shape::Sliding { .. } | Shape::Leaky { .. } => {
                clocks.host.after(self.rule.shape.memory())
            }
        };
    }

    fn fresh(&self, clocks: Clocks, shares: Shares) -> Cell {
        let is_careful = clocks.host < self.careful_until;
        let probe = i64::from(self.rule.told);
        let spent = shares.cap(Priority::Order, self.rule.shape.limit()) - probe;
        let used = if is_careful { spent.max(0) } else { 0 };
        match self.rule.shape {
            Shape::Aligned { .. } => {
                Cell::Aligned(Aligned::filled(clocks.venue, self.window(), used))
            }
            Shape::Sliding { .. } => {
                let used = u32::try_from(used).unwrap_or(u32::MAX);
                Cell::Sliding(Sliding::filled(clocks.host, self.window(), used))
            }
            Shape::Leaky { .. } => Cell::Leaky(Leaky::filled(clocks.host, used)),
        }
    }

    /// The place of this key's count, brought up to now. `None` when there is no room for it.
    pub(crate) fn find(&mut self, key: u64, clocks: Clocks, shares: Shares) -> Option<usize> {
        let found = match self.cells.as_slice() {
            [(only, _)] if *only == key => Ok(0),
            cells => cells.binary_search_by_key(&key, |(key, _)| *key),
        };
        let place = match found {
            Ok(place) => place,
            Err(_) => {
                if self.cells.len() >= CELLS_MAX {
                    self.forget_idle(clocks);
                }
                if self.cells.len() >= CELLS_MAX {
                    return None;
                }
                let place = self.cells.partition_point(|(known, _)| *known < key);
                self.cells.insert(place, (key, self.fresh(clocks, shares)));
                place
            }
        };
        self.roll(place, clocks);
        Some(place)
    }

    fn roll(&mut self, place: usize, clocks: Clocks) {
        let window = self.window();
        let Some((_, cell)) = self.cells.get_mut(place) else { return };
        match (cell, self.rule.shape) {
            (Cell::Leaky(counter), Shape::Leaky { per_1000_s, .. }) => {
                counter.roll(clocks.host, per_1000_s);
            }
            (Cell::Aligned(cell), Shape::Aligned { .. }) => cell.roll(clocks.venue, window),
            (Cell::Sliding(cell), Shape::Sliding { .. }) => cell.roll(clocks.host, window),
            // A count of another shape than its rule is not taken over (`adopt`).
            (Cell::Leaky(_) | Cell::Aligned(_) | Cell::Sliding(_), _) => {}
        }
    }

    /// Drops the counts that have forgotten all.
    pub(crate) fn forget_idle(&mut self, clocks: Clocks) {
        let window = self.window();
        for place in 0..self.cells.len() {
            self.roll(place, clocks);
        }
        self.cells.retain(|(_, cell)| match cell {
            Cell::Aligned(cell) => !cell.is_idle(clocks.venue, window),
            Cell::Sliding(cell) => !cell.is_idle(),
            Cell::Leaky(counter) => !counter.is_idle(),
        });
    }

    /// How long until this cost fits; zero if it does now.
    pub(crate) fn wait(
        &self,
        place: Option<usize>,
        clocks: Clocks,
        (shares, priority): (Shares, Priority),
        amount: u32,
    ) -> Duration {
        let Some((_, cell)) = place.and_then(|place| self.cells.get(place)) else {
            return ROOM_WAIT;
        };
        let cap = shares.cap(priority, self.rule.shape.limit());
        let (now, until) = match (cell, self.rule.shape) {
            (Cell::Aligned(cell), _) => {
                let is_unheard = self.rule.told && cell.is_unheard() && !priority.is_safety();
                // A first request must be able to go and ask, however much it weighs.
                let little = (cap * i64::from(UNHEARD_PERCENT) / 100).max(i64::from(amount));
                let rest = shares.cap(Priority::Order, self.rule.shape.limit());
                let question = Question {
                    now: clocks.venue,
                    window: self.window(),
                    cap,
                    rest: (!priority.is_safety()).then_some(rest),
                    unheard: is_unheard.then_some(little),
                    amount,
                };
                (clocks.venue, cell.fits(&question))
            }
            (Cell::Sliding(cell), _) => (clocks.host, cell.fits(self.window(), cap, amount)),
            (Cell::Leaky(counter), Shape::Leaky { per_1000_s, .. }) => {
                (clocks.host, counter.fits(cap, per_1000_s, amount))
            }
            (Cell::Leaky(_), _) => return ROOM_WAIT,
        };
        match until {
            Ok(()) => Duration::ZERO,
            Err(Timestamp::MAX) => Duration::MAX,
            // Never zero: that would be a yes.
            Err(until) => until.since(now).max(Duration::from_nanos(1)),
        }
    }

    pub(crate) fn book(&mut self, place: usize, clocks: Clocks, amount: u32) {
        let window = self.window();
        match self.cells.get_mut(place) {
            Some((_, Cell::Aligned(cell))) => cell.book(clocks.venue, window, amount),
            Some((_, Cell::Sliding(cell))) => cell.book(amount),
            Some((_, Cell::Leaky(counter))) => counter.book(amount),
            None => {}
        }
    }

    /// A request granted at `at` was answered; `free` of its cost is given back, and the venue may
    /// have said what it has counted.
    pub(crate) fn settle(
        &mut self,
        at: Timestamp,
        clocks: Clocks,
        cost: Cost,
        free: u32,
        used: Option<u32>,
    ) {
        let Ok(place) = self.cells.binary_search_by_key(&cost.key, |(key, _)| *key) else { return };
        self.roll(place, clocks);
        let window = self.window();
        match self.cells.get_mut(place) {
            Some((_, Cell::Aligned(cell))) => {
                let at = clocks.venue_at(at);
                cell.answered(at, window, cost.amount, free);
                if let Some(used) = used {
                    cell.told(at, used);
                }
            }
            Some((_, Cell::Sliding(cell))) => {
                cell.give_back(at, window, free);
                if let Some(used) = used {
                    cell.told(used);
                }
            }
            Some((_, Cell::Leaky(counter))) => {
                counter.give_back(free);
                if let Some(used) = used {
                    counter.told(used);
                }
            }
            None => {}
        }
    }

    /// The host's clock was set back, or the venue's is known better.
    pub(crate) fn step(&mut self, clocks: Clocks, host: bool) {
        let window = self.window();
        for (_, cell) in &mut self.cells {
            match cell {
                Cell::Aligned(cell) => cell.step(clocks.venue, window),
                Cell::Sliding(cell) if host => cell.step(clocks.host, window),
                Cell::Leaky(counter) if host => counter.step(clocks.host),
                Cell::Sliding(_) | Cell::Leaky(_) => {}
            }
        }
        if host {
            self.careful_until =
                self.careful_until.min(clocks.host.after(self.rule.shape.memory()));
        }
    }

    /// Used by this key, as well as we know.
    pub(crate) fn used(&self, key: u64) -> i64 {
        match self.cells.iter().find(|(known, _)| *known == key) {
            Some((_, Cell::Aligned(cell))) => cell.used(),
            Some((_, Cell::Sliding(cell))) => cell.used(),
            Some((_, Cell::Leaky(counter))) => counter.used(),
            None => 0,
        }
    }

    /// Does the other one count the same, for the same, in the same window?
    pub(crate) fn counts_like(&self, other: &Limiter) -> bool {
        let of = |rule: &Rule| (rule.counts, rule.scope, rule.shape.window_ms());
        of(&self.rule) == of(&other.rule)
    }

    /// Takes over what the other one has counted, and an aligned limit, because those are learned.
    pub(crate) fn adopt(&mut self, other: Limiter) {
        if let (Shape::Aligned { .. }, Shape::Aligned { .. }) = (self.rule.shape, other.rule.shape)
        {
            self.rule.shape = other.rule.shape;
        }
        let shape = self.rule.shape;
        self.cells = other.cells;
        self.cells.truncate(CELLS_MAX);
        self.cells.retain(|(_, cell)| {
            matches!(
                (cell, shape),
                (Cell::Aligned(_), Shape::Aligned { .. })
                    | (Cell::Sliding(_), Shape::Sliding { .. })
                    | (Cell::Leaky(_), Shape::Leaky { .. })
            )
        });
        self.careful_until = other.careful_until;
    }
}
