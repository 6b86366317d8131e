//! A window that begins at multiples of its length by the venue's clock, and then forgets all.
//!
//! Three things make it more than a number. Near a boundary nobody knows in which of two windows the
//! venue will count a request, so it counts in both. The venue says what it has counted, which is
//! believed, up and down. And others may ask from the same address: what they used in the last
//! window, or are on the way to use in this one, is left to them.

use std::time::Duration;

use model::Timestamp;
use serde::{Deserialize, Serialize};

/// The venue's clock is known to this much: so long after a boundary the window before still counts.
pub const SKEW: Duration = Duration::from_millis(250);
/// A request may take this long: granted so shortly before a boundary it counts in the next window,
/// too, unless its answer came in time. At most a tenth of the window.
pub const LATE: Duration = Duration::from_secs(2);
/// What others will use is guessed for windows up to this length. In a longer one a wrong guess, made
/// of orders of our own that nobody remembers, would hold us for too long.
pub const FORECAST_MAX: Duration = Duration::from_secs(300);

/// What goes beyond the little that may go before the venue has told is asked about again after this: the first
/// answer says how much there is, and it is on its way.
pub(crate) const ANSWER_SOON: Duration = Duration::from_millis(50);

/// One window. Times are the venue's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Aligned {
    start: Timestamp,
    /// Granted in it, less what was given back.
    own: i64,
    /// Of that: not answered yet.
    open: i64,
    /// What the venue counts besides what was answered of ours; below zero where it gives back what
    /// we do not know of.
    told: i64,
    /// When the request was granted whose answer said so.
    told_at: Timestamp,
    /// The least that others must have used so far.
    others: i64,
    /// What others will have used when it ends, going by the last one.
    expected: i64,
    /// Granted near its end and not answered yet.
    late: i64,
    /// Used in the window before.
    before: i64,
    /// Has the venue said something about this window, and about any?
    heard: bool,
    heard_ever: bool,
}

/// What a window is asked about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Question {
    /// The venue's time.
    pub(crate) now: Timestamp,
    pub(crate) window: Duration,
    pub(crate) cap: i64,
    /// For what does not protect: all that is not reserved. What others use is taken from it before
    /// it is shared out.
    pub(crate) rest: Option<i64>,
    /// The most until the venue has told once, for what has to wait for that.
    pub(crate) unheard: Option<i64>,
    pub(crate) amount: u32,
}

fn late(window: Duration) -> Duration {
    LATE.min(window / 10)
}

impl Aligned {
    /// So many used already. An empty one is as good as unknown until the venue has told.
    pub(crate) fn filled(now: Timestamp, window: Duration, used: i64) -> Aligned {
        let start = now.floor_to(window);
        Aligned { start, own: used, heard_ever: used > 0, ..Aligned::default() }
    }

    pub(crate) fn roll(&mut self, now: Timestamp, window: Duration) {
        let start = now.floor_to(window);
        if start <= self.start {
            return;
        }
        let is_next = self.start.after(window) == start;
        let expected = if self.heard { self.others } else { self.expected / 2 };
        *self = Aligned {
            start,
            own: if is_next { self.late } else { 0 },
            before: if is_next { self.used() } else { 0 },
            // News of a window long ago is worth less.
            expected: if is_next { expected } else { expected / 2 },
            heard_ever: self.heard_ever,
            ..Aligned::default()
        };
    }

    /// Used so far, as well as we know.
    pub(crate) fn used(&self) -> i64 {
        self.own.saturating_add(self.told).max(0)
    }

    /// What others will have used at the end of this window: as much as in the last one, or more if
    /// they go on as they began.
    fn forecast(&self, now: Timestamp, window: Duration) -> i64 {
        if window > FORECAST_MAX {
            return 0;
        }
        if self.others == 0 {
            return self.expected;
        }
        let length = i64::try_from(window.as_millis()).unwrap_or(i64::MAX);
        let elapsed = i64::try_from(now.since(self.start).as_millis()).unwrap_or(i64::MAX);
        let pace = self.others.saturating_mul(length) / elapsed.max(length / 10).max(1);
        pace.max(self.expected)
    }

    /// Until the venue has once said what is used, little is known.
    pub(crate) fn is_unheard(&self) -> bool {
        !self.heard_ever
    }

    /// May this be added? If not: when to ask again, by the venue's clock.
    pub(crate) fn fits(&self, question: &Question) -> Result<(), Timestamp> {
        let Question { now, window, cap, rest, unheard, amount } = *question;
        let amount = i64::from(amount);
        if amount > cap {
            return Err(Timestamp::MAX);
        }
        let (used, allowed) = match rest {
            None => (self.used(), cap),
            Some(rest) => {
                let others = self.forecast(now, window).max(self.told).max(0);
                let ours = (rest - others).max(0);
                // As wide as a product needs to be: a venue may tell any limit.
                let part = i128::from(ours) * i128::from(cap) / i128::from(rest.max(1));
                let part = i64::try_from(part).unwrap_or(i64::MAX);
                (self.own + self.told.min(0), part)
            }
        };
        if used.saturating_add(amount) > allowed {
            return Err(self.start.after(window));
        }
        // The first moments may still belong to the window before, by the venue's clock.
        let certain = self.start.after(SKEW);
        let both = self.before.saturating_add(self.own).saturating_add(amount);
        if now < certain && self.before > 0 && both > cap {
            return Err(certain);
        }
        match unheard {
            Some(little) if self.own.saturating_add(amount) > little => self.may_go_and_ask(now),
            Some(_) | None => Ok(()),
        }
    }

    /// More than little has gone and the venue has not told. It will with the next answer, most likely; where none
    /// is on its way one more may go and ask, when what it brings can be believed.
    fn may_go_and_ask(&self, now: Timestamp) -> Result<(), Timestamp> {
        let certain = self.start.after(SKEW);
        if self.open > 0 {
            Err(now.after(ANSWER_SOON))
        } else if now < certain {
            Err(certain)
        } else {
            Ok(())
        }
    }

    pub(crate) fn book(&mut self, now: Timestamp, window: Duration, amount: u32) {
        let amount = i64::from(amount);
        self.own += amount;
        self.open += amount;
        if self.is_late(now, window) {
            self.late += amount;
        }
    }

    fn is_late(&self, at: Timestamp, window: Duration) -> bool {
        at >= self.start.after(window).before(late(window))
    }

    /// A request granted at `at` was answered: some of it may be free after all.
    pub(crate) fn answered(&mut self, at: Timestamp, window: Duration, amount: u32, free: u32) {
        if at < self.start {
            return;
        }
        self.open = (self.open - i64::from(amount)).max(0);
        self.own = (self.own - i64::from(free)).max(0);
        // It arrived while this window lasts.
        if self.is_late(at, window) {
            self.late = (self.late - i64::from(amount)).max(0);
        }
    }

    /// The answer to a request granted at `at` says what the venue has counted. Older news than we
    /// have, and news that may be about the window before, is no news.
    pub(crate) fn told(&mut self, at: Timestamp, used: u32) {
        let is_new = at >= self.told_at || !self.heard;
        if at < self.start.after(SKEW) || !is_new {
            return;
        }
        let used = i64::from(used);
        self.told = used - (self.own - self.open);
        self.others = self.others.max(used - self.own);
        self.told_at = at;
        self.heard = true;
        self.heard_ever = true;
    }

    pub(crate) fn is_idle(&self, now: Timestamp, window: Duration) -> bool {
        now >= self.start.after(window).after(LATE)
    }

    /// The clock was set, or is known better: what was used counts in the window that is now, and
    /// around its beginning in the one before.
    pub(crate) fn step(&mut self, now: Timestamp, window: Duration) {
        self.start = now.floor_to(window);
        self.told_at = self.start;
        self.before = self.used();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_nanos(1_767_225_600_000_000_000 + millis * 1_000_000)
    }

    fn ask(window: &Aligned, now: i64, cap: i64, amount: u32) -> Result<(), Timestamp> {
        let rest = Some(cap);
        window.fits(&Question { now: at(now), window: MINUTE, cap, rest, unheard: None, amount })
    }

    fn booked(now: i64, amount: u32) -> Aligned {
        let mut window = Aligned::filled(at(now), MINUTE, 0);
        window.book(at(now), MINUTE, amount);
        window
    }

    #[test]
    fn a_window_is_full_until_it_ends() {
        let mut window = booked(1_000, 90);
        assert_eq!(ask(&window, 2_000, 100, 10), Ok(()));
        assert_eq!(ask(&window, 2_000, 100, 11), Err(at(60_000)));
        assert_eq!(ask(&window, 2_000, 100, 101), Err(Timestamp::MAX));
        window.roll(at(60_250), MINUTE);
        assert_eq!(ask(&window, 60_250, 100, 100), Ok(()));
    }

    #[test]
    fn near_a_boundary_a_request_counts_in_both_windows() {
        let mut window = booked(59_000, 90);
        window.roll(at(60_100), MINUTE);
        assert_eq!(window.used(), 90, "it may arrive late");
        // Answered in time it does not, but the venue may still be in the old window.
        let mut window = booked(59_000, 90);
        window.answered(at(59_000), MINUTE, 90, 0);
        window.roll(at(60_100), MINUTE);
        assert_eq!(window.used(), 0);
        assert_eq!(ask(&window, 60_100, 100, 11), Err(at(60_250)));
        assert_eq!(ask(&window, 60_100, 100, 10), Ok(()));
        assert_eq!(ask(&window, 60_250, 100, 100), Ok(()));
    }

    #[test]
    fn the_venue_is_believed_up_and_down() {
        let mut window = booked(1_000, 10);
        window.book(at(1_001), MINUTE, 5);
        window.answered(at(1_000), MINUTE, 10, 0);
        window.told(at(1_000), 40);
        assert_eq!(window.used(), 45, "theirs, and what is on the way");
        window.answered(at(1_001), MINUTE, 5, 0);
        window.told(at(1_001), 3);
        assert_eq!(window.used(), 3);
        window.told(at(1_000), 50);
        assert_eq!(window.used(), 3, "older news");
    }

    #[test]
    fn news_of_the_window_before_is_not_believed() {
        let mut window = booked(59_990, 1);
        window.roll(at(60_010), MINUTE);
        window.answered(at(59_990), MINUTE, 1, 0);
        window.told(at(59_990), 5_000);
        window.book(at(60_100), MINUTE, 1);
        window.told(at(60_100), 5_000);
        assert!(window.used() <= 2, "{window:?}");
    }

    #[test]
    fn what_others_use_is_left_to_them() {
        let mut window = booked(6_000, 10);
        window.answered(at(6_000), MINUTE, 10, 0);
        window.told(at(6_000), 80);
        // 70 in the first tenth is more than all there is.
        assert_eq!(ask(&window, 6_000, 700, 10), Err(at(60_000)));
        assert_eq!(ask(&window, 30_000, 700, 500), Ok(()));
        let question = Question {
            now: at(30_000),
            window: MINUTE,
            cap: 350,
            rest: Some(700),
            unheard: None,
            amount: 270,
        };
        assert_eq!(window.fits(&question), Ok(()), "half of what they leave, and we have 10");
        assert_eq!(window.fits(&Question { amount: 271, ..question }), Err(at(60_000)));
        let protects = Question { now: at(6_000), cap: 700, rest: None, amount: 620, ..question };
        assert_eq!(window.fits(&protects), Ok(()));
        window.roll(at(61_000), MINUTE);
        assert_eq!(ask(&window, 61_000, 100, 31), Err(at(120_000)), "as in the last window");
        assert_eq!(ask(&window, 61_000, 100, 30), Ok(()));
    }

    /// A venue without a limit worth the name says so with a huge number.
    #[test]
    fn the_largest_limit_can_be_counted_with() {
        let largest = i64::from(u32::MAX);
        assert_eq!(ask(&booked(1_000, 90), 1_000, largest, 1), Ok(()));
        let window = Aligned::filled(at(0), MINUTE, 0);
        let (cap, rest) = (i64::MAX, Some(i64::MAX));
        let question = Question { now: at(0), window: MINUTE, cap, rest, unheard: None, amount: 1 };
        assert_eq!(window.fits(&question), Ok(()));
    }

    /// What is on its way is waited for; what was answered and told nothing lets one more go and ask.
    #[test]
    fn more_than_little_waits_for_the_first_answer() {
        let ask = |window: &Aligned, now: i64| {
            let (cap, rest, unheard) = (40, Some(40), Some(10));
            let question = Question { now: at(now), window: MINUTE, cap, rest, unheard, amount: 1 };
            window.fits(&question)
        };
        let mut window = Aligned::filled(at(100), MINUTE, 0);
        window.book(at(100), MINUTE, 9);
        assert_eq!(ask(&window, 110), Ok(()));
        window.book(at(110), MINUTE, 1);
        assert_eq!(ask(&window, 120), Err(at(170)));
        window.answered(at(100), MINUTE, 9, 0);
        assert_eq!(ask(&window, 130), Err(at(180)), "one is on its way");
        window.answered(at(110), MINUTE, 1, 0);
        assert_eq!(ask(&window, 140), Err(at(250)), "its news could be of the window before");
        assert_eq!(ask(&window, 250), Ok(()));
        window.book(at(250), MINUTE, 1);
        assert_eq!(ask(&window, 260), Err(at(310)), "one at a time");
        window.book(at(260), MINUTE, 29);
        assert_eq!(ask(&window, 270), Err(at(60_000)), "never beyond its share");
    }

    #[test]
    fn a_day_is_told_and_not_guessed() {
        let day = Duration::from_secs(86_400);
        let mut window = Aligned::filled(at(3_600_000), day, 0);
        window.book(at(3_600_000), day, 1);
        window.answered(at(3_600_000), day, 1, 0);
        window.told(at(3_600_000), 20_000);
        let now = at(3_601_000);
        let (cap, rest) = (128_000, Some(128_000));
        let question = Question { now, window: day, cap, rest, unheard: None, amount: 108_000 };
        assert_eq!(window.fits(&question), Ok(()), "in an hour, which would be 480 000 in a day");
        assert!(window.fits(&Question { amount: 108_001, ..question }).is_err());
        window.roll(at(86_401_000), day);
        let next = Question { now: at(86_401_000), amount: 128_000, ..question };
        assert_eq!(window.fits(&next), Ok(()));
    }

    #[test]
    fn a_clock_set_back_neither_forgets_nor_keeps_longer() {
        let mut window = booked(30_000, 90);
        window.step(at(-3_600_000 + 30_000), MINUTE);
        assert_eq!(window.used(), 90);
        let until = ask(&window, -3_600_000 + 30_000, 100, 11).unwrap_err();
        assert_eq!(until, at(-3_600_000 + 60_000));
    }
}
