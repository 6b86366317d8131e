//! Files in a folder of their own, and their rows as texts.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]
#![allow(dead_code, reason = "each test file uses its share")]

use std::io::Write as _;
use std::path::PathBuf;

use plimsoll_data as data;

use data::{Batch, Columns, DataError, Import, Imported, Options, Source};
use tempfile::TempDir;

/// A folder that goes away.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Folder {
        Folder(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    /// All names in it.
    pub(crate) fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

pub(crate) fn gz(content: &str) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(content.as_bytes()).unwrap();
    packed.finish().unwrap()
}

pub(crate) fn zip(files: &[(&str, &str)]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, content) in files {
        archive.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        archive.write_all(content.as_bytes()).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

/// Options with an instrument, so that an import does not ask for one.
pub(crate) fn btc() -> Options {
    Options { instrument: Some("BTC-USDT".parse().unwrap()), ..Options::default() }
}

/// The same, with numbers rounded to eight digits and so many of quantities.
pub(crate) fn rounded(qty_decimals: u8) -> Options {
    Options { round: Some(model::market::Grid { price_decimals: 8, qty_decimals }), ..btc() }
}

/// All rows of a source, each as a line in exact numbers; times in milliseconds.
pub(crate) fn rows(source: &mut dyn Source) -> Result<Vec<String>, DataError> {
    let meta = source.meta().clone();
    let mut batch = Batch::new(meta.kind);
    let mut lines = Vec::new();
    let price =
        |count: i64| model::Decimal::new(count, u32::from(meta.grid.price_decimals)).to_string();
    let qty =
        |count: i64| model::Decimal::new(count, u32::from(meta.grid.qty_decimals)).to_string();
    while source.next_batch(&mut batch)? {
        for row in 0..batch.len() {
            let received = batch.received.get(row).map(|time| format!(" @{}", time / 1_000_000));
            let time = batch.time[row] / 1_000_000;
            let rest = match &batch.columns {
                Columns::Bars(bars) => {
                    let [o, h, l, c] = [&bars.open, &bars.high, &bars.low, &bars.close]
                        .map(|column| price(column[row]));
                    format!("{o} {h} {l} {c} {}", qty(bars.volume[row]))
                }
                Columns::Trades(trades) => {
                    let side = match trades.row(row).taker {
                        Some(model::Side::Buy) => "buy",
                        Some(model::Side::Sell) => "sell",
                        None => "?",
                    };
                    let (price, qty) = (price(trades.price[row]), qty(trades.qty[row]));
                    format!("{} {side} {qty} at {price}", trades.id[row])
                }
                Columns::Quotes(quotes) => {
                    let (bid, ask) = (quotes.bid_price[row], quotes.ask_price[row]);
                    let (bids, asks) = (qty(quotes.bid_qty[row]), qty(quotes.ask_qty[row]));
                    format!("{} x {bids}, {} x {asks}", price(bid), price(ask))
                }
                Columns::Book(book) => {
                    let level = book.row(row);
                    let side = if level.side == model::Side::Buy { "bid" } else { "ask" };
                    let clear = if level.clear { "clear " } else { "" };
                    let last = if level.last { " last" } else { "" };
                    let (price, qty) = (price(book.price[row]), qty(book.qty[row]));
                    format!("{clear}{side} {price} x {qty}{last}")
                }
            };
            lines.push(format!("{time}{} {rest}", received.unwrap_or_default()));
        }
    }
    Ok(lines)
}

/// Reads a file as a driver does.
pub(crate) fn read(path: &std::path::Path, options: &Options) -> Result<Vec<String>, DataError> {
    rows(data::open(path, options)?.as_mut())
}

pub(crate) fn import(
    files: Vec<PathBuf>,
    out: PathBuf,
    options: Options,
) -> Result<Imported, DataError> {
    data::import(&Import { files, out, options, sort: false, skip_bad: false }, &mut |_, _, _| {})
}
