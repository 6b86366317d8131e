//! The server's state, and what is remembered between a question and its answer.

use std::collections::BTreeMap;

use model::venue::FeeRates;
use model::{AccountId, Amount, Asset, Decimal, Instrument, Timestamp};

use super::auth::{Key, Keys};
use super::limits::{Falls, Limits};
use super::sockets::Conn;
use super::wording::Wording;
use crate::kraken::Symbols;
use crate::kraken::sign::SigningKey;
use crate::server::ledger::Ledger;
use crate::server::{ConnId, LimitChange, Scopes};

/// What the server counts. The default is an account of the middle tier as of 2026-08-21.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// Private calls of a key.
    pub private: Falls,
    /// What the matching engine does for an account and pair.
    pub trading: Falls,
    /// Public calls of an address; how many may come at once no page says (unverified).
    pub public: Falls,
    /// Connections of an address in ten minutes.
    pub connections_per_10m: u32,
    /// Fees of every account, as fractions. They are taken in the quote asset.
    pub fees: FeeRates,
}

impl Default for ServerConfig {
    fn default() -> ServerConfig {
        ServerConfig {
            private: Falls { max: 20, per_1000_s: 500 },
            trading: Falls { max: 125, per_1000_s: 2_340 },
            public: Falls { max: 20, per_1000_s: 1_000 },
            connections_per_10m: 150,
            fees: FeeRates { maker: Decimal::new(25, 4), taker: Decimal::new(4, 3) },
        }
    }
}

impl ServerConfig {
    /// With so many times the limits.
    pub(super) fn times(self, times: u32) -> ServerConfig {
        ServerConfig {
            private: self.private.times(times),
            trading: self.trading.times(times),
            public: self.public.times(times),
            connections_per_10m: self.connections_per_10m.saturating_mul(times),
            fees: self.fees,
        }
    }
}

/// Kraken's protocol for one simulated exchange.
pub struct KrakenServer {
    /// What is in force now.
    pub(super) config: ServerConfig,
    /// What is in force as long as nothing is wrong on command.
    usual: ServerConfig,
    pub(super) symbols: Symbols,
    pub(super) keys: Keys,
    pub(super) limits: Limits,
    pub(super) ledger: Ledger,
    pub(super) conns: BTreeMap<ConnId, Conn>,
    /// When the timer of an account runs out.
    pub(super) dead_man: BTreeMap<AccountId, Timestamp>,
    /// What lets connections in, whom, and how long it may be shown for the first time.
    pub(super) tickets: BTreeMap<String, (AccountId, Scopes, Timestamp)>,
    /// What was told of what an account holds.
    pub(super) totals: BTreeMap<(AccountId, Asset), Amount>,
    /// Names that were made up for orders without one, and tickets.
    pub(super) made: u64,
}

/// What is remembered between a question and its answer.
#[derive(Debug)]
pub struct Pending {
    pub(super) account: AccountId,
    pub(super) wording: Wording,
}

impl KrakenServer {
    /// A server for these instruments, without keys. An instrument's symbol is the pair's short name.
    pub fn new(config: ServerConfig, instruments: Vec<Instrument>) -> KrakenServer {
        KrakenServer {
            usual: config.clone(),
            config,
            symbols: Symbols::new(instruments),
            keys: Keys::default(),
            limits: Limits::default(),
            ledger: Ledger::default(),
            conns: BTreeMap::new(),
            dead_man: BTreeMap::new(),
            tickets: BTreeMap::new(),
            totals: BTreeMap::new(),
            made: 0,
        }
    }

    /// Lets an API key into an account, with these rights.
    pub fn add_key(&mut self, name: &str, key: SigningKey, account: AccountId, scopes: Scopes) {
        self.keys.add(name, Key { key, account, scopes, nonce: 0 });
    }

    /// The limits are those the server was made with, less what is taken from them.
    pub(super) fn limits_changed(&mut self, change: &LimitChange) {
        let usual = &self.usual;
        self.config = ServerConfig {
            private: usual.private.share(change.share_permille),
            trading: usual.trading.share(change.share_permille),
            public: usual
                .public
                .share(change.share_permille)
                .share(1_000_u32.saturating_sub(change.neighbour_permille)),
            connections_per_10m: change.connections_max.unwrap_or(usual.connections_per_10m),
            fees: usual.fees,
        };
    }
}
