//! What differs between venues on their client's side, in one place: what a request looks like on the
//! wire, what it costs, and what an answer means. The codecs are those of `venues`; here they meet HTTP
//! and the rate budget.

mod binance;
mod call;
mod coinbase;

use ::budget::{Charge, Keys};
use model::venue::{Profile, Request, VenueError};
use model::{Instrument, Link};
use venues::session::Stamp;

pub(super) use self::binance::Binance;
pub(super) use self::call::{Answer, Call, Cost, Heard};
pub(super) use self::coinbase::Coinbase;
use crate::config::VenueKind;

/// One venue, as a client with a key or without one.
pub(super) enum Adapter {
    Binance(Binance),
    Coinbase(Coinbase),
}

/// A secret that is no key of this venue's.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Of Binance.
    #[error(transparent)]
    Binance(#[from] venues::binance::sign::KeyError),
    /// Of Coinbase.
    #[error(transparent)]
    Coinbase(#[from] venues::coinbase::sign::KeyError),
}

impl Adapter {
    /// A client of this kind of venue; it knows no instrument yet.
    pub(super) fn new(kind: VenueKind, key: String, secret: &str) -> Result<Adapter, KeyError> {
        Ok(match kind {
            VenueKind::BinanceSpot => Adapter::Binance(Binance::new(key, secret)?),
            VenueKind::CoinbaseAdvanced => Adapter::Coinbase(Coinbase::new(key, secret)?),
        })
    }

    /// One that asks for what is public, and has no key that could do more.
    pub(super) fn public(kind: VenueKind) -> Adapter {
        match kind {
            VenueKind::BinanceSpot => Adapter::Binance(Binance::public()),
            VenueKind::CoinbaseAdvanced => Adapter::Coinbase(Coinbase::public()),
        }
    }

    /// The same, knowing these instruments.
    pub(super) fn following(&self, instruments: Vec<Instrument>) -> Adapter {
        match self {
            Adapter::Binance(venue) => Adapter::Binance(venue.following(instruments)),
            Adapter::Coinbase(venue) => Adapter::Coinbase(venue.following(instruments)),
        }
    }

    pub(super) const fn profile(&self) -> Profile {
        match self {
            Adapter::Binance(_) => venues::binance::PROFILE,
            Adapter::Coinbase(_) => venues::coinbase::PROFILE,
        }
    }

    /// The request on the wire, or why this venue has no words for it.
    pub(super) fn call(&self, request: &Request, stamp: Stamp, keys: Keys) -> Result<Call, String> {
        match self {
            Adapter::Binance(venue) => venue.call(request, stamp, keys),
            Adapter::Coinbase(venue) => venue.call(request, stamp, keys),
        }
    }

    /// What the request costs, or why this venue has no words for it. No key is needed, and nothing is signed.
    pub(super) fn cost(&self, request: &Request, keys: Keys) -> Result<Cost, String> {
        match self {
            Adapter::Binance(venue) => venue.cost(request, keys),
            Adapter::Coinbase(venue) => Ok(venue.cost(request, keys)),
        }
    }

    /// What the answer to a request means.
    pub(super) fn read(&self, request: &Request, answer: &Answer<'_>) -> Heard {
        match self {
            Adapter::Binance(venue) => venue.read(request, answer),
            Adapter::Coinbase(venue) => venue.read(request, answer),
        }
    }

    /// What an attempt to connect costs.
    pub(super) fn connection(&self, link: Link, keys: Keys) -> Charge {
        match self {
            Adapter::Binance(_) => ::budget::binance::connection(link == Link::Account, keys),
            Adapter::Coinbase(_) => ::budget::coinbase::charge(::budget::Operation::Connect, keys),
        }
    }

    /// Is this a refusal because our time is wrong?
    pub(super) fn is_of_clock(&self, refusal: &VenueError) -> bool {
        match self {
            Adapter::Binance(_) => binance::is_of_clock(refusal),
            // A token that is out of time is refused like any other wrong one.
            Adapter::Coinbase(_) => matches!(refusal, VenueError::Other { code: 401, .. }),
        }
    }

    /// Does it tell its limits beside its instruments?
    pub(super) const fn tells_limits(&self) -> bool {
        match self {
            Adapter::Binance(_) => true,
            Adapter::Coinbase(_) => false,
        }
    }
}
