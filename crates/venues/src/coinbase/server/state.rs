//! The server's state, and what is remembered between a question and its answer.

use std::collections::BTreeMap;

use model::venue::{PublicMarket, Response, VenueError};
use model::{AccountId, Instrument, Timestamp};

use super::auth::{Key, Keys};
use super::config::ServerConfig;
use super::errors::{ApiError, JSON};
use super::ledger::Ledger;
use super::limits::{Limits, Usage};
use super::market_data::Public;
use super::render::Renderer;
use super::sockets::Conn;
use super::streams::Hub;
use super::wording::Wording;
use crate::coinbase::Symbols;
use crate::coinbase::sign::VerifyingKey;
use crate::server::{ConnId, HttpResponse, Scopes};

/// Coinbase's protocol for one simulated exchange.
pub struct CoinbaseServer {
    /// What is in force now.
    pub(super) config: ServerConfig,
    /// What is in force as long as nothing is wrong on command.
    pub(super) usual: ServerConfig,
    pub(super) symbols: Symbols,
    pub(super) keys: Keys,
    pub(super) limits: Limits,
    pub(super) ledger: Ledger,
    pub(super) conns: BTreeMap<ConnId, Conn>,
    pub(super) hub: Hub,
}

/// What is remembered between a question and its answer.
#[derive(Debug)]
pub struct Pending {
    pub(super) account: AccountId,
    pub(super) usage: Option<Usage>,
    pub(super) wording: Wording,
}

impl CoinbaseServer {
    /// A server for these instruments, without keys. An instrument's symbol is its `product_id`.
    pub fn new(config: ServerConfig, instruments: Vec<Instrument>) -> CoinbaseServer {
        CoinbaseServer {
            usual: config.clone(),
            config,
            symbols: Symbols::new(instruments),
            keys: Keys::default(),
            limits: Limits::default(),
            ledger: Ledger::default(),
            conns: BTreeMap::new(),
            hub: Hub::default(),
        }
    }

    /// Lets an API key into an account, to look and to trade.
    pub fn add_key(&mut self, name: &str, verifying: VerifyingKey, account: AccountId) {
        self.add_key_with(name, verifying, account, Scopes::default());
    }

    /// Lets an API key into an account, with these rights only.
    pub fn add_key_with(
        &mut self,
        name: &str,
        verifying: VerifyingKey,
        account: AccountId,
        scopes: Scopes,
    ) {
        self.keys.add(name, Key { verifying, account, scopes });
    }

    pub(super) fn public<'a>(&'a self, now: Timestamp, market: &'a dyn PublicMarket) -> Public<'a> {
        Public { now, symbols: &self.symbols, market }
    }

    pub(super) fn renderer(&self, account: AccountId) -> Renderer<'_> {
        Renderer { symbols: &self.symbols, fees: self.config.fees, account }
    }

    /// Words the exchange's answer, as far as it goes: a batch of cancels asks again.
    pub(super) fn word(
        &self,
        account: AccountId,
        wording: Wording,
        answer: Result<Response, VenueError>,
    ) -> Result<super::wording::Worded, ApiError> {
        wording.word(&self.renderer(account), self.ledger.desk(account), answer)
    }
}

/// An answer with the usage headers of whoever was counted.
pub(super) fn http_answer(usage: Option<Usage>, answer: Result<String, ApiError>) -> HttpResponse {
    let (status, kind, body) = match answer {
        Ok(body) => (200, JSON, body),
        Err(error) => {
            let (kind, body) = error.print();
            (error.status, kind, body)
        }
    };
    let mut headers = vec![("content-type", kind.to_owned())];
    if let Some(usage) = usage {
        headers.push(("x-ratelimit-limit", usage.limit.to_string()));
        headers.push(("x-ratelimit-remaining", usage.remaining.to_string()));
        headers.push(("x-ratelimit-reset", usage.reset_s.to_string()));
    }
    HttpResponse { status, headers, body: body.into_bytes() }
}
