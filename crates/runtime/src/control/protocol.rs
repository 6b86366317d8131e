//! What can be asked of a running gateway, and what it answers. Each is one line of JSON.

use journal::{Comparison, Corrected};
use model::{FeedHealth, InstrumentId, Price, Qty, Timestamp, TradingState};
use serde::{Deserialize, Serialize};

/// A question. What is not here cannot be asked; a key that a question does not have is refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "ask", deny_unknown_fields)]
pub enum Ask {
    /// Compare the books with the venue's now, and say what was found.
    Reconcile {
        /// Make so what is left.
        #[serde(default)]
        accept: bool,
        /// How long to wait for the answer, seconds: 1 to 600.
        #[serde(default = "wait_s")]
        wait_s: u32,
    },
    /// Show the market's book as the gateway holds it.
    Book {
        /// Of what.
        instrument: InstrumentId,
        /// Levels of each side; a thousand at the most.
        #[serde(default = "depth")]
        depth: usize,
    },
}

/// Time for what the gateway knows without asking anybody, seconds.
const KNOWN_S: u32 = 2;

const fn depth() -> usize {
    20
}

/// Longest wait, seconds.
pub(super) const WAIT_MAX_S: u32 = 600;

const fn wait_s() -> u32 {
    30
}

impl Ask {
    /// How long it may take, seconds.
    pub(super) const fn wait_s(&self) -> u32 {
        match self {
            Ask::Reconcile { wait_s, .. } => {
                if *wait_s > WAIT_MAX_S {
                    WAIT_MAX_S
                } else if *wait_s == 0 {
                    1
                } else {
                    *wait_s
                }
            }
            Ask::Book { .. } => KNOWN_S,
        }
    }
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// To [`Ask::Reconcile`].
    Compared(Compared),
    /// To [`Ask::Book`].
    Book(BookShown),
    /// It was not done, and why.
    Error(String),
}

/// A comparison, and what it lets through.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compared {
    /// Was a running gateway asked?
    pub running: bool,
    /// What was found.
    #[serde(flatten)]
    pub comparison: Comparison,
    /// What it or the one before left, and is accepted now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accepted: Vec<Corrected>,
    /// What is let through, or would be.
    pub trading: Trading,
    /// What a start would send besides questions. Empty where a gateway runs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub would: Vec<String>,
}

/// What is let through, and why not more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trading {
    /// How much.
    pub state: TradingState,
    /// Why not more.
    pub cause: String,
}

/// A book of the market as the gateway holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BookShown {
    /// Of what.
    pub instrument: InstrumentId,
    /// Whether it can be relied on.
    pub health: FeedHealth,
    /// For how long that is so.
    pub since: Timestamp,
    /// What the book is as of, by the gateway's clock; `None` when none was ever heard.
    pub as_of: Option<Timestamp>,
    /// Price and quantity of each level, best first.
    pub bids: Vec<(Price, Qty)>,
    /// The same of the other side.
    pub asks: Vec<(Price, Qty)>,
}
