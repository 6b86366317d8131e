//! Binance spot's line of the list.

use model::Decimal;

use super::{PROFILE, REST, STREAMS, WS_API, client, server};
use crate::venue::{Addresses, Simulated, Venue};

/// Its line of the list.
pub static VENUE: Venue = Venue {
    name: "binance-spot",
    dialect: "binance",
    title: "Binance",
    profile: PROFILE,
    addresses: Addresses {
        rest: REST,
        market: STREAMS,
        account: WS_API,
        market_path: "/ws",
        account_path: "/ws-api/v3",
    },
    rules: &budget::binance::RULES,
    simulated: Simulated {
        instrument: "BTC-USDT",
        maker_bps: Decimal::new(10, 0),
        taker_bps: Decimal::new(10, 0),
        fees_in_quote: false,
        has_fee_asset: true,
        adapt: |_| {},
        lists_open: &[("GET", "/api/v3/openOrders")],
    },
    client: client::adapter::new,
    public: client::adapter::public,
    server: server::open,
};
