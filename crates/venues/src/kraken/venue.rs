//! Kraken spot's line of the list.

use budget::Rule;
use model::Decimal;

use super::{ACCOUNT_STREAM, PROFILE, REST, STREAMS, STREAMS_PATH, client, server};
use crate::venue::{Addresses, Simulated, Venue};

/// What is counted. The tier of an account is not told over REST: the middle one is what a verified account
/// has.
const RULES: &[Rule] = &budget::kraken::rules(budget::kraken::Tier::Intermediate);

/// Its line of the list.
pub static VENUE: Venue = Venue {
    name: "kraken-spot",
    dialect: "kraken",
    title: "Kraken",
    profile: PROFILE,
    addresses: Addresses {
        rest: REST,
        market: STREAMS,
        account: ACCOUNT_STREAM,
        market_path: STREAMS_PATH,
        account_path: STREAMS_PATH,
    },
    rules: RULES,
    simulated: Simulated {
        instrument: "BTC-USD",
        // The first tier of AssetPairs.
        maker_bps: Decimal::new(25, 0),
        taker_bps: Decimal::new(40, 0),
        fees_in_quote: true,
        has_fee_asset: false,
        adapt: server::adapt,
        lists_open: &[("POST", "/0/private/OpenOrders")],
    },
    client: client::adapter::new,
    public: client::adapter::public,
    server: server::open,
};
