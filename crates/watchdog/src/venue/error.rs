//! What can go wrong with an exchange, and before the first request.

use super::sign::KeyError;

/// Why the exchange did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VenueError {
    /// No answer.
    #[error("{0}")]
    Network(String),
    /// The kill switch's share of the limit is spent, or a stop is not over.
    #[error("no budget left for {0} ms")]
    Busy(u128),
    /// The exchange says stop.
    #[error("the exchange says stop ({status}) for {wait_s} s")]
    Stopped {
        /// 429 or 418.
        status: u16,
        /// For how long.
        wait_s: u64,
    },
    /// It refuses.
    #[error("status {status}: {said}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// The beginning of its answer.
        said: String,
    },
    /// An answer that cannot be read.
    #[error("{what}: not understood: {problem}")]
    Unreadable {
        /// What was asked.
        what: &'static str,
        /// What is wrong with the answer.
        problem: String,
    },
    /// A list that does not end.
    #[error("{0}: more pages than a list may have")]
    Endless(&'static str),
    /// More than is read.
    #[error("the answer is larger than {0} bytes")]
    TooLarge(usize),
    /// Too small, or unknown rules.
    #[error("{0}")]
    Unsellable(String),
}

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The secret.
    #[error("{0}")]
    Key(#[from] KeyError),
    /// The way out.
    #[error("{0}")]
    Http(#[from] VenueError),
}
