//! The lines between the gateway and an agent's process: one JSON object per line, each with one
//! key that says what it is. `docs/agent-protocol.md` describes it for writers of agents.
//!
//! The objects are tagged from outside (`{"market": {...}}`): the tag is known before the content,
//! so nothing is buffered and read twice, and numbers of any width survive.
//!
//! This file holds the words and their bounds. Who says what when is in `runner.rs` (the agent's
//! side) and in the runtime's supervisor (the gateway's side).

use std::collections::BTreeMap;

use model::market::MarketEvent;
use model::{
    Action, AgentEvent, AgentId, Instrument, InstrumentId, Intent, IntentId, Position, Timestamp,
    TradingState,
};
use serde::{Deserialize, Serialize};

use crate::books::{AgentBooks, AgentOrder};
use crate::intents::{EXPIRES_AFTER, REASON_CHARS_MAX, cut};

/// Version of the protocol. It grows when an agent written for the old one would misunderstand.
pub const VERSION: u32 = 1;
/// Longest line an agent may send, bytes. A longer one ends the agent.
pub const LINE_BYTES_MAX: usize = 65_536;

/// What the gateway tells an agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToAgent {
    /// First line: who the agent is and what it has. Answered by [`FromAgent::Ready`].
    Hello(Hello),
    /// Something happened in the public market.
    Market {
        /// Number of this line.
        seq: u64,
        /// When it reached the gateway.
        now: Timestamp,
        /// What.
        event: MarketEvent,
    },
    /// Something happened to the agent's own orders, or to what it may do.
    Agent {
        /// Number of this line.
        seq: u64,
        /// When it reached the gateway.
        now: Timestamp,
        /// What.
        event: AgentEvent,
    },
    /// Time passed.
    Timer {
        /// Number of this line.
        seq: u64,
        /// Now.
        now: Timestamp,
    },
    /// The last line: finish and exit. Nothing said after it is heard.
    Stop {},
}

/// All that an agent needs to start, or to go on after a restart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// [`VERSION`].
    pub version: u32,
    /// The time.
    pub now: Timestamp,
    /// The agent's name.
    pub agent: AgentId,
    /// Which built-in strategy to run; `None` for a program of its own.
    pub strategy: Option<String>,
    /// The strategy's parameters.
    pub params: BTreeMap<String, String>,
    /// Number of the gateway's start.
    pub session: u64,
    /// What can be traded.
    pub instruments: Vec<Instrument>,
    /// What the agent holds.
    pub positions: BTreeMap<InstrumentId, Position>,
    /// Its orders that may still fill.
    pub open_orders: Vec<AgentOrder>,
    /// What the gateway lets through.
    pub trading: TradingState,
    /// First number for an intent. Numbers grow and are never reused.
    pub next_intent: IntentId,
}

impl Hello {
    /// The agent's books as they stand.
    pub fn books(&self) -> AgentBooks {
        AgentBooks::restored(self.positions.clone(), self.open_orders.clone(), self.trading)
    }
}

/// What an agent tells the gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FromAgent {
    /// Answer to hello.
    Ready {
        /// [`VERSION`].
        version: u32,
        /// What runs, for people.
        strategy: String,
    },
    /// The agent wants something.
    Intent(Wanted),
    /// Everything up to this line has been dealt with. The agent's lease lives by this.
    Handled {
        /// Number of the last line.
        seq: u64,
    },
    /// Something for people to read.
    Log {
        /// What.
        text: String,
    },
}

/// An intent as an agent says it. Whose it is, is not for the agent to say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// The agent's number for it, above all before.
    pub id: IntentId,
    /// What.
    pub action: Action,
    /// Why; cut at 500 characters.
    #[serde(default)]
    pub reason: String,
    /// Too late after this; two seconds after it is read when absent.
    #[serde(default)]
    pub expires: Option<Timestamp>,
}

impl Wanted {
    /// The intent of `agent`, read at `now`.
    pub fn of(mut self, agent: AgentId, now: Timestamp) -> Intent {
        cut(&mut self.reason, REASON_CHARS_MAX);
        let expires = self.expires.unwrap_or(now.after(EXPIRES_AFTER));
        Intent { id: self.id, agent, action: self.action, reason: self.reason, expires }
    }
}

impl From<Intent> for Wanted {
    fn from(intent: Intent) -> Wanted {
        let Intent { id, action, reason, expires, .. } = intent;
        Wanted { id, action, reason, expires: Some(expires) }
    }
}

/// A line that is none of the protocol.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem}: {excerpt:?}")]
pub struct LineError {
    /// What the parser says.
    pub problem: String,
    /// The start of the line.
    pub excerpt: String,
}

/// Characters of a bad line that are shown.
const EXCERPT_CHARS: usize = 120;

/// Appends a line with its end to `out`. Nothing is appended on an error, which none of the
/// protocol's types can cause.
pub fn write_line<T: Serialize>(line: &T, out: &mut Vec<u8>) -> Result<(), LineError> {
    let start = out.len();
    serde_json::to_writer(&mut *out, line).map_err(|error| {
        out.truncate(start);
        LineError { problem: error.to_string(), excerpt: String::new() }
    })?;
    out.push(b'\n');
    Ok(())
}

/// Reads one line, with or without its end.
pub fn read_line<'de, T: Deserialize<'de>>(line: &'de [u8]) -> Result<T, LineError> {
    serde_json::from_slice(line).map_err(|error| LineError {
        problem: error.to_string(),
        excerpt: String::from_utf8_lossy(line).trim_end().chars().take(EXCERPT_CHARS).collect(),
    })
}

#[cfg(test)]
mod tests;
