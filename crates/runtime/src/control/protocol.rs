//! What can be asked of a running gateway, and what it answers. Each is one line of JSON.

use std::collections::BTreeMap;

use alerts::SinkState;
use gateway::Limits;
use journal::{Comparison, Corrected, FlushCounts};
use model::{
    AgentId, Amount, BreakerShown, ClientOrderId, EquityMark, FeedHealth, HaltedBy, InstrumentId,
    LimitsVersion, NetQty, Notional, OrderState, Price, Qty, ResumeStep, Side, Timestamp,
    TradingState,
};
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
    /// Say which limits are in force.
    Limits {
        /// Read the limits file again first, and let what it says be in force.
        #[serde(default)]
        reload: bool,
    },
    /// Let an agent trade again that was disabled.
    EnableAgent {
        /// Which agent.
        agent: AgentId,
    },
    /// Stop trading, until a person lifts it in two steps.
    Halt {
        /// Why.
        #[serde(default)]
        reason: String,
        /// Send nothing that changes anything any more, no cancel either.
        #[serde(default)]
        dark: bool,
        /// Who wants it.
        #[serde(default = "person")]
        by: HaltedBy,
    },
    /// Stop trading, and close positions in slices.
    Flatten {
        /// Why.
        #[serde(default)]
        reason: String,
    },
    /// Lift a halt: the first step without a code, the second one with it.
    Resume {
        /// What the first step was answered with.
        #[serde(default)]
        code: Option<String>,
    },
    /// Show the market's book as the gateway holds it.
    Book {
        /// Of what.
        instrument: InstrumentId,
        /// Levels of each side; a thousand at the most.
        #[serde(default = "depth")]
        depth: usize,
    },
    /// Say how each sink of alerts is doing.
    Alerts,
    /// Show what the account is worth, and every circuit breaker.
    Breakers {},
    /// Say how long the journal's writes take.
    Flushes {},
}

/// Time for what the gateway knows without asking anybody, seconds.
const KNOWN_S: u32 = 2;

/// Time for what has to be durable before it is answered, seconds.
const DURABLE_S: u32 = 10;

const fn person() -> HaltedBy {
    HaltedBy::Person
}

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
            Ask::Limits { .. } | Ask::EnableAgent { .. } => DURABLE_S,
            Ask::Halt { .. }
            | Ask::Flatten { .. }
            | Ask::Resume { .. }
            | Ask::Book { .. }
            | Ask::Breakers {}
            | Ask::Flushes {}
            | Ask::Alerts => KNOWN_S,
        }
    }
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// To [`Ask::Reconcile`].
    Compared(Compared),
    /// To [`Ask::Limits`].
    Limits(Box<LimitsShown>),
    /// To [`Ask::EnableAgent`].
    Enabled(Enabled),
    /// To [`Ask::Book`].
    Book(BookShown),
    /// To [`Ask::Halt`] and [`Ask::Flatten`]: what is let through now.
    Halted(Trading),
    /// To [`Ask::Resume`].
    Resume(Box<ResumeShown>),
    /// To [`Ask::Alerts`].
    Alerts(Vec<SinkState>),
    /// To [`Ask::Breakers`].
    Breakers(BreakersShown),
    /// To [`Ask::Flushes`].
    Flushes(FlushCounts),
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

/// The limits in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitsShown {
    /// Their name: the same limits have the same one.
    pub version: LimitsVersion,
    /// Is a gateway running, and these are its own?
    pub running: bool,
    /// Are they others than before the question?
    pub changed: bool,
    /// All of them.
    pub limits: Limits,
    /// Agents that are disabled, and why.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub disabled: BTreeMap<AgentId, String>,
}

/// An agent may trade.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enabled {
    /// Which agent.
    pub agent: AgentId,
    /// Why it had been disabled; `None` when it had not been.
    pub was: Option<String>,
}

/// What a person has to see before a halt is lifted, and what became of the step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResumeShown {
    /// Which step it was.
    pub step: ResumeStep,
    /// Is the halt lifted?
    pub resumed: bool,
    /// What the second step has to bring; after a first one that was not refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// How long after the first step the second one may come, seconds.
    pub not_before_s: u64,
    /// How long after the first step the second one may come at the latest, seconds.
    pub not_after_s: u64,
    /// Who or what halted.
    pub by: Option<HaltedBy>,
    /// Since when it is halted.
    pub since: Option<Timestamp>,
    /// What is let through now, and why not more.
    pub trading: Trading,
    /// Positions as the books have them, base units.
    pub positions: Vec<(InstrumentId, NetQty)>,
    /// Open orders.
    pub open_orders: Vec<OrderShown>,
    /// What the last comparison of the books left.
    pub differences: Vec<Corrected>,
    /// Why the step was refused; empty when it was not.
    pub refused: Vec<String>,
}

/// An open order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderShown {
    /// Our name for it.
    pub client_order_id: ClientOrderId,
    /// Whose.
    pub agent: AgentId,
    /// Of what.
    pub instrument: InstrumentId,
    /// Buy or sell.
    pub side: Side,
    /// Base units still open.
    pub leaves: Qty,
    /// Its limit.
    pub price: Option<Price>,
    /// Its trigger.
    pub trigger: Option<Price>,
    /// Where it is in its life.
    pub state: OrderState,
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

/// What an account is worth and how far its circuit breakers are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BreakersShown {
    /// What all is worth now, valuation units; `None` while a price is missing.
    pub equity: Option<Amount>,
    /// What losses are measured by; `None` before prices were seen for a second.
    pub mark: Option<EquityMark>,
    /// What may be lost before the first breaker of losses trips, valuation units.
    pub headroom: Option<Notional>,
    /// Every breaker.
    pub breakers: Vec<BreakerShown>,
    /// What the book of each followed instrument is as of, by the gateway's clock; `None` for one that was never heard.
    #[serde(default)]
    pub books: BTreeMap<InstrumentId, Option<Timestamp>>,
    /// Until when the watchdog lets this gateway add risk; in the past where it does not. `None` where there is none.
    #[serde(default)]
    pub lease_until: Option<Timestamp>,
}
