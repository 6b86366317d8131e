//! Where the reference price of each instrument has been lately.
//!
//! Two guardrails ask: one compares an order's price with where the reference price was a while ago, so that
//! an agent cannot walk it away in small steps; the other values what is held of instruments that are not
//! heard of just now.

use std::collections::VecDeque;
use std::time::Duration;

use model::{ByInstrument, InstrumentId, Price, Timestamp};

/// Prices that are remembered of one window: it is told to so many parts of it.
const SAMPLES: u32 = 32;

/// The reference prices of all instruments that are followed.
#[derive(Clone, Debug, Default)]
pub(crate) struct References(ByInstrument<History>);

#[derive(Clone, Debug)]
struct History {
    last: Price,
    /// Oldest first; all but the first are within the window. None while the book is lost.
    samples: VecDeque<(Timestamp, Price)>,
    /// What they are remembered for, and how far they are apart because of that.
    window: Duration,
    step: Duration,
    /// When the next one is remembered.
    next: Timestamp,
}

impl References {
    /// The reference price is this now; `None` while there is none. What was before a loss of the book is
    /// not held against what comes after it.
    pub(crate) fn note(
        &mut self,
        now: Timestamp,
        instrument: InstrumentId,
        price: Option<Price>,
        window: Duration,
    ) {
        let Some(price) = price else {
            if let Some(history) = self.0.get_mut(instrument) {
                history.samples.clear();
                history.next = Timestamp::EPOCH;
            }
            return;
        };
        let history = self.0.get_or_insert_with(instrument, || History {
            last: price,
            samples: VecDeque::new(),
            window,
            step: window / SAMPLES,
            next: Timestamp::EPOCH,
        });
        history.last = price;
        if window != history.window {
            (history.window, history.step) = (window, window / SAMPLES);
            let last = history.samples.back();
            history.next = last.map_or(Timestamp::EPOCH, |(at, _)| at.after(history.step));
        }
        if now < history.next {
            return;
        }
        let samples = &mut history.samples;
        let from = now.before(window);
        while samples.get(1).is_some_and(|(at, _)| *at <= from) {
            samples.pop_front();
        }
        // One more than there is room for when a shorter window has become a longer one.
        if samples.len() > SAMPLES as usize + 1 {
            samples.pop_front();
        }
        samples.push_back((now, price));
        history.next = now.after(history.step);
    }

    /// When the next price is remembered, if it is told then.
    pub(crate) fn next_sample(&self, instrument: InstrumentId, window: Duration) -> Timestamp {
        let Some(history) = self.0.get(instrument) else { return Timestamp::EPOCH };
        if window == history.window {
            return history.next;
        }
        history.samples.back().map_or(Timestamp::EPOCH, |(at, _)| at.after(window / SAMPLES))
    }

    /// Where it was so long ago; the oldest that is known, where it is not known for so long.
    pub(crate) fn ago(
        &self,
        now: Timestamp,
        instrument: InstrumentId,
        window: Duration,
    ) -> Option<Price> {
        let samples = &self.0.get(instrument)?.samples;
        let from = now.before(window);
        let (_, oldest) = *samples.front()?;
        // Most often there is no second one as old: what is older was forgotten with the last sample.
        if samples.get(1).is_none_or(|(at, _)| *at > from) {
            return Some(oldest);
        }
        let old = samples.iter().take_while(|(at, _)| *at <= from);
        Some(old.last().map_or(oldest, |(_, price)| *price))
    }

    /// The last one there was, however old.
    pub(crate) fn last(&self, instrument: InstrumentId) -> Option<Price> {
        self.0.get(instrument).map(|history| history.last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{id, number};

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(ms).unwrap()
    }

    const WINDOW: Duration = Duration::from_millis(3_200);

    #[test]
    fn it_is_where_it_was_a_window_ago() {
        let mut references = References::default();
        assert_eq!(references.ago(at(0), id(), WINDOW), None);
        for step in 0..100 {
            let price = number(&format!("{}", 100 + step));
            references.note(at(step * 100), id(), Some(price), WINDOW);
            // Between two samples nothing is remembered.
            references.note(at(step * 100 + 50), id(), Some(number("1")), WINDOW);
            let then = (step - 32).max(0);
            let ago = references.ago(at(step * 100 + 50), id(), WINDOW);
            assert_eq!(ago, Some(number(&format!("{}", 100 + then))), "{step}");
        }
        assert_eq!(references.last(id()), Some(number("1")));
        assert!(references.0.get(id()).unwrap().samples.len() <= 34);
        // Long after the last one that one is in force.
        assert_eq!(references.ago(at(100_000), id(), WINDOW), Some(number("199")));
    }

    #[test]
    fn what_was_before_the_book_was_lost_does_not_count() {
        let mut references = References::default();
        references.note(at(0), id(), Some(number("100")), WINDOW);
        references.note(at(1), id(), None, WINDOW);
        assert_eq!(references.ago(at(1), id(), WINDOW), None);
        references.note(at(2), id(), Some(number("120")), WINDOW);
        assert_eq!(references.ago(at(2), id(), WINDOW), Some(number("120")));
        assert_eq!(references.last(id()), Some(number("120")));
    }
}
