//! The market channels of Coinbase: books that begin with a snapshot on the connection itself, trades
//! each once.
//!
//! One connection carries all instruments, and one counter runs over all its messages: where a number
//! is missing nobody knows what is lost, so the connection starts again. While a second one takes over,
//! each book belongs to the one whose snapshot came last.
//!
//! Source: websocket-overview.md and websocket-channels.md, read 2026-08-08.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use model::market::{BookUpdate, MarketEvent, MarketKind, PublicTrade};
use model::venue::{MarketRequest, Response, TradesFrom};
use model::{FeedNotice, Input, InstrumentId, Link, Outcome, Timestamp};

use super::books::{BookStep, Books};
use super::encode::Credentials;
use super::market::{Batch, Content, decode_market};
use super::sequence::{Sequence, SequenceStep};
use super::subscribe::{Channel, subscribe};
use crate::coinbase::sign::Nonce;
use crate::coinbase::symbols::Symbols;
use crate::session::{
    Heard, Protocol, Pulse, Repeats, SilenceBounds, Stamp, Tape, TapeStep, Timing,
};

/// Heartbeats come once a second: nothing for so long is death.
const SILENCE_MAX: Duration = Duration::from_secs(5);
/// How long one book may be mute: the venue closes a channel itself after 60 to 90 seconds.
const BOOK_SILENCE: SilenceBounds =
    SilenceBounds { min: Duration::from_secs(5), max: Duration::from_secs(60) };
/// Missed trades are found among the newest, of which so many are asked for; the venue takes no
/// number to start from.
const TRADES_PAGE: u32 = 1_000;
/// Pause before missed trades are asked for again.
const TRADES_PAUSE: Duration = Duration::from_millis(500);

/// What is subscribed to, in this order.
const CHANNELS: [Channel; 3] = [Channel::Heartbeats, Channel::Level2, Channel::MarketTrades];

/// Books and trades of every instrument.
#[derive(Debug)]
pub struct MarketFeed {
    url: String,
    symbols: Arc<Symbols>,
    credentials: Option<Credentials>,
    tapes: BTreeMap<InstrumentId, Tape>,
    /// Which connection's book counts, by the number of its opening.
    owners: BTreeMap<InstrumentId, u64>,
    opened: u64,
    repeats: Repeats,
    batch: Batch,
}

/// What is known of one connection.
#[derive(Debug)]
pub struct MarketConn {
    number: u64,
    sequence: Sequence,
    books: Books,
    pulses: BTreeMap<InstrumentId, Pulse>,
    /// Whose missed trades are being asked for: one question at a time.
    asked: BTreeSet<InstrumentId>,
    up: bool,
    complete: bool,
}

impl MarketFeed {
    /// A feed from this address. A key makes the public channels "more reliable", by the venue's
    /// word.
    pub fn new(url: String, symbols: Arc<Symbols>, credentials: Option<Credentials>) -> MarketFeed {
        MarketFeed {
            url,
            symbols,
            credentials,
            tapes: BTreeMap::new(),
            owners: BTreeMap::new(),
            opened: 0,
            repeats: Repeats::default(),
            batch: Batch::default(),
        }
    }

    fn books(
        &mut self,
        now: Timestamp,
        conn: &mut MarketConn,
        time: Timestamp,
        heard: &mut Vec<Heard>,
    ) {
        for change in &self.batch.books {
            let instrument = change.instrument;
            if let Some(pulse) = conn.pulses.get_mut(&instrument) {
                pulse.beat(now);
            }
            let step = conn.books.take(change);
            if step == BookStep::Replace {
                self.owners.insert(instrument, conn.number);
            }
            if step == BookStep::Wait || self.owners.get(&instrument) != Some(&conn.number) {
                continue;
            }
            let levels = self.batch.levels_of(change).to_vec();
            let update = BookUpdate { snapshot: step == BookStep::Replace, levels };
            heard.push(news(instrument, time, MarketKind::Book(update)));
        }
        if !conn.complete && conn.pulses.keys().all(|id| conn.books.is_known(*id)) {
            conn.complete = true;
            heard.push(Heard::Complete);
        }
    }

    fn trades(&mut self, now: Timestamp, conn: &mut MarketConn, heard: &mut Vec<Heard>) {
        for (instrument, trade) in &self.batch.trades {
            let tape = self.tapes.entry(*instrument).or_default();
            match tape.told(trade.id) {
                TapeStep::Duplicate => {
                    self.repeats.add(now, heard);
                    continue;
                }
                TapeStep::New => {}
                TapeStep::NewAfterGap { count, .. } => {
                    let missed = FeedNotice::MissedTrades { instrument: *instrument, count };
                    heard.push(Heard::News(Input::Feed(missed)));
                    ask_for_trades(conn, *instrument, Duration::ZERO, heard);
                }
            }
            heard.push(news(*instrument, trade.time, MarketKind::Trade(*trade)));
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
        let missing = match outcome {
            Outcome::Done(Response::Trades(mut trades)) => {
                // What lies before the newest page cannot be had; what lies behind it is on its way.
                let missing = tape.fetched(&mut trades);
                let late =
                    |trade: PublicTrade| news(instrument, trade.time, MarketKind::LateTrade(trade));
                heard.extend(trades.into_iter().map(late));
                missing
            }
            Outcome::Done(_) | Outcome::Refused(_) => tape.fetched(&mut Vec::new()),
            // It was not heard, or could not answer.
            Outcome::NotSent(_) | Outcome::InDoubt(_) => tape.missing_from(),
        };
        // What the venue never tells stays missing, which the notice has said.
        if missing.is_some() {
            ask_for_trades(conn, instrument, TRADES_PAUSE, heard);
        }
    }

    /// Messages are missing: no book of this connection is known.
    fn gap(&self, conn: &MarketConn, detail: &str, heard: &mut Vec<Heard>) {
        for (instrument, owner) in &self.owners {
            if *owner == conn.number {
                let (instrument, detail) = (*instrument, detail.to_owned());
                heard.push(Heard::News(Input::Feed(FeedNotice::Gap { instrument, detail })));
            }
        }
        heard.push(Heard::end(detail));
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

    fn open(&mut self, now: Timestamp, stamp: Stamp, say: &mut Vec<String>) -> MarketConn {
        self.opened += 1;
        let key = self.credentials.as_ref();
        say.extend(CHANNELS.into_iter().zip(0..).map(|(channel, index)| {
            let nonce = Nonce::numbered(stamp.nonce, index);
            subscribe(channel, &self.symbols, key, stamp.venue_now, nonce)
        }));
        let pulses = self.symbols.iter().map(|row| (row.instrument.id, Pulse::new(now)));
        MarketConn {
            number: self.opened,
            sequence: Sequence::default(),
            books: Books::default(),
            pulses: pulses.collect(),
            asked: BTreeSet::new(),
            up: false,
            complete: false,
        }
    }

    fn text(&mut self, now: Timestamp, conn: &mut MarketConn, text: &str, heard: &mut Vec<Heard>) {
        let message = match decode_market(text, &self.symbols, &mut self.batch) {
            Ok(message) => message,
            // It may have been a change of a book: the book is not known.
            Err(error) => {
                return heard.push(Heard::end(format!("a message cannot be read: {error}")));
            }
        };
        match message.sequence.map(|number| conn.sequence.take(number)) {
            None | Some(SequenceStep::Next) => {}
            Some(SequenceStep::Duplicate) => return self.repeats.add(now, heard),
            Some(SequenceStep::Gap { expected, got }) => {
                let detail = format!("message {expected} is missing, {got} came");
                return self.gap(conn, &detail, heard);
            }
        }
        let time = message.time.unwrap_or(now);
        match message.content {
            Content::Books => self.books(now, conn, time, heard),
            Content::Trades => self.trades(now, conn, heard),
            Content::Subscriptions(channels) => {
                let all = CHANNELS.iter().all(|channel| channels.contains_key(channel.name()));
                if all && !std::mem::replace(&mut conn.up, true) {
                    heard.push(Heard::Up);
                    // What the last connection asked for died with it.
                    let missing = self.tapes.iter().filter(|(_, t)| t.missing_from().is_some());
                    missing.for_each(|(id, _)| ask_for_trades(conn, *id, Duration::ZERO, heard));
                }
            }
            Content::Error(words) => heard.push(Heard::end(format!("refused: {words}"))),
            Content::Heartbeat | Content::Tickers(_) | Content::Candles(_) | Content::Other => {}
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
        // The venue sends a snapshot to a new subscription only.
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

#[cfg(test)]
mod tests;
