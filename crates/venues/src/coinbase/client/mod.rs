//! The client side: what the gateway says to Coinbase, and what it makes of the answers.
//!
//! Pure: requests become bytes, bytes become our words. Sockets, time and retries are the runtime's,
//! and so is chance: every token takes its nonce from outside.

mod account;
mod account_feed;
pub(super) mod adapter;
mod books;
mod convert;
mod decode;
mod encode;
mod instruments;
mod market;
mod market_feed;
mod refusals;
mod sequence;
mod subscribe;
#[cfg(test)]
mod testing;

pub use account::{AccountContent, AccountMessage, decode_account};
pub use account_feed::{AccountConn, AccountFeed};
pub use books::{BookStep, Books};
pub use decode::{HttpAnswer, RateNotice, decode_reply, rate_notice};
pub use encode::{Credentials, EncodeError, HttpCall, encode};
pub use market::{Batch, BookChange, Content, MarketMessage, TickerNews, decode_market};
pub use market_feed::{MarketConn, MarketFeed};
pub use sequence::{Sequence, SequenceStep};
pub use subscribe::{Channel, subscribe};

/// Bytes that are not what Coinbase says it sends.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Not JSON of the documented shape.
    #[error("not the documented shape: {0}")]
    Shape(String),
    /// An instrument that was not asked for.
    #[error("unknown product {0:?}")]
    Product(String),
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
