//! Public REST answers.

use model::Decimal;
use serde::{Deserialize, Serialize};

use super::{Num, Time};

/// `GET /time`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the venue's page documents them")]
pub struct ServerTime {
    pub iso: Time,
    /// Seconds, in quotes.
    pub epoch_seconds: String,
    /// Milliseconds, in quotes.
    pub epoch_millis: String,
}

/// `GET /market/products`, `GET /products`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the venue's page documents them")]
pub struct Products {
    pub products: Vec<Product>,
    #[serde(default)]
    pub num_products: i64,
    #[serde(default)]
    pub pagination: Option<Pagination>,
}

/// Where a list of products goes on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the venue's page documents them")]
pub struct Pagination {
    #[serde(default)]
    pub prev_cursor: String,
    #[serde(default)]
    pub next_cursor: String,
    #[serde(default)]
    pub has_next: bool,
    #[serde(default)]
    pub has_prev: bool,
}

/// One product; `GET /market/products/{id}` answers with it alone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the venue's page documents them")]
pub struct Product {
    pub product_id: String,
    pub price: Num,
    pub price_percentage_change_24h: String,
    pub volume_24h: Num,
    pub volume_percentage_change_24h: String,
    pub base_increment: Num,
    pub quote_increment: Num,
    pub quote_min_size: Num,
    pub quote_max_size: Num,
    pub base_min_size: Num,
    pub base_max_size: Num,
    pub base_name: String,
    pub quote_name: String,
    pub watched: bool,
    pub is_disabled: bool,
    pub new: bool,
    /// `online`, `offline`, `delisted`; empty for futures.
    pub status: String,
    pub cancel_only: bool,
    pub limit_only: bool,
    pub post_only: bool,
    pub trading_disabled: bool,
    pub auction_mode: bool,
    pub product_type: String,
    pub quote_currency_id: String,
    pub base_currency_id: String,
    pub mid_market_price: Num,
    pub alias: String,
    pub alias_to: Vec<String>,
    pub base_display_symbol: String,
    pub quote_display_symbol: String,
    pub view_only: bool,
    /// The tick.
    pub price_increment: Num,
    pub display_name: String,
    pub product_venue: String,
    pub approximate_quote_24h_volume: Num,
    pub new_at: Time,
    pub best_bid_price: Num,
    pub best_ask_price: Num,
}

/// `GET /market/product_book`, `GET /product_book`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the venue's page documents them")]
pub struct ProductBook {
    pub pricebook: PriceBook,
    #[serde(default)]
    pub last: Num,
    #[serde(default)]
    pub mid_market: Num,
    #[serde(default)]
    pub spread_bps: Num,
    #[serde(default)]
    pub spread_absolute: Num,
}

/// `GET /best_bid_ask`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the venue's page documents them")]
pub struct BestBidAsk {
    pub pricebooks: Vec<PriceBook>,
}

/// Some levels of a book. It carries no number, so it cannot be joined with a stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the venue's page documents them")]
pub struct PriceBook {
    pub product_id: String,
    pub bids: Vec<Level>,
    pub asks: Vec<Level>,
    #[serde(default)]
    pub time: Time,
}

/// One level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the venue's page documents them")]
pub struct Level {
    pub price: Decimal,
    pub size: Decimal,
}

/// `GET /market/products/{id}/candles`: newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the venue's page documents them")]
pub struct Candles {
    pub candles: Vec<CandleRow>,
}

/// One candle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the venue's page documents them")]
pub struct CandleRow {
    /// Seconds, in quotes.
    pub start: String,
    pub low: Decimal,
    pub high: Decimal,
    pub open: Decimal,
    pub close: Decimal,
    pub volume: Decimal,
}

/// `GET /market/products/{id}/ticker`: trades, newest first, and the best prices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the venue's page documents them")]
pub struct MarketTrades {
    pub trades: Vec<Trade>,
    #[serde(default)]
    pub best_bid: Num,
    #[serde(default)]
    pub best_ask: Num,
}

/// One public trade, over REST and in `market_trades`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the venue's page documents them")]
pub struct Trade {
    pub trade_id: String,
    pub product_id: String,
    pub price: Decimal,
    pub size: Decimal,
    pub time: Time,
    /// The maker's side.
    pub side: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bid: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ask: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange: Option<String>,
}

/// An error's body in each of the shapes it comes in: `error`, `error_details` and `message`; a
/// list of `errors`; the gateway's `code` and `message`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ErrorBody {
    /// A word: `NOT_FOUND`, `INVALID_ARGUMENT`, `PERMISSION_DENIED`, `unknown`, …
    pub error: String,
    /// In words.
    pub error_details: String,
    /// In words, mostly the same.
    pub message: String,
    /// The gateway's number for the error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<i64>,
    /// The platform's shape.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<PlatformError>,
}

/// One error in the platform's shape.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlatformError {
    /// A word: `authentication_error`, `rate_limit_exceeded`, …
    pub id: String,
    /// In words.
    #[serde(default)]
    pub message: String,
}
