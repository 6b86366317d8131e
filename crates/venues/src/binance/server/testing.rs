//! What the tests of this folder share.

use model::{Asset, Instrument};

use crate::binance::Symbols;

/// BTC-USDT with a tick of 0.01 and a lot of 0.00001.
pub(super) fn instrument() -> Instrument {
    let asset = |name| Asset::new(name).unwrap();
    let (tick, lot) = ("0.01".parse().unwrap(), "0.00001".parse().unwrap());
    Instrument::spot(asset("BTC"), asset("USDT"), tick, lot).unwrap()
}

pub(super) fn symbols() -> Symbols {
    Symbols::new(vec![instrument()])
}
