//! The server side: Kraken's REST and WebSocket v2 in front of an exchange.
//!
//! Pure: bytes in, bytes out; the sockets are the runtime's and the exchange is behind. What an account has
//! done is kept as the exchange's events told it (`server/ledger.rs`), because Kraken's answers hold sums that
//! no single one of the exchange's has.
//!
//! Left out: margin, staking, deposits and withdrawals, ledgers, exports, earn, level 3, FIX and version 1 of
//! the streams; trailing and iceberg orders, conditional closes, batches of new orders, edits and amendments:
//! all refused in Kraken's words.

mod asked;
mod auth;
mod calls;
mod feeds;
mod ids;
mod limits;
mod market_data;
mod open;
mod orders;
mod params;
mod render;
mod rest;
mod sockets;
mod state;
mod streams;
#[cfg(test)]
mod tests;
mod told;
mod wording;

use std::net::IpAddr;
use std::time::Duration;

use model::venue::{PublicMarket, Response, VenueError, VenueEvent};
use model::{AccountId, Timestamp};

pub(super) use self::open::{adapt, open};
pub use self::state::{KrakenServer, Pending, ServerConfig};

use self::sockets::Conn;
use self::wording::Worded;
use crate::server::{
    ConnId, Dialect, Frame, HttpRequest, HttpResponse, LimitChange, SocketClass, Step, Telling,
    Topic,
};

/// Connections at a time.
const CONNECTIONS_MAX: usize = 10_000;

impl Dialect for KrakenServer {
    type Pending = Pending;

    fn http(
        &mut self,
        now: Timestamp,
        request: &HttpRequest<'_>,
        market: &dyn PublicMarket,
    ) -> Step<HttpResponse, Pending> {
        match self.rest(now, request, market) {
            Ok(Step::Ask { account, request, pending }) => Step::Ask { account, request, pending },
            Ok(Step::Done(result)) => Step::Done(render::answer(Ok(result))),
            Err(error) => Step::Done(render::answer(Err(error))),
        }
    }

    fn http_reply(
        &mut self,
        _now: Timestamp,
        pending: Pending,
        answer: Result<Response, VenueError>,
    ) -> Step<HttpResponse, Pending> {
        let Pending { account, wording } = pending;
        if let Ok(Response::Placed { order, .. }) = &answer {
            self.ledger.note(account, order);
        }
        match wording.word(&self.symbols, answer) {
            Ok(Worded::Again(request, wording)) => {
                Step::Ask { account, request, pending: Pending { account, wording } }
            }
            Ok(Worded::Result(result)) => Step::Done(render::answer(Ok(result))),
            Err(error) => Step::Done(render::answer(Err(error))),
        }
    }

    fn connect(
        &mut self,
        now: Timestamp,
        conn: ConnId,
        request: &HttpRequest<'_>,
    ) -> Result<(), HttpResponse> {
        let refused = |status| HttpResponse { status, headers: Vec::new(), body: Vec::new() };
        if request.path != super::STREAMS_PATH {
            return Err(refused(404));
        }
        if !self.limits.connects(now, request.peer, self.config.connections_per_10m) {
            return Err(refused(429));
        }
        if self.conns.len() >= CONNECTIONS_MAX {
            return Err(refused(503));
        }
        self.conns.insert(conn, Conn::new(now, conn));
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
        self.stream_request(now, conn, text, market, out)
    }

    fn socket_reply(
        &mut self,
        now: Timestamp,
        conn: ConnId,
        pending: Pending,
        answer: Result<Response, VenueError>,
        out: &mut Vec<Frame>,
    ) {
        self.stream_reply(now, conn, pending, answer, out);
    }

    fn control(&mut self, now: Timestamp, conn: ConnId, _pong: bool, _out: &mut Vec<Frame>) {
        if let Some(open) = self.conns.get_mut(&conn) {
            open.heard = now;
        }
    }

    fn disconnect(&mut self, conn: ConnId) {
        self.conns.remove(&conn);
    }

    fn events(
        &mut self,
        now: Timestamp,
        events: &[VenueEvent],
        _market: &dyn PublicMarket,
        out: &mut Vec<Frame>,
    ) {
        for event in events {
            match event {
                VenueEvent::Level { .. } => {}
                VenueEvent::Trade { instrument, trade } => {
                    self.traded(now, *instrument, trade, out);
                }
                VenueEvent::Account { account, event } => {
                    self.account_event(now, *account, event, out);
                }
            }
        }
    }

    fn tick(&mut self, now: Timestamp, market: &dyn PublicMarket, out: &mut Vec<Frame>) {
        self.stream_tick(now, market, out);
    }

    fn tick_ms(&self) -> u64 {
        // How long changes of a book are gathered.
        50
    }

    fn run_out(&mut self, now: Timestamp) -> Vec<AccountId> {
        let out: Vec<AccountId> =
            self.dead_man.iter().filter(|(_, at)| **at <= now).map(|(id, _)| *id).collect();
        // After it has fired it is disarmed.
        self.dead_man.retain(|_, at| *at > now);
        out
    }

    fn socket_class(&self, conn: ConnId) -> Option<SocketClass> {
        self.conns.get(&conn)?.class
    }

    fn topic(&self, conn: ConnId, text: &str) -> Topic {
        self.topic_of(conn, text)
    }

    fn method(&self, text: &str) -> String {
        asked::method(text)
    }

    fn question(&self, request: &HttpRequest<'_>) -> String {
        auth::question(request)
    }

    fn only_asks(&self, request: &HttpRequest<'_>) -> bool {
        calls::only_asks(request)
    }

    fn retold(
        &self,
        now: Timestamp,
        request: &HttpRequest<'_>,
        telling: &Telling,
    ) -> Option<HttpResponse> {
        self.retold_answer(now, request, telling)
    }

    fn throttled(&mut self, now: Timestamp, _peer: IpAddr, wait: Duration) -> HttpResponse {
        render::throttled(now, wait)
    }

    fn banned(&mut self, now: Timestamp, _peer: IpAddr, wait: Duration) -> HttpResponse {
        render::throttled(now, wait)
    }

    fn change_limits(&mut self, change: &LimitChange) {
        self.limits_changed(change);
    }

    fn end_subscriptions(&mut self, _now: Timestamp, out: &mut Vec<Frame>) {
        self.subscriptions_end(out);
    }
}
