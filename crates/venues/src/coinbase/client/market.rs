//! Market channels in our words.
//!
//! Changes of books are by far the most of what comes, and Coinbase prints them with the same keys in
//! the same order each time; a scanner reads those in one pass, straight to the instrument's grid.
//! Whatever it does not recognise goes to a full JSON parser, which accepts the same objects in any
//! order.
//!
//! One message may be news of several instruments: it holds several events, and the books of `X-USD`
//! and `X-USDC` are one (see [`Symbols`]).
//!
//! Source: websocket-channels.md, read 2026-08-08.

use std::collections::BTreeMap;
use std::ops::Range;

use model::market::{Candle, Grid, GridPrice, Level, LevelUpdate, PublicTrade, Quote};
use model::{InstrumentId, Side, Timestamp};
use serde::Deserialize;

use super::DecodeError;
use super::convert::{depth_qty, grid_price, seconds, unknown};
use super::decode::public_trade;
use crate::coinbase::symbols::{Row, Symbols};
use crate::coinbase::vocabulary;
use crate::coinbase::wire::{self, Num};
use crate::scan::Scan;

/// What came with one message; the caller keeps it, so that its buffers are used again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// Levels of all books in it; a [`BookChange`] names its part.
    pub levels: Vec<LevelUpdate>,
    /// Books that changed, in order.
    pub books: Vec<BookChange>,
    /// Trades, oldest first within an instrument.
    pub trades: Vec<(InstrumentId, PublicTrade)>,
}

impl Batch {
    /// The levels of a change.
    pub fn levels_of(&self, change: &BookChange) -> &[LevelUpdate] {
        self.levels.get(change.levels.clone()).unwrap_or_default()
    }

    fn clear(&mut self) {
        self.levels.clear();
        self.books.clear();
        self.trades.clear();
    }
}

/// One book's part of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookChange {
    /// Whose book.
    pub instrument: InstrumentId,
    /// The whole book, not a change to it.
    pub snapshot: bool,
    /// Where its levels lie in the batch. They are absolute, and zero removes one.
    pub levels: Range<usize>,
}

/// One message of a market connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarketMessage {
    /// Number on this connection, over all its channels. `None` for errors, which have none.
    pub sequence: Option<u64>,
    /// When it was sent, by the venue.
    pub time: Option<Timestamp>,
    /// What it is.
    pub content: Content,
}

/// What a message of a market connection is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Books changed: see the batch.
    Books,
    /// Somebody traded: see the batch. After every subscription old trades are told again.
    Trades,
    /// Last and best prices.
    Tickers(Vec<TickerNews>),
    /// Candles of five minutes grew; the last one of each instrument may still grow.
    Candles(Vec<(InstrumentId, Candle)>),
    /// The connection is alive.
    Heartbeat,
    /// What this connection is subscribed to now: products by channel.
    Subscriptions(BTreeMap<String, Vec<String>>),
    /// The venue refuses something; it does not say what.
    Error(String),
    /// A channel that nobody here asked for.
    Other,
}

/// Last and best prices of one instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TickerNews {
    /// Whose.
    pub instrument: InstrumentId,
    /// Last price.
    pub last: GridPrice,
    /// Best prices; `None` in the batched channel.
    pub quote: Option<Quote>,
}

/// Reads one message; `batch` is emptied and takes books and trades.
pub fn decode_market(
    text: &str,
    symbols: &Symbols,
    batch: &mut Batch,
) -> Result<MarketMessage, DecodeError> {
    batch.clear();
    if let Some(message) = fast(text.as_bytes(), symbols, batch) {
        return Ok(message);
    }
    batch.clear();
    slow(text, symbols, batch)
}

/// Changes of books in their usual shape; `None` for all else.
fn fast(text: &[u8], symbols: &Symbols, batch: &mut Batch) -> Option<MarketMessage> {
    let mut scan = Scan::new(text);
    scan.skip(b"{\"channel\":\"l2_data\",\"client_id\":\"\",\"timestamp\":\"")?;
    let time = Timestamp::parse_rfc3339(scan.digits()?);
    time?;
    scan.skip(b",\"sequence_num\":")?;
    let sequence = Some(scan.number()?);
    scan.skip(b",\"events\":[")?;
    loop {
        fast_event(&mut scan, symbols, batch)?;
        if !scan.skip_if(b',') {
            break;
        }
    }
    scan.skip(b"]}")?;
    scan.is_done().then_some(MarketMessage { sequence, time, content: Content::Books })
}

fn fast_event(scan: &mut Scan<'_>, symbols: &Symbols, batch: &mut Batch) -> Option<()> {
    scan.skip(b"{\"type\":\"")?;
    let snapshot = match scan.digits()? {
        b"update" => false,
        b"snapshot" => true,
        _ => return None,
    };
    scan.skip(b",\"product_id\":\"")?;
    let mut rows = symbols.told_as(std::str::from_utf8(scan.text()?).ok()?);
    let row = rows.next()?;
    let start = batch.levels.len();
    scan.skip(b",\"updates\":[")?;
    fast_levels(scan, &row.grid, &mut batch.levels)?;
    scan.skip(b"}")?;
    let levels = start..batch.levels.len();
    batch.books.push(BookChange {
        instrument: row.instrument.id,
        snapshot,
        levels: levels.clone(),
    });
    for other in rows {
        // Another grid needs its own counts: the parser makes them.
        if other.grid != row.grid {
            return None;
        }
        let (instrument, levels) = (other.instrument.id, levels.clone());
        batch.books.push(BookChange { instrument, snapshot, levels });
    }
    Some(())
}

/// Levels after the opening bracket, and over the closing one.
fn fast_levels(scan: &mut Scan<'_>, grid: &Grid, levels: &mut Vec<LevelUpdate>) -> Option<()> {
    if scan.skip_if(b']') {
        return Some(());
    }
    loop {
        scan.skip(b"{\"side\":\"")?;
        let side = if scan.skip(b"bid\"").is_some() {
            Side::Buy
        } else {
            scan.skip(b"offer\"")?;
            Side::Sell
        };
        scan.skip(b",\"event_time\":\"")?;
        scan.digits()?;
        scan.skip(b",\"price_level\":\"")?;
        let price = grid.parse_price(scan.digits()?).ok()?;
        scan.skip(b",\"new_quantity\":\"")?;
        let qty = grid.parse_depth(scan.digits()?).ok()?;
        scan.skip(b"}")?;
        levels.push(LevelUpdate { side, price, qty });
        if !scan.skip_if(b',') {
            return scan.skip(b"]");
        }
    }
}

pub(super) fn parse<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, DecodeError> {
    serde_json::from_str(text).map_err(|error| DecodeError::Shape(error.to_string()))
}

fn slow(text: &str, symbols: &Symbols, batch: &mut Batch) -> Result<MarketMessage, DecodeError> {
    let head: wire::Head<'_> = parse(text)?;
    let content = match head.channel.as_deref() {
        Some("l2_data") => books(&events(&head)?, symbols, batch)?,
        Some("market_trades") => trades(&events(&head)?, symbols, batch)?,
        Some("ticker" | "ticker_batch") => tickers(&events(&head)?, symbols)?,
        Some("candles") => candles(&events(&head)?, symbols)?,
        Some("heartbeats") => Content::Heartbeat,
        Some("subscriptions") => Content::Subscriptions(subscriptions(&head)?),
        Some(_) => Content::Other,
        None => error(&head)?,
    };
    // Errors carry no number; everything else does, or gaps could not be seen.
    if head.sequence_num.is_none() && !matches!(content, Content::Error(_)) {
        return Err(DecodeError::Shape("a message without a number".to_owned()));
    }
    Ok(MarketMessage { sequence: head.sequence_num, time: head.timestamp.0, content })
}

pub(super) fn events<'a, T: Deserialize<'a>>(head: &wire::Head<'a>) -> Result<Vec<T>, DecodeError> {
    let events = head.events.ok_or_else(|| DecodeError::Shape("no events".to_owned()))?;
    parse(events.get())
}

/// Products by channel.
pub(super) fn subscriptions(
    head: &wire::Head<'_>,
) -> Result<BTreeMap<String, Vec<String>>, DecodeError> {
    let events: Vec<wire::SubscriptionsEvent> = events(head)?;
    Ok(events.into_iter().flat_map(|event| event.subscriptions).collect())
}

fn error(head: &wire::Head<'_>) -> Result<Content, DecodeError> {
    error_words(head).map(Content::Error)
}

/// The words of an error.
pub(super) fn error_words(head: &wire::Head<'_>) -> Result<String, DecodeError> {
    match (head.kind.as_deref(), &head.message) {
        (Some("error"), Some(message)) => Ok(message.to_string()),
        _ => Err(DecodeError::Shape("neither a channel's message nor an error".to_owned())),
    }
}

/// All instruments that a message is about; none of ours is an error.
fn rows<'a>(
    symbols: &'a Symbols,
    product_id: &str,
) -> Result<impl Iterator<Item = &'a Row> + use<'a>, DecodeError> {
    let rows: Vec<&Row> = symbols.told_as(product_id).collect();
    if rows.is_empty() {
        return Err(DecodeError::Product(product_id.to_owned()));
    }
    Ok(rows.into_iter())
}

/// `snapshot` or `update`.
fn is_snapshot(word: &str) -> Result<bool, DecodeError> {
    match word {
        "snapshot" => Ok(true),
        "update" => Ok(false),
        other => Err(unknown("kind of event", other)),
    }
}

fn books(
    events: &[wire::Level2Event],
    symbols: &Symbols,
    batch: &mut Batch,
) -> Result<Content, DecodeError> {
    for event in events {
        let snapshot = is_snapshot(&event.kind)?;
        for row in rows(symbols, &event.product_id)? {
            let start = batch.levels.len();
            for update in &event.updates {
                let side = vocabulary::parse_book_side(&update.side)
                    .ok_or_else(|| unknown("side of a book", &update.side))?;
                let price = grid_price(row, update.price_level)?;
                let qty = depth_qty(row, update.new_quantity)?;
                batch.levels.push(LevelUpdate { side, price, qty });
            }
            let (instrument, levels) = (row.instrument.id, start..batch.levels.len());
            batch.books.push(BookChange { instrument, snapshot, levels });
        }
    }
    Ok(Content::Books)
}

/// Within one message trades come newest first; here they leave oldest first.
fn trades(
    events: &[wire::TradesEvent],
    symbols: &Symbols,
    batch: &mut Batch,
) -> Result<Content, DecodeError> {
    for event in events {
        is_snapshot(&event.kind)?;
        for trade in &event.trades {
            for row in rows(symbols, &trade.product_id)? {
                batch.trades.push((row.instrument.id, public_trade(row, trade)?));
            }
        }
    }
    batch.trades.sort_by_key(|(instrument, trade)| (*instrument, trade.id));
    Ok(Content::Trades)
}

fn tickers(events: &[wire::TickerEvent], symbols: &Symbols) -> Result<Content, DecodeError> {
    let mut news = Vec::new();
    for ticker in events.iter().flat_map(|event| &event.tickers) {
        for row in rows(symbols, &ticker.product_id)? {
            // A product that has never traded has no last price, and no news.
            let Some(last) = ticker.price.above_zero() else { continue };
            news.push(TickerNews {
                instrument: row.instrument.id,
                last: grid_price(row, last)?,
                quote: quote(row, ticker)?,
            });
        }
    }
    Ok(Content::Tickers(news))
}

fn quote(row: &Row, ticker: &wire::TickerRow) -> Result<Option<Quote>, DecodeError> {
    let wire::TickerRow { best_bid, best_bid_quantity, best_ask, best_ask_quantity, .. } = ticker;
    if best_bid.is_unset() && best_ask.is_unset() {
        return Ok(None);
    }
    let level = |price: Num, qty: Num| match price.above_zero() {
        Some(price) => {
            Ok(Some(Level { price: grid_price(row, price)?, qty: depth_qty(row, qty.or_zero())? }))
        }
        None => Ok(None),
    };
    let bid = level(*best_bid, *best_bid_quantity)?;
    Ok(Some(Quote { bid, ask: level(*best_ask, *best_ask_quantity)? }))
}

fn candles(events: &[wire::CandlesEvent], symbols: &Symbols) -> Result<Content, DecodeError> {
    let mut read = Vec::new();
    for candle in events.iter().flat_map(|event| &event.candles) {
        let start = seconds(&candle.start)?;
        for row in rows(symbols, &candle.product_id)? {
            let price = |value| grid_price(row, value);
            let close = price(candle.close)?;
            read.push((
                row.instrument.id,
                Candle {
                    open: price(candle.open)?,
                    high: price(candle.high)?,
                    low: price(candle.low)?,
                    volume: depth_qty(row, candle.volume)?,
                    ..Candle::empty(vocabulary::STREAM_INTERVAL, start, close)
                },
            ));
        }
    }
    read.sort_by_key(|(instrument, candle)| (*instrument, candle.start));
    Ok(Content::Candles(read))
}

#[cfg(test)]
mod tests;
