//! Rows a second through the readers of market data, on one core, from files in the page cache.

use std::path::Path;
use std::time::{Duration, Instant};

use ::data::{ASK, BUY, Batch, Columns, Import, Kind, LAST, Merge, Meta, Options, SELL, Writer};
use model::market::Grid;
use sim_venue::synthetic::SplitMix;

use crate::table::{Row, per_second};

const ROWS: usize = 2_000_000;
const START: i64 = 1_759_536_000_000_000_000;

pub(crate) fn run() -> anyhow::Result<Vec<Row>> {
    let folder = tempfile::tempdir()?;
    let at = |name: &str| folder.path().join(name);
    book(&at("book.parquet"), false)?;
    book(&at("received.parquet"), true)?;
    trades(&at("trades.parquet"), &at("BTCUSDT-trades.csv"))?;
    let row = |what, measured, target| Row { what, measured, unit: "rows/s", target, peer: "" };
    let mut rows = vec![
        row("data: our Parquet, changes of a book", read(&at("book.parquet"))?, "≥ 30 000 000"),
        row("data: the same with times of receipt", read(&at("received.parquet"))?, "≥ 30 000 000"),
        row("data: our Parquet, trades", read(&at("trades.parquet"))?, ""),
        row(
            "data: a book and trades, merged by time",
            merged(&at("received.parquet"), &at("trades.parquet"))?,
            "",
        ),
        row("data: CSV, Binance trades", read(&at("BTCUSDT-trades.csv"))?, "several million"),
    ];
    let import = Import {
        files: vec![at("BTCUSDT-trades.csv")],
        out: at("imported.parquet"),
        options: Options::default(),
        sort: false,
        skip_bad: false,
    };
    let mut failed = None;
    let measured = per_second(|| {
        let start = Instant::now();
        let imported = ::data::import(&import, &mut |_, _, _| {});
        let rows = imported.map(|imported| imported.checks.rows);
        (
            rows.unwrap_or_else(|error| {
                failed = Some(error);
                0
            }),
            start.elapsed(),
        )
    });
    rows.push(row("data: import of that CSV", measured, ""));
    failed.map_or(Ok(rows), |error| Err(error.into()))
}

/// Opens and reads a whole file, again and again.
fn read(path: &Path) -> anyhow::Result<f64> {
    let once = || -> Result<u64, ::data::DataError> {
        let mut source = ::data::open(path, &Options::default())?;
        let mut batch = Batch::new(source.meta().kind);
        let mut rows = 0;
        while source.next_batch(&mut batch)? {
            rows += batch.len() as u64;
            std::hint::black_box(&batch);
        }
        Ok(rows)
    };
    repeated(once)
}

fn merged(first: &Path, second: &Path) -> anyhow::Result<f64> {
    let options = Options::default();
    let once = || -> Result<u64, ::data::DataError> {
        let sources = vec![::data::open(first, &options)?, ::data::open(second, &options)?];
        let mut merge = Merge::new(sources);
        let mut rows = 0;
        while let Some(run) = merge.next_run()? {
            rows += run.rows.len() as u64;
            std::hint::black_box(&run);
        }
        Ok(rows)
    };
    repeated(once)
}

fn repeated(once: impl Fn() -> Result<u64, ::data::DataError>) -> anyhow::Result<f64> {
    // Once where an error can be returned.
    once()?;
    Ok(per_second(|| {
        let start = Instant::now();
        (once().unwrap_or(0), start.elapsed())
    }))
}

fn meta(kind: Kind, has_received: bool) -> Meta {
    Meta {
        kind,
        instrument: Some(crate::samples::id()),
        grid: Grid { price_decimals: 2, qty_decimals: 5 },
        interval: Duration::ZERO,
        has_received,
        consecutive_ids: kind == Kind::Trades,
        layout: "plimsoll",
        rows: None,
        span: None,
    }
}

/// Messages of up to twenty changes around a price that wanders, a quarter of which remove a level.
fn book(path: &Path, has_received: bool) -> anyhow::Result<()> {
    let mut random = SplitMix(7);
    let mut below = |end: u64| i64::try_from(random.below(end)).unwrap_or(0);
    let mut writer = Writer::create(path, &meta(Kind::Book, has_received))?;
    let mut batch = Batch::new(Kind::Book);
    let (mut time, mut middle) = (START, 6_000_000);
    while writer.rows() < ROWS as u64 {
        batch.clear();
        while batch.len() < ::data::BATCH_ROWS {
            time += (1 + below(50)) * 1_000_000;
            middle += below(21) - 10;
            let changes = 1 + below(20);
            for change in 1..=changes {
                let Columns::Book(book) = &mut batch.columns else { continue };
                let distance = below(60) * below(60);
                let ask = below(2) == 1;
                book.price.push(if ask { middle + distance } else { middle - 1 - distance });
                book.qty.push(if below(4) == 0 { 0 } else { below(1_000_000) });
                let last = if change == changes { LAST } else { 0 };
                book.flags.push(last | if ask { ASK } else { 0 });
                batch.time.push(time);
                if has_received {
                    batch.received.push(time + 3_000_000 + below(1_000_000));
                }
            }
        }
        writer.write(&batch)?;
    }
    writer.finish()?;
    Ok(())
}

/// The same trades in our layout and as Binance's archive has them.
fn trades(ours: &Path, csv: &Path) -> anyhow::Result<()> {
    let mut random = SplitMix(9);
    let mut below = |end: u64| i64::try_from(random.below(end)).unwrap_or(0);
    let mut writer = Writer::create(ours, &meta(Kind::Trades, false))?;
    let mut text = String::new();
    let mut batch = Batch::new(Kind::Trades);
    let (mut micros, mut price, mut id) = (START / 1_000, 6_000_000, 1_000_000_000);
    while writer.rows() < ROWS as u64 {
        batch.clear();
        while batch.len() < ::data::BATCH_ROWS {
            let Columns::Trades(trades) = &mut batch.columns else { continue };
            micros += below(50_000);
            price += below(11) - 5;
            id += 1;
            let qty = 1 + below(100_000);
            let buyer_maker = below(2) == 1;
            trades.id.push(id);
            trades.price.push(price);
            trades.qty.push(qty);
            trades.taker.push(if buyer_maker { SELL } else { BUY });
            batch.time.push(micros * 1_000);
            let (whole, cents) = (price / 100, price % 100);
            let flag = if buyer_maker { "True" } else { "False" };
            text.push_str(&format!(
                "{id},{whole}.{cents:02}000000,{}.{:05}000,{}.00000000,{micros},{flag},True\n",
                qty / 100_000,
                qty % 100_000,
                whole * qty / 100_000,
            ));
        }
        writer.write(&batch)?;
    }
    writer.finish()?;
    std::fs::write(csv, text)?;
    Ok(())
}
