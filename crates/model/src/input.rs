//! All that can happen to the core. Time is not asked for: it arrives with the input.

use serde::{Deserialize, Serialize};

use crate::halt::{HaltCause, HaltLevel, HaltedBy, ResumeCode};
use crate::ids::InstrumentId;
use crate::instrument::Instrument;
use crate::intent::Intent;
use crate::link::Link;
use crate::market::MarketEvent;
use crate::money::Amount;
use crate::time::Timestamp;
use crate::venue::{AccountEvent, KeyAudit, Response, Unread, VenueError};

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// In the public market.
    Market(MarketEvent),
    /// To our account, by the venue's stream.
    Account(AccountEvent),
    /// To a request of ours.
    Reply(Reply),
    /// An agent wants something.
    Intent(Intent),
    /// A connection came up or went down.
    Link {
        /// Which connection.
        link: Link,
        /// Is it up?
        up: bool,
        /// Why.
        cause: String,
    },
    /// The venue's rules were read again.
    Instruments {
        /// Those that it lists, as it lists them now.
        found: Vec<Instrument>,
        /// Those that it does not know any more.
        gone: Vec<InstrumentId>,
    },
    /// The feed of an instrument saw something that its book does not show.
    Feed(FeedNotice),
    /// The venue's clock was compared with ours.
    Clock {
        /// The venue's minus ours, milliseconds.
        ahead_ms: i64,
    },
    /// The watchdog said something, or says nothing.
    Watchdog(WatchdogNotice),
    /// What the key may do was read.
    Key(KeyAudit),
    /// A person wants something.
    Operator(Command),
    /// The time asked for with `Effect::WakeAt` has come.
    Wake,
}

/// Number of a request of ours, growing within a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RequestId(pub u64);

/// How a request of ours ended. Exactly one comes for each `Effect::Send`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Which request.
    pub request: RequestId,
    /// How.
    pub outcome: Outcome,
    /// When it was sent. For the journal alone.
    pub sent: Sent,
}

/// When a request was sent, by our clock; decides nothing. What nobody measured is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// When the records that it waited for were durable.
    pub durable: Option<Timestamp>,
    /// When it left.
    pub left: Option<Timestamp>,
    /// When the answer was there.
    pub came: Option<Timestamp>,
}

/// The two questions of a failed request: is it certain that it did nothing, and may it be
/// repeated? Certain is only what is proven.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The venue answered.
    Done(Response),
    /// The venue refused, in words that prove it did nothing.
    Refused(VenueError),
    /// It never left: no connection could be made, or the rate budget is spent.
    NotSent(String),
    /// Anything else: a time-out, a broken connection, a server error, an answer nobody listed.
    InDoubt(String),
}

/// News of a feed's health.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FeedNotice {
    /// Messages are missing; the book is being rebuilt.
    Gap {
        /// Which instrument.
        instrument: InstrumentId,
        /// What was missing.
        detail: String,
    },
    /// Messages came that had been seen before.
    Duplicates(u64),
    /// Public trades were missed; they are fetched and passed on as late.
    MissedTrades {
        /// Of which instrument.
        instrument: InstrumentId,
        /// How many.
        count: u64,
    },
    /// A connection took over from an older one, as planned; nothing was lost between them.
    HandedOver(Link),
    /// The account has orders in an instrument that is not followed; they are passed over. Its balances
    /// count all the same.
    PassedOver {
        /// The venue's text for it.
        symbol: String,
    },
    /// The account's stream tells something that is not understood.
    NotUnderstood(Unread),
    /// The venue held us to its rate limit.
    RateLimited {
        /// How long to hold still.
        wait: std::time::Duration,
        /// The venue's words.
        detail: String,
    },
    /// Our own budget held requests back, so that the venue need not. Some may be told as one.
    BudgetWait {
        /// Which limit.
        limiter: String,
        /// The longest wait.
        wait: std::time::Duration,
        /// How many requests.
        requests: u64,
    },
}

/// News of the watchdog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WatchdogNotice {
    /// What adds risk may be sent for a while.
    Lease {
        /// Until and including when, by our clock, counted from the heartbeat that it answers.
        until: Timestamp,
        /// What the account is worth by what it sees at the venue, quote units; `None` where it does not know.
        equity: Option<Amount>,
    },
    /// It answers, and lets nothing that adds risk be sent.
    Withheld {
        /// Why, as far as it says.
        cause: String,
    },
    /// It cannot be reached, or does not answer.
    Silent {
        /// What happened.
        cause: String,
    },
    /// It has tripped: nothing is sent any more until a person resumes both.
    Halted {
        /// Why.
        cause: String,
    },
    /// What came in its name was not its word.
    Forged {
        /// What was wrong with it.
        what: String,
    },
}

/// What a person can want.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// No more orders; entry orders are taken back. Latched.
    Halt {
        /// How far.
        level: HaltLevel,
        /// Why.
        cause: HaltCause,
    },
    /// The first step of two towards lifting a halt.
    ResumeRequested {
        /// What the second one has to bring; drawn by whoever passes this on.
        code: ResumeCode,
    },
    /// The second one.
    ResumeConfirmed {
        /// What the person brings.
        code: ResumeCode,
    },
    /// The last input of all: the gateway was asked to end, and everything else is done.
    Stop,
    /// Compare our books with the venue's now.
    Reconcile,
    /// What the last comparison left is so: our books are made the venue's.
    AcceptDifferences,
    /// These limits hold from now on. What is open stays; only what is wanted from now on is measured by
    /// them.
    SetLimits {
        /// All limits, as JSON. What does not read as limits changes nothing, and is said.
        limits: String,
    },
    /// An agent that was disabled may trade again.
    EnableAgent {
        /// Which agent.
        agent: crate::ids::AgentId,
    },
    /// Something happened to an agent's process; its orders are dealt with.
    AgentGone {
        /// Which agent.
        agent: crate::ids::AgentId,
        /// What happened.
        cause: String,
    },
    /// An agent's process is up.
    AgentUp {
        /// Which agent.
        agent: crate::ids::AgentId,
        /// Which code and parameters it is; `None` where that is not known.
        version: Option<crate::agent_version::AgentVersion>,
    },
}

impl Command {
    /// A halt that takes entry orders back, and nothing more.
    pub fn halt(by: HaltedBy, text: impl Into<String>) -> Command {
        Command::Halt { level: HaltLevel::Halted, cause: HaltCause::new(by, text) }
    }
}
