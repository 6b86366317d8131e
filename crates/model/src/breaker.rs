//! Names of the circuit breakers, and what is written down of them.

use serde::{Deserialize, Serialize};

use crate::decimal::Decimal;

/// A circuit breaker, or a limit of which warnings are given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BreakerName {
    /// Loss since the high-water mark, percent of it.
    Drawdown,
    /// Loss since the day began (UTC), percent of what there was then.
    DayLoss,
    /// Loss within a short time, percent of the most there was in it.
    LossVelocity,
    /// Part of the last orders that the venue rejected, percent.
    Rejections,
    /// Orders that the venue rejected one after the other.
    RejectionsInARow,
    /// Intents of one agent that the guardrails refused one after the other.
    RefusalsInARow,
    /// Orders of one agent within a time that were refused because one order was too large by itself.
    RefusalsForSize,
    /// Orders of one agent within a time that were refused because they would do something else than was
    /// declared.
    RefusalsForEffect,
    /// For how long no followed market has been fresh, milliseconds.
    StaleData,
    /// How often a stream came back, in a minute.
    Reconnects,
    /// For how long the venue was heard while an order stayed in doubt, seconds.
    Doubt,
    /// Identical orders of one agent within a time.
    Repeats,
    /// For how long the account could not be valued, seconds.
    Unvalued,
    /// Worst-case position of an instrument, base units. It warns; what breaks it is refused.
    Position,
}

impl BreakerName {
    /// All of them, in the order in which they are shown.
    pub const ALL: [BreakerName; 14] = [
        BreakerName::Drawdown,
        BreakerName::DayLoss,
        BreakerName::LossVelocity,
        BreakerName::Rejections,
        BreakerName::RejectionsInARow,
        BreakerName::RefusalsInARow,
        BreakerName::RefusalsForSize,
        BreakerName::RefusalsForEffect,
        BreakerName::StaleData,
        BreakerName::Reconnects,
        BreakerName::Doubt,
        BreakerName::Repeats,
        BreakerName::Unvalued,
        BreakerName::Position,
    ];

    /// Its name in records, in the status and in the docs.
    pub const fn as_str(self) -> &'static str {
        match self {
            BreakerName::Drawdown => "drawdown",
            BreakerName::DayLoss => "day_loss",
            BreakerName::LossVelocity => "loss_velocity",
            BreakerName::Rejections => "rejections",
            BreakerName::RejectionsInARow => "rejections_in_a_row",
            BreakerName::RefusalsInARow => "refusals_in_a_row",
            BreakerName::RefusalsForSize => "refusals_for_size",
            BreakerName::RefusalsForEffect => "refusals_for_effect",
            BreakerName::StaleData => "stale_data",
            BreakerName::Reconnects => "reconnects",
            BreakerName::Doubt => "doubt",
            BreakerName::Repeats => "repeats",
            BreakerName::Unvalued => "unvalued",
            BreakerName::Position => "position",
        }
    }

    /// What its figures are counted in.
    pub const fn unit(self) -> &'static str {
        match self {
            BreakerName::Drawdown
            | BreakerName::DayLoss
            | BreakerName::LossVelocity
            | BreakerName::Rejections => "%",
            BreakerName::RejectionsInARow
            | BreakerName::RefusalsInARow
            | BreakerName::RefusalsForSize
            | BreakerName::RefusalsForEffect
            | BreakerName::Repeats => "orders",
            BreakerName::StaleData => "ms",
            BreakerName::Reconnects => "a minute",
            BreakerName::Doubt | BreakerName::Unvalued => "s",
            BreakerName::Position => "base units",
        }
    }
}

/// What a breaker did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BreakerEvent {
    /// Its limit is reached, and it acts.
    Tripped,
    /// It acts no more. What it has halted stays halted.
    Cleared,
    /// A part of its limit is reached: 50, 75, 85, 90 or 95 percent.
    Warning,
}

/// One breaker as it is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BreakerShown {
    /// Which.
    pub name: BreakerName,
    /// How far it is, in its unit; `None` while that is not known.
    pub value: Option<Decimal>,
    /// Where it trips, in its unit.
    pub limit: Decimal,
    /// Does it act?
    pub tripped: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_breaker_is_called_the_same_everywhere() {
        for name in BreakerName::ALL {
            assert_eq!(serde_json::to_value(name).unwrap(), name.as_str());
        }
    }
}
