//! What can be said of rows only together: gaps, repeated rows, crossed books, the range of prices.

use std::collections::VecDeque;

use model::market::{Book, Grid, GridPrice, GridQty};
use model::{Decimal, Side, Timestamp};

use crate::batch::{ASK, Batch, BookRows, CLEAR, Columns, LAST, LOST, Quotes};
use crate::error::RowProblem;
use crate::source::Meta;

/// Trades that are remembered, to know one that comes again.
const REMEMBERED: usize = 65_536;

/// What was found in the rows so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checks {
    /// Rows, without those that came again.
    pub rows: u64,
    /// Time of the first row; of a bar its start.
    pub first: Option<Timestamp>,
    /// Time of the last one; of a bar its start.
    pub last: Option<Timestamp>,
    /// Trades and bars that came again with the same content.
    pub duplicates: u64,
    /// What is missing; `None` where nothing tells, which is so for books, quotes, and trades that are
    /// not numbered one by one.
    pub gaps: Option<Gaps>,
    /// Longest time between two rows, and when it began.
    pub silence: Option<(std::time::Duration, Timestamp)>,
    /// Quotes, or states of the book, whose bid is at or above the ask.
    pub crossed: u64,
    /// Snapshots of the book.
    pub snapshots: u64,
    /// Times that whoever recorded the book lost it, and for how long all together. The end of a recording is
    /// one of them, and lasts no time.
    pub lost: (u64, std::time::Duration),
    /// Messages that changed the book, as far as they can be told apart.
    pub events: u64,
    /// Lowest and highest price.
    pub prices: Option<(Decimal, Decimal)>,
}

/// What is missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gaps {
    /// In how many places.
    pub count: u64,
    /// How many rows, all together.
    pub missing: u64,
    /// Before which row the first one is.
    pub first: Option<Timestamp>,
}

/// Looks at all rows of a source, in their order.
pub(crate) struct Checker {
    grid: Grid,
    interval: i64,
    found: Checks,
    last_time: Option<i64>,
    silence: (i64, i64),
    low: i64,
    high: i64,
    book: Book,
    /// Since when it is not known.
    lost_since: Option<i64>,
    /// Of trades whose number was higher than all before: so they are in order.
    recent: VecDeque<Trade>,
    last_bar: [i64; 5],
    consecutive: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Trade {
    id: i64,
    time: i64,
    price: i64,
    qty: i64,
    taker: i32,
}

/// What is to become of a row.
enum Verdict {
    Keep,
    Repeated,
    Conflict(RowProblem),
}

impl Checker {
    pub(crate) fn new(meta: &Meta) -> Checker {
        let bars = meta.kind == crate::batch::Kind::Bars;
        let gaps = (bars || meta.consecutive_ids).then(Gaps::default);
        Checker {
            grid: meta.grid,
            interval: i64::try_from(meta.interval.as_nanos()).unwrap_or(i64::MAX),
            found: Checks { gaps, ..Checks::default() },
            last_time: None,
            silence: (0, 0),
            low: i64::MAX,
            high: 0,
            book: Book::default(),
            lost_since: None,
            recent: VecDeque::new(),
            last_bar: [0; 5],
            consecutive: meta.consecutive_ids,
        }
    }

    /// Looks at the rows and takes out those that came before. `conflict` is told of rows that are taken out
    /// because the same trade or bar came before with other content.
    pub(crate) fn check(&mut self, batch: &mut Batch, mut conflict: impl FnMut(u64, RowProblem)) {
        let mut dropped = Vec::new();
        for row in 0..batch.len() {
            match self.verdict(batch, row) {
                Verdict::Keep => self.keep(batch.time[row]),
                Verdict::Repeated => {
                    self.found.duplicates += 1;
                    dropped.push(row);
                }
                Verdict::Conflict(problem) => {
                    conflict(batch.place.get(row).copied().unwrap_or(0), problem);
                    dropped.push(row);
                }
            }
        }
        if !dropped.is_empty() {
            batch.remove(&dropped);
        }
        match &batch.columns {
            Columns::Bars(bars) => {
                self.low = bars.low.iter().fold(self.low, |low, price| low.min(*price));
                self.high = bars.high.iter().fold(self.high, |high, price| high.max(*price));
            }
            Columns::Trades(trades) => self.range(&trades.price),
            Columns::Quotes(quotes) => self.quotes(quotes),
            Columns::Book(book) => self.book(&batch.time, book),
        }
    }

    /// All that was found.
    pub(crate) fn found(&self) -> Checks {
        let mut found = self.found.clone();
        found.last = self.last_time.map(|time| Timestamp::from_nanos(time - self.interval));
        let (length, from) = self.silence;
        found.silence = u64::try_from(length).ok().filter(|length| *length > 0).map(|length| {
            let from = Timestamp::from_nanos(from - self.interval);
            (std::time::Duration::from_nanos(length), from)
        });
        let price = |count| Decimal::new(count, u32::from(self.grid.price_decimals));
        found.prices = (self.high > 0).then(|| (price(self.low), price(self.high)));
        found
    }

    fn keep(&mut self, time: i64) {
        self.found.rows += 1;
        match self.last_time {
            None => self.found.first = Some(Timestamp::from_nanos(time - self.interval)),
            Some(last) if time - last > self.silence.0 => self.silence = (time - last, last),
            Some(_) => {}
        }
        self.last_time = Some(time);
    }

    fn verdict(&mut self, batch: &Batch, row: usize) -> Verdict {
        let time = batch.time[row];
        match &batch.columns {
            Columns::Bars(bars) => {
                let bar =
                    [&bars.open, &bars.high, &bars.low, &bars.close, &bars.volume].map(|c| c[row]);
                self.bar(time, bar)
            }
            Columns::Trades(trades) if trades.id[row] != 0 => self.trade(Trade {
                id: trades.id[row],
                time,
                price: trades.price[row],
                qty: trades.qty[row],
                taker: trades.taker[row],
            }),
            Columns::Trades(_) | Columns::Quotes(_) | Columns::Book(_) => Verdict::Keep,
        }
    }

    fn bar(&mut self, time: i64, bar: [i64; 5]) -> Verdict {
        let start = Timestamp::from_nanos(time - self.interval);
        match self.last_time {
            Some(last) if last == time && self.last_bar == bar => return Verdict::Repeated,
            Some(last) if last == time => {
                let key = start.to_string();
                return Verdict::Conflict(RowProblem::Conflict { what: "bar", key });
            }
            Some(last) => {
                // A bar that is not a whole number of intervals after the last one leaves a gap, too.
                let missing = (time - last - 1) / self.interval.max(1);
                self.gap(missing, start);
            }
            None => {}
        }
        self.last_bar = bar;
        Verdict::Keep
    }

    fn trade(&mut self, trade: Trade) -> Verdict {
        let newest = self.recent.back().map_or(0, |trade| trade.id);
        if trade.id > newest {
            if self.consecutive && newest > 0 {
                self.gap(trade.id - newest - 1, Timestamp::from_nanos(trade.time));
            }
            if self.recent.len() == REMEMBERED {
                self.recent.pop_front();
            }
            self.recent.push_back(trade);
            return Verdict::Keep;
        }
        match self.recent.binary_search_by_key(&trade.id, |known| known.id) {
            Ok(at) if self.recent[at] == trade => Verdict::Repeated,
            Ok(_) => {
                let key = trade.id.to_string();
                Verdict::Conflict(RowProblem::Conflict { what: "trade", key })
            }
            Err(_) => Verdict::Keep,
        }
    }

    fn gap(&mut self, missing: i64, before: Timestamp) {
        if let (Some(gaps), Ok(missing @ 1..)) = (&mut self.found.gaps, u64::try_from(missing)) {
            gaps.count += 1;
            gaps.missing += missing;
            gaps.first.get_or_insert(before);
        }
    }

    fn range(&mut self, prices: &[i64]) {
        // An empty side of a quote has price zero, which is no price.
        for price in prices.iter().filter(|price| **price > 0) {
            self.low = self.low.min(*price);
            self.high = self.high.max(*price);
        }
    }

    fn quotes(&mut self, quotes: &Quotes) {
        self.range(&quotes.bid_price);
        self.range(&quotes.ask_price);
        let both = quotes.bid_price.iter().zip(&quotes.ask_price);
        let crossed = both.filter(|(bid, ask)| **bid > 0 && **ask > 0 && bid >= ask).count();
        self.found.crossed += crossed as u64;
    }

    fn book(&mut self, times: &[i64], rows: &BookRows) {
        self.range(&rows.price);
        let levels = rows.price.iter().zip(&rows.qty).zip(&rows.flags);
        for (time, ((price, qty), flags)) in times.iter().zip(levels) {
            if flags & LOST != 0 {
                self.book.clear();
                self.found.lost.0 += 1;
                self.lost_since = Some(*time);
                continue;
            }
            if flags & CLEAR != 0 {
                self.book.clear();
                self.found.snapshots += 1;
                if let Some(since) = self.lost_since.take() {
                    let length = u64::try_from(time - since).unwrap_or(0);
                    self.found.lost.1 += std::time::Duration::from_nanos(length);
                }
            }
            let side = if flags & ASK == 0 { Side::Buy } else { Side::Sell };
            self.book.set(side, GridPrice(*price), GridQty(*qty));
            if flags & LAST != 0 {
                self.found.events += 1;
                self.found.crossed += u64::from(self.book.is_crossed());
            }
        }
    }
}
