//! Requests to subscribe: one channel each, and a token of its own each.

use model::Timestamp;

use super::encode::Credentials;
use crate::coinbase::Symbols;
use crate::coinbase::sign::Nonce;
use crate::coinbase::wire::StreamRequest;

/// A channel, by the name it is subscribed to with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Channel {
    /// Once a second, whatever else happens. Keeps the others open; subscribe to it always.
    Heartbeats,
    /// Books. Its messages call themselves `l2_data`.
    Level2,
    /// Public trades.
    MarketTrades,
    /// Last and best prices.
    Ticker,
    /// Candles of five minutes.
    Candles,
    /// The account's orders. Needs a key.
    User,
}

impl Channel {
    /// As Coinbase writes it in requests.
    pub const fn name(self) -> &'static str {
        match self {
            Channel::Heartbeats => "heartbeats",
            Channel::Level2 => "level2",
            Channel::MarketTrades => "market_trades",
            Channel::Ticker => "ticker",
            Channel::Candles => "candles",
            Channel::User => "user",
        }
    }
}

/// The message that subscribes to a channel for every instrument of the table. `now` is the venue's
/// time as well as we know it. Without a key the public channels work, too, less reliably by the
/// venue's own word; `user` is refused.
pub fn subscribe(
    channel: Channel,
    symbols: &Symbols,
    credentials: Option<&Credentials>,
    now: Timestamp,
    nonce: Nonce,
) -> String {
    let products = symbols.iter().map(|row| row.instrument.symbol.clone());
    let product_ids = match channel {
        Channel::Heartbeats => Vec::new(),
        Channel::Level2
        | Channel::MarketTrades
        | Channel::Ticker
        | Channel::Candles
        | Channel::User => products.collect(),
    };
    let token = |key: &Credentials| key.token(None, now, nonce);
    let request = StreamRequest {
        kind: "subscribe".to_owned(),
        product_ids,
        channel: channel.name().to_owned(),
        jwt: credentials.map(token),
    };
    // Texts always serialize.
    serde_json::to_string(&request).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coinbase::client::testing::{at, credentials, nonce, symbols};
    use crate::coinbase::sign::Token;

    #[test]
    fn one_channel_a_message_with_a_token_without_a_target() {
        let plain = subscribe(Channel::Level2, &symbols(), None, at(0), nonce());
        let expected = r#"{"type":"subscribe","product_ids":["BTC-USD"],"channel":"level2"}"#;
        assert_eq!(plain, expected);
        let heartbeats = subscribe(Channel::Heartbeats, &symbols(), None, at(0), nonce());
        assert_eq!(heartbeats, r#"{"type":"subscribe","channel":"heartbeats"}"#);
        let key = credentials();
        let user = subscribe(Channel::User, &symbols(), Some(&key), at(0), nonce());
        let user: StreamRequest = serde_json::from_str(&user).unwrap();
        let token = user.jwt.unwrap();
        let token = Token::read(&token).unwrap();
        assert_eq!(token.check(&key.key.verifying_key(), None, at(1)), Ok(()));
    }
}
