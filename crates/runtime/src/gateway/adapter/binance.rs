//! Binance spot over HTTP, in the budget's words.

use std::sync::Arc;

use ::budget::{Counted, Keys, Limit, Usage, binance};
use model::venue::{MarketRequest, Request, VenueError};
use model::{Instrument, Outcome};
use venues::binance::Symbols;
use venues::binance::client::{
    CallCost, CountedBy, Credentials, RateLimit, cost, decode_reply, encode, rate_limits,
    rate_notice, rate_stop,
};
use venues::binance::sign::{KeyError, SigningKey};
use venues::session::Stamp;

use super::call::{Answer, Call, Cost, Heard, STOP_DEFAULT, method, texts};

/// The venue's code for a request whose time is off.
const CLOCK_REFUSED: i64 = -1021;

/// Binance, with one key or without.
pub(crate) struct Binance {
    pub(crate) symbols: Arc<Symbols>,
    /// `None` where only what is public is asked for.
    pub(crate) credentials: Option<Credentials>,
}

impl Binance {
    pub(super) fn new(api_key: String, secret: &str) -> Result<Binance, KeyError> {
        let credentials = Credentials { api_key, key: SigningKey::new(secret)? };
        Ok(Binance { symbols: Arc::default(), credentials: Some(credentials) })
    }

    pub(super) fn public() -> Binance {
        Binance { symbols: Arc::default(), credentials: None }
    }

    pub(super) fn following(&self, instruments: Vec<Instrument>) -> Binance {
        let symbols = Arc::new(Symbols::new(instruments));
        Binance { symbols, credentials: self.credentials.clone() }
    }

    pub(super) fn call(&self, request: &Request, stamp: Stamp, keys: Keys) -> Result<Call, String> {
        let credentials = self.credentials.as_ref();
        let call = encode(request, &self.symbols, credentials, stamp.venue_now)
            .map_err(|error| error.to_string())?;
        let mut headers = Vec::new();
        if let Some(credentials) = credentials.filter(|_| call.signed) {
            headers.push(("X-MBX-APIKEY", credentials.api_key.clone()));
        }
        Ok(Call {
            method: method(call.method)?,
            path: format!("{}?{}", call.path, call.query),
            headers,
            body: String::new(),
            cost: priced((call.weight, call.free_when_it_works, call.places), keys),
        })
    }

    pub(super) fn cost(&self, request: &Request, keys: Keys) -> Result<Cost, String> {
        let CallCost { weight, free_when_it_works, places } =
            cost(request, &self.symbols).map_err(|error| error.to_string())?;
        Ok(priced((weight, free_when_it_works, places), keys))
    }

    pub(super) fn read(&self, request: &Request, answer: &Answer<'_>) -> Heard {
        let notice = rate_notice(texts(answer.headers));
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
}

fn priced((weight, is_free, places): (u32, bool, bool), keys: Keys) -> Cost {
    Cost {
        charge: binance::charge(weight, places, keys),
        free_when_it_works: is_free.then_some((Counted::Weight, weight)),
        places,
    }
}

pub(super) fn is_of_clock(refusal: &VenueError) -> bool {
    matches!(refusal, VenueError::Other { code: CLOCK_REFUSED, .. })
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
