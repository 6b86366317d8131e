//! What the tests of this crate share.

use model::{Asset, Instrument};

pub(crate) fn btc_usdt() -> Instrument {
    Instrument::spot(
        Asset::new("BTC").unwrap(),
        Asset::new("USDT").unwrap(),
        "0.01".parse().unwrap(),
        "0.00001".parse().unwrap(),
    )
    .unwrap()
}
