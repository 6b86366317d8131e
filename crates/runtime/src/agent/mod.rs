//! Agents in processes of their own: started, watched, restarted, given up.
//!
//! ```text
//!  gateway's loop ──market, events──▶ outbox ──lines──▶ child's stdin
//!       ▲                              (fold)               strategy
//!       └──────── FromAgent ◀── conversation ◀──lines── child's stdout
//! ```
//!
//! A child holds no key, gets no secret from the environment, and says nothing but intents, which
//! the gateway judges like anybody's. What it can do to the machine is bounded too: memory by a
//! limit of the kernel and by a watch on its resident set, time by a lease that only progress
//! renews, output by a longest line and a rate. It is not a sandbox: a program of one's own runs as
//! the same user and may open files and sockets; who does not trust it runs it under another user.

mod child;
mod conversation;
mod handle;
mod lease;
mod lines;
mod outbox;
mod process;
mod version;

use std::collections::BTreeMap;
use std::path::PathBuf;

use gateway::Books;
use model::{
    AgentId, AgentVersion, Instrument, Intent, IntentId, OrderQty, OrderSpec, TradingState,
};

use crate::clock;
use crate::config::{AgentProgram, AgentSettings};

pub use child::{ChildError, run_child};
pub use handle::AgentHandle;
pub use version::{VersionError, version};

/// Numbers for intents that one start of the gateway may use. Numbers stay below 2^53, which every
/// language's JSON can hold, for nine million starts.
const INTENTS_PER_SESSION: u64 = 1_000_000_000;

/// How an agent's process is run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentConfig {
    /// The agent.
    pub id: AgentId,
    /// A built-in strategy, or a program of one's own.
    pub program: AgentProgram,
    /// The strategy's parameters.
    pub params: BTreeMap<String, String>,
    /// Files and directories of its code besides what its command names.
    pub code: Vec<PathBuf>,
    /// Nothing else is started: the version that has shown on paper what it does. `None` where any may run.
    pub pinned: Option<AgentVersion>,
    /// Largest resident memory, MiB.
    pub memory_max_mib: u64,
    /// How long it may leave an event unhandled, milliseconds.
    pub lease_ms: u64,
}

impl AgentConfig {
    /// As the configuration says.
    pub fn new(id: AgentId, settings: &AgentSettings) -> AgentConfig {
        let AgentSettings { program, params, code, memory_max_mib, lease_ms } = settings.clone();
        AgentConfig { id, program, params, code, pinned: None, memory_max_mib, lease_ms }
    }
}

/// What an agent starts with: the first line to its process, and the start of the fold that makes
/// the first line of the next one after a restart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello(engine::protocol::Hello);

impl Hello {
    /// From the gateway's books. Numbers for intents start where no earlier session can have been:
    /// orders of an earlier session are known by their intents too.
    pub fn new(
        agent: AgentId,
        settings: &AgentSettings,
        session: u64,
        instruments: &[Instrument],
        books: &Books,
    ) -> Hello {
        let strategy = match &settings.program {
            AgentProgram::Strategy(name) => Some(name.clone()),
            AgentProgram::Command(_) => None,
        };
        let positions = books.agent_positions(agent);
        let open = books.open_orders().filter(|order| order.agent == agent);
        Hello(engine::protocol::Hello {
            version: engine::protocol::VERSION,
            now: clock::now(),
            agent,
            strategy,
            params: settings.params.clone(),
            session,
            instruments: instruments.to_vec(),
            positions: positions.map(|(id, position)| (id, position.clone())).collect(),
            open_orders: open.map(agent_order).collect(),
            trading: TradingState::Starting,
            next_intent: IntentId(session.saturating_mul(INTENTS_PER_SESSION).saturating_add(1)),
        })
    }
}

/// What an agent says, and what becomes of its process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FromAgent {
    /// It wants something.
    Intent(Intent),
    /// Its process is up and has answered.
    Up {
        /// Which code and parameters it is; `None` where that cannot be told.
        version: Option<AgentVersion>,
    },
    /// Its process ended or was ended; it will be started again.
    Gone {
        /// Why.
        cause: String,
    },
    /// Its process ended or was ended and is not started again.
    GaveUp {
        /// Why.
        cause: String,
    },
}

/// Why an agent cannot be started at all.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// The strategy does not exist or does not take these parameters.
    #[error(transparent)]
    Build(#[from] agents::BuildError),
    /// A setting that can't work.
    #[error("{key} is {value}: {problem}")]
    Setting {
        /// Which.
        key: &'static str,
        /// Its value.
        value: u64,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// It is not the program that the gates were asked about.
    #[error("{0}")]
    Changed(String),
    /// The program cannot be started.
    #[error("cannot start {program:?}: {source}")]
    Start {
        /// Which program.
        program: String,
        /// Why.
        source: std::io::Error,
    },
}

/// Waits until a flag is raised, or until whoever could raise it is gone, which means the same.
async fn raised(flag: &mut tokio::sync::watch::Receiver<bool>) {
    drop(flag.wait_for(|raised| *raised).await);
}

fn agent_order(order: &gateway::TrackedOrder) -> engine::AgentOrder {
    let sent = &order.order;
    let qty = match sent.qty {
        OrderQty::Base(qty) => qty,
        // Intents are in base units, so the gateway never sends a quote quantity for an agent.
        OrderQty::Quote(_) => model::Qty::ZERO,
    };
    engine::AgentOrder {
        intent: order.intent,
        spec: OrderSpec {
            instrument: sent.instrument,
            side: sent.side,
            kind: sent.kind,
            qty,
            time_in_force: sent.time_in_force,
            post_only: sent.post_only,
            reduce_only: sent.reduce_only,
            effect: None,
        },
        client_order_id: Some(sent.client_order_id),
        state: order.state,
        filled: order.filled,
        cancel: None,
    }
}

#[cfg(test)]
mod tests;
