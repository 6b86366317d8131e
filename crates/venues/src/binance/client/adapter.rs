//! Binance spot over HTTP, in the budget's words.

use std::sync::Arc;

use budget::{Charge, Counted, Keys, Limit, Usage, binance};
use model::venue::{MarketRequest, Request, VenueError};
use model::{Instrument, Link, Outcome};

use super::{
    AccountFeed, CallCost, CountedBy, Credentials, MarketFeed, RateLimit, cost, decode_reply,
    encode, rate_limits, rate_notice, rate_stop,
};
use crate::binance::Symbols;
use crate::binance::sign::SigningKey;
use crate::client::{Answer, Call, Client, Cost, Heard, STOP_DEFAULT};
use crate::session::{Machine, Pace, Stamp, boxed};
use crate::venue::KeyError;

/// The venue's code for a request whose time is off.
const CLOCK_REFUSED: i64 = -1021;

/// Binance, with one key or without.
struct Binance {
    symbols: Arc<Symbols>,
    /// `None` where only what is public is asked for.
    credentials: Option<Credentials>,
}

/// A client with this key.
pub(in crate::binance) fn new(key: &str, secret: &str) -> Result<Box<dyn Client>, KeyError> {
    let key_of = SigningKey::new(secret).map_err(|error| KeyError(error.to_string()))?;
    let credentials = Credentials { api_key: key.to_owned(), key: key_of };
    Ok(Box::new(Binance { symbols: Arc::default(), credentials: Some(credentials) }))
}

/// A client without a key.
pub(in crate::binance) fn public() -> Box<dyn Client> {
    Box::new(Binance { symbols: Arc::default(), credentials: None })
}

impl Client for Binance {
    fn following(&self, instruments: Vec<Instrument>) -> Box<dyn Client> {
        let symbols = Arc::new(Symbols::new(instruments));
        Box::new(Binance { symbols, credentials: self.credentials.clone() })
    }

    fn call(&self, request: &Request, stamp: Stamp, keys: Keys) -> Result<Call, String> {
        let credentials = self.credentials.as_ref();
        let call = encode(request, &self.symbols, credentials, stamp.venue_now)
            .map_err(|error| error.to_string())?;
        let mut headers = Vec::new();
        if let Some(credentials) = credentials.filter(|_| call.signed) {
            headers.push(("x-mbx-apikey", credentials.api_key.clone()));
        }
        Ok(Call {
            method: call.method,
            path: format!("{}?{}", call.path, call.query),
            headers,
            body: String::new(),
            cost: priced((call.weight, call.free_when_it_works, call.places), keys),
        })
    }

    fn cost(&self, request: &Request, keys: Keys) -> Result<Cost, String> {
        let CallCost { weight, free_when_it_works, places } =
            cost(request, &self.symbols).map_err(|error| error.to_string())?;
        Ok(priced((weight, free_when_it_works, places), keys))
    }

    fn read(&self, request: &Request, answer: &Answer<'_>) -> Heard {
        let notice = rate_notice(answer.headers.iter().copied());
        let body = answer.body.unwrap_or_default();
        let outcome = match answer.body {
            Ok(body) => decode_reply(request, answer.status, body, &self.symbols),
            Err(failure) => Outcome::InDoubt(failure.to_owned()),
        };
        let limits = match request {
            Request::Market(MarketRequest::Instruments(_)) if answer.status == 200 => {
                rate_limits(body).unwrap_or_default()
            }
            _ => Vec::new(),
        };
        let stop = rate_stop(answer.status, body, &notice);
        Heard {
            outcome,
            used: notice.used.iter().map(usage).collect(),
            limits: limits.iter().map(limit).collect(),
            stop: stop.map(|stop| {
                (stop.orders_only.then_some(Counted::Order), stop.wait.unwrap_or(STOP_DEFAULT))
            }),
        }
    }

    fn connection(&self, link: Link, keys: Keys) -> Charge {
        binance::connection(link == Link::Account, keys)
    }

    fn is_of_clock(&self, refusal: &VenueError) -> bool {
        matches!(refusal, VenueError::Other { code: CLOCK_REFUSED, .. })
    }

    fn tells_limits(&self) -> bool {
        true
    }

    fn market(&self, url: String, pace: Pace) -> Box<dyn Machine> {
        boxed(MarketFeed::new(url, Arc::clone(&self.symbols)), pace)
    }

    fn account(&self, url: String, pace: Pace) -> Option<Box<dyn Machine>> {
        let key = self.credentials.clone()?;
        Some(boxed(AccountFeed::new(url, Arc::clone(&self.symbols), key), pace))
    }
}

fn priced((weight, is_free, places): (u32, bool, bool), keys: Keys) -> Cost {
    Cost {
        charge: binance::charge(weight, places, keys),
        free_when_it_works: is_free.then_some((Counted::Weight, weight)),
        places,
    }
}

const fn counted(by: CountedBy) -> Counted {
    match by {
        CountedBy::Weight => Counted::Weight,
        CountedBy::Requests => Counted::Request,
        CountedBy::Orders => Counted::Order,
    }
}

fn usage(told: &RateLimit) -> Usage {
    let RateLimit { counts, window_ms, figure } = *told;
    Usage { counts: counted(counts), window_ms, used: figure }
}

fn limit(told: &RateLimit) -> Limit {
    let RateLimit { counts, window_ms, figure } = *told;
    Limit { counts: counted(counts), window_ms, limit: figure }
}
