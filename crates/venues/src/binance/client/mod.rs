//! The client side: what the gateway says to Binance, and what it makes of the answers.
//!
//! Pure: requests become bytes, bytes become our words. Sockets, time and retries are the runtime's.

mod account;
mod account_feed;
pub(super) mod adapter;
mod book_sync;
mod convert;
mod decode;
mod encode;
mod instruments;
mod limits;
mod market;
mod market_feed;
mod refusals;
mod socket;
#[cfg(test)]
mod testing;

pub use account::{AccountMessage, decode_account};
pub use account_feed::AccountFeed;
pub use book_sync::{BookSync, CHANGES_MAX, SyncStep};
pub use decode::decode_reply;
pub use encode::{
    CallCost, Credentials, EncodeError, HttpCall, cost, encode, subscribe_account, subscribe_market,
};
pub use limits::{
    CountedBy, RateLimit, RateNotice, RateStop, USAGES_MAX, rate_limits, rate_notice, rate_stop,
};
pub use market::{StreamMessage, decode_market};
pub use market_feed::{MarketConn, MarketFeed};
pub use socket::{SocketReply, decode_socket, encode_socket, log_on};

/// Bytes that are not what Binance says it sends.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Not JSON of the documented shape.
    #[error("not the documented shape: {0}")]
    Shape(String),
    /// An instrument that was not asked for.
    #[error("unknown symbol {0:?}")]
    Symbol(String),
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
}
