//! What can happen to the kill switch, and what it can ask of the world.

use super::flatten::Sale;
use super::ledger::{Cursors, Marks};
use super::words::{Balance, Beat, Fill, Latch, Order, Top, Transfer};

/// All that can happen. A question ends in exactly one answer, however it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Time has passed.
    Tick,
    /// The answer to a question about open orders: of all symbols, or of those that are known to matter.
    Orders {
        /// Which question.
        n: u64,
        /// Of all symbols.
        all: bool,
        /// The list, or why there is none.
        told: Result<Vec<Order>, String>,
    },
    /// Best prices of every instrument.
    Prices(Result<Vec<Top>, String>),
    /// All balances.
    Balances(Result<Vec<Balance>, String>),
    /// Executions since the cursors that were given, and the cursors to go on from.
    Fills(Result<(Vec<Fill>, Cursors), String>),
    /// Transfers out of the account since a time, as the exchange's history has them.
    Transfers(Result<Vec<Transfer>, String>),
    /// A heartbeat with a good signature.
    Beat(Beat),
    /// Something that was forged, replayed or had the wrong token was refused.
    Refused(String),
    /// A person wants a halt: how they said it, and why.
    Halt {
        /// `http`, `file`, `signal`.
        by: &'static str,
        /// In their words.
        cause: String,
    },
    /// Whether the file that halts is there.
    HaltFile(bool),
    /// Cancels have ended, well or not.
    Canceled {
        /// Which cancels.
        n: u64,
        /// How many the exchange took, or why it took none.
        told: Result<usize, String>,
    },
    /// The latch is durable, or why it is not.
    Written(Result<(), String>),
    /// The latch is off the disk, or why it is not.
    Lifted(Result<(), String>),
    /// The gateway's process was ended, or why it was not.
    Killed(Result<String, String>),
    /// A sale has ended.
    Sold(Result<String, String>),
}

/// All that can be asked of the world, in the order in which it must be begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Make the latch durable.
    Write(Latch),
    /// Take the latch off the disk, keeping it under another name.
    Lift(Latch),
    /// Keep the marks.
    Keep(Marks),
    /// List open orders.
    ReadOrders {
        /// Which question.
        n: u64,
        /// Of all symbols.
        all: bool,
        /// The kill path asks.
        urgent: bool,
    },
    /// Ask for the best prices.
    ReadPrices,
    /// Ask for the balances.
    ReadBalances,
    /// Ask for executions since these cursors; without one, only where the next reading begins.
    ReadFills(Cursors),
    /// Ask for transfers out of the account since this time, milliseconds since the Unix epoch.
    ReadTransfers(i64),
    /// Cancel these.
    Cancel {
        /// Which cancels.
        n: u64,
        /// By symbol.
        batches: Vec<Cancel>,
    },
    /// Tell people.
    Alert(Alert),
    /// End the gateway's process.
    KillGateway,
    /// Sell, never below a price.
    Sell(Sale),
}

/// Orders of one symbol that are to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cancel {
    /// The exchange's text for it.
    pub symbol: String,
    /// The exchange's names of the orders.
    pub ids: Vec<String>,
    /// Nothing else is open there, so one request may take all.
    pub whole: bool,
}

/// How much it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Good to know.
    Info,
    /// Somebody should look.
    Warning,
    /// Somebody must look now.
    Critical,
}

/// What people are told.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Alert {
    /// A short word that stays the same; alerts of one cause are told once a minute.
    pub cause: &'static str,
    /// How much it matters.
    pub level: Level,
    /// In figures.
    pub text: String,
}
