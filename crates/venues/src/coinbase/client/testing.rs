//! What the tests of this folder share.

use model::{Asset, Instrument, Timestamp};

use super::encode::Credentials;
use crate::coinbase::Symbols;
use crate::coinbase::sign::{Nonce, SigningKey};

pub(super) fn instrument(base: &str, quote: &str) -> Instrument {
    let asset = |name| Asset::new(name).unwrap();
    let (tick, lot) = ("0.01".parse().unwrap(), "0.00000001".parse().unwrap());
    let spot = Instrument::spot(asset(base), asset(quote), tick, lot).unwrap();
    Instrument { symbol: format!("{base}-{quote}"), ..spot }
}

/// BTC-USD with a tick of 0.01 and a lot of 0.00000001.
pub(super) fn symbols() -> Symbols {
    Symbols::new(vec![instrument("BTC", "USD")])
}

/// A made-up key that always signs the same.
pub(super) fn credentials() -> Credentials {
    let key = SigningKey::new("AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=").unwrap();
    Credentials { name: "organizations/o/apiKeys/k".to_owned(), key }
}

pub(super) fn nonce() -> Nonce {
    Nonce([7; 32])
}

/// 2026-01-01, and some seconds.
pub(super) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis((1_767_225_600 + seconds) * 1_000).unwrap()
}
