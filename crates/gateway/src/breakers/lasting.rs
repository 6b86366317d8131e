//! Breakers: something that should not last lasts. No market is fresh, an order stays in doubt past its quiet
//! time, the account cannot be valued.

use std::time::Duration;

use model::{Timestamp, TradingState};

use super::trip::Trip;
use super::verdict::{Reading, Verdict};

/// What its figures are counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Milliseconds,
    Seconds,
}

/// One such thing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lasting {
    limit: Duration,
    dwell: Duration,
    unit: Unit,
    cause: &'static str,
    /// For how long it is so, when it was last looked at.
    value: Duration,
    trip: Trip,
}

impl Lasting {
    pub(crate) const fn new(
        (limit, unit): (Duration, Unit),
        dwell: Duration,
        cause: &'static str,
    ) -> Lasting {
        Lasting { limit, dwell, unit, cause, value: Duration::ZERO, trip: Trip::NONE }
    }

    pub(crate) fn resume(&mut self, now: Timestamp) {
        self.trip = Trip::resumed(now);
    }

    /// For how long it is so; `None` when it is not.
    pub(crate) fn observe(&mut self, now: Timestamp, lasts: Option<Duration>) {
        self.value = lasts.unwrap_or_default();
        self.trip.observe(now, self.value >= self.limit, lasts.is_none(), self.dwell);
    }

    /// Was it so at the last look?
    pub(crate) fn lasts(&self) -> bool {
        !self.value.is_zero()
    }

    /// When it trips by time alone, where it began at this time.
    pub(crate) fn trips_at(&self, since: Timestamp) -> Option<Timestamp> {
        (!self.trip.is_tripped()).then(|| since.after(self.limit))
    }

    pub(crate) fn reading(&self) -> Reading {
        let count = |time: Duration| match self.unit {
            Unit::Milliseconds => u64::try_from(time.as_millis()).unwrap_or(u64::MAX),
            Unit::Seconds => time.as_secs(),
        };
        Reading::of(count(self.value), count(self.limit))
    }

    pub(crate) const fn verdict(&self) -> Verdict {
        if self.trip.is_tripped() {
            Verdict::Lower(TradingState::Reducing, self.cause)
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

    #[test]
    fn it_trips_when_it_has_lasted() {
        let limit = Duration::from_secs(1);
        for (ms, trips) in [(0, false), (999, false), (1_000, true), (9_000, true)] {
            let mut lasting =
                Lasting::new((limit, Unit::Milliseconds), Duration::from_secs(60), "it lasts");
            assert_eq!(lasting.trips_at(Timestamp::EPOCH), Some(Timestamp::EPOCH.after(limit)));
            lasting.observe(Timestamp::EPOCH, Some(Duration::from_millis(ms)));
            let lower = Verdict::Lower(TradingState::Reducing, "it lasts");
            assert_eq!(lasting.verdict(), if trips { lower } else { Verdict::Clear }, "{ms}");
            assert_eq!(lasting.reading(), Reading::of(ms, 1_000));
            assert_eq!(lasting.trips_at(Timestamp::EPOCH).is_none(), trips);
        }
    }
}
