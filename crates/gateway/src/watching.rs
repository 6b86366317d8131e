//! The breakers watch: what happened is told to them, and what they want is done.
//!
//! One that halts latches through the gateway's halt. One that lowers is asked when it is decided what is let
//! through. Each change is written down and said once.

use std::time::Duration;

use model::{
    Action, AgentId, BreakerEvent, BreakerName, BreakerShown, Decimal, Effects, Entry, FeedHealth,
    HaltedBy, InstrumentId, IntentId, OrderState, Passes, Qty, Record, Refusal, Rounding, Side,
    Timestamp, TradingState,
};

use crate::breakers::{Change, Reading, Slip, Verdict, refusal_counts, rejection_counts};
use crate::gateway::Gateway;
use crate::headroom::Headroom;

impl Gateway {
    /// Every breaker, with how far it is.
    pub fn breakers(&self, now: Timestamp) -> Vec<BreakerShown> {
        self.breakers.shown(now)
    }

    /// Breakers that halt and whose cause holds still: with one of them nothing is to be resumed.
    pub fn breakers_holding(&self, now: Timestamp) -> Vec<BreakerName> {
        self.breakers.holding(now).collect()
    }

    /// Tells the breakers what was written down.
    pub(crate) fn note(&mut self, entry: &Entry) {
        self.note_holdings(entry);
        self.breakers.noted = true;
        let (now, breakers) = (entry.at, &mut self.breakers);
        match &entry.record {
            Record::Accepted { .. } => {
                breakers.rejections.answered(now, false);
                breakers.rejections_in_a_row.answered(now, false);
            }
            Record::Rejected { because, .. } if rejection_counts(because) => {
                breakers.rejections.answered(now, true);
                breakers.rejections_in_a_row.answered(now, true);
                breakers.touched = true;
            }
            Record::Refused { agent, intent, because, .. } if self.own != Some(*agent) => {
                self.note_refused(now, (*agent, *intent), because);
            }
            Record::Decided { intent, .. } => {
                if let Action::Place(spec) = &intent.action {
                    breakers.wanted = Some(((intent.agent, intent.id), spec.clone()));
                }
            }
            Record::Prepared { agent, intent, .. } if self.own != Some(*agent) => {
                breakers.refusals.answered(now, *agent, false);
                let by = (*agent, *intent);
                if let Some((_, spec)) = breakers.wanted.take().filter(|(of, _)| *of == by) {
                    breakers.repeats.ordered(now, *agent, &spec);
                    breakers.touched = true;
                }
            }
            Record::Link { link, up: true, .. } => {
                breakers.reconnects.up(now, *link);
                breakers.touched = true;
            }
            Record::Feed { .. } => breakers.touched = true,
            // All others change nothing that a breaker counts.
            _ => {}
        }
    }

    /// An agent was refused. That the gateway is throttled or on the ramp is not its doing: what the limits as they are
    /// configured would let through is not held against it.
    fn note_refused(&mut self, now: Timestamp, by: (AgentId, IntentId), because: &Refusal) {
        let spec = self.breakers.wanted.take().filter(|(of, _)| *of == by).map(|(_, spec)| spec);
        let by_the_ramp = matches!(because, Refusal::Ramp { .. });
        let is_part = by_the_ramp || self.state().0.row().orders == Passes::Fraction;
        let at_full = spec.filter(|_| is_part && refusal_counts(because));
        let at_full = at_full.map(|spec| self.approve_by(&self.config.limits, now, by.0, &spec));
        let because = match &at_full {
            Some(Ok(_)) => return,
            Some(Err(because)) => because,
            None => because,
        };
        let breakers = &mut self.breakers;
        if refusal_counts(because) {
            breakers.refusals.answered(now, by.0, true);
            breakers.touched = true;
        }
        match Slip::of(because) {
            Some(Slip::Size) => breakers.for_size.refused(now, by.0),
            Some(Slip::Effect) => breakers.for_effect.refused(now, by.0),
            None => {}
        }
    }

    /// Lets the breakers look, if something has happened or time has passed, and does what they want.
    pub(crate) fn watch(&mut self, now: Timestamp, effects: &mut Effects) {
        self.value_account(now, effects);
        if self.headroom_is_old {
            self.count_headroom();
        }
        if !self.breakers.is_due(now) {
            return;
        }
        let stale_since = self.stale_since();
        self.look_at_what_lasts(now, stale_since);
        self.breakers.tick(now);
        for change in self.breakers.changes(now, stale_since) {
            self.breaker_changed(now, &change, effects);
        }
        self.warn(now, effects);
    }

    /// What may be lost yet, as orders are held to it.
    pub(crate) fn count_headroom(&mut self) {
        self.headroom = self.loss_headroom().map_or(Headroom::Unknown, Headroom::Left);
        self.headroom_is_old = false;
    }

    fn look_at_what_lasts(&mut self, now: Timestamp, stale_since: Option<Timestamp>) {
        let lasts = |since: Option<Timestamp>| since.map(|since| now.since(since));
        let doubted = self.longest_doubt();
        let is_unvalued = self.is_unvalued();
        let breakers = &mut self.breakers;
        breakers.stale_data.observe(now, lasts(stale_since));
        breakers.doubt.observe(now, doubted);
        breakers.unvalued_since = is_unvalued.then(|| breakers.unvalued_since.unwrap_or(now));
        breakers.unvalued.observe(now, lasts(breakers.unvalued_since));
    }

    /// Is it not known what the account is worth although it was read?
    fn is_unvalued(&self) -> bool {
        self.books.compared_at().is_some() && self.equity.now.is_none()
    }

    /// Would the breakers see nothing and change nothing until something is written down?
    pub(crate) fn breakers_rest(&self) -> bool {
        let nothing_lasts = self.stale_since().is_none() && self.doubts.asks.is_empty();
        self.breakers.rest() && nothing_lasts && !self.is_unvalued()
    }

    /// Since when no market is fresh although the connection is up and a book is there.
    fn stale_since(&self) -> Option<Timestamp> {
        let mut stale = None;
        for (health, since) in self.feeds.values() {
            match health {
                FeedHealth::Live => return None,
                FeedHealth::Stale => stale = stale.max(Some(*since)),
                // Nothing is let through for these either, by rules of their own.
                FeedHealth::Resyncing | FeedHealth::Down => {}
            }
        }
        stale
    }

    /// For how long the venue has been heard while the oldest order in doubt is.
    fn longest_doubt(&self) -> Option<Duration> {
        let in_doubt = self.doubts.asks.keys().filter(|id| {
            self.books.order(id).is_some_and(|order| order.state == OrderState::InDoubt)
        });
        in_doubt.filter_map(|id| self.doubts.heard_for(id)).max()
    }

    fn breaker_changed(&mut self, now: Timestamp, change: &Change, effects: &mut Effects) {
        let Change { name, reading, verdict } = change;
        let about = self.about(now, *name);
        let event = match verdict {
            Verdict::Clear => BreakerEvent::Cleared,
            Verdict::Lower(..) | Verdict::Halt => BreakerEvent::Tripped,
        };
        let cause = in_words(*name, *reading, about.as_deref());
        self.write_breaker(now, (*name, about), event, *reading, effects);
        match verdict {
            Verdict::Clear => {}
            Verdict::Lower(state, _) => {
                self.alert(format!("{cause}: {}", lets_through(*state)), effects);
            }
            Verdict::Halt if self.books.halted().is_some() => self.alert(cause, effects),
            Verdict::Halt => self.halt_by(now, HaltedBy::Breaker, &cause, effects),
        }
    }

    fn about(&self, now: Timestamp, name: BreakerName) -> Option<String> {
        let agent = match name {
            BreakerName::RefusalsInARow => self.breakers.refusals.worst(),
            BreakerName::RefusalsForSize => self.breakers.for_size.agent(now),
            BreakerName::RefusalsForEffect => self.breakers.for_effect.agent(now),
            BreakerName::Repeats => self.breakers.repeats.agent(),
            BreakerName::Drawdown
            | BreakerName::DayLoss
            | BreakerName::LossVelocity
            | BreakerName::Rejections
            | BreakerName::RejectionsInARow
            | BreakerName::StaleData
            | BreakerName::Reconnects
            | BreakerName::Doubt
            | BreakerName::Unvalued
            | BreakerName::Position => None,
        };
        agent.map(|agent| agent.to_string())
    }

    /// Warnings on the way to a limit. Of what merely lasts there are none: it is over before anybody reads.
    fn warn(&mut self, now: Timestamp, effects: &mut Effects) {
        for (name, _) in self.breakers.verdicts() {
            if self.breakers.has_nothing_to_warn_of(name) {
                continue;
            }
            match name {
                BreakerName::Drawdown
                | BreakerName::DayLoss
                | BreakerName::LossVelocity
                | BreakerName::RejectionsInARow
                | BreakerName::RefusalsInARow
                | BreakerName::Repeats
                | BreakerName::Reconnects => {
                    let reading = self.breakers.reading(now, name);
                    let warning = self.breakers.warning(now, (name, None), reading);
                    let about = warning.and_then(|_| self.about(now, name));
                    self.say_warning(now, (name, about), reading, warning, effects);
                }
                // A part of a few orders says nothing, and of three the first would be a warning.
                BreakerName::Rejections
                | BreakerName::RefusalsForSize
                | BreakerName::RefusalsForEffect
                | BreakerName::StaleData
                | BreakerName::Doubt
                | BreakerName::Unvalued
                | BreakerName::Position => {}
            }
        }
        let name = BreakerName::Position;
        let positions = self.config.limits.instrument.iter().map(|(instrument, limits)| {
            let exposure = self.books.exposure(*instrument);
            let worst =
                |side| exposure.worst(side, Qty::ZERO).map_or(Decimal::MAX, |p| p.get().abs());
            let value = worst(Side::Buy).max(worst(Side::Sell));
            (*instrument, Reading { value, limit: limits.position_max.get() })
        });
        // Nearly always there is none, and no room is needed for that.
        let near: Vec<(InstrumentId, Reading)> =
            positions.filter(|(_, reading)| self.breakers.may_warn_of(*reading)).collect();
        for (instrument, reading) in near {
            let warning = self.breakers.warning(now, (name, Some(instrument)), reading);
            let about = warning.map(|_| instrument.to_string());
            self.say_warning(now, (name, about), reading, warning, effects);
        }
    }

    fn say_warning(
        &mut self,
        now: Timestamp,
        (name, about): (BreakerName, Option<String>),
        reading: Reading,
        warning: Option<i64>,
        effects: &mut Effects,
    ) {
        let Some(percent) = warning else { return };
        let words = in_words(name, reading, about.as_deref());
        self.write_breaker(now, (name, about), BreakerEvent::Warning, reading, effects);
        self.alert(format!("{percent} % of a limit: {words}"), effects);
    }

    fn write_breaker(
        &mut self,
        now: Timestamp,
        (name, about): (BreakerName, Option<String>),
        event: BreakerEvent,
        reading: Reading,
        effects: &mut Effects,
    ) {
        let Reading { value, limit } = reading;
        let value = short(value);
        self.record(now, Record::Breaker { name, about, event, value, limit }, effects);
    }
}

/// What a breaker that lowers leaves, for people.
const fn lets_through(state: TradingState) -> &'static str {
    match state {
        TradingState::Throttled => "orders are held to a part of their limits",
        TradingState::Starting
        | TradingState::Active
        | TradingState::Reducing
        | TradingState::Halted
        | TradingState::Flattening
        | TradingState::Dark => "only what shrinks a position is let through",
    }
}

/// Figures for people have four digits behind the point at most.
fn short(value: Decimal) -> Decimal {
    value.round_to(4, Rounding::Down).unwrap_or(value)
}

/// What a breaker has seen, for people.
fn in_words(name: BreakerName, reading: Reading, about: Option<&str>) -> String {
    let (value, limit, unit) = (short(reading.value), reading.limit, name.unit());
    let about = about.map_or_else(String::new, |about| format!(" ({about})"));
    let (label, measure) = (name.as_str(), measure(name));
    format!("{label}{about}: {value} {unit} {measure}, the limit is {limit}")
}

/// What a breaker counts, for people.
const fn measure(name: BreakerName) -> &'static str {
    match name {
        BreakerName::Drawdown => "of the high-water mark are lost",
        BreakerName::DayLoss => "of what there was when the day began (UTC) are lost",
        BreakerName::LossVelocity => "of the most in a short time are lost",
        BreakerName::Rejections => "of the last orders were rejected by the venue",
        BreakerName::RejectionsInARow => "in a row were rejected by the venue",
        BreakerName::RefusalsInARow => "in a row of one agent were refused by the guardrails",
        BreakerName::RefusalsForSize => "of one agent in a short time were too large",
        BreakerName::RefusalsForEffect => {
            "of one agent in a short time would do something else than it declares"
        }
        BreakerName::StaleData => "without a fresh market",
        BreakerName::Reconnects => "a stream came back",
        BreakerName::Doubt => "the venue was heard while an order is in doubt",
        BreakerName::Repeats => "of one agent are identical",
        BreakerName::Unvalued => "without a price that the account's value needs",
        BreakerName::Position => "the position could reach",
    }
}

#[cfg(test)]
mod tests;
