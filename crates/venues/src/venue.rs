//! What an entry in the list of venues is, and what it is asked for.

use budget::Rule;
use model::venue::{FeeRates, Profile};
use model::{AccountId, Decimal, Instrument};

use crate::client::Client;
use crate::server::{AnyDialect, Scopes};

/// Makes a client of a key and its secret.
pub type OpenClient = fn(key: &str, secret: &str) -> Result<Box<dyn Client>, KeyError>;
/// Makes a server for these instruments that lets these keys in.
pub type OpenServer =
    fn(&Settings, Vec<Instrument>, &[ServerKey<'_>]) -> Result<AnyDialect, ServerError>;

/// All that is known of a venue without talking to it.
pub struct Venue {
    /// Its name in a configuration: `binance-spot`.
    pub name: &'static str,
    /// Its name on the command line, and for whoever has given it none: `binance`.
    pub dialect: &'static str,
    /// How people call it.
    pub title: &'static str,
    /// How it behaves.
    pub profile: Profile,
    /// Where it is.
    pub addresses: Addresses,
    /// What it is known to count, until its own metadata says better.
    pub rules: &'static [Rule],
    /// How the simulated one is set up.
    pub simulated: Simulated,
    /// A client with a key, or why this is none.
    pub client: OpenClient,
    /// A client that asks for what is public, and has no key that could do more.
    pub public: fn() -> Box<dyn Client>,
    /// Its protocol in front of an exchange of these instruments.
    pub server: OpenServer,
}

/// Where a venue is.
#[derive(Clone, Copy, Debug)]
pub struct Addresses {
    /// REST.
    pub rest: &'static str,
    /// Base of the market's streams.
    pub market: &'static str,
    /// The account's stream.
    pub account: &'static str,
    /// Where the market's streams are below their base.
    pub market_path: &'static str,
    /// Where the account's stream is below the base of a venue that has one port for all.
    pub account_path: &'static str,
}

/// How a venue is when it is simulated, unless somebody says otherwise.
#[derive(Clone, Copy, Debug)]
pub struct Simulated {
    /// What is traded.
    pub instrument: &'static str,
    /// Fee of a resting order of whoever has just opened an account, hundredths of a percent.
    pub maker_bps: Decimal,
    /// Fee of a taking order.
    pub taker_bps: Decimal,
    /// Are fees taken in the quote asset? Otherwise in what is received.
    pub fees_in_quote: bool,
    /// Can fees be taken in a third asset?
    pub has_fee_asset: bool,
    /// The venue's text for an instrument, and its limits.
    pub adapt: fn(&mut Instrument),
    /// Requests, as method and path, by which somebody lists what is open.
    pub lists_open: &'static [(&'static str, &'static str)],
}

/// What a simulated venue counts, and how.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Fees of every account.
    pub fees: FeeRates,
    /// Every limit is so many times the usual one.
    pub limits_times: u32,
    /// New orders of an account in ten seconds, where the venue counts such a thing.
    pub orders_per_10s: Option<u32>,
    /// Serve what Binance served until February 2026.
    pub legacy_listen_key: bool,
}

impl Settings {
    /// With these fees, and everything else as usual.
    pub const fn usual(fees: FeeRates) -> Settings {
        Settings { fees, limits_times: 1, orders_per_10s: None, legacy_listen_key: false }
    }
}

/// A key that a simulated venue lets in.
#[derive(Clone, Copy)]
pub struct ServerKey<'a> {
    /// Its public half.
    pub name: &'a str,
    /// What it signs with, or what checks that.
    pub secret: &'a str,
    /// Whose.
    pub account: AccountId,
    /// What it may do.
    pub scopes: Scopes,
}

/// Why a simulated venue cannot be set up so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ServerError {
    /// Not a key of this venue's.
    #[error("account {name}: {source}")]
    Key {
        /// The key's name.
        name: String,
        /// What is wrong.
        source: KeyError,
    },
    /// The venue counts nothing of the kind.
    #[error("{0}")]
    Setting(&'static str),
}

/// A secret that is no key of this venue's; none of it is in the words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct KeyError(pub String);

impl std::fmt::Debug for Venue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl PartialEq for Venue {
    fn eq(&self, other: &Venue) -> bool {
        self.name == other.name
    }
}

impl Eq for Venue {}
