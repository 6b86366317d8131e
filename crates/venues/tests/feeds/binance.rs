//! Binance spot as recordings tell of it: the streams' own messages, and snapshots as they were
//! answered or as the reconstruction makes them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use model::venue::{MarketRequest, Request, TradesFrom};
use model::{Instrument, InstrumentId, Timestamp};
use plimsoll_venues::binance::Symbols;
use plimsoll_venues::binance::client::{MarketFeed, decode_reply};
use serde_json::{Value, json};

use crate::archive::Archive;
use crate::driver::{Covers, Said, Venue};
use crate::fold::{Fold, Levels, Set, print, rows, units};
use crate::recording::{instrument, lines};

/// Messages that can be told again.
const REPLAY_MAX: usize = 64;

/// One line of a recording.
struct Message {
    at: Timestamp,
    text: String,
}

/// An instrument's book as a REST answer.
struct Snapshot {
    at: Timestamp,
    instrument: InstrumentId,
    body: String,
}

pub(crate) struct Binance {
    symbols: Arc<Symbols>,
    age_max: Option<Duration>,
    messages: VecDeque<Message>,
    /// As recorded, by time; used up as the books become known.
    snapshots: Vec<Snapshot>,
    /// Recorded answers that were not given yet, and what they cover.
    answers: BTreeMap<InstrumentId, (String, u64)>,
    archives: BTreeMap<InstrumentId, Archive>,
    /// Number at the venue of each change, by ours.
    updates: BTreeMap<InstrumentId, Vec<(u64, u64)>>,
    last: VecDeque<Said>,
    now: Timestamp,
}

impl Binance {
    fn new(
        instruments: Vec<Instrument>,
        messages: Vec<Message>,
        snapshots: Vec<Snapshot>,
    ) -> Binance {
        Binance {
            symbols: Arc::new(Symbols::new(instruments)),
            age_max: None,
            messages: messages.into(),
            snapshots,
            answers: BTreeMap::new(),
            archives: BTreeMap::new(),
            updates: BTreeMap::new(),
            last: VecDeque::new(),
            now: Timestamp::EPOCH,
        }
    }

    /// Connections that are replaced after this time.
    pub(crate) fn aged(self, age_max: Duration) -> Binance {
        Binance { age_max: Some(age_max), ..self }
    }

    /// BTCUSDT for eleven minutes over midnight, in two files that belong together.
    pub(crate) fn bitcoin() -> Option<Binance> {
        let btc = instrument("BTC", "USDT", "BTCUSDT", "0.01", "0.00001");
        let (mut messages, mut snapshots) = (Vec::new(), Vec::new());
        for day in ["20240808", "20240809"] {
            for line in lines(&format!("ws/binance/spot_btcusdt_{day}.gz"))? {
                let line = line.unwrap();
                let (nanos, text) = line.split_once(' ').unwrap();
                let at = Timestamp::from_nanos(nanos.parse().unwrap());
                // The feed does not subscribe to best prices.
                if text.contains("@bookTicker") {
                    continue;
                }
                if text.starts_with("{\"lastUpdateId\"") {
                    snapshots.push(Snapshot { at, instrument: btc.id, body: text.to_owned() });
                } else {
                    messages.push(Message { at, text: text.to_owned() });
                }
            }
        }
        Some(Binance::new(vec![btc], messages, snapshots))
    }

    /// Half a minute of four quiet pairs in 2021, with their snapshots.
    pub(crate) fn four_pairs() -> Option<Binance> {
        let pairs = [("NKN", "USDT"), ("BLZ", "ETH"), ("LRC", "BTC"), ("RUNE", "EUR")];
        let table = lines("ws/sessions/BINANCE.0.gz")?.next().unwrap().unwrap();
        let table: Value = serde_json::from_str(&table[table.find(": {").unwrap() + 2..]).unwrap();
        let of_pair = |(base, quote): (&str, &str)| {
            let symbol = format!("{base}{quote}");
            let symbols = table["symbols"].as_array().unwrap();
            let row = symbols.iter().find(|row| row["symbol"] == symbol.as_str()).unwrap();
            let filter = |kind: &str, field: &str| {
                let filters = row["filters"].as_array().unwrap();
                let found = filters.iter().find(|filter| filter["filterType"] == kind).unwrap();
                found[field].as_str().unwrap().to_owned()
            };
            // Not the tick of that day: it had become coarser, and older orders still stood in the
            // books at prices off it (NKNUSDT 0.25974 with a tick of 0.0001).
            instrument(base, quote, &symbol, "0.00000001", &filter("LOT_SIZE", "stepSize"))
        };
        let instruments: Vec<Instrument> = pairs.into_iter().map(of_pair).collect();
        let mut snapshots = Vec::new();
        for line in lines("ws/sessions/BINANCE.http.0.0.gz")? {
            let line = line.unwrap();
            let Some((request, answer)) = line.split_once(" -> ") else { continue };
            let (seconds, body) = answer.split_once(": ").unwrap();
            let mut named = instruments
                .iter()
                .filter(|one| request.contains(&format!("symbol={}&", one.symbol)));
            let instrument = named.next().unwrap().id;
            snapshots.push(Snapshot { at: stamp(seconds), instrument, body: body.to_owned() });
        }
        let mut messages = Vec::new();
        for line in lines("ws/sessions/BINANCE.ws.1.0.gz")? {
            let line = line.unwrap();
            let Some((seconds, text)) = line.split_once(": ") else { continue };
            if text.contains("@depth@") || text.contains("\"e\":\"trade\"") {
                messages.push(Message { at: stamp(seconds), text: text.to_owned() });
            }
        }
        Some(Binance::new(instruments, messages, snapshots))
    }

    /// Parts of a day of TRXUSDT. It begins without a snapshot: the book is what changed.
    pub(crate) fn tron() -> Option<Binance> {
        let trx = instrument("TRX", "USDT", "TRXUSDT", "0.0001", "0.1");
        let mut messages = depth_rows("positive")?;
        messages.extend(trade_rows("positive")?);
        messages.sort_by_key(|message| message.at);
        let first: Value = serde_json::from_str(
            &messages.iter().find(|message| message.text.contains("depthUpdate")).unwrap().text,
        )
        .unwrap();
        let before = first["U"].as_u64().unwrap() - 1;
        let body = json!({"lastUpdateId": before, "bids": [], "asks": []}).to_string();
        let snapshot = Snapshot { at: Timestamp::EPOCH, instrument: trx.id, body };
        Some(Binance::new(vec![trx], messages, vec![snapshot]))
    }

    /// The first depth message and the first trades of the corrupted twin of that day.
    pub(crate) fn corrupted() -> Option<(String, Vec<String>)> {
        let depth = depth_rows("negative")?.swap_remove(0).text;
        let trades = trade_rows("negative")?.into_iter().take(4).map(|trade| trade.text).collect();
        Some((depth, trades))
    }

    /// Snapshots whose time has come make their books known.
    fn begin(&mut self) {
        let now = self.now;
        for Snapshot { instrument, body, .. } in
            self.snapshots.extract_if(.., |snapshot| snapshot.at <= now)
        {
            let snapshot: Value = serde_json::from_str(&body).unwrap();
            let known = snapshot["lastUpdateId"].as_u64().unwrap();
            let mut book = Fold::default();
            book.apply(&levels(&snapshot, "bids", "asks"));
            let updates = self.updates.entry(instrument).or_default();
            let archive = self.archives.entry(instrument).or_default();
            let next = updates.iter().find(|(_, update)| *update > known);
            let next = next.map_or(archive.next(), |(number, _)| *number);
            archive.begin(book, next);
            self.answers.insert(instrument, (body, next));
            if updates.is_empty() {
                updates.push((next, known));
            }
        }
    }
}

/// Bids and asks of a message.
fn levels(message: &Value, bids: &str, asks: &str) -> Vec<Set> {
    rows(&message[bids], false).chain(rows(&message[asks], true)).collect()
}

/// A time in seconds with a fraction.
fn stamp(seconds: &str) -> Timestamp {
    Timestamp::from_nanos(units(&format!("{seconds:.17}")) * 10)
}

/// Rows of a table that belong to one message, in its words.
fn depth_rows(kind: &str) -> Option<Vec<Message>> {
    let name =
        format!("book/binance_trx_20250304/{kind}_difference_depth_stream_spot_trxusdt.csv.gz");
    let mut rows: Vec<Vec<String>> = Vec::new();
    for line in lines(&name)?.skip(1) {
        rows.push(line.unwrap().split(',').map(str::to_owned).collect());
    }
    let group = |rows: &[Vec<String>]| {
        let level = |row: &&Vec<String>| json!([row[8], row[9]]);
        let side = |ask: &str| -> Value {
            rows.iter().filter(|row| row[7] == ask).map(|row| level(&row)).collect()
        };
        let number = |text: &String| text.parse::<u64>().unwrap();
        let head = &rows[0];
        let text = json!({
            "e": "depthUpdate", "E": number(&head[3]) / 1_000, "s": head[4],
            "U": number(&head[5]), "u": number(&head[6]), "b": side("0"), "a": side("1"),
        });
        Message { at: micros(&head[0]), text: text.to_string() }
    };
    Some(rows.chunk_by(|a, b| a[5..7] == b[5..7]).map(group).collect())
}

fn trade_rows(kind: &str) -> Option<Vec<Message>> {
    let name = format!("book/binance_trx_20250304/{kind}_trade_stream_spot_trxusdt.csv.gz");
    let mut messages = Vec::new();
    for line in lines(&name)?.skip(1) {
        let line = line.unwrap();
        let row: Vec<&str> = line.split(',').collect();
        let number = |text: &str| text.parse::<u64>().unwrap();
        let text = json!({
            "e": "trade", "E": number(row[3]) / 1_000, "s": row[5], "t": number(row[6]),
            "p": row[7], "q": row[8], "T": number(row[4]) / 1_000, "m": row[9] == "1", "M": true,
        });
        messages.push(Message { at: micros(row[0]), text: text.to_string() });
    }
    Some(messages)
}

fn micros(text: &str) -> Timestamp {
    Timestamp::from_nanos(text.parse::<i64>().unwrap() * 1_000)
}

impl Venue for Binance {
    type Feed = MarketFeed;

    fn feed(&self) -> MarketFeed {
        let feed = MarketFeed::new("ws://recording/ws".to_owned(), self.symbols.clone());
        match self.age_max {
            Some(age_max) => feed.with_age_max(age_max),
            None => feed,
        }
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
        let Message { at, text } = self.messages.pop_front().unwrap();
        self.now = at;
        let whole: Value = serde_json::from_str(&text).unwrap();
        let data = whole.get("data").unwrap_or(&whole);
        let instrument = self.symbols.find(data["s"].as_str().unwrap()).unwrap().instrument.id;
        let archive = self.archives.entry(instrument).or_default();
        let covers = if data["e"] == "depthUpdate" {
            let (first, last) = (data["U"].as_u64().unwrap(), data["u"].as_u64().unwrap());
            let updates = self.updates.entry(instrument).or_default();
            if updates.last().is_some_and(|(_, before)| first > before + 1) {
                archive.skip();
            }
            let number = archive.change(levels(data, "b", "a"));
            updates.push((number, last));
            Covers::Change(instrument, number)
        } else {
            let id = data["t"].as_u64().unwrap();
            let text = json!({
                "id": id, "price": data["p"], "qty": data["q"], "quoteQty": "1",
                "time": data["T"], "isBuyerMaker": data["m"], "isBestMatch": true,
            });
            archive.trades.insert(id, text.to_string());
            Covers::Nothing
        };
        self.begin();
        let said = Said { text, covers };
        if self.last.len() == REPLAY_MAX {
            self.last.pop_front();
        }
        self.last.push_back(said.clone());
        said
    }

    fn greet(&mut self, replay: usize) -> Vec<Said> {
        let ack = Said { text: r#"{"result":null,"id":1}"#.to_owned(), covers: Covers::Nothing };
        let skip = self.last.len().saturating_sub(replay);
        [ack].into_iter().chain(self.last.iter().skip(skip).cloned()).collect()
    }

    fn answer(&mut self, request: &MarketRequest) -> Option<(model::Outcome, Covers)> {
        let (body, covers) = match request {
            MarketRequest::Book { instrument, .. } if self.answers.contains_key(instrument) => {
                let (body, next) = self.answers.remove(instrument)?;
                (body, Covers::Whole(*instrument, next))
            }
            MarketRequest::Book { instrument, .. } => {
                let archive = self.archives.get(instrument)?;
                let last = self.updates.get(instrument)?.last()?.1;
                let [bids, asks] = &archive.head()?.sides;
                let row = |(price, qty): (&i64, &i64)| json!([print(*price), print(*qty)]);
                let print = |levels: &Levels| levels.iter().map(row).collect::<Value>();
                let (bids, asks) = (print(bids), print(asks));
                let body = json!({"lastUpdateId": last, "bids": bids, "asks": asks});
                (body.to_string(), Covers::Whole(*instrument, archive.next()))
            }
            MarketRequest::Trades { instrument, from: TradesFrom::Id(from), limit } => {
                let found = self.archives.get(instrument)?.trades.range(from..);
                let page: Vec<&str> =
                    found.take(*limit as usize).map(|(_, text)| text.as_str()).collect();
                (format!("[{}]", page.join(",")), Covers::Nothing)
            }
            other => panic!("{other:?}"),
        };
        let request = Request::Market(request.clone());
        Some((decode_reply(&request, 200, body.as_bytes(), &self.symbols), covers))
    }

    fn archive(&mut self, instrument: InstrumentId) -> &mut Archive {
        self.archives.entry(instrument).or_default()
    }
}
