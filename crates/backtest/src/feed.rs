//! One file on its way into a backtest: which row is next, and when.

use data::{BarRow, Batch, DataError, Source};
use model::InstrumentId;
use model::market::{GridPrice, LevelUpdate, Quote};

use crate::path::Intrabar;

/// Later than anything.
pub(crate) const END: i64 = i64::MAX;

/// A file, and the row that is next.
pub(crate) struct Feed {
    source: Box<dyn Source>,
    pub(crate) batch: Batch,
    pub(crate) at: usize,
    begun: bool,
    /// Which instrument of the backtest.
    pub(crate) market: usize,
    /// What its prices and quantities are multiplied by to lie on the instrument's grid.
    pub(crate) scale: (i64, i64),
    /// Length of a bar, nanoseconds.
    pub(crate) interval: i64,
    /// Where in the bar at hand the price is.
    pub(crate) step: BarStep,
    /// When the bar before it ended.
    pub(crate) ended: i64,
    /// A message of a book of which not all rows are there yet.
    pub(crate) message: Message,
}

/// Rows of a book that came as one, as far as they were read.
#[derive(Debug, Default)]
pub(crate) struct Message {
    pub(crate) clear: bool,
    /// Who recorded it knows nothing of the book from here to the next snapshot.
    pub(crate) lost: bool,
    pub(crate) levels: Vec<LevelUpdate>,
}

/// The points of a bar, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BarStep {
    Open,
    First,
    Second,
    Close,
}

impl Feed {
    pub(crate) fn new(source: Box<dyn Source>, market: usize, scale: (i64, i64)) -> Feed {
        let batch = Batch::new(source.meta().kind);
        let interval = i64::try_from(source.meta().interval.as_nanos()).unwrap_or(0);
        Feed {
            source,
            batch,
            at: 0,
            begun: false,
            market,
            scale,
            interval,
            step: BarStep::Open,
            ended: i64::MIN,
            message: Message::default(),
        }
    }

    pub(crate) fn bytes_read(&self) -> u64 {
        self.source.bytes_read()
    }

    /// Reads on when all rows at hand are used up.
    pub(crate) fn refill(&mut self) -> Result<(), DataError> {
        if self.at < self.batch.len() || (self.begun && self.batch.is_empty()) {
            return Ok(());
        }
        self.begun = true;
        self.source.next_batch(&mut self.batch)?;
        self.at = 0;
        Ok(())
    }

    /// When the next thing happens; [`END`] when there is none.
    pub(crate) fn next_at(&self) -> i64 {
        let Some(end) = self.batch.time.get(self.at).copied() else { return END };
        if self.interval == 0 {
            return end;
        }
        let begin = end.saturating_sub(self.interval).max(self.ended);
        point_of(self.step, begin, end)
    }

    /// When the row at hand was received by who recorded it, where that is known.
    pub(crate) fn received(&self, row: usize) -> Option<i64> {
        self.batch.received.get(row).copied()
    }
}

fn point_of(step: BarStep, begin: i64, end: i64) -> i64 {
    let third = (end - begin) / 3;
    match step {
        BarStep::Open => begin,
        BarStep::First => begin + third,
        BarStep::Second => begin + third * 2,
        BarStep::Close => end,
    }
}

/// An instrument of a backtest.
#[derive(Debug)]
pub(crate) struct Market {
    pub(crate) id: InstrumentId,
    pub(crate) number: sim_venue::MarketNumber,
    /// Are bars all that is known of it?
    pub(crate) has_bars: bool,
    /// The bar that the price is in; `None` between two bars, of which nothing is known.
    pub(crate) bar: Option<Bar>,
    /// Has the gateway seen a whole book yet?
    pub(crate) has_begun: bool,
    pub(crate) has_book: bool,
    /// The quote before the one at hand.
    pub(crate) quote: Quote,
}

/// A bar that the price is in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bar {
    pub(crate) row: BarRow,
    pub(crate) begin: i64,
    pub(crate) end: i64,
    /// Its extremes in the order in which they are reached, once that is decided.
    extremes: Option<[GridPrice; 2]>,
}

impl Bar {
    pub(crate) fn new(row: BarRow, begin: i64, end: i64) -> Bar {
        Bar { row, begin, end, extremes: None }
    }

    /// Its extremes in the order in which they are reached. Decided when first asked for, by what is held then,
    /// and not again: a bar reaches each of them once.
    pub(crate) fn extremes(&mut self, path: Intrabar, held: i64) -> [GridPrice; 2] {
        let BarRow { high, low, close, .. } = self.row;
        *self.extremes.get_or_insert_with(|| path.extremes((high, low, close), held))
    }

    /// The price at a time within the bar, on the straight way between two of its points.
    pub(crate) fn price_at(&mut self, at: i64, path: Intrabar, held: i64) -> GridPrice {
        let point = |step| point_of(step, self.begin, self.end);
        let (first, second) = (point(BarStep::First), point(BarStep::Second));
        if at <= self.begin {
            return self.row.open;
        }
        let [one, other] = self.extremes(path, held);
        let (from, to, began, ended) = if at < first {
            (self.row.open, one, self.begin, first)
        } else if at < second {
            (one, other, first, second)
        } else {
            (other, self.row.close, second, self.end)
        };
        let (way, time) = (i128::from(to.0 - from.0), i128::from((ended - began).max(1)));
        let gone = way * i128::from((at - began).clamp(0, ended - began)) / time;
        GridPrice(from.0 + i64::try_from(gone).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::market::GridQty;

    #[test]
    fn the_price_goes_straight_from_point_to_point() {
        let [open, high, low, close] = [100, 130, 70, 100].map(GridPrice);
        let row = BarRow { open, high, low, close, volume: GridQty(1) };
        let mut bar = Bar::new(row, 0, 90);
        let prices: Vec<i64> = [0, 15, 30, 45, 60, 75, 90, 99]
            .map(|at| bar.price_at(at, Intrabar::HighFirst, 0).0)
            .into();
        assert_eq!(prices, [100, 115, 130, 100, 70, 85, 100, 100]);
    }

    /// Stopped out at the low, it would choose the low again.
    #[test]
    fn the_order_of_the_extremes_is_decided_once() {
        let [open, high, low, close] = [100, 120, 90, 95].map(GridPrice);
        let row = BarRow { open, high, low, close, volume: GridQty(1) };
        let mut bar = Bar::new(row, 0, 90);
        assert_eq!(bar.extremes(Intrabar::Pessimistic, 1), [low, high]);
        assert_eq!(bar.extremes(Intrabar::Pessimistic, 0), [low, high]);
    }
}
