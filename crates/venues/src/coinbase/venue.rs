//! Coinbase Advanced Trade's line of the list.

use model::Decimal;

use super::{PROFILE, REST, STREAMS, USER_STREAM, client, server};
use crate::venue::{Addresses, Simulated, Venue};

/// Its line of the list.
pub static VENUE: Venue = Venue {
    name: "coinbase-advanced",
    dialect: "coinbase",
    title: "Coinbase",
    profile: PROFILE,
    addresses: Addresses {
        rest: REST,
        market: STREAMS,
        account: USER_STREAM,
        market_path: "",
        account_path: "",
    },
    rules: &budget::coinbase::RULES,
    simulated: Simulated {
        instrument: "BTC-USD",
        maker_bps: Decimal::new(60, 0),
        taker_bps: Decimal::new(120, 0),
        fees_in_quote: true,
        has_fee_asset: false,
        adapt: server::adapt,
        lists_open: &[("GET", "/api/v3/brokerage/orders/historical/batch")],
    },
    client: client::adapter::new,
    public: client::adapter::public,
    server: server::open,
};
