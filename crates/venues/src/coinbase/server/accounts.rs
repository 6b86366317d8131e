//! Wallets, fees and rights of an account.
//!
//! Source: list-accounts.md, get-transaction-summary.md, get-api-key-permissions.md, read
//! 2026-08-08.

use std::collections::BTreeSet;

use model::venue::{AccountSnapshot, FeeRates};
use model::{AccountId, Asset, Balance, Decimal, Notional, Timestamp};

use super::app_api::is_fiat;
use super::auth::Known;
use super::errors::ApiError;
use super::ids;
use super::ledger::Desk;
use super::market_data::text;
use crate::coinbase::wire::{self, Bare, Money, Num, Time};

/// Where a list of wallets goes on and how long a page is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) limit: usize,
    /// Name of the last wallet that was listed.
    pub(super) after: Option<String>,
}

/// A wallet for everything that is traded, whether something is in it or not.
pub(super) fn list(
    account: AccountId,
    held: &AccountSnapshot,
    listed: &BTreeSet<Asset>,
    page: &Page,
) -> String {
    let mut assets = listed.clone();
    assets.extend(held.balances.keys());
    let after = |asset: &&Asset| page.after.as_deref().is_none_or(|after| asset.as_str() > after);
    let mut rest = assets.iter().filter(after);
    let accounts: Vec<_> =
        rest.by_ref().take(page.limit).map(|asset| wallet(account, held, *asset)).collect();
    let has_next = rest.next().is_some();
    let last = accounts.last().filter(|_| has_next);
    text(&wire::Accounts {
        size: accounts.len() as i64,
        has_next,
        cursor: last.map_or_else(String::new, |last| last.currency.clone()),
        accounts,
    })
}

/// The wallet of this name.
pub(super) fn one(
    account: AccountId,
    held: &AccountSnapshot,
    listed: &BTreeSet<Asset>,
    uuid: &str,
) -> Result<String, ApiError> {
    let mut all = listed.iter().chain(held.balances.keys());
    let found = all.find(|asset| ids::wallet_id(account, **asset) == uuid);
    let found = found.ok_or_else(|| ApiError::not_found("account not found"))?;
    Ok(text(&wire::OneAccount { account: wallet(account, held, *found) }))
}

fn wallet(account: AccountId, held: &AccountSnapshot, asset: Asset) -> wire::Account {
    let Balance { free, locked } = held.balances.get(&asset).copied().unwrap_or_default();
    let money = |number: Decimal| Money { value: Num::from(number), currency: asset.to_string() };
    let kind = if is_fiat(asset) { "ACCOUNT_TYPE_FIAT" } else { "ACCOUNT_TYPE_CRYPTO" };
    wire::Account {
        uuid: ids::wallet_id(account, asset),
        name: format!("{asset} Wallet"),
        currency: asset.to_string(),
        available_balance: money(free.get()),
        default: false,
        active: true,
        created_at: Time(model::Timestamp::from_millis(1_767_225_600_000)),
        updated_at: held.updated.into(),
        deleted_at: None,
        kind: kind.to_owned(),
        ready: true,
        hold: money(locked.get()),
        retail_portfolio_id: ids::portfolio_id(account),
        platform: "ACCOUNT_PLATFORM_CONSUMER".to_owned(),
    }
}

/// Fees and volumes over all that was ever traded.
pub(super) fn summary(desk: &Desk, fees: FeeRates) -> String {
    let (mut volume, mut paid) = (Notional::ZERO, Decimal::ZERO);
    for entry in &desk.orders {
        volume = volume.checked_add(entry.order.filled_notional).unwrap_or(volume);
        paid = paid.checked_add(entry.fees).unwrap_or(paid);
    }
    text(&wire::TransactionSummary {
        total_volume: Bare(volume.get()),
        total_fees: Bare(paid),
        fee_tier: wire::FeeTier {
            pricing_tier: "Intro 1".to_owned(),
            usd_from: Decimal::ZERO.into(),
            usd_to: Decimal::from(10_000).into(),
            taker_fee_rate: fees.taker.into(),
            maker_fee_rate: fees.maker.into(),
            aop_from: Decimal::ZERO.into(),
            aop_to: Decimal::from(1_000_000).into(),
        },
        advanced_trade_only_volume: Bare(volume.get()),
        advanced_trade_only_fees: Bare(paid),
        ..wire::TransactionSummary::default()
    })
}

/// What the key may do. One right covers both ways of moving funds.
pub(super) fn permissions(now: Timestamp, known: &Known) -> String {
    text(&wire::KeyPermissions {
        can_view: known.scopes.view,
        can_trade: known.scopes.may_trade(now),
        can_transfer: known.scopes.withdraw || known.scopes.transfer,
        can_receive: false,
        portfolio_uuid: ids::portfolio_id(known.account),
        portfolio_type: "DEFAULT".to_owned(),
    })
}
