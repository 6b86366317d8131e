//! Coinbase as recordings tell of it: a session of the same engine's older feed put into today's words,
//! and the whole depth of one product.
//!
//! The connection numbers its messages; what is lost has a number, too. A new subscription hears the
//! books as the reconstruction has them and the last trades again.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use model::venue::{MarketRequest, Request};
use model::{Instrument, InstrumentId, Outcome, Timestamp};
use plimsoll_venues::coinbase::Symbols;
use plimsoll_venues::coinbase::client::{Credentials, HttpAnswer, MarketFeed, decode_reply};
use plimsoll_venues::coinbase::sign::SigningKey;
use serde_json::Value;

use crate::archive::Archive;
use crate::driver::{Covers, Said, Venue};
use crate::fold::{Fold, Levels, Set, print, rows, units};
use crate::recording::{instrument, lines};

/// All times that the client does not judge by.
const TIME: &str = "2021-04-17T16:43:37.089723Z";
/// Levels in one message, where the test makes the messages.
const LEVELS_MAX: usize = 10;
/// Time between two messages, where the test makes them.
const STEP: Duration = Duration::from_millis(50);

enum Body {
    Whole(Vec<Set>),
    Change(Vec<Set>),
    /// Number, and the trade as a row.
    Trade(u64, String),
}

struct Message {
    at: Timestamp,
    product: String,
    body: Body,
}

pub(crate) struct Coinbase {
    symbols: Arc<Symbols>,
    messages: VecDeque<Message>,
    archives: BTreeMap<InstrumentId, Archive>,
    /// Number of the next message on the connection.
    number: u64,
}

impl Coinbase {
    fn new(instruments: Vec<Instrument>, messages: Vec<Message>) -> Coinbase {
        let symbols = Arc::new(Symbols::new(instruments));
        Coinbase { symbols, messages: messages.into(), archives: BTreeMap::new(), number: 0 }
    }

    /// Half a minute of ten products in 2021.
    pub(crate) fn session() -> Option<Coinbase> {
        let table = lines("ws/sessions/COINBASE.0.gz")?.next().unwrap().unwrap();
        let table: Vec<Value> =
            serde_json::from_str(&table[table.find(": [").unwrap() + 2..]).unwrap();
        let mut instruments: BTreeMap<String, Instrument> = BTreeMap::new();
        let mut messages = Vec::new();
        for line in lines("ws/sessions/COINBASE.ws.28.0.gz")? {
            let line = line.unwrap();
            let Some((seconds, json)) = line.split_once(": ") else { continue };
            let Ok(message) = serde_json::from_str::<Value>(json) else { continue };
            let body = match message["type"].as_str() {
                Some("snapshot") => {
                    let (bids, asks) = (&message["bids"], &message["asks"]);
                    Body::Whole(rows(bids, false).chain(rows(asks, true)).collect())
                }
                Some("l2update") => {
                    let set = |row: &Value| Set {
                        is_ask: row[0] == "sell",
                        price: units(row[1].as_str().unwrap()),
                        qty: units(row[2].as_str().unwrap()),
                    };
                    Body::Change(message["changes"].as_array().unwrap().iter().map(set).collect())
                }
                Some("match") => trade(&message),
                _ => continue,
            };
            let product = message["product_id"].as_str().unwrap().to_owned();
            instruments.entry(product.clone()).or_insert_with(|| {
                let row = table.iter().find(|row| row["id"] == product.as_str()).unwrap();
                let text = |key: &str| row[key].as_str().unwrap();
                let (base, quote) = product.split_once('-').unwrap();
                let (tick, lot) = (text("quote_increment"), text("base_increment"));
                instrument(base, quote, &product, tick, lot)
            });
            let at = Timestamp::from_nanos(units(seconds.split(" <- ").last().unwrap()) * 10);
            messages.push(Message { at, product, body });
        }
        Some(Coinbase::new(instruments.into_values().collect(), messages))
    }

    /// BTC-USD in full depth, and what had changed two seconds later. Levels that are gone go first: a
    /// book that is half the one and half the other is crossed.
    pub(crate) fn deep() -> Option<Coinbase> {
        let read = |name: &str| -> Option<Fold> {
            let text: String = lines(name)?.map(|line| line.unwrap()).collect();
            let message: Value = serde_json::from_str(&text).unwrap();
            let mut book = Fold::default();
            for (side, is_ask) in [("bids", false), ("asks", true)] {
                // Orders of one price add up to its level.
                for set in rows(&message[side], is_ask) {
                    *book.sides[usize::from(is_ask)].entry(set.price).or_default() += set.qty;
                }
            }
            Some(book)
        };
        let before = read("book/coinbase_BTC-USD_l2_snapshot_20260807.json.gz")?;
        let after = read("book/coinbase_BTC-USD_l3_snapshot_20260807.json.gz")?;
        let mut changes = difference(&before, &after);
        changes.sort_by_key(|set| set.qty != 0);
        let mut check = before.clone();
        check.apply(&changes);
        assert!(check == after && !changes.is_empty());
        let whole = Body::Whole(difference(&Fold::default(), &before));
        let chunks = changes.chunks(LEVELS_MAX).map(|chunk| Body::Change(chunk.to_vec()));
        let mut at = Timestamp::EPOCH;
        let message = |body| {
            at = at.after(STEP);
            Message { at, product: "BTC-USD".to_owned(), body }
        };
        let messages = [whole].into_iter().chain(chunks).map(message).collect();
        Some(Coinbase::new(
            vec![instrument("BTC", "USD", "BTC-USD", "0.01", "0.00000001")],
            messages,
        ))
    }

    /// A message with the connection's next number.
    fn numbered(&mut self, channel: &str, events: &str) -> String {
        let number = self.number;
        self.number += 1;
        format!(
            "{{\"channel\":\"{channel}\",\"client_id\":\"\",\"timestamp\":\"{TIME}\",\
             \"sequence_num\":{number},\"events\":[{events}]}}"
        )
    }

    fn book(&mut self, kind: &str, product: &str, levels: &[Set]) -> String {
        let level = |Set { is_ask, price, qty }: &Set| {
            let side = if *is_ask { "offer" } else { "bid" };
            let (price, qty) = (print(*price), print(*qty));
            format!(
                "{{\"side\":\"{side}\",\"event_time\":\"{TIME}\",\
                 \"price_level\":\"{price}\",\"new_quantity\":\"{qty}\"}}"
            )
        };
        let levels: Vec<String> = levels.iter().map(level).collect();
        let levels = levels.join(",");
        let event =
            format!("{{\"type\":\"{kind}\",\"product_id\":\"{product}\",\"updates\":[{levels}]}}");
        self.numbered("l2_data", &event)
    }

    fn instrument(&self, product: &str) -> InstrumentId {
        self.symbols.find(product).unwrap().instrument.id
    }
}

/// What makes one book of another.
fn difference(before: &Fold, after: &Fold) -> Vec<Set> {
    let side = |is_ask: bool| {
        let [old, new]: [&Levels; 2] = [before, after].map(|book| &book.sides[usize::from(is_ask)]);
        let gone = old.keys().filter(|price| !new.contains_key(price));
        let gone = gone.map(move |price| Set { is_ask, price: *price, qty: 0 });
        let set = new.iter().filter(|(price, qty)| old.get(price) != Some(qty));
        let set = set.map(move |(price, qty)| Set { is_ask, price: *price, qty: *qty });
        gone.chain(set).collect::<Vec<_>>()
    };
    [side(false), side(true)].concat()
}

/// A trade of the older feed as a row of today's; both name the maker's side.
fn trade(message: &Value) -> Body {
    let text = |key: &str| message[key].as_str().unwrap();
    let id = message["trade_id"].as_u64().unwrap();
    let side = text("side").to_uppercase();
    Body::Trade(
        id,
        format!(
            "{{\"trade_id\":\"{id}\",\"product_id\":\"{}\",\"price\":\"{}\",\"size\":\"{}\",\
             \"time\":\"{}\",\"side\":\"{side}\"}}",
            text("product_id"),
            text("price"),
            text("size"),
            text("time")
        ),
    )
}

impl Venue for Coinbase {
    type Feed = MarketFeed;

    fn feed(&self) -> MarketFeed {
        // Made up: the bytes 1 to 32.
        let key = SigningKey::new("AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=").unwrap();
        let credentials = Credentials { name: "organizations/o/apiKeys/k".to_owned(), key };
        MarketFeed::new("ws://recording".to_owned(), self.symbols.clone(), Some(credentials))
    }

    fn instruments(&self) -> Vec<Instrument> {
        self.symbols.iter().map(|row| row.instrument.clone()).collect()
    }

    fn next_at(&self) -> Option<Timestamp> {
        self.messages.front().map(|message| message.at)
    }

    fn left(&self) -> u64 {
        self.messages.len() as u64
    }

    fn happen(&mut self) -> Said {
        let Message { product, body, .. } = self.messages.pop_front().unwrap();
        let instrument = self.instrument(&product);
        let archive = self.archives.entry(instrument).or_default();
        match body {
            Body::Whole(levels) => {
                let mut book = Fold::default();
                book.apply(&levels);
                let next = archive.next();
                archive.begin(book, next);
                let text = self.book("snapshot", &product, &levels);
                Said { text, covers: Covers::Whole(instrument, next) }
            }
            Body::Change(levels) => {
                let number = archive.change(levels.clone());
                let text = self.book("update", &product, &levels);
                Said { text, covers: Covers::Change(instrument, number) }
            }
            Body::Trade(id, row) => {
                let event = format!("{{\"type\":\"update\",\"trades\":[{row}]}}");
                archive.trades.insert(id, row);
                let text = self.numbered("market_trades", &event);
                Said { text, covers: Covers::Nothing }
            }
        }
    }

    fn greet(&mut self, replay: usize) -> Vec<Said> {
        self.number = 0;
        let mut said = Vec::new();
        let mut subscribed = Vec::new();
        for channel in ["heartbeats", "level2", "market_trades"] {
            subscribed.push(format!("\"{channel}\":[]"));
            let event = format!("{{\"subscriptions\":{{{}}}}}", subscribed.join(","));
            let text = self.numbered("subscriptions", &event);
            said.push(Said { text, covers: Covers::Nothing });
        }
        let mut trades = Vec::new();
        for Instrument { id, symbol, .. } in self.instruments() {
            let archive = self.archives.entry(id).or_default();
            trades.extend(archive.trades.values().rev().take(replay / 10).cloned());
            let next = archive.next();
            let Some(head) = archive.head().cloned() else { continue };
            let text = self.book("snapshot", &symbol, &difference(&Fold::default(), &head));
            said.push(Said { text, covers: Covers::Whole(id, next) });
        }
        let event = format!("{{\"type\":\"snapshot\",\"trades\":[{}]}}", trades.join(","));
        let text = self.numbered("market_trades", &event);
        said.push(Said { text, covers: Covers::Nothing });
        said
    }

    fn answer(&mut self, request: &MarketRequest) -> Option<(Outcome, Covers)> {
        let MarketRequest::Trades { instrument, limit, .. } = request else {
            panic!("{request:?}")
        };
        let trades = self.archives.get(instrument)?.trades.values().rev();
        let page: Vec<&str> = trades.take(*limit as usize).map(String::as_str).collect();
        let body = format!("{{\"trades\":[{}]}}", page.join(","));
        let (asked, answered) = (Timestamp::EPOCH, Timestamp::EPOCH);
        let answer = HttpAnswer { status: 200, body: body.as_bytes(), asked, answered };
        let outcome = decode_reply(&Request::Market(request.clone()), &answer, &self.symbols);
        Some((outcome, Covers::Nothing))
    }

    fn archive(&mut self, instrument: InstrumentId) -> &mut Archive {
        self.archives.entry(instrument).or_default()
    }
}
