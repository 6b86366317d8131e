//! What lets a connection into an account, where a venue wants more than a signature on the connection.

use std::fmt;

/// A short-lived secret that is asked for with the key and shown on a connection. Never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Ticket(String);

impl Ticket {
    /// The venue's text.
    pub const fn new(text: String) -> Ticket {
        Ticket(text)
    }

    /// The text, for the connection alone.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ticket(…)")
    }
}
