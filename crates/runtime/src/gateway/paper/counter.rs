//! The counter of a paper account: the venue's own protocol in front of the exchange in this process, for the kill
//! switch, which reads an account with small clients of its own and has to find here what it finds at the venue.
//!
//! There is one key, which gateway and kill switch both make from the token that they share. It is a key of nothing
//! else, so neither of them reads one of the venue's.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use model::venue::{FeeRates, PublicMarket, Response, VenueError, VenueEvent};
use model::{AccountId, Instrument, Timestamp};
use sha2::Sha256;
use venues::server::{AnyDialect, AnyPending, HttpRequest, HttpResponse, Scopes, Step};
use venues::{ServerKey, Settings};

use crate::config::VenueKind;

/// The name of the key.
const KEY: &str = "paper";
/// What its secret is made of besides the token.
const CONTEXT: &str = "plimsoll paper account";

/// One venue's protocol.
pub(super) struct Counter {
    dialect: AnyDialect,
    lists_open: &'static [(&'static str, &'static str)],
}

/// What is remembered between a question to the exchange and its answer.
pub(super) type Pending = AnyPending;

/// Whom it lets in, and to what.
pub(super) struct Lets<'a> {
    pub(super) venue: VenueKind,
    pub(super) instruments: &'a [Instrument],
    pub(super) fees: FeeRates,
    pub(super) account: AccountId,
    /// What gateway and kill switch share.
    pub(super) token: &'a str,
}

impl Counter {
    /// `None` where the token makes no key, which none does.
    pub(super) fn open(lets: Lets<'_>) -> Option<Counter> {
        let Lets { venue, instruments, fees, account, token } = lets;
        let secret = secret(token);
        let scopes = Scopes::default();
        let key = ServerKey { name: KEY, secret: &secret, account, scopes };
        let open = venue.server;
        let dialect = open(&Settings::usual(fees), instruments.to_vec(), &[key]).ok()?;
        Some(Counter { dialect, lists_open: venue.simulated.lists_open })
    }

    /// Is it a request for what is open?
    pub(super) fn lists_orders(&self, request: &HttpRequest<'_>) -> bool {
        self.lists_open.contains(&(request.method, request.path))
    }

    /// A request, as far as it can be answered without asking the exchange.
    pub(super) fn http(
        &mut self,
        now: Timestamp,
        request: &HttpRequest<'_>,
        market: &dyn PublicMarket,
    ) -> Step<HttpResponse, Pending> {
        self.dialect.http(now, request, market)
    }

    /// The exchange's answer in the venue's words, or what has to be asked besides.
    pub(super) fn reply(
        &mut self,
        now: Timestamp,
        pending: Pending,
        answer: Result<Response, VenueError>,
    ) -> Step<HttpResponse, Pending> {
        self.dialect.http_reply(now, pending, answer)
    }

    /// What happened to the account: a venue that keeps lists of its own books it.
    pub(super) fn hears(
        &mut self,
        now: Timestamp,
        events: &[VenueEvent],
        market: &dyn PublicMarket,
    ) {
        // Nobody has a socket here.
        self.dialect.events(now, events, market, &mut Vec::new());
    }
}

/// The secret of the key, as text. It is made the same way by the kill switch (`watchdog/src/paper.rs`).
fn secret(token: &str) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(token.as_bytes());
    let mut mac = mac.expect("HMAC takes keys of any length");
    mac.update(CONTEXT.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The kill switch has the same line in its tests.
    #[test]
    fn both_make_the_same_secret() {
        let expected = "7U6J71JgzsO/uc85kAMqP89m9AsuuFy/Z9M7j6gmelA=";
        assert_eq!(secret("madeUpTokenForTests"), expected);
    }
}
