//! Files that are none, and strategies that do as they are told.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use data::{Batch, Columns, DataError, Kind, Meta, Remarks, Source};
use engine::{Event, Intents, Strategy, View};
use model::market::Grid;
use model::venue::FeeRates;
use model::{
    AgentId, Amount, Asset, Decimal, InstrumentId, OrderKind, OrderSpec, Side, TimeInForce,
};
use sim_venue::{Assumptions, FeeSchedule, FeesIn};

use crate::{Intrabar, Latency, Setup, Trouble};

/// A second, nanoseconds.
pub(crate) const S: i64 = 1_000_000_000;
/// A minute.
pub(crate) const M: i64 = 60 * S;

/// Rows in memory.
pub(crate) struct Rows {
    meta: Meta,
    batch: Batch,
    /// Rows of each batch that is handed out, and where the next one begins.
    size: usize,
    at: usize,
    remarks: Remarks,
}

pub(crate) fn id() -> InstrumentId {
    InstrumentId::new("BTC-USDT").unwrap()
}

impl Rows {
    fn of(kind: Kind, interval: Duration, fill: impl FnOnce(&mut Batch)) -> Box<dyn Source> {
        Box::new(Rows::new(kind, interval, fill))
    }

    fn new(kind: Kind, interval: Duration, fill: impl FnOnce(&mut Batch)) -> Rows {
        let mut batch = Batch::new(kind);
        fill(&mut batch);
        let meta = Meta {
            kind,
            instrument: Some(id()),
            grid: Grid { price_decimals: 2, qty_decimals: 3 },
            interval,
            has_received: false,
            consecutive_ids: false,
            layout: "test",
            rows: None,
            span: None,
        };
        Rows { meta, batch, size: 1_000, at: 0, remarks: Remarks::default() }
    }

    /// Minutes of open, high, low and close in whole units, one after the other from minute 1 000 on.
    pub(crate) fn bars(bars: &[[i64; 4]]) -> Box<dyn Source> {
        let numbered: Vec<_> = (1_000..).zip(bars.iter().copied()).collect();
        Rows::bars_at(&numbered)
    }

    /// The same with the minute at which each begins.
    pub(crate) fn bars_at(bars: &[(i64, [i64; 4])]) -> Box<dyn Source> {
        Rows::of(Kind::Bars, Duration::from_secs(60), |batch| {
            for (minute, [open, high, low, close]) in bars {
                batch.time.push((minute + 1) * M);
                let Columns::Bars(columns) = &mut batch.columns else { unreachable!() };
                columns.open.push(open * 100);
                columns.high.push(high * 100);
                columns.low.push(low * 100);
                columns.close.push(close * 100);
                columns.volume.push(10_000);
            }
        })
    }

    /// Milliseconds, price and quantity in whole units and lots, and the taker.
    pub(crate) fn trades(trades: &[(i64, i64, i64, i32)]) -> Box<dyn Source> {
        Rows::of(Kind::Trades, Duration::ZERO, |batch| {
            for (id, (ms, price, lots, taker)) in (1..).zip(trades) {
                batch.time.push(M + ms * 1_000_000);
                let Columns::Trades(columns) = &mut batch.columns else { unreachable!() };
                columns.id.push(id);
                columns.price.push(price * 100);
                columns.qty.push(*lots);
                columns.taker.push(*taker);
            }
        })
    }

    /// Milliseconds, price, lots and flags.
    pub(crate) fn book(levels: &[(i64, i64, i64, i32)]) -> Box<dyn Source> {
        Rows::book_in_batches(levels, 1_000)
    }

    /// The same in batches of so many rows.
    pub(crate) fn book_in_batches(levels: &[(i64, i64, i64, i32)], size: usize) -> Box<dyn Source> {
        let rows = Rows::new(Kind::Book, Duration::ZERO, |batch| {
            for (ms, price, lots, flags) in levels {
                batch.time.push(M + ms * 1_000_000);
                let Columns::Book(columns) = &mut batch.columns else { unreachable!() };
                columns.price.push(price * 100);
                columns.qty.push(*lots);
                columns.flags.push(*flags);
            }
        });
        Box::new(Rows { size, ..rows })
    }
}

impl Source for Rows {
    fn meta(&self) -> &Meta {
        &self.meta
    }

    fn next_batch(&mut self, batch: &mut Batch) -> Result<bool, DataError> {
        batch.clear();
        let end = (self.at + self.size).min(self.batch.len());
        batch.append(&self.batch, self.at..end);
        self.at = end;
        Ok(!batch.is_empty())
    }

    fn remarks(&self) -> &Remarks {
        &self.remarks
    }

    fn path(&self) -> &Path {
        Path::new("memory")
    }

    fn bytes_read(&self) -> u64 {
        0
    }
}

pub(crate) fn setup() -> Setup {
    let asset = |name| Asset::new(name).unwrap();
    let amount =
        |text: &str| text.parse::<Decimal>().ok().and_then(|d| Amount::try_from(d).ok()).unwrap();
    Setup {
        agent: AgentId::new("test").unwrap(),
        cash: BTreeMap::from([(asset("USDT"), amount("100000")), (asset("BTC"), amount("10"))]),
        fees: FeeSchedule::flat(FeeRates { maker: Decimal::ZERO, taker: Decimal::ZERO }),
        fees_in: FeesIn::Received,
        assumptions: Assumptions::default(),
        latency: Latency::default(),
        intrabar: Intrabar::default(),
        trouble: Trouble::default(),
        limits: None,
        seed: 1,
        version: "test".to_owned(),
        text: String::new(),
        of_run: None,
    }
}

pub(crate) fn order(side: Side, kind: OrderKind, time_in_force: TimeInForce) -> OrderSpec {
    OrderSpec {
        instrument: id(),
        side,
        kind,
        qty: "1".parse().unwrap(),
        time_in_force,
        post_only: false,
        reduce_only: false,
        effect: None,
    }
}

/// Wants orders at market events that are counted from 1.
pub(crate) struct Script {
    pub(crate) seen: u64,
    pub(crate) orders: Vec<(u64, OrderSpec)>,
}

impl Script {
    pub(crate) fn new(orders: Vec<(u64, OrderSpec)>) -> Script {
        Script { seen: 0, orders }
    }
}

impl Strategy for Script {
    fn on_event(&mut self, _: &View<'_>, event: &Event<'_>, intents: &mut Intents) {
        if !matches!(event, Event::Market(_)) {
            return;
        }
        self.seen += 1;
        for (_, order) in self.orders.iter().filter(|(at, _)| *at == self.seen) {
            intents.place(order.clone(), "as told");
        }
    }
}
