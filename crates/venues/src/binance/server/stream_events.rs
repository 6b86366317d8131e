//! The messages of market streams, each from our words.
//!
//! Source: web-socket-streams.md, read 2026-07-21.

use model::market::{Candle, PublicTrade};
use model::venue::AggregateTrade;
use model::{Side, Timestamp};

use super::market_data::close_time;
use super::render::{grid_price, grid_qty, grid_quote};
use crate::binance::symbols::Row;
use crate::binance::vocabulary;
use crate::binance::wire;

pub(super) fn trade(now: Timestamp, row: &Row, trade: &PublicTrade) -> wire::TradeEvent {
    wire::TradeEvent {
        e: "trade".to_owned(),
        event_time: now.millis(),
        s: row.instrument.symbol.clone(),
        t: trade.id,
        p: grid_price(row, trade.price),
        q: grid_qty(row, trade.qty),
        trade_time: trade.time.millis(),
        m: trade.taker_side == Side::Sell,
        ignored: true,
    }
}

pub(super) fn aggregate(now: Timestamp, row: &Row, trade: &AggregateTrade) -> wire::AggTradeEvent {
    wire::AggTradeEvent {
        e: "aggTrade".to_owned(),
        event_time: now.millis(),
        s: row.instrument.symbol.clone(),
        a: trade.id,
        p: grid_price(row, trade.price),
        q: grid_qty(row, trade.qty),
        f: trade.first,
        l: trade.last,
        trade_time: trade.time.millis(),
        m: trade.taker_side == Side::Sell,
        ignored: true,
    }
}

pub(super) fn kline(now: Timestamp, row: &Row, candle: &Candle) -> wire::KlineEvent {
    let id = |id: u64| if candle.trades == 0 { -1 } else { i64::try_from(id).unwrap_or(-1) };
    let s = row.instrument.symbol.clone();
    wire::KlineEvent {
        e: "kline".to_owned(),
        event_time: now.millis(),
        s: s.clone(),
        k: wire::KlineBody {
            t: candle.start.millis(),
            close_time: close_time(candle),
            s,
            i: vocabulary::interval(candle.interval).unwrap_or("1m").to_owned(),
            f: id(candle.first_trade),
            last_id: id(candle.last_trade),
            o: grid_price(row, candle.open),
            c: grid_price(row, candle.close),
            h: grid_price(row, candle.high),
            l: grid_price(row, candle.low),
            v: grid_qty(row, candle.volume),
            n: candle.trades,
            x: candle.closed,
            q: grid_quote(row, candle.quote_volume),
            taker_buy_base: grid_qty(row, candle.taker_buy_volume),
            taker_buy_quote: grid_quote(row, candle.taker_buy_quote_volume),
            ignored: "0".to_owned(),
        },
    }
}

/// The ticker of the last 24 hours, or of a window in seconds, which has no best prices.
pub(super) fn ticker(
    now: Timestamp,
    ticker: wire::Ticker,
    window_s: Option<u32>,
) -> wire::TickerEvent {
    let full = window_s.is_none();
    let e = match window_s {
        None => "24hrTicker".to_owned(),
        Some(86_400) => "1dTicker".to_owned(),
        Some(seconds) => format!("{}hTicker", seconds / 3_600),
    };
    wire::TickerEvent {
        e,
        event_time: now.millis(),
        s: ticker.symbol,
        p: ticker.price_change,
        change_percent: ticker.price_change_percent,
        w: ticker.weighted_avg_price,
        x: ticker.prev_close_price.filter(|_| full),
        c: ticker.last_price,
        last_qty: ticker.last_qty.filter(|_| full),
        b: ticker.bid_price.filter(|_| full),
        bid_qty: ticker.bid_qty.filter(|_| full),
        a: ticker.ask_price.filter(|_| full),
        ask_qty: ticker.ask_qty.filter(|_| full),
        o: ticker.open_price,
        h: ticker.high_price,
        l: ticker.low_price,
        v: ticker.volume,
        q: ticker.quote_volume,
        open_time: ticker.open_time,
        close_time: ticker.close_time,
        first_id: ticker.first_id,
        last_id: ticker.last_id,
        n: ticker.count,
    }
}

pub(super) fn mini_ticker(now: Timestamp, ticker: wire::Ticker) -> wire::MiniTickerEvent {
    wire::MiniTickerEvent {
        e: "24hrMiniTicker".to_owned(),
        event_time: now.millis(),
        s: ticker.symbol,
        c: ticker.last_price,
        o: ticker.open_price,
        h: ticker.high_price,
        l: ticker.low_price,
        v: ticker.volume,
        q: ticker.quote_volume,
    }
}

pub(super) fn average(now: Timestamp, row: &Row, average: &wire::AvgPrice) -> wire::AvgPriceEvent {
    wire::AvgPriceEvent {
        e: "avgPrice".to_owned(),
        event_time: now.millis(),
        s: row.instrument.symbol.clone(),
        i: format!("{}m", average.mins),
        w: average.price,
        trade_time: average.close_time,
    }
}
