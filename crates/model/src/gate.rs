//! What has to be shown before a gateway trades with real money, by name, and what a person has decided about
//! one that is not met.

use serde::{Deserialize, Serialize};

/// A gate. The names are those of the configuration, of `plimsoll doctor` and of the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GateName {
    /// Each agent, as it is now, has earned on paper.
    PaperRecord,
    /// A watchdog lives, with a key of its own.
    Watchdog,
    /// There are limits.
    Limits,
    /// The key was audited: it trades, cannot withdraw, and is bound to addresses.
    KeyScopes,
    /// Somebody hears of it: each sink of alerts took a test.
    Alerts,
    /// A person has stated how much may be lost.
    LossMax,
}

impl GateName {
    /// All of them, in the order in which they are told.
    pub const ALL: [GateName; 6] = [
        GateName::PaperRecord,
        GateName::Watchdog,
        GateName::Limits,
        GateName::KeyScopes,
        GateName::Alerts,
        GateName::LossMax,
    ];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            GateName::PaperRecord => "paper-record",
            GateName::Watchdog => "watchdog",
            GateName::Limits => "limits",
            GateName::KeyScopes => "key-scopes",
            GateName::Alerts => "alerts",
            GateName::LossMax => "loss-max",
        }
    }
}

/// A gate that is not met and that a person has opened all the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateOverride {
    /// Which.
    pub gate: GateName,
    /// Why, in the person's words.
    pub reason: String,
    /// What is not met.
    pub unmet: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gate_has_one_name() {
        for gate in GateName::ALL {
            let json = serde_json::to_string(&gate).unwrap();
            assert_eq!(json, format!("\"{}\"", gate.as_str()));
        }
    }
}
