//! Market streams in our words.
//!
//! Depth changes and trades are by far the most of what comes, and Binance prints them with the
//! same keys in the same order each time; a scanner reads those in one pass, straight to the
//! instrument's grid. Whatever it does not recognise goes to a full JSON parser, which accepts the
//! same objects in any order.
//!
//! Source: web-socket-streams.md, read 2026-07-21.

use model::market::{Candle, Grid, GridPrice, GridQty, Level, LevelUpdate, PublicTrade, Quote};
use model::venue::{AggregateTrade, BookSnapshot};
use model::{InstrumentId, Side, Timestamp};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::DecodeError;
use super::convert::{depth_qty, grid_price, grid_qty, grid_quote, row, time, unknown};

use crate::binance::symbols::{Row, Symbols};
use crate::binance::{vocabulary, wire};
use crate::scan::Scan;

/// One message of a market connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StreamMessage {
    /// Levels of a book have changed; they are in the caller's buffer.
    Depth {
        /// Whose book.
        instrument: InstrumentId,
        /// Number of the first change in it.
        first: u64,
        /// Number of the last change in it.
        last: u64,
        /// Time of the message, by the venue.
        time: Timestamp,
    },
    /// Somebody traded.
    Trade {
        /// What.
        instrument: InstrumentId,
        /// The trade.
        trade: PublicTrade,
    },
    /// Best prices.
    Quote {
        /// Whose.
        instrument: InstrumentId,
        /// Number of the last change of the book.
        update_id: u64,
        /// The prices.
        quote: Quote,
    },
    /// Somebody traded; the executions of one taker at one price as one.
    AggregateTrade {
        /// What.
        instrument: InstrumentId,
        /// The trades.
        trade: AggregateTrade,
    },
    /// The best levels of a book, as they are.
    PartialBook(BookSnapshot),
    /// A candle grew or closed.
    Candle {
        /// Of what.
        instrument: InstrumentId,
        /// The candle.
        candle: Candle,
    },
    /// A rolling window, full or short.
    Ticker {
        /// Of what.
        instrument: InstrumentId,
        /// First, highest, lowest and last price in it.
        prices: [GridPrice; 4],
        /// Base units traded in it.
        volume: GridQty,
        /// When, by the venue.
        time: Timestamp,
    },
    /// A request to subscribe was taken.
    Ack {
        /// The request's number.
        id: u64,
    },
    /// The venue is about to drop this connection.
    Shutdown,
    /// A stream that nobody here asked for.
    Other,
}

/// Reads one message; `levels` is emptied and takes the levels of a depth message.
pub fn decode_market(
    text: &str,
    symbols: &Symbols,
    levels: &mut Vec<LevelUpdate>,
) -> Result<StreamMessage, DecodeError> {
    levels.clear();
    if let Some(message) = fast(text.as_bytes(), symbols, levels) {
        return Ok(message);
    }
    levels.clear();
    slow(text, symbols, levels)
}

/// The usual messages in their usual shape; `None` for all else.
fn fast(text: &[u8], symbols: &Symbols, levels: &mut Vec<LevelUpdate>) -> Option<StreamMessage> {
    let mut scan = Scan::new(text);
    let combined = scan.skip(b"{\"stream\":\"").is_some();
    if combined {
        scan.text()?;
        scan.skip(b",\"data\":")?;
    }
    scan.skip(b"{\"e\":\"")?;
    let message = match scan.text()? {
        b"depthUpdate" => fast_depth(&mut scan, symbols, levels)?,
        b"trade" => fast_trade(&mut scan, symbols)?,
        _ => return None,
    };
    if combined {
        scan.skip(b"}")?;
    }
    scan.is_done().then_some(message)
}

fn fast_row<'a>(scan: &mut Scan<'_>, symbols: &'a Symbols) -> Option<(Timestamp, &'a Row)> {
    scan.skip(b",\"E\":")?;
    let time = i64::try_from(scan.number()?).ok().and_then(Timestamp::from_millis)?;
    scan.skip(b",\"s\":\"")?;
    let row = symbols.find(std::str::from_utf8(scan.text()?).ok()?)?;
    Some((time, row))
}

fn fast_depth(
    scan: &mut Scan<'_>,
    symbols: &Symbols,
    levels: &mut Vec<LevelUpdate>,
) -> Option<StreamMessage> {
    let (time, row) = fast_row(scan, symbols)?;
    scan.skip(b",\"U\":")?;
    let first = scan.number()?;
    scan.skip(b",\"u\":")?;
    let last = scan.number()?;
    scan.skip(b",\"b\":[")?;
    fast_levels(scan, &row.grid, Side::Buy, levels)?;
    scan.skip(b",\"a\":[")?;
    fast_levels(scan, &row.grid, Side::Sell, levels)?;
    scan.skip(b"}")?;
    Some(StreamMessage::Depth { instrument: row.instrument.id, first, last, time })
}

/// Levels after the opening bracket, and over the closing one.
fn fast_levels(
    scan: &mut Scan<'_>,
    grid: &Grid,
    side: Side,
    levels: &mut Vec<LevelUpdate>,
) -> Option<()> {
    if scan.skip_if(b']') {
        return Some(());
    }
    loop {
        scan.skip(b"[\"")?;
        let price = grid.parse_price(scan.digits()?).ok()?;
        scan.skip(b",\"")?;
        let qty = grid.parse_depth(scan.digits()?).ok()?;
        scan.skip(b"]")?;
        levels.push(LevelUpdate { side, price, qty });
        if !scan.skip_if(b',') {
            return scan.skip(b"]");
        }
    }
}

fn fast_trade(scan: &mut Scan<'_>, symbols: &Symbols) -> Option<StreamMessage> {
    let (_, row) = fast_row(scan, symbols)?;
    scan.skip(b",\"t\":")?;
    let id = scan.number()?;
    scan.skip(b",\"p\":\"")?;
    let price = row.grid.parse_price(scan.digits()?).ok()?;
    scan.skip(b",\"q\":\"")?;
    let qty = row.grid.parse_qty(scan.digits()?).ok()?;
    scan.skip(b",\"T\":")?;
    let time = i64::try_from(scan.number()?).ok().and_then(Timestamp::from_millis)?;
    scan.skip(b",\"m\":")?;
    let taker_side = if scan.flag()? { Side::Sell } else { Side::Buy };
    scan.skip(b",\"M\":")?;
    scan.flag()?;
    scan.skip(b"}")?;
    let trade = PublicTrade { id, price, qty, taker_side, time };
    Some(StreamMessage::Trade { instrument: row.instrument.id, trade })
}

/// The keys that tell the messages apart.
#[derive(Deserialize)]
struct Head<'a> {
    #[serde(default)]
    e: Option<std::borrow::Cow<'a, str>>,
    #[serde(default)]
    u: Option<u64>,
    #[serde(default, rename = "lastUpdateId")]
    last_update_id: Option<u64>,
    #[serde(default, borrow)]
    id: Option<&'a RawValue>,
    #[serde(default, borrow)]
    error: Option<&'a RawValue>,
    #[serde(default)]
    code: Option<i64>,
    #[serde(default, borrow)]
    data: Option<&'a RawValue>,
    #[serde(default)]
    stream: Option<std::borrow::Cow<'a, str>>,
}

fn parse<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, DecodeError> {
    serde_json::from_str(text).map_err(|error| DecodeError::Shape(error.to_string()))
}

fn slow(
    text: &str,
    symbols: &Symbols,
    levels: &mut Vec<LevelUpdate>,
) -> Result<StreamMessage, DecodeError> {
    if text.trim_start().starts_with('[') {
        // All short tickers at once; nobody here asks for them.
        return Ok(StreamMessage::Other);
    }
    let head: Head<'_> = parse(text)?;
    if let (Some(stream), Some(data)) = (&head.stream, head.data) {
        if data.get().starts_with('[') {
            return Ok(StreamMessage::Other);
        }
        let head: Head<'_> = parse(data.get())?;
        if head.last_update_id.is_some() {
            return partial_book(stream, &parse(data.get())?, symbols);
        }
        return event(data.get(), &head, symbols, levels);
    }
    event(text, &head, symbols, levels)
}

fn event(
    text: &str,
    head: &Head<'_>,
    symbols: &Symbols,
    levels: &mut Vec<LevelUpdate>,
) -> Result<StreamMessage, DecodeError> {
    match head.e.as_deref() {
        Some("depthUpdate") => depth(&parse(text)?, symbols, levels),
        Some("trade") => trade(&parse(text)?, symbols),
        Some("aggTrade") => aggregate(&parse(text)?, symbols),
        Some("kline") => candle(&parse(text)?, symbols),
        Some("24hrTicker") => ticker(&parse(text)?, symbols),
        Some("24hrMiniTicker") => mini_ticker(&parse(text)?, symbols),
        Some("serverShutdown") => Ok(StreamMessage::Shutdown),
        Some(_) => Ok(StreamMessage::Other),
        None if head.error.is_some() || head.code.is_some() => {
            Err(DecodeError::Shape(format!("the venue refuses: {text}")))
        }
        None if head.u.is_some() => quote(&parse(text)?, symbols),
        None => Ok(match head.id.and_then(|id| id.get().parse().ok()) {
            Some(id) => StreamMessage::Ack { id },
            None => StreamMessage::Other,
        }),
    }
}

fn depth(
    event: &wire::DepthEvent,
    symbols: &Symbols,
    levels: &mut Vec<LevelUpdate>,
) -> Result<StreamMessage, DecodeError> {
    let row = row(symbols, &event.s)?;
    for (side, changes) in [(Side::Buy, &event.b), (Side::Sell, &event.a)] {
        for (price, qty) in changes {
            let (price, qty) = (grid_price(row, *price)?, depth_qty(row, *qty)?);
            levels.push(LevelUpdate { side, price, qty });
        }
    }
    Ok(StreamMessage::Depth {
        instrument: row.instrument.id,
        first: event.first,
        last: event.last,
        time: time(event.event_time)?,
    })
}

fn trade(event: &wire::TradeEvent, symbols: &Symbols) -> Result<StreamMessage, DecodeError> {
    let row = row(symbols, &event.s)?;
    let trade = PublicTrade {
        id: event.t,
        price: grid_price(row, event.p)?,
        qty: grid_qty(row, event.q)?,
        taker_side: if event.m { Side::Sell } else { Side::Buy },
        time: time(event.trade_time)?,
    };
    Ok(StreamMessage::Trade { instrument: row.instrument.id, trade })
}

fn aggregate(event: &wire::AggTradeEvent, symbols: &Symbols) -> Result<StreamMessage, DecodeError> {
    let row = row(symbols, &event.s)?;
    let trade = AggregateTrade {
        id: event.a,
        price: grid_price(row, event.p)?,
        qty: grid_qty(row, event.q)?,
        first: event.f,
        last: event.l,
        taker_side: if event.m { Side::Sell } else { Side::Buy },
        time: time(event.trade_time)?,
    };
    Ok(StreamMessage::AggregateTrade { instrument: row.instrument.id, trade })
}

/// Partial books do not say whose they are; the stream's name does.
fn partial_book(
    stream: &str,
    book: &wire::Depth,
    symbols: &Symbols,
) -> Result<StreamMessage, DecodeError> {
    let name = stream.split('@').next().unwrap_or_default();
    let row = symbols.find_stream(name).ok_or_else(|| DecodeError::Symbol(name.to_owned()))?;
    let side = |levels: &[wire::Level]| {
        let level = |(price, qty): &wire::Level| {
            Ok(Level { price: grid_price(row, *price)?, qty: depth_qty(row, *qty)? })
        };
        levels.iter().map(level).collect::<Result<Vec<_>, DecodeError>>()
    };
    Ok(StreamMessage::PartialBook(BookSnapshot {
        instrument: row.instrument.id,
        update_id: book.last_update_id,
        bids: side(&book.bids)?,
        asks: side(&book.asks)?,
    }))
}

fn candle(event: &wire::KlineEvent, symbols: &Symbols) -> Result<StreamMessage, DecodeError> {
    let (row, k) = (row(symbols, &event.s)?, &event.k);
    let interval =
        vocabulary::parse_interval(&k.i).ok_or_else(|| unknown("candle length", &k.i))?;
    let candle = Candle {
        start: time(k.t)?,
        interval,
        open: grid_price(row, k.o)?,
        high: grid_price(row, k.h)?,
        low: grid_price(row, k.l)?,
        close: grid_price(row, k.c)?,
        volume: grid_qty(row, k.v)?,
        quote_volume: grid_quote(row, k.q)?,
        taker_buy_volume: grid_qty(row, k.taker_buy_base)?,
        taker_buy_quote_volume: grid_quote(row, k.taker_buy_quote)?,
        trades: k.n,
        // -1 when there was none.
        first_trade: u64::try_from(k.f).unwrap_or(0),
        last_trade: u64::try_from(k.last_id).unwrap_or(0),
        closed: k.x,
    };
    Ok(StreamMessage::Candle { instrument: row.instrument.id, candle })
}

fn ticker(event: &wire::TickerEvent, symbols: &Symbols) -> Result<StreamMessage, DecodeError> {
    let row = row(symbols, &event.s)?;
    window(row, [event.o, event.h, event.l, event.c], event.v, event.event_time)
}

fn mini_ticker(
    event: &wire::MiniTickerEvent,
    symbols: &Symbols,
) -> Result<StreamMessage, DecodeError> {
    let row = row(symbols, &event.s)?;
    window(row, [event.o, event.h, event.l, event.c], event.v, event.event_time)
}

fn window(
    row: &Row,
    [open, high, low, close]: [wire::Fixed8; 4],
    volume: wire::Fixed8,
    at: i64,
) -> Result<StreamMessage, DecodeError> {
    let price = |value| grid_price(row, value);
    Ok(StreamMessage::Ticker {
        instrument: row.instrument.id,
        prices: [price(open)?, price(high)?, price(low)?, price(close)?],
        volume: grid_qty(row, volume)?,
        time: time(at)?,
    })
}

fn quote(event: &wire::BookTickerEvent, symbols: &Symbols) -> Result<StreamMessage, DecodeError> {
    let row = row(symbols, &event.s)?;
    let level = |price: wire::Fixed8, qty: wire::Fixed8| {
        if price.0.is_zero() {
            return Ok(None);
        }
        Ok(Some(Level { price: grid_price(row, price)?, qty: depth_qty(row, qty)? }))
    };
    let quote = Quote { bid: level(event.b, event.bid_qty)?, ask: level(event.a, event.ask_qty)? };
    Ok(StreamMessage::Quote { instrument: row.instrument.id, update_id: event.u, quote })
}

#[cfg(test)]
mod tests {
    use model::market::{GridPrice, GridQty};
    use proptest::prelude::*;

    use super::*;
    use crate::binance::client::testing::symbols;

    const DEPTH: &str = r#"{"e":"depthUpdate","E":1767225600201,"s":"BTCUSDT","U":910000124,"u":910000130,"b":[["61234.50000000","0.00000000"],["61234.40","1.5"]],"a":[["61234.52","0.50"]]}"#;
    const TRADE: &str = r#"{"e":"trade","E":1767225600101,"s":"BTCUSDT","t":40015,"p":"61234.50","q":"0.010","T":1767225600100,"m":true,"M":true}"#;

    fn read(text: &str) -> (Result<StreamMessage, DecodeError>, Vec<LevelUpdate>) {
        let mut levels = Vec::new();
        let message = decode_market(text, &symbols(), &mut levels);
        (message, levels)
    }

    #[test]
    fn the_usual_messages_take_the_fast_path_and_mean_what_the_slow_one_says() {
        for text in [DEPTH, TRADE] {
            let combined = format!("{{\"stream\":\"btcusdt@x\",\"data\":{text}}}");
            for text in [text, combined.as_str()] {
                let (mut fast_levels, mut slow_levels) = (Vec::new(), Vec::new());
                let fast = fast(text.as_bytes(), &symbols(), &mut fast_levels);
                let slow = slow(text, &symbols(), &mut slow_levels).unwrap();
                assert_eq!(fast, Some(slow), "{text}");
                assert_eq!(fast_levels, slow_levels);
            }
        }
        let (_, levels) = read(DEPTH);
        let level =
            |side, price, qty| LevelUpdate { side, price: GridPrice(price), qty: GridQty(qty) };
        assert_eq!(
            levels,
            [
                level(Side::Buy, 6_123_450, 0),
                level(Side::Buy, 6_123_440, 150_000),
                level(Side::Sell, 6_123_452, 50_000),
            ]
        );
    }

    /// The key order decides which path reads it; both refuse what no book can hold.
    #[test]
    fn a_level_below_zero_is_refused() {
        for (bid, qty) in [("-1.00", "2"), ("1.00", "-2")] {
            let text = format!(
                r#"{{"e":"depthUpdate","s":"BTCUSDT","E":1,"U":1,"u":1,"b":[["{bid}","{qty}"]],"a":[]}}"#
            );
            assert!(matches!(read(&text).0, Err(DecodeError::Number(_))), "{text}");
        }
    }

    #[test]
    fn other_shapes_and_other_messages() {
        let spaced = DEPTH.replace(',', ", ");
        assert_eq!(read(&spaced), read(DEPTH));
        assert_eq!(read(r#"{"result":null,"id":7}"#).0, Ok(StreamMessage::Ack { id: 7 }));
        assert_eq!(read(r#"{"e":"serverShutdown","E":1}"#).0, Ok(StreamMessage::Shutdown));
        assert_eq!(read(r#"{"e":"avgPrice","E":1,"s":"BTCUSDT"}"#).0, Ok(StreamMessage::Other));
        let quote = r#"{"u":5,"s":"BTCUSDT","b":"1.00","B":"2.0","a":"1.01","A":"3.0"}"#;
        assert!(matches!(read(quote).0, Ok(StreamMessage::Quote { update_id: 5, .. })));
        let refused = r#"{"code":2,"msg":"Invalid request"}"#;
        assert!(matches!(read(refused).0, Err(DecodeError::Shape(_))));
        let foreign = DEPTH.replace("BTCUSDT", "DOGEUSDT");
        assert_eq!(read(&foreign).0, Err(DecodeError::Symbol("DOGEUSDT".to_owned())));
        let off = DEPTH.replace("61234.40", "61234.401");
        assert!(matches!(read(&off).0, Err(DecodeError::Number(_))));
    }

    proptest! {
        /// Whatever is cut, doubled or changed: an error or a message, never a panic.
        #[test]
        fn damage_never_panics(at in 0usize..160, byte in any::<u8>(), cut in 0usize..160) {
            for text in [DEPTH, TRADE] {
                let mut bytes = text.as_bytes().to_vec();
                let last = bytes.len() - 1;
                bytes[at.min(last)] = byte;
                let _ = read(&String::from_utf8_lossy(&bytes));
                let _ = read(&text[..cut.min(text.len())]);
            }
        }
    }
}
