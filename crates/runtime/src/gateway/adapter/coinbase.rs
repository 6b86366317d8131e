//! Coinbase Advanced Trade over HTTP, in the budget's words.

use std::sync::Arc;

use ::budget::{Charge, Counted, Keys, Usage};
use model::venue::Request;
use model::{Instrument, Outcome};
use venues::coinbase::Symbols;
use venues::coinbase::client::{Credentials, HttpAnswer, decode_reply, encode, rate_notice};
use venues::coinbase::sign::{KeyError, Nonce, SigningKey};
use venues::session::Stamp;

use super::call::{Answer, Call, Cost, Heard, STOP_DEFAULT, method, texts};

/// The window that its headers speak of, milliseconds.
const WINDOW_MS: u32 = 1_000;

/// Coinbase, with one key or without.
pub(crate) struct Coinbase {
    pub(crate) symbols: Arc<Symbols>,
    /// `None` where only what is public is asked for.
    pub(crate) credentials: Option<Credentials>,
}

impl Coinbase {
    pub(super) fn new(name: String, secret: &str) -> Result<Coinbase, KeyError> {
        let credentials = Credentials { name, key: SigningKey::new(secret)? };
        Ok(Coinbase { symbols: Arc::default(), credentials: Some(credentials) })
    }

    pub(super) fn public() -> Coinbase {
        Coinbase { symbols: Arc::default(), credentials: None }
    }

    pub(super) fn following(&self, instruments: Vec<Instrument>) -> Coinbase {
        let symbols = Arc::new(Symbols::new(instruments));
        Coinbase { symbols, credentials: self.credentials.clone() }
    }

    pub(super) fn call(&self, request: &Request, stamp: Stamp, keys: Keys) -> Result<Call, String> {
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
            method: method(call.method)?,
            path: format!("{}{query}", call.path),
            headers,
            body: call.body,
            cost: priced(counts, keys),
        })
    }

    pub(super) fn cost(&self, request: &Request, keys: Keys) -> Cost {
        let is_public = matches!(request, Request::Market(_));
        priced(if is_public { Counted::Public } else { Counted::Private }, keys)
    }

    pub(super) fn read(&self, request: &Request, answer: &Answer<'_>) -> Heard {
        let notice = rate_notice(texts(answer.headers));
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
            429 => std::time::Duration::from_secs(1),
            _ => STOP_DEFAULT,
        });
        // 403 is a missing right here, not a stop.
        let stop = matches!(answer.status, 429 | 418).then_some((None, wait));
        Heard { outcome, used: used.into_iter().collect(), limits: Vec::new(), stop }
    }
}

fn priced(counts: Counted, keys: Keys) -> Cost {
    Cost { charge: Charge::new(keys).with(counts, 1), free_when_it_works: None, places: false }
}
