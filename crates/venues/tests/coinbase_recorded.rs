//! Real messages through the Coinbase client's decoders: current ones as they are, and a long session
//! of the same engine's older feed put into the current words.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_macros,
    reason = "a test that is left out says so"
)]

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use model::market::{Book, Interval};
use model::venue::{MarketRequest, Request, Response};
use model::{Asset, Decimal, Instrument, InstrumentId, Outcome, Side, Timestamp, TradingMode};
use plimsoll_venues::coinbase::Symbols;
use plimsoll_venues::coinbase::client::{
    Batch, BookStep, Books, Content, HttpAnswer, Sequence, SequenceStep, decode_market,
    decode_reply,
};
use plimsoll_venues::coinbase::wire::{Envelope, Level2Event, Level2Update};
use serde_json::Value;

/// The file, when it is here.
fn data(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(name);
    if path.exists() {
        return Some(path);
    }
    eprintln!("NOT TESTED: {name} is not here");
    let notes = Path::new(env!("CARGO_TARGET_TMPDIR")).join("not-tested");
    let mut notes = std::fs::OpenOptions::new().create(true).append(true).open(notes).unwrap();
    writeln!(notes, "a recording, because {name} is not here").unwrap();
    None
}

fn fixture(name: &str) -> Option<String> {
    data(&format!("fixtures/coinbase/{name}")).map(|path| std::fs::read_to_string(path).unwrap())
}

fn instrument(product_id: &str, tick: &str, lot: &str) -> Instrument {
    let (base, quote) = product_id.split_once('-').unwrap();
    let asset = |name| Asset::new(name).unwrap();
    let (tick, lot) = (tick.parse().unwrap(), lot.parse().unwrap());
    let spot = Instrument::spot(asset(base), asset(quote), tick, lot).unwrap();
    Instrument { symbol: product_id.to_owned(), ..spot }
}

fn btc() -> Symbols {
    Symbols::new(vec![instrument("BTC-USD", "0.01", "0.00000001")])
}

fn answer(request: MarketRequest, body: &str) -> Response {
    let now = Timestamp::EPOCH;
    let answer = HttpAnswer { status: 200, body: body.as_bytes(), asked: now, answered: now };
    match decode_reply(&Request::Market(request), &answer, &btc()) {
        Outcome::Done(response) => response,
        other => panic!("{other:?}"),
    }
}

#[test]
fn current_answers_are_understood() {
    let instrument = InstrumentId::new("BTC-USD").unwrap();
    if let Some(body) = fixture("http_products.json") {
        let Response::Instruments(all) = answer(MarketRequest::Instruments(vec![]), &body) else {
            panic!()
        };
        let ids: Vec<&str> = all.iter().map(|one| one.symbol.as_str()).collect();
        assert_eq!(ids, ["BTC-USD", "BTC-USDC"]);
        assert!(all.iter().all(|one| one.mode == TradingMode::Live));
        assert_eq!(all[0].limits.notional_min, "1".parse().unwrap());
    }
    if let Some(body) = fixture("http_products_future.json") {
        let futures = answer(MarketRequest::Instruments(vec![]), &body);
        assert_eq!(futures, Response::Instruments(vec![]), "spot only");
    }
    if let Some(body) = fixture("http_product_book.json") {
        let book = answer(MarketRequest::Book { instrument, depth: 5 }, &body);
        let Response::Book(book) = book else { panic!() };
        assert_eq!((book.bids.len(), book.asks.len()), (5, 5));
        assert_eq!((book.bids[0].price.0, book.asks[0].price.0), (6_892_366, 6_892_367));
    }
    if let Some(body) = fixture("http_candles.json") {
        let interval = Interval::Seconds(3_600);
        let request =
            MarketRequest::Candles { instrument, interval, start: None, end: None, limit: 2 };
        let Response::Candles(candles) = answer(request, &body) else { panic!() };
        assert!(candles[0].start < candles[1].start, "oldest first");
        assert_eq!(candles[1].close.0, 6_618_160);
    }
}

#[test]
fn current_messages_are_understood() {
    let mut batch = Batch::default();
    let mut read = |name: &str| {
        let message = decode_market(&fixture(name)?, &btc(), &mut batch).unwrap();
        Some((message.content, batch.clone()))
    };
    if let Some((content, batch)) = read("ws_l2_data_snapshot.json") {
        assert_eq!(
            (content, batch.books[0].snapshot, batch.levels.len()),
            (Content::Books, true, 6)
        );
    }
    if let Some((_, batch)) = read("ws_l2_data_update.json") {
        assert!(!batch.books[0].snapshot);
        assert_eq!((batch.levels[1].side, batch.levels[1].qty.0), (Side::Sell, 0));
    }
    if let Some((content, batch)) = read("ws_market_trades.json") {
        let sides: Vec<Side> = batch.trades.iter().map(|(_, trade)| trade.taker_side).collect();
        assert_eq!((content, sides), (Content::Trades, vec![Side::Sell, Side::Buy]));
    }
    if let Some((content, _)) = read("ws_ticker.json") {
        assert!(matches!(&content, Content::Tickers(news) if news.len() == 1), "{content:?}");
    }
    if let Some((content, _)) = read("ws_candles.json") {
        assert!(matches!(&content, Content::Candles(candles) if candles.len() == 1));
    }
    if let Some((content, _)) = read("ws_heartbeats.json") {
        assert_eq!(content, Content::Heartbeat);
    }
    if let Some((content, _)) = read("ws_subscriptions.json") {
        assert!(matches!(&content, Content::Subscriptions(all) if all["level2"] == ["BTC-USD"]));
    }
}

/// Levels of one side by price.
type Levels = BTreeMap<Decimal, Decimal>;
/// A session of 2021 in the words of today, numbered as one connection.
fn session() -> Option<(Vec<Instrument>, Vec<String>)> {
    let open = |path: PathBuf| {
        BufReader::new(MultiGzDecoder::new(std::fs::File::open(path).unwrap())).lines()
    };
    let (products, messages) =
        (data("ws/sessions/COINBASE.0.gz")?, data("ws/sessions/COINBASE.ws.28.0.gz")?);
    let line = open(products).next().unwrap().unwrap();
    let list: Vec<Value> = serde_json::from_str(&line[line.find(": [").unwrap() + 2..]).unwrap();
    let mut texts = Vec::new();
    let mut instruments = BTreeMap::new();
    for line in open(messages) {
        let line = line.unwrap();
        let Some(json) = line.split_once(": ").map(|(_, json)| json) else { continue };
        let Ok(message) = serde_json::from_str::<Value>(json) else { continue };
        let levels = |key: &str, side: &str| -> Vec<Level2Update> {
            let rows = message[key].as_array().into_iter().flatten();
            rows.map(|row| update(side, &row[0], &row[1])).collect()
        };
        let (kind, updates) = match message["type"].as_str() {
            Some("snapshot") => {
                ("snapshot", [levels("bids", "bid"), levels("asks", "offer")].concat())
            }
            Some("l2update") => {
                let rows = message["changes"].as_array().unwrap().iter();
                let side = |row: &Value| if row[0] == "buy" { "bid" } else { "offer" };
                ("update", rows.map(|row| update(side(row), &row[1], &row[2])).collect())
            }
            _ => continue,
        };
        let product_id = message["product_id"].as_str().unwrap().to_owned();
        instruments.entry(product_id.clone()).or_insert_with(|| {
            let row = list.iter().find(|row| row["id"] == product_id.as_str()).unwrap();
            let text = |key: &str| row[key].as_str().unwrap().to_owned();
            instrument(&product_id, &text("quote_increment"), &text("base_increment"))
        });
        texts.push(worded(kind, product_id, updates, texts.len() as u64));
    }
    Some((instruments.into_values().collect(), texts))
}

fn update(side: &str, price: &Value, qty: &Value) -> Level2Update {
    Level2Update {
        side: side.to_owned(),
        event_time: Timestamp::EPOCH.into(),
        price_level: price.as_str().unwrap().parse().unwrap(),
        new_quantity: qty.as_str().unwrap().parse().unwrap(),
    }
}

/// The books by hand: from JSON to exact decimals, without the grid, the decoder or the book.
#[derive(Default)]
struct ByHand(BTreeMap<String, [Levels; 2]>);

impl ByHand {
    fn apply(&mut self, text: &str) {
        let message: Value = serde_json::from_str(text).unwrap();
        let event = &message["events"][0];
        let book = self.0.entry(event["product_id"].as_str().unwrap().to_owned()).or_default();
        if event["type"] == "snapshot" {
            *book = Default::default();
        }
        for level in event["updates"].as_array().unwrap() {
            let number = |key: &str| level[key].as_str().unwrap().parse::<Decimal>().unwrap();
            let side = &mut book[usize::from(level["side"] == "offer")];
            match number("new_quantity") {
                gone if gone.is_zero() => side.remove(&number("price_level")),
                qty => side.insert(number("price_level"), qty),
            };
        }
    }
}

impl ByHand {
    /// What the venue sends to a new subscription: every book as it is.
    fn snapshots(&self) -> Vec<String> {
        let text = |(product_id, [bids, asks]): (&String, &[Levels; 2])| {
            let levels = |side: &'static str, levels: &Levels| {
                let level = move |(price, qty): (&Decimal, &Decimal)| Level2Update {
                    side: side.to_owned(),
                    event_time: Timestamp::EPOCH.into(),
                    price_level: *price,
                    new_quantity: *qty,
                };
                levels.iter().map(level).collect::<Vec<_>>()
            };
            let updates = [levels("bid", bids), levels("offer", asks)].concat();
            worded("snapshot", product_id.clone(), updates, 0)
        };
        self.0.iter().map(text).collect()
    }
}

fn worded(kind: &str, product_id: String, updates: Vec<Level2Update>, number: u64) -> String {
    let envelope = Envelope {
        channel: "l2_data".to_owned(),
        client_id: String::new(),
        timestamp: Timestamp::from_nanos(1_618_677_817_000_000_000).into(),
        sequence_num: number,
        events: vec![Level2Event { kind: kind.to_owned(), product_id, updates }],
    };
    serde_json::to_string(&envelope).unwrap()
}

fn same(symbols: &Symbols, books: &BTreeMap<InstrumentId, Book>, by_hand: &ByHand) -> usize {
    let mut levels = 0;
    for (product, [bids, asks]) in &by_hand.0 {
        let row = symbols.find(product).unwrap();
        let book = &books[&row.instrument.id];
        let plain = |level: model::market::Level| {
            let price = row.grid.price(level.price).unwrap().get();
            (price, row.grid.qty(level.qty).unwrap().get())
        };
        let best_first: Vec<_> = bids.iter().rev().map(|(p, q)| (*p, *q)).collect();
        assert_eq!(book.bids().map(plain).collect::<Vec<_>>(), best_first, "{product}");
        let best_first: Vec<_> = asks.iter().map(|(p, q)| (*p, *q)).collect();
        assert_eq!(book.asks().map(plain).collect::<Vec<_>>(), best_first, "{product}");
        levels += bids.len() + asks.len();
    }
    levels
}

/// The client's books.
#[derive(Default)]
struct Client {
    sequence: Sequence,
    known: Books,
    books: BTreeMap<InstrumentId, Book>,
    batch: Batch,
}

impl Client {
    /// Takes one message; says whether one before it is missing.
    fn take(&mut self, text: &str, symbols: &Symbols) -> bool {
        let message = decode_market(text, symbols, &mut self.batch).unwrap();
        let step = self.sequence.take(message.sequence.unwrap());
        let gap = matches!(step, SequenceStep::Gap { .. });
        if gap {
            self.known.lost_all();
        }
        for change in &self.batch.books {
            let book = self.books.entry(change.instrument).or_default();
            match self.known.take(change) {
                BookStep::Replace => book.clear(),
                BookStep::Apply => {}
                BookStep::Wait => continue,
            }
            self.batch.levels_of(change).iter().for_each(|l| book.set(l.side, l.price, l.qty));
            assert!(!book.is_crossed(), "{}", change.instrument);
        }
        gap
    }
}

#[test]
fn a_session_gives_the_books_that_were_made_by_hand() {
    let Some((instruments, texts)) = session() else { return };
    let symbols = Symbols::new(instruments);
    let (mut client, mut by_hand) = (Client::default(), ByHand::default());
    for text in &texts {
        assert!(!client.take(text, &symbols), "no message is missing");
        by_hand.apply(text);
    }
    let levels = same(&symbols, &client.books, &by_hand);
    assert!(texts.len() > 9_000 && levels > 1_000, "{} messages, {levels} levels", texts.len());
    eprintln!("{} messages, {} books, {levels} levels equal", texts.len(), client.books.len());
}

/// A message is lost: the hole is seen, nothing is applied behind it, and fresh snapshots, as the
/// venue sends them to a new subscription, make the books equal again.
#[test]
fn a_hole_is_seen_and_heals_with_snapshots() {
    let Some((instruments, texts)) = session() else { return };
    let symbols = Symbols::new(instruments);
    let first_update = texts.iter().position(|text| text.contains("\"update\"")).unwrap();
    for hole in [first_update, 1_000, texts.len() - 2] {
        let (mut client, mut by_hand) = (Client::default(), ByHand::default());
        let mut gaps = Vec::new();
        for (number, text) in texts.iter().enumerate() {
            by_hand.apply(text);
            if number == hole {
                continue;
            }
            if client.take(text, &symbols) {
                gaps.push(number);
                let known = symbols.iter().filter(|row| client.known.is_known(row.instrument.id));
                let fresh = text.contains("\"snapshot\"");
                assert_eq!(known.count(), usize::from(fresh), "nothing is known behind a hole");
                client.sequence = Sequence::default();
                by_hand.snapshots().iter().for_each(|text| {
                    client.take(text, &symbols);
                });
                client.sequence = Sequence::default();
            }
        }
        assert_eq!(gaps, [hole + 1]);
        same(&symbols, &client.books, &by_hand);
    }
}
