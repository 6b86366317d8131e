//! WebSocket messages: requests, the envelope of all that comes, and the channels' events.

use std::collections::BTreeMap;

use model::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::market::Trade;
use super::{Num, Time};

/// A request on a WebSocket: one channel, many products.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamRequest {
    /// `subscribe` or `unsubscribe`.
    #[serde(rename = "type")]
    pub kind: String,
    /// For all products, or for a channel without products, it is left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub product_ids: Vec<String>,
    /// `level2`, `market_trades`, …
    #[serde(default)]
    pub channel: String,
    /// A token without `uri`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwt: Option<String>,
}

/// What every message of a channel is wrapped in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope<E> {
    /// Which channel; `l2_data` where `level2` was subscribed to.
    pub channel: String,
    /// Always empty so far.
    #[serde(default)]
    pub client_id: String,
    /// When it was sent.
    pub timestamp: Time,
    /// One counter for each connection, over all channels, from zero.
    pub sequence_num: u64,
    /// What happened.
    pub events: Vec<E>,
}

/// The parts of a message that tell what it is; `events` is read when the channel is known.
#[derive(Debug, Deserialize)]
pub struct Head<'a> {
    /// Which channel; absent in errors.
    #[serde(default)]
    pub channel: Option<std::borrow::Cow<'a, str>>,
    /// `error`, and only there.
    #[serde(default, rename = "type")]
    pub kind: Option<std::borrow::Cow<'a, str>>,
    /// The words of an error.
    #[serde(default)]
    pub message: Option<std::borrow::Cow<'a, str>>,
    /// When it was sent.
    #[serde(default)]
    pub timestamp: Time,
    /// One counter for each connection.
    #[serde(default)]
    pub sequence_num: Option<u64>,
    /// What happened.
    #[serde(default, borrow)]
    pub events: Option<&'a RawValue>,
}

/// A refusal; it has no channel and no number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamError {
    /// Always `error`.
    #[serde(rename = "type")]
    pub kind: String,
    /// In words.
    pub message: String,
}

/// `subscriptions`: everything that is subscribed to now, after every request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubscriptionsEvent {
    /// Products by channel; `heartbeats` lists itself and `user` a user id.
    #[serde(default)]
    pub subscriptions: BTreeMap<String, Vec<String>>,
}

/// `heartbeats`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeartbeatEvent {
    /// As Go prints a time: never parsed.
    #[serde(default)]
    pub current_time: String,
    /// A text in the documentation, a number in recordings.
    pub heartbeat_counter: Num,
}

/// `l2_data`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Level2Event {
    /// `snapshot` or `update`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Whose book.
    pub product_id: String,
    /// Levels as they are now.
    pub updates: Vec<Level2Update>,
}

/// One level.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Level2Update {
    /// `bid` or `offer`.
    pub side: String,
    /// The epoch in snapshots.
    pub event_time: Time,
    /// At which price.
    pub price_level: Decimal,
    /// How much stands there now; zero removes it.
    pub new_quantity: Decimal,
}

/// `market_trades`: within one message newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TradesEvent {
    /// `snapshot` or `update`; a snapshot repeats old trades.
    #[serde(rename = "type")]
    pub kind: String,
    /// The trades.
    pub trades: Vec<Trade>,
}

/// `ticker` and `ticker_batch`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TickerEvent {
    /// `snapshot` or `update`.
    #[serde(rename = "type")]
    pub kind: String,
    /// One for each product.
    pub tickers: Vec<TickerRow>,
}

/// One product's last day and best prices; `ticker_batch` has no best prices.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the venue's page documents them")]
pub struct TickerRow {
    #[serde(rename = "type")]
    pub kind: String,
    pub product_id: String,
    pub price: Num,
    pub volume_24_h: Num,
    pub low_24_h: Num,
    pub high_24_h: Num,
    pub low_52_w: Num,
    pub high_52_w: Num,
    pub price_percent_chg_24_h: Num,
    #[serde(skip_serializing_if = "Num::is_unset")]
    pub best_bid: Num,
    #[serde(skip_serializing_if = "Num::is_unset")]
    pub best_bid_quantity: Num,
    #[serde(skip_serializing_if = "Num::is_unset")]
    pub best_ask: Num,
    #[serde(skip_serializing_if = "Num::is_unset")]
    pub best_ask_quantity: Num,
}

/// `candles`: five minutes each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CandlesEvent {
    /// `snapshot` or `update`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The candles.
    pub candles: Vec<StreamCandle>,
}

/// One candle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the venue's page documents them")]
pub struct StreamCandle {
    /// Seconds, in quotes.
    pub start: String,
    pub high: Decimal,
    pub low: Decimal,
    pub open: Decimal,
    pub close: Decimal,
    pub volume: Decimal,
    pub product_id: String,
}

/// `status`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusEvent {
    /// `snapshot` or `update`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Products as they are now.
    pub products: Vec<StatusProduct>,
}

/// One product.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the venue's page documents them")]
pub struct StatusProduct {
    pub product_type: String,
    pub id: String,
    pub base_currency: String,
    pub quote_currency: String,
    pub base_increment: Num,
    pub quote_increment: Num,
    pub display_name: String,
    pub status: String,
    pub status_message: String,
    pub min_market_funds: Num,
}

/// `user`. Whoever reads it may read each order by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound(deserialize = "Row: Deserialize<'de>"))]
pub struct UserEvent<Row = UserOrder> {
    /// `snapshot`, `patch` (the snapshot goes on) or `update`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Orders as they stand.
    #[serde(default)]
    pub orders: Vec<Row>,
    /// Derivatives.
    #[serde(default)]
    pub positions: UserPositions,
}

/// Positions in derivatives, which are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the venue's page documents them")]
pub struct UserPositions {
    pub perpetual_futures_positions: Vec<serde_json::Value>,
    pub expiring_futures_positions: Vec<serde_json::Value>,
}

/// An order as it stands: sums over its life, never a single execution.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the venue's page documents them")]
pub struct UserOrder {
    pub order_id: String,
    pub client_order_id: String,
    pub product_id: String,
    pub order_side: String,
    /// `Limit` in recordings, `LIMIT` in the documentation.
    pub order_type: String,
    pub status: String,
    pub cumulative_quantity: Num,
    /// Zero once the order is over, whatever was open.
    pub leaves_quantity: Num,
    pub avg_price: Num,
    pub filled_value: Num,
    pub number_of_fills: Num,
    pub completion_percentage: Num,
    pub limit_price: Num,
    pub stop_price: Num,
    pub time_in_force: String,
    /// `"true"` or `"false"`, in quotes.
    pub post_only: String,
    pub total_fees: Num,
    pub total_value_after_fees: Num,
    pub outstanding_hold_amount: Num,
    pub trigger_status: String,
    pub cancel_reason: String,
    pub reject_reason: String,
    pub creation_time: Time,
    pub end_time: Time,
    pub start_time: Time,
    pub product_type: String,
    pub contract_expiry_type: String,
    pub risk_managed_by: String,
    pub retail_portfolio_id: String,
}
