//! The server side of a venue's protocol, without sockets.
//!
//! A driver owns the sockets and an exchange; a [`Dialect`] owns keys, limits, subscriptions and
//! the wire format. Work on an account is split in two so that whatever stands behind the dialect
//! may take its time: the dialect returns [`Step::Ask`], the driver asks, and hands the answer to
//! [`Dialect::http_reply`] or [`Dialect::socket_reply`].

mod any;
pub(crate) mod ledger;
mod scopes;
mod telling;
mod upsets;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use model::venue::{AccountRequest, PublicMarket, Response, VenueError, VenueEvent};
use model::{AccountId, Timestamp};

pub use self::any::{AnyDialect, AnyPending, erased};
pub use self::scopes::{Scopes, ScopesError};
pub use self::upsets::{LimitChange, SocketClass, Telling, Topic};

/// A REST request as it came off the wire.
#[derive(Clone, Copy, Debug)]
pub struct HttpRequest<'a> {
    /// `GET`, `POST`, …
    pub method: &'a str,
    /// Path without the query: `/api/v3/order`.
    pub path: &'a str,
    /// Raw query without the question mark, percent-encoded as sent.
    pub query: &'a str,
    /// Raw body.
    pub body: &'a [u8],
    /// Headers: lower-case name and value, in order.
    pub headers: &'a [(&'a str, &'a str)],
    /// Who asks; limits are counted by address.
    pub peer: IpAddr,
}

impl HttpRequest<'_> {
    /// The first header of this lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| *n == name).map(|(_, value)| *value)
    }
}

/// A REST reply as it goes onto the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpResponse {
    /// Status code.
    pub status: u16,
    /// Extra headers, besides `content-length` and `date`.
    pub headers: Vec<(&'static str, String)>,
    /// Body.
    pub body: Vec<u8>,
}

/// What a REST request or a socket message comes to.
#[derive(Debug)]
pub enum Step<Done, Pending> {
    /// Answered without asking anybody.
    Done(Done),
    /// The exchange behind must be asked; hand its answer back together with `pending`.
    Ask {
        /// Whose account.
        account: AccountId,
        /// What to ask.
        request: AccountRequest,
        /// What the dialect needs to word the answer.
        pending: Pending,
    },
}

/// One WebSocket connection, numbered by the driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnId(pub u64);

/// Something to be written to a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Which connection.
    pub conn: ConnId,
    /// What.
    pub payload: Payload,
}

/// Contents of a frame. Texts are shared: one market message goes to many connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payload {
    /// A text message.
    Text(Arc<str>),
    /// A ping; the client must answer with a pong of the same bytes.
    Ping(Vec<u8>),
    /// Close the connection with this code and reason.
    Close(u16, String),
}

/// The server side of one venue's protocol.
pub trait Dialect: Send {
    /// What is remembered between a question and its answer.
    type Pending: Send;

    /// A REST request. Public questions are answered from `market` at once.
    fn http(
        &mut self,
        now: Timestamp,
        request: &HttpRequest<'_>,
        market: &dyn PublicMarket,
    ) -> Step<HttpResponse, Self::Pending>;

    /// The exchange's answer to a [`Step::Ask`] of [`Dialect::http`]. A request that names several
    /// orders asks again; how often is bounded by what one request may name.
    fn http_reply(
        &mut self,
        now: Timestamp,
        pending: Self::Pending,
        answer: Result<Response, VenueError>,
    ) -> Step<HttpResponse, Self::Pending>;

    /// A WebSocket upgrade of this path and query. An error refuses the upgrade.
    fn connect(
        &mut self,
        now: Timestamp,
        conn: ConnId,
        request: &HttpRequest<'_>,
    ) -> Result<(), HttpResponse>;

    /// A text message. `out` takes what is to be written to any connection.
    fn text(
        &mut self,
        now: Timestamp,
        conn: ConnId,
        text: &str,
        market: &dyn PublicMarket,
        out: &mut Vec<Frame>,
    ) -> Step<(), Self::Pending>;

    /// The exchange's answer to a [`Step::Ask`] of [`Dialect::text`]. The connection may be gone.
    fn socket_reply(
        &mut self,
        now: Timestamp,
        conn: ConnId,
        pending: Self::Pending,
        answer: Result<Response, VenueError>,
        out: &mut Vec<Frame>,
    );

    /// A ping (`false`) or pong (`true`) frame came in. The driver answers pings by itself.
    fn control(&mut self, now: Timestamp, conn: ConnId, pong: bool, out: &mut Vec<Frame>);

    /// The connection is gone.
    fn disconnect(&mut self, conn: ConnId);

    /// What happened at the exchange, in order.
    fn events(
        &mut self,
        now: Timestamp,
        events: &[VenueEvent],
        market: &dyn PublicMarket,
        out: &mut Vec<Frame>,
    );

    /// Time passes: batched and periodic streams, pings, connection age. Called every
    /// [`Dialect::tick_ms`] milliseconds.
    fn tick(&mut self, now: Timestamp, market: &dyn PublicMarket, out: &mut Vec<Frame>);

    /// How often [`Dialect::tick`] wants to be called.
    fn tick_ms(&self) -> u64;

    /// Accounts whose dead-man timer has run out: the venue takes back all that they have open. Asked
    /// before each [`Dialect::tick`]; each end of a timer is told once.
    fn run_out(&mut self, _now: Timestamp) -> Vec<AccountId> {
        Vec::new()
    }

    /// What a connection is for; `None` as long as neither how it was opened nor what was said on it
    /// shows that. Asked after [`Dialect::connect`] and after each [`Dialect::text`].
    fn socket_class(&self, _conn: ConnId) -> Option<SocketClass> {
        Some(SocketClass::Market)
    }

    /// What an event on a connection belongs to. Not asked of answers.
    fn topic(&self, _conn: ConnId, _text: &str) -> Topic {
        Topic { class: SocketClass::Market, name: String::new() }
    }

    /// What a message of a client asks for, in a word or two: its method. Empty where it cannot be
    /// told.
    fn method(&self, _text: &str) -> String {
        String::new()
    }

    /// The status in an answer on a connection, where the venue has such a thing.
    fn answer_status(&self, _text: &str) -> Option<u16> {
        None
    }

    /// What a REST request asks, without what differs each time it is asked (times, signatures), so
    /// that an earlier answer to the same question can be found.
    fn question(&self, request: &HttpRequest<'_>) -> String {
        format!("{}?{}", request.path, request.query)
    }

    /// Does this request change nothing, so that an earlier answer may stand for it?
    fn only_asks(&self, request: &HttpRequest<'_>) -> bool {
        request.method == "GET"
    }

    /// What a question about an account comes to when it is told so, for a dialect that answers from
    /// books of its own; `None` where the exchange behind is asked. Counts nothing.
    fn retold(
        &self,
        _now: Timestamp,
        _request: &HttpRequest<'_>,
        _telling: &Telling,
    ) -> Option<HttpResponse> {
        None
    }

    /// Too many requests: the venue's own words, with the wait in them.
    fn throttled(&mut self, _now: Timestamp, _peer: IpAddr, wait: Duration) -> HttpResponse {
        stopped(429, "too many requests", wait)
    }

    /// This address is shut out for so long: the venue's own words, with the wait in them.
    fn banned(&mut self, _now: Timestamp, _peer: IpAddr, wait: Duration) -> HttpResponse {
        stopped(403, "this address is banned", wait)
    }

    /// From now on the limits differ from the usual ones by this.
    fn change_limits(&mut self, _change: &LimitChange) {}

    /// The venue ends every subscription to accounts and says so.
    fn end_subscriptions(&mut self, _now: Timestamp, _out: &mut Vec<Frame>) {}

    /// What the venue says on this connection before it shuts down; `None` where it says nothing.
    fn shutdown_notice(&self, _now: Timestamp, _conn: ConnId) -> Option<Arc<str>> {
        None
    }
}

fn stopped(status: u16, message: &str, wait: Duration) -> HttpResponse {
    // Rounded up: who comes back after this long is let in.
    let seconds = wait.as_millis().div_ceil(1_000);
    let headers = vec![("retry-after", seconds.to_string())];
    let body = serde_json::json!({"message": message}).to_string().into_bytes();
    HttpResponse { status, headers, body }
}
