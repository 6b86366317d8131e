//! The exchange, asked by the kill switch itself: small clients that list, cancel and reduce.
//!
//! They share no code with the gateway's adapters. A bug there must not blind this, so each is written a
//! second time, from the same documents, for the few things it has to do. There is no request in here that
//! could add risk: what is placed is a sale of what is held.
//!
//! An exchange with a dead-man timer of its own (Kraken) is armed by its client, beside `orders`; Binance spot
//! and Coinbase Advanced Trade document none.

mod binance;
mod budget;
mod clock;
mod coinbase;
mod error;
mod grid;
mod http;
mod kraken;
pub(crate) mod sign;

use std::net::IpAddr;

pub use budget::Purpose;
pub use error::{StartError, VenueError};
pub use sign::KeyError;

use crate::core::effect::Cancel;
use crate::core::flatten::Sale;
use crate::core::ledger::Cursors;
use crate::core::words::{Balance, Fill, Instrument, Order, Pace, Top, Transfer};

/// Which exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Dialect {
    /// Binance spot.
    BinanceSpot,
    /// Coinbase Advanced Trade, spot.
    CoinbaseAdvanced,
    /// Kraken spot.
    KrakenSpot,
}

impl Dialect {
    /// The exchange's text for `BTC-USDT`.
    pub fn symbol(self, instrument: &str) -> String {
        match self {
            Dialect::BinanceSpot => instrument.replacen('-', "", 1),
            Dialect::CoinbaseAdvanced => instrument.to_owned(),
            Dialect::KrakenSpot => kraken::symbol(instrument),
        }
    }

    /// How often it may be asked for so many instruments. At Binance a minute of watching has 960 weight: 240 or 160
    /// for prices (2 for one symbol, 4 for more), 200 for balances (20), 240 for open orders (6 a symbol, or 80 for all
    /// where that is less; not more often than each 2 s), 80 for those of all symbols, 200 for executions (20 a symbol). At Coinbase a list of
    /// orders is two requests and everything else one, of 4 a second. At Kraken 24 calls a minute are for watching: 12
    /// for orders, 4 for balances, 3 for the timer and 4 for executions; prices are public, one a second by address.
    pub fn pace(self, instruments: usize) -> Pace {
        let count = u64::try_from(instruments).unwrap_or(u64::MAX).clamp(1, 1_000);
        match self {
            Dialect::BinanceSpot => Pace {
                prices_ms: if count == 1 { 500 } else { 1_500 },
                balances_ms: 6_000,
                orders_ms: (1_500 * count).clamp(2_000, 20_000),
                fills_ms: 6_000 * count,
                all_orders_ms: 60_000,
                transfers_ms: 7_000,
            },
            Dialect::CoinbaseAdvanced => Pace {
                prices_ms: 500,
                balances_ms: 5_000,
                orders_ms: 2_000,
                fills_ms: 3_000,
                all_orders_ms: 0,
                transfers_ms: 7_000,
            },
            Dialect::KrakenSpot => Pace {
                prices_ms: 2_000,
                balances_ms: 15_000,
                orders_ms: 5_000,
                fills_ms: 30_000,
                all_orders_ms: 0,
                transfers_ms: 30_000,
            },
        }
    }

    /// Whether it lists the executions of every instrument in one list. Where it does not, what somebody traded on
    /// an instrument that is not followed cannot be told from what was withdrawn.
    pub const fn lists_all_executions(self) -> bool {
        match self {
            Dialect::BinanceSpot => false,
            Dialect::CoinbaseAdvanced | Dialect::KrakenSpot => true,
        }
    }

    const fn own_address(self) -> &'static str {
        match self {
            Dialect::BinanceSpot => "https://api.binance.com",
            Dialect::CoinbaseAdvanced => "https://api.coinbase.com",
            Dialect::KrakenSpot => "https://api.kraken.com",
        }
    }
}

/// A client of one account.
#[derive(Debug)]
pub enum Client {
    /// Of Binance.
    Binance(binance::Binance),
    /// Of Coinbase.
    Coinbase(coinbase::Coinbase),
    /// Of Kraken.
    Kraken(kraken::Kraken),
}

impl Client {
    /// With a key of its own; `rest` is another address than the exchange's, `local` the one that its
    /// connections leave from.
    pub fn new(
        dialect: Dialect,
        rest: Option<&str>,
        local: Option<IpAddr>,
        key: &str,
        secret: &str,
        instruments: Vec<Instrument>,
    ) -> Result<Client, StartError> {
        let base = rest.unwrap_or(dialect.own_address());
        Ok(match dialect {
            Dialect::BinanceSpot => {
                Client::Binance(binance::Binance::new(base, local, key, secret, instruments)?)
            }
            Dialect::CoinbaseAdvanced => {
                Client::Coinbase(coinbase::Coinbase::new(base, local, key, secret, instruments)?)
            }
            Dialect::KrakenSpot => {
                Client::Kraken(kraken::Kraken::new(base, local, key, secret, instruments)?)
            }
        })
    }

    /// The exchange's time as well as it is known, milliseconds since the Unix epoch.
    pub fn venue_ms(&self) -> i64 {
        match self {
            Client::Binance(client) => client.http().venue_ms(),
            Client::Coinbase(client) => client.http().venue_ms(),
            Client::Kraken(client) => client.http().venue_ms(),
        }
    }

    /// Whether that is the exchange's own word, and not the host's clock.
    pub fn knows_time(&self) -> bool {
        match self {
            Client::Binance(client) => client.http().knows_time(),
            Client::Coinbase(client) => client.http().knows_time(),
            Client::Kraken(client) => client.http().knows_time(),
        }
    }

    /// Asks what the exchange's limits are, where it says.
    pub async fn learn_limits(&self) -> Result<(), VenueError> {
        match self {
            Client::Binance(client) => client.learn_limits().await,
            Client::Coinbase(_) | Client::Kraken(_) => Ok(()),
        }
    }

    /// Open orders: of all symbols, or of those that are followed or had some.
    pub async fn orders(&self, all: bool, purpose: Purpose) -> Result<Vec<Order>, VenueError> {
        match self {
            Client::Binance(client) => client.orders(all, purpose).await,
            Client::Coinbase(client) => client.orders(purpose).await,
            Client::Kraken(client) => client.orders(purpose).await,
        }
    }

    /// Best prices of every instrument.
    pub async fn prices(&self) -> Result<Vec<Top>, VenueError> {
        match self {
            Client::Binance(client) => client.prices().await,
            Client::Coinbase(client) => client.prices().await,
            Client::Kraken(client) => client.prices().await,
        }
    }

    /// All balances.
    pub async fn balances(&self) -> Result<Vec<Balance>, VenueError> {
        match self {
            Client::Binance(client) => client.balances().await,
            Client::Coinbase(client) => client.balances().await,
            Client::Kraken(client) => client.balances().await,
        }
    }

    /// Executions since the cursors, and the cursors to go on from. Without a cursor: only where the next
    /// reading begins.
    pub async fn fills(&self, since: &Cursors) -> Result<(Vec<Fill>, Cursors), VenueError> {
        match self {
            Client::Binance(client) => client.fills(since).await,
            Client::Coinbase(client) => client.fills(since).await,
            Client::Kraken(client) => client.fills(since).await,
        }
    }

    /// Transfers out of the account since a time, where the exchange has a history of them.
    pub async fn transfers(&self, since_ms: i64) -> Result<Vec<Transfer>, VenueError> {
        match self {
            Client::Binance(client) => client.transfers(since_ms).await,
            // What the executions of every instrument do not explain was transferred.
            Client::Coinbase(_) | Client::Kraken(_) => Ok(Vec::new()),
        }
    }

    /// Cancels orders of one symbol; how many the exchange took.
    pub async fn cancel(&self, cancel: &Cancel) -> Result<usize, VenueError> {
        match self {
            Client::Binance(client) => client.cancel(cancel).await,
            Client::Coinbase(client) => client.cancel(cancel).await,
            Client::Kraken(client) => client.cancel(cancel).await,
        }
    }

    /// Sells at once at a price or better; what is not sold is canceled by the exchange.
    pub async fn sell(&self, sale: &Sale, name: &str) -> Result<String, VenueError> {
        match self {
            Client::Binance(client) => client.sell(sale, name).await,
            Client::Coinbase(client) => client.sell(sale, name).await,
            Client::Kraken(client) => client.sell(sale, name).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever is followed, watching fits into what it may cost.
    #[test]
    fn watching_fits_into_its_share() {
        for count in [1, 2, 5, 10, 12, 13, 14, 40, 400] {
            let pace = Dialect::BinanceSpot.pace(count);
            let a_minute = |every_ms: u64, cost: u64| 60_000 * cost / every_ms;
            let symbols = count as u64;
            let sum = a_minute(pace.prices_ms, if count == 1 { 2 } else { 4 })
                + a_minute(pace.balances_ms, 20)
                + a_minute(pace.orders_ms, (6 * symbols).min(80))
                + a_minute(pace.fills_ms, 20 * symbols)
                + a_minute(pace.all_orders_ms, 80);
            assert!(sum <= 960, "{count}: {sum}");
        }
    }
}
