//! Two questions of the wallet that clients of the spot API ask: what a key may do, and what
//! trading costs.
//!
//! Source: developers.binance.com wallet API, "Get API Key Permission" and "Trade Fee", read
//! 2026-07-21.

use model::Timestamp;
use serde_json::json;

use super::errors::ApiError;
use super::market_data::text;
use super::orders;
use super::params::Params;
use super::state::BinanceServer;
use crate::binance::wire;
use crate::server::Scopes;

/// When all keys here say that they were made, milliseconds since the epoch.
const KEYS_MADE_AT_MS: i64 = 1_700_000_000_000;

/// What a key may do.
pub(super) fn api_restrictions(now: Timestamp, scopes: &Scopes) -> String {
    text(&wire::ApiRestrictions {
        ip_restrict: scopes.ip_bound,
        create_time: KEYS_MADE_AT_MS,
        enable_reading: scopes.view,
        enable_spot_and_margin_trading: scopes.may_trade(now),
        enable_withdrawals: scopes.withdraw,
        enable_internal_transfer: scopes.transfer,
        permits_universal_transfer: scopes.transfer,
        enable_margin: scopes.leverage,
        enable_futures: scopes.leverage,
        enable_vanilla_options: false,
        enable_portfolio_margin_trading: false,
        trading_authority_expiration_time: scopes.trades_until.map(Timestamp::millis),
    })
}

impl BinanceServer {
    /// Fees of one symbol or of all.
    pub(super) fn trade_fees(&self, params: &Params) -> Result<String, ApiError> {
        let wanted = match params.get("symbol") {
            Some(_) => Some(orders::symbol(params, &self.symbols)?.instrument.id),
            None => None,
        };
        let fees = self.config.fees;
        let rows =
            self.symbols.iter().filter(|row| wanted.is_none_or(|id| id == row.instrument.id));
        let rows = rows.map(|row| {
            json!({
                "symbol": row.instrument.symbol,
                "makerCommission": fees.maker.to_string(),
                "takerCommission": fees.taker.to_string(),
            })
        });
        Ok(text(&rows.collect::<Vec<_>>()))
    }
}
