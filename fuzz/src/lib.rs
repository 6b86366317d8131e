//! What the targets share.

use std::collections::BTreeMap;

use model::{AccountId, Asset, Instrument};
use sim_venue::{FeesIn, SimConfig, SimVenue};
use venues::binance::Symbols;

/// BTC-USDT with a tick of 0.01 and a lot of 0.00001.
pub fn instrument() -> Instrument {
    let asset = |name| Asset::new(name).expect("a short name");
    let (tick, lot) = ("0.01".parse().expect("a step"), "0.00001".parse().expect("a step"));
    Instrument::spot(asset("BTC"), asset("USDT"), tick, lot).expect("short names")
}

pub fn symbols() -> Symbols {
    Symbols::new(vec![instrument()])
}

/// BTC-USD as Coinbase has it.
pub fn coinbase_symbols() -> venues::coinbase::Symbols {
    let asset = |name| Asset::new(name).expect("a short name");
    let (tick, lot) = ("0.01".parse().expect("a step"), "0.00000001".parse().expect("a step"));
    let spot = Instrument::spot(asset("BTC"), asset("USD"), tick, lot).expect("short names");
    venues::coinbase::Symbols::new(vec![Instrument { symbol: "BTC-USD".to_owned(), ..spot }])
}

/// BTC-USD as Kraken has it.
pub fn kraken_symbols() -> venues::kraken::Symbols {
    let asset = |name| Asset::new(name).expect("a short name");
    let (tick, lot) = ("0.1".parse().expect("a step"), "0.00000001".parse().expect("a step"));
    let spot = Instrument::spot(asset("BTC"), asset("USD"), tick, lot).expect("short names");
    venues::kraken::Symbols::new(vec![Instrument { symbol: "XBTUSD".to_owned(), ..spot }])
}

pub fn account() -> AccountId {
    AccountId::new("account-1").expect("a short name")
}

/// An exchange with one account that has something of everything.
pub fn exchange() -> SimVenue {
    let fees = model::venue::FeeRates {
        maker: model::Decimal::new(1, 3),
        taker: model::Decimal::new(1, 3),
    };
    let mut venue = SimVenue::new(SimConfig {
        instruments: vec![instrument()],
        fees,
        fees_in: FeesIn::Received,
    });
    let amount = |text: &str| text.parse().expect("an amount");
    let asset = |name| Asset::new(name).expect("a short name");
    let held = BTreeMap::from([(asset("USDT"), amount("100000")), (asset("BTC"), amount("10"))]);
    venue.add_account(account(), &held);
    venue
}
