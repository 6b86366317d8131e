//! What the server counts and how it behaves.

use model::Decimal;
use model::venue::FeeRates;

use crate::coinbase::{
    CONNECTIONS_PER_S, PRIVATE_REQUESTS_PER_S, PUBLIC_REQUESTS_PER_S, STREAM_MESSAGES_PER_S,
};

/// What the server counts and how it behaves. The default is Coinbase as of 2026-08-08.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// Private requests of one key in a second.
    pub private_per_s: u32,
    /// Public requests of one address in a second.
    pub public_per_s: u32,
    /// Requests below `/v2` of one key, or of one address without a key, in an hour.
    pub app_per_hour: u32,
    /// WebSocket connections that one address may open in a second.
    pub connections_per_s: u32,
    /// WebSocket messages without a token that one address may send in a second.
    pub messages_per_s: u32,
    /// Fees of every account, as fractions. They are taken in the quote asset.
    pub fees: FeeRates,
}

impl Default for ServerConfig {
    fn default() -> ServerConfig {
        ServerConfig {
            private_per_s: PRIVATE_REQUESTS_PER_S,
            public_per_s: PUBLIC_REQUESTS_PER_S,
            // Page "Rate limiting" of the Coinbase App API, read 2026-08-08.
            app_per_hour: 10_000,
            connections_per_s: CONNECTIONS_PER_S,
            messages_per_s: STREAM_MESSAGES_PER_S,
            // The entry tier as recorded in 2025.
            fees: FeeRates { maker: Decimal::new(6, 3), taker: Decimal::new(12, 3) },
        }
    }
}
