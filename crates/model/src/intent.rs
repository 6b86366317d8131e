//! What an agent wants. Everything an agent says is a request: it becomes an order only through
//! the gateway's guardrails.

use serde::{Deserialize, Serialize};

use crate::ids::{AgentId, InstrumentId};
use crate::money::Qty;
use crate::order::{OrderKind, TimeInForce};
use crate::side::Side;
use crate::time::Timestamp;

/// The agent's own number for one of its intents; never reused while the agent lives.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct IntentId(pub u64);

/// One decision of an agent: at most one effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// The agent's number for it.
    pub id: IntentId,
    /// Who wants it.
    pub agent: AgentId,
    /// What.
    pub action: Action,
    /// Why, in the agent's words; goes to the journal.
    pub reason: String,
    /// Too late after this.
    pub expires: Timestamp,
}

/// What an agent can want.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// A new order; named by the intent's id from then on.
    Place(OrderSpec),
    /// Take back the order of this earlier intent.
    Cancel(IntentId),
    /// Take back all its orders in an instrument.
    CancelAll(InstrumentId),
    /// Stop all trading. Agents may ask for it; lifting it is a person's business.
    Halt,
}

/// An order as an agent describes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderSpec {
    /// What is traded.
    pub instrument: InstrumentId,
    /// Buy or sell.
    pub side: Side,
    /// Market, limit, stop, …
    pub kind: OrderKind,
    /// Base units.
    pub qty: Qty,
    /// How long.
    pub time_in_force: TimeInForce,
    /// Refuse rather than take.
    #[serde(default)]
    pub post_only: bool,
    /// Only ever shrink a position.
    #[serde(default)]
    pub reduce_only: bool,
    /// What the agent takes the order for. Where it says so and the order would do something else, it is
    /// refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effect: Option<PositionEffect>,
}

/// What an order does to the position that its agent holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PositionEffect {
    /// It begins one or makes it larger.
    Open,
    /// It makes it smaller and never turns it.
    Close,
}
