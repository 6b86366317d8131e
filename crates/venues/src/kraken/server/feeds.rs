//! Public channels: what is told first, and what has changed since.
//!
//! Changes of a book are sent as the difference between the levels that were told and those that stand; levels that
//! were pushed out of the depth are not told.

use std::collections::BTreeMap;

use model::market::{Level, PublicTrade};
use model::venue::TradesFrom;
use model::{InstrumentId, Side, Timestamp};

use super::market_data::{Public, vwap};
use super::render::{self, Object};
use super::sockets::{Channel, Subscription, View};
use crate::kraken::symbols::Row;
use crate::kraken::{Digits, checksum, vocabulary};

/// Trades in a snapshot.
pub(super) const TRADES_SNAPSHOT: u32 = 50;

fn view(public: &Public<'_>, row: &Row, depth: u32) -> Option<View> {
    let book = public.book(row.instrument.id, depth).ok()?;
    Some(View { bids: book.bids, asks: book.asks })
}

/// A market as it is when somebody begins to listen: the first message, and what was told by it.
pub(super) fn begin(
    public: &Public<'_>,
    row: &Row,
    channel: Channel,
) -> (Option<String>, Subscription) {
    let mut subscription = Subscription::default();
    let first = match channel {
        Channel::Book(depth) => {
            subscription.view = view(public, row, depth).unwrap_or_default();
            let View { bids, asks } = &subscription.view;
            Some(book_message(public.now, "snapshot", row, (bids, asks), &subscription.view))
        }
        Channel::Trade => {
            let trades = public.last_trades(row, TradesFrom::Newest, TRADES_SNAPSHOT);
            Some(trades_message("snapshot", row, &trades.unwrap_or_default()))
        }
        Channel::Ticker => ticker_news(public, row, "snapshot", &mut subscription),
        Channel::Ohlc(minutes) => candle_news(public, row, minutes, "snapshot", &mut subscription),
    };
    (first, subscription)
}

/// What has changed since it was told last.
pub(super) fn news(
    public: &Public<'_>,
    row: &Row,
    channel: Channel,
    subscription: &mut Subscription,
    books: &mut BTreeMap<(InstrumentId, u32), View>,
) -> Option<String> {
    match channel {
        Channel::Book(depth) => {
            let key = (row.instrument.id, depth);
            if let std::collections::btree_map::Entry::Vacant(entry) = books.entry(key) {
                entry.insert(view(public, row, depth)?);
            }
            let now = books.get(&key)?.clone();
            let bids = changes(&subscription.view.bids, &now.bids, Side::Buy, depth);
            let asks = changes(&subscription.view.asks, &now.asks, Side::Sell, depth);
            if bids.is_empty() && asks.is_empty() {
                return None;
            }
            let text = book_message(public.now, "update", row, (&bids, &asks), &now);
            subscription.view = now;
            Some(text)
        }
        // Told when it happens.
        Channel::Trade => None,
        Channel::Ticker => ticker_news(public, row, "update", subscription),
        Channel::Ohlc(minutes) => candle_news(public, row, minutes, "update", subscription),
    }
}

/// Levels that have changed, with nothing where one is gone. One that was pushed out of the depth is left out:
/// whoever follows the book cuts it off.
fn changes(before: &[Level], now: &[Level], side: Side, depth: u32) -> Vec<Level> {
    let mut changes: Vec<Level> = before
        .iter()
        .filter(|old| !now.iter().any(|level| level.price == old.price))
        .filter(|old| {
            let Some(worst) = now.last().filter(|_| now.len() >= depth as usize) else {
                return true;
            };
            match side {
                Side::Buy => old.price > worst.price,
                Side::Sell => old.price < worst.price,
            }
        })
        .map(|old| Level { price: old.price, qty: model::market::GridQty(0) })
        .collect();
    changes.extend(now.iter().filter(|level| !before.contains(level)));
    changes
}

fn book_message(
    now: Timestamp,
    kind: &str,
    row: &Row,
    (bids, asks): (&[Level], &[Level]),
    whole: &View,
) -> String {
    let levels = |levels: &[Level]| {
        let level = |level: &Level| {
            let (price, qty) = (render::price(row, level.price), render::qty(row, level.qty));
            format!("{{\"price\":{price},\"qty\":{qty}}}")
        };
        levels.iter().map(level).collect::<Vec<_>>().join(",")
    };
    let digits = |levels: &[Level]| -> Vec<Digits> {
        let counted = levels.iter().take(crate::kraken::CHECKED_LEVELS);
        let digits = |level: &Level| {
            Digits::of(&render::price(row, level.price), &render::qty(row, level.qty))
        };
        counted.map(digits).collect()
    };
    let sum = checksum(digits(&whole.asks).iter(), digits(&whole.bids).iter());
    format!(
        "{{\"channel\":\"book\",\"type\":\"{kind}\",\"data\":[{{\"symbol\":\"{}\",\"bids\":[{}],\
         \"asks\":[{}],\"checksum\":{sum},\"timestamp\":\"{now}\"}}]}}",
        row.stream,
        levels(bids),
        levels(asks),
    )
}

pub(super) fn trades_message(kind: &str, row: &Row, trades: &[PublicTrade]) -> String {
    let one = |trade: &PublicTrade| {
        format!(
            "{{\"symbol\":\"{}\",\"side\":\"{}\",\"price\":{},\"qty\":{},\"ord_type\":\"limit\",\
             \"trade_id\":{},\"timestamp\":\"{}\"}}",
            row.stream,
            vocabulary::side(trade.taker_side),
            render::price(row, trade.price),
            render::qty(row, trade.qty),
            trade.id,
            trade.time,
        )
    };
    let rows: Vec<String> = trades.iter().map(one).collect();
    format!("{{\"channel\":\"trade\",\"type\":\"{kind}\",\"data\":[{}]}}", rows.join(","))
}

fn ticker_news(
    public: &Public<'_>,
    row: &Row,
    kind: &str,
    subscription: &mut Subscription,
) -> Option<String> {
    let found = public.windows(&[row]).ok()?.into_iter().next()?;
    let (bid, ask) = (found.quote.bid, found.quote.ask);
    let window = found.ticker.as_ref().map(|ticker| &ticker.window);
    let state = (
        bid.map(|level| level.price),
        ask.map(|level| level.price),
        window.map_or(0, |window| window.last_trade),
    );
    if subscription.ticker.replace(state) == Some(state) {
        return None;
    }
    let price = |level: Option<Level>| {
        level.map_or_else(|| "0".to_owned(), |level| render::price(row, level.price))
    };
    let qty = |level: Option<Level>| {
        level.map_or_else(|| "0".to_owned(), |level| render::qty(row, level.qty))
    };
    let mut told = Object::default();
    told.text("symbol", &row.stream);
    told.raw("bid", &price(bid));
    told.raw("bid_qty", &qty(bid));
    told.raw("ask", &price(ask));
    told.raw("ask_qty", &qty(ask));
    let of = |at: fn(&model::market::Candle) -> model::market::GridPrice| {
        window.map_or_else(|| "0".to_owned(), |window| render::price(row, at(window)))
    };
    told.raw("last", &of(|candle| candle.close));
    told.raw("volume", &window.map_or_else(|| "0".to_owned(), |w| render::qty(row, w.volume)));
    told.raw("vwap", &window.map_or_else(|| "0".to_owned(), |w| vwap(row, w)));
    told.raw("low", &of(|candle| candle.low));
    told.raw("high", &of(|candle| candle.high));
    let change = window.map_or(0, |window| window.close.0 - window.open.0);
    let percent =
        window.filter(|window| window.open.0 != 0).map_or(0, |w| change * 10_000 / w.open.0);
    told.raw("change", &render::price(row, model::market::GridPrice(change)));
    told.raw("change_pct", &render::fixed(model::Decimal::new(percent, 2), 2));
    Some(format!("{{\"channel\":\"ticker\",\"type\":\"{kind}\",\"data\":[{}]}}", told.close()))
}

fn candle_news(
    public: &Public<'_>,
    row: &Row,
    minutes: u32,
    kind: &str,
    subscription: &mut Subscription,
) -> Option<String> {
    let limit = if kind == "snapshot" { 10 } else { 1 };
    let candles = public.last_candles(row, minutes, None, limit).ok()?;
    let last = *candles.last()?;
    if subscription.candle.replace(last) == Some(last) {
        return None;
    }
    let interval = model::market::Interval::Seconds(minutes * 60);
    let one = |candle: &model::market::Candle| {
        let mut told = Object::default();
        told.text("symbol", &row.stream);
        for (name, price) in [
            ("open", candle.open),
            ("high", candle.high),
            ("low", candle.low),
            ("close", candle.close),
        ] {
            told.raw(name, &render::price(row, price));
        }
        told.raw("trades", &candle.trades.to_string());
        told.raw("volume", &render::qty(row, candle.volume));
        told.raw("vwap", &vwap(row, candle));
        told.text("interval_begin", &candle.start.to_string());
        told.raw("interval", &minutes.to_string());
        told.text("timestamp", &interval.end(candle.start).to_string());
        told.close()
    };
    let rows: Vec<String> = candles.iter().map(one).collect();
    Some(format!(
        "{{\"channel\":\"ohlc\",\"type\":\"{kind}\",\"timestamp\":\"{}\",\"data\":[{}]}}",
        public.now,
        rows.join(",")
    ))
}
