//! What a limit is counted over.

use serde::{Deserialize, Serialize};

/// What a limit is counted over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// One instrument, with the orders of everybody on the account.
    Instrument,
    /// One agent, in everything it trades.
    Agent,
    /// The account: all agents, all instruments, and what others do on it.
    Account,
}

impl std::fmt::Display for Scope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Scope::Instrument => "the instrument",
            Scope::Agent => "the agent",
            Scope::Account => "the account",
        })
    }
}
