//! What people are told, and above all each change of the trading state, with its cause.
//!
//! What ends is told under the cause that it ends, so that a condition that comes and goes each second is one
//! cause to who limits alerts, and not two. What stands between is in the journal.

use model::{
    Alert, AlertKey, AlertLevel, Effect, Effects, Notice, Record, Timestamp, TradingState,
};

use crate::gateway::Gateway;

impl Gateway {
    /// Tells the operator something that has no key of its own.
    pub(crate) fn alert(&self, text: String, effects: &mut Effects) {
        self.raise(Alert::warning(AlertKey::Notice, &text, text.as_str()), effects);
    }

    /// Tells the operator.
    pub(crate) fn raise(&self, alert: Alert, effects: &mut Effects) {
        effects.push(Effect::Notify(Notice::Alert(alert)));
    }

    /// What the operator was told since `said` goes to the journal, too, in the order in which it was said.
    pub(crate) fn write_down_alerts(&mut self, now: Timestamp, said: usize, effects: &mut Effects) {
        let told = effects[said..].iter().filter_map(|effect| match effect {
            Effect::Notify(Notice::Alert(alert)) => Some(alert.clone()),
            Effect::Notify(_)
            | Effect::Persist(_)
            | Effect::Send { .. }
            | Effect::Distrust { .. }
            | Effect::WakeAt(_) => None,
        });
        for alert in told.collect::<Vec<_>>() {
            self.record(now, Record::Alerted { alert }, effects);
        }
    }

    /// Tells people how much is let through from now on, and why.
    pub(crate) fn raise_level(&mut self, effects: &mut Effects) {
        let (state, cause) = self.state();
        let (state, cause) = (state, cause.to_owned());
        let (before, ended) = std::mem::replace(&mut self.level_told, (state, cause.clone()));
        self.raise(level_alert(before, &ended, state, &cause), effects);
    }
}

fn level_alert(before: TradingState, ended: &str, state: TradingState, cause: &str) -> Alert {
    let (level, key) = match state {
        TradingState::Active => (AlertLevel::Info, AlertKey::Trading),
        TradingState::Starting | TradingState::Throttled | TradingState::Reducing => {
            (AlertLevel::Warning, AlertKey::Trading)
        }
        TradingState::Halted | TradingState::Flattening | TradingState::Dark => {
            (AlertLevel::Critical, AlertKey::Halted)
        }
    };
    let (state, lets) = (state.name(), lets_through(state));
    let (about, text) = if level == AlertLevel::Info {
        (ended, format!("{state}: {lets}; before it was {}: {ended}", before.name()))
    } else {
        (cause, format!("{state}: {cause}; {lets}"))
    };
    Alert::new(level, key, about, text)
}

/// What a state means to somebody who is woken up by it.
const fn lets_through(state: TradingState) -> &'static str {
    match state {
        TradingState::Starting => "nothing that adds risk is sent",
        TradingState::Active => "orders that add risk are sent",
        TradingState::Throttled => "orders are held to a part of their limits",
        TradingState::Reducing => "only what shrinks a position is sent",
        TradingState::Halted => {
            "entry orders are taken back, and no order is sent until a person resumes it"
        }
        TradingState::Flattening => {
            "entry orders are taken back and positions are closed in slices"
        }
        TradingState::Dark => "nothing leaves, no cancel either: the watchdog acts",
    }
}

#[cfg(test)]
mod tests {
    use model::{HaltedBy, Input, Link};

    use super::*;
    use crate::testing::World;

    /// Levels that people were told of, and what each alert is about.
    fn told(world: &World) -> Vec<(AlertLevel, AlertKey, String)> {
        let alerts = world.notices.iter().filter_map(|notice| match notice {
            Notice::Alert(alert) => Some(alert),
            Notice::Agent(..) | Notice::AllAgents(_) => None,
        });
        alerts.map(|alert| (alert.level, alert.key, alert.about.clone())).collect()
    }

    #[test]
    fn each_change_is_told_and_what_ends_is_told_under_its_cause() {
        let mut world = World::new();
        world.notices.clear();
        let down = "the market streams are down".to_owned();
        for up in [false, true] {
            world.apply(&Input::Link { link: Link::Market, up, cause: "cut".to_owned() });
        }
        world.apply(&Input::Operator(model::Command::halt(HaltedBy::Person, "enough")));
        // It is halted already.
        world.apply(&Input::Operator(model::Command::halt(HaltedBy::Person, "again")));
        let told = told(&world);
        assert_eq!(
            told,
            [
                (AlertLevel::Warning, AlertKey::Trading, down.clone()),
                (AlertLevel::Info, AlertKey::Trading, down),
                (AlertLevel::Critical, AlertKey::Halted, "enough".to_owned()),
            ]
        );
    }
}
