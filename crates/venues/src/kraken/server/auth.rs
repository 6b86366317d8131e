//! Who asks: a signature for every private call, a nonce that grows, and what the key may do.
//!
//! Source: guide "Spot REST authentication", GetApiKeyInfo, read 2026-08-21.

use std::collections::BTreeMap;

use model::{AccountId, Timestamp};

use super::calls::Access;
use super::params::Params;
use crate::kraken::sign::SigningKey;
use crate::server::{HttpRequest, Scopes};

/// One API key.
#[derive(Clone, Debug)]
pub(super) struct Key {
    pub(super) key: SigningKey,
    pub(super) account: AccountId,
    pub(super) scopes: Scopes,
    /// The largest that was shown.
    pub(super) nonce: u64,
}

/// All API keys, by name.
#[derive(Clone, Debug, Default)]
pub(super) struct Keys {
    keys: BTreeMap<String, Key>,
}

/// Somebody who is known.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) key_name: String,
    pub(super) account: AccountId,
    pub(super) scopes: Scopes,
}

impl Keys {
    pub(super) fn add(&mut self, name: &str, key: Key) {
        self.keys.insert(name.to_owned(), key);
    }

    /// Whose key a request names, whether it has signed it or not.
    pub(super) fn named(&self, request: &HttpRequest<'_>) -> Option<&Key> {
        self.keys.get(request.header("api-key")?)
    }

    /// A text that only whoever has this key can make.
    pub(super) fn sign(&self, name: &str, text: &str) -> String {
        let key = self.keys.get(name);
        key.map(|key| key.key.sign("", text, b"ticket")).unwrap_or_default()
    }

    /// Who has signed a request.
    pub(super) fn of_request(
        &mut self,
        request: &HttpRequest<'_>,
        params: &Params,
    ) -> Result<Known, String> {
        let name = request.header("api-key").unwrap_or_default();
        let key = self.keys.get_mut(name).ok_or("EAPI:Invalid key")?;
        let nonce = params.get("nonce").ok_or("EAPI:Invalid nonce")?;
        let signature = request.header("api-sign").unwrap_or_default();
        if !key.key.verify(request.path, nonce, request.body, signature) {
            return Err("EAPI:Invalid signature".to_owned());
        }
        let nonce: u64 = nonce.parse().map_err(|_| "EAPI:Invalid nonce")?;
        if nonce <= key.nonce {
            return Err("EAPI:Invalid nonce".to_owned());
        }
        key.nonce = nonce;
        Ok(Known { key_name: name.to_owned(), account: key.account, scopes: key.scopes })
    }
}

/// May somebody with these rights make a call with this access?
pub(super) fn may(scopes: Scopes, now: Timestamp, access: Access) -> Result<(), String> {
    let allowed = match access {
        Access::Public | Access::Any => true,
        Access::View => scopes.view,
        Access::Trade => scopes.may_trade(now),
    };
    if allowed { Ok(()) } else { Err("EGeneral:Permission denied".to_owned()) }
}

/// What a key may do, in Kraken's words.
pub(super) fn permissions(scopes: Scopes, now: Timestamp) -> Vec<&'static str> {
    let trade = scopes.may_trade(now);
    [
        ("query-funds", scopes.view),
        ("query-open-trades", scopes.view),
        ("query-closed-trades", scopes.view),
        ("create-ws-token", scopes.view),
        ("modify-trades", trade),
        ("close-trades", trade),
        ("withdraw-funds", scopes.withdraw || scopes.transfer),
    ]
    .into_iter()
    .filter_map(|(name, has)| has.then_some(name))
    .collect()
}

/// Who asks what, whenever it is asked.
pub(super) fn question(request: &HttpRequest<'_>) -> String {
    let body = String::from_utf8_lossy(request.body);
    let same = |pair: &&str| !pair.starts_with("nonce=");
    let asked: Vec<&str> = body.split('&').filter(same).collect();
    let key = request.header("api-key").unwrap_or_default();
    format!("{key} {}?{}{}", request.path, request.query, asked.join("&"))
}
