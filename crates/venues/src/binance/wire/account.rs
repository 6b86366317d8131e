//! Signed REST answers.

use serde::{Deserialize, Serialize};

use super::market::ErrorBody;
use super::{Fixed8, RateLimit};

/// The short answer to a new order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the venue's page documents them")]
pub struct OrderAck {
    pub symbol: String,
    pub order_id: u64,
    pub order_list_id: i64,
    pub client_order_id: String,
    pub transact_time: i64,
}

/// The full answer to a new order; `RESULT` is the same without `fills`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the venue's page documents them")]
pub struct OrderResult {
    pub symbol: String,
    pub order_id: u64,
    pub order_list_id: i64,
    pub client_order_id: String,
    pub transact_time: i64,
    pub price: Fixed8,
    pub orig_qty: Fixed8,
    pub executed_qty: Fixed8,
    #[serde(default)]
    pub orig_quote_order_qty: Fixed8,
    pub cummulative_quote_qty: Fixed8,
    pub status: String,
    pub time_in_force: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub side: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_price: Option<Fixed8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub working_time: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strategy_id: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strategy_type: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prevented_quantity: Option<Fixed8>,
    pub self_trade_prevention_mode: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expiry_reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fills: Option<Vec<OrderFill>>,
}

/// One execution in an order's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the venue's page documents them")]
pub struct OrderFill {
    pub price: Fixed8,
    pub qty: Fixed8,
    pub commission: Fixed8,
    pub commission_asset: String,
    pub trade_id: u64,
}

/// The answer to a cancel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the venue's page documents them")]
pub struct CancelResult {
    pub symbol: String,
    pub orig_client_order_id: String,
    pub order_id: u64,
    pub order_list_id: i64,
    pub client_order_id: String,
    pub transact_time: i64,
    pub price: Fixed8,
    pub orig_qty: Fixed8,
    pub executed_qty: Fixed8,
    #[serde(default)]
    pub orig_quote_order_qty: Fixed8,
    pub cummulative_quote_qty: Fixed8,
    pub status: String,
    pub time_in_force: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub side: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_price: Option<Fixed8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prevented_quantity: Option<Fixed8>,
    pub self_trade_prevention_mode: String,
}

/// Both halves of a cancel and replace, inside `data` where it did not fully succeed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CancelReplaceResult {
    /// `SUCCESS` or `FAILURE`.
    pub cancel_result: String,
    /// `SUCCESS`, `FAILURE` or `NOT_ATTEMPTED`.
    pub new_order_result: String,
    /// The first half.
    pub cancel_response: Half<CancelResult>,
    /// The second half.
    pub new_order_response: Option<Half<OrderResult>>,
}

/// One half: done, or why not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Half<T> {
    /// Done.
    Done(Box<T>),
    /// Why not.
    Error(ErrorBody),
    /// The short answer to a new order.
    Ack(OrderAck),
}

/// An element of `order`, `openOrders` and `allOrders`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the venue's page documents them")]
pub struct Order {
    pub symbol: String,
    pub order_id: u64,
    pub order_list_id: i64,
    pub client_order_id: String,
    pub price: Fixed8,
    pub orig_qty: Fixed8,
    pub executed_qty: Fixed8,
    pub cummulative_quote_qty: Fixed8,
    pub status: String,
    pub time_in_force: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub side: String,
    #[serde(default)]
    pub stop_price: Fixed8,
    #[serde(default)]
    pub iceberg_qty: Fixed8,
    pub time: i64,
    pub update_time: i64,
    pub is_working: bool,
    #[serde(default)]
    pub working_time: i64,
    #[serde(default)]
    pub orig_quote_order_qty: Fixed8,
    #[serde(default)]
    pub self_trade_prevention_mode: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prevented_quantity: Option<Fixed8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expiry_reason: Option<String>,
}

/// `GET /api/v3/account`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the venue's page documents them")]
pub struct Account {
    pub maker_commission: i64,
    pub taker_commission: i64,
    pub buyer_commission: i64,
    pub seller_commission: i64,
    pub commission_rates: CommissionRates,
    pub can_trade: bool,
    pub can_withdraw: bool,
    pub can_deposit: bool,
    pub brokered: bool,
    pub require_self_trade_prevention: bool,
    pub prevent_sor: bool,
    pub update_time: i64,
    pub account_type: String,
    pub balances: Vec<AccountBalance>,
    pub permissions: Vec<String>,
    pub uid: i64,
}

/// Fee rates as fractions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the venue's page documents them")]
pub struct CommissionRates {
    pub maker: Fixed8,
    pub taker: Fixed8,
    pub buyer: Fixed8,
    pub seller: Fixed8,
}

/// One asset of an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the venue's page documents them")]
pub struct AccountBalance {
    pub asset: String,
    pub free: Fixed8,
    pub locked: Fixed8,
}

/// An element of `GET /api/v3/myTrades`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the venue's page documents them")]
pub struct MyTrade {
    pub symbol: String,
    pub id: u64,
    pub order_id: u64,
    pub order_list_id: i64,
    pub price: Fixed8,
    pub qty: Fixed8,
    pub quote_qty: Fixed8,
    pub commission: Fixed8,
    pub commission_asset: String,
    pub time: i64,
    pub is_buyer: bool,
    pub is_maker: bool,
    pub is_best_match: bool,
}

/// `GET /api/v3/account/commission`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the venue's page documents them")]
pub struct Commission {
    pub symbol: String,
    pub standard_commission: CommissionRates,
    pub special_commission: CommissionRates,
    pub tax_commission: CommissionRates,
    pub discount: Discount,
}

/// The discount for paying fees in the venue's own token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the venue's page documents them")]
pub struct Discount {
    pub enabled_for_account: bool,
    pub enabled_for_symbol: bool,
    pub discount_asset: String,
    pub discount: Fixed8,
}

/// The answer to `order/test` with `computeCommissionRates`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the venue's page documents them")]
pub struct TestCommission {
    pub standard_commission_for_order: MakerTaker,
    pub special_commission_for_order: MakerTaker,
    pub tax_commission_for_order: MakerTaker,
    pub discount: Discount,
}

/// Two fee rates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the venue's page documents them")]
pub struct MakerTaker {
    pub maker: Fixed8,
    pub taker: Fixed8,
}

/// `GET /api/v3/rateLimit/order`.
pub type OrderRateLimits = Vec<RateLimit>;

/// `GET /sapi/v1/account/apiRestrictions`: what a key may do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the venue's page documents them")]
pub struct ApiRestrictions {
    pub ip_restrict: bool,
    #[serde(default)]
    pub create_time: i64,
    #[serde(default)]
    pub enable_reading: bool,
    pub enable_spot_and_margin_trading: bool,
    pub enable_withdrawals: bool,
    pub enable_internal_transfer: bool,
    pub permits_universal_transfer: bool,
    #[serde(default)]
    pub enable_margin: bool,
    #[serde(default)]
    pub enable_futures: bool,
    #[serde(default)]
    pub enable_vanilla_options: bool,
    #[serde(default)]
    pub enable_portfolio_margin_trading: bool,
    /// When the right to trade ends, milliseconds: of a key that is not bound to addresses. An older
    /// edition of the page has it (unverified).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trading_authority_expiration_time: Option<i64>,
}
