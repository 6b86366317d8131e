//! Rolling windows as tickers.
//!
//! Source: rest-api.md "24hr ticker price change statistics", "Rolling window price change
//! statistics", read 2026-07-21.

use model::venue::InstrumentTicker;
use model::{Decimal, Rounding, Timestamp};

use super::render::{ZERO, best, grid_price, grid_qty, grid_quote};
use crate::binance::symbols::Row;
use crate::binance::wire::{self, Fixed8};

const DAY_S: u32 = 86_400;

/// A rolling window. Without a trade in it all is zero but the best prices.
pub(super) fn ticker(
    row: &Row,
    found: &InstrumentTicker,
    now: Timestamp,
    window_s: u32,
    full: bool,
) -> wire::Ticker {
    let start = now.before(std::time::Duration::from_secs(u64::from(window_s)));
    let (bid_price, bid_qty) = best(row, found.quote.bid.as_ref());
    let (ask_price, ask_qty) = best(row, found.quote.ask.as_ref());
    let mut ticker = wire::Ticker {
        symbol: row.instrument.symbol.clone(),
        price_change: ZERO,
        price_change_percent: "0.000".to_owned(),
        weighted_avg_price: ZERO,
        prev_close_price: full.then_some(ZERO),
        last_price: ZERO,
        last_qty: full.then_some(ZERO),
        bid_price: full.then_some(bid_price),
        bid_qty: full.then_some(bid_qty),
        ask_price: full.then_some(ask_price),
        ask_qty: full.then_some(ask_qty),
        open_price: ZERO,
        high_price: ZERO,
        low_price: ZERO,
        volume: ZERO,
        quote_volume: ZERO,
        open_time: start.millis(),
        close_time: now.millis(),
        first_id: -1,
        last_id: -1,
        count: 0,
    };
    let Some(traded) = &found.ticker else { return ticker };
    let window = &traded.window;
    let (open, close) = (grid_price(row, window.open).0, grid_price(row, window.close).0);
    let change = close.checked_sub(open).unwrap_or(Decimal::ZERO);
    ticker.price_change = Fixed8(change);
    ticker.price_change_percent = percent(change, open);
    let (volume, quote) = (grid_qty(row, window.volume), grid_quote(row, window.quote_volume));
    ticker.weighted_avg_price = average(quote.0, volume.0);
    ticker.prev_close_price = full.then(|| {
        traded.previous_close.map_or(grid_price(row, window.open), |price| grid_price(row, price))
    });
    ticker.last_price = Fixed8(close);
    ticker.last_qty = full.then(|| grid_qty(row, traded.last_qty));
    ticker.open_price = Fixed8(open);
    ticker.high_price = grid_price(row, window.high);
    ticker.low_price = grid_price(row, window.low);
    (ticker.volume, ticker.quote_volume) = (volume, quote);
    ticker.first_id = i64::try_from(window.first_trade).unwrap_or(-1);
    ticker.last_id = i64::try_from(window.last_trade).unwrap_or(-1);
    ticker.count = window.trades;
    ticker
}

fn average(quote: Decimal, volume: Decimal) -> Fixed8 {
    let average = quote.checked_div(volume, Rounding::Down);
    Fixed8(average.and_then(|price| price.round_to(8, Rounding::Down)).unwrap_or(Decimal::ZERO))
}

/// Three digits behind the point.
fn percent(change: Decimal, of: Decimal) -> String {
    let hundred = Decimal::new(100, 0);
    let percent = change
        .checked_mul(hundred, Rounding::Down)
        .and_then(|change| change.checked_div(of, Rounding::Down))
        .and_then(|percent| percent.round_to(3, Rounding::Down));
    format!("{:.3}", percent.unwrap_or(Decimal::ZERO))
}

pub(super) fn mini_ticker(full: &wire::Ticker) -> wire::MiniTicker {
    wire::MiniTicker {
        symbol: full.symbol.clone(),
        open_price: full.open_price,
        high_price: full.high_price,
        low_price: full.low_price,
        last_price: full.last_price,
        volume: full.volume,
        quote_volume: full.quote_volume,
        open_time: full.open_time,
        close_time: full.close_time,
        first_id: full.first_id,
        last_id: full.last_id,
        count: full.count,
    }
}

/// Seconds of `1m` to `59m`, `1h` to `23h`, `1d` to `7d`.
pub(super) fn window_seconds(word: &str) -> Option<u32> {
    let unit = word.chars().last()?;
    let count: u32 = word.strip_suffix(unit)?.parse().ok()?;
    match (unit, count) {
        ('m', 1..=59) => Some(count * 60),
        ('h', 1..=23) => Some(count * 3_600),
        ('d', 1..=7) => Some(count * DAY_S),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_at_both_sides_of_each_limit() {
        for (word, seconds) in [
            ("0m", None),
            ("1m", Some(60)),
            ("59m", Some(3_540)),
            ("60m", None),
            ("1h", Some(3_600)),
            ("23h", Some(82_800)),
            ("24h", None),
            ("1d", Some(86_400)),
            ("7d", Some(604_800)),
            ("8d", None),
            ("1w", None),
            ("m", None),
            ("", None),
            ("1é", None),
        ] {
            assert_eq!(window_seconds(word), seconds, "{word}");
        }
    }

    #[test]
    fn percents_have_three_digits() {
        let number = |text: &str| text.parse::<Decimal>().unwrap();
        for (change, of, text) in [
            ("-94.9", "61329.4", "-0.154"),
            ("1", "3", "33.333"),
            ("0", "5", "0.000"),
            ("5", "0", "0.000"),
        ] {
            assert_eq!(percent(number(change), number(of)), text, "{change} of {of}");
        }
    }
}
