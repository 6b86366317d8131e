//! What every venue of the list has to do, whichever it is: this file names none of them.
//!
//! Each venue's client talks to its own server, in front of a market that the test moves. Signatures, limits,
//! refusals and gaps are tried on all; what only one venue has is tried in its folder.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::cell::RefCell;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::time::Duration;

use budget::Keys;
use model::market::{GridPrice, GridQty, Level, LevelUpdate, MarketKind, Quote};
use model::venue::{
    AccountRequest, BookSnapshot, FeeRates, InstrumentTicker, MarketRequest, OrderKey,
    PublicMarket, Request, Response, TradesFrom, VenueError, VenueEvent,
};
use model::{
    AccountId, ClientOrderId, Decimal, FeedNotice, Input, Instrument, InstrumentId, NewOrder,
    OrderKind, OrderQty, Outcome, Side, TimeInForce, Timestamp, VenueOrderId,
};
use plimsoll_venues::client::{Answer, Call, Client};
use plimsoll_venues::server::{
    AnyDialect, ConnId, HttpRequest, HttpResponse, Payload, Scopes, Step,
};
use plimsoll_venues::session::{self, Done, Happened, Machine, Pace, Stamp};
use plimsoll_venues::{ServerKey, Settings, VENUES, Venue};

/// Secrets that every venue takes: the bytes 1 to 32 in base64, and 2 to 33.
const SECRET: &str = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=";
const OTHER: &str = "AgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4fICE=";
const PEER: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

fn start() -> Timestamp {
    Timestamp::from_millis(1_767_225_600_000).unwrap()
}

/// A market with a book that the test changes.
struct Market {
    instrument: Instrument,
    book: RefCell<BookSnapshot>,
}

impl PublicMarket for Market {
    fn read(&self, now: Timestamp, request: &MarketRequest) -> Result<Response, VenueError> {
        match request {
            MarketRequest::Time => Ok(Response::Time(now)),
            MarketRequest::Instruments(_) => {
                Ok(Response::Instruments(vec![self.instrument.clone()]))
            }
            MarketRequest::Book { depth, .. } => {
                let mut book = self.book.borrow().clone();
                book.bids.truncate(*depth as usize);
                book.asks.truncate(*depth as usize);
                Ok(Response::Book(book))
            }
            MarketRequest::Trades { .. } => Ok(Response::Trades(Vec::new())),
            MarketRequest::Tickers { .. } => {
                let book = self.book.borrow();
                let (bid, ask) = (book.bids.first().copied(), book.asks.first().copied());
                Ok(Response::Tickers(vec![InstrumentTicker {
                    instrument: self.instrument.id,
                    ticker: None,
                    quote: Quote { bid, ask },
                }]))
            }
            _ => Err(VenueError::UnknownInstrument),
        }
    }
}

impl Market {
    fn new(venue: &Venue) -> Market {
        let id: InstrumentId = venue.simulated.instrument.parse().unwrap();
        let (base, quote) = id.assets().unwrap();
        let (tick, lot) = ("0.01".parse().unwrap(), "0.00001".parse().unwrap());
        let mut instrument = Instrument::spot(base, quote, tick, lot).unwrap();
        (venue.simulated.adapt)(&mut instrument);
        let level = |price, qty| Level { price: GridPrice(price), qty: GridQty(qty) };
        let bids = vec![level(5_999_000, 200_000), level(5_998_000, 100_000)];
        let asks = vec![level(6_001_000, 200_000), level(6_002_000, 100_000)];
        let book = RefCell::new(BookSnapshot { instrument: id, update_id: 7, bids, asks });
        Market { instrument, book }
    }

    /// The bid at this place holds this much from now on.
    fn change(&self, at: usize, qty: i64, time: Timestamp) -> VenueEvent {
        let mut book = self.book.borrow_mut();
        book.update_id += 1;
        book.bids[at].qty = GridQty(qty);
        let level = LevelUpdate { side: Side::Buy, price: book.bids[at].price, qty: GridQty(qty) };
        let (instrument, update_id) = (book.instrument, book.update_id);
        VenueEvent::Level { instrument, update_id, level, time }
    }
}

/// A venue's two sides.
struct Stage {
    venue: &'static Venue,
    market: Market,
    client: Box<dyn Client>,
    server: AnyDialect,
    now: Timestamp,
}

impl Stage {
    fn new(venue: &'static Venue, secret: &str) -> Stage {
        let market = Market::new(venue);
        let rate = Decimal::new(1, 3);
        let fees = FeeRates { maker: rate, taker: rate };
        let key = ServerKey {
            name: "key",
            secret: SECRET,
            account: AccountId::new("account-1").unwrap(),
            scopes: Scopes::default(),
        };
        let instruments = vec![market.instrument.clone()];
        let server = (venue.server)(&Settings::usual(fees), instruments.clone(), &[key]).unwrap();
        let client = (venue.client)("key", secret).unwrap().following(instruments);
        Stage { venue, market, client, server, now: start() }
    }

    fn call(&self, request: &Request, nonce: u128) -> Result<Call, String> {
        let stamp = Stamp { venue_now: self.now, nonce, ticket: None };
        self.client.call(request, stamp, Keys::default())
    }

    /// What the server makes of a call: an answer, or nothing where it asks the exchange.
    fn answer(&mut self, call: &Call) -> Option<HttpResponse> {
        let (path, query) = call.path.split_once('?').unwrap_or((&call.path, ""));
        let host = self.venue.addresses.rest.split("//").nth(1).unwrap();
        let mut headers = vec![("host", host)];
        headers.extend(call.headers.iter().map(|(name, value)| (*name, value.as_str())));
        let request = HttpRequest {
            method: call.method,
            path,
            query,
            body: call.body.as_bytes(),
            headers: &headers,
            peer: PEER,
        };
        match self.server.http(self.now, &request, &self.market) {
            Step::Done(response) => Some(response),
            Step::Ask { .. } => None,
        }
    }

    fn read(&self, request: &Request, status: u16, body: &[u8]) -> Outcome {
        let answer =
            Answer { status, headers: &[], body: Ok(body), asked: self.now, answered: self.now };
        self.client.read(request, &answer).outcome
    }

    fn ask(&mut self, request: &Request) -> Outcome {
        let call = self.call(request, 1).unwrap();
        let told = self.answer(&call).unwrap();
        self.read(request, told.status, &told.body)
    }
}

fn order(instrument: InstrumentId) -> NewOrder {
    NewOrder {
        client_order_id: ClientOrderId::new("a-1").unwrap(),
        instrument,
        side: Side::Buy,
        kind: OrderKind::Limit { price: "60000".parse().unwrap() },
        qty: OrderQty::Base("0.002".parse().unwrap()),
        time_in_force: TimeInForce::Gtc,
        post_only: false,
        reduce_only: false,
        self_trade_prevention: None,
    }
}

/// What an account is asked for every day.
fn questions(instrument: InstrumentId) -> Vec<AccountRequest> {
    let key = OrderKey::Venue(VenueOrderId::from_number(7));
    let (from, limit) = (TradesFrom::Newest, 5);
    vec![
        AccountRequest::Place(order(instrument)),
        AccountRequest::Cancel { instrument, order: key, cancel_id: None, only: None },
        AccountRequest::Order { instrument, order: key, since: None },
        AccountRequest::OpenOrders(None),
        AccountRequest::Fills { instrument, order: None, from, limit, page: None },
        AccountRequest::Account,
        AccountRequest::Scopes,
    ]
}

/// Whoever reads the list finds the folder, with what surprises in it.
#[test]
fn each_has_a_folder_and_says_what_surprises() {
    for venue in VENUES {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(venue.dialect);
        let quirks = std::fs::read_to_string(folder.join("quirks.md")).unwrap();
        assert!(quirks.len() > 200, "{venue:?}");
        for file in ["mod.rs", "sign.rs", "client/mod.rs", "client/refusals.rs", "server/mod.rs"] {
            assert!(folder.join(file).exists(), "{venue:?}: {file}");
        }
    }
}

/// What the client signs its server takes, and what another key has signed is refused and proves it.
#[test]
fn signatures_are_taken_and_those_of_others_are_not() {
    for venue in VENUES {
        let (mut ours, mut theirs) = (Stage::new(venue, SECRET), Stage::new(venue, OTHER));
        let request = Request::Account(AccountRequest::Account);
        let call = ours.call(&request, 1).unwrap();
        assert!(ours.answer(&call).is_none(), "{venue:?}: the exchange is asked");
        let call = theirs.call(&request, 1).unwrap();
        let told = theirs.answer(&call).unwrap();
        let outcome = theirs.read(&request, told.status, &told.body);
        assert!(matches!(outcome, Outcome::Refused(_)), "{venue:?}: {outcome:?}");
    }
}

/// Every question is counted by a rule of the venue's, or what it costs would be nobody's business.
#[test]
fn all_that_is_asked_is_counted() {
    for venue in VENUES {
        let stage = Stage::new(venue, SECRET);
        let id = stage.market.instrument.id;
        let market = [MarketRequest::Time, MarketRequest::Book { instrument: id, depth: 10 }];
        let account = questions(id).into_iter().map(Request::Account);
        for request in account.chain(market.into_iter().map(Request::Market)) {
            let cost = stage.client.cost(&request, Keys::default()).unwrap();
            let counted = venue.rules.iter().any(|rule| cost.charge.amount(rule.counts) > 0);
            assert!(counted, "{venue:?}: {request:?}");
        }
    }
}

/// A server's error, an answer that is none and one that says nothing leave everything open.
#[test]
fn what_proves_nothing_is_in_doubt() {
    for venue in VENUES {
        let stage = Stage::new(venue, SECRET);
        let requests = questions(stage.market.instrument.id).into_iter().map(Request::Account);
        for request in requests {
            for body in ["", "{}", "[", "null", "<html>busy</html>", "{\"error\":[]}", "\"x\""] {
                for status in [500, 502, 503, 504] {
                    let outcome = stage.read(&request, status, body.as_bytes());
                    assert!(
                        matches!(outcome, Outcome::InDoubt(_)),
                        "{venue:?}: {status} {outcome:?}"
                    );
                }
            }
            for body in ["", "[", "null", "\"x\"", "{\"a\":1}"] {
                let outcome = stage.read(&request, 200, body.as_bytes());
                assert!(
                    !matches!(outcome, Outcome::Refused(_)),
                    "{venue:?}: {body:?} refuses nothing: {outcome:?}"
                );
                if matches!(request, Request::Account(AccountRequest::Place(_))) {
                    assert!(matches!(outcome, Outcome::InDoubt(_)), "{venue:?}: {outcome:?}");
                }
            }
        }
    }
}

/// Instruments and books, from the venue's own server.
#[test]
fn what_is_public_is_read_as_it_was_meant() {
    for venue in VENUES {
        let mut stage = Stage::new(venue, SECRET);
        let known = stage.market.instrument.clone();
        let request = Request::Market(MarketRequest::Instruments(vec![known.id]));
        let Outcome::Done(Response::Instruments(found)) = stage.ask(&request) else {
            panic!("{venue:?}: no instruments")
        };
        assert_eq!(
            found.iter().map(|i| (i.id, i.tick, i.lot, &i.symbol)).collect::<Vec<_>>(),
            [(known.id, known.tick, known.lot, &known.symbol)],
            "{venue:?}"
        );
        let request = Request::Market(MarketRequest::Book { instrument: known.id, depth: 10 });
        let Outcome::Done(Response::Book(book)) = stage.ask(&request) else {
            panic!("{venue:?}: no book")
        };
        let meant = stage.market.book.borrow();
        assert_eq!((&book.bids, &book.asks), (&meant.bids, &meant.asks), "{venue:?}");
    }
}

/// A market session on its own server.
struct Feed {
    stage: Stage,
    session: Box<dyn Machine>,
    emitted: Vec<Input>,
    opened: usize,
    conn: Option<session::ConnId>,
    /// So many messages of the book are lost from now on.
    lose: usize,
}

impl Feed {
    fn open(venue: &'static Venue) -> Feed {
        let stage = Stage::new(venue, SECRET);
        let path = venue.addresses.market_path;
        let session = stage.client.market(format!("ws://x{path}"), Pace::usual(1));
        let (emitted, opened, conn, lose) = (Vec::new(), 0, None, 0);
        let mut feed = Feed { stage, session, emitted, opened, conn, lose };
        feed.happened(Happened::Wake);
        feed.pass(2_000);
        feed
    }

    fn happened(&mut self, happened: Happened<'_>) {
        let mut done = Vec::new();
        self.session.apply(self.stage.now, happened, &mut done);
        done.into_iter().for_each(|done| self.carry_out(done));
    }

    fn carry_out(&mut self, done: Done) {
        match done {
            Done::Open(id, url) => {
                self.opened += 1;
                self.conn = Some(id);
                let path = url.strip_prefix("ws://x").unwrap().to_owned();
                let (path, query) = path.split_once('?').unwrap_or((path.as_str(), ""));
                let request = HttpRequest {
                    method: "GET",
                    path: if path.is_empty() { "/" } else { path },
                    query,
                    body: b"",
                    headers: &[],
                    peer: PEER,
                };
                let conn = ConnId(u64::from(id.0));
                self.stage.server.connect(self.stage.now, conn, &request).unwrap();
                let stamp = Stamp { venue_now: self.stage.now, nonce: 3, ticket: None };
                self.happened(Happened::Opened(id, stamp));
            }
            Done::Say(id, text) => {
                let mut out = Vec::new();
                let Stage { server, market, now, .. } = &mut self.stage;
                let conn = ConnId(u64::from(id.0));
                let step = server.text(*now, conn, &text, market, &mut out);
                assert!(matches!(step, Step::Done(())));
                self.deliver(out);
            }
            Done::Close(id) => {
                self.stage.server.disconnect(ConnId(u64::from(id.0)));
                self.conn = self.conn.filter(|conn| *conn != id);
            }
            Done::Ask(id, asked, _) => {
                let outcome = self.stage.ask(&Request::Market(asked.clone()));
                self.happened(Happened::Answer(id, asked, outcome));
            }
            Done::Emit(input) => self.emitted.push(input),
            Done::Hold(..) | Done::WakeAt(_) => {}
        }
    }

    fn deliver(&mut self, frames: Vec<plimsoll_venues::server::Frame>) {
        for frame in frames {
            let Some(conn) = self.conn.filter(|conn| u64::from(conn.0) == frame.conn.0) else {
                continue;
            };
            let Payload::Text(text) = frame.payload else { continue };
            // Whatever it calls itself, a change of the book has the price in it.
            if self.lose > 0 && text.contains("59990") {
                self.lose -= 1;
                continue;
            }
            self.happened(Happened::Text(conn, &text));
        }
    }

    fn pass(&mut self, ms: u64) {
        for _ in 0..ms / 50 {
            self.stage.now = self.stage.now.after(Duration::from_millis(50));
            let mut out = Vec::new();
            let Stage { server, market, now, .. } = &mut self.stage;
            server.tick(*now, market, &mut out);
            self.deliver(out);
            self.happened(Happened::Wake);
        }
    }

    fn change(&mut self, at: usize, qty: i64) {
        let event = self.stage.market.change(at, qty, self.stage.now);
        let mut out = Vec::new();
        let Stage { server, market, now, .. } = &mut self.stage;
        server.events(*now, &[event], market, &mut out);
        self.deliver(out);
        self.pass(500);
    }

    /// What the core's book has at the best bid.
    fn best(&self) -> Option<i64> {
        let mut best = None;
        for input in &self.emitted {
            let Input::Market(event) = input else { continue };
            match &event.kind {
                MarketKind::Book(update) => {
                    let level = update.levels.iter().rev().find(|level| level.price.0 == 5_999_000);
                    best = level.map(|level| level.qty.0).or(if update.snapshot {
                        None
                    } else {
                        best
                    });
                }
                MarketKind::BookLost => best = None,
                _ => {}
            }
        }
        best
    }
}

/// A book is followed; where a change of it is lost that is found out, said, and the book begins anew.
#[test]
fn a_gap_is_found_and_forces_a_new_book() {
    for venue in VENUES {
        let mut feed = Feed::open(venue);
        assert_eq!(feed.best(), Some(200_000), "{venue:?}: {:?}", feed.emitted);
        feed.change(0, 150_000);
        assert_eq!(feed.best(), Some(150_000), "{venue:?}");
        assert_eq!(feed.opened, 1, "{venue:?}: {:?}", feed.emitted);
        let before = feed.emitted.len();
        feed.lose = 1;
        feed.change(0, 140_000);
        // Where there are no numbers the loss shows by the next change of anything.
        feed.change(1, 90_000);
        feed.pass(10_000);
        let said = feed.emitted[before..].iter().any(|input| {
            matches!(input, Input::Feed(FeedNotice::Gap { .. }) | Input::Link { up: false, .. })
        });
        assert!(said, "{venue:?}: nobody noticed: {:?}", &feed.emitted[before..]);
        assert_eq!(feed.best(), Some(140_000), "{venue:?}: {:?}", &feed.emitted[before..]);
    }
}
