//! Who asks: a token for every request, and what its key may do.
//!
//! Source: pages "API key authentication" and get-api-key-permissions.md, read 2026-08-08.

use std::collections::BTreeMap;

use model::{AccountId, Timestamp};

use super::calls::Access;
use super::errors::ApiError;
use crate::coinbase::sign::{Target, Token, TokenError, VerifyingKey};
use crate::server::{HttpRequest, Scopes};

/// One API key.
#[derive(Clone, Debug)]
pub(super) struct Key {
    pub(super) verifying: VerifyingKey,
    pub(super) account: AccountId,
    pub(super) scopes: Scopes,
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

    /// Whose token a request carries.
    pub(super) fn of_request(
        &self,
        now: Timestamp,
        request: &HttpRequest<'_>,
    ) -> Result<Known, ApiError> {
        let header = request.header("authorization").and_then(|text| text.strip_prefix("Bearer "));
        let token = header.ok_or_else(ApiError::unauthorized)?;
        let host = request.header("host").unwrap_or_default();
        let target = Target { method: request.method, host, path: request.path };
        self.of_token(now, token.trim(), Some(&target)).map_err(|error| match error {
            TokenError::Time => ApiError::expired(),
            TokenError::Malformed
            | TokenError::Algorithm
            | TokenError::Names
            | TokenError::Signature
            | TokenError::Validity
            | TokenError::Target => ApiError::unauthorized(),
        })
    }

    /// Whose token this is. A message on a WebSocket has no target.
    pub(super) fn of_token(
        &self,
        now: Timestamp,
        token: &str,
        target: Option<&Target<'_>>,
    ) -> Result<Known, TokenError> {
        let token = Token::read(token)?;
        // A key that nobody knows has signed nothing.
        let key = self.keys.get(&token.key_name).ok_or(TokenError::Signature)?;
        token.check(&key.verifying, target, now)?;
        Ok(Known { account: key.account, scopes: key.scopes, key_name: token.key_name })
    }
}

impl Known {
    /// May it make a call with this access?
    pub(super) fn may(&self, now: Timestamp, access: Access) -> Result<(), ApiError> {
        let allowed = match access {
            Access::Public => true,
            Access::View => self.scopes.view,
            Access::Trade => self.scopes.may_trade(now),
        };
        if allowed { Ok(()) } else { Err(ApiError::scopes()) }
    }
}
