//! When something is done next by time alone, and which inputs need no look at all of it before that.
//!
//! Nearly every input is news of the market, and nearly none of it causes anything: it moves a price that is looked
//! at when somebody orders. Whatever the gateway does by itself it does at a time that is known beforehand, and
//! what it lets through depends on the market by way of records alone (a feed is stale, a breaker trips). So until
//! the first of these times, and as long as nothing is written down but what the account is worth, such news is taken in and no more. A backtest,
//! which is made of it, is faster by that; no record, request or alarm is another or comes later.

use model::market::MarketEvent;
use model::{Effect, Effects, Entry, FeedHealth, InstrumentId, Record, Timestamp};

use crate::gateway::Gateway;
use crate::limits::InstrumentLimits;

impl Gateway {
    /// Asks for the next alarm, unless one is asked for that comes before it.
    pub(crate) fn ask_to_be_woken(&mut self, effects: &mut Effects) {
        let due = [
            self.doubts.next_due(),
            self.next_cancel(),
            self.doubts.next_foreign_cancel().filter(|_| !self.books.is_dark()),
            self.next_state(),
            self.next_flatten(),
            self.next_cover(),
            self.reading.next_due(),
            self.next_listen(),
            self.next_stale(),
            self.balances.next_due(),
            self.watchdog.next_due(),
            self.breakers.next_due(),
        ];
        let next = earliest(&due);
        if let Some(next) = next
            && self.wake_at.is_none_or(|asked| next < asked)
        {
            self.wake_at = Some(next);
            effects.push(Effect::WakeAt(next));
        }
        // What is looked at with the next input after a while, and has no alarm because of that.
        let look = (!self.breakers_rest()).then(|| self.breakers.next_look());
        // The alarm comes before all that is due, also before what turns out to be due earlier meanwhile (a book whose
        // news is old turns stale earlier): who is late with it gets everything looked at.
        let looks = [look, self.next_look_at_stops(), self.next_look_at_late(), self.wake_at];
        let first = earliest(&looks);
        // A halt is carried out with each input.
        let is_latched = self.books.latch().is_some();
        self.quiet_until =
            if is_latched { Timestamp::EPOCH } else { first.unwrap_or(Timestamp::MAX) };
    }

    /// Takes an event in that moves prices alone; says whether it was one. It tells nothing of a book, so it makes
    /// none fresh, stale or lost.
    pub(crate) fn only_tells_prices(&mut self, now: Timestamp, event: &MarketEvent) -> bool {
        let is_one = now < self.quiet_until && !self.moves_book(event);
        if is_one {
            self.prices_move(now, event);
            self.breakers.looked_at_rest(now);
        }
        is_one
    }

    /// Has a change of this book that caused nothing changed nothing else either? Where prices were looked at what all
    /// is worth is counted anew, which nearly always causes nothing but a mark in the journal. A book whose news is older
    /// than what was known turns stale earlier, and that takes an earlier alarm.
    pub(crate) fn stays_quiet(
        &mut self,
        now: Timestamp,
        turns_stale: Option<Timestamp>,
        effects: &mut Effects,
    ) -> bool {
        let is_in_time = turns_stale.is_none_or(|at| self.wake_at.is_some_and(|asked| asked <= at));
        if now >= self.quiet_until || !is_in_time {
            return false;
        }
        if self.equity.changed {
            let rested = self.breakers_rest();
            let said = effects.len();
            self.value_account(now, effects);
            let is_mark = |effect: &Effect| {
                matches!(effect, Effect::Persist(Entry { record: Record::EquityMark { .. }, .. }))
            };
            let is_nothing = effects.get(said..).is_some_and(|new| new.iter().all(is_mark));
            if rested && is_nothing {
                self.breakers.noted = false;
            }
            if !is_nothing || !self.breakers_rest() {
                self.count_headroom();
                return false;
            }
        }
        self.breakers.looked_at_rest(now);
        true
    }
}

/// The first of these that are at all.
fn earliest(times: &[Option<Timestamp>]) -> Option<Timestamp> {
    times.iter().fold(None, |first, time| match (first, *time) {
        (Some(first), Some(time)) => Some(first.min(time)),
        (first, time) => first.or(time),
    })
}

impl Gateway {
    /// Until before this time changes of this book may be put together, as long as it is never crossed: nothing but the
    /// last of them can be told afterwards. So not when something is looked at or remembered at its own time. Of trades
    /// beside a book the last [`TRADES_LOOKED_AT`](crate::TRADES_LOOKED_AT), each with its time, tell what all would have.
    pub fn book_rests_until(&self, instrument: InstrumentId) -> Timestamp {
        let is_live = self.feed_health(instrument).0 == FeedHealth::Live;
        if self.equity.changed || !is_live {
            return Timestamp::EPOCH;
        }
        let window =
            self.config.limits.instrument.get(&instrument).map(InstrumentLimits::walk_window);
        let sample = window.map(|window| self.references.next_sample(instrument, window));
        let looks = self.equity.next_look(instrument);
        let first = [sample, looks].into_iter().flatten().min();
        self.quiet_until.min(first.unwrap_or(Timestamp::MAX))
    }
}

#[cfg(test)]
mod tests;
