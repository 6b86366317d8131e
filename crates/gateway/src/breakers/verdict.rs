//! What a breaker wants.

use model::{Decimal, TradingState};

/// What is to be let through, as far as one breaker is concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Everything.
    Clear,
    /// Not more than this state lets through, while it lasts.
    Lower(TradingState, &'static str),
    /// Nothing that adds risk until a person resumes.
    Halt,
}

/// How far a breaker is and where it trips, both in its unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reading {
    pub(crate) value: Decimal,
    pub(crate) limit: Decimal,
}

impl Reading {
    /// Of two whole numbers.
    pub(crate) fn of(value: u64, limit: u64) -> Reading {
        let whole = |number: u64| Decimal::from(i64::try_from(number).unwrap_or(i64::MAX));
        Reading { value: whole(value), limit: whole(limit) }
    }

    /// Is the limit reached?
    pub(crate) fn is_over(self) -> bool {
        self.value >= self.limit
    }

    /// Is it at 90 percent of the limit, or below?
    pub(crate) fn is_calm(self) -> bool {
        let (value, limit) = (self.value.checked_times(10), self.limit.checked_times(9));
        value.zip(limit).is_some_and(|(value, limit)| value <= limit)
    }
}
