//! The older Coinbase App API (`/v2`), as far as CCXT asks it with its own settings: the clock, the
//! currencies, the rates, the wallets.
//!
//! Source: pages "Time", "Currencies", "Exchange rates" and "Accounts" of the Coinbase App API, and
//! answers quoted in ccxt 4.5.90 `coinbase.py`, read 2026-08-08.

use std::collections::BTreeSet;

use model::venue::AccountSnapshot;
use model::{AccountId, Asset, Decimal, Rounding};
use serde_json::{Value, json};

use super::calls::Call;
use super::errors::ApiError;
use super::ids;
use super::market_data::{Public, best, middle};

/// What governments issue; everything else is a coin.
const FIAT: [&str; 8] = ["USD", "EUR", "GBP", "CAD", "CHF", "JPY", "AUD", "SGD"];

pub(super) fn is_fiat(asset: Asset) -> bool {
    FIAT.contains(&asset.as_str())
}

impl Public<'_> {
    /// Answers a public call of the older API; `None` for any other.
    pub(super) fn app_answer(&self, call: Call) -> Option<Result<String, ApiError>> {
        let data = match call {
            Call::AppTime => Ok(json!({
                "iso": self.now.to_string(), "epoch": self.now.millis().div_euclid(1_000),
            })),
            Call::AppCurrencies => Ok(self.currencies(true)),
            Call::AppCrypto => Ok(self.currencies(false)),
            Call::AppRates => self.rates(),
            _ => return None,
        };
        Some(data.map(|data| json!({ "data": data }).to_string()))
    }

    /// Everything that is traded here, and what it is traded for.
    pub(super) fn assets(&self) -> BTreeSet<Asset> {
        self.symbols.iter().flat_map(|row| [row.instrument.base, row.instrument.quote]).collect()
    }

    fn currencies(&self, fiat: bool) -> Value {
        let assets = self.assets().into_iter().filter(|asset| is_fiat(*asset) == fiat);
        let list = assets.enumerate().map(|(at, asset)| {
            if fiat {
                return json!({"id": asset, "name": asset, "min_size": "0.01"});
            }
            json!({
                "asset_id": ids::asset_id(asset), "code": asset, "name": asset,
                "color": "#000000", "sort_index": at, "exponent": 8, "type": "crypto",
                "address_regex": "^.*$",
            })
        });
        Value::Array(list.collect())
    }

    /// Units of each asset for one dollar, where a book says how many.
    fn rates(&self) -> Result<Value, ApiError> {
        let mut rates = serde_json::Map::new();
        rates.insert("USD".to_owned(), json!("1"));
        let rows: Vec<_> =
            self.symbols.iter().filter(|row| row.instrument.quote.as_str() == "USD").collect();
        for row in rows {
            let tickers = self.tickers(vec![row.instrument.id])?;
            let Some(found) = tickers.first() else { continue };
            let (bid, ask) = best(row, &found.quote);
            let price = middle(bid, ask).0.filter(|price| price.signum() > 0);
            let rate = price.and_then(|price| Decimal::ONE.checked_div(price, Rounding::Down));
            if let Some(rate) = rate {
                rates.insert(row.instrument.base.to_string(), json!(rate.to_string()));
            }
        }
        Ok(json!({"currency": "USD", "rates": rates}))
    }
}

/// `GET /v2/accounts`: the whole of each wallet, without what is set aside.
pub(super) fn accounts(
    account: AccountId,
    held: &AccountSnapshot,
    listed: &BTreeSet<Asset>,
) -> String {
    let mut all: BTreeSet<Asset> = listed.clone();
    all.extend(held.balances.keys());
    let data: Vec<Value> = all
        .into_iter()
        .map(|asset| {
            let free = held.balances.get(&asset).map_or(Decimal::ZERO, |held| held.free.get());
            let id = ids::wallet_id(account, asset);
            let kind = if is_fiat(asset) { "fiat" } else { "wallet" };
            json!({
                "id": id, "name": format!("{asset} Wallet"), "primary": false, "type": kind,
                "currency": {"code": asset, "name": asset, "exponent": 8,
                             "type": if is_fiat(asset) { "fiat" } else { "crypto" }},
                "balance": {"amount": free.to_string(), "currency": asset},
                "created_at": "2026-01-01T00:00:00Z", "updated_at": held.updated.to_string(),
                "resource": "account", "resource_path": format!("/v2/accounts/{id}"),
                "allow_deposits": true, "allow_withdrawals": false,
            })
        })
        .collect();
    json!({
        "pagination": {"ending_before": null, "starting_after": null, "limit": 250,
                       "order": "desc", "previous_uri": null, "next_uri": null},
        "data": data,
    })
    .to_string()
}
