//! How a venue is reached, and what that is worth: connections, and the health of a market's data.

use serde::{Deserialize, Serialize};

/// A connection to a venue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Link {
    /// Public streams.
    Market,
    /// The account's stream.
    Account,
}

/// Whether the market data of an instrument can be relied on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeedHealth {
    /// The book is complete and heard of lately.
    Live,
    /// The book is complete as far as it was heard, which is too long ago.
    Stale,
    /// The connection is up and the book is being fetched.
    Resyncing,
    /// There is no connection.
    Down,
}
