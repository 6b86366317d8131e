//! The ramp: a live account begins with a part of its limits and gets more of them by time alone, as long as nothing
//! goes wrong.
//!
//! What was never tried with real money is tried with a little first. Time counts while trading is active and
//! comparisons of the books confirm it (`books/ramped.rs`); a halt, a difference that nothing explains or an agent
//! with other code takes all of it back. The part is a record, so a restart goes on with it, and the limits themselves
//! stay what they are. What only shrinks a position is held to all of the limits and not to the part: out of what was
//! bought with more of them there has to be a way.

use std::time::Duration;

use model::{
    AgentId, Alert, AlertKey, AlertLevel, Effects, OrderSpec, Passes, Record, Refusal, Timestamp,
};

use crate::gateway::Gateway;
use crate::limits::Limits;
use crate::parts::{Parts, WHOLE};

impl Gateway {
    /// The part of the limits that the ramp leaves, percent.
    pub fn ramp_percent(&self) -> u32 {
        self.parts.percent
    }

    /// The limits that hold now for what adds risk.
    pub(crate) fn limits(&self) -> &Limits {
        match self.state.row().orders {
            Passes::Fraction => &self.parts.throttled,
            Passes::All | Passes::Reducing | Passes::OwnSlices | Passes::None => &self.parts.ramped,
        }
    }

    /// The limits that hold now for what only shrinks a position: the ramp takes nothing from these.
    pub(crate) fn limits_to_reduce(&self) -> &Limits {
        match self.state.row().orders {
            Passes::Fraction => &self.parts.throttled_whole,
            Passes::All | Passes::Reducing | Passes::OwnSlices | Passes::None => {
                &self.config.limits
            }
        }
    }

    /// The limits that hold now for this order.
    pub(crate) fn limits_for(&self, agent: AgentId, spec: &OrderSpec) -> &Limits {
        if self.only_reduces(agent, spec) { self.limits_to_reduce() } else { self.limits() }
    }

    /// A guardrail of its own makes sure that what is called so only shrinks a position.
    fn only_reduces(&self, agent: AgentId, spec: &OrderSpec) -> bool {
        spec.reduce_only || self.own == Some(agent)
    }

    /// Was it the ramp alone that refused? Then it says so, with the part.
    pub(crate) fn by_the_ramp(
        &self,
        now: Timestamp,
        (agent, spec): (AgentId, &OrderSpec),
        because: Refusal,
    ) -> Refusal {
        let percent = self.parts.percent;
        if percent >= WHOLE || self.only_reduces(agent, spec) {
            return because;
        }
        match self.approve_by(self.limits_to_reduce(), now, agent, spec) {
            Err(whole) if whole == because => because,
            Ok(_) | Err(_) => Refusal::Ramp { percent, because: Box::new(because) },
        }
    }

    /// Lets more or less of the limits hold, by what the books say now.
    pub(crate) fn step_ramp(&mut self, now: Timestamp, effects: &mut Effects) {
        let Some(ramp) = &self.config.ramp else { return };
        let (clean, before) = (self.books.ramped().clean(), self.books.ramped().percent());
        let percent = ramp.percent(clean);
        if before == Some(percent) && self.parts.percent == percent {
            return;
        }
        let next = ramp.next(clean);
        let fell = self.books.ramped().fell().map(|(_, why)| why.to_owned());
        let because = match (before, fell) {
            (Some(before), Some(why)) if percent < before && clean.is_zero() => {
                format!("back to the start: {why}")
            }
            (Some(before), _) if percent < before || now == self.started_at => {
                "the schedule was changed".to_owned()
            }
            (Some(_), _) => format!("active and clean for {}", hours(clean)),
            (None, _) => "the ramp begins".to_owned(),
        };
        self.parts = Parts::of(&self.config.limits, percent);
        self.record(now, Record::Ramp { percent, clean, because: because.clone() }, effects);
        let next = next.map_or_else(String::new, |(more, percent)| {
            format!("; {percent} % after {} more that are active and clean", hours(more))
        });
        let text = format!("{percent} % of the limits hold: {because}{next}");
        let fell = before.is_some_and(|before| percent < before);
        let level = if fell { AlertLevel::Warning } else { AlertLevel::Info };
        self.raise(Alert::new(level, AlertKey::Ramp, "", text), effects);
    }

    /// Writes down which gates this start passes by a person's word, and tells people once.
    pub(crate) fn write_overrides(&mut self, now: Timestamp, effects: &mut Effects) {
        let opened = self.config.overridden.clone();
        let lines: Vec<String> = opened
            .iter()
            .map(|o| format!("{} ({}): {}", o.gate.as_str(), o.unmet, o.reason))
            .collect();
        for opened in opened {
            self.record(now, Record::GateOverridden { opened }, effects);
        }
        if !lines.is_empty() {
            let text = format!("gates are overridden: {}", lines.join("; "));
            self.raise(Alert::warning(AlertKey::Gates, "", text), effects);
        }
    }
}

/// For people: hours, or what is less.
fn hours(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..=119 => format!("{seconds} s"),
        120..=7_199 => format!("{} min", seconds / 60),
        _ => format!("{} h", seconds / 3_600),
    }
}

#[cfg(test)]
mod tests;
