//! The public tape of one instrument: trades, their aggregates and candles, all bounded.

use std::collections::VecDeque;
use std::time::Duration;

use model::market::{Candle, GridPrice, GridQty, Interval, PublicTrade};
use model::venue::{AggregateTrade, TradesFrom};
use model::{Side, Timestamp};

/// Trades kept.
const TRADES_KEPT: usize = 100_000;
/// Candles of one second kept: two hours.
const SECONDS_KEPT: usize = 7_200;
/// Candles of one minute kept: thirty days.
const MINUTES_KEPT: usize = 43_200;

/// Candles in one answer, whatever was asked for.
const CANDLES_MAX: usize = 5_000;

const SECOND: Interval = Interval::Seconds(1);
const MINUTE: Interval = Interval::Seconds(60);

/// Everything that was printed, as far as it is kept.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tape {
    last_id: u64,
    last: Option<PublicTrade>,
    /// Nobody asks for what was printed: only the last trade is kept.
    is_short: bool,
    last_aggregate: u64,
    trades: VecDeque<PublicTrade>,
    aggregates: VecDeque<AggregateTrade>,
    /// Which taker the newest aggregate belongs to.
    taker: u64,
    seconds: VecDeque<Candle>,
    minutes: VecDeque<Candle>,
}

impl Tape {
    /// Prints a trade of taker number `taker` and numbers it.
    pub(crate) fn print(
        &mut self,
        price: GridPrice,
        qty: GridQty,
        taker_side: Side,
        time: Timestamp,
        taker: u64,
    ) -> PublicTrade {
        self.last_id += 1;
        let trade = PublicTrade { id: self.last_id, price, qty, taker_side, time };
        self.last = Some(trade);
        if self.is_short {
            return trade;
        }
        push(&mut self.trades, trade, TRADES_KEPT);
        self.aggregate(&trade, taker);
        for (candles, interval, kept) in
            [(&mut self.seconds, SECOND, SECONDS_KEPT), (&mut self.minutes, MINUTE, MINUTES_KEPT)]
        {
            let start = interval.start(time);
            if candles.back().is_none_or(|candle| candle.start < start) {
                push(candles, Candle::empty(interval, time, price), kept);
            }
            if let Some(candle) = candles.back_mut() {
                candle.add(&trade);
            }
        }
        trade
    }

    fn aggregate(&mut self, trade: &PublicTrade, taker: u64) {
        if let Some(last) = self.aggregates.back_mut()
            && self.taker == taker
            && last.price == trade.price
            && last.taker_side == trade.taker_side
        {
            last.qty.0 = last.qty.0.saturating_add(trade.qty.0);
            last.last = trade.id;
            return;
        }
        self.taker = taker;
        self.last_aggregate += 1;
        let aggregate = AggregateTrade {
            id: self.last_aggregate,
            price: trade.price,
            qty: trade.qty,
            first: trade.id,
            last: trade.id,
            taker_side: trade.taker_side,
            time: trade.time,
        };
        push(&mut self.aggregates, aggregate, TRADES_KEPT);
    }

    pub(crate) fn last(&self) -> Option<&PublicTrade> {
        self.last.as_ref()
    }

    /// The number of a trade that nobody sees.
    pub(crate) fn number(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// The next trade has the number after this one.
    pub(crate) fn number_behind(&mut self, last: u64) {
        self.last_id = last;
    }

    /// Keeps the last trade alone from now on.
    pub(crate) fn shorten(&mut self) {
        *self = Tape { last_id: self.last_id, last: self.last, is_short: true, ..Tape::default() };
    }

    pub(crate) fn trades(&self, from: TradesFrom, limit: usize) -> Vec<PublicTrade> {
        select(&self.trades, from, limit, |t| t.id, |t| t.time)
    }

    pub(crate) fn aggregates(&self, from: TradesFrom, limit: usize) -> Vec<AggregateTrade> {
        select(&self.aggregates, from, limit, |t| t.id, |t| t.time)
    }

    /// Volume-weighted price of the last minutes up to `now`: notional and quantity, grid counts.
    pub(crate) fn volume_since(&self, from: Timestamp) -> (i128, i128) {
        let recent = self.seconds.iter().rev().take_while(|candle| candle.start >= from);
        recent.fold((0i128, 0i128), |(quote, base), candle| {
            (quote.saturating_add(candle.quote_volume), base + i128::from(candle.volume.0))
        })
    }

    /// Candles of an interval, oldest first, that start within the times asked for; one without
    /// trades carries the last close. None lies before the first trade or after now.
    pub(crate) fn candles(
        &self,
        now: Timestamp,
        interval: Interval,
        start: Option<Timestamp>,
        end: Option<Timestamp>,
        limit: usize,
    ) -> Vec<Candle> {
        let fine = match interval {
            Interval::Seconds(seconds) if seconds % 60 != 0 => &self.seconds,
            Interval::Seconds(_) | Interval::Week | Interval::Month => &self.minutes,
        };
        let Some(first) = fine.front().filter(|_| interval != Interval::Seconds(0)) else {
            return Vec::new();
        };
        let limit = limit.min(CANDLES_MAX);
        let last_at = end.unwrap_or(now).min(now);
        let mut candles = Vec::new();
        let earliest = interval.start(first.start);
        let mut at = match start {
            Some(start) if interval.start(start) < start => interval.end(start),
            Some(start) => start,
            None => newest_from(interval, last_at, limit),
        };
        at = at.max(earliest);
        let mut index = fine.partition_point(|candle| candle.start < at);
        let mut close = if index > 0 { fine[index - 1].close } else { first.open };
        while at <= last_at && candles.len() < limit {
            let next = interval.end(at);
            let mut candle = Candle::empty(interval, at, close);
            while let Some(part) = fine.get(index).filter(|part| part.start < next) {
                candle.merge(part);
                index += 1;
            }
            candle.closed = next <= now;
            close = candle.close;
            candles.push(candle);
            at = next;
        }
        candles
    }

    /// One candle over a rolling window; `None` when nothing traded in it. Also the close before
    /// it, where that is known.
    pub(crate) fn window(
        &self,
        now: Timestamp,
        length: Duration,
    ) -> Option<(Candle, Option<GridPrice>)> {
        let from = now.before(length);
        // Minutes are exact enough for a day and seconds for an hour.
        let fine = if length <= Duration::from_secs(3600) { &self.seconds } else { &self.minutes };
        let index = fine.partition_point(|candle| candle.start < from);
        let first = fine.get(index)?;
        let mut window = Candle::empty(MINUTE, now, first.open);
        window.start = from;
        fine.iter().skip(index).for_each(|candle| window.merge(candle));
        let before = index.checked_sub(1).and_then(|i| fine.get(i)).map(|candle| candle.close);
        Some((window, before))
    }
}

fn newest_from(interval: Interval, last: Timestamp, limit: usize) -> Timestamp {
    let back = u32::try_from(limit.saturating_sub(1)).unwrap_or(u32::MAX);
    match interval {
        Interval::Seconds(seconds) => {
            interval.start(last).before(Duration::from_secs(u64::from(seconds)) * back)
        }
        Interval::Week => interval.start(last).before(Duration::from_secs(7 * 86_400) * back),
        // The session is shorter than a month's worth of months.
        Interval::Month => Timestamp::EPOCH,
    }
}

fn push<T>(queue: &mut VecDeque<T>, item: T, kept: usize) {
    if queue.len() >= kept {
        queue.pop_front();
    }
    queue.push_back(item);
}

/// The part of a sorted list that a request asks for.
pub(crate) fn select<T: Clone>(
    list: &VecDeque<T>,
    from: TradesFrom,
    limit: usize,
    id: impl Fn(&T) -> u64,
    time: impl Fn(&T) -> Timestamp,
) -> Vec<T> {
    let newest = |up_to: usize| (up_to.saturating_sub(limit), up_to);
    let (start, end) = match from {
        TradesFrom::Newest => newest(list.len()),
        TradesFrom::Id(first) => {
            let start = list.partition_point(|item| id(item) < first);
            (start, start.saturating_add(limit).min(list.len()))
        }
        TradesFrom::Time { start: None, end } => {
            newest(end.map_or(list.len(), |end| list.partition_point(|item| time(item) <= end)))
        }
        TradesFrom::Time { start: Some(start), end } => {
            let first = list.partition_point(|item| time(item) < start);
            let last = end.map_or(list.len(), |end| list.partition_point(|item| time(item) <= end));
            (first, last.min(first.saturating_add(limit)).max(first))
        }
    };
    list.range(start..end).cloned().collect()
}

#[cfg(test)]
mod tests;
