//! All that the core can ask of the world, in the order in which it must be done.

use serde::{Deserialize, Serialize};

use crate::alert::Alert;
use crate::fill::Fill;
use crate::ids::{AgentId, ClientOrderId, InstrumentId};
use crate::input::RequestId;
use crate::instrument::Instrument;
use crate::intent::IntentId;
use crate::life::OrderState;
use crate::link::{FeedHealth, Link};
use crate::money::Qty;
use crate::record::Entry;
use crate::refusal::Refusal;
use crate::time::Timestamp;
use crate::trading_state::TradingState;
use crate::venue::Request;

/// Something to be done. Effects are carried out in order; in particular what is persisted before
/// a `Send` is durable before its first byte leaves; only a cancel, which can but take away, waits for
/// nothing, unless it has a time after which it is too late: then more than the order depends on its record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Append to the journal.
    Persist(Entry),
    /// Ask the venue; exactly one `Input::Reply` must follow.
    Send {
        /// Number to answer with.
        id: RequestId,
        /// What to ask.
        request: Request,
        /// Until when its first byte may leave, by the gateway's clock; later it is to be answered
        /// with `Outcome::NotSent`. `None` for what takes no risk on, which is never too late.
        not_after: Option<Timestamp>,
        /// It looks whether all is as it should be, and nothing says that it is not: where the venue's
        /// limits are short it leaves room for what settles a doubt.
        routine: bool,
    },
    /// What a connection tells is wrong or incomplete, by evidence of our own: it is to start again,
    /// with one instrument or as a whole.
    Distrust {
        /// Which connection.
        link: Link,
        /// Only this instrument's book.
        instrument: Option<InstrumentId>,
        /// The evidence.
        cause: String,
    },
    /// Come back with `Input::Wake` at this time. Only the earliest one counts.
    WakeAt(Timestamp),
    /// Tell somebody. Never decides anything.
    Notify(Notice),
}

/// The effects of one input, reused from input to input.
pub type Effects = Vec<Effect>;

/// News for an agent or for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// For one agent.
    Agent(AgentId, AgentEvent),
    /// For all agents.
    AllAgents(AgentEvent),
    /// For the operator.
    Alert(Alert),
}

/// What an agent is told besides the market itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentEvent {
    /// An order of its own changed.
    Order {
        /// The intent it came from.
        intent: IntentId,
        /// Its name.
        client_order_id: ClientOrderId,
        /// Where it is in its life.
        state: OrderState,
        /// Base units filled so far.
        filled: Qty,
    },
    /// An order of its own executed.
    Fill {
        /// The intent it came from.
        intent: IntentId,
        /// The execution.
        fill: Fill,
    },
    /// A guardrail said no.
    Refused {
        /// To which intent.
        intent: IntentId,
        /// Why.
        because: Refusal,
    },
    /// The gateway lets more or less through.
    Trading {
        /// From now on.
        state: TradingState,
        /// Why.
        cause: String,
    },
    /// The venue's rules for an instrument are not what they were.
    Instrument(Box<Instrument>),
    /// The market data of an instrument can be relied on, or not.
    Feed {
        /// Which instrument.
        instrument: InstrumentId,
        /// How it is.
        health: FeedHealth,
        /// Since when.
        since: Timestamp,
    },
}
