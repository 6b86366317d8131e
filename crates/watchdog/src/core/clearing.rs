//! The way from a latch to an exchange that shows no entry order: cancel, list, cancel again, for ever.
//!
//! What is known at the moment of the latch is canceled at once, without asking first. Then the exchange
//! is listed until two lists running, the second of all symbols, show none. Nothing here waits for
//! something else to succeed: a list that fails leads to another cancel of what is known, a cancel that
//! hangs or fails leads to another one order by order. Pauses grow to a second and no further, so that
//! what is open is gone soon after an exchange is back. Once it shows none it is looked at on: a request of
//! the gateway may have been under way.

use super::effect::Cancel;

/// Pause after the first attempt, ms; it doubles with each.
const PAUSE_MS: u64 = 50;
/// Longest pause, ms.
const PAUSE_MAX_MS: u64 = 1_000;
/// A list or a cancel that has no answer for so long is not waited for, ms.
const PATIENCE_MS: u64 = 500;
/// Requests of one kind under way at most.
const UNDER_WAY_MAX: usize = 4;
/// Nobody answers later than this, ms: the shell's bounds are shorter.
const FORGOTTEN_MS: u64 = 30_000;
/// After the last order was seen it is looked at closely for so long, ms: a request of the gateway is good
/// for two seconds, and an exchange may take some more.
const CLOSE_LOOK_MS: u64 = 12_000;
/// How often then, and how often later, ms.
const CLOSE_EVERY_MS: u64 = 1_000;
const LATER_EVERY_MS: u64 = 3_000;
/// Every so many looks of a cleared exchange are at all symbols: that list is dear.
const ALL_EVERY: u32 = 10;

/// Questions of one kind that are under way.
#[derive(Clone, Debug, Default)]
pub struct UnderWay(Vec<(u64, u64)>);

impl UnderWay {
    /// Whether another may be begun.
    pub fn has_room(&self, now_ms: u64) -> bool {
        let newest = self.0.iter().map(|(_, at)| *at).max();
        self.0.len() < UNDER_WAY_MAX
            && newest.is_none_or(|at| now_ms.saturating_sub(at) >= PATIENCE_MS)
    }

    /// One is begun.
    pub fn begin(&mut self, n: u64, now_ms: u64) {
        self.0.retain(|(_, at)| now_ms.saturating_sub(*at) < FORGOTTEN_MS);
        self.0.push((n, now_ms));
    }

    /// One has ended.
    pub fn end(&mut self, n: u64) {
        self.0.retain(|(which, _)| *which != n);
    }

    /// None is under way.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Where the clearing stands.
#[derive(Clone, Debug)]
pub struct Clearing {
    /// When it began, or began again.
    pub since_ms: u64,
    /// Lists older than this question prove nothing.
    from_question: u64,
    /// Lists running that showed none.
    empty: u32,
    /// When the exchange showed none.
    pub clear_ms: Option<u64>,
    attempts: u32,
    read_due_ms: u64,
    looks: u32,
    cancels: UnderWay,
    /// A list that was asked for since has come. Before that an order may be open that nobody here knows of,
    /// and it may be a stop.
    listed: bool,
    /// One request for a whole symbol did not do it.
    singly: bool,
    /// Orders that the exchange took cancels of.
    pub canceled: usize,
}

/// What a list says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Entry orders are there: cancel them.
    Cancel,
    /// Look again.
    Wait,
    /// The exchange shows none, for the first time since there were some.
    Cleared,
}

impl Clearing {
    /// Begins now; lists from `from_question` on count.
    pub fn new(now_ms: u64, from_question: u64) -> Clearing {
        Clearing {
            since_ms: now_ms,
            from_question,
            empty: 0,
            clear_ms: None,
            attempts: 0,
            read_due_ms: now_ms,
            looks: 0,
            cancels: UnderWay::default(),
            listed: false,
            singly: false,
            canceled: 0,
        }
    }

    /// Whether a list is due.
    pub fn read_is_due(&self, now_ms: u64) -> bool {
        now_ms >= self.read_due_ms
    }

    /// Whether that list has to be of all symbols.
    pub fn reads_all(&self) -> bool {
        match self.clear_ms {
            None => self.empty > 0,
            Some(_) => self.looks.is_multiple_of(ALL_EVERY),
        }
    }

    /// A list has been asked for: the next one is due when it has not come for long.
    pub fn asked(&mut self, now_ms: u64) {
        self.read_due_ms = now_ms + PATIENCE_MS;
        self.looks = self.looks.wrapping_add(1);
    }

    /// A list with so many entry orders.
    pub fn listed(
        &mut self,
        now_ms: u64,
        question: u64,
        all: bool,
        (entries, pace_ms): (usize, u64),
    ) -> Step {
        self.listed |= question >= self.from_question;
        if entries > 0 {
            if self.clear_ms.take().is_some() {
                (self.since_ms, self.attempts, self.singly) = (now_ms, 0, false);
            }
            self.empty = 0;
            return Step::Cancel;
        }
        if question < self.from_question {
            return Step::Wait;
        }
        self.empty = self.empty.saturating_add(1);
        if let Some(clear) = self.clear_ms {
            let close = now_ms.saturating_sub(clear) < CLOSE_LOOK_MS;
            self.read_due_ms =
                now_ms + if close { CLOSE_EVERY_MS } else { LATER_EVERY_MS.max(pace_ms) };
            return Step::Wait;
        }
        if all && self.empty >= 2 {
            self.clear_ms = Some(now_ms);
            self.read_due_ms = now_ms + CLOSE_EVERY_MS;
            return Step::Cleared;
        }
        self.read_due_ms = now_ms + PAUSE_MS;
        Step::Wait
    }

    /// A list failed.
    pub fn list_failed(&mut self, now_ms: u64) {
        self.empty = 0;
        self.pause(now_ms);
    }

    fn pause(&mut self, now_ms: u64) {
        let pause = PAUSE_MS.saturating_mul(1 << self.attempts.min(10)).min(PAUSE_MAX_MS);
        self.attempts = self.attempts.saturating_add(1);
        self.read_due_ms = now_ms + pause;
    }

    /// Whether cancels may be sent now: none is under way, or they take too long.
    pub fn may_cancel(&self, now_ms: u64) -> bool {
        self.cancels.has_room(now_ms)
    }

    /// Whether one request may take a whole symbol.
    pub fn at_once(&self) -> bool {
        self.listed && !self.singly && self.cancels.is_empty()
    }

    /// Cancels are sent.
    pub fn canceling(&mut self, n: u64, now_ms: u64, batches: &[Cancel]) {
        // If this does not do it, the next attempt is another.
        self.singly = batches.iter().any(|batch| batch.whole);
        self.cancels.begin(n, now_ms);
    }

    /// Cancels have ended.
    pub fn canceled(&mut self, now_ms: u64, n: u64, told: &Result<usize, String>) {
        self.cancels.end(n);
        match told {
            Ok(count) => {
                self.canceled += count;
                // The first time it is looked at once, later after a moment, for an exchange may take its
                // time; if nothing was taken, later and later.
                if *count > 0 || self.attempts == 0 {
                    let moment = if self.attempts == 0 { 0 } else { 2 * PAUSE_MS };
                    (self.attempts, self.read_due_ms) = (1, now_ms + moment);
                } else {
                    self.pause(now_ms);
                }
            }
            Err(_) => self.pause(now_ms),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_lists_running_the_second_of_all_symbols_are_proof() {
        let mut clearing = Clearing::new(0, 5);
        assert_eq!(clearing.listed(1, 4, true, (0, 0)), Step::Wait, "asked before the latch");
        assert_eq!(clearing.listed(2, 5, false, (0, 0)), Step::Wait);
        assert!(clearing.reads_all());
        assert_eq!(clearing.listed(3, 6, false, (0, 0)), Step::Wait, "not of all symbols");
        assert_eq!(clearing.listed(4, 7, true, (3, 0)), Step::Cancel, "one more came");
        assert_eq!(clearing.listed(5, 8, true, (0, 0)), Step::Wait);
        assert_eq!(clearing.listed(6, 9, true, (0, 0)), Step::Cleared);
        assert_eq!((clearing.clear_ms, clearing.read_is_due(1_005)), (Some(6), false));
        assert!(clearing.read_is_due(1_006), "it is looked at on");
        // An order that was under way arrives.
        assert_eq!(clearing.listed(1_200, 10, false, (1, 0)), Step::Cancel);
        assert_eq!((clearing.clear_ms, clearing.since_ms), (None, 1_200));
    }

    #[test]
    fn pauses_grow_to_a_second_and_no_further() {
        let mut clearing = Clearing::new(0, 0);
        let mut pauses = Vec::new();
        for _ in 0..8 {
            clearing.list_failed(0);
            pauses.push(clearing.read_due_ms);
        }
        assert_eq!(pauses, [50, 100, 200, 400, 800, 1_000, 1_000, 1_000]);
    }

    #[test]
    fn what_hangs_is_not_waited_for() {
        let mut clearing = Clearing::new(0, 0);
        let whole = [Cancel { symbol: "BTCUSDT".into(), ids: vec!["1".into()], whole: true }];
        assert!(clearing.may_cancel(0) && !clearing.at_once(), "not before a list");
        clearing.listed(0, 0, true, (1, 0));
        assert!(clearing.at_once());
        clearing.canceling(1, 0, &whole);
        assert!(!clearing.may_cancel(499) && clearing.may_cancel(500) && !clearing.at_once());
        for n in 2..=4 {
            clearing.canceling(n, n * 500, &[]);
        }
        assert!(!clearing.may_cancel(9_000), "four hang");
        clearing.canceled(9_000, 1, &Err("timed out".into()));
        assert!(clearing.may_cancel(9_000));
    }

    /// A cancel of a whole symbol that left something is followed by single ones.
    #[test]
    fn an_attempt_that_did_not_do_it_is_followed_by_another_kind() {
        let mut clearing = Clearing::new(0, 0);
        clearing.listed(0, 0, true, (1, 0));
        let whole = [Cancel { symbol: "BTCUSDT".into(), ids: vec!["1".into()], whole: true }];
        clearing.canceling(1, 0, &whole);
        clearing.canceled(10, 1, &Ok(0));
        assert!(!clearing.at_once());
        clearing.canceling(2, 20, &[]);
        clearing.canceled(30, 2, &Ok(1));
        assert!(clearing.at_once());
    }
}
