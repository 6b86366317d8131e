//! Which exchange a venue is, and where that is.

use serde::Deserialize;
use venues::{binance, coinbase};

/// The adapters there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VenueKind {
    /// Binance spot, and everything that speaks its protocol, `plimsoll venue` among it.
    BinanceSpot,
    /// Coinbase Advanced Trade, spot.
    CoinbaseAdvanced,
}

impl VenueKind {
    /// Where the exchange's own REST API is.
    pub const fn rest_address(self) -> &'static str {
        match self {
            VenueKind::BinanceSpot => binance::REST,
            VenueKind::CoinbaseAdvanced => coinbase::REST,
        }
    }
}
