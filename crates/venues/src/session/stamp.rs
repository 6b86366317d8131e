//! What a connection begins with: time, chance, and what lets it in.

use model::Timestamp;
use model::venue::Ticket;

/// Time and chance for what has to be signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The venue's time, as well as it is known.
    pub venue_now: Timestamp,
    /// Never the same twice.
    pub nonce: u128,
    /// What lets a connection into an account, where a protocol wants one.
    pub ticket: Option<Ticket>,
}
