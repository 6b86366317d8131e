//! What a guardrail found where it let an order pass: its figure, and the limit beside it.
//!
//! A refusal carries its own figures (`refusal.rs`). These are the figures of all the others, so that a
//! journal can say how near an order was to each limit. What is yes or no (is the instrument allowed, may
//! an agent trade) has no figure: an order that was prepared passed it.

use serde::{Deserialize, Serialize};

use crate::decimal::Decimal;
use crate::refusal::Refusal;
use crate::scope::Scope;

/// One guardrail's figure and its limit, in the guardrail's unit. In JSON `["collar","1.25","50"]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(Guardrail, Decimal, Decimal)", into = "(Guardrail, Decimal, Decimal)")]
pub struct Check {
    /// Which guardrail.
    pub guardrail: Guardrail,
    /// What it found.
    pub actual: Decimal,
    /// What it lets pass.
    pub limit: Decimal,
}

impl Check {
    /// How much of the limit is left, in the guardrail's unit; `None` where that has no room.
    pub fn headroom(&self) -> Option<Decimal> {
        self.limit.checked_sub(self.actual)
    }
}

impl From<(Guardrail, Decimal, Decimal)> for Check {
    fn from((guardrail, actual, limit): (Guardrail, Decimal, Decimal)) -> Check {
        Check { guardrail, actual, limit }
    }
}

impl From<Check> for (Guardrail, Decimal, Decimal) {
    fn from(check: Check) -> Self {
        (check.guardrail, check.actual, check.limit)
    }
}

/// A guardrail that has a figure, in the order in which they are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Guardrail {
    /// Age of the reference price, milliseconds.
    ReferenceAge,
    /// Distance from the reference price, hundredths of a percent.
    Collar,
    /// Distance from where the reference price was a while ago, hundredths of a percent.
    Walk,
    /// The order's quantity, base units.
    Qty,
    /// The order's notional, quote units.
    Notional,
    /// What the order locks of the asset that pays, against what is at hand.
    Balance,
    /// Size of the position that everything open on its side could make with it, base units.
    Position,
    /// The worst case of the instrument, quote units.
    InstrumentExposure,
    /// The worst case of the account, quote units.
    AccountExposure,
    /// The worst case of the agent, quote units.
    AgentExposure,
    /// Orders that are open, without this one.
    OpenOrders,
    /// Orders with a trigger that are open, without this one.
    Stops,
    /// Orders of the agent in the window, without this one.
    OrderRate,
    /// Orders and cancels of the agent in the window, without this one.
    AgentMessages,
    /// Orders of the agent in the window that are the same as this one.
    Duplicate,
    /// Orders and cancels of everybody in the window, without this one.
    AccountMessages,
    /// What was ordered of the instrument in the window, with this one, quote units.
    Turnover,
    /// What the agent ordered in the window, with this one, quote units.
    AgentTurnover,
    /// What the order could lose, against what may be lost yet, quote units.
    LossHeadroom,
}

impl Guardrail {
    /// The one that said this; `None` where it has no figure.
    pub fn of(refusal: &Refusal) -> Option<Guardrail> {
        Some(match refusal {
            // What the part of the limits that holds refuses.
            Refusal::Ramp { because, .. } => return Guardrail::of(because),
            Refusal::StalePrice { .. } | Refusal::WideSpread { .. } => Guardrail::ReferenceAge,
            Refusal::Collar { .. } => Guardrail::Collar,
            Refusal::Walk { .. } => Guardrail::Walk,
            Refusal::QtyTooSmall { .. } | Refusal::QtyTooLarge { .. } => Guardrail::Qty,
            Refusal::NotionalTooSmall { .. } | Refusal::NotionalTooLarge { .. } => {
                Guardrail::Notional
            }
            Refusal::Balance { .. } => Guardrail::Balance,
            Refusal::PositionLimit { .. } => Guardrail::Position,
            Refusal::ExposureLimit { scope, .. } => match scope {
                Scope::Instrument => Guardrail::InstrumentExposure,
                Scope::Account => Guardrail::AccountExposure,
                Scope::Agent => Guardrail::AgentExposure,
            },
            Refusal::OpenOrders { .. } => Guardrail::OpenOrders,
            Refusal::Stops { .. } => Guardrail::Stops,
            Refusal::OrderRate { .. } => Guardrail::OrderRate,
            Refusal::MessageRate { scope: Scope::Agent, .. } => Guardrail::AgentMessages,
            Refusal::MessageRate { .. } => Guardrail::AccountMessages,
            Refusal::Duplicate { .. } => Guardrail::Duplicate,
            Refusal::Turnover { scope: Scope::Agent, .. } => Guardrail::AgentTurnover,
            Refusal::Turnover { .. } => Guardrail::Turnover,
            Refusal::LossHeadroom { .. } | Refusal::HeadroomUnknown => Guardrail::LossHeadroom,
            Refusal::InstrumentNotAllowed { .. }
            | Refusal::NotTrading { .. }
            | Refusal::Expired { .. }
            | Refusal::OffTick { .. }
            | Refusal::OffLot { .. }
            | Refusal::NotReducing { .. }
            | Refusal::SelfTrade { .. }
            | Refusal::Effect { .. }
            | Refusal::AgentDisabled { .. }
            | Refusal::Lease { .. }
            | Refusal::NoValue { .. }
            | Refusal::NoLimit { .. }
            | Refusal::VenueRefuses { .. }
            | Refusal::Unsupported { .. }
            | Refusal::NothingToCancel
            | Refusal::Unrepresentable => return None,
        })
    }

    /// For people: its name, and the unit of its figures.
    pub const fn words(self) -> (&'static str, &'static str) {
        match self {
            Guardrail::ReferenceAge => ("age of the reference price", "ms"),
            Guardrail::Collar => ("distance from the reference price", "bps"),
            Guardrail::Walk => ("distance from the price a while ago", "bps"),
            Guardrail::Qty => ("order quantity", "base"),
            Guardrail::Notional => ("order notional", "quote"),
            Guardrail::Balance => ("balance needed, of what is at hand", ""),
            Guardrail::Position => ("worst-case position", "base"),
            Guardrail::InstrumentExposure => ("exposure of the instrument", "quote"),
            Guardrail::AccountExposure => ("exposure of the account", "quote"),
            Guardrail::AgentExposure => ("exposure of the agent", "quote"),
            Guardrail::OpenOrders => ("open orders", ""),
            Guardrail::Stops => ("open stops", ""),
            Guardrail::OrderRate => ("orders of the agent in the window", ""),
            Guardrail::AgentMessages => ("messages of the agent in the window", ""),
            Guardrail::Duplicate => ("same orders in the window", ""),
            Guardrail::AccountMessages => ("messages of the account in the window", ""),
            Guardrail::Turnover => ("turnover of the instrument", "quote"),
            Guardrail::AgentTurnover => ("turnover of the agent", "quote"),
            Guardrail::LossHeadroom => ("possible loss, of what may be lost", "quote"),
        }
    }

    /// Is a figure that equals the limit one too many?
    pub const fn is_a_count(self) -> bool {
        matches!(
            self,
            Guardrail::OpenOrders
                | Guardrail::Stops
                | Guardrail::OrderRate
                | Guardrail::AgentMessages
                | Guardrail::Duplicate
                | Guardrail::AccountMessages
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_three_words_in_a_journal() {
        let check = Check {
            guardrail: Guardrail::Collar,
            actual: "1.25".parse().unwrap(),
            limit: "50".parse().unwrap(),
        };
        let text = serde_json::to_string(&check).unwrap();
        assert_eq!(text, r#"["collar","1.25","50"]"#);
        assert_eq!(serde_json::from_str::<Check>(&text).unwrap(), check);
        assert_eq!(check.headroom(), Some("48.75".parse().unwrap()));
    }
}
