//! What the server counts and how it behaves.

use model::Decimal;
use model::venue::FeeRates;

/// What the server counts and how it behaves. The default is Binance as of 2026-07-21.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// Request weight of one address in a minute.
    pub weight_per_minute: u32,
    /// Requests of one address in five minutes.
    pub raw_per_5m: u32,
    /// Unfilled orders of one account in ten seconds.
    pub orders_per_10s: u32,
    /// Unfilled orders of one account in a day.
    pub orders_per_day: u32,
    /// Order calls that work cost no weight (since 2026-04-02).
    pub free_success: bool,
    /// Messages that a market connection may send in a second.
    pub messages_per_s: u32,
    /// WebSocket connections that one address may open in five minutes.
    pub connections_per_5m: u32,
    /// Serve listen keys, which ended on 2026-02-20.
    pub legacy_listen_key: bool,
    /// Fees of every account, as fractions.
    pub fees: FeeRates,
}

impl Default for ServerConfig {
    fn default() -> ServerConfig {
        ServerConfig {
            weight_per_minute: 6_000,
            raw_per_5m: 300_000,
            orders_per_10s: 50,
            orders_per_day: 160_000,
            free_success: true,
            messages_per_s: 5,
            connections_per_5m: 300,
            legacy_listen_key: false,
            fees: FeeRates { maker: Decimal::new(1, 3), taker: Decimal::new(1, 3) },
        }
    }
}
