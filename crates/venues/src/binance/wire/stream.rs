//! Messages of the market streams and of the user data stream.

use serde::{Deserialize, Serialize};

use super::Fixed8;
use super::market::Level;

/// `<symbol>@trade`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the venue's page documents them")]
pub struct TradeEvent {
    pub e: String,
    #[serde(rename = "E")]
    pub event_time: i64,
    pub s: String,
    pub t: u64,
    pub p: Fixed8,
    pub q: Fixed8,
    #[serde(rename = "T")]
    pub trade_time: i64,
    pub m: bool,
    #[serde(rename = "M", default)]
    pub ignored: bool,
}

/// `<symbol>@aggTrade`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the venue's page documents them")]
pub struct AggTradeEvent {
    pub e: String,
    #[serde(rename = "E")]
    pub event_time: i64,
    pub s: String,
    pub a: u64,
    pub p: Fixed8,
    pub q: Fixed8,
    pub f: u64,
    pub l: u64,
    #[serde(rename = "T")]
    pub trade_time: i64,
    pub m: bool,
    #[serde(rename = "M", default)]
    pub ignored: bool,
}

/// `<symbol>@depth`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the venue's page documents them")]
pub struct DepthEvent {
    pub e: String,
    #[serde(rename = "E")]
    pub event_time: i64,
    pub s: String,
    #[serde(rename = "U")]
    pub first: u64,
    #[serde(rename = "u")]
    pub last: u64,
    pub b: Vec<Level>,
    pub a: Vec<Level>,
}

/// `<symbol>@bookTicker`: has neither `e` nor `E`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the venue's page documents them")]
pub struct BookTickerEvent {
    pub u: u64,
    pub s: String,
    pub b: Fixed8,
    #[serde(rename = "B")]
    pub bid_qty: Fixed8,
    pub a: Fixed8,
    #[serde(rename = "A")]
    pub ask_qty: Fixed8,
}

/// `<symbol>@kline_<interval>`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the venue's page documents them")]
pub struct KlineEvent {
    pub e: String,
    #[serde(rename = "E")]
    pub event_time: i64,
    pub s: String,
    pub k: KlineBody,
}

/// The candle of a [`KlineEvent`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the venue's page documents them")]
pub struct KlineBody {
    pub t: i64,
    #[serde(rename = "T")]
    pub close_time: i64,
    pub s: String,
    pub i: String,
    pub f: i64,
    #[serde(rename = "L")]
    pub last_id: i64,
    pub o: Fixed8,
    pub c: Fixed8,
    pub h: Fixed8,
    pub l: Fixed8,
    pub v: Fixed8,
    pub n: u64,
    pub x: bool,
    pub q: Fixed8,
    #[serde(rename = "V")]
    pub taker_buy_base: Fixed8,
    #[serde(rename = "Q")]
    pub taker_buy_quote: Fixed8,
    #[serde(rename = "B")]
    pub ignored: String,
}

/// `<symbol>@ticker` and `<symbol>@ticker_<window>`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the venue's page documents them")]
pub struct TickerEvent {
    pub e: String,
    #[serde(rename = "E")]
    pub event_time: i64,
    pub s: String,
    pub p: Fixed8,
    #[serde(rename = "P")]
    pub change_percent: String,
    pub w: Fixed8,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub x: Option<Fixed8>,
    pub c: Fixed8,
    #[serde(rename = "Q", skip_serializing_if = "Option::is_none")]
    pub last_qty: Option<Fixed8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub b: Option<Fixed8>,
    #[serde(rename = "B", skip_serializing_if = "Option::is_none")]
    pub bid_qty: Option<Fixed8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub a: Option<Fixed8>,
    #[serde(rename = "A", skip_serializing_if = "Option::is_none")]
    pub ask_qty: Option<Fixed8>,
    pub o: Fixed8,
    pub h: Fixed8,
    pub l: Fixed8,
    pub v: Fixed8,
    pub q: Fixed8,
    #[serde(rename = "O")]
    pub open_time: i64,
    #[serde(rename = "C")]
    pub close_time: i64,
    #[serde(rename = "F")]
    pub first_id: i64,
    #[serde(rename = "L")]
    pub last_id: i64,
    pub n: u64,
}

/// `<symbol>@miniTicker`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the venue's page documents them")]
pub struct MiniTickerEvent {
    pub e: String,
    #[serde(rename = "E")]
    pub event_time: i64,
    pub s: String,
    pub c: Fixed8,
    pub o: Fixed8,
    pub h: Fixed8,
    pub l: Fixed8,
    pub v: Fixed8,
    pub q: Fixed8,
}

/// `<symbol>@avgPrice`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the venue's page documents them")]
pub struct AvgPriceEvent {
    pub e: String,
    #[serde(rename = "E")]
    pub event_time: i64,
    pub s: String,
    pub i: String,
    pub w: Fixed8,
    #[serde(rename = "T")]
    pub trade_time: i64,
}

/// `executionReport`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the venue's page documents them")]
pub struct ExecutionReport {
    pub e: String,
    #[serde(rename = "E")]
    pub event_time: i64,
    pub s: String,
    pub c: String,
    #[serde(rename = "S")]
    pub side: String,
    pub o: String,
    pub f: String,
    pub q: Fixed8,
    pub p: Fixed8,
    #[serde(rename = "P")]
    pub stop_price: Fixed8,
    #[serde(rename = "F")]
    pub iceberg_qty: Fixed8,
    pub g: i64,
    #[serde(rename = "C")]
    pub original_client_id: String,
    pub x: String,
    #[serde(rename = "X")]
    pub status: String,
    pub r: String,
    pub i: u64,
    pub l: Fixed8,
    pub z: Fixed8,
    #[serde(rename = "L")]
    pub last_price: Fixed8,
    pub n: Fixed8,
    #[serde(rename = "N")]
    pub fee_asset: Option<String>,
    #[serde(rename = "T")]
    pub transaction_time: i64,
    pub t: i64,
    #[serde(rename = "I")]
    pub execution_id: u64,
    pub w: bool,
    pub m: bool,
    #[serde(rename = "M", default)]
    pub ignored: bool,
    #[serde(rename = "O")]
    pub created: i64,
    #[serde(rename = "Z")]
    pub filled_quote: Fixed8,
    #[serde(rename = "Y")]
    pub last_quote: Fixed8,
    #[serde(rename = "Q")]
    pub quote_order_qty: Fixed8,
    #[serde(rename = "W", default, skip_serializing_if = "Option::is_none")]
    pub working_time: Option<i64>,
    #[serde(rename = "V", default)]
    pub stp: String,
    #[serde(rename = "j", default, skip_serializing_if = "Option::is_none")]
    pub strategy_id: Option<i64>,
    #[serde(rename = "J", default, skip_serializing_if = "Option::is_none")]
    pub strategy_type: Option<i64>,
    #[serde(rename = "A", default, skip_serializing_if = "Option::is_none")]
    pub prevented_qty: Option<Fixed8>,
    #[serde(rename = "eR", default, skip_serializing_if = "Option::is_none")]
    pub expiry_reason: Option<String>,
}

/// `outboundAccountPosition`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the venue's page documents them")]
pub struct AccountPosition {
    pub e: String,
    #[serde(rename = "E")]
    pub event_time: i64,
    pub u: i64,
    #[serde(rename = "B")]
    pub balances: Vec<PositionBalance>,
}

/// One asset of an [`AccountPosition`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the venue's page documents them")]
pub struct PositionBalance {
    pub a: String,
    pub f: Fixed8,
    pub l: Fixed8,
}

/// `balanceUpdate`: a deposit or withdrawal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the venue's page documents them")]
pub struct BalanceUpdate {
    pub e: String,
    #[serde(rename = "E")]
    pub event_time: i64,
    pub a: String,
    pub d: Fixed8,
    #[serde(rename = "T")]
    pub clear_time: i64,
}
