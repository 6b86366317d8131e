//! Candles and tickers: trades summed up over an interval.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::grid::{GridPrice, GridQty, Level};
use super::trade::PublicTrade;
use crate::side::Side;
use crate::time::Timestamp;

/// Length of a candle. Weeks start on Monday, months on the first, all in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Interval {
    /// A fixed number of seconds, aligned to the epoch.
    Seconds(u32),
    /// Seven days from Monday 00:00 UTC.
    Week,
    /// A calendar month.
    Month,
}

impl Interval {
    /// Start of the interval that holds `at`.
    pub fn start(self, at: Timestamp) -> Timestamp {
        const DAY: Duration = Duration::from_secs(86_400);
        match self {
            Interval::Seconds(seconds) => at.floor_to(Duration::from_secs(u64::from(seconds))),
            Interval::Week => {
                // The epoch was a Thursday: shift so that weeks start on Monday.
                let shift = DAY * 3;
                at.after(shift).floor_to(DAY * 7).before(shift)
            }
            Interval::Month => {
                let mut day = at.floor_to(DAY);
                while !day.to_string().contains("-01T") {
                    day = day.before(DAY);
                }
                day
            }
        }
    }

    /// Start of the interval after the one that holds `at`.
    pub fn end(self, at: Timestamp) -> Timestamp {
        let start = self.start(at);
        match self {
            Interval::Seconds(seconds) => start.after(Duration::from_secs(u64::from(seconds))),
            Interval::Week => start.after(Duration::from_secs(7 * 86_400)),
            Interval::Month => self.start(start.after(Duration::from_secs(32 * 86_400))),
        }
    }
}

/// Open, high, low, close and volumes of one interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candle {
    /// Start of the interval.
    pub start: Timestamp,
    /// Its length.
    pub interval: Interval,
    /// First price.
    pub open: GridPrice,
    /// Highest price.
    pub high: GridPrice,
    /// Lowest price.
    pub low: GridPrice,
    /// Last price so far.
    pub close: GridPrice,
    /// Base volume.
    pub volume: GridQty,
    /// Quote volume, in counts of 10^-(price decimals + qty decimals).
    pub quote_volume: i128,
    /// Base volume bought by takers.
    pub taker_buy_volume: GridQty,
    /// Quote volume bought by takers.
    pub taker_buy_quote_volume: i128,
    /// Number of trades.
    pub trades: u64,
    /// First trade's number; 0 when there was none.
    pub first_trade: u64,
    /// Last trade's number; 0 when there was none.
    pub last_trade: u64,
    /// Has the interval ended?
    pub closed: bool,
}

impl Candle {
    /// The candle of an interval in which nothing has traded yet.
    pub fn empty(interval: Interval, at: Timestamp, price: GridPrice) -> Candle {
        Candle {
            start: interval.start(at),
            interval,
            open: price,
            high: price,
            low: price,
            close: price,
            volume: GridQty(0),
            quote_volume: 0,
            taker_buy_volume: GridQty(0),
            taker_buy_quote_volume: 0,
            trades: 0,
            first_trade: 0,
            last_trade: 0,
            closed: false,
        }
    }

    /// Adds a trade of this interval.
    pub fn add(&mut self, trade: &PublicTrade) {
        let quote = i128::from(trade.price.0) * i128::from(trade.qty.0);
        if self.trades == 0 {
            (self.open, self.high, self.low) = (trade.price, trade.price, trade.price);
            self.first_trade = trade.id;
        }
        self.high = self.high.max(trade.price);
        self.low = self.low.min(trade.price);
        self.close = trade.price;
        self.volume.0 = self.volume.0.saturating_add(trade.qty.0);
        self.quote_volume = self.quote_volume.saturating_add(quote);
        if trade.taker_side == Side::Buy {
            self.taker_buy_volume.0 = self.taker_buy_volume.0.saturating_add(trade.qty.0);
            self.taker_buy_quote_volume = self.taker_buy_quote_volume.saturating_add(quote);
        }
        self.trades += 1;
        self.last_trade = trade.id;
    }

    /// Adds a later, finer candle of the same interval.
    pub fn merge(&mut self, later: &Candle) {
        if later.trades == 0 {
            return;
        }
        if self.trades == 0 {
            (self.open, self.high, self.low) = (later.open, later.high, later.low);
            self.first_trade = later.first_trade;
        }
        self.high = self.high.max(later.high);
        self.low = self.low.min(later.low);
        self.close = later.close;
        self.volume.0 = self.volume.0.saturating_add(later.volume.0);
        self.quote_volume = self.quote_volume.saturating_add(later.quote_volume);
        self.taker_buy_volume.0 = self.taker_buy_volume.0.saturating_add(later.taker_buy_volume.0);
        self.taker_buy_quote_volume =
            self.taker_buy_quote_volume.saturating_add(later.taker_buy_quote_volume);
        self.trades += later.trades;
        self.last_trade = later.last_trade;
    }
}

/// Best bid and ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quote {
    /// Best bid.
    pub bid: Option<Level>,
    /// Best ask.
    pub ask: Option<Level>,
}

/// A rolling window of trades summed up, with the book's best prices at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticker {
    /// The window as one candle; its `start` is the window's start.
    pub window: Candle,
    /// End of the window.
    pub end: Timestamp,
    /// Price before the window's first trade.
    pub previous_close: Option<GridPrice>,
    /// Quantity of the last trade.
    pub last_qty: GridQty,
    /// Best prices now.
    pub quote: Quote,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_start_where_venues_start_them() {
        // Thursday 2026-01-01 12:34:56 UTC.
        let at = Timestamp::from_millis(1_767_270_896_000).unwrap();
        for (interval, start, end) in [
            (Interval::Seconds(60), "2026-01-01T12:34:00Z", "2026-01-01T12:35:00Z"),
            (Interval::Seconds(86_400), "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"),
            (Interval::Week, "2025-12-29T00:00:00Z", "2026-01-05T00:00:00Z"),
            (Interval::Month, "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"),
        ] {
            assert_eq!(interval.start(at).to_string(), start);
            assert_eq!(interval.end(at).to_string(), end);
        }
    }

    #[test]
    fn merging_parts_equals_adding_all() {
        let at = Timestamp::from_millis(1_767_270_896_000).unwrap();
        let trade = |id: u64, price: i64, taker_side| PublicTrade {
            id,
            price: GridPrice(price),
            qty: GridQty(3),
            taker_side,
            time: at,
        };
        let trades = [trade(1, 10, Side::Buy), trade(2, 14, Side::Sell), trade(3, 7, Side::Buy)];
        let empty = Candle::empty(Interval::Seconds(60), at, GridPrice(9));
        let (mut whole, mut first, mut second) = (empty, empty, empty);
        trades.iter().for_each(|t| whole.add(t));
        trades[..1].iter().for_each(|t| first.add(t));
        trades[1..].iter().for_each(|t| second.add(t));
        first.merge(&second);
        assert_eq!(first, whole);
        assert_eq!(
            (whole.high, whole.low, whole.close),
            (GridPrice(14), GridPrice(7), GridPrice(7))
        );
    }
}
