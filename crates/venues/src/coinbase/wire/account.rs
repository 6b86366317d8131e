//! Private REST answers about the account itself.

use serde::{Deserialize, Serialize};

use super::{Bare, Num, Time};

/// `GET /accounts`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the venue's page documents them")]
pub struct Accounts {
    pub accounts: Vec<Account>,
    #[serde(default)]
    pub has_next: bool,
    #[serde(default)]
    pub cursor: String,
    #[serde(default)]
    pub size: i64,
}

/// `GET /accounts/{uuid}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the venue's page documents them")]
pub struct OneAccount {
    pub account: Account,
}

/// What is held of one currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the venue's page documents them")]
pub struct Account {
    pub uuid: String,
    #[serde(default)]
    pub name: String,
    pub currency: String,
    pub available_balance: Money,
    #[serde(default)]
    pub default: bool,
    #[serde(default)]
    pub active: bool,
    #[serde(default)]
    pub created_at: Time,
    #[serde(default)]
    pub updated_at: Time,
    #[serde(default)]
    pub deleted_at: Option<Time>,
    /// `ACCOUNT_TYPE_CRYPTO` or `ACCOUNT_TYPE_FIAT`; without the prefix in the documentation.
    #[serde(rename = "type", default)]
    pub kind: String,
    #[serde(default)]
    pub ready: bool,
    /// Set aside for open orders, beside what is available.
    pub hold: Money,
    #[serde(default)]
    pub retail_portfolio_id: String,
    #[serde(default)]
    pub platform: String,
}

/// An amount of a currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the venue's page documents them")]
pub struct Money {
    pub value: Num,
    pub currency: String,
}

/// `GET /transaction_summary`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the venue's page documents them")]
pub struct TransactionSummary {
    pub total_volume: Bare,
    pub total_fees: Bare,
    pub fee_tier: FeeTier,
    pub advanced_trade_only_volume: Bare,
    pub advanced_trade_only_fees: Bare,
    pub coinbase_pro_volume: Bare,
    pub coinbase_pro_fees: Bare,
    pub total_balance: Num,
    pub has_cost_plus_commission: bool,
}

/// What the account pays, as fractions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the venue's page documents them")]
pub struct FeeTier {
    pub pricing_tier: String,
    pub usd_from: Num,
    pub usd_to: Num,
    pub taker_fee_rate: Num,
    pub maker_fee_rate: Num,
    pub aop_from: Num,
    pub aop_to: Num,
}

/// `GET /key_permissions`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the venue's page documents them")]
pub struct KeyPermissions {
    pub can_view: bool,
    pub can_trade: bool,
    pub can_transfer: bool,
    /// Absent in recordings of 2024.
    #[serde(default)]
    pub can_receive: bool,
    #[serde(default)]
    pub portfolio_uuid: String,
    #[serde(default)]
    pub portfolio_type: String,
}
