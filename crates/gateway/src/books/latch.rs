//! The halt as the books hold it: durable, and never lower than it was until a person has lifted it in two
//! steps.

use model::{HaltedBy, PROBATION, Timestamp, TradingState};
use serde::{Deserialize, Serialize};

use super::Books;

/// A halt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Latch {
    /// How far: one of the latched states.
    pub state: TradingState,
    /// Why, in words.
    pub cause: String,
    /// Who or what. `None` where a journal of an older version did not say.
    pub by: Option<HaltedBy>,
    /// Since when.
    pub since: Timestamp,
}

impl Books {
    /// The halt; `None` when there is none. Latched: it survives a restart.
    pub fn latch(&self) -> Option<&Latch> {
        self.halted.as_ref()
    }

    /// Why trading is halted; `None` when it is not.
    pub fn halted(&self) -> Option<&str> {
        self.halted.as_ref().map(|latch| latch.cause.as_str())
    }

    /// Does nothing that changes anything leave?
    pub(crate) fn is_dark(&self) -> bool {
        self.halted.as_ref().is_some_and(|latch| !latch.state.row().cancels)
    }

    /// Until when a part of the limits holds, after a halt was lifted.
    pub fn probation_until(&self) -> Option<Timestamp> {
        self.probation_until
    }

    /// A trading state was written down. One that is not latched says nothing of the halt, and neither does
    /// one that is no higher than the one that holds: the first cause stays.
    pub(super) fn trading_is(
        &mut self,
        state: TradingState,
        cause: &str,
        by: Option<HaltedBy>,
        at: Timestamp,
    ) {
        let is_higher = self.halted.as_ref().is_none_or(|latch| latch.state < state);
        if state.is_latched() && is_higher {
            let cause = cause.to_owned();
            if state == TradingState::Flattening {
                self.covering.clear();
            }
            self.halted = Some(Latch { state, cause, by, since: at });
        }
    }

    pub(super) fn is_resumed(&mut self, probation_until: Timestamp) {
        self.halted = None;
        // Whoever lifted it has seen what is held.
        self.covering.clear();
        self.probation_until = Some(probation_until);
    }

    /// A new life began. Its clock may be behind that of the one before: probation does not get longer by
    /// that than it ever is.
    pub(super) fn probation_is_bounded(&mut self, now: Timestamp) {
        self.probation_until = self.probation_until.map(|until| until.min(now.after(PROBATION)));
    }
}

#[cfg(test)]
mod tests {
    use model::{Entry, Record};

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(1_700_000_000_000 + seconds * 1_000).unwrap()
    }

    fn trading(state: TradingState, cause: &str) -> Record {
        let by = state.is_latched().then_some(HaltedBy::Person);
        Record::Trading { state, cause: cause.to_owned(), by }
    }

    /// Whatever is said of the state, in whatever order: the halt only gets higher.
    #[test]
    fn a_halt_gets_higher_and_never_lower() {
        for first in TradingState::ALL {
            for second in TradingState::ALL {
                let mut books = Books::default();
                for (seconds, (state, cause)) in (0..).zip([(first, "first"), (second, "second")]) {
                    books.apply(&Entry { at: at(seconds), record: trading(state, cause) });
                }
                let highest = first.max(second);
                let latch = books.latch().map(|latch| (latch.state, latch.cause.as_str()));
                let expected = match (first.is_latched(), second.is_latched()) {
                    (false, false) => None,
                    (true, false) => Some((first, "first")),
                    (true, true) if first >= second => Some((first, "first")),
                    (_, true) => Some((second, "second")),
                };
                assert_eq!(latch, expected, "{first:?} {second:?}");
                assert!(latch.is_none_or(|(state, _)| state == highest || !highest.is_latched()));
            }
        }
    }

    #[test]
    fn a_journal_of_an_older_version_knew_a_cause_alone() {
        let line = r#"{"at":5,"kind":"trading","state":"halted","cause":"enough"}"#;
        let mut books = Books::default();
        books.apply(&serde_json::from_str(line).unwrap());
        let latch = books.latch().unwrap();
        assert_eq!((latch.state, latch.cause.as_str()), (TradingState::Halted, "enough"));
        assert_eq!(latch.by, None);
        let text = serde_json::to_string(latch).unwrap();
        assert_eq!(serde_json::from_str::<Latch>(&text).unwrap(), *latch);
    }

    #[test]
    fn probation_is_over_thirty_minutes_after_a_start_at_the_latest() {
        let mut books = Books::default();
        let until = at(10_000).after(PROBATION);
        let (from, cause) = (TradingState::Halted, "x".to_owned());
        let record = Record::Resumed { from, cause, probation_until: until };
        books.apply(&Entry { at: at(10_000), record });
        let start = |session| Record::Started {
            session,
            version: "1".into(),
            config: "".into(),
            paper: false,
        };
        books.apply(&Entry { at: at(10_060), record: start(2) });
        assert_eq!(books.probation_until(), Some(until));
        books.apply(&Entry { at: at(0), record: start(3) });
        assert_eq!(books.probation_until(), Some(at(0).after(PROBATION)));
    }
}
