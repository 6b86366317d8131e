//! What the tests of this folder share: an instrument, a market with canned answers, and somebody
//! who talks to a server.

use std::net::{IpAddr, Ipv4Addr};

use model::market::{Candle, GridPrice, GridQty, Level, PublicTrade, Quote, Ticker};
use model::venue::{
    AccountEvent, AccountRequest, BookSnapshot, Execution, InstrumentTicker, MarketRequest,
    PublicMarket, Response, VenueError, VenueEvent, VenueOrder, VenueOrderStatus,
};
use model::{
    AccountId, Asset, ClientOrderId, Decimal, Fee, Fill, Instrument, Liquidity, OrderKind,
    OrderQty, SelfTradePrevention, Side, TimeInForce, Timestamp, TradeId, VenueOrderId,
};
use serde_json::Value;

use super::{CoinbaseServer, Pending, ServerConfig};
use crate::coinbase::sign::{Nonce, SigningKey, Target};
use crate::server::{ConnId, Dialect, Frame, HttpRequest, HttpResponse, Payload, Scopes, Step};

/// 2026-01-01 00:00:00 UTC.
pub(super) const MIDNIGHT_MS: i64 = 1_767_225_600_000;
pub(super) const KEY: &str = "organizations/o/apiKeys/k";
/// A key that may only look.
pub(super) const VIEWER: &str = "organizations/o/apiKeys/v";
pub(super) const HOST: &str = "127.0.0.1:9000";
pub(super) const PEER: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
pub(super) const BASE: &str = "/api/v3/brokerage";
/// Made up: the private scalar is the bytes 01 02 … 20.
const SECRET: &str = "-----BEGIN EC PRIVATE KEY-----\n\
    MHcCAQEEIAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8goAoGCCqGSM49\n\
    AwEHoUQDQgAEUVw9brnjlrkE0/7Kf1T9zQzB6Ze/N13KUVrQpsO0A19FNr46UPMY\n\
    +/mlR1kCoiFQK+8NV+CMU7LMClbxfZ+TVA==\n\
    -----END EC PRIVATE KEY-----\n";

pub(super) fn signing_key() -> SigningKey {
    SigningKey::new(SECRET).unwrap()
}

/// BTC-USD as Coinbase has it, at most 10 a piece.
pub(super) fn instrument() -> Instrument {
    let asset = |name| Asset::new(name).unwrap();
    let (tick, lot) = ("0.01".parse().unwrap(), "0.00000001".parse().unwrap());
    let mut instrument = Instrument::spot(asset("BTC"), asset("USD"), tick, lot).unwrap();
    instrument.symbol = "BTC-USD".to_owned();
    instrument.limits.notional_min = "1".parse().unwrap();
    instrument.limits.notional_max = Some("1000000".parse().unwrap());
    instrument.limits.qty_max = Some("10".parse().unwrap());
    instrument.limits.price_max = Some("1000000".parse().unwrap());
    instrument
}

pub(super) fn account() -> AccountId {
    AccountId::new("main").unwrap()
}

pub(super) fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(MIDNIGHT_MS + ms).unwrap()
}

/// A buy of 0.002 at 61234.50, half of it filled if not new.
pub(super) fn order(number: u64, status: VenueOrderStatus) -> VenueOrder {
    let half = status != VenueOrderStatus::New;
    VenueOrder {
        id: VenueOrderId::from_number(number),
        client_order_id: ClientOrderId::new(&format!("agent-{number}")).unwrap(),
        instrument: instrument().id,
        side: Side::Buy,
        kind: OrderKind::Limit { price: "61234.50".parse().unwrap() },
        ordered: OrderQty::Base("0.002".parse().unwrap()),
        qty: "0.002".parse().unwrap(),
        time_in_force: TimeInForce::Gtc,
        post_only: true,
        self_trade_prevention: SelfTradePrevention::ExpireMaker,
        status,
        filled: if half { "0.001" } else { "0" }.parse().unwrap(),
        filled_notional: if half { "61.2345" } else { "0" }.parse().unwrap(),
        prevented: "0".parse().unwrap(),
        created: at(number as i64),
        updated: at(number as i64 + 100),
        working_since: Some(at(number as i64)),
        expiry: None,
    }
}

/// Half of it.
pub(super) fn fill(number: u64) -> Fill {
    Fill {
        trade_id: TradeId::from_number(40_000 + number),
        venue_order_id: VenueOrderId::from_number(number),
        client_order_id: Some(order(number, VenueOrderStatus::New).client_order_id),
        instrument: instrument().id,
        side: Side::Buy,
        price: "61234.50".parse().unwrap(),
        qty: "0.001".parse().unwrap(),
        fee: Some(Fee { asset: instrument().quote, amount: "0.367407".parse().unwrap() }),
        liquidity: Liquidity::Maker,
        venue_time: at(number as i64 + 50),
    }
}

/// Something happened to an order.
pub(super) fn told(order: VenueOrder, execution: Execution) -> VenueEvent {
    let (time, execution_id) = (order.updated, 1);
    let event = AccountEvent::Order { order, execution, execution_id, time };
    VenueEvent::Account { account: account(), event }
}

/// An order as it is accepted.
pub(super) fn accepted(number: u64) -> VenueEvent {
    told(order(number, VenueOrderStatus::New), Execution::New)
}

/// A market with one trade and one level a side, or whatever a test puts in.
pub(super) struct Canned {
    pub(super) bids: Vec<Level>,
    pub(super) asks: Vec<Level>,
    pub(super) trades: Vec<PublicTrade>,
}

impl Default for Canned {
    fn default() -> Canned {
        let level = |price, qty| vec![Level { price: GridPrice(price), qty: GridQty(qty) }];
        Canned {
            bids: level(6_123_400, 20_000_000),
            asks: level(6_123_500, 30_000_000),
            trades: vec![trade(40_015, 6_123_450)],
        }
    }
}

/// A buyer took 0.01.
pub(super) fn trade(id: u64, price: i64) -> PublicTrade {
    let (price, qty) = (GridPrice(price), GridQty(1_000_000));
    PublicTrade { id, price, qty, taker_side: Side::Buy, time: at(-400) }
}

fn candle() -> Candle {
    let five = model::market::Interval::Seconds(300);
    let mut candle = Candle::empty(five, at(0), GridPrice(6_000_000));
    candle.add(&trade(40_014, 6_000_000));
    candle.add(&trade(40_015, 6_123_450));
    candle
}

impl PublicMarket for Canned {
    fn read(&self, now: Timestamp, request: &MarketRequest) -> Result<Response, VenueError> {
        let id = instrument().id;
        let quote = Quote { bid: self.bids.first().copied(), ask: self.asks.first().copied() };
        Ok(match request {
            MarketRequest::Instruments(_) => Response::Instruments(vec![instrument()]),
            MarketRequest::Book { depth, .. } => {
                let side =
                    |levels: &[Level]| levels.iter().take(*depth as usize).copied().collect();
                let (bids, asks) = (side(&self.bids), side(&self.asks));
                Response::Book(BookSnapshot { instrument: id, update_id: 9, bids, asks })
            }
            MarketRequest::Trades { limit, .. } => {
                let skip = self.trades.len().saturating_sub(*limit as usize);
                Response::Trades(self.trades[skip..].to_vec())
            }
            MarketRequest::Candles { .. } => Response::Candles(vec![candle()]),
            MarketRequest::Tickers { .. } => {
                let window = candle();
                let (end, last_qty) = (now, GridQty(1_000_000));
                let ticker = Ticker { window, end, previous_close: None, last_qty, quote };
                let ticker = Some(ticker);
                Response::Tickers(vec![InstrumentTicker { instrument: id, ticker, quote }])
            }
            MarketRequest::Ping
            | MarketRequest::Time
            | MarketRequest::AggregateTrades { .. }
            | MarketRequest::AveragePrice(_) => panic!("{request:?} is not asked for here"),
        })
    }
}

/// Somebody who talks to a server. Time stands still unless moved.
pub(super) struct Talk {
    pub(super) server: CoinbaseServer,
    pub(super) market: Canned,
    pub(super) now: Timestamp,
    pub(super) heard: Vec<Frame>,
}

impl Talk {
    pub(super) fn new() -> Talk {
        let fees = model::venue::FeeRates { maker: Decimal::new(6, 3), taker: Decimal::new(12, 3) };
        let config = ServerConfig { fees, ..ServerConfig::default() };
        let mut server = CoinbaseServer::new(config, vec![instrument()]);
        let verifying = signing_key().verifying_key();
        server.add_key(KEY, verifying.clone(), account());
        let scopes = Scopes { trade: false, ..Scopes::default() };
        server.add_key_with(VIEWER, verifying, account(), scopes);
        Talk { server, market: Canned::default(), now: at(0), heard: Vec::new() }
    }

    pub(super) fn token(&self, key: &str, target: Option<&Target<'_>>) -> String {
        signing_key().token(key, target, self.now, Nonce([7; 32]))
    }

    /// A request with this token; without one where it is empty.
    pub(super) fn raw(
        &mut self,
        method: &str,
        path: &str,
        query: &str,
        body: &str,
        token: &str,
    ) -> Step<HttpResponse, Pending> {
        let bearer = format!("Bearer {token}");
        let mut headers = vec![("host", HOST)];
        if !token.is_empty() {
            headers.push(("authorization", bearer.as_str()));
        }
        let body = body.as_bytes();
        let request = HttpRequest { method, path, query, body, headers: &headers, peer: PEER };
        self.server.http(self.now, &request, &self.market)
    }

    /// A request with a good token of this key.
    pub(super) fn signed(
        &mut self,
        key: &str,
        method: &str,
        path: &str,
        query: &str,
        body: &str,
    ) -> Step<HttpResponse, Pending> {
        let path = format!("{BASE}{path}");
        let token = self.token(key, Some(&Target { method, host: HOST, path: &path }));
        self.raw(method, &path, query, body, &token)
    }

    /// A private question that is answered without asking the exchange.
    pub(super) fn get(&mut self, path: &str, query: &str) -> (u16, Value) {
        read(&done(self.signed(KEY, "GET", path, query, "")))
    }

    /// The same with a body.
    pub(super) fn post(&mut self, path: &str, body: &Value) -> (u16, Value) {
        read(&done(self.signed(KEY, "POST", path, "", &body.to_string())))
    }

    /// A public question.
    pub(super) fn open_get(&mut self, path: &str, query: &str) -> (u16, Value) {
        read(&done(self.raw("GET", path, query, "", "")))
    }

    /// A body that asks the exchange.
    pub(super) fn asks(&mut self, path: &str, body: &Value) -> (AccountRequest, Pending) {
        match self.signed(KEY, "POST", path, "", &body.to_string()) {
            Step::Ask { account: of, request, pending } => {
                assert_eq!(of, account());
                (request, pending)
            }
            Step::Done(response) => panic!("{path} is answered: {:?}", read(&response)),
        }
    }

    /// The exchange answers.
    pub(super) fn answer(
        &mut self,
        pending: Pending,
        answer: Result<Response, VenueError>,
    ) -> Step<HttpResponse, Pending> {
        self.server.http_reply(self.now, pending, answer)
    }

    /// Opens a connection.
    pub(super) fn open(&mut self, conn: u64) -> Result<(), HttpResponse> {
        let headers = [("upgrade", "websocket"), ("host", HOST)];
        let (method, path, query) = ("GET", "/any/path", "");
        let request = HttpRequest { method, path, query, body: &[], headers: &headers, peer: PEER };
        self.server.connect(self.now, ConnId(conn), &request)
    }

    /// Says something on a connection, and hears what the server says to that.
    pub(super) fn say(&mut self, conn: u64, text: &str) -> Vec<Value> {
        let step = self.server.text(self.now, ConnId(conn), text, &self.market, &mut self.heard);
        assert!(matches!(step, Step::Done(())), "connections ask nothing");
        self.hear(conn)
    }

    /// Subscribes to BTC-USD, or to a channel that has no products.
    pub(super) fn subscribe(&mut self, conn: u64, channel: &str) -> Vec<Value> {
        let products = match channel {
            "heartbeats" | "user" => "[]",
            _ => "[\"BTC-USD\"]",
        };
        let token = self.token(KEY, None);
        let text = format!(
            "{{\"type\":\"subscribe\",\"product_ids\":{products},\"channel\":\"{channel}\",\
             \"jwt\":\"{token}\"}}"
        );
        self.say(conn, &text)
    }

    /// Something happens at the exchange.
    pub(super) fn happen(&mut self, events: &[VenueEvent]) {
        self.server.events(self.now, events, &self.market, &mut self.heard);
    }

    /// Time passes.
    pub(super) fn wait(&mut self, ms: u64) {
        self.now = self.now.after(std::time::Duration::from_millis(ms));
        self.server.tick(self.now, &self.market, &mut self.heard);
    }

    /// Texts for a connection since the last time; a close is its code.
    pub(super) fn hear(&mut self, conn: u64) -> Vec<Value> {
        let (own, others): (Vec<Frame>, _) = std::mem::take(&mut self.heard)
            .into_iter()
            .partition(|frame| frame.conn == ConnId(conn));
        self.heard = others;
        own.into_iter()
            .map(|frame| match frame.payload {
                Payload::Text(text) => serde_json::from_str(&text).unwrap(),
                Payload::Close(code, _) => Value::from(code),
                Payload::Ping(_) => panic!("heartbeats are messages here"),
            })
            .collect()
    }
}

pub(super) fn done(step: Step<HttpResponse, Pending>) -> HttpResponse {
    match step {
        Step::Done(response) => response,
        Step::Ask { request, .. } => panic!("asks {request:?}"),
    }
}

/// Status and body; a body that is no JSON is a text.
pub(super) fn read(response: &HttpResponse) -> (u16, Value) {
    let text = String::from_utf8(response.body.clone()).unwrap();
    (response.status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

pub(super) fn header<'a>(response: &'a HttpResponse, name: &str) -> Option<&'a str> {
    response.headers.iter().find(|(n, _)| *n == name).map(|(_, value)| value.as_str())
}
