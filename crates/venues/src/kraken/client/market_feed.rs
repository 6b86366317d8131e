//! The public streams of Kraken: books that begin with a snapshot on the connection itself, trades each once.
//!
//! There are no sequence numbers. A book that was not followed completely shows by its checksum; then the
//! connection starts again, because a book begins with a subscription. While a second connection takes over,
//! each book belongs to the one whose snapshot came last.
//!
//! Source: guides "WebSocket v2" and "Book", read 2026-08-21.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use model::market::{BookUpdate, MarketEvent, MarketKind, PublicTrade};
use model::venue::{MarketRequest, Response, TradesFrom};
use model::{FeedNotice, Input, InstrumentId, Link, Outcome, Timestamp};
use serde_json::json;

use super::ladder::Ladder;
use super::market::{MarketMessage, decode_market};
use crate::kraken::BOOK_DEPTH;
use crate::kraken::symbols::Symbols;
use crate::kraken::wire::Book;
use crate::session::{
    Heard, Protocol, Pulse, Repeats, SilenceBounds, Stamp, Tape, TapeStep, Timing,
};

/// Heartbeats come about once a second where nothing else does.
const SILENCE_MAX: Duration = Duration::from_secs(10);
/// How long one book may be mute.
const BOOK_SILENCE: SilenceBounds =
    SilenceBounds { min: Duration::from_secs(5), max: Duration::from_secs(60) };
/// Missed trades are found among the newest, of which so many are asked for.
const TRADES_PAGE: u32 = 1_000;
/// Pause before missed trades are asked for again: the venue takes one public question a second.
const TRADES_PAUSE: Duration = Duration::from_secs(2);

/// Books and trades of every instrument.
#[derive(Debug)]
pub struct MarketFeed {
    url: String,
    symbols: Arc<Symbols>,
    tapes: BTreeMap<InstrumentId, Tape>,
    /// Which connection's book counts, by the number of its opening.
    owners: BTreeMap<InstrumentId, u64>,
    opened: u64,
    repeats: Repeats,
}

/// What is known of one connection.
#[derive(Debug)]
pub struct MarketConn {
    number: u64,
    ladders: BTreeMap<InstrumentId, Ladder>,
    pulses: BTreeMap<InstrumentId, Pulse>,
    /// Subscriptions that were taken: channel and pair.
    taken: BTreeSet<(String, String)>,
    /// Whose missed trades are being asked for: one question at a time.
    asked: BTreeSet<InstrumentId>,
    up: bool,
    complete: bool,
}

impl MarketFeed {
    /// A feed from this address.
    pub fn new(url: String, symbols: Arc<Symbols>) -> MarketFeed {
        MarketFeed {
            url,
            symbols,
            tapes: BTreeMap::new(),
            owners: BTreeMap::new(),
            opened: 0,
            repeats: Repeats::default(),
        }
    }

    fn book(
        &mut self,
        now: Timestamp,
        conn: &mut MarketConn,
        (snapshot, told): (bool, &Book),
        heard: &mut Vec<Heard>,
    ) {
        let Some(row) = self.symbols.find(&told.symbol) else {
            return heard.push(Heard::end(format!("a book of {:?} came", told.symbol)));
        };
        let instrument = row.instrument.id;
        if let Some(pulse) = conn.pulses.get_mut(&instrument) {
            pulse.beat(now);
        }
        // A change before the snapshot is of no book.
        if !snapshot && !conn.ladders.contains_key(&instrument) {
            return;
        }
        let ladder = conn.ladders.entry(instrument).or_default();
        let levels = match ladder.take(row, told, snapshot) {
            Ok(levels) => levels,
            Err(error) => {
                let detail = error.to_string();
                if self.owners.get(&instrument) == Some(&conn.number) {
                    let detail = detail.clone();
                    heard.push(Heard::News(Input::Feed(FeedNotice::Gap { instrument, detail })));
                }
                return heard.push(Heard::end(format!("the book of {instrument}: {detail}")));
            }
        };
        if snapshot {
            self.owners.insert(instrument, conn.number);
        }
        if self.owners.get(&instrument) == Some(&conn.number) {
            let told = told.timestamp.as_deref().unwrap_or_default();
            let time = Timestamp::parse_rfc3339(told.as_bytes()).unwrap_or(now);
            let update = BookUpdate { snapshot, levels };
            heard.push(news(instrument, time, MarketKind::Book(update)));
        }
        if !conn.complete && conn.pulses.keys().all(|id| conn.ladders.contains_key(id)) {
            conn.complete = true;
            heard.push(Heard::Complete);
        }
    }

    fn trade(
        &mut self,
        now: Timestamp,
        conn: &mut MarketConn,
        (instrument, trade): (InstrumentId, PublicTrade),
        heard: &mut Vec<Heard>,
    ) {
        match self.tapes.entry(instrument).or_default().told(trade.id) {
            TapeStep::Duplicate => return self.repeats.add(now, heard),
            TapeStep::New => {}
            TapeStep::NewAfterGap { count, .. } => {
                let missed = FeedNotice::MissedTrades { instrument, count };
                heard.push(Heard::News(Input::Feed(missed)));
                ask_for_trades(conn, instrument, Duration::ZERO, heard);
            }
        }
        heard.push(news(instrument, trade.time, MarketKind::Trade(trade)));
    }

    fn missed_trades(
        &mut self,
        conn: &mut MarketConn,
        instrument: InstrumentId,
        outcome: Outcome,
        heard: &mut Vec<Heard>,
    ) {
        conn.asked.remove(&instrument);
        let Some(tape) = self.tapes.get_mut(&instrument) else { return };
        let missing = match outcome {
            Outcome::Done(Response::Trades(mut trades)) => {
                let missing = tape.fetched(&mut trades);
                let late =
                    |trade: PublicTrade| news(instrument, trade.time, MarketKind::LateTrade(trade));
                heard.extend(trades.into_iter().map(late));
                missing
            }
            Outcome::Done(_) | Outcome::Refused(_) => tape.fetched(&mut Vec::new()),
            Outcome::NotSent(_) | Outcome::InDoubt(_) => tape.missing_from(),
        };
        // What the venue never tells stays missing, which the notice has said.
        if missing.is_some() {
            ask_for_trades(conn, instrument, TRADES_PAUSE, heard);
        }
    }

    fn subscribed(
        &mut self,
        conn: &mut MarketConn,
        taken: (String, String),
        heard: &mut Vec<Heard>,
    ) {
        conn.taken.insert(taken);
        let is_taken =
            |channel: &str, pair: &str| conn.taken.contains(&(channel.to_owned(), pair.to_owned()));
        let all = self
            .symbols
            .iter()
            .all(|row| ["book", "trade"].iter().all(|channel| is_taken(channel, &row.stream)));
        if all && !std::mem::replace(&mut conn.up, true) {
            heard.push(Heard::Up);
            // What the last connection asked for died with it.
            let missing = self.tapes.iter().filter(|(_, tape)| tape.missing_from().is_some());
            missing.for_each(|(id, _)| ask_for_trades(conn, *id, Duration::ZERO, heard));
        }
    }
}

fn news(instrument: InstrumentId, venue_time: Timestamp, kind: MarketKind) -> Heard {
    Heard::News(Input::Market(MarketEvent { instrument, venue_time, kind }))
}

/// Asks for the newest trades, unless they are being asked for.
fn ask_for_trades(
    conn: &mut MarketConn,
    instrument: InstrumentId,
    after: Duration,
    heard: &mut Vec<Heard>,
) {
    if conn.asked.insert(instrument) {
        let (from, limit) = (TradesFrom::Newest, TRADES_PAGE);
        heard.push(Heard::Ask(MarketRequest::Trades { instrument, from, limit }, after));
    }
}

impl Protocol for MarketFeed {
    type Conn = MarketConn;

    fn link(&self) -> Link {
        Link::Market
    }

    fn url(&self) -> String {
        self.url.clone()
    }

    fn timing(&self) -> Timing {
        // No forced end is documented.
        Timing { silence_max: SILENCE_MAX, age_max: None, overlap: Duration::ZERO }
    }

    fn open(&mut self, now: Timestamp, _stamp: Stamp, say: &mut Vec<String>) -> MarketConn {
        self.opened += 1;
        let pairs: Vec<&str> = self.symbols.iter().map(|row| row.stream.as_str()).collect();
        let book =
            json!({"channel": "book", "symbol": pairs, "depth": BOOK_DEPTH, "snapshot": true});
        let trade = json!({"channel": "trade", "symbol": pairs, "snapshot": true});
        say.extend([book, trade].into_iter().zip(1..).map(|(params, id)| {
            json!({"method": "subscribe", "params": params, "req_id": id}).to_string()
        }));
        let pulses = self.symbols.iter().map(|row| (row.instrument.id, Pulse::new(now)));
        MarketConn {
            number: self.opened,
            ladders: BTreeMap::new(),
            pulses: pulses.collect(),
            taken: BTreeSet::new(),
            asked: BTreeSet::new(),
            up: false,
            complete: false,
        }
    }

    fn text(&mut self, now: Timestamp, conn: &mut MarketConn, text: &str, heard: &mut Vec<Heard>) {
        match decode_market(text, &self.symbols) {
            Ok(MarketMessage::Books { snapshot, books }) => {
                books.iter().for_each(|book| self.book(now, conn, (snapshot, book), heard));
            }
            Ok(MarketMessage::Trades(trades)) => {
                trades.into_iter().for_each(|trade| self.trade(now, conn, trade, heard));
            }
            Ok(MarketMessage::Subscribed { channel, symbol }) => {
                self.subscribed(conn, (channel, symbol), heard);
            }
            Ok(MarketMessage::Refused(words)) => {
                heard.push(Heard::end(format!("refused: {words}")))
            }
            // What it means for orders they are told themselves when they are refused.
            Ok(MarketMessage::Status(_) | MarketMessage::Other) => {}
            // It may have been a change of a book: the book is not known.
            Err(error) => heard.push(Heard::end(format!("a message cannot be read: {error}"))),
        }
    }

    fn answer(
        &mut self,
        _now: Timestamp,
        conn: &mut MarketConn,
        asked: &MarketRequest,
        outcome: Outcome,
        heard: &mut Vec<Heard>,
    ) {
        if let MarketRequest::Trades { instrument, .. } = asked {
            self.missed_trades(conn, *instrument, outcome, heard);
        }
    }

    fn distrust(
        &mut self,
        _now: Timestamp,
        _conn: &mut MarketConn,
        instrument: InstrumentId,
        heard: &mut Vec<Heard>,
    ) {
        heard.push(Heard::end(format!("the book of {instrument} is not to be believed")));
    }

    fn dead_at(&self, conn: &MarketConn) -> Option<(Timestamp, String)> {
        let mute = |(id, pulse): (&InstrumentId, &Pulse)| {
            (pulse.dead_at(BOOK_SILENCE), format!("the book of {id} has been mute for too long"))
        };
        conn.pulses.iter().map(mute).min()
    }

    fn closed(&mut self, now: Timestamp, conn: MarketConn, heard: &mut Vec<Heard>) {
        for instrument in conn.pulses.keys() {
            if self.owners.get(instrument) == Some(&conn.number) {
                self.owners.remove(instrument);
                heard.push(news(*instrument, now, MarketKind::BookLost));
            }
        }
        self.repeats.tell(now, heard);
    }
}
