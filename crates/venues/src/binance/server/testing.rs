//! What the tests of this folder share: an instrument, a market with canned answers, and somebody
//! who talks to a server.

use std::net::{IpAddr, Ipv4Addr};

use model::market::{Candle, GridPrice, GridQty, Level, PublicTrade, Quote, Ticker};
use model::venue::{
    AccountRequest, AggregateTrade, BookSnapshot, InstrumentTicker, MarketRequest, PublicMarket,
    Response, VenueError, VenueEvent, VenueOrder, VenueOrderStatus,
};
use model::{
    AccountId, Asset, ClientOrderId, Fee, Fill, Instrument, Liquidity, NewOrder, OrderKind,
    OrderQty, SelfTradePrevention, Side, TimeInForce, Timestamp, TradeId, VenueOrderId,
};
use serde_json::Value;

use super::{BinanceServer, Pending, ServerConfig};
use crate::binance::Symbols;
use crate::binance::sign::{SigningKey, VerifyingKey};
use crate::server::{ConnId, Dialect, Frame, HttpRequest, HttpResponse, Payload, Step};

/// 2026-01-01 00:00:00 UTC: a full day, minute and ten seconds.
pub(super) const MIDNIGHT_MS: i64 = 1_767_225_600_000;
pub(super) const API_KEY: &str = "key";
pub(super) const SECRET: &str = "secret";
/// The key pair of seed 0x01 to 0x20.
pub(super) const ED_KEY: &str = "ed-key";
pub(super) const ED_SECRET: &str = "-----BEGIN PRIVATE KEY-----\n\
    MC4CAQAwBQYDK2VwBCIEIAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g\n\
    -----END PRIVATE KEY-----\n";
pub(super) const PEER: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// BTC-USDT with a tick of 0.01 and a lot of 0.00001.
pub(super) fn instrument() -> Instrument {
    let asset = |name| Asset::new(name).unwrap();
    let (tick, lot) = ("0.01".parse().unwrap(), "0.00001".parse().unwrap());
    Instrument::spot(asset("BTC"), asset("USDT"), tick, lot).unwrap()
}

pub(super) fn symbols() -> Symbols {
    Symbols::new(vec![instrument()])
}

pub(super) fn account() -> AccountId {
    AccountId::new("main").unwrap()
}

pub(super) fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(MIDNIGHT_MS + ms).unwrap()
}

/// Buy 0.002 at 61234.50.
pub(super) fn limit() -> NewOrder {
    NewOrder {
        client_order_id: ClientOrderId::new("agent-7-000001").unwrap(),
        instrument: instrument().id,
        side: Side::Buy,
        kind: OrderKind::Limit { price: "61234.50".parse().unwrap() },
        qty: OrderQty::Base("0.002".parse().unwrap()),
        time_in_force: TimeInForce::Gtc,
        post_only: false,
        reduce_only: false,
        self_trade_prevention: None,
    }
}

/// The same as the venue has it.
pub(super) fn order(status: VenueOrderStatus) -> VenueOrder {
    let new = limit();
    VenueOrder {
        id: VenueOrderId::from_number(7_001),
        client_order_id: new.client_order_id,
        instrument: new.instrument,
        side: new.side,
        kind: new.kind,
        ordered: new.qty,
        qty: "0.002".parse().unwrap(),
        time_in_force: new.time_in_force,
        post_only: false,
        self_trade_prevention: SelfTradePrevention::ExpireMaker,
        status,
        filled: "0.001".parse().unwrap(),
        filled_notional: "61.2345".parse().unwrap(),
        prevented: "0".parse().unwrap(),
        created: at(-500),
        updated: at(-400),
        working_since: Some(at(-500)),
        expiry: None,
    }
}

/// Half of the order.
pub(super) fn fill() -> Fill {
    Fill {
        trade_id: TradeId::from_number(40_015),
        venue_order_id: VenueOrderId::from_number(7_001),
        client_order_id: Some(limit().client_order_id),
        instrument: instrument().id,
        side: Side::Buy,
        price: "61234.50".parse().unwrap(),
        qty: "0.001".parse().unwrap(),
        fee: Some(Fee { asset: instrument().base, amount: "0.000001".parse().unwrap() }),
        liquidity: Liquidity::Taker,
        venue_time: at(-400),
    }
}

/// A market with one trade and one level a side.
pub(super) struct Canned;

impl Canned {
    pub(super) const BID: Level = Level { price: GridPrice(6_123_400), qty: GridQty(20_000) };
    pub(super) const ASK: Level = Level { price: GridPrice(6_123_500), qty: GridQty(30_000) };
    pub(super) const UPDATE_ID: u64 = 910;

    pub(super) fn candle() -> Candle {
        let mut candle =
            Candle::empty(model::market::Interval::Seconds(60), at(-30_000), GridPrice(6_123_450));
        candle.merge(&Candle {
            volume: GridQty(1_000),
            quote_volume: 6_123_450_000,
            trades: 1,
            first_trade: 40_015,
            last_trade: 40_015,
            ..candle
        });
        candle
    }
}

impl PublicMarket for Canned {
    fn read(&self, now: Timestamp, request: &MarketRequest) -> Result<Response, VenueError> {
        let id = instrument().id;
        let quote = Quote { bid: Some(Canned::BID), ask: Some(Canned::ASK) };
        let (price, qty) = (GridPrice(6_123_450), GridQty(1_000));
        let (taker_side, time) = (Side::Buy, at(-400));
        Ok(match request {
            MarketRequest::Ping => Response::Pong,
            MarketRequest::Time => Response::Time(now),
            MarketRequest::Instruments(_) => Response::Instruments(vec![instrument()]),
            MarketRequest::Book { .. } => Response::Book(BookSnapshot {
                instrument: id,
                update_id: Canned::UPDATE_ID,
                bids: vec![Canned::BID],
                asks: vec![Canned::ASK],
            }),
            MarketRequest::Trades { .. } => {
                Response::Trades(vec![PublicTrade { id: 40_015, price, qty, taker_side, time }])
            }
            MarketRequest::AggregateTrades { .. } => {
                let (first, last) = (40_015, 40_015);
                let aggregate =
                    AggregateTrade { id: 26_129, price, qty, first, last, taker_side, time };
                Response::AggregateTrades(vec![aggregate])
            }
            MarketRequest::Candles { .. } => Response::Candles(vec![Canned::candle()]),
            MarketRequest::Tickers { .. } => {
                let ticker = Ticker {
                    window: Canned::candle(),
                    end: now,
                    previous_close: None,
                    last_qty: qty,
                    quote,
                };
                let ticker = Some(ticker);
                Response::Tickers(vec![InstrumentTicker { instrument: id, ticker, quote }])
            }
            MarketRequest::AveragePrice(_) => Response::AveragePrice {
                price: Some("61234.50".parse().unwrap()),
                minutes: 5,
                at: time,
            },
        })
    }
}

/// What came of a request.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) request: AccountRequest,
    pending: Pending,
}

/// Somebody who talks to a server. Time stands still unless moved.
pub(super) struct Talk {
    pub(super) server: BinanceServer,
    pub(super) now: Timestamp,
    pub(super) heard: Vec<Frame>,
}

impl Talk {
    pub(super) fn new(config: ServerConfig) -> Talk {
        let mut server = BinanceServer::new(config, vec![instrument()]);
        server.add_key(API_KEY, VerifyingKey::new(SECRET).unwrap(), account());
        server.add_key(ED_KEY, VerifyingKey::new(ED_SECRET).unwrap(), account());
        Talk { server, now: at(0), heard: Vec::new() }
    }

    /// A request as it is.
    pub(super) fn raw(
        &mut self,
        method: &str,
        path: &str,
        query: &str,
        body: &str,
    ) -> Step<HttpResponse, Pending> {
        let headers = [("x-mbx-apikey", API_KEY)];
        let body = body.as_bytes();
        let request = HttpRequest { method, path, query, body, headers: &headers, peer: PEER };
        self.server.http(self.now, &request, &Canned)
    }

    /// A request that is answered without asking the exchange.
    pub(super) fn answered(&mut self, method: &str, path: &str, query: &str) -> (u16, Value) {
        match self.raw(method, path, query, "") {
            Step::Done(response) => read(&response),
            Step::Ask { request, .. } => panic!("{path} asks {request:?}"),
        }
    }

    /// The query with its signature.
    pub(super) fn sign(&self, query: &str) -> String {
        let and = if query.is_empty() { "" } else { "&" };
        let payload = format!("{query}{and}timestamp={}", self.now.millis());
        let signature = SigningKey::new(SECRET).unwrap().sign(payload.as_bytes());
        format!("{payload}&signature={signature}")
    }

    /// A signed request that is refused before the exchange is asked.
    pub(super) fn refused(&mut self, method: &str, path: &str, query: &str) -> (u16, Value) {
        let query = self.sign(query);
        self.answered(method, path, &query)
    }

    /// A signed request that asks the exchange.
    pub(super) fn asks(&mut self, method: &str, path: &str, query: &str) -> Asked {
        let query = self.sign(query);
        match self.raw(method, path, &query, "") {
            Step::Ask { request, pending, account: of } => {
                assert_eq!(of, account());
                Asked { request, pending }
            }
            Step::Done(response) => panic!("{path} is answered: {:?}", read(&response)),
        }
    }

    /// The whole way: a signed request, the exchange's answer, the response.
    pub(super) fn full(
        &mut self,
        method: &str,
        path: &str,
        query: &str,
        answer: Result<Response, VenueError>,
    ) -> HttpResponse {
        let asked = self.asks(method, path, query);
        self.answer(asked, answer)
    }

    /// The exchange answers.
    pub(super) fn answer(
        &mut self,
        asked: Asked,
        answer: Result<Response, VenueError>,
    ) -> HttpResponse {
        done(self.server.http_reply(self.now, asked.pending, answer))
    }

    /// Opens a connection.
    pub(super) fn open(&mut self, conn: u64, path: &str, query: &str) -> Result<(), HttpResponse> {
        let headers = [("upgrade", "websocket")];
        let request =
            HttpRequest { method: "GET", path, query, body: &[], headers: &headers, peer: PEER };
        self.server.connect(self.now, ConnId(conn), &request)
    }

    /// Says something on a connection, and hears what the server says to that.
    pub(super) fn say(&mut self, conn: u64, text: &str) -> Vec<Value> {
        self.say_and_ask(conn, text, Err(VenueError::Unsupported))
    }

    /// The same, with an exchange that gives this answer when it is asked.
    pub(super) fn say_and_ask(
        &mut self,
        conn: u64,
        text: &str,
        answer: Result<Response, VenueError>,
    ) -> Vec<Value> {
        let step = self.server.text(self.now, ConnId(conn), text, &Canned, &mut self.heard);
        if let Step::Ask { pending, .. } = step {
            self.server.socket_reply(self.now, ConnId(conn), pending, answer, &mut self.heard);
        }
        self.hear(conn)
    }

    /// Something happens at the exchange.
    pub(super) fn happen(&mut self, events: &[VenueEvent]) {
        self.server.events(self.now, events, &Canned, &mut self.heard);
    }

    /// Time passes.
    pub(super) fn wait(&mut self, ms: u64) {
        self.now = self.now.after(std::time::Duration::from_millis(ms));
        self.server.tick(self.now, &Canned, &mut self.heard);
    }

    /// Texts for a connection since the last time; a close is its code, a ping is nothing.
    pub(super) fn hear(&mut self, conn: u64) -> Vec<Value> {
        let (own, others) = std::mem::take(&mut self.heard)
            .into_iter()
            .partition(|frame| frame.conn == ConnId(conn));
        self.heard = others;
        let own: Vec<Frame> = own;
        own.into_iter()
            .filter_map(|frame| match frame.payload {
                Payload::Text(text) => Some(serde_json::from_str(&text).unwrap()),
                Payload::Close(code, _) => Some(Value::from(code)),
                Payload::Ping(_) => None,
            })
            .collect()
    }
}

/// Every question of this protocol is asked with one request.
pub(super) fn done(step: Step<HttpResponse, Pending>) -> HttpResponse {
    match step {
        Step::Done(response) => response,
        Step::Ask { request, .. } => panic!("asks again: {request:?}"),
    }
}

pub(super) fn read(response: &HttpResponse) -> (u16, Value) {
    (response.status, serde_json::from_slice(&response.body).unwrap())
}

pub(super) fn header<'a>(response: &'a HttpResponse, name: &str) -> Option<&'a str> {
    response.headers.iter().find(|(n, _)| *n == name).map(|(_, value)| value.as_str())
}
