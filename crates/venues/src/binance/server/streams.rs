//! Market streams: who listens to what, and what is due to them.
//!
//! Changes of a book are gathered and sent ten times or once a second with the numbers of the first
//! and the last; trades, aggregates and best prices go out as they happen; candles and tickers are
//! looked up when they are due.
//!
//! Source: web-socket-streams.md, read 2026-07-21.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use model::market::{Candle, Interval, Quote};
use model::venue::{MarketRequest, Response, TradesFrom, VenueEvent};
use model::{InstrumentId, Timestamp};
use serde_json::json;

use super::depth::{Batch, depth_event};
use super::market_data::{self, Public, text};
use super::render::best;
use super::stream_events;
use super::tickers;
use super::time_unit::TimeUnit;
use crate::binance::symbols::{Row, Symbols};
use crate::binance::vocabulary;
use crate::binance::wire;
use crate::server::{ConnId, Frame, Payload};

const FAST: Duration = Duration::from_millis(100);
const SLOW: Duration = Duration::from_secs(1);
const DAY_S: u32 = 86_400;

/// One stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stream {
    Trade(InstrumentId),
    AggTrade(InstrumentId),
    BookTicker(InstrumentId),
    Depth {
        id: InstrumentId,
        slow: bool,
    },
    Partial {
        id: InstrumentId,
        levels: u32,
        slow: bool,
    },
    Kline {
        id: InstrumentId,
        interval: Interval,
    },
    /// The last 24 hours, with the best prices.
    Ticker(InstrumentId),
    /// A window of 1 or 4 hours or a day, without them.
    WindowTicker {
        id: InstrumentId,
        window_s: u32,
    },
    MiniTicker(InstrumentId),
    AllMiniTickers,
    AvgPrice(InstrumentId),
}

/// The stream of this name; `None` for names that nobody serves.
pub(super) fn parse(name: &str, symbols: &Symbols) -> Option<Stream> {
    if name == "!miniTicker@arr" {
        return Some(Stream::AllMiniTickers);
    }
    let (symbol, rest) = name.split_once('@')?;
    let id = symbols.find_stream(symbol)?.instrument.id;
    let (kind, speed) =
        rest.split_once('@').map_or((rest, None), |(kind, speed)| (kind, Some(speed)));
    let slow = match speed {
        None | Some("1000ms") => true,
        Some("100ms") => false,
        // Candles may name a time zone; ours are always in UTC.
        Some(_) if kind.starts_with("kline_") => true,
        Some(_) => return None,
    };
    Some(match kind {
        "depth" => Stream::Depth { id, slow },
        "depth5" => Stream::Partial { id, levels: 5, slow },
        "depth10" => Stream::Partial { id, levels: 10, slow },
        "depth20" => Stream::Partial { id, levels: 20, slow },
        _ if kind.starts_with("kline_") => {
            let word = kind.strip_prefix("kline_")?;
            Stream::Kline { id, interval: vocabulary::parse_interval(word)? }
        }
        // The others have one speed each.
        _ if speed.is_some() => return None,
        "trade" => Stream::Trade(id),
        "aggTrade" => Stream::AggTrade(id),
        "bookTicker" => Stream::BookTicker(id),
        "ticker" => Stream::Ticker(id),
        "miniTicker" => Stream::MiniTicker(id),
        "avgPrice" => Stream::AvgPrice(id),
        "ticker_1h" => Stream::WindowTicker { id, window_s: 3_600 },
        "ticker_4h" => Stream::WindowTicker { id, window_s: 14_400 },
        "ticker_1d" => Stream::WindowTicker { id, window_s: DAY_S },
        _ => return None,
    })
}

/// One listener: the name as it asked for it, and whether its frames are wrapped.
#[derive(Clone, Debug)]
pub(super) struct Listener {
    pub(super) name: String,
    pub(super) combined: bool,
    pub(super) unit: TimeUnit,
}

impl Listener {
    /// Would both get the same text?
    fn looks_like(&self, other: &Listener) -> bool {
        self.combined == other.combined
            && self.unit == other.unit
            && (!self.combined || self.name == other.name)
    }
}

#[derive(Debug, Default)]
struct Feed {
    listeners: BTreeMap<ConnId, Listener>,
    /// Of candles: the last one sent.
    candle: Option<Candle>,
    /// Of partial books: the number of the last one sent, unless somebody has come since.
    book: Option<u64>,
}

/// What is kept for one instrument.
#[derive(Debug, Default)]
struct Market {
    fast: Batch,
    slow: Batch,
    quote: Option<Quote>,
    last_aggregate: u64,
    touched: bool,
    traded: bool,
}

/// All streams.
#[derive(Debug, Default)]
pub(super) struct Hub {
    feeds: BTreeMap<Stream, Feed>,
    markets: BTreeMap<InstrumentId, Market>,
    fast_at: Timestamp,
    slow_at: Timestamp,
    turn: u64,
}

impl Hub {
    pub(super) fn subscribe(&mut self, conn: ConnId, stream: Stream, listener: Listener) {
        let feed = self.feeds.entry(stream).or_default();
        feed.listeners.insert(conn, listener);
        feed.book = None;
    }

    pub(super) fn unsubscribe(&mut self, conn: ConnId, stream: Stream) {
        if let Some(feed) = self.feeds.get_mut(&stream) {
            feed.listeners.remove(&conn);
            if feed.listeners.is_empty() {
                self.feeds.remove(&stream);
            }
        }
    }

    /// A connection wants wrapped frames, or not, from now on.
    pub(super) fn set_combined(&mut self, conn: ConnId, combined: bool) {
        for feed in self.feeds.values_mut() {
            if let Some(listener) = feed.listeners.get_mut(&conn) {
                listener.combined = combined;
            }
        }
    }

    /// What happened at the exchange.
    pub(super) fn events(
        &mut self,
        public: &Public<'_>,
        events: &[VenueEvent],
        out: &mut Vec<Frame>,
    ) {
        for event in events {
            match event {
                VenueEvent::Level { instrument, update_id, level, .. } => {
                    let market = self.markets.entry(*instrument).or_default();
                    market.fast.add(*update_id, level);
                    market.slow.add(*update_id, level);
                    market.touched = true;
                }
                VenueEvent::Trade { instrument, trade } => {
                    self.markets.entry(*instrument).or_default().traded = true;
                    if let Some(feed) = self.feeds.get(&Stream::Trade(*instrument))
                        && let Some(row) = public.symbols.get(*instrument)
                    {
                        deliver(feed, &text(&stream_events::trade(public.now, row, trade)), out);
                    }
                }
                VenueEvent::Account { .. } => {}
            }
        }
        for row in public.symbols.iter() {
            let id = row.instrument.id;
            let Some(market) = self.markets.get_mut(&id) else { continue };
            if std::mem::take(&mut market.traded) {
                let feed = self.feeds.get(&Stream::AggTrade(id));
                aggregates(public, row, market, feed, out);
            }
            if std::mem::take(&mut market.touched)
                && let Some(feed) = self.feeds.get(&Stream::BookTicker(id))
            {
                best_prices(public, row, market, feed, out);
            }
        }
    }

    /// Time passes.
    pub(super) fn tick(&mut self, public: &Public<'_>, out: &mut Vec<Frame>) {
        let (fast, slow) = (public.now.floor_to(FAST), public.now.floor_to(SLOW));
        // Not only later: the venue's clock may be set back, and nothing may fall silent by that.
        if fast != self.fast_at {
            self.fast_at = fast;
            self.books(public, false, out);
        }
        if slow != self.slow_at {
            self.slow_at = slow;
            self.turn += 1;
            self.books(public, true, out);
            self.every_second(public, out);
        }
    }

    fn books(&mut self, public: &Public<'_>, slow: bool, out: &mut Vec<Frame>) {
        for (id, market) in &mut self.markets {
            let batch = std::mem::take(if slow { &mut market.slow } else { &mut market.fast });
            let (Some(first), Some(row)) = (batch.first, public.symbols.get(*id)) else { continue };
            if let Some(feed) = self.feeds.get(&Stream::Depth { id: *id, slow }) {
                deliver(feed, &text(&depth_event(public.now, row, first, &batch)), out);
            }
        }
        for (stream, feed) in &mut self.feeds {
            let Stream::Partial { id, levels, slow: speed } = stream else { continue };
            if *speed != slow {
                continue;
            }
            let (Ok(book), Some(row)) = (public.book(*id, *levels), public.symbols.get(*id)) else {
                continue;
            };
            if feed.book != Some(book.update_id) {
                feed.book = Some(book.update_id);
                deliver(feed, &text(&market_data::depth(row, &book)), out);
            }
        }
    }

    fn every_second(&mut self, public: &Public<'_>, out: &mut Vec<Frame>) {
        for (stream, feed) in &mut self.feeds {
            match stream {
                Stream::Kline { id, interval } => {
                    // Candles longer than a second go out every other second.
                    let every_second = *interval == Interval::Seconds(1);
                    if every_second || self.turn.is_multiple_of(2) {
                        kline(public, *id, *interval, feed, out);
                    }
                }
                Stream::Ticker(id) => ticker(public, *id, None, feed, out),
                Stream::WindowTicker { id, window_s } => {
                    ticker(public, *id, Some(*window_s), feed, out);
                }
                Stream::MiniTicker(id) => {
                    if let Some(event) = mini_ticker(public, *id) {
                        deliver(feed, &text(&event), out);
                    }
                }
                Stream::AllMiniTickers => {
                    let all = public.symbols.iter();
                    let all = all.filter_map(|row| mini_ticker(public, row.instrument.id));
                    deliver(feed, &text(&all.collect::<Vec<_>>()), out);
                }
                Stream::AvgPrice(id) => average_price(public, *id, feed, out),
                Stream::Trade(_)
                | Stream::AggTrade(_)
                | Stream::BookTicker(_)
                | Stream::Depth { .. }
                | Stream::Partial { .. } => {}
            }
        }
    }
}

/// One text to all listeners, made once for each form in which somebody wants it; wrapped ones
/// get the name that they asked for.
fn deliver(feed: &Feed, body: &str, out: &mut Vec<Frame>) {
    let mut made: Vec<(&Listener, Arc<str>)> = Vec::new();
    for (conn, listener) in &feed.listeners {
        let text = match made.iter().find(|(other, _)| other.looks_like(listener)) {
            Some((_, text)) => Arc::clone(text),
            None => {
                let body = listener.unit.convert(body.to_owned());
                let text: Arc<str> = if listener.combined {
                    format!("{{\"stream\":{},\"data\":{body}}}", json!(listener.name)).into()
                } else {
                    body.into()
                };
                made.push((listener, Arc::clone(&text)));
                text
            }
        };
        out.push(Frame { conn: *conn, payload: Payload::Text(text) });
    }
}

/// Aggregates that are new since the last look. Numbers are kept up to date without listeners, too,
/// so that the first one is not sent the past.
fn aggregates(
    public: &Public<'_>,
    row: &Row,
    market: &mut Market,
    feed: Option<&Feed>,
    out: &mut Vec<Frame>,
) {
    let (instrument, from, limit) = match feed {
        Some(_) => (row.instrument.id, TradesFrom::Id(market.last_aggregate + 1), 1_000),
        None => (row.instrument.id, TradesFrom::Newest, 1),
    };
    let request = MarketRequest::AggregateTrades { instrument, from, limit };
    let Ok(Response::AggregateTrades(found)) = public.read(&request) else { return };
    for trade in &found {
        market.last_aggregate = trade.id;
        let Some(feed) = feed else { continue };
        let event = stream_events::aggregate(public.now, row, trade);
        deliver(feed, &text(&event), out);
    }
}

fn best_prices(
    public: &Public<'_>,
    row: &Row,
    market: &mut Market,
    feed: &Feed,
    out: &mut Vec<Frame>,
) {
    let Ok(book) = public.book(row.instrument.id, 1) else { return };
    let quote = Quote { bid: book.bids.first().copied(), ask: book.asks.first().copied() };
    if market.quote == Some(quote) {
        return;
    }
    market.quote = Some(quote);
    let (b, bid_qty) = best(row, quote.bid.as_ref());
    let (a, ask_qty) = best(row, quote.ask.as_ref());
    let s = row.instrument.symbol.clone();
    let event = wire::BookTickerEvent { u: book.update_id, s, b, bid_qty, a, ask_qty };
    deliver(feed, &text(&event), out);
}

fn kline(
    public: &Public<'_>,
    id: InstrumentId,
    interval: Interval,
    feed: &mut Feed,
    out: &mut Vec<Frame>,
) {
    let request =
        MarketRequest::Candles { instrument: id, interval, start: None, end: None, limit: 2 };
    let (Ok(Response::Candles(found)), Some(row)) = (public.read(&request), public.symbols.get(id))
    else {
        return;
    };
    for candle in found {
        let is_news = match &feed.candle {
            None => !candle.closed,
            Some(sent) => candle.start >= sent.start && candle != *sent,
        };
        if is_news {
            deliver(feed, &text(&stream_events::kline(public.now, row, &candle)), out);
            feed.candle = Some(candle);
        }
    }
}

fn look_up(public: &Public<'_>, id: InstrumentId, window_s: u32) -> Option<wire::Ticker> {
    let row = public.symbols.get(id)?;
    let found = public.ticker_list(vec![id], window_s).ok()?;
    Some(tickers::ticker(row, found.first()?, public.now, window_s, true))
}

fn ticker(
    public: &Public<'_>,
    id: InstrumentId,
    window_s: Option<u32>,
    feed: &Feed,
    out: &mut Vec<Frame>,
) {
    let Some(ticker) = look_up(public, id, window_s.unwrap_or(DAY_S)) else { return };
    let event = stream_events::ticker(public.now, ticker, window_s);
    deliver(feed, &text(&event), out);
}

fn mini_ticker(public: &Public<'_>, id: InstrumentId) -> Option<wire::MiniTickerEvent> {
    let ticker = look_up(public, id, DAY_S)?;
    Some(stream_events::mini_ticker(public.now, ticker))
}

fn average_price(public: &Public<'_>, id: InstrumentId, feed: &Feed, out: &mut Vec<Frame>) {
    let (Ok(average), Some(row)) = (public.average_price(id), public.symbols.get(id)) else {
        return;
    };
    let event = stream_events::average(public.now, row, &average);
    deliver(feed, &text(&event), out);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::binance::server::testing::symbols;

    #[test]
    fn names_of_streams() {
        let id = InstrumentId::new("BTC-USDT").unwrap();
        for (name, stream) in [
            ("btcusdt@trade", Some(Stream::Trade(id))),
            ("btcusdt@depth", Some(Stream::Depth { id, slow: true })),
            ("btcusdt@depth@100ms", Some(Stream::Depth { id, slow: false })),
            ("btcusdt@depth20@100ms", Some(Stream::Partial { id, levels: 20, slow: false })),
            ("btcusdt@kline_1M", Some(Stream::Kline { id, interval: Interval::Month })),
            ("btcusdt@ticker", Some(Stream::Ticker(id))),
            ("btcusdt@ticker_4h", Some(Stream::WindowTicker { id, window_s: 14_400 })),
            ("btcusdt@ticker_1d", Some(Stream::WindowTicker { id, window_s: DAY_S })),
            ("btcusdt@ticker_2h", None),
            ("btcusdt@trade@100ms", None),
            ("btcusdt@depth@10ms", None),
            ("btcusdt@depth7", None),
            (
                "btcusdt@kline_1m@+08:00",
                Some(Stream::Kline { id, interval: Interval::Seconds(60) }),
            ),
            ("!miniTicker@arr", Some(Stream::AllMiniTickers)),
            ("BTCUSDT@trade", None),
            ("dogeusdt@trade", None),
            ("btcusdt@kline_7m", None),
            ("0", None),
        ] {
            assert_eq!(parse(name, &symbols()), stream, "{name}");
        }
    }
}
