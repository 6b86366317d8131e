//! Kraken spot over HTTP, in the budget's words.
//!
//! No answer tells what is used, so all is counted here. What a cancel costs depends on the age of its order:
//! when an order was sent is remembered as long as it is young.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use budget::{Charge, Counted, Keys, Operation, kraken};
use model::venue::{AccountRequest, OrderKey, Request, VenueError};
use model::{ClientOrderId, Instrument, InstrumentId, Link, Outcome, Timestamp};

use super::{
    AccountFeed, Answered, Credentials, MarketFeed, Stop, decode_reply, encode, refusals, stop,
};
use crate::client::{Answer, Call, Client, Cost, Heard};
use crate::kraken::Symbols;
use crate::kraken::sign::SigningKey;
use crate::session::{Machine, Pace, Stamp, boxed};
use crate::venue::KeyError;

/// An order that is as old as this costs nothing to cancel.
const OLD: Duration = Duration::from_secs(300);
/// Young orders that are remembered; of others the dearest is assumed.
const YOUNG_MAX: usize = 4_096;

/// Kraken, with one key or without.
struct Kraken {
    symbols: Arc<Symbols>,
    /// `None` where only what is public is asked for.
    credentials: Option<Credentials>,
    sent: Arc<Sent>,
}

/// What was sent with this key.
#[derive(Default)]
struct Sent {
    nonce: AtomicU64,
    /// When young orders were placed.
    young: Mutex<BTreeMap<ClientOrderId, Timestamp>>,
}

impl Sent {
    /// Nanoseconds of the venue's time, and always more than before: no clock that is set back makes one that
    /// was used.
    fn next_nonce(&self, now: Timestamp) -> u64 {
        let now = u64::try_from(now.nanos()).unwrap_or(0);
        let next = |last: u64| Some(now.max(last.saturating_add(1)));
        let last = self.nonce.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
        now.max(last.unwrap_or_else(|last| last).saturating_add(1))
    }

    fn places(&self, id: ClientOrderId, now: Timestamp) {
        let mut young = self.young.lock().unwrap_or_else(PoisonError::into_inner);
        if young.len() >= YOUNG_MAX {
            young.retain(|_, placed| now.since(*placed) < OLD);
        }
        if young.len() < YOUNG_MAX {
            young.insert(id, now);
        }
    }

    /// How old an order is at least.
    fn age(&self, order: &OrderKey, now: Option<Timestamp>) -> Duration {
        let (OrderKey::Client(id) | OrderKey::Both(_, id)) = order else { return Duration::ZERO };
        let young = self.young.lock().unwrap_or_else(PoisonError::into_inner);
        now.zip(young.get(id)).map_or(Duration::ZERO, |(now, placed)| now.since(*placed))
    }
}

/// A client with this key.
pub(in crate::kraken) fn new(key: &str, secret: &str) -> Result<Box<dyn Client>, KeyError> {
    let signs = SigningKey::new(secret).map_err(|error| KeyError(error.to_string()))?;
    let credentials = Credentials { api_key: key.to_owned(), key: signs };
    Ok(Box::new(Kraken {
        symbols: Arc::default(),
        credentials: Some(credentials),
        sent: Arc::default(),
    }))
}

/// A client without a key.
pub(in crate::kraken) fn public() -> Box<dyn Client> {
    Box::new(Kraken { symbols: Arc::default(), credentials: None, sent: Arc::default() })
}

impl Kraken {
    fn priced(&self, request: &Request, now: Option<Timestamp>, keys: Keys) -> Cost {
        let of = |instrument: InstrumentId| Keys {
            instrument: budget::key(instrument.as_str()),
            ..keys
        };
        let charge = match request {
            Request::Market(_) => kraken::charge(Operation::ReadTime, keys),
            Request::Account(request) => match request {
                AccountRequest::Place(order) | AccountRequest::Test(order) => {
                    kraken::charge(Operation::Place, of(order.instrument))
                }
                AccountRequest::Cancel { instrument, order, .. } => {
                    let age = self.sent.age(order, now);
                    kraken::charge(Operation::Cancel { age }, of(*instrument))
                }
                AccountRequest::CancelAll(instrument) => {
                    kraken::charge(Operation::Cancel { age: Duration::ZERO }, of(*instrument))
                }
                AccountRequest::CancelReplace(replace) => {
                    kraken::charge(Operation::Place, of(replace.order.instrument))
                }
                AccountRequest::Fills { .. } => kraken::charge(Operation::ReadFills, keys),
                AccountRequest::Order { .. }
                | AccountRequest::OpenOrders(_)
                | AccountRequest::Orders { .. }
                | AccountRequest::Account
                | AccountRequest::AccountAfter(_)
                | AccountRequest::Rights
                | AccountRequest::Scopes
                | AccountRequest::Fees(_)
                | AccountRequest::Ticket => kraken::charge(Operation::ReadOrder, keys),
            },
        };
        Cost { charge, free_when_it_works: None, places: false }
    }
}

impl Client for Kraken {
    fn following(&self, instruments: Vec<Instrument>) -> Box<dyn Client> {
        let symbols = Arc::new(Symbols::new(instruments));
        let (credentials, sent) = (self.credentials.clone(), Arc::clone(&self.sent));
        Box::new(Kraken { symbols, credentials, sent })
    }

    fn call(&self, request: &Request, stamp: Stamp, keys: Keys) -> Result<Call, String> {
        let now = stamp.venue_now;
        let nonce = match request {
            Request::Market(_) => 0,
            Request::Account(_) => self.sent.next_nonce(now),
        };
        let call = encode(request, &self.symbols, self.credentials.as_ref(), now, nonce)
            .map_err(|error| error.to_string())?;
        let mut headers = Vec::new();
        if let (Some(by), Some(signature)) = (&self.credentials, call.signature) {
            headers.push(("api-key", by.api_key.clone()));
            headers.push(("api-sign", signature));
            headers.push(("content-type", "application/x-www-form-urlencoded".to_owned()));
        }
        if let Request::Account(AccountRequest::Place(order)) = request {
            self.sent.places(order.client_order_id, now);
        }
        Ok(Call {
            method: call.method,
            path: call.path,
            headers,
            body: call.body,
            cost: self.priced(request, Some(now), keys),
        })
    }

    fn cost(&self, request: &Request, keys: Keys) -> Result<Cost, String> {
        Ok(self.priced(request, None, keys))
    }

    fn read(&self, request: &Request, answer: &Answer<'_>) -> Heard {
        let Answer { status, asked, answered, .. } = *answer;
        let (outcome, error) = match answer.body {
            Ok(body) => {
                let answer = Answered { status, body, asked, answered };
                decode_reply(request, &answer, &self.symbols)
            }
            Err(failure) => (Outcome::InDoubt(failure.to_owned()), None),
        };
        let stopped = error.and_then(|error| stop(&error, answered.millis().div_euclid(1_000)));
        let http = (status == 429).then_some((None, crate::client::STOP_DEFAULT));
        let stop = stopped
            .map(|Stop { trading_only, wait }| (trading_only.then_some(Counted::Trading), wait));
        Heard { outcome, used: Vec::new(), limits: Vec::new(), stop: stop.or(http) }
    }

    fn connection(&self, _link: Link, keys: Keys) -> Charge {
        kraken::charge(Operation::Connect, keys)
    }

    /// Nonces are times, and one that is too small comes from a clock that is behind.
    fn is_of_clock(&self, refusal: &VenueError) -> bool {
        matches!(refusal, VenueError::Other { message, .. } if message == refusals::NONCE)
    }

    fn one_by_one(&self) -> bool {
        true
    }

    fn market(&self, url: String, pace: Pace) -> Box<dyn Machine> {
        boxed(MarketFeed::new(url, Arc::clone(&self.symbols)), pace)
    }

    fn account(&self, url: String, pace: Pace) -> Option<Box<dyn Machine>> {
        self.credentials.as_ref()?;
        Some(boxed(AccountFeed::new(url, Arc::clone(&self.symbols)), pace))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_is_never_smaller_than_the_one_before() {
        let sent = Sent::default();
        let at = |nanos| Timestamp::from_nanos(nanos);
        assert_eq!(sent.next_nonce(at(100)), 100);
        assert_eq!(sent.next_nonce(at(100)), 101);
        assert_eq!(sent.next_nonce(at(5)), 102, "the clock was set back");
        assert_eq!(sent.next_nonce(at(1_000)), 1_000);
    }

    #[test]
    fn an_order_that_is_old_is_cheap_to_cancel() {
        let (venue, symbol) = (public(), "BTC-USD".parse().unwrap());
        drop(venue);
        let kraken = Kraken { symbols: Arc::default(), credentials: None, sent: Arc::default() };
        let (id, at) = (ClientOrderId::new("a-1").unwrap(), Timestamp::EPOCH);
        kraken.sent.places(id, at);
        let order = OrderKey::Client(id);
        let cancel = Request::Account(AccountRequest::Cancel {
            instrument: symbol,
            order,
            cancel_id: None,
            only: None,
        });
        let cost =
            |now| kraken.priced(&cancel, now, Keys::default()).charge.amount(Counted::Trading);
        assert_eq!(cost(Some(at)), 8);
        assert_eq!(cost(Some(at.after(Duration::from_secs(20)))), 4);
        assert_eq!(cost(Some(at.after(OLD))), 0);
        assert_eq!(cost(None), 8, "nobody knows how old it is");
    }
}
