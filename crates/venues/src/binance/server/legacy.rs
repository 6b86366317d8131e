//! Listen keys, for clients that still ask for them. They ended on 2026-02-20; by default every
//! call about them is told so with 410.
//!
//! Left out: their expiry after an hour. A listen key lives until it is deleted.
//!
//! Source: CHANGELOG.md 2026-01-21, older rest-api.md and user-data-stream.md.

use model::{AccountId, Timestamp};
use serde_json::json;

use super::errors::ApiError;
use super::params::Params;
use super::state::BinanceServer;
use crate::server::HttpRequest;

/// Listen keys in use at a time.
const LISTEN_KEYS_MAX: usize = 1_000;
/// Weight of a call about one.
const WEIGHT: u32 = 2;

impl BinanceServer {
    /// `POST`, `PUT` and `DELETE /api/v3/userDataStream`.
    pub(super) fn listen_key(
        &mut self,
        now: Timestamp,
        request: &HttpRequest<'_>,
    ) -> Result<String, ApiError> {
        self.limits.charge(&self.config, now, request.peer, WEIGHT)?;
        if !self.config.legacy_listen_key {
            return Err(gone());
        }
        // Only the key in the header is asked for, no signature.
        let account = self.keys.find(request.header("x-mbx-apikey"))?.account;
        let body = std::str::from_utf8(request.body).unwrap_or("");
        let params = Params::from_form(request.query, body);
        let unknown = || ApiError::bad(-1125, "This listenKey does not exist.");
        match request.method {
            "POST" => self.new_listen_key(account),
            "PUT" => {
                let key = params.required("listenKey")?;
                let owner = self.listen_keys.get(key).ok_or_else(unknown)?;
                if *owner == account { Ok("{}".to_owned()) } else { Err(unknown()) }
            }
            "DELETE" => {
                let key = params.required("listenKey")?;
                if self.listen_keys.get(key) != Some(&account) {
                    return Err(unknown());
                }
                self.listen_keys.remove(key);
                Ok("{}".to_owned())
            }
            _ => Err(ApiError::not_found()),
        }
    }

    /// The account's listen key, or a new one.
    fn new_listen_key(&mut self, account: AccountId) -> Result<String, ApiError> {
        let found = self.listen_keys.iter().find(|(_, owner)| **owner == account);
        let key = match found {
            Some((key, _)) => key.clone(),
            None if self.listen_keys.len() >= LISTEN_KEYS_MAX => {
                return Err(ApiError::new(429, -1003, "Too many requests queued."));
            }
            None => {
                self.made += 1;
                let key = format!("listenKey{:0>51}", self.made);
                self.listen_keys.insert(key.clone(), account);
                key
            }
        };
        Ok(json!({"listenKey": key}).to_string())
    }
}

/// Listen keys are gone.
pub(super) fn gone() -> ApiError {
    ApiError::new(410, -1020, "This operation is not supported.")
}
