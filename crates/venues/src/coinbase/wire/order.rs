//! Orders and fills over REST.

use std::collections::BTreeMap;

use model::Decimal;
use serde::{Deserialize, Deserializer, Serialize};

use super::{Num, Time};

/// The body of `POST /orders`, and without `client_order_id` that of `POST /orders/preview`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the venue's page documents them")]
pub struct CreateOrder {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub client_order_id: String,
    pub product_id: String,
    pub side: String,
    pub order_configuration: OrderConfiguration,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retail_portfolio_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attached_order_configuration: Option<OrderConfiguration>,
}

/// What kind of order, by a key, and its numbers: an object with exactly one key, such as
/// `limit_limit_gtc`. Keys with null, which some clients send for all other kinds, are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct OrderConfiguration(pub BTreeMap<String, Configuration>);

impl OrderConfiguration {
    /// Of this one kind.
    pub fn of(key: &str, configuration: Configuration) -> OrderConfiguration {
        OrderConfiguration(BTreeMap::from([(key.to_owned(), configuration)]))
    }

    /// The key and its numbers, when there is exactly one.
    pub fn only(&self) -> Option<(&str, &Configuration)> {
        let mut all = self.0.iter();
        match (all.next(), all.next()) {
            (Some((key, configuration)), None) => Some((key, configuration)),
            _ => None,
        }
    }
}

impl<'de> Deserialize<'de> for OrderConfiguration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<OrderConfiguration, D::Error> {
        let keys = Option::<BTreeMap<String, Option<Configuration>>>::deserialize(deserializer)?;
        let given = |(key, configuration): (_, Option<_>)| Some((key, configuration?));
        Ok(OrderConfiguration(keys.unwrap_or_default().into_iter().filter_map(given).collect()))
    }
}

/// The numbers of an order, of whatever kind; each kind has some of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the venue's page documents them")]
pub struct Configuration {
    #[serde(skip_serializing_if = "Num::is_unset")]
    pub quote_size: Num,
    #[serde(skip_serializing_if = "Num::is_unset")]
    pub base_size: Num,
    #[serde(skip_serializing_if = "Num::is_unset")]
    pub limit_price: Num,
    #[serde(skip_serializing_if = "Num::is_unset")]
    pub stop_price: Num,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_direction: Option<String>,
    #[serde(skip_serializing_if = "Num::is_unset")]
    pub stop_trigger_price: Num,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_time: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_time: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub post_only: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rfq_disabled: Option<bool>,
}

/// The answer to `POST /orders`; a refusal is HTTP 200, too.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the venue's page documents them")]
pub struct CreateOrderReply {
    pub success: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub success_response: Option<CreatedOrder>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_response: Option<OrderError>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order_configuration: Option<OrderConfiguration>,
}

/// An order that was taken for processing, or the first one of this client order id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the venue's page documents them")]
pub struct CreatedOrder {
    pub order_id: String,
    #[serde(default)]
    pub product_id: String,
    #[serde(default)]
    pub side: String,
    #[serde(default)]
    pub client_order_id: String,
}

/// Why an order was not taken.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the venue's page documents them")]
pub struct OrderError {
    pub error: String,
    pub message: String,
    pub error_details: String,
    pub preview_failure_reason: String,
    pub new_order_failure_reason: String,
}

impl OrderError {
    /// The reason: the first of its fields that names one. Empty when none does.
    pub fn reason(&self) -> &str {
        [&self.new_order_failure_reason, &self.preview_failure_reason, &self.error]
            .into_iter()
            .find(|reason| !reason.is_empty() && !reason.starts_with("UNKNOWN_"))
            .map_or("", String::as_str)
    }
}

/// The body of `POST /orders/batch_cancel`: the venue's ids only.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the venue's page documents them")]
pub struct CancelOrders {
    pub order_ids: Vec<String>,
}

/// Its answer: one result for each id.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the venue's page documents them")]
pub struct CancelResults {
    pub results: Vec<CancelResult>,
}

/// What became of one cancel. Success is that it was taken for processing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the venue's page documents them")]
pub struct CancelResult {
    pub success: bool,
    #[serde(default)]
    pub failure_reason: String,
    #[serde(default)]
    pub order_id: String,
}

/// The body of `POST /orders/edit` and of `POST /orders/edit_preview`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the venue's page documents them")]
pub struct EditOrder {
    pub order_id: String,
    #[serde(default)]
    pub price: Num,
    /// The whole size, with what is filled already.
    #[serde(default)]
    pub size: Num,
}

/// The answer to `POST /orders/edit`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the venue's page documents them")]
pub struct EditReply {
    pub success: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<EditError>,
}

/// Why an edit was not made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the venue's page documents them")]
pub struct EditError {
    pub edit_failure_reason: String,
    pub preview_failure_reason: String,
}

/// The answer to `POST /orders/preview`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the venue's page documents them")]
pub struct Preview {
    pub order_total: Num,
    pub commission_total: Num,
    pub errs: Vec<String>,
    pub warning: Vec<String>,
    pub quote_size: Num,
    pub base_size: Num,
    pub best_bid: Num,
    pub best_ask: Num,
    pub is_max: bool,
    pub slippage: Num,
    pub preview_id: String,
    pub est_average_filled_price: Num,
}

/// `GET /orders/historical/{order_id}`. Whoever reads it may read the row by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the venue's page documents them")]
pub struct OneOrder<Row = Order> {
    pub order: Row,
}

/// `GET /orders/historical/batch`. Whoever reads it may read each row by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the venue's page documents them")]
pub struct Orders<Row = Order> {
    pub orders: Vec<Row>,
    #[serde(default)]
    pub sequence: String,
    #[serde(default)]
    pub has_next: bool,
    #[serde(default)]
    pub cursor: String,
}

/// One order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the venue's page documents them")]
pub struct Order {
    pub order_id: String,
    pub product_id: String,
    pub user_id: String,
    pub order_configuration: OrderConfiguration,
    pub side: String,
    pub client_order_id: String,
    pub status: String,
    pub time_in_force: String,
    pub created_time: Time,
    pub completion_percentage: Num,
    pub filled_size: Num,
    pub average_filled_price: Num,
    pub fee: Num,
    pub number_of_fills: Num,
    pub filled_value: Num,
    pub pending_cancel: bool,
    pub size_in_quote: bool,
    pub total_fees: Num,
    pub size_inclusive_of_fees: bool,
    pub total_value_after_fees: Num,
    pub trigger_status: String,
    pub order_type: String,
    pub reject_reason: String,
    pub settled: bool,
    pub product_type: String,
    pub reject_message: String,
    pub cancel_message: String,
    pub order_placement_source: String,
    pub outstanding_hold_amount: Num,
    pub is_liquidation: bool,
    pub last_fill_time: Time,
    pub last_update_time: Time,
    pub leverage: String,
    pub margin_type: String,
    pub retail_portfolio_id: String,
    pub originating_order_id: String,
    pub attached_order_id: String,
}

/// `GET /orders/historical/fills`: newest first. Whoever reads it may read each row by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the venue's page documents them")]
pub struct Fills<Row = Fill> {
    pub fills: Vec<Row>,
    #[serde(default)]
    pub cursor: String,
}

/// One execution.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the venue's page documents them")]
pub struct Fill {
    /// Names this side of the execution; `trade_id` names both.
    pub entry_id: String,
    pub trade_id: String,
    pub order_id: String,
    pub trade_time: Time,
    /// `FILL`; others are corrections, which nothing documents.
    pub trade_type: String,
    pub price: Decimal,
    pub size: Decimal,
    #[serde(default)]
    pub commission: Num,
    pub product_id: String,
    /// By this the list is filtered and continued.
    #[serde(default)]
    pub sequence_timestamp: Time,
    /// `MAKER`, `TAKER` or `UNKNOWN_LIQUIDITY_INDICATOR`.
    #[serde(default)]
    pub liquidity_indicator: String,
    /// The size is in quote units.
    #[serde(default)]
    pub size_in_quote: bool,
    #[serde(default)]
    pub user_id: String,
    pub side: String,
    #[serde(default)]
    pub retail_portfolio_id: String,
    /// Camel case on the wire, too.
    #[serde(rename = "fillSource", default)]
    pub fill_source: String,
}
