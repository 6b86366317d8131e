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
mod errors;
mod exchange_info;
mod legacy;
mod limits;
mod market_data;
mod orders;
mod params;
#[cfg(test)]
mod properties;
mod render;
#[cfg(test)]
mod rest_tests;
#[cfg(test)]
mod socket_tests;
mod sockets;
mod stream_events;
mod stream_requests;
mod streams;
mod strict;
#[cfg(test)]
mod testing;
mod time_unit;
mod user_events;
mod wallet;
mod ws_api;

use std::collections::BTreeMap;
use std::net::IpAddr;

use model::venue::{
    AccountEvent, Execution, FeeRates, PublicMarket, Response, VenueError, VenueEvent,
};
use model::{AccountId, ClientOrderId, Decimal, Instrument, Liquidity, Timestamp};

use self::account_calls::{Plan, Wording};
use self::auth::{Key, Keys};
use self::calls::Call;
use self::errors::ApiError;
use self::limits::{FirstFills, Limits, limiter};
use self::market_data::Public;
use self::params::Params;
use self::sockets::{Conn, Kind, Listeners, Session};
use self::streams::Hub;
use self::time_unit::TimeUnit;
use crate::binance::Symbols;
use crate::binance::sign::VerifyingKey;
use crate::server::{ConnId, Dialect, Frame, HttpRequest, HttpResponse, Payload, Step};

/// What the server counts and how it behaves. The default is Binance as of 2026-07-21.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// Request weight of one address in a minute.
    pub weight_per_minute: u32,
    /// Requests of one address in five minutes.
    pub raw_per_5m: u32,
    /// Unfilled orders of one account in ten seconds.
    pub orders_per_10s: u32,
    /// Unfilled orders of one account in a day.
    pub orders_per_day: u32,
    /// Order calls that work cost no weight (since 2026-04-02).
    pub free_success: bool,
    /// Messages that a market connection may send in a second.
    pub messages_per_s: u32,
    /// WebSocket connections that one address may open in five minutes.
    pub connections_per_5m: u32,
    /// Serve listen keys, which ended on 2026-02-20.
    pub legacy_listen_key: bool,
    /// Fees of every account, as fractions.
    pub fees: FeeRates,
}

impl Default for ServerConfig {
    fn default() -> ServerConfig {
        ServerConfig {
            weight_per_minute: 6_000,
            raw_per_5m: 300_000,
            orders_per_10s: 50,
            orders_per_day: 160_000,
            free_success: true,
            messages_per_s: 5,
            connections_per_5m: 300,
            legacy_listen_key: false,
            fees: FeeRates { maker: Decimal::new(1, 3), taker: Decimal::new(1, 3) },
        }
    }
}

/// Connections at a time.
const CONNECTIONS_MAX: usize = 10_000;

/// Binance's protocol for one simulated exchange.
pub struct BinanceServer {
    config: ServerConfig,
    symbols: Symbols,
    keys: Keys,
    limits: Limits,
    first_fills: FirstFills,
    conns: BTreeMap<ConnId, Conn>,
    listeners: Listeners,
    listen_keys: BTreeMap<String, AccountId>,
    hub: Hub,
    made: u64,
}

/// What is remembered between a question and its answer.
#[derive(Debug)]
pub struct Pending {
    account: AccountId,
    call: Call,
    weight: u32,
    peer: IpAddr,
    wording: Wording,
    way: Way,
}

/// Which way a call came, and so its answer goes.
#[derive(Debug)]
enum Way {
    Http(TimeUnit),
    Socket(ws_api::Caller),
}

impl BinanceServer {
    /// A server for these instruments, without keys.
    pub fn new(config: ServerConfig, instruments: Vec<Instrument>) -> BinanceServer {
        BinanceServer {
            config,
            symbols: Symbols::new(instruments),
            keys: Keys::default(),
            limits: Limits::default(),
            first_fills: FirstFills::default(),
            conns: BTreeMap::new(),
            listeners: Listeners::default(),
            listen_keys: BTreeMap::new(),
            hub: Hub::default(),
            made: 0,
        }
    }

    /// Lets an API key into an account.
    pub fn add_key(&mut self, api_key: &str, verifying: VerifyingKey, account: AccountId) {
        self.keys.add(api_key, Key { verifying, account });
    }

    fn public<'a>(&'a self, now: Timestamp, market: &'a dyn PublicMarket) -> Public<'a> {
        Public { now, symbols: &self.symbols, config: &self.config, market }
    }

    /// A name for an order that came without one.
    fn make_id(&mut self) -> ClientOrderId {
        self.made += 1;
        let name = format!("autoNamedOrder{:08}", self.made);
        ClientOrderId::new(&name).unwrap_or_else(|_| unreachable!("22 letters and digits"))
    }

    fn order_limits(&mut self, now: Timestamp, account: AccountId) -> String {
        let (ten, day) = self.limits.orders(now, account);
        market_data::text(&[
            limiter("ORDERS", "SECOND", 10, self.config.orders_per_10s, Some(ten)),
            limiter("ORDERS", "DAY", 1, self.config.orders_per_day, Some(day)),
        ])
    }

    fn rest(
        &mut self,
        now: Timestamp,
        request: &HttpRequest<'_>,
        market: &dyn PublicMarket,
    ) -> Result<Step<String, Pending>, ApiError> {
        let unit = TimeUnit::parse(request.header("x-mbx-time-unit"))?;
        if request.path == "/api/v3/userDataStream" {
            return self.listen_key(now, request).map(Step::Done);
        }
        let body = std::str::from_utf8(request.body)
            .map_err(|_| ApiError::bad(-1100, "Illegal characters found in a parameter."))?;
        // Some clients send an empty JSON object where nothing is meant.
        let body = if body.trim_start().starts_with('{') { "" } else { body };
        let params = Params::from_form(request.query, body);
        let Some(call) = calls::route(request.method, request.path) else {
            self.limits.charge(&self.config, now, request.peer, 1)?;
            return Err(ApiError::not_found());
        };
        let weight = call.weight(&params);
        self.limits.charge(&self.config, now, request.peer, weight)?;
        if call.is_public() {
            strict::check(call, &params, strict::Frame::Public)?;
            let answer = self.public(now, market).answer(call, &params)?;
            return Ok(Step::Done(unit.convert(answer)));
        }
        let key = self.keys.find(request.header("x-mbx-apikey"))?;
        strict::check(call, &params, strict::Frame::Signed)?;
        auth::check_rest(key, &params, request.query, body, now)?;
        let account = key.account;
        let plan = self.plan(now, account, call, &params)?;
        Ok(match plan {
            Plan::Ready(body) => Step::Done(body),
            Plan::Ask(asked, wording) => {
                let (peer, way) = (request.peer, Way::Http(unit));
                let pending = Pending { account, call, weight, peer, wording, way };
                Step::Ask { account, request: asked, pending }
            }
        })
    }

    /// What a signed call comes to, when its owner is known.
    fn plan(
        &mut self,
        now: Timestamp,
        account: AccountId,
        call: Call,
        params: &Params,
    ) -> Result<Plan, ApiError> {
        match call {
            Call::OrderLimits => return Ok(Plan::Ready(self.order_limits(now, account))),
            Call::ApiRestrictions => return Ok(Plan::Ready(self.api_restrictions())),
            Call::TradeFee => return self.trade_fees(params).map(Plan::Ready),
            _ => {}
        }
        let made = self.make_id();
        let plan = account_calls::plan(call, params, &self.symbols, || made)?;
        match (call.places(), self.limits.check_orders(&self.config, now, account)) {
            (true, Err(over)) if call == Call::CancelReplace => {
                account_calls::cancel_only(params, plan, over)
            }
            (true, Err(over)) => Err(over),
            (true, Ok(())) | (false, _) => Ok(plan),
        }
    }

    /// An answer with the usage headers that every answer has.
    fn http_answer(
        &mut self,
        now: Timestamp,
        peer: IpAddr,
        orders_of: Option<AccountId>,
        answer: Result<String, ApiError>,
    ) -> HttpResponse {
        let used = self.limits.used_weight(now, peer).to_string();
        let mut headers = vec![
            ("content-type", "application/json;charset=UTF-8".to_owned()),
            ("x-mbx-used-weight", used.clone()),
            ("x-mbx-used-weight-1m", used),
        ];
        if let Some(account) = orders_of {
            let (ten, day) = self.limits.orders(now, account);
            headers.push(("x-mbx-order-count-10s", ten.to_string()));
            headers.push(("x-mbx-order-count-1d", day.to_string()));
        }
        match answer {
            Ok(body) => HttpResponse { status: 200, headers, body: body.into_bytes() },
            Err(error) => {
                if let Some(at) = error.retry_at_ms {
                    // Rounded up: who comes back after this long is let in.
                    let wait = (at - now.millis()).max(0).unsigned_abs().div_ceil(1_000);
                    headers.push(("retry-after", wait.to_string()));
                }
                let body = error.body().to_string().into_bytes();
                HttpResponse { status: error.status, headers, body }
            }
        }
    }

    /// Books an answer: what worked is free, and an accepted order counts.
    fn settle(
        &mut self,
        now: Timestamp,
        pending: &Pending,
        answer: Result<Response, VenueError>,
    ) -> Result<String, ApiError> {
        let accepted = match &answer {
            Ok(Response::Placed { .. } | Response::Replaced(_)) => true,
            Ok(_) | Err(_) => false,
        };
        if accepted {
            self.limits.placed(now, pending.account);
        }
        let Pending { wording, account, .. } = pending;
        let worded =
            account_calls::word(wording, answer, &self.symbols, self.config.fees, *account);
        if worded.is_ok() && self.config.free_success && pending.call.is_free_when_it_works() {
            self.limits.refund(now, pending.peer, pending.weight);
        }
        worded
    }
}

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
    ) -> HttpResponse {
        let worded = self.settle(now, &pending, answer);
        let worded = match pending.way {
            Way::Http(unit) => worded.map(|body| unit.convert(body)),
            Way::Socket(_) => worded,
        };
        let orders_of = pending.call.places().then_some(pending.account);
        self.http_answer(now, pending.peer, orders_of, worded)
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
                    let maker = fill.liquidity == Liquidity::Maker;
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
}
