//! What a limit is: what it counts, for whom, and how it forgets.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What is counted. Each venue uses some of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Counted {
    /// Weight of requests.
    Weight,
    /// Requests, whatever they weigh.
    Request,
    /// New orders; at Binance the unfilled ones.
    Order,
    /// Attempts to open a WebSocket connection.
    Connection,
    /// Messages to one WebSocket connection.
    Message,
    /// Requests without a key.
    Public,
    /// Requests with a key.
    Private,
    /// Transactions of the matching engine in one instrument.
    Trading,
    /// Calls that place an order.
    Place,
    /// Calls that change an order.
    Amend,
    /// Calls that take an order back.
    Cancel,
    /// Calls that read one order.
    ReadOrder,
    /// Calls that list open orders.
    ReadOpen,
    /// Calls that list executions.
    ReadFills,
    /// Calls that read balances.
    ReadAccount,
    /// Calls that read fee rates.
    ReadFees,
    /// Calls that read a book.
    ReadBook,
    /// Calls that read the venue's clock.
    ReadTime,
    /// Calls that list instruments.
    ReadInstruments,
}

impl Counted {
    const fn words(self) -> &'static str {
        match self {
            Counted::Weight => "request weight",
            Counted::Request => "requests",
            Counted::Order => "new orders",
            Counted::Connection => "connection attempts",
            Counted::Message => "messages to a socket",
            Counted::Public => "public requests",
            Counted::Private => "private requests",
            Counted::Trading => "transactions of an instrument",
            Counted::Place => "calls that place",
            Counted::Amend => "calls that amend",
            Counted::Cancel => "calls that cancel",
            Counted::ReadOrder => "reads of an order",
            Counted::ReadOpen => "reads of open orders",
            Counted::ReadFills => "reads of executions",
            Counted::ReadAccount => "reads of the account",
            Counted::ReadFees => "reads of fees",
            Counted::ReadBook => "reads of a book",
            Counted::ReadTime => "reads of the clock",
            Counted::ReadInstruments => "reads of instruments",
        }
    }
}

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}

/// For whom it is counted: everyone with the same one shares one count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// The address that asks.
    Address,
    /// The account, user or key.
    Account,
    /// One instrument of one account.
    Instrument,
    /// One WebSocket connection.
    Socket,
}

/// How it is counted and forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// Windows that begin at multiples of their length by the venue's clock; then all is forgotten.
    Aligned {
        /// Length, milliseconds.
        window_ms: u32,
        /// Allowed in one window.
        limit: u32,
    },
    /// No stretch of this length may hold more. Right for venues that roll, and safe where nobody
    /// has said whether they do.
    Sliding {
        /// Length, milliseconds.
        window_ms: u32,
        /// Allowed in any such stretch.
        limit: u32,
    },
    /// A counter that falls steadily: a token bucket, seen from the other side.
    Leaky {
        /// Never above this; a bucket's burst.
        max: u32,
        /// Falls by this much in a thousand seconds.
        per_1000_s: u32,
    },
}

impl Shape {
    /// What may be used at once.
    pub const fn limit(self) -> u32 {
        match self {
            Shape::Aligned { limit, .. } | Shape::Sliding { limit, .. } => limit,
            Shape::Leaky { max, .. } => max,
        }
    }

    /// Length of its window, milliseconds; zero for a counter, which has none.
    pub const fn window_ms(self) -> u32 {
        match self {
            Shape::Aligned { window_ms, .. } | Shape::Sliding { window_ms, .. } => window_ms,
            Shape::Leaky { .. } => 0,
        }
    }

    /// After this much time all that was used is forgotten.
    pub(crate) fn memory(self) -> Duration {
        match self {
            Shape::Aligned { window_ms, .. } | Shape::Sliding { window_ms, .. } => {
                Duration::from_millis(u64::from(window_ms))
            }
            Shape::Leaky { max, per_1000_s } => {
                Duration::from_millis(u64::from(max) * 1_000_000 / u64::from(per_1000_s.max(1)))
            }
        }
    }
}

/// One limit of a venue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// What.
    pub counts: Counted,
    /// For whom.
    pub scope: Scope,
    /// How.
    pub shape: Shape,
    /// Does the venue say in its answers how much is used?
    pub told: bool,
}

impl Rule {
    /// Which limit this is, for people.
    pub const fn name(&self) -> LimiterName {
        LimiterName { counts: self.counts, window_ms: self.shape.window_ms() }
    }
}

/// Which limit, for people: `request weight per 1m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LimiterName {
    /// What it counts.
    pub counts: Counted,
    /// Length of its window, milliseconds; zero for a counter.
    pub window_ms: u32,
}

impl fmt::Display for LimiterName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let LimiterName { counts, window_ms } = self;
        match window_ms {
            0 => write!(f, "{counts}"),
            ms if ms % 86_400_000 == 0 => write!(f, "{counts} per {}d", ms / 86_400_000),
            ms if ms % 60_000 == 0 => write!(f, "{counts} per {}m", ms / 60_000),
            ms if ms % 1_000 == 0 => write!(f, "{counts} per {}s", ms / 1_000),
            ms => write!(f, "{counts} per {ms}ms"),
        }
    }
}

/// A limit as the venue's own metadata names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// What it counts.
    pub counts: Counted,
    /// Length of its window, milliseconds.
    pub window_ms: u32,
    /// Allowed in one window.
    pub limit: u32,
}

/// How much of a limit is used, by the venue's own word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// What it counts.
    pub counts: Counted,
    /// Length of its window, milliseconds.
    pub window_ms: u32,
    /// Used so far.
    pub used: u32,
}
