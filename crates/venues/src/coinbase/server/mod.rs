//! The server side: Coinbase Advanced Trade's REST and WebSocket in front of an exchange.
//!
//! Pure: bytes in, bytes out; the sockets are the runtime's and the exchange is behind. One lookup
//! table names every call (`calls.rs`). What an account has done is kept as the exchange's events
//! told it (`server/ledger.rs`), because Coinbase's answers hold sums that no single one of the exchange's
//! has.
//!
//! Left out: derivatives, portfolios beyond the one that each account is, conversions and payments;
//! brackets, TWAP and scaled orders and orders attached to others, limit orders for an amount of
//! quote, and edits: all refused in Coinbase's words. RFQ flags and margin are read and ignored.

mod accounts;
#[cfg(test)]
mod agreement_tests;
mod app_api;
mod auth;
mod calls;
mod config;
mod errors;
mod history;
mod ids;
mod limits;
mod market_data;
mod open;
mod orders;
mod params;
#[cfg(test)]
mod properties;
mod render;
mod rest;
#[cfg(test)]
mod rest_tests;
#[cfg(test)]
mod socket_tests;
mod sockets;
mod state;
mod stream_requests;
mod streams;
#[cfg(test)]
mod testing;
mod upsets;
#[cfg(test)]
mod upsets_tests;
mod user_channel;
mod wording;

use std::net::IpAddr;
use std::time::Duration;

use model::Timestamp;
use model::venue::{PublicMarket, Response, VenueError, VenueEvent};

pub use self::config::ServerConfig;
pub(super) use self::open::{adapt, open};
pub use self::state::{CoinbaseServer, Pending};

use self::errors::ApiError;
use self::limits::Caller;
use self::market_data::Public;
use self::sockets::{Channel, Conn};
use self::state::http_answer;
use self::wording::Worded;
use crate::server::ledger;
use crate::server::{
    ConnId, Dialect, Frame, HttpRequest, HttpResponse, LimitChange, SocketClass, Step, Telling,
    Topic,
};

/// Connections at a time.
const CONNECTIONS_MAX: usize = 10_000;

impl Dialect for CoinbaseServer {
    type Pending = Pending;

    fn http(
        &mut self,
        now: Timestamp,
        request: &HttpRequest<'_>,
        market: &dyn PublicMarket,
    ) -> Step<HttpResponse, Pending> {
        let rest::Outcome { usage, answer } = self.rest(now, request, market);
        match answer {
            Ok(Step::Ask { account, request, pending }) => Step::Ask { account, request, pending },
            Ok(Step::Done(body)) => Step::Done(http_answer(usage, Ok(body))),
            Err(error) => Step::Done(http_answer(usage, Err(error))),
        }
    }

    fn http_reply(
        &mut self,
        _now: Timestamp,
        pending: Pending,
        answer: Result<Response, VenueError>,
    ) -> Step<HttpResponse, Pending> {
        let Pending { account, usage, wording } = pending;
        if let Ok(Response::Placed { order, .. }) = &answer {
            self.ledger.note(account, order);
        }
        match self.word(account, wording, answer) {
            Ok(Worded::Again(request, wording)) => {
                Step::Ask { account, request, pending: Pending { account, usage, wording } }
            }
            Ok(Worded::Body(body)) => Step::Done(http_answer(usage, Ok(body))),
            Err(error) => Step::Done(http_answer(usage, Err(error))),
        }
    }

    fn connect(
        &mut self,
        now: Timestamp,
        conn: ConnId,
        request: &HttpRequest<'_>,
    ) -> Result<(), HttpResponse> {
        let caller = Caller::Connections(request.peer);
        let counted = self.limits.charge(now, caller, self.config.connections_per_s);
        let usage = counted.map_err(|usage| http_answer(Some(usage), Err(ApiError::too_many())))?;
        if self.conns.len() >= CONNECTIONS_MAX {
            return Err(http_answer(Some(usage), Err(ApiError::too_many())));
        }
        self.conns.insert(conn, Conn::new(now, request.peer));
        Ok(())
    }

    fn text(
        &mut self,
        now: Timestamp,
        conn: ConnId,
        text: &str,
        market: &dyn PublicMarket,
        out: &mut Vec<Frame>,
    ) -> Step<(), Pending> {
        self.stream_request(now, conn, text, market, out);
        Step::Done(())
    }

    fn socket_reply(
        &mut self,
        _now: Timestamp,
        _conn: ConnId,
        _pending: Pending,
        _answer: Result<Response, VenueError>,
        _out: &mut Vec<Frame>,
    ) {
        // Nothing that is said on a connection asks the exchange.
    }

    fn control(&mut self, _now: Timestamp, _conn: ConnId, _pong: bool, _out: &mut Vec<Frame>) {
        // Pings are answered by the driver, and none are sent: heartbeats are messages here.
    }

    fn disconnect(&mut self, conn: ConnId) {
        let Some(open) = self.conns.remove(&conn) else { return };
        for (channel, products) in open.channels {
            for product in products {
                self.hub.unsubscribe(conn, channel, product);
            }
        }
    }

    fn events(
        &mut self,
        now: Timestamp,
        events: &[VenueEvent],
        market: &dyn PublicMarket,
        out: &mut Vec<Frame>,
    ) {
        for event in events {
            let VenueEvent::Account { account, event } = event else { continue };
            let Some(entry) = self.ledger.book(*account, event) else { continue };
            let renderer = render::Renderer {
                symbols: &self.symbols,
                fees: self.config.fees,
                account: *account,
            };
            let mut told = None;
            for (id, conn) in &mut self.conns {
                if conn.user != Some(*account) {
                    continue;
                }
                let Some(products) = conn.channels.get(&Channel::User) else { continue };
                if user_channel::is_told(products, entry) {
                    let events = told.get_or_insert_with(|| user_channel::update(&renderer, entry));
                    conn.say(now, *id, Channel::User.told_as(), events, out);
                }
            }
        }
        let public = Public { now, symbols: &self.symbols, market };
        self.hub.events(&public, events, &mut self.conns, out);
    }

    fn tick(&mut self, now: Timestamp, market: &dyn PublicMarket, out: &mut Vec<Frame>) {
        let public = Public { now, symbols: &self.symbols, market };
        self.hub.tick(&public, &mut self.conns, out);
        for (id, conn) in &mut self.conns {
            conn.tick(now, *id, out);
        }
    }

    fn tick_ms(&self) -> u64 {
        // How long changes of a book are gathered.
        50
    }

    fn socket_class(&self, conn: ConnId) -> Option<SocketClass> {
        self.conns.get(&conn)?.class
    }

    fn topic(&self, conn: ConnId, text: &str) -> Topic {
        self.topic_of(conn, text)
    }

    fn method(&self, text: &str) -> String {
        upsets::method(text)
    }

    fn question(&self, request: &HttpRequest<'_>) -> String {
        upsets::question(request)
    }

    fn retold(
        &self,
        now: Timestamp,
        request: &HttpRequest<'_>,
        telling: &Telling,
    ) -> Option<HttpResponse> {
        self.retold_answer(now, request, telling)
    }

    fn throttled(&mut self, _now: Timestamp, _peer: IpAddr, wait: Duration) -> HttpResponse {
        self.throttled_answer(wait)
    }

    fn banned(&mut self, _now: Timestamp, _peer: IpAddr, wait: Duration) -> HttpResponse {
        self.throttled_answer(wait)
    }

    fn change_limits(&mut self, change: &LimitChange) {
        self.limits_changed(change);
    }

    fn end_subscriptions(&mut self, _now: Timestamp, out: &mut Vec<Frame>) {
        self.subscriptions_end(out);
    }
}
