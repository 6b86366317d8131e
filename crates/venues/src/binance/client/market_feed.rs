//! The market streams of Binance: books joined from a snapshot and changes, trades each once.
//!
//! One connection carries all instruments. While a second connection takes over, each book belongs
//! to the one that was joined last: what the other tells of it is dropped.
//!
//! Source: web-socket-streams.md, read 2026-07-21 (24 hours a connection, pings every 20 s).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use model::market::{BookUpdate, LevelUpdate, MarketEvent, MarketKind, PublicTrade};
use model::venue::{MarketRequest, Response, TradesFrom};
use model::{FeedNotice, Input, InstrumentId, Link, Outcome, Timestamp};

use super::book_sync::{BookSync, SyncStep};
use super::encode::subscribe_market;
use super::market::{StreamMessage, decode_market};
use crate::binance::symbols::Symbols;
use crate::session::{
    Heard, Protocol, Pulse, Repeats, SilenceBounds, Stamp, Tape, TapeStep, Timing,
};

/// Pings come every 20 seconds; three that are missing are one too many.
const SILENCE_MAX: Duration = Duration::from_secs(65);
/// How long one book may be mute.
const BOOK_SILENCE: SilenceBounds =
    SilenceBounds { min: Duration::from_secs(5), max: Duration::from_secs(60) };
/// The venue ends connections after 24 hours; ours are replaced before.
const AGE_MAX: Duration = Duration::from_secs(23 * 3_600);
/// Levels a side that are asked for in a snapshot.
const SNAPSHOT_DEPTH: u32 = 1_000;
/// Pause before a snapshot is asked for again.
const SNAPSHOT_PAUSE: Duration = Duration::from_millis(500);
/// Missed trades that are asked for at once; the venue's most.
const TRADES_PAGE: u32 = 1_000;
/// Pause before missed trades are asked for again.
const TRADES_PAUSE: Duration = Duration::from_millis(500);
/// Number of the request to subscribe.
const SUBSCRIBE_ID: u64 = 1;

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
    levels: Vec<LevelUpdate>,
    age_max: Duration,
}

/// What is known of one connection.
#[derive(Debug)]
pub struct MarketConn {
    number: u64,
    books: BTreeMap<InstrumentId, BookState>,
    /// Whose missed trades are being asked for: one question at a time.
    asked: BTreeSet<InstrumentId>,
    complete: bool,
}

#[derive(Debug)]
struct BookState {
    sync: BookSync,
    pulse: Pulse,
}

impl MarketFeed {
    /// A feed from this address of streams (`wss://…/ws`).
    pub fn new(url: String, symbols: Arc<Symbols>) -> MarketFeed {
        MarketFeed {
            url,
            symbols,
            tapes: BTreeMap::new(),
            owners: BTreeMap::new(),
            opened: 0,
            repeats: Repeats::default(),
            levels: Vec::new(),
            age_max: AGE_MAX,
        }
    }

    /// Hands connections over after this time instead of 23 hours.
    pub fn with_age_max(mut self, age_max: Duration) -> MarketFeed {
        self.age_max = age_max;
        self
    }

    fn message(
        &mut self,
        now: Timestamp,
        conn: &mut MarketConn,
        message: StreamMessage,
        heard: &mut Vec<Heard>,
    ) {
        match message {
            StreamMessage::Depth { instrument, first, last, time } => {
                self.change(now, conn, Change { instrument, first, last, time }, heard);
            }
            StreamMessage::Trade { instrument, trade } => {
                self.trade(now, conn, instrument, trade, heard);
            }
            StreamMessage::Ack { id: SUBSCRIBE_ID } => {
                conn.books.values_mut().for_each(|book| book.pulse = Pulse::new(now));
                heard.push(Heard::Up);
                // What the last connection asked for died with it.
                self.ask_for_all_trades(conn, heard);
                // At once, not at the first change: a book may be idle.
                let ids = conn.books.iter_mut().filter_map(|(id, b)| b.sync.ask().then_some(*id));
                heard.extend(ids.map(|id| ask_for_book(id, Duration::ZERO)));
            }
            StreamMessage::Shutdown => heard.push(Heard::end("the venue announced a shutdown")),
            // Nothing here subscribes to those.
            StreamMessage::Quote { .. }
            | StreamMessage::AggregateTrade { .. }
            | StreamMessage::PartialBook(_)
            | StreamMessage::Candle { .. }
            | StreamMessage::Ticker { .. }
            | StreamMessage::Ack { .. }
            | StreamMessage::Other => {}
        }
    }

    fn trade(
        &mut self,
        now: Timestamp,
        conn: &mut MarketConn,
        instrument: InstrumentId,
        trade: PublicTrade,
        heard: &mut Vec<Heard>,
    ) {
        let tape = self.tapes.entry(instrument).or_default();
        match tape.told(trade.id) {
            TapeStep::Duplicate => return self.repeats.add(now, heard),
            TapeStep::New => {}
            TapeStep::NewAfterGap { count, .. } => {
                let missed = FeedNotice::MissedTrades { instrument, count };
                heard.push(Heard::News(Input::Feed(missed)));
                self.ask_for_trades(conn, instrument, Duration::ZERO, heard);
            }
        }
        heard.push(news(instrument, trade.time, MarketKind::Trade(trade)));
    }

    fn change(
        &mut self,
        now: Timestamp,
        conn: &mut MarketConn,
        Change { instrument, first, last, time }: Change,
        heard: &mut Vec<Heard>,
    ) {
        let Some(book) = conn.books.get_mut(&instrument) else { return };
        book.pulse.beat(now);
        let owned = self.owners.get(&instrument) == Some(&conn.number);
        match book.sync.change(first, last, &self.levels) {
            SyncStep::Wait => {}
            SyncStep::Ask => heard.push(ask_for_book(instrument, Duration::ZERO)),
            SyncStep::Apply if owned => {
                let update = BookUpdate { snapshot: false, levels: self.levels.clone() };
                heard.push(news(instrument, time, MarketKind::Book(update)));
            }
            // A newer connection tells this book.
            SyncStep::Apply => {}
            SyncStep::Book(update) => self.joined(conn, instrument, time, update, heard),
            SyncStep::Duplicate if owned => self.repeats.add(now, heard),
            SyncStep::Duplicate => {}
            SyncStep::Gap { expected, got } => {
                if owned {
                    let detail = format!("change {expected} is missing, {got} came");
                    let gap = FeedNotice::Gap { instrument, detail };
                    heard.push(Heard::News(Input::Feed(gap)));
                    self.owners.remove(&instrument);
                    heard.push(news(instrument, time, MarketKind::BookLost));
                }
                heard.push(ask_for_book(instrument, Duration::ZERO));
            }
        }
    }

    /// A book is whole: from here on it is this connection's.
    fn joined(
        &mut self,
        conn: &mut MarketConn,
        instrument: InstrumentId,
        time: Timestamp,
        update: BookUpdate,
        heard: &mut Vec<Heard>,
    ) {
        let owner = self.owners.entry(instrument).or_insert(conn.number);
        if *owner <= conn.number {
            *owner = conn.number;
            heard.push(news(instrument, time, MarketKind::Book(update)));
        }
        if !conn.complete && conn.books.values().all(|book| book.sync.is_synced()) {
            conn.complete = true;
            heard.push(Heard::Complete);
            // What the predecessor has asked for dies with it.
            self.ask_for_all_trades(conn, heard);
        }
    }

    /// Asks for what is missing, unless it is being asked for.
    fn ask_for_trades(
        &self,
        conn: &mut MarketConn,
        instrument: InstrumentId,
        after: Duration,
        heard: &mut Vec<Heard>,
    ) {
        let missing = self.tapes.get(&instrument).and_then(Tape::missing_from);
        if let Some(first) = missing
            && conn.asked.insert(instrument)
        {
            let (from, limit) = (TradesFrom::Id(first), TRADES_PAGE);
            heard.push(Heard::Ask(MarketRequest::Trades { instrument, from, limit }, after));
        }
    }

    fn ask_for_all_trades(&self, conn: &mut MarketConn, heard: &mut Vec<Heard>) {
        for instrument in self.tapes.keys() {
            self.ask_for_trades(conn, *instrument, Duration::ZERO, heard);
        }
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
        let mut after = TRADES_PAUSE;
        match outcome {
            Outcome::Done(Response::Trades(mut trades)) => {
                tape.fetched(&mut trades);
                if !trades.is_empty() {
                    after = Duration::ZERO;
                }
                let late =
                    |trade: PublicTrade| news(instrument, trade.time, MarketKind::LateTrade(trade));
                heard.extend(trades.into_iter().map(late));
            }
            Outcome::Done(_) | Outcome::Refused(_) => drop(tape.fetched(&mut Vec::new())),
            // It was not heard, or could not answer.
            Outcome::NotSent(_) | Outcome::InDoubt(_) => {}
        }
        // What the venue never tells stays missing, which the notice has said.
        self.ask_for_trades(conn, instrument, after, heard);
    }
}

struct Change {
    instrument: InstrumentId,
    first: u64,
    last: u64,
    time: Timestamp,
}

fn news(instrument: InstrumentId, venue_time: Timestamp, kind: MarketKind) -> Heard {
    Heard::News(Input::Market(MarketEvent { instrument, venue_time, kind }))
}

fn ask_for_book(instrument: InstrumentId, after: Duration) -> Heard {
    Heard::Ask(MarketRequest::Book { instrument, depth: SNAPSHOT_DEPTH }, after)
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
        Timing { silence_max: SILENCE_MAX, age_max: Some(self.age_max), overlap: Duration::ZERO }
    }

    fn open(&mut self, now: Timestamp, _stamp: Stamp, say: &mut Vec<String>) -> MarketConn {
        self.opened += 1;
        say.push(subscribe_market(&self.symbols, SUBSCRIBE_ID));
        let book = || BookState { sync: BookSync::default(), pulse: Pulse::new(now) };
        let books = self.symbols.iter().map(|row| (row.instrument.id, book())).collect();
        MarketConn { number: self.opened, books, asked: BTreeSet::new(), complete: false }
    }

    fn text(&mut self, now: Timestamp, conn: &mut MarketConn, text: &str, heard: &mut Vec<Heard>) {
        let mut levels = std::mem::take(&mut self.levels);
        let decoded = decode_market(text, &self.symbols, &mut levels);
        self.levels = levels;
        match decoded {
            Ok(message) => self.message(now, conn, message, heard),
            // It may have been a change of a book: the book is not known.
            Err(error) => heard.push(Heard::end(format!("a message cannot be read: {error}"))),
        }
    }

    fn answer(
        &mut self,
        now: Timestamp,
        conn: &mut MarketConn,
        asked: &MarketRequest,
        outcome: Outcome,
        heard: &mut Vec<Heard>,
    ) {
        match (asked, outcome) {
            (MarketRequest::Book { instrument, .. }, Outcome::Done(Response::Book(snapshot))) => {
                let Some(book) = conn.books.get_mut(instrument) else { return };
                match book.sync.snapshot(&snapshot) {
                    SyncStep::Book(update) => self.joined(conn, *instrument, now, update, heard),
                    SyncStep::Ask => heard.push(ask_for_book(*instrument, SNAPSHOT_PAUSE)),
                    SyncStep::Wait
                    | SyncStep::Apply
                    | SyncStep::Duplicate
                    | SyncStep::Gap { .. } => {}
                }
            }
            (MarketRequest::Book { instrument, .. }, _) => {
                heard.push(ask_for_book(*instrument, SNAPSHOT_PAUSE));
            }
            (MarketRequest::Trades { instrument, .. }, outcome) => {
                self.missed_trades(conn, *instrument, outcome, heard);
            }
            _ => {}
        }
    }

    fn distrust(
        &mut self,
        now: Timestamp,
        conn: &mut MarketConn,
        instrument: InstrumentId,
        heard: &mut Vec<Heard>,
    ) {
        let Some(book) = conn.books.get_mut(&instrument) else { return };
        book.sync.lost();
        self.owners.remove(&instrument);
        heard.push(news(instrument, now, MarketKind::BookLost));
        // Not at the next change, which may never come; and not in step with a venue that errs.
        if book.sync.ask() {
            heard.push(ask_for_book(instrument, SNAPSHOT_PAUSE));
        }
    }

    fn dead_at(&self, conn: &MarketConn) -> Option<(Timestamp, String)> {
        let mute = |(id, book): (&InstrumentId, &BookState)| {
            (
                book.pulse.dead_at(BOOK_SILENCE),
                format!("the book of {id} has been mute for too long"),
            )
        };
        conn.books.iter().map(mute).min()
    }

    fn closed(&mut self, now: Timestamp, conn: MarketConn, heard: &mut Vec<Heard>) {
        for instrument in conn.books.keys() {
            if self.owners.get(instrument) == Some(&conn.number) {
                self.owners.remove(instrument);
                heard.push(news(*instrument, now, MarketKind::BookLost));
            }
        }
        self.repeats.tell(now, heard);
    }
}

#[cfg(test)]
mod tests;
