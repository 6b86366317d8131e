//! The gateway's heartbeat: does it come, does the gateway get on, and is what it says true?
//!
//! The constants are those of the project for both sides: a beat each 250 ms, suspect after a second (the
//! lease is not renewed any more and has run out by itself), acted upon after three. A gateway whose
//! progress stands still is wedged, however regularly some thread of it beats.

use std::collections::VecDeque;

use super::words::Beat;
use crate::amount::Amount;

/// A beat is due each so many milliseconds.
pub const BEAT_MS: u64 = 250;
/// Without a beat, or without progress, for so long there is no lease. A lease is good for as long.
pub const SUSPECT_MS: u64 = 1_000;
/// Without a beat, or without progress, for so long it is acted upon.
pub const ACT_MS: u64 = 3_000;
/// A gateway that never beat has so much longer from the kill switch's own start.
pub const GRACE_MS: u64 = 5_000;
/// Figures that differ for so long are a lie, or a bug, which is the same here.
pub const LIE_MS: u64 = 5_000;
/// A gateway that takes more to be open than is may be deaf for a while: it finds out within ten seconds, and
/// settles a doubt within seventeen. Only then is it a lie.
pub const STALE_MS: u64 = 20_000;
/// Equity may differ by so much, ten-thousandths of the larger.
const EQUITY_BPS: u32 = 100;
/// Counts of open orders change while a list is on its way, so a list is compared with all counts that
/// were said in the time before it, ms, and with the next one after it: what was ordered since the last beat is in
/// the list and in no count yet. An agent that orders each second would look like a liar otherwise, list after list.
const COUNTS_MS: u64 = 3_000;
const COUNTS_MAX: usize = 64;

/// Equity that differs for so long: a deposit that an exchange does not tell is found by the gateway's next
/// reading, and its prices follow a book that leaps only after ten seconds.
const EQUITY_MS: u64 = 30_000;

/// Figures that differ: in all looks from one to another.
#[derive(Clone, Debug)]
struct Differs {
    since_ms: u64,
    newest_ms: u64,
    /// Both, as they were in the newest look.
    text: String,
}

/// What is known of the gateway.
#[derive(Clone, Debug, Default)]
pub struct Heart {
    last: Option<(u64, Beat)>,
    progress_ms: u64,
    /// When, and how many are open at least and at most.
    counts: VecDeque<(u64, (u64, u64))>,
    /// A list that waits for the next word: when it came, and how many it had.
    listed: Option<(u64, u64)>,
    more_is_open: Option<Differs>,
    less_is_open: Option<Differs>,
    equity_differs: Option<Differs>,
}

impl Heart {
    /// A beat with a good signature. `false`: an older start of the gateway speaks while a newer one is
    /// alive; it gets no lease.
    pub fn beat(&mut self, now_ms: u64, beat: Beat) -> bool {
        if let Some((at, last)) = &self.last {
            if beat.session < last.session && now_ms.saturating_sub(*at) < ACT_MS {
                return false;
            }
            if beat.progress != last.progress || beat.session != last.session {
                self.progress_ms = now_ms;
            }
        } else {
            self.progress_ms = now_ms;
        }
        if self.counts.len() == COUNTS_MAX {
            self.counts.pop_front();
        }
        let most = beat.open_orders.saturating_add(beat.in_doubt);
        self.counts.push_back((now_ms, (beat.open_orders, most)));
        self.last = Some((now_ms, beat));
        // Not the very next one: it may have been on its way when the list was made.
        let answered = self.listed.filter(|(at, _)| now_ms.saturating_sub(*at) >= BEAT_MS);
        if let Some((at, listed)) = answered {
            self.listed = None;
            // Nobody beat for a while, so nothing was said of it at its time: it dates no lie.
            if now_ms.saturating_sub(at) < SUSPECT_MS {
                self.judge_count(at, listed);
            }
        }
        true
    }

    /// Whether the lease may be renewed.
    pub fn is_fresh(&self, now_ms: u64) -> bool {
        let young = |at: u64| now_ms.saturating_sub(at) < SUSPECT_MS;
        self.last.as_ref().is_some_and(|(at, _)| young(*at)) && young(self.progress_ms)
    }

    /// Why the gateway counts as gone by now; `None` while it does not.
    pub fn lost(&self, now_ms: u64) -> Option<String> {
        let Some((at, beat)) = &self.last else {
            let gone = now_ms >= ACT_MS + GRACE_MS;
            return gone.then(|| format!("no heartbeat ever, {now_ms} ms after the start"));
        };
        let (silent, still) = (now_ms.saturating_sub(*at), now_ms.saturating_sub(self.progress_ms));
        if silent >= ACT_MS {
            Some(format!("no heartbeat for {silent} ms; the last was of session {}", beat.session))
        } else if still >= ACT_MS {
            let progress = beat.progress;
            Some(format!("it beats, but its progress stands still at {progress} for {still} ms"))
        } else {
            None
        }
    }

    /// Whether a living gateway says that nothing is open.
    pub fn says_nothing_is_open(&self, now_ms: u64) -> bool {
        self.is_fresh(now_ms) && self.last.as_ref().is_some_and(|(_, beat)| beat.open_orders == 0)
    }

    /// The last beat and its age, ms.
    pub fn last(&self, now_ms: u64) -> Option<(u64, &Beat)> {
        self.last.as_ref().map(|(at, beat)| (now_ms.saturating_sub(*at), beat))
    }

    /// The exchange lists so many orders. One list at a time waits, and not for long; there is another one soon.
    pub fn compare_count(&mut self, now_ms: u64, listed: u64) {
        let waits = |at: u64| now_ms.saturating_sub(at) < SUSPECT_MS;
        if !self.listed.is_some_and(|(at, _)| waits(at)) {
            self.listed = Some((now_ms, listed));
        }
    }

    fn judge_count(&mut self, now_ms: u64, listed: u64) {
        self.counts.retain(|(at, _)| now_ms.saturating_sub(*at) <= COUNTS_MS);
        let low = self.counts.iter().map(|(_, (least, _))| *least).min();
        let high = self.counts.iter().map(|(_, (_, most))| *most).max();
        let text =
            |said: u64| format!("the gateway says {said} open orders, the exchange lists {listed}");
        let more = high.filter(|high| listed > *high).map(text);
        let less = low.filter(|low| listed < *low).map(text);
        differ(&mut self.more_is_open, now_ms, more);
        differ(&mut self.less_is_open, now_ms, less);
    }

    /// The account is worth this at the exchange.
    pub fn compare_equity(&mut self, now_ms: u64, equity: Option<Amount>) {
        let said = self.last.as_ref().filter(|(at, _)| now_ms.saturating_sub(*at) < SUSPECT_MS);
        let said = said.and_then(|(_, beat)| beat.equity).zip(equity);
        let text = said.and_then(|(said, equity)| {
            let larger = said.abs().max(equity.abs());
            let differs = said.checked_sub(equity).zip(larger.bps(EQUITY_BPS));
            let within = differs.is_some_and(|(difference, room)| difference.abs() <= room);
            let text = || {
                format!("the gateway takes the account to be worth {said}, it is worth {equity}")
            };
            (!within).then(text)
        });
        differ(&mut self.equity_differs, now_ms, text);
    }

    /// Both figures, once they have differed for too long.
    pub fn lie(&self) -> Option<&str> {
        let all = [
            (&self.more_is_open, LIE_MS),
            (&self.less_is_open, STALE_MS),
            (&self.equity_differs, EQUITY_MS),
        ];
        all.into_iter().find_map(|(differs, max)| {
            // One odd look proves nothing, however long ago it was: the next one has to say the same.
            let Differs { since_ms, newest_ms, text } = differs.as_ref()?;
            (newest_ms.saturating_sub(*since_ms) > max).then_some(text.as_str())
        })
    }
}

/// Remembers since when figures differ, with the newest of both.
fn differ(differs: &mut Option<Differs>, now_ms: u64, text: Option<String>) {
    let since_ms = differs.as_ref().map_or(now_ms, |differs| differs.since_ms);
    *differs = text.map(|text| Differs { since_ms, newest_ms: now_ms, text });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn beat(session: u64, progress: u64) -> Beat {
        let state = "active".to_owned();
        Beat {
            session,
            progress,
            state,
            open_orders: 2,
            in_doubt: 0,
            equity: Some(Amount::whole(1_000)),
        }
    }

    #[test]
    fn silence_and_standing_still() {
        let mut heart = Heart::default();
        assert_eq!(heart.lost(ACT_MS + GRACE_MS - 1), None);
        assert!(heart.lost(ACT_MS + GRACE_MS).unwrap().contains("no heartbeat ever"));
        assert!(heart.beat(10_000, beat(1, 5)));
        for (at, fresh, lost) in [
            (10_000, true, false),
            (10_999, true, false),
            (11_000, false, false),
            (12_999, false, false),
            (13_000, false, true),
        ] {
            assert_eq!((heart.is_fresh(at), heart.lost(at).is_some()), (fresh, lost), "{at}");
        }
        // It beats on, and nothing moves.
        for at in (10_250..=13_000).step_by(250) {
            heart.beat(at, beat(1, 5));
        }
        assert!(!heart.is_fresh(11_000) && heart.lost(12_999).is_none());
        assert!(heart.lost(13_000).unwrap().contains("stands still at 5"));
        heart.beat(13_250, beat(1, 6));
        assert!(heart.is_fresh(13_250) && heart.lost(13_250).is_none());
    }

    #[test]
    fn an_older_start_gets_nothing_while_a_newer_one_lives() {
        let mut heart = Heart::default();
        assert!(heart.beat(0, beat(7, 1)));
        assert!(!heart.beat(2_999, beat(6, 99)));
        assert_eq!(heart.last(2_999).unwrap().1.session, 7);
        assert!(heart.beat(3_000, beat(6, 99)));
    }

    #[test]
    fn counts_that_differ_for_five_seconds_are_a_lie() {
        let mut heart = Heart::default();
        let mut lie = |at, listed| {
            heart.compare_count(at, listed);
            heart.beat(at + BEAT_MS, beat(1, at));
            heart.lie().map(str::to_owned)
        };
        assert_eq!(lie(0, 200), None);
        assert_eq!(lie(5_000, 200), None);
        let text = lie(5_001, 200).unwrap();
        assert!(text.contains("says 2 ") && text.contains("lists 200"), "{text}");
        assert_eq!(lie(5_500, 2), None);
        assert_eq!(lie(6_000, 3), None);
    }

    /// One odd list proves nothing, however long ago it was; and what is in doubt may be there or not.
    #[test]
    fn one_list_is_no_proof_and_neither_is_a_doubt() {
        let mut heart = Heart::default();
        heart.compare_count(0, 3);
        heart.beat(BEAT_MS, beat(1, 0));
        for at in [3_000, 6_000, 9_000] {
            heart.beat(at, beat(1, at));
            assert_eq!(heart.lie(), None, "{at}");
        }
        for at in [10_000, 16_000, 40_000] {
            heart.compare_count(at, 4);
            heart.beat(at + BEAT_MS, Beat { in_doubt: 2, ..beat(1, at) });
            assert_eq!(heart.lie(), None, "{at}");
        }
        for (at, lies) in [(50_000, false), (56_000, true)] {
            heart.compare_count(at, 5);
            heart.beat(at + BEAT_MS, Beat { in_doubt: 2, ..beat(1, at) });
            assert_eq!(heart.lie().is_some(), lies, "{at}");
        }
    }

    /// The switch has listed a person's stop for an hour when the gateway starts, which takes a few seconds to find it.
    /// What was listed before it spoke dates no lie; one that goes on denying it is found out all the same.
    #[test]
    fn what_was_listed_before_anybody_spoke_is_no_lie() {
        let started = 3_600_000;
        for pause in [250, 2_000] {
            let mut heart = Heart::default();
            (0..started).step_by(2_000).for_each(|at| heart.compare_count(at, 1));
            let mut lies_at = None;
            for at in (started + pause..started + 20_000).step_by(250) {
                heart.beat(at, Beat { open_orders: 0, ..beat(1, at) });
                if at % 2_000 == 0 {
                    heart.compare_count(at + 100, 1);
                }
                lies_at = lies_at.or(heart.lie().map(|_| at - started - pause));
            }
            let lies_at = lies_at.unwrap();
            assert!((LIE_MS..LIE_MS + 4_000).contains(&lies_at), "{lies_at}");
        }
    }

    /// An agent orders sixteen each second, just before the list and just after the last beat: each list has sixteen
    /// more than was said, and the next word has them all.
    #[test]
    fn who_orders_between_two_beats_does_not_lie() {
        let mut heart = Heart::default();
        let mut open = 0;
        let mut listed = 0;
        for at in (0..60_000).step_by(250) {
            heart.beat(at, Beat { open_orders: open, ..beat(1, at) });
            assert_eq!(heart.lie(), None, "{at}");
            if at % 1_000 == 0 {
                open += 16;
            }
            if at % 2_000 == 0 {
                heart.compare_count(at + 100, open);
                listed += 1;
            }
        }
        assert_eq!(listed, 30);
        // One that denies what is open is found out all the same.
        for at in (60_000..68_000).step_by(250) {
            heart.beat(at, Beat { open_orders: 0, ..beat(1, at) });
            if at % 2_000 == 0 {
                heart.compare_count(at + 100, open);
            }
        }
        assert_eq!(heart.lie(), None, "what was said before counts for three seconds");
        for at in (68_000..76_000).step_by(250) {
            heart.beat(at, Beat { open_orders: 0, ..beat(1, at) });
            if at % 2_000 == 0 {
                heart.compare_count(at + 100, open);
            }
        }
        assert!(heart.lie().is_some());
    }

    /// A gateway that is deaf for a while takes orders to be open that are filled.
    #[test]
    fn taking_more_to_be_open_than_is_has_more_time() {
        let mut heart = Heart::default();
        let mut lie = |at, listed| {
            heart.compare_count(at, listed);
            heart.beat(at + BEAT_MS, beat(1, at));
            heart.lie().is_some()
        };
        assert_eq!([lie(0, 1), lie(20_000, 1), lie(20_001, 1)], [false, false, true]);
    }

    #[test]
    fn equity_that_differs_by_more_than_a_percent_for_half_a_minute_is_a_lie() {
        let mut heart = Heart::default();
        let mut lie = |at, worth: &str| {
            heart.beat(at, beat(1, at));
            heart.compare_equity(at, Amount::parse(worth));
            heart.lie().map(str::to_owned)
        };
        assert_eq!(lie(0, "989"), None);
        assert_eq!(lie(4_000, "990"), None, "one percent is within");
        assert_eq!(lie(4_500, "989.9"), None);
        assert_eq!(lie(34_500, "989.9"), None);
        assert!(lie(34_501, "989.9").unwrap().contains("worth 1000, it is worth 989.9"));
        // A gateway that says nothing does not lie.
        heart.beat(90_000, Beat { equity: None, ..beat(1, 0) });
        heart.compare_equity(90_000, Some(Amount::ZERO));
        assert_eq!(heart.lie(), None);
    }
}
