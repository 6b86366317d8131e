//! Public REST answers.

use serde::{Deserialize, Serialize};

use super::Fixed8;

/// `GET /api/v3/time`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServerTime {
    /// The venue's clock, milliseconds.
    pub server_time: i64,
}

/// `GET /api/v3/exchangeInfo`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExchangeInfo {
    /// Always `UTC`.
    pub timezone: String,
    /// The venue's clock, milliseconds.
    pub server_time: i64,
    /// What is counted, and how much of it is allowed.
    pub rate_limits: Vec<RateLimit>,
    /// Filters over the whole account.
    pub exchange_filters: Vec<Filter>,
    /// Instruments.
    pub symbols: Vec<Symbol>,
}

/// One limiter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RateLimit {
    /// `REQUEST_WEIGHT`, `RAW_REQUESTS`, `CONNECTIONS` or `ORDERS`.
    pub rate_limit_type: String,
    /// `SECOND`, `MINUTE`, `HOUR` or `DAY`.
    pub interval: String,
    /// How many of them make the window.
    pub interval_num: u32,
    /// Allowed in the window.
    pub limit: u32,
    /// Used in the window; only where usage is reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
}

/// One instrument of `exchangeInfo`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the venue's page documents them")]
pub struct Symbol {
    pub symbol: String,
    pub status: String,
    pub base_asset: String,
    pub base_asset_precision: u32,
    pub quote_asset: String,
    pub quote_precision: u32,
    pub quote_asset_precision: u32,
    #[serde(default)]
    pub base_commission_precision: u32,
    #[serde(default)]
    pub quote_commission_precision: u32,
    pub order_types: Vec<String>,
    #[serde(default)]
    pub iceberg_allowed: bool,
    #[serde(default)]
    pub oco_allowed: bool,
    #[serde(default)]
    pub oto_allowed: bool,
    #[serde(default)]
    pub opo_allowed: bool,
    #[serde(default)]
    pub quote_order_qty_market_allowed: bool,
    #[serde(default)]
    pub allow_trailing_stop: bool,
    #[serde(default)]
    pub cancel_replace_allowed: bool,
    #[serde(default)]
    pub amend_allowed: bool,
    #[serde(default)]
    pub peg_instructions_allowed: bool,
    #[serde(default)]
    pub is_spot_trading_allowed: bool,
    #[serde(default)]
    pub is_margin_trading_allowed: bool,
    pub filters: Vec<Filter>,
    #[serde(default)]
    pub permissions: Vec<String>,
    #[serde(default)]
    pub permission_sets: Vec<Vec<String>>,
    #[serde(default)]
    pub default_self_trade_prevention_mode: String,
    #[serde(default)]
    pub allowed_self_trade_prevention_modes: Vec<String>,
}

/// A filter, by its `filterType`. New kinds appear now and then; one we do not know is `Other`,
/// and the venue enforces it whether we know it or not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "filterType", rename_all_fields = "camelCase")]
#[expect(missing_docs, reason = "the venue's page documents them")]
pub enum Filter {
    #[serde(rename = "PRICE_FILTER")]
    Price { min_price: Fixed8, max_price: Fixed8, tick_size: Fixed8 },
    #[serde(rename = "PERCENT_PRICE_BY_SIDE")]
    PercentPriceBySide {
        bid_multiplier_up: Fixed8,
        bid_multiplier_down: Fixed8,
        ask_multiplier_up: Fixed8,
        ask_multiplier_down: Fixed8,
        avg_price_mins: u32,
    },
    #[serde(rename = "LOT_SIZE")]
    LotSize { min_qty: Fixed8, max_qty: Fixed8, step_size: Fixed8 },
    #[serde(rename = "MARKET_LOT_SIZE")]
    MarketLotSize { min_qty: Fixed8, max_qty: Fixed8, step_size: Fixed8 },
    #[serde(rename = "MIN_NOTIONAL")]
    MinNotional { min_notional: Fixed8, apply_to_market: bool, avg_price_mins: u32 },
    #[serde(rename = "NOTIONAL")]
    Notional {
        min_notional: Fixed8,
        apply_min_to_market: bool,
        max_notional: Fixed8,
        apply_max_to_market: bool,
        avg_price_mins: u32,
    },
    #[serde(rename = "ICEBERG_PARTS")]
    IcebergParts { limit: u32 },
    #[serde(rename = "MAX_NUM_ORDERS")]
    MaxNumOrders { max_num_orders: u32 },
    #[serde(rename = "MAX_NUM_ALGO_ORDERS")]
    MaxNumAlgoOrders { max_num_algo_orders: u32 },
    #[serde(other, rename = "OTHER")]
    Other,
}

/// Price and quantity of a level, in quotes.
pub type Level = (Fixed8, Fixed8);

/// `GET /api/v3/depth`, and the partial depth stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Depth {
    /// Number of the last change in it.
    pub last_update_id: u64,
    /// Best first.
    pub bids: Vec<Level>,
    /// Best first.
    pub asks: Vec<Level>,
}

/// An element of `GET /api/v3/trades`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the venue's page documents them")]
pub struct Trade {
    pub id: u64,
    pub price: Fixed8,
    pub qty: Fixed8,
    pub quote_qty: Fixed8,
    pub time: i64,
    pub is_buyer_maker: bool,
    pub is_best_match: bool,
}

/// An element of `GET /api/v3/aggTrades`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the venue's page documents them")]
pub struct AggTrade {
    #[serde(rename = "a")]
    pub id: u64,
    #[serde(rename = "p")]
    pub price: Fixed8,
    #[serde(rename = "q")]
    pub qty: Fixed8,
    #[serde(rename = "f")]
    pub first: u64,
    #[serde(rename = "l")]
    pub last: u64,
    #[serde(rename = "T")]
    pub time: i64,
    #[serde(rename = "m")]
    pub buyer_is_maker: bool,
    #[serde(rename = "M")]
    pub best_match: bool,
}

/// A row of `GET /api/v3/klines`: open time, open, high, low, close, volume, close time, quote
/// volume, trades, taker buy base, taker buy quote, unused.
pub type Kline =
    (i64, Fixed8, Fixed8, Fixed8, Fixed8, Fixed8, i64, Fixed8, u64, Fixed8, Fixed8, String);

/// `GET /api/v3/avgPrice`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the venue's page documents them")]
pub struct AvgPrice {
    pub mins: u32,
    pub price: Fixed8,
    pub close_time: i64,
}

/// An element of `GET /api/v3/ticker/24hr` and of the other windows, all fields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the venue's page documents them")]
pub struct Ticker {
    pub symbol: String,
    pub price_change: Fixed8,
    pub price_change_percent: String,
    pub weighted_avg_price: Fixed8,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prev_close_price: Option<Fixed8>,
    pub last_price: Fixed8,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_qty: Option<Fixed8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bid_price: Option<Fixed8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bid_qty: Option<Fixed8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ask_price: Option<Fixed8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ask_qty: Option<Fixed8>,
    pub open_price: Fixed8,
    pub high_price: Fixed8,
    pub low_price: Fixed8,
    pub volume: Fixed8,
    pub quote_volume: Fixed8,
    pub open_time: i64,
    pub close_time: i64,
    pub first_id: i64,
    pub last_id: i64,
    pub count: u64,
}

/// The short form of [`Ticker`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the venue's page documents them")]
pub struct MiniTicker {
    pub symbol: String,
    pub open_price: Fixed8,
    pub high_price: Fixed8,
    pub low_price: Fixed8,
    pub last_price: Fixed8,
    pub volume: Fixed8,
    pub quote_volume: Fixed8,
    pub open_time: i64,
    pub close_time: i64,
    pub first_id: i64,
    pub last_id: i64,
    pub count: u64,
}

/// `GET /api/v3/ticker/price`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the venue's page documents them")]
pub struct TickerPrice {
    pub symbol: String,
    pub price: Fixed8,
}

/// `GET /api/v3/ticker/bookTicker`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the venue's page documents them")]
pub struct BookTicker {
    pub symbol: String,
    pub bid_price: Fixed8,
    pub bid_qty: Fixed8,
    pub ask_price: Fixed8,
    pub ask_qty: Fixed8,
}

/// An error body. `cancelReplace` adds `data`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorBody {
    /// Below zero.
    pub code: i64,
    /// The venue's words.
    pub msg: String,
}
