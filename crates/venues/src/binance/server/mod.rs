//! The server side: Binance's REST, streams and WebSocket API in front of an exchange.
//!
//! Pure: bytes in, bytes out; the sockets are the runtime's and the exchange is behind. One lookup
//! table names every call (`calls.rs`); REST and the WebSocket API share it and everything behind
//! it, so that they cannot disagree.
//!
//! Left out: order lists, amendments, iceberg, trailing and pegged orders, smart order routing: they
//! are advertised as not allowed and refused. RSA keys and SBE. Candles in time zones other than
//! UTC: the zone is read and ignored.

mod account_calls;
mod auth;
mod calls;
mod config;
mod depth;
mod errors;
mod exchange_info;
#[cfg(test)]
mod key_tests;
mod legacy;
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
mod stream_events;
mod stream_requests;
mod streams;
mod strict;
#[cfg(test)]
mod testing;
mod tickers;
mod time_unit;
mod upsets;
#[cfg(test)]
mod upsets_tests;
mod user_events;
mod wallet;
mod ws_api;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use model::Timestamp;
use model::venue::{AccountEvent, Execution, PublicMarket, Response, VenueError, VenueEvent};

pub use self::config::ServerConfig;
pub(super) use self::open::open;
pub use self::state::{BinanceServer, Pending};

use self::errors::ApiError;
use self::market_data::Public;
use self::params::Params;
use self::sockets::{Conn, Kind, Session};
use self::state::Way;
use self::time_unit::TimeUnit;
use crate::server::{
    ConnId, Dialect, Frame, HttpRequest, HttpResponse, LimitChange, Payload, SocketClass, Step,
    Topic,
};

/// Connections at a time.
const CONNECTIONS_MAX: usize = 10_000;

impl Dialect for BinanceServer {
    type Pending = Pending;

    fn http(
        &mut self,
        now: Timestamp,
        request: &HttpRequest<'_>,
        market: &dyn PublicMarket,
    ) -> Step<HttpResponse, Pending> {
        match self.rest(now, request, market) {
            Ok(Step::Ask { account, request, pending }) => Step::Ask { account, request, pending },
            Ok(Step::Done(body)) => Step::Done(self.http_answer(now, request.peer, None, Ok(body))),
            Err(error) => Step::Done(self.http_answer(now, request.peer, None, Err(error))),
        }
    }

    fn http_reply(
        &mut self,
        now: Timestamp,
        pending: Pending,
        answer: Result<Response, VenueError>,
    ) -> Step<HttpResponse, Pending> {
        let worded = self.settle(now, &pending, answer);
        let worded = match pending.way {
            Way::Http(unit) => worded.map(|body| unit.convert(body)),
            Way::Socket(_) => worded,
        };
        let orders_of = pending.call.places().then_some(pending.account);
        Step::Done(self.http_answer(now, pending.peer, orders_of, worded))
    }

    fn connect(
        &mut self,
        now: Timestamp,
        conn: ConnId,
        request: &HttpRequest<'_>,
    ) -> Result<(), HttpResponse> {
        let refused = |server: &mut BinanceServer, error| {
            Err(server.http_answer(now, request.peer, None, Err(error)))
        };
        if self.conns.len() >= CONNECTIONS_MAX {
            let text =
                format!("Too many concurrent connections; current limit is '{CONNECTIONS_MAX}'.");
            return refused(self, ApiError::new(429, -1034, text));
        }
        if let Err(error) = self.limits.connect(&self.config, now, request.peer) {
            return refused(self, error);
        }
        let params = Params::from_form(request.query, "");
        let unit = match TimeUnit::parse(params.get("timeUnit")) {
            Ok(unit) => unit,
            Err(error) => return refused(self, error),
        };
        let path = request.path.trim_end_matches('/');
        if path == "/ws-api/v3" {
            if let Err(error) = self.limits.charge(&self.config, now, request.peer, 2) {
                return refused(self, error);
            }
            let hide_limits = params.get("returnRateLimits") == Some("false");
            let session = Session { hide_limits, ..Session::default() };
            self.conns.insert(conn, Conn::new(now, request.peer, unit, Kind::Api(session)));
            return Ok(());
        }
        let (combined, names) = if path == "/stream" {
            (true, params.get("streams").unwrap_or_default().to_owned())
        } else if path == "/ws" {
            (false, String::new())
        } else if let Some(names) = path.strip_prefix("/ws/") {
            // Clients dial whatever they like below it and subscribe afterwards.
            (false, params::decode(names))
        } else {
            return refused(self, ApiError::not_found());
        };
        let kind = Kind::Streams { names: Default::default(), combined };
        self.conns.insert(conn, Conn::new(now, request.peer, unit, kind));
        for name in names.split('/').filter(|name| !name.is_empty()) {
            self.listen_to(conn, name);
        }
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
        let Some(open) = self.conns.get_mut(&conn) else { return Step::Done(()) };
        if let Kind::Api(_) = open.kind {
            return self.api_request(now, conn, text, market, out);
        }
        if open.count(now, self.config.messages_per_s) {
            self.stream_request(conn, text, out);
        } else {
            out.push(Frame {
                conn,
                payload: Payload::Close(1_008, "Too many requests".to_owned()),
            });
        }
        Step::Done(())
    }

    fn socket_reply(
        &mut self,
        now: Timestamp,
        _conn: ConnId,
        pending: Pending,
        answer: Result<Response, VenueError>,
        out: &mut Vec<Frame>,
    ) {
        let worded = self.settle(now, &pending, answer);
        if let Way::Socket(caller) = &pending.way {
            self.socket_answer(now, caller, worded, Some(pending.account), out);
        }
    }

    fn control(&mut self, now: Timestamp, conn: ConnId, pong: bool, out: &mut Vec<Frame>) {
        let Some(open) = self.conns.get_mut(&conn) else { return };
        if pong {
            open.pong();
        }
        if matches!(open.kind, Kind::Streams { .. }) && !open.count(now, self.config.messages_per_s)
        {
            out.push(Frame {
                conn,
                payload: Payload::Close(1_008, "Too many requests".to_owned()),
            });
        }
    }

    fn disconnect(&mut self, conn: ConnId) {
        let Some(open) = self.conns.remove(&conn) else { return };
        if let Kind::Streams { names, .. } = open.kind {
            for name in names {
                if let Some(stream) = streams::parse(&name, &self.symbols) {
                    self.hub.unsubscribe(conn, stream);
                }
            }
        }
        self.listeners.remove_all(conn);
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
            if let AccountEvent::Order { order, execution, .. } = event {
                if let Execution::Trade(fill) = execution
                    && self.first_fills.is_first(order.id)
                {
                    let maker = fill.liquidity == model::Liquidity::Maker;
                    self.limits.first_fill(now, *account, maker);
                }
                if !order.status.is_open() {
                    self.first_fills.forget(order.id);
                }
            }
            let text = user_events::event(now, event, &self.symbols);
            self.listeners.deliver(*account, text, out);
        }
        let (symbols, config) = (&self.symbols, &self.config);
        self.hub.events(&Public { now, symbols, config, market }, events, out);
    }

    fn tick(&mut self, now: Timestamp, market: &dyn PublicMarket, out: &mut Vec<Frame>) {
        for (id, conn) in &mut self.conns {
            conn.tick(now, *id, out);
            // A ban ends the connections of the WebSocket API, too.
            if matches!(conn.kind, Kind::Api(_)) && self.limits.check_ban(now, conn.peer).is_err() {
                out.push(Frame { conn: *id, payload: Payload::Close(1_008, "banned".to_owned()) });
            }
        }
        let (symbols, config) = (&self.symbols, &self.config);
        self.hub.tick(&Public { now, symbols, config, market }, out);
    }

    fn tick_ms(&self) -> u64 {
        // Half of the shortest period, so that no batch is late by more than that.
        50
    }

    fn socket_class(&self, conn: ConnId) -> Option<SocketClass> {
        self.class_of(conn)
    }

    fn topic(&self, conn: ConnId, text: &str) -> Topic {
        self.topic_of(conn, text)
    }

    fn method(&self, text: &str) -> String {
        upsets::method(text)
    }

    fn answer_status(&self, text: &str) -> Option<u16> {
        upsets::status(text)
    }

    fn question(&self, request: &HttpRequest<'_>) -> String {
        upsets::question(request)
    }

    fn throttled(&mut self, now: Timestamp, peer: IpAddr, wait: Duration) -> HttpResponse {
        self.throttled_answer(now, peer, wait)
    }

    fn banned(&mut self, now: Timestamp, peer: IpAddr, wait: Duration) -> HttpResponse {
        self.banned_answer(now, peer, wait)
    }

    fn change_limits(&mut self, change: &LimitChange) {
        self.limits_changed(change);
    }

    fn end_subscriptions(&mut self, now: Timestamp, out: &mut Vec<Frame>) {
        self.subscriptions_end(now, out);
    }

    fn shutdown_notice(&self, now: Timestamp, conn: ConnId) -> Option<Arc<str>> {
        self.conns.get(&conn).map(|open| open.shutdown_notice(now))
    }
}
