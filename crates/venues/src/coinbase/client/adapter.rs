//! Coinbase Advanced Trade over HTTP, in the budget's words.

use std::sync::Arc;
use std::time::Duration;

use budget::{Charge, Counted, Keys, Operation, Usage, coinbase};
use model::venue::{Request, VenueError};
use model::{Instrument, Link, Outcome};

use super::{AccountFeed, Credentials, HttpAnswer, MarketFeed, decode_reply, encode, rate_notice};
use crate::client::{Answer, Call, Client, Cost, Heard, STOP_DEFAULT};
use crate::coinbase::Symbols;
use crate::coinbase::sign::{Nonce, SigningKey};
use crate::session::{Machine, Pace, Stamp, boxed};
use crate::venue::KeyError;

/// The window that its headers speak of, milliseconds.
const WINDOW_MS: u32 = 1_000;

/// Coinbase, with one key or without.
struct Coinbase {
    symbols: Arc<Symbols>,
    /// `None` where only what is public is asked for.
    credentials: Option<Credentials>,
}

/// A client with this key.
pub(in crate::coinbase) fn new(name: &str, secret: &str) -> Result<Box<dyn Client>, KeyError> {
    let key = SigningKey::new(secret).map_err(|error| KeyError(error.to_string()))?;
    let credentials = Credentials { name: name.to_owned(), key };
    Ok(Box::new(Coinbase { symbols: Arc::default(), credentials: Some(credentials) }))
}

/// A client without a key.
pub(in crate::coinbase) fn public() -> Box<dyn Client> {
    Box::new(Coinbase { symbols: Arc::default(), credentials: None })
}

impl Client for Coinbase {
    fn following(&self, instruments: Vec<Instrument>) -> Box<dyn Client> {
        let symbols = Arc::new(Symbols::new(instruments));
        Box::new(Coinbase { symbols, credentials: self.credentials.clone() })
    }

    fn call(&self, request: &Request, stamp: Stamp, keys: Keys) -> Result<Call, String> {
        let (key, nonce) = (self.credentials.as_ref(), Nonce::numbered(stamp.nonce, 0));
        let call = encode(request, &self.symbols, key, stamp.venue_now, nonce)
            .map_err(|error| error.to_string())?;
        let mut headers = Vec::new();
        let counts = match call.token {
            Some(token) => {
                headers.push(("authorization", format!("Bearer {token}")));
                Counted::Private
            }
            // Public answers come from a cache of a second unless it is told otherwise.
            None => {
                headers.push(("cache-control", "no-cache".to_owned()));
                Counted::Public
            }
        };
        if !call.body.is_empty() {
            headers.push(("content-type", "application/json".to_owned()));
        }
        let query = if call.query.is_empty() { String::new() } else { format!("?{}", call.query) };
        Ok(Call {
            method: call.method,
            path: format!("{}{query}", call.path),
            headers,
            body: call.body,
            cost: priced(counts, keys),
        })
    }

    fn cost(&self, request: &Request, keys: Keys) -> Result<Cost, String> {
        let is_public = matches!(request, Request::Market(_));
        Ok(priced(if is_public { Counted::Public } else { Counted::Private }, keys))
    }

    fn read(&self, request: &Request, answer: &Answer<'_>) -> Heard {
        let notice = rate_notice(answer.headers.iter().copied());
        let outcome = match answer.body {
            Ok(body) => {
                let Answer { status, asked, answered, .. } = *answer;
                let answer = HttpAnswer { status, body, asked, answered };
                decode_reply(request, &answer, &self.symbols)
            }
            Err(failure) => Outcome::InDoubt(failure.to_owned()),
        };
        let counts = match request {
            Request::Market(_) => Counted::Public,
            Request::Account(_) => Counted::Private,
        };
        let used = notice.limit.zip(notice.remaining).map(|(limit, remaining)| Usage {
            counts,
            window_ms: WINDOW_MS,
            used: limit.saturating_sub(remaining),
        });
        let wait = notice.retry_after.unwrap_or(match answer.status {
            // A bucket that is refilled every second.
            429 => Duration::from_secs(1),
            _ => STOP_DEFAULT,
        });
        // 403 is a missing right here, not a stop.
        let stop = matches!(answer.status, 429 | 418).then_some((None, wait));
        Heard { outcome, used: used.into_iter().collect(), limits: Vec::new(), stop }
    }

    fn connection(&self, _link: Link, keys: Keys) -> Charge {
        coinbase::charge(Operation::Connect, keys)
    }

    /// A token that is out of time is refused like any other wrong one.
    fn is_of_clock(&self, refusal: &VenueError) -> bool {
        matches!(refusal, VenueError::Other { code: 401, .. })
    }

    fn market(&self, url: String, pace: Pace) -> Box<dyn Machine> {
        boxed(MarketFeed::new(url, Arc::clone(&self.symbols), self.credentials.clone()), pace)
    }

    fn account(&self, url: String, pace: Pace) -> Option<Box<dyn Machine>> {
        let key = self.credentials.clone()?;
        Some(boxed(AccountFeed::new(url, Arc::clone(&self.symbols), key), pace))
    }
}

fn priced(counts: Counted, keys: Keys) -> Cost {
    Cost { charge: Charge::new(keys).with(counts, 1), free_when_it_works: None, places: false }
}
