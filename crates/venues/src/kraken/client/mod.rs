//! The client side: what the gateway says to Kraken, and what it makes of the answers.
//!
//! Pure: requests become bytes, bytes become our words. Sockets, time and retries are the runtime's. A
//! nonce has to be larger than the one before: the adapter counts them.

mod account;
mod account_feed;
pub(super) mod adapter;
mod convert;
mod decode;
mod encode;
mod instruments;
mod ladder;
mod market;
mod market_feed;
mod refusals;
#[cfg(test)]
mod tests;

pub use account::{AccountMessage, Orders, decode_account};
pub use account_feed::{AccountFeed, Conn as AccountConn};
pub use decode::{Answered, decode_reply};
pub use encode::{Credentials, EncodeError, HttpCall, encode};
pub use ladder::{Ladder, LadderError};
pub use market::{MarketMessage, decode_market};
pub use market_feed::{MarketConn, MarketFeed};
pub use refusals::{Stop, stop};

/// Bytes that are not what Kraken says it sends.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Not JSON of the documented shape.
    #[error("not the documented shape: {0}")]
    Shape(String),
    /// An instrument that was not asked for.
    #[error("unknown pair {0:?}")]
    Pair(String),
    /// A number that does not lie on the instrument's grid, or is none.
    #[error("number {0:?} is not on the grid")]
    Number(String),
    /// A word that was never seen before. Guessing here would be trading on a guess.
    #[error("unknown {what} {word:?}")]
    Word {
        /// What was expected there.
        what: &'static str,
        /// The word.
        word: String,
    },
    /// A list that was cut where only the whole of it is an answer.
    #[error("the list was cut after {0} entries: what is missing from it proves nothing")]
    Cut(usize),
}
