//! What a driver can ask of a dialect when things go wrong on command, in words that no venue owns.
//!
//! Only nouns: the questions themselves are methods of [`Dialect`](super::Dialect), each with an
//! answer that does for a venue that has nothing of its own to say.

use model::Timestamp;

/// What a connection, or an event on it, is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SocketClass {
    /// Public data.
    Market,
    /// One account's data.
    User,
}

/// What an event on a connection belongs to. Two events of one topic come from one source, so their
/// order means something and a reconnect may repeat them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Topic {
    /// Public or an account's.
    pub class: SocketClass,
    /// Which stream, or whose account; empty where the dialect does not tell them apart.
    pub name: String,
}

/// How the past of an account is told, where not as it is. The default is the truth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Telling {
    /// As it was then.
    pub as_of: Option<Timestamp>,
    /// Orders that were made after this are missing.
    pub unseen_after: Option<Timestamp>,
    /// Lists have at most so many rows.
    pub rows_max: Option<u32>,
    /// Orders that wait for a trigger are missing from the open ones.
    pub hides_stops: bool,
    /// An order that is over and has executions is told as canceled with nothing filled.
    pub lies: bool,
}

/// How the limits differ from the usual ones. The default is no difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitChange {
    /// What is left of every limit, in thousandths of the usual one: 0 to 1000. Metadata says so
    /// and it is enforced.
    pub share_permille: u32,
    /// What somebody else on the same address uses of its limits, in thousandths: 0 to 1000. It
    /// shows where usage is told and counts.
    pub neighbour_permille: u32,
    /// Connections that one address may open within the venue's own window; `None` for the usual.
    pub connections_max: Option<u32>,
}

impl Default for LimitChange {
    fn default() -> LimitChange {
        LimitChange { share_permille: 1_000, neighbour_permille: 0, connections_max: None }
    }
}
